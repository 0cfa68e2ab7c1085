//! Whether a host is this one: what is sent to it passes no network, and nobody else reaches what listens there.

use std::net::IpAddr;

/// The name of this host's loopback address (RFC 6761 section 6.3). A name below it is not taken for it: a resolver may ask the DNS.
const LOCALHOST: &str = "localhost";

/// True for `localhost`, and for a loopback address, with brackets or without.
pub(super) fn is_this_host(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let address = bare.parse::<IpAddr>();
    address.map_or_else(|_| is_its_name(bare), |address| address.to_canonical().is_loopback())
}

/// True for `localhost`, in any case.
pub(super) const fn is_its_name(host: &str) -> bool {
    host.eq_ignore_ascii_case(LOCALHOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_host_is_this_host() {
        for host in ["localhost", "LocalHost", "127.0.0.1", "127.8.0.1", "::1", "[::1]", "::ffff:127.0.0.1"] {
            assert!(is_this_host(host), "{host}");
        }
        for host in ["", "0.0.0.0", "192.0.2.1", "[2001:db8::1]", "localhost.example.com", "x.localhost", "127.0.0.1.x"]
        {
            assert!(!is_this_host(host), "{host}");
        }
    }
}
