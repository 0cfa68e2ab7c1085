//! `[smtp]`: the deadline of each step of an SMTP session, and the name that Besked uses in EHLO.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::domain::address::parse_domain;

/// `[smtp]`: the deadline of each step (RFC 5321 section 4.5.3.2), and the name in EHLO.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// The name in EHLO. By default this host's full name, or else the domain of `[sender] from`: many servers refuse a name
    /// without a dot.
    pub hello_name: String,
    /// TCP connect, and TLS.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// The greeting and EHLO.
    #[serde(with = "duration")]
    pub greeting: Duration,
    /// AUTH.
    #[serde(with = "duration")]
    pub auth: Duration,
    /// MAIL FROM.
    #[serde(with = "duration")]
    pub mail: Duration,
    /// RCPT TO.
    #[serde(with = "duration")]
    pub rcpt: Duration,
    /// DATA.
    #[serde(with = "duration")]
    pub data: Duration,
    /// Writing the message.
    #[serde(with = "duration")]
    pub body: Duration,
    /// The answer to the final dot.
    #[serde(with = "duration")]
    pub dot: Duration,
}

/// The name of this host, if it has a readable one.
#[must_use]
pub fn host_name() -> Option<String> {
    hostname::get().ok().and_then(|host| host.into_string().ok())
}

impl Smtp {
    /// Sets the name in EHLO if none is configured.
    pub(super) fn greet_as(&mut self, host: Option<String>, sender_domain: &str) {
        if self.hello_name.is_empty() {
            let full = host.filter(|host| host.contains('.') && !host.ends_with(".localdomain"));
            let full = full.and_then(|host| parse_domain(&host));
            self.hello_name = full.unwrap_or_else(|| sender_domain.to_owned());
        }
    }

    /// Why servers may refuse the name in EHLO.
    pub(super) fn problem(&self) -> Option<String> {
        let name = &self.hello_name;
        let valid =
            name.is_empty() || is_address_literal(name) || parse_domain(name).is_some_and(|domain| domain.is_ascii());
        (!valid).then(|| {
            format!("`smtp.hello_name` must be a host's full name such as mail.example.com, or [192.0.2.1]: `{name}`")
        })
    }
}

/// RFC 5321 section 4.1.3: `[192.0.2.1]` or `[IPv6:2001:db8::1]`. Nothing else is written into a command.
fn is_address_literal(name: &str) -> bool {
    let Some(inside) = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else { return false };
    match inside.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => inside.parse::<Ipv4Addr>().is_ok(),
    }
}

impl Default for Smtp {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            hello_name: String::new(),
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            auth: minutes(2),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            body: minutes(3),
            dot: minutes(10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_greeted_with_a_full_name() {
        let name = |configured: &str, host: Option<&str>| {
            let mut smtp = Smtp { hello_name: configured.to_owned(), ..Smtp::default() };
            smtp.greet_as(host.map(str::to_owned), "example.com");
            smtp.hello_name
        };
        assert_eq!(name("", Some("mx.example.net")), "mx.example.net");
        for host in [Some("vm"), Some("localhost.localdomain"), Some("a b.c"), None] {
            assert_eq!(name("", host), "example.com", "{host:?}");
        }
        assert_eq!(name("out.example.org", Some("mx.example.net")), "out.example.org");
        let problem = |name: &str| Smtp { hello_name: name.to_owned(), ..Smtp::default() }.problem();
        assert!(problem("a b").is_some() && problem("vm..x").is_some());
        assert!(problem("vm.example.com").is_none() && problem("[192.0.2.1]").is_none());
        assert!(problem("[IPv6:2001:db8::1]").is_none());
        for odd in ["[]", "[vm]", "[192.0.2.1]\r\nQUIT]", "[2001:db8::1]", &format!("[{}]", "1".repeat(600))] {
            assert!(problem(odd).is_some(), "{odd:?}");
        }
    }
}
