//! `[smtp]`: the deadline of each step of an SMTP session, and the name that Besked uses in EHLO.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;
use crate::domain::domain_name::DomainName;

/// `[smtp]`: the deadline of each step (RFC 5321 section 4.5.3.2), and the name in EHLO.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// The name in EHLO. By default this host's full name, or else the domain of `[sender] from`: many servers refuse a name
    /// without a dot.
    #[serde(with = "super::text")]
    pub hello_name: HelloName,
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

/// The least deadline of a step.
const LEAST_STEP: Duration = Duration::from_secs(1);

/// The name of this host, if it has a readable one.
#[must_use]
pub fn host_name() -> Option<String> {
    hostname::get().ok().and_then(|host| host.into_string().ok())
}

impl Smtp {
    /// Sets the name in EHLO if none is configured.
    pub(super) fn greet_as(&mut self, host: Option<String>, sender_domain: DomainName) {
        if self.hello_name == HelloName::OfThisHost {
            let full = host.filter(|host| !host.ends_with(".localdomain"));
            let full = full.and_then(|host| DomainName::parse(&host).ok());
            self.hello_name = HelloName::Domain(full.unwrap_or(sender_domain));
        }
    }
}

impl Smtp {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let steps = [
            ("connect", self.connect),
            ("greeting", self.greeting),
            ("auth", self.auth),
            ("mail", self.mail),
            ("rcpt", self.rcpt),
            ("data", self.data),
            ("body", self.body),
            ("dot", self.dot),
        ];
        let short = steps.into_iter().filter(|(_, deadline)| *deadline < LEAST_STEP);
        // A server that is cut off after the final dot may have accepted the message: it would be sent again.
        let problems = short.map(|(key, _)| format!("`smtp.{key}` must be at least `1s`: no server answers at once"));
        problems.collect()
    }
}

/// The name in EHLO (RFC 5321 section 4.1.1.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HelloName {
    /// Not configured. A configuration that was loaded has another.
    #[default]
    OfThisHost,
    /// A full name.
    Domain(DomainName),
    /// An address that stands for the name: `[192.0.2.1]`, `[IPv6:2001:db8::1]`.
    Literal(String),
}

impl HelloName {
    /// The name as it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::OfThisHost => "",
            Self::Domain(domain) => domain.as_str(),
            Self::Literal(literal) => literal,
        }
    }
}

impl fmt::Display for HelloName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for HelloName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Self::OfThisHost);
        }
        if text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(is_address) {
            return Ok(Self::Literal(text.to_owned()));
        }
        DomainName::parse(text).map(Self::Domain).map_err(|_| {
            let shown = text.escape_debug();
            format!("must be a host's full name such as mail.example.com, or [192.0.2.1]: `{shown}`")
        })
    }
}

/// RFC 5321 section 4.1.3.
fn is_address(text: &str) -> bool {
    match text.strip_prefix("IPv6:") {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => text.parse::<Ipv4Addr>().is_ok(),
    }
}

impl Default for Smtp {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            hello_name: HelloName::OfThisHost,
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
    fn every_step_has_a_second_at_least() {
        assert!(Smtp::default().problems().is_empty());
        let found = Smtp { dot: Duration::ZERO, auth: Duration::from_millis(999), ..Smtp::default() }.problems();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("`smtp.auth`") && found[1].starts_with("`smtp.dot`"), "{found:?}");
    }

    #[test]
    fn a_server_is_greeted_with_a_full_name() {
        let name = |configured: &str, host: Option<&str>| {
            let mut smtp = Smtp { hello_name: configured.parse().unwrap(), ..Smtp::default() };
            smtp.greet_as(host.map(str::to_owned), DomainName::parse("example.com").unwrap());
            smtp.hello_name.to_string()
        };
        assert_eq!(name("", Some("mx.example.net")), "mx.example.net");
        for host in [Some("vm"), Some("localhost.localdomain"), Some("a b.c"), None] {
            assert_eq!(name("", host), "example.com", "{host:?}");
        }
        assert_eq!(name("out.example.org", Some("mx.example.net")), "out.example.org");
        for name in ["vm.example.com", "[192.0.2.1]", "[IPv6:2001:db8::1]"] {
            assert_eq!(name.parse::<HelloName>().unwrap().as_str(), name);
        }
        for name in ["a b", "vm", "vm..x", "192.0.2.1", "[vm.example.com]", "[2001:db8::1]", "[]"] {
            let problem = name.parse::<HelloName>().unwrap_err();
            assert!(problem.contains("full name") && problem.ends_with(&format!("`{name}`")), "{problem}");
        }
    }
}
