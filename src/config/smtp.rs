//! `[smtp]`: the deadline of each step of an SMTP session, and the name that Besked uses in EHLO.

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

/// The least deadline of a step.
const LEAST_STEP: Duration = Duration::from_secs(1);

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
        problems.chain(self.problem()).collect()
    }

    /// Why servers may refuse the name in EHLO.
    fn problem(&self) -> Option<String> {
        let name = &self.hello_name;
        let is_literal = name.starts_with('[') && name.ends_with(']');
        let valid = name.is_empty() || is_literal || parse_domain(name).is_some_and(|domain| domain.is_ascii());
        (!valid).then(|| {
            format!("`smtp.hello_name` must be a host's full name such as mail.example.com, or [192.0.2.1]: `{name}`")
        })
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
    fn every_step_has_a_second_at_least() {
        assert!(Smtp::default().problems().is_empty());
        let found = Smtp { dot: Duration::ZERO, auth: Duration::from_millis(999), ..Smtp::default() }.problems();
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].starts_with("`smtp.auth`") && found[1].starts_with("`smtp.dot`"), "{found:?}");
    }

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
    }
}
