//! One request, with its redirects, proxy and certificate roots.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ureq::http::{self, HeaderMap, HeaderName, Method, Response, StatusCode, header};
use ureq::unversioned::transport::{
    ConnectProxyConnector, Connector, DefaultConnector, SocksConnector, TcpConnector,
};
use ureq::{Agent, BodyReader, ProxyProtocol, SendBody};

use crate::error::Result;
use crate::fetch::address::Address;
use crate::fetch::failure::{Failure, Tried, Trouble};
use crate::fetch::interim::SkipInterim;
use crate::fetch::names::Names;
use crate::fetch::pace::CONNECT;
use crate::fetch::pace::{InTime, Steady, Whole};
use crate::fetch::proxy::{Proxies, Proxy};
use crate::fetch::retry::Chance;
use crate::fetch::roots;
use crate::fetch::tls::{Identity, Tls};
use crate::network::Network;
use crate::workers::hold;

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// What is read from the socket at a time where a few large files come; with less, a fast network is
/// not used up.
pub(crate) const LARGE_READS: usize = 1 << 20;

/// The same where many connections pass on what they get: what all of them read stays in the
/// processor's cache, and opening one costs no megabyte.
pub(crate) const SMALL_READS: usize = 128 << 10;

/// How much of an answer that nobody wants is read, so that its connection can be used again.
const DRAIN: u64 = 64 * 1024;

/// How many connections to one host are kept for later: one for each thread that may copy.
const IDLE: usize = 16;

/// Talks to servers.
pub(crate) struct Http {
    network: Network,
    reads: usize,
    proxies: Proxies,
    agents: Mutex<HashMap<Way, Agent>>,
}

/// What tells agents apart: whether TLS is needed, the variable that names the proxy, the roots that
/// hold besides all others, and the client certificate.
type Way = (bool, Option<&'static str>, Vec<String>, Option<Arc<Identity>>);

/// What is asked of a server.
pub(crate) struct Request<'a> {
    /// What to do.
    pub(crate) method: Method,
    /// Headers for every hop. An `Authorization` is none of them: see [`Asker`].
    pub(crate) headers: Vec<(HeaderName, String)>,
    /// What goes along.
    pub(crate) body: Body<'a>,
}

/// The body of a request.
pub(crate) enum Body<'a> {
    /// Nothing, or nothing to speak of.
    None,
    /// Bytes, which can be sent again where a redirect leads.
    Bytes(&'a [u8]),
    /// A stream of this length, which can be sent once: its redirects are for the caller to follow.
    Stream(&'a mut dyn Read, u64),
}

/// Who asks. Knows for each hop what may be shown there, so that no server chooses that.
pub(crate) trait Asker {
    /// How to go to `hop.here`. Called before a socket is opened for it.
    ///
    /// # Errors
    /// A failure where nobody may go there.
    fn pass(&self, hop: &Hop<'_>) -> Tried<Pass>;
}

/// A request, or one of the further ones that its redirects lead to.
pub(crate) struct Hop<'a> {
    /// Where it is made to.
    pub(crate) here: &'a Address,
    /// How many came before.
    pub(crate) nth: usize,
    /// What is done there.
    pub(crate) method: &'a Method,
}

/// How a hop is made.
#[derive(Default)]
pub(crate) struct Pass {
    /// The value of its `Authorization`.
    pub(crate) authorization: Option<String>,
    /// Whether no proxy is to see it.
    pub(crate) direct: bool,
    /// Certificate roots that hold there besides all others, as PEM texts.
    pub(crate) roots: Vec<String>,
    /// The client certificate that is shown there.
    pub(crate) identity: Option<Arc<Identity>>,
}

/// What a server answered, whatever its status.
pub(crate) struct Answer {
    /// The status of the last hop.
    pub(crate) status: StatusCode,
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// The address of the last hop.
    pub(crate) from: Address,
    /// Whether that is not where the request was made to.
    pub(crate) redirected: bool,
    /// Whether a credential was sent there.
    pub(crate) authenticated: bool,
    /// The proxy on the way there.
    pub(crate) proxy: Option<Proxy>,
    /// How long what follows may take, if it is small.
    pub(super) within: Duration,
    /// What follows the headers.
    pub(super) body: BodyReader<'static>,
}

impl Http {
    /// Reads the settings; opens no socket. `reads` is one of [`LARGE_READS`] and [`SMALL_READS`].
    pub(crate) fn new(network: &Network, reads: usize) -> Result<Http> {
        let proxies = Proxies::of(network)?;
        Ok(Http { network: network.clone(), reads, proxies, agents: Mutex::default() })
    }

    /// Returns how long a server may take for a small answer.
    pub(super) fn answer_time(&self) -> Duration {
        self.network.answer
    }

    /// Whether a proxy sees a request to this address.
    pub(super) fn is_proxied(&self, address: &Address) -> bool {
        self.proxies.for_address(address).is_some()
    }

    /// What an error of the HTTP library means here.
    pub(crate) fn failure(&self, error: ureq::Error, proxy: Option<&Proxy>) -> Failure {
        Failure::of_error(error, proxy, &self.network)
    }

    /// Asks this address, or what it leads to.
    pub(crate) fn send(
        &self,
        start: &Address,
        mut request: Request<'_>,
        asker: &dyn Asker,
    ) -> Tried<Answer> {
        let mut here = start.clone();
        let mut seen = Vec::new();
        let began = Instant::now();
        loop {
            let nth = seen.len();
            let hop = Hop { here: &here, nth, method: &request.method };
            let pass = asker.pass(&hop)?;
            let answer = self.hop(&here, &mut request, pass, nth > 0);
            let answer = answer.map_err(|trouble| match trouble {
                Trouble::Source(failure) if here.origin() != start.origin() => {
                    failure.elsewhere(&here).into()
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
                return Err(Failure::new(Chance::None, reason).into());
            }
            if seen.len() > REDIRECTS {
                let reason = format!("redirects more than {REDIRECTS} times");
                return Err(Failure::new(Chance::None, reason).into());
            }
            // All hops together have the time of one answer.
            if began.elapsed() >= self.network.answer {
                let seconds = self.network.answer.as_secs_f64();
                let reason = format!("redirects, and gives no answer within {seconds} s in all");
                return Err(Failure { slow: true, ..Failure::new(Chance::Passing, reason) }.into());
            }
            here = next;
        }
    }

    fn hop(
        &self,
        here: &Address,
        request: &mut Request<'_>,
        pass: Pass,
        redirected: bool,
    ) -> Tried<Answer> {
        let proxy = self.proxies.for_address(here).filter(|_| !pass.direct);
        let authenticated = pass.authorization.is_some();
        let agent = self.agent(here, proxy, pass.roots, pass.identity)?;
        let mut head = http::Request::builder().method(request.method.clone()).uri(here.as_str());
        for (name, value) in &request.headers {
            head = head.header(name, value);
        }
        if let Some(authorization) = pass.authorization {
            head = head.header(header::AUTHORIZATION, authorization);
        }
        let answered = match &mut request.body {
            // A method that usually has a body says that it has none by its length.
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
        Ok(Answer {
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

    /// The client for this way, made when it is first needed: reading the roots takes time.
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
        let way = (tls, proxy.map(|proxy| proxy.variable), roots, identity);
        let mut agents = hold(&self.agents);
        if let Some(agent) = agents.get(&way) {
            return Ok(agent.clone());
        }
        let mut config = Agent::config_builder()
            .user_agent(concat!("wasm-airgap/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .http_status_as_error(false)
            // The redirects are followed here, where the credentials are chosen for each hop.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .input_buffer_size(self.reads)
            .max_idle_connections(4 * IDLE)
            .max_idle_connections_per_host(IDLE)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            // Also where a server sends one `102 Processing` after the other.
            .timeout_recv_response(Some(self.network.answer))
            .timeout_per_read(Some(self.network.silence))
            .timeout_per_write(Some(self.network.silence))
            .proxy(proxied);
        let roots = match way.0 {
            true => Some(roots::load(&self.network, &way.2)?),
            false => None,
        };
        let named = roots.as_ref().filter(|it| !it.named.is_empty() || way.3.is_some());
        let agent = match named {
            Some(roots) => {
                let tls = Tls::new(&roots.all, &roots.named, way.3.as_deref())?;
                let plain = SocksConnector::default()
                    .chain(ConnectProxyConnector::default())
                    .chain(TcpConnector::default());
                let connector = InTime(plain.chain(tls).chain(SkipInterim));
                Agent::with_parts(config.build(), connector, Names)
            }
            None => {
                if let Some(roots) = &roots {
                    config = config.tls_config(roots.config());
                }
                let connector = InTime(DefaultConnector::default().chain(SkipInterim));
                Agent::with_parts(config.build(), connector, Names)
            }
        };
        agents.insert(way, agent.clone());
        Ok(agent)
    }
}

impl<'a> Request<'a> {
    /// The same request once more, unless its body can be sent only once.
    pub(crate) fn again(&self) -> Option<Request<'a>> {
        let body = match self.body {
            Body::None => Body::None,
            Body::Bytes(bytes) => Body::Bytes(bytes),
            Body::Stream(..) => return None,
        };
        Some(Request { method: self.method.clone(), headers: self.headers.clone(), body })
    }

    /// A request for what is there.
    pub(crate) fn get(headers: Vec<(HeaderName, String)>) -> Request<'a> {
        Request { method: Method::GET, headers, body: Body::None }
    }

    /// Whether the same request may be made where this status leads. Some statuses turn a `POST`
    /// into a `GET`, and that is not what was asked.
    fn follows(&self, status: StatusCode) -> bool {
        let same = is_safe(&self.method) || matches!(status.as_u16(), 307 | 308);
        same && !matches!(self.body, Body::Stream(..))
    }
}

impl Answer {
    /// A header's value, if it is readable.
    pub(crate) fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the server says that this is a page for people.
    pub(crate) fn is_page(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        kind.starts_with("text/html") || kind.starts_with("application/xhtml")
    }

    /// Reads what nobody wants.
    pub(crate) fn drain(self) {
        let _ = io::copy(&mut Whole::new(self.body, self.within).take(DRAIN), &mut io::sink());
    }

    /// The body, of which no more than `limit` bytes are wanted: one byte more says that there are
    /// more.
    ///
    /// # Errors
    /// The reason why there is no more, and how many bytes came before.
    pub(crate) fn read(self, limit: u64) -> std::result::Result<Vec<u8>, (io::Error, u64)> {
        let mut bytes = Vec::new();
        let body = Whole::new(self.body, self.within);
        match body.take(limit.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err((error, bytes.len() as u64)),
        }
    }

    /// The body of a large answer.
    pub(super) fn steady(self) -> Steady<BodyReader<'static>> {
        Steady::new(self.body, self.within)
    }
}

/// Just so many bytes of a reader, for the library would wait for more for ever.
struct Exactly<'a> {
    reader: &'a mut dyn Read,
    left: u64,
}

impl Read for Exactly<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len() as u64) as usize;
        let count = loop {
            match self.reader.read(&mut buffer[..most]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
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
) -> std::result::Result<Response<ureq::Body>, ureq::Error> {
    agent.run(head.body(body)?)
}

fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

/// Where the answer leads, if it is a redirect.
fn location(answer: &Answer) -> Option<String> {
    let leads = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    // The bytes may be UTF-8, which `to_str` does not take.
    let value = answer.headers.get(header::LOCATION).filter(|_| leads)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// Where a `Location` leads from here, with nobody listening on the way.
pub(crate) fn follow(here: &Address, location: &str) -> std::result::Result<Address, Failure> {
    let next = here
        .join(location)
        .ok_or_else(|| Failure::new(Chance::None, "redirects to something that is no address"))?;
    match (here.scheme(), next.scheme()) {
        ("https", "http") => Err(Failure::new(
            Chance::None,
            format!("redirects from https to {next}, where anyone can listen"),
        )),
        (_, "http" | "https") => Ok(next),
        _ => Err(Failure::new(Chance::None, format!("redirects to {next}"))),
    }
}
