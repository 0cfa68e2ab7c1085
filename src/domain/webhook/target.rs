//! Where a webhook is: an https address; http only within networks that the configuration allows.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

use super::reach::Networks;
use crate::domain::character::{Named, is_unseen};

/// The longest address, in bytes.
const LONGEST: usize = 2000;

/// Ports below this one are those of other protocols, except the two of HTTP.
const FIRST_FREE_PORT: u16 = 1024;

/// The address of a webhook. Its path and query may hold a secret of the receiver's, so logs have its [`origin`](Self::origin) only.
#[derive(Clone, PartialEq, Eq)]
pub struct Target(Url);

/// Why a text is no address of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum TargetError {
    /// It is longer than any address needs to be.
    #[error("is longer than {LONGEST} bytes")]
    Long,
    /// A blank, or something that cannot be seen.
    #[error("has {}: write it as its percent code, or leave it out", Named(*.0))]
    Character(char),
    /// It cannot be parsed.
    #[error("is not an address such as https://hooks.example.com/besked")]
    Form,
    /// Another scheme than https and http.
    #[error("must begin with https://")]
    Scheme,
    /// http, and no network is allowed.
    #[error("must begin with https://: http:// is for networks of `[webhooks] allow` only")]
    Clear,
    /// `user:password@` before the host.
    #[error("has a user name or a password before the host: put a token of the receiver's into the path or query")]
    User,
    /// A part behind `#`, which is never sent.
    #[error("has a fragment: leave out what begins with `#`")]
    Fragment,
    /// A port of another protocol.
    #[error("has port {0}, which is that of another protocol: use 443, 80 or one from {FIRST_FREE_PORT} on")]
    Port(u16),
    /// The host is an address that is not public and in no network that is allowed.
    #[error("{}", unreachable(*.0, *.1))]
    Address(IpAddr, bool),
}

/// What is wrong with an address that a webhook is at.
#[must_use]
pub fn unreachable(address: IpAddr, in_clear: bool) -> String {
    let why = if in_clear {
        "is in no network of `[webhooks] allow`, as http:// needs"
    } else {
        "is neither public nor in a network of `[webhooks] allow`"
    };
    format!("leads to {address}, which {why}")
}

impl Target {
    /// Parses an address, and checks as much of it as can be without asking the DNS.
    ///
    /// # Errors
    /// [`TargetError`] names the first rule that the text breaks.
    pub fn parse(text: &str, networks: Networks<'_>) -> Result<Self, TargetError> {
        if text.len() > LONGEST {
            return Err(TargetError::Long);
        }
        // The parser of the web drops some of them and turns others: what is stored is what the operator wrote.
        if let Some(c) = text.chars().find(|c| is_unseen(*c) || "\\<>\"`{}|^".contains(*c)) {
            return Err(TargetError::Character(c));
        }
        let url = Url::parse(text).map_err(|_| TargetError::Form)?;
        let in_clear = match url.scheme() {
            "https" => false,
            "http" if networks.0.is_empty() => return Err(TargetError::Clear),
            "http" => true,
            _ => return Err(TargetError::Scheme),
        };
        if !url.username().is_empty()
            || url.password().is_some()
            || text.split(['/', '?', '#']).nth(2).is_some_and(|it| it.contains('@'))
        {
            return Err(TargetError::User);
        }
        if url.fragment().is_some() {
            return Err(TargetError::Fragment);
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if port < FIRST_FREE_PORT && port != 443 && port != 80 {
            return Err(TargetError::Port(port));
        }
        let target = Self(url);
        match target.literal() {
            Some(address) if !networks.reach(address, in_clear) => Err(TargetError::Address(address, in_clear)),
            _ => Ok(target),
        }
    }

    /// One that was stored; whether it may still be called is checked by the caller.
    ///
    /// # Errors
    /// If it is no address at all.
    pub fn stored(text: &str) -> Result<Self, TargetError> {
        Url::parse(text).map(Self).map_err(|_| TargetError::Form)
    }

    /// The address.
    #[must_use]
    pub const fn as_url(&self) -> &Url {
        &self.0
    }

    /// The address of its host, if the text has that and no name. The parser has read each spelling of it: decimal, octal, hexadecimal,
    /// with fewer parts, in letters of another script.
    #[must_use]
    pub fn literal(&self) -> Option<IpAddr> {
        match self.0.host()? {
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
            Host::Domain(_) => None,
        }
    }

    /// True if it is called without TLS.
    #[must_use]
    pub fn is_in_clear(&self) -> bool {
        self.0.scheme() != "https"
    }

    /// Scheme, host and port: what a log may have of it.
    #[must_use]
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({})", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOWHERE: Networks<'static> = Networks(&[]);

    #[test]
    fn public_hosts_are_taken_in_each_spelling() {
        for (text, wanted) in [
            ("https://hooks.example.com/besked?x=1", "https://hooks.example.com/besked?x=1"),
            ("HTTPS://Hooks.Example.com", "https://hooks.example.com/"),
            ("https://hooks.example.com:8443/", "https://hooks.example.com:8443/"),
            ("https://b\u{fc}cher.example/x", "https://xn--bcher-kva.example/x"),
            ("https://8.8.8.8/", "https://8.8.8.8/"),
            ("https://[2606:4700::1111]/", "https://[2606:4700::1111]/"),
            ("https://hooks.example.com/a@b?c=d@e", "https://hooks.example.com/a@b?c=d@e"),
        ] {
            assert_eq!(Target::parse(text, NOWHERE).map(|it| it.to_string()), Ok(wanted.to_owned()), "{text}");
        }
    }

    #[test]
    fn no_spelling_of_an_inner_address_is_taken() {
        for host in [
            "127.0.0.1",
            "127.1",
            "127.0.1",
            "2130706433",
            "0x7f000001",
            "0x7f.0.0.1",
            "0177.0.0.1",
            "017700000001",
            "127.0.0.1.",
            "0",
            "0.0.0.0",
            "0x0",
            "10.0.0.1",
            "012.0.0.1",
            "0xa000001",
            "167772161",
            "100.64.0.1",
            "169.254.169.254",
            "2852039166",
            "0xa9fea9fe",
            "0251.0376.0251.0376",
            "[::1]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[fe80::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[ff02::1]",
            "[2001:db8::1]",
            "224.0.0.1",
            "255.255.255.255",
            "192.168.0.1",
            "172.16.0.1",
            "\u{ff11}\u{ff12}\u{ff17}.\u{ff10}.\u{ff10}.\u{ff11}",
            "127\u{3002}0\u{3002}0\u{3002}1",
            "\u{2460}\u{2461}\u{2466}.0.0.1",
            "%31%32%37.0.0.1",
        ] {
            let found = Target::parse(&format!("https://{host}/"), NOWHERE);
            assert!(matches!(found, Err(TargetError::Address(..))), "{host}: {found:?}");
        }
    }

    #[test]
    fn what_else_is_refused_says_why() {
        for (text, wanted) in [
            ("", TargetError::Form),
            ("hooks.example.com", TargetError::Form),
            ("https://", TargetError::Form),
            ("https://1.2.3.4.5/", TargetError::Form),
            ("https://[fe80::1%25eth0]/", TargetError::Form),
            ("https://hooks.example.com:99999/", TargetError::Form),
            ("http://hooks.example.com/", TargetError::Clear),
            ("http://127.0.0.1/", TargetError::Clear),
            ("ftp://hooks.example.com/", TargetError::Scheme),
            ("file:///etc/passwd", TargetError::Scheme),
            ("gopher://127.0.0.1:25/_HELO", TargetError::Scheme),
            ("https://user:pass@hooks.example.com/", TargetError::User),
            ("https://user@hooks.example.com/", TargetError::User),
            ("https://@hooks.example.com/", TargetError::User),
            ("https://hooks.example.com@127.0.0.1/", TargetError::User),
            ("https://hooks.example.com/#x", TargetError::Fragment),
            ("https://hooks.example.com:25/", TargetError::Port(25)),
            ("https://hooks.example.com:0/", TargetError::Port(0)),
            ("https://hooks.example.com:22/", TargetError::Port(22)),
            ("https://hooks.example.com/a b", TargetError::Character(' ')),
            ("https://hooks.example.com\\@127.0.0.1/", TargetError::Character('\\')),
            ("https://hooks.example.com/\r\nx: y", TargetError::Character('\r')),
            ("https://hooks.exa\u{200b}mple.com/", TargetError::Character('\u{200b}')),
        ] {
            assert_eq!(Target::parse(text, NOWHERE), Err(wanted), "{text:?}");
        }
        assert_eq!(Target::parse(&format!("https://x.example/{}", "a".repeat(2000)), NOWHERE), Err(TargetError::Long));
    }

    #[test]
    fn http_is_taken_within_a_network_only() {
        let networks = ["10.0.0.0/8".parse().unwrap()];
        let parse = |text| Target::parse(text, Networks(&networks));
        for taken in ["http://10.0.0.7:8080/x", "https://10.0.0.7/", "http://167772167/", "http://inner.example/"] {
            assert!(parse(taken).is_ok(), "{taken}");
        }
        let refused = parse("http://8.8.8.8/").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "leads to 8.8.8.8, which is in no network of `[webhooks] allow`, as http:// needs"
        );
        let refused = parse("https://192.168.0.1/").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "leads to 192.168.0.1, which is neither public nor in a network of `[webhooks] allow`"
        );
    }

    #[test]
    fn a_log_has_neither_path_nor_query() {
        let target = Target::parse("https://hooks.example.com:8443/T0/s3cret?token=s3cret", NOWHERE).unwrap();
        assert_eq!(target.origin(), "https://hooks.example.com:8443");
        assert_eq!(format!("{target:?}"), "Target(https://hooks.example.com:8443)");
    }
}
