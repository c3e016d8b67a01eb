//! A resolver of host names.
//!
//! The resolver of `ureq` starts a thread for each lookup, so that it can end in time, and panics
//! if the system has no thread left. `ureq` resolves the host of each request, also if it has an
//! open connection, and glibc keeps no addresses: this resolver does.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use airgap_core::workers::{lock, spawn_detached};

/// The number of addresses that `ureq` keeps.
const MOST: usize = 16;

/// The time for which the addresses of a host are kept. It is short, so that a later attempt finds
/// a host that has moved.
const KEPT: Duration = Duration::from_secs(10);

/// A resolver that calls the system's own. Without a thread, the timeout does not apply to it.
#[derive(Debug, Default)]
pub(super) struct DnsResolver {
    /// The addresses of each `HOST:PORT`, with the time at which they were looked up.
    known: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

impl Resolver for DnsResolver {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let invalid = || ureq::Error::BadUri(uri.to_string());
        let (scheme, authority) = uri.scheme().zip(uri.authority()).ok_or_else(invalid)?;
        let name = DefaultResolver::host_and_port(scheme, authority).ok_or_else(invalid)?;
        let mut found = self.empty();
        let addresses = match number(&name) {
            Some(address) => vec![address],
            None => self.known(&name, Instant::now(), || look_up(name.clone(), timeout))?,
        };
        for address in addresses.into_iter().take(MOST) {
            found.push(address);
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

impl DnsResolver {
    /// Returns the kept addresses of a `HOST:PORT`, or else those that `look_up` finds.
    fn known(
        &self,
        name: &str,
        now: Instant,
        look_up: impl FnOnce() -> Result<Vec<SocketAddr>, ureq::Error>,
    ) -> Result<Vec<SocketAddr>, ureq::Error> {
        if let Some((then, addresses)) = lock(&self.known).get(name)
            && now.saturating_duration_since(*then) < KEPT
        {
            return Ok(addresses.clone());
        }
        let found = look_up()?;
        if !found.is_empty() {
            lock(&self.known).insert(name.to_owned(), (now, found.clone()));
        }
        Ok(found)
    }
}

/// Returns the address that a `HOST:PORT` is, if the host is a number.
fn number(name: &str) -> Option<SocketAddr> {
    let (host, port) = name.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok()?;
    Some(SocketAddr::new(host, port.parse().ok()?))
}

fn look_up(name: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    let ask = |name: &str| -> io::Result<Vec<SocketAddr>> { Ok(name.to_socket_addrs()?.collect()) };
    let (sender, receiver) = mpsc::sync_channel(1);
    let asked = name.clone();
    // The thread ends with the lookup, which the system does not end earlier.
    if spawn_detached("resolve", move || sender.send(ask(&asked))).is_err() {
        return Ok(ask(&name)?);
    }
    match receiver.recv_timeout(*timeout.after) {
        Ok(found) => Ok(found?),
        Err(RecvTimeoutError::Timeout) => Err(ureq::Error::Timeout(timeout.reason)),
        Err(RecvTimeoutError::Disconnected) => Err(ureq::Error::HostNotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_looked_up_once_in_ten_seconds() {
        let resolver = DnsResolver::default();
        let address = |port| Ok(vec![SocketAddr::new([192, 0, 2, 1].into(), port)]);
        let start = Instant::now();
        let first = resolver.known("a:1", start, || address(1)).unwrap();
        let soon = start + KEPT - Duration::from_millis(1);
        assert_eq!(resolver.known("a:1", soon, || address(2)).unwrap(), first);
        assert_ne!(resolver.known("b:1", soon, || address(3)).unwrap(), first);
        assert_ne!(resolver.known("a:1", start + KEPT, || address(4)).unwrap(), first);
    }

    #[test]
    fn a_failed_lookup_is_repeated() {
        let resolver = DnsResolver::default();
        let now = Instant::now();
        assert!(resolver.known("a:1", now, || Err(ureq::Error::HostNotFound)).is_err());
        assert_eq!(resolver.known("a:1", now, || Ok(Vec::new())).unwrap(), []);
        let address = SocketAddr::new([192, 0, 2, 1].into(), 1);
        assert_eq!(resolver.known("a:1", now, || Ok(vec![address])).unwrap(), [address]);
    }

    #[test]
    fn numbers_need_no_lookup() {
        assert_eq!(number("127.0.0.1:80"), Some(SocketAddr::new([127, 0, 0, 1].into(), 80)));
        assert_eq!(number("[::1]:443").map(|it| it.port()), Some(443));
        assert_eq!(number("localhost:80"), None);
    }
}
