//! Links: the https addresses of our own pages and of what a mail points to. A parsed one is ASCII and can stand in a header.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::{Host, Url};

use crate::domain::character::{Named, is_unseen};
use crate::domain::domain_name::{DomainError, DomainName};

/// An https address whose host is A-labels and whose path and query are percent-encoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(String);

/// Why a text is no such address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinkError {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// Another scheme or none.
    #[error("must begin with https://")]
    Scheme,
    /// A blank, or something that cannot be seen.
    #[error("has {}: write it as its percent code, or leave it out", Named(*.0))]
    Character(char),
    /// Nothing between the slashes.
    #[error("has no host: write `https://host/path`")]
    NoHost,
    /// `user@` before the host.
    #[error("has a user name before the host")]
    User,
    /// The host is no domain name.
    #[error("has a host that {0}")]
    Host(DomainError),
    /// A base to which paths are added has none.
    #[error("has a query or a fragment, behind which no path can be added: leave out what begins with `?` or `#`")]
    Tail,
    /// A port that is none, and the like.
    #[error("is not an address such as https://www.example.com/page")]
    Form,
}

impl Link {
    /// Parses an https address.
    ///
    /// # Errors
    /// [`LinkError`] names the first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, LinkError> {
        if text.is_empty() {
            return Err(LinkError::Empty);
        }
        // The parser of the web drops line breaks, turns backslashes, and takes `https:host`: a mail client may not.
        if let Some(c) = text.chars().find(|c| is_unseen(*c) || "\\<>\"`{}|^".contains(*c)) {
            return Err(LinkError::Character(c));
        }
        let rest = text.get(..8).filter(|begin| begin.eq_ignore_ascii_case("https://")).map(|_| &text[8..]);
        let rest = rest.ok_or(LinkError::Scheme)?;
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.is_empty() || authority.starts_with(':') {
            return Err(LinkError::NoHost);
        }
        if authority.contains('@') {
            return Err(LinkError::User);
        }
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let is_literal = authority.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
        if !is_literal {
            DomainName::parse(host).map_err(LinkError::Host)?;
        }
        let url = Url::parse(text).map_err(|_| LinkError::Form)?;
        match url.host() {
            Some(Host::Domain(host)) => drop(DomainName::parse(host).map_err(LinkError::Host)?),
            Some(_) => {}
            None => return Err(LinkError::NoHost),
        }
        Ok(Self(url.into()))
    }

    /// Parses an address that paths are added to: it has no query and no fragment, and its last slash is dropped.
    ///
    /// # Errors
    /// As [`Link::parse`], and for a query or fragment.
    pub fn base(text: &str) -> Result<Self, LinkError> {
        let link = Self::parse(text)?;
        if link.0.contains(['?', '#']) {
            return Err(LinkError::Tail);
        }
        Ok(Self(link.0.trim_end_matches('/').to_owned()))
    }

    /// The address, in ASCII.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Link {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        Self::parse(text)
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_link_is_ascii() {
        for (text, link) in [
            ("https://www.example.com", "https://www.example.com/"),
            ("HTTPS://nötices.Example/Åre?q=ä#ö", "https://xn--ntices-wxa.example/%C3%85re?q=%C3%A4#%C3%B6"),
            ("https://192.0.2.1:8443/x", "https://192.0.2.1:8443/x"),
            ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ] {
            assert_eq!(Link::parse(text).unwrap().as_str(), link, "{text}");
        }
        assert_eq!(Link::base("https://notices.example.com/a/").unwrap().as_str(), "https://notices.example.com/a");
    }

    #[test]
    fn what_gives_a_dead_link_is_refused() {
        for (text, why) in [
            ("", LinkError::Empty),
            ("http://www.example.com", LinkError::Scheme),
            ("https:/u/T", LinkError::Scheme),
            ("www.example.com", LinkError::Scheme),
            ("javascript:alert(1)", LinkError::Scheme),
            ("https://", LinkError::NoHost),
            ("https:///path", LinkError::NoHost),
            ("https://notices.example.com/ ", LinkError::Character(' ')),
            ("https://notices.example.com/\u{200b}", LinkError::Character('\u{200b}')),
            ("https://notices.example.com\\x", LinkError::Character('\\')),
            ("https://good.example@evil.example/", LinkError::User),
            ("https://localhost/", LinkError::Host(DomainError::OneLabel)),
            ("https://exa_mple.example/", LinkError::Host(DomainError::Character('_'))),
            ("https://www.example.com:99999/", LinkError::Form),
        ] {
            assert_eq!(Link::parse(text), Err(why), "{text:?}");
        }
        assert_eq!(Link::base("https://notices.example.com?x=1"), Err(LinkError::Tail));
        assert_eq!(Link::base("https://notices.example.com/#x"), Err(LinkError::Tail));
    }

    proptest! {
        #[test]
        fn what_is_accepted_stays_as_it_is(text in "https://[a-zåé1.-]{1,12}\\.example(:[0-9]{1,4})?/[\\PC]{0,12}") {
            if let Ok(link) = Link::parse(&text) {
                prop_assert!(link.as_str().bytes().all(|b| b.is_ascii_graphic()));
                prop_assert_eq!(Link::parse(link.as_str()), Ok(link));
            }
        }
    }
}
