//! `[http]`: the web server.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// `[http]`: the web server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// The address and port that it listens on.
    #[serde(with = "super::listen")]
    pub listen: SocketAddr,
    /// The number of connections at once. Fewer, if the limit of open files is too small for them beside the sending.
    pub connections: usize,
    /// Networks of the proxies in front: an address in their `X-Forwarded-For` counts as the client's.
    #[serde(with = "super::text::list")]
    pub trusted_proxies: Vec<IpNet>,
    /// Requests a second that each key may make.
    pub rate_per_second: u32,
    /// Requests that a key may make at once, after a pause.
    pub burst: u32,
    /// Requests a minute without a valid key that each address may make.
    pub unknown_keys_per_minute: u32,
    /// The largest JSON body of a request.
    #[serde(with = "super::size")]
    pub body_size: u64,
    /// The largest customers file of a request.
    #[serde(with = "super::size")]
    pub file_size: u64,
}

impl Http {
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(8..=10_000).contains(&self.connections) {
            problems.push("`http.connections` must be 8 to 10000".to_owned());
        }
        let rates = [
            ("rate_per_second", self.rate_per_second),
            ("burst", self.burst),
            ("unknown_keys_per_minute", self.unknown_keys_per_minute),
        ];
        let zero = rates.iter().filter(|(_, rate)| *rate == 0);
        problems.extend(zero.map(|(key, _)| format!("`http.{key}` must be at least 1")));
        if !(100_000..=100_000_000).contains(&self.body_size) {
            problems.push("`http.body_size` must be `100kB` to `100MB`".to_owned());
        }
        if self.file_size == 0 {
            problems.push("`http.file_size` must be more than nothing".to_owned());
        }
        problems
    }

    /// The address of the client of a request: the last one in `X-Forwarded-For` that no trusted proxy has, as long as the one before it
    /// is trusted to say so.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded: &[IpAddr]) -> IpAddr {
        let is_trusted = |address: &IpAddr| self.trusted_proxies.iter().any(|it| it.contains(&address.to_canonical()));
        let mut client = peer;
        for address in forwarded.iter().rev() {
            if !is_trusted(&client) {
                break;
            }
            client = *address;
        }
        client
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            connections: 256,
            trusted_proxies: Vec::new(),
            rate_per_second: 2000,
            burst: 2000,
            unknown_keys_per_minute: 30,
            body_size: 8_000_000,
            file_size: 1_000_000_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_that_is_trusted_says_who_the_client_is_and_nobody_else() {
        let http = Http { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], ..Http::default() };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let forwarded = [ip("198.51.100.9"), ip("203.0.113.7"), ip("10.0.0.2")];
        assert_eq!(http.client(ip("10.0.0.1"), &forwarded), ip("203.0.113.7"));
        assert_eq!(http.client(ip("::ffff:10.0.0.1"), &forwarded), ip("203.0.113.7"));
        assert_eq!(http.client(ip("192.0.2.1"), &forwarded), ip("192.0.2.1"), "anybody can write a header");
        assert_eq!(http.client(ip("10.0.0.1"), &[]), ip("10.0.0.1"));
    }

    #[test]
    fn every_value_that_is_not_possible_is_named() {
        assert!(Http::default().problems().is_empty());
        let none = Http { connections: 1, burst: 0, body_size: 1, file_size: 0, ..Http::default() };
        assert_eq!(none.problems().len(), 4);
    }
}
