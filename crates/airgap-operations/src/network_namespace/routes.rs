//! The routes of this process's network namespace.

use std::path::Path;

use airgap_core::error::Result;
use airgap_core::{read, user_path};

/// Returns the devices other than loopback to which a route leads. Devices alone do not count: some
/// kernels put unusable tunnel devices into every namespace.
pub(super) fn others() -> Result<Vec<String>> {
    let four = read::text(Path::new("/proc/self/net/route"), read::LIMIT)?;
    let path = Path::new("/proc/self/net/ipv6_route");
    let six =
        if user_path::is_file(path)? { read::text(path, read::LIMIT)? } else { String::new() };
    Ok(parse(&four, &six))
}

/// Parses both tables. The device is in the first column for IPv4, below a line of names, and in
/// the last one for IPv6.
fn parse(four: &str, six: &str) -> Vec<String> {
    let first = four.lines().skip(1).filter_map(|line| line.split_whitespace().next());
    let last = six.lines().filter_map(|line| line.split_whitespace().last());
    let mut others: Vec<_> =
        first.chain(last).filter(|device| *device != "lo").map(str::to_owned).collect();
    others.sort();
    others.dedup();
    others
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_alone_is_not_a_network() {
        let names = "Iface\tDestination\tGateway\n";
        assert_eq!(parse(names, "00 00 00 lo\n"), Vec::<String>::new());
        assert_eq!(
            parse(&format!("{names}eth0\t0\t0\n"), "0 0 wlan0\n0 0 lo\n"),
            ["eth0", "wlan0"]
        );
    }
}
