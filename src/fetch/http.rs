//! One request, with its redirects, credentials, proxy and certificate roots.

use std::collections::HashMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use ureq::http::{HeaderMap, Response, StatusCode, header};
use ureq::{Agent, Body, BodyReader, ProxyProtocol};

use crate::error::Result;
use crate::fetch::address::{Address, Credential};
use crate::fetch::failure::{CONNECT, Failure, Tried};
use crate::fetch::netrc::Netrc;
use crate::fetch::proxy::{Proxies, Proxy};
use crate::fetch::resume::Range;
use crate::fetch::retry::Chance;
use crate::fetch::roots;
use crate::network::Network;

/// How many redirects are followed.
const REDIRECTS: usize = 10;

/// What is read from the socket at a time; with less, a fast network is not used up.
const INPUT: usize = 1 << 20;

/// How much of an answer that nobody wants is read, so that its connection can be used again.
const DRAIN: u64 = 64 * 1024;

/// Asks servers for files.
pub(super) struct Http {
    network: Network,
    proxies: Proxies,
    netrc: Netrc,
    agents: Mutex<HashMap<Way, Agent>>,
}

/// What tells agents apart: whether TLS is needed, and the variable that names the proxy.
type Way = (bool, Option<&'static str>);

/// What a server answered, whatever its status.
pub(super) struct Answer {
    /// The status of the last hop.
    pub(super) status: StatusCode,
    /// Its headers.
    pub(super) headers: HeaderMap,
    /// The address of the last hop.
    pub(super) from: Address,
    /// Whether a credential was sent there.
    pub(super) authenticated: bool,
    /// The proxy on the way there.
    pub(super) proxy: Option<Proxy>,
    /// What follows the headers.
    pub(super) body: BodyReader<'static>,
}

impl Http {
    /// Reads the settings and the credentials; opens no socket.
    pub(super) fn new(network: &Network) -> Result<Http> {
        Ok(Http {
            network: network.clone(),
            proxies: Proxies::of(network)?,
            netrc: Netrc::read(network.netrc.as_deref())?,
            agents: Mutex::default(),
        })
    }

    /// The settings.
    pub(super) fn network(&self) -> &Network {
        &self.network
    }

    /// Gets this address, or what it leads to.
    pub(super) fn get(&self, start: &Address, range: &Range) -> Tried<Answer> {
        let mut here = start.clone();
        let mut seen = Vec::new();
        loop {
            let answer = self.hop(&here, start, range)?;
            let Some(location) = location(&answer) else { return Ok(answer) };
            let next = follow(&here, &location)?;
            let _ = std::io::copy(&mut answer.body.take(DRAIN), &mut std::io::sink());
            seen.push(here);
            if seen.contains(&next) {
                let reason = format!("redirects in a circle, back to {next}");
                return Err(Failure::new(Chance::None, reason).into());
            }
            if seen.len() > REDIRECTS {
                let reason = format!("redirects more than {REDIRECTS} times");
                return Err(Failure::new(Chance::None, reason).into());
            }
            here = next;
        }
    }

    fn hop(&self, here: &Address, start: &Address, range: &Range) -> Tried<Answer> {
        let proxy = self.proxies.for_address(here);
        let credential = self.credential(here, start);
        let mut request = self.agent(here, proxy)?.get(here.as_str());
        if let Some(credential) = credential {
            request = request.header(header::AUTHORIZATION, credential.basic());
        }
        for (name, value) in range.headers() {
            request = request.header(name, value);
        }
        let response =
            request.call().map_err(|error| Failure::of_error(error, proxy, &self.network))?;
        Ok(Answer::of(response, here, credential.is_some(), proxy))
    }

    /// The credential for this hop. What stood in the address goes to that server only, and so does
    /// netrc's default: a server that redirects must not choose who gets them.
    fn credential<'a>(&'a self, here: &Address, start: &'a Address) -> Option<&'a Credential> {
        let origin = |it: &Address| (it.scheme().to_owned(), it.host().to_owned(), it.port());
        let home = origin(here) == origin(start);
        let own = start.credential().filter(|_| home);
        own.or_else(|| self.netrc.machine(here.host()))
            .or_else(|| self.netrc.anyone().filter(|_| home))
    }

    /// The client for this way, made when it is first needed: reading the roots takes time.
    fn agent(&self, address: &Address, proxy: Option<&Proxy>) -> Result<Agent> {
        let proxied = proxy.map(|proxy| proxy.inner.clone());
        let to_proxy = proxied.as_ref().is_some_and(|it| it.protocol() == ProxyProtocol::Https);
        let way = (address.scheme() == "https" || to_proxy, proxy.map(|proxy| proxy.variable));
        let mut agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
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
            .input_buffer_size(INPUT)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_per_read(Some(self.network.silence))
            .timeout_per_write(Some(self.network.silence))
            .proxy(proxied);
        if way.0 {
            config = config.tls_config(roots::load(&self.network)?);
        }
        let agent = config.build().new_agent();
        agents.insert(way, agent.clone());
        Ok(agent)
    }

    /// What helps against an answer of 401 or 403.
    pub(super) fn advise(&self, answer: &Answer, failure: Failure) -> Failure {
        let host = answer.from.host();
        let file = match self.netrc.path() {
            Some(path) => format!("`{}`", path.display()),
            None => "a file named by NETRC".to_owned(),
        };
        let entry = format!("`machine {host} login NAME password PASSWORD` in {file}");
        match (answer.status.as_u16(), answer.authenticated) {
            (401, false) => {
                failure.hint(format!("the server wants to know who asks: write {entry}"))
            }
            (401, true) => failure.hint(format!(
                "the server does not accept the credential that was sent: check {entry}, or the \
                 user and password in the address"
            )),
            (403, false) => failure.hint(format!(
                "the server refuses those it does not know; if you may have the file, write {entry}"
            )),
            (403, true) => failure.hint(format!(
                "the server knows who asks and refuses: this user may not have the file; check \
                 {entry}"
            )),
            _ => failure,
        }
    }
}

impl Answer {
    fn of(
        response: Response<Body>,
        from: &Address,
        authenticated: bool,
        proxy: Option<&Proxy>,
    ) -> Answer {
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            from: from.clone(),
            authenticated,
            proxy: proxy.cloned(),
            body: body.into_reader(),
        }
    }

    /// A header's value, if it is readable.
    pub(super) fn header(&self, name: header::HeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the server says that this is a page for people.
    pub(super) fn is_page(&self) -> bool {
        let kind = self.header(header::CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        kind.starts_with("text/html") || kind.starts_with("application/xhtml")
    }
}

/// Where the answer leads, if it is a redirect.
fn location(answer: &Answer) -> Option<String> {
    let leads = matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308);
    // The bytes may be UTF-8, which `to_str` does not take.
    let value = answer.headers.get(header::LOCATION).filter(|_| leads)?;
    Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
}

fn follow(here: &Address, location: &str) -> std::result::Result<Address, Failure> {
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
