//! A resolver of host names.
//!
//! The resolver of `ureq` starts a thread for each lookup, so that it can end in time, and panics
//! if the system has no thread left.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::mpsc::{self, RecvTimeoutError};

use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

use airgap_core::workers::spawn_detached;

/// The number of addresses that `ureq` keeps.
const MOST: usize = 16;

/// A resolver that calls the system's own. Without a thread, the timeout does not apply to it.
#[derive(Debug)]
pub(super) struct DnsResolver;

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
        for address in look_up(name, timeout)?.into_iter().take(MOST) {
            found.push(address);
        }
        if found.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(found) }
    }
}

fn look_up(name: String, timeout: NextTimeout) -> Result<Vec<SocketAddr>, ureq::Error> {
    let (host, port) = name.rsplit_once(':').unwrap_or((&name, ""));
    let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if let (Ok(number), Ok(port)) = (number, port.parse()) {
        return Ok(vec![SocketAddr::new(number, port)]);
    }
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
