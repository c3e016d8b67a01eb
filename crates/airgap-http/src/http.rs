//! An HTTP request with its redirects, proxy and certificate roots.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderMap, HeaderName, Method, StatusCode, header};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, DefaultConnector, SocksConnector, TcpConnector,
};
use ureq::{Agent, BodyReader, ProxyProtocol, SendBody};

use crate::address::Address;
use crate::deadline::CONNECT;
use crate::deadline::{ConnectDeadline, DeadlineReader, PacedReader};
use crate::dns::DnsResolver;
use crate::failure::{AttemptError, AttemptResult, Failure};
use crate::interim_response::SkipInterim;
use crate::proxy::{Proxies, Proxy};
use crate::retry::Retryable;
use crate::roots;
use crate::tls::{Identity, Tls};
use airgap_core::error::Result;
use airgap_core::folder::uninterrupted;
use airgap_core::network::Network;
use airgap_core::workers::lock;

/// The most redirects that are followed.
const REDIRECTS: usize = 10;

/// The bytes of one read from the socket for a few large files. Smaller reads do not use the full
/// speed of a fast network.
pub(crate) const LARGE_READS: usize = 1 << 20;

/// The bytes of one read from the socket for many connections that pass their data on. Each new
/// connection fills its buffers with zeros, and large ones would cost more than a few requests. More
/// than the 64 KiB of the longest headers that `ureq` accepts must fit, or it would wait for more.
pub const SMALL_READS: usize = 72 << 10;

/// The bytes of one write to the socket. A header with the longest token, of 64 KiB, must fit.
const WRITES: usize = 72 << 10;

/// The most bytes that are read of an unused response, so that its connection can be used again.
const DRAIN: u64 = 64 * 1024;

/// The idle connections to one host that are kept: one for each thread that may copy.
const IDLE: usize = 16;

/// An HTTP client.
pub struct Http {
    network: Network,
    reads: usize,
    proxies: Proxies,
    agents: Mutex<HashMap<AgentKey, Agent>>,
}

/// The key of an agent: whether TLS is needed, the variable that names the proxy, the roots that
/// are trusted in addition to all others, and the client certificate.
type AgentKey = (bool, Option<&'static str>, Vec<String>, Option<Arc<Identity>>);

/// A request to a server.
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// Headers for every hop. `Authorization` is not one of them: see [`AuthProvider`].
    pub headers: Vec<(HeaderName, String)>,
    /// The body.
    pub body: Body<'a>,
}

/// The body of a request.
pub enum Body<'a> {
    /// No body, or an empty one.
    None,
    /// Bytes, which can be sent again after a redirect.
    Bytes(&'a [u8]),
    /// A stream of this length, which can be sent once: the caller must follow its redirects.
    Stream(&'a mut dyn Read, u64),
}

/// The sender of a request. It decides for each hop which credential is sent there, so that a
/// server cannot choose that.
pub trait AuthProvider {
    /// Returns the authorization and settings for `hop.here`. Called before a socket is opened for
    /// it.
    ///
    /// # Errors
    /// A failure, if the request must not be sent there.
    fn auth_for(&self, hop: &Hop<'_>) -> AttemptResult<HopAuth>;
}

/// A request, or one of the requests that follow its redirects.
pub struct Hop<'a> {
    /// The address of the request.
    pub here: &'a Address,
    /// The number of hops before this one.
    pub nth: usize,
    /// The method of the request.
    pub method: &'a Method,
}

/// The authorization and settings of a hop.
#[derive(Default)]
pub struct HopAuth {
    /// The value of its `Authorization` header.
    pub authorization: Option<String>,
    /// Whether the request must not go through a proxy.
    pub direct: bool,
    /// Certificate roots that are trusted there in addition to all others, as PEM texts.
    pub roots: Vec<String>,
    /// The client certificate that is shown there.
    pub identity: Option<Arc<Identity>>,
}

/// The response of a server, with any status.
pub struct Response {
    /// The status of the last hop.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// The address of the last hop.
    pub from: Address,
    /// Whether that address differs from the one of the request.
    pub(crate) redirected: bool,
    /// Whether a credential was sent there.
    pub authenticated: bool,
    /// The proxy that was used.
    pub proxy: Option<Proxy>,
    /// The most time that a small body may take.
    pub(super) within: Duration,
    /// The body.
    pub(super) body: BodyReader<'static>,
}

impl Http {
    /// Creates a client; opens no socket. `reads` is one of `LARGE_READS` and `SMALL_READS`.
    pub fn new(network: &Network, reads: usize) -> Result<Http> {
        let proxies = Proxies::new(network)?;
        Ok(Http { network: network.clone(), reads, proxies, agents: Mutex::default() })
    }

    /// Returns the most time that a server may take for a small response.
    pub(super) fn answer_time(&self) -> Duration {
        self.network.answer
    }

    /// Returns whether a request to this address goes through a proxy.
    pub(super) fn is_proxied(&self, address: &Address) -> bool {
        self.proxies.for_address(address).is_some()
    }

    /// Converts an error of the HTTP library.
    pub(crate) fn failure(&self, error: ureq::Error, proxy: Option<&Proxy>) -> Failure {
        Failure::from_ureq(error, proxy, &self.network)
    }

    /// Sends a request to this address, and follows its redirects.
    pub fn send(
        &self,
        start: &Address,
        mut request: Request<'_>,
        auth_provider: &dyn AuthProvider,
    ) -> AttemptResult<Response> {
        let mut here = start.clone();
        let mut seen = Vec::new();
        let began = Instant::now();
        loop {
            let nth = seen.len();
            let hop = Hop { here: &here, nth, method: &request.method };
            let auth = auth_provider.auth_for(&hop)?;
            let answer = self.hop(&here, &mut request, auth, nth > 0);
            let answer = answer.map_err(|error| match error {
                AttemptError::Source(failure) if here.origin() != start.origin() => {
                    failure.after_redirect(&here).into()
                }
                other => other,
            })?;
            let Some(location) = location(&answer).filter(|_| request.follows(answer.status))
            else {
                return Ok(answer);
            };
            let next = follow(&here, &location)?;
            answer.drain();
            seen.push(here);
            if seen.contains(&next) {
                let reason = format!("redirects in a circle, back to {next}");
                return Err(Failure::new(Retryable::Never, reason).into());
            }
            if seen.len() > REDIRECTS {
                let reason = format!("redirects more than {REDIRECTS} times");
                return Err(Failure::new(Retryable::Never, reason).into());
            }
            // All hops together share the time of one response.
            if began.elapsed() >= self.network.answer {
                let seconds = self.network.answer.as_secs_f64();
                let reason = format!("redirects, without an answer within {seconds} s in total");
                return Err(
                    Failure { slow: true, ..Failure::new(Retryable::Transient, reason) }.into()
                );
            }
            here = next;
        }
    }

    fn hop(
        &self,
        here: &Address,
        request: &mut Request<'_>,
        auth: HopAuth,
        redirected: bool,
    ) -> AttemptResult<Response> {
        let proxy = self.proxies.for_address(here).filter(|_| !auth.direct);
        let authenticated = auth.authorization.is_some();
        let agent = self.agent(here, proxy, auth.roots, auth.identity)?;
        let mut head = http::Request::builder().method(request.method.clone()).uri(here.as_str());
        for (name, value) in &request.headers {
            head = head.header(name, value);
        }
        if let Some(authorization) = auth.authorization {
            head = head.header(header::AUTHORIZATION, authorization);
        }
        let answered = match &mut request.body {
            // A method that usually has a body sends a `Content-Length` of zero (RFC 9110 section
            // 8.6).
            Body::None if is_safe(&request.method) => run(&agent, head, ()),
            Body::None => run(&agent, head, &[] as &[u8]),
            Body::Bytes(bytes) => run(&agent, head, *bytes),
            Body::Stream(reader, length) => {
                let head = head.header(header::CONTENT_LENGTH, *length);
                let mut exactly = Exactly { reader: &mut **reader, left: *length };
                run(&agent, head, SendBody::from_reader(&mut exactly))
            }
        };
        let (parts, body) = answered.map_err(|error| self.failure(error, proxy))?.into_parts();
        Ok(Response {
            status: parts.status,
            headers: parts.headers,
            from: here.clone(),
            redirected,
            authenticated,
            proxy: proxy.cloned(),
            within: self.network.answer,
            body: body.into_reader(),
        })
    }

    /// Returns the agent for these settings. It is created when it is first needed, as reading the
    /// roots takes time.
    fn agent(
        &self,
        address: &Address,
        proxy: Option<&Proxy>,
        roots: Vec<String>,
        identity: Option<Arc<Identity>>,
    ) -> Result<Agent> {
        let proxied = proxy.map(|proxy| proxy.inner.clone());
        let to_proxy = proxied.as_ref().is_some_and(|it| it.protocol() == ProxyProtocol::Https);
        let tls = address.scheme() == "https" || to_proxy;
        let key = (tls, proxy.map(|proxy| proxy.variable), roots, identity);
        let mut agents = lock(&self.agents);
        if let Some(agent) = agents.get(&key) {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .user_agent(concat!("wasm-airgap/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            // Redirects are followed in `send`, which chooses the credentials for each hop.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .input_buffer_size(self.reads)
            .output_buffer_size(WRITES)
            .max_idle_connections(4 * IDLE)
            .max_idle_connections_per_host(IDLE)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            // This limit also applies if a server sends one `102 Processing` after the other.
            .timeout_recv_response(Some(self.network.answer))
            .timeout_per_read(Some(self.network.silence))
            .timeout_per_write(Some(self.network.silence))
            .proxy(proxied);
        let roots = match key.0 {
            true => Some(roots::load(&self.network, &key.2)?),
            false => None,
        };
        let named = roots.as_ref().filter(|it| !it.named.is_empty() || key.3.is_some());
        let agent = match named {
            Some(roots) => {
                let tls = Tls::new(&roots.all, &roots.named, key.3.as_deref())?;
                let plain = SocksConnector::default()
                    .chain(ConnectProxyConnector::default())
                    .chain(TcpConnector::default());
                let connector = ConnectDeadline(plain.chain(tls).chain(SkipInterim));
                Agent::with_parts(config.build(), connector, DnsResolver::default())
            }
            None => {
                if let Some(roots) = &roots {
                    config = config.tls_config(roots.config());
                }
                let connector = ConnectDeadline(DefaultConnector::default().chain(SkipInterim));
                Agent::with_parts(config.build(), connector, DnsResolver::default())
            }
        };
        agents.insert(key, agent.clone());
        Ok(agent)
    }
}

impl<'a> Request<'a> {
    /// Returns the same request once more, unless its body can be sent only once.
    pub fn try_clone(&self) -> Option<Request<'a>> {
        let body = match self.body {
            Body::None => Body::None,
            Body::Bytes(bytes) => Body::Bytes(bytes),
            Body::Stream(..) => return None,
        };
        Some(Request { method: self.method.clone(), headers: self.headers.clone(), body })
    }

    /// Creates a GET request.
    pub fn get(headers: Vec<(HeaderName, String)>) -> Request<'a> {
        Request { method: Method::GET, headers, body: Body::None }
    }

    /// Returns whether the same request may be sent to the target of this status. Some statuses
    /// turn a `POST` into a `GET` (RFC 9110 section 15.4), which is another request.
    fn follows(&self, status: StatusCode) -> bool {
        let same = is_safe(&self.method) || matches!(status.as_u16(), 307 | 308);
        same && !matches!(self.body, Body::Stream(..))
    }
}

impl Response {
    /// Returns the value of a header, if it is readable.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns whether the media type is that of a web page.
    pub fn is_page(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        kind.starts_with("text/html") || kind.starts_with("application/xhtml")
    }

    /// Reads and drops the body.
    pub fn drain(self) {
        let _ =
            io::copy(&mut DeadlineReader::new(self.body, self.within).take(DRAIN), &mut io::sink());
    }

    /// Returns the body, at most `limit` bytes of it and one more: the extra byte shows that the
    /// body is longer.
    ///
    /// # Errors
    /// The reason why the body ended early, and the number of bytes before that.
    pub fn read(self, limit: u64) -> std::result::Result<Vec<u8>, (io::Error, u64)> {
        let mut bytes = Vec::new();
        let body = DeadlineReader::new(self.body, self.within);
        match body.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err((error, bytes.len() as u64)),
        }
    }

    /// Returns a reader of a large body.
    pub(super) fn steady(self) -> PacedReader<BodyReader<'static>> {
        PacedReader::new(self.body, self.within)
    }
}

/// A reader of exactly `left` bytes, as the library would otherwise wait for more without end.
struct Exactly<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len() as u64) as usize;
        let count = uninterrupted(|| self.reader.read(&mut buffer[..most]))?;
        self.left -= count as u64;
        if count == 0 && most > 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the body ends too early"));
        }
        Ok(count)
    }
}

fn run(
    agent: &Agent,
    head: http::request::Builder,
    body: impl ureq::AsSendBody,
) -> std::result::Result<http::Response<ureq::Body>, ureq::Error> {
    agent.run(head.body(body)?)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Returns the `Location` of a response, if it is a redirect.
fn location(answer: &Response) -> Option<String> {
    let leads = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    // The value may be UTF-8, which `to_str` does not accept.
    let value = answer.headers.get(header::LOCATION).filter(|_| leads)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Returns the address of a `Location`. A redirect from https to http fails.
pub fn follow(here: &Address, location: &str) -> std::result::Result<Address, Failure> {
    let next = here
        .join(location)
        .ok_or_else(|| Failure::new(Retryable::Never, "redirects to an invalid URL"))?;
    match (here.scheme(), next.scheme()) {
        ("https", "http") => Err(Failure::new(
            Retryable::Never,
            format!("redirects from https to {next}, which is not encrypted"),
        )),
        (_, "http" | "https") => Ok(next),
        _ => Err(Failure::new(Retryable::Never, format!("redirects to {next}"))),
    }
}
