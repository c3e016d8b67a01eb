//! The counters of the kernel for one network namespace.

use std::path::Path;

use serde::{Deserialize, Serialize};

use airgap_core::error::Result;
use airgap_core::read;

/// Counters of attempts to reach absent receivers. RFC 4293 and RFC 4022 define them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Packets and connections to an address outside of this namespace, to which no route leads.
    pub without_route: u64,
    /// TCP connections that were refused. In the namespace only loopback can refuse one.
    pub refused: u64,
    /// UDP packets to a port of loopback without a listener.
    pub undelivered: u64,
}

impl Counters {
    /// Reads the counters of the namespace of this process.
    ///
    /// # Errors
    /// Failed, if the kernel does not show them.
    pub(crate) fn read() -> Result<Counters> {
        let text = |file: &str| read::text(Path::new(file), read::LIMIT);
        let ip6 = Path::new("/proc/self/net/snmp6");
        // A kernel without IPv6 does not have the file.
        let six = if airgap_core::user_path::is_file(ip6)? {
            text("/proc/self/net/snmp6")?
        } else {
            String::new()
        };
        Ok(Counters::parse(&text("/proc/self/net/snmp")?, &six))
    }

    /// Returns the increase since an earlier state.
    pub(crate) fn since(self, earlier: Counters) -> Counters {
        Counters {
            without_route: self.without_route.saturating_sub(earlier.without_route),
            refused: self.refused.saturating_sub(earlier.refused),
            undelivered: self.undelivered.saturating_sub(earlier.undelivered),
        }
    }

    fn parse(snmp: &str, snmp6: &str) -> Counters {
        Counters {
            without_route: value(snmp, "Ip:", "OutNoRoutes") + value6(snmp6, "Ip6OutNoRoutes"),
            refused: value(snmp, "Tcp:", "AttemptFails"),
            undelivered: value(snmp, "Udp:", "NoPorts") + value6(snmp6, "Udp6NoPorts"),
        }
    }
}

/// Returns a value of `/proc/net/snmp`, which has two lines for each protocol: names and values.
fn value(text: &str, protocol: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let pairs = names.split_whitespace().zip(values.split_whitespace());
    let found = pairs.into_iter().find(|(key, _)| *key == name);
    found.and_then(|(_, value)| value.parse().ok()).unwrap_or(0)
}

/// Returns a value of `/proc/net/snmp6`, which has one line for each counter.
fn value6(text: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let found = lines.find(|(key, _)| *key == name);
    found.and_then(|(_, value)| value.trim().parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_name() {
        let snmp = "Ip: Forwarding OutNoRoutes InReceives\nIp: 1 7 9\nTcp: AttemptFails\nTcp: 2\n\
                    Udp: InDatagrams NoPorts\nUdp: 5 3\n";
        let found = Counters::parse(snmp, "Ip6InReceives   \t1\nIp6OutNoRoutes    \t4\n");
        assert_eq!(found, Counters { without_route: 11, refused: 2, undelivered: 3 });
        assert_eq!(found.since(found), Counters::default());
        assert_eq!(Counters::parse("", ""), Counters::default());
    }
}
