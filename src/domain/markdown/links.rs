//! Links: where they may lead, and whether their words name another place.

use std::net::IpAddr;

use url::{Host, Url};

use super::MASK;
use crate::domain::address::Address;

/// Where a link leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// To a host, as lower-case A-labels, with the whole address.
    Web {
        /// The host.
        host: String,
        /// The address of the host, if it is no name.
        ip: Option<IpAddr>,
        /// The whole address.
        address: String,
    },
    /// To an address, which may be a placeholder.
    Mail(String),
    /// To a number.
    Phone,
}

/// A place that the words of a link name, and where the link leads instead.
#[derive(Debug, PartialEq, Eq)]
pub struct Named {
    pub name: String,
    pub leads_to: String,
}

impl Link {
    /// Parses the address of a link. Its scheme and, on the web, its host are literal text: a placeholder cannot decide where a link
    /// leads.
    ///
    /// # Errors
    /// What such an address must be.
    pub fn parse(address: &str, is_mail: bool) -> Result<Self, String> {
        let lower = address.to_ascii_lowercase();
        if is_mail || lower.starts_with("mailto:") {
            let to = if is_mail { address } else { &address["mailto:".len()..] };
            let to = to.split('?').next().unwrap_or_default();
            return match Address::parse(to) {
                _ if to.contains(MASK) => Ok(Self::Mail(String::new())),
                Ok(to) => Ok(Self::Mail(to.as_str().to_owned())),
                Err(error) => Err(format!("a mail link must lead to an address ({error})")),
            };
        }
        if lower.starts_with("tel:") {
            return Ok(Self::Phone);
        }
        if !lower.starts_with("https://") && !lower.starts_with("http://") {
            return Err("a link must begin with https://, http://, mailto: or tel:".to_owned());
        }
        let rest = &address[lower.find("://").map_or(0, |at| at + 3)..];
        let host = rest.split(['/', '\\', '?', '#']).next().unwrap_or_default();
        if host.contains(MASK) {
            return Err("the host of a link must be written out".to_owned());
        }
        if host.contains('@') {
            return Err("a link cannot have a user name before its host".to_owned());
        }
        let url = Url::parse(address).ok().filter(|_| !host.is_empty());
        let ip = match url.as_ref().and_then(Url::host) {
            Some(Host::Ipv4(ip)) => Some(ip.into()),
            Some(Host::Ipv6(ip)) => Some(ip.into()),
            _ => None,
        };
        let host = url.as_ref().and_then(Url::host_str).ok_or("a link must have a valid host")?;
        Ok(Self::Web { host: host.to_owned(), ip, address: address.to_owned() })
    }

    /// The place that the words of this link name, if it leads to another one.
    pub(super) fn misnamed(&self, words: &str) -> Option<Named> {
        let alone = words.split_whitespace().count() == 1;
        words.split_whitespace().find_map(|word| self.misnamed_by(word, alone))
    }

    /// As [`Self::misnamed`], for one word, which may be all that the link says.
    fn misnamed_by(&self, word: &str, alone: bool) -> Option<Named> {
        let word = word.trim_matches(|c: char| !c.is_alphanumeric() && !matches!(c, '/' | '-' | '_' | MASK));
        let place = Place::named_by(word, alone)?;
        let is_there = match (self, &place) {
            (Self::Web { host, .. }, Place::Host(named)) => is_within(host, named),
            (Self::Mail(to), _) if to.is_empty() => true,
            (Self::Mail(to), Place::Mail(named)) => to.eq_ignore_ascii_case(named),
            (Self::Mail(to), Place::Host(named)) => to.rsplit('@').next().is_some_and(|host| is_within(host, named)),
            (Self::Phone, _) | (Self::Web { .. }, Place::Mail(_)) => false,
        };
        // `setup.sh` looks like a host; the address ends with a file of that name.
        let is_file = matches!(self, Self::Web { address, .. } if ends_with_file(address, word));
        (!is_there && !is_file).then(|| Named { name: word.to_owned(), leads_to: self.shown() })
    }

    fn shown(&self) -> String {
        match self {
            Self::Web { host, .. } => host.clone(),
            Self::Mail(to) => to.clone(),
            Self::Phone => "a telephone number".to_owned(),
        }
    }
}

/// The host of an address on the web, as lower-case A-labels.
#[must_use]
pub fn host_of(address: &str) -> Option<Link> {
    Link::parse(address, false).ok().filter(|link| matches!(link, Link::Web { .. }))
}

/// True if a host is the named one or below it; `www.` before a name says nothing.
fn is_within(host: &str, named: &str) -> bool {
    let named = named.strip_prefix("www.").unwrap_or(named);
    host.strip_suffix(named).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// True if an address ends with this name of a file.
fn ends_with_file(address: &str, name: &str) -> bool {
    let path = address.split(['?', '#']).next().unwrap_or_default();
    path.split_once("://").and_then(|(_, path)| path.split_once('/')).is_some_and(|(_, path)| {
        path.rsplit('/').next().is_some_and(|last| last.eq_ignore_ascii_case(name) && !name.contains('/'))
    })
}

/// A place that a word names.
enum Place {
    /// A host, as lower-case A-labels.
    Host(String),
    /// An address.
    Mail(String),
}

/// Endings of file names that look like the last label of a host.
const FILES: &[&str] = &[
    "c", "cc", "conf", "cpp", "cs", "css", "csv", "deb", "gz", "h", "htm", "html", "ini", "java", "jpg", "js", "json",
    "log", "md", "pdf", "php", "pl", "png", "py", "rb", "rpm", "rs", "sh", "sql", "svg", "tar", "toml", "ts", "txt",
    "xml", "yaml", "yml", "zip",
];

impl Place {
    /// The place that a word names: an address with a scheme, `www.` or an `@` in any case; a bare host if it is all that the link
    /// says, as its reader then takes it for the place.
    fn named_by(word: &str, alone: bool) -> Option<Self> {
        if word.contains(MASK) && !word.contains("://") {
            return None;
        }
        let lower = word.to_lowercase();
        if let Some((_, rest)) = lower.split_once("://") {
            return Some(Self::Host(host(rest.split(['/', '?', '#', '\\']).next()?)?));
        }
        if let Some(to) = lower.strip_prefix("mailto:").or(Some(lower.as_str())).filter(|word| word.contains('@')) {
            let (_, domain) = to.rsplit_once('@')?;
            host(domain)?;
            return Some(Self::Mail(to.to_owned()));
        }
        let bare = lower.split(['/', '?', '#', ':']).next()?;
        let last = bare.rsplit('.').next()?;
        let is_name = last.chars().count() >= 2 && last.chars().all(char::is_alphabetic) || last.starts_with("xn--");
        let is_ip = bare.parse::<IpAddr>().is_ok();
        let is_file = bare.len() == lower.len() && FILES.contains(&last);
        let is_host = bare.contains('.') && (is_name || is_ip) && !is_file && (alone || bare.starts_with("www."));
        if is_host { Some(Self::Host(host(bare)?)) } else { None }
    }
}

/// A host as lower-case A-labels.
fn host(text: &str) -> Option<String> {
    let text = text.rsplit('@').next()?;
    let text = text.split(':').next()?;
    idna::domain_to_ascii(text).ok().filter(|host| !host.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_link_name_the_place_it_leads_to() {
        for (words, address, is_fine) in [
            ("good.example", "https://good.example/a", true),
            ("https://good.example", "https://good.example/x", true),
            ("https://www.good.example", "https://good.example/x", true),
            ("good.example", "https://status.good.example/", true),
            ("our page", "https://evil.example", true),
            ("see install.sh", "https://example.com/x", true),
            ("install.sh", "https://example.com/bin/install.sh", true),
            ("Node.js", "https://example.com/node", true),
            ("v1.2.3", "https://example.com/v1.2.3", true),
            ("räksmörgås.example", "https://xn--rksmrgs-5wao1o.example/", true),
            ("support@good.example", "mailto:support@good.example", true),
            ("good.example", "mailto:support@good.example", true),
            ("\u{E000}zzzz.example", "https://good.example", true),
            ("https://good.example", "https://evil.example", false),
            ("go to https://good.example now", "https://evil.example", false),
            ("HTTPS://GOOD.EXAMPLE", "https://evil.example", false),
            ("good.example", "https://evil.example", false),
            ("(good.example)", "https://evil.example", false),
            ("good.example/login", "https://evil.example/good.example", false),
            ("good.example", "https://good.example.evil.example", false),
            ("good.example", "https://notgood.example", false),
            ("gооd.example", "https://good.example", false),
            ("status.good.example", "https://good.example", false),
            ("see www.good.example", "https://evil.example", false),
            ("192.0.2.1", "https://192.0.2.2/", false),
            ("support@good.example", "mailto:support@evil.example", false),
            ("support@good.example", "https://good.example", false),
            ("good.example", "mailto:support@evil.example", false),
        ] {
            let link = Link::parse(address, false).unwrap();
            assert_eq!(link.misnamed(words).is_none(), is_fine, "[{words}]({address})");
        }
    }
}
