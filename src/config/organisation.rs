//! `[organisation]`: who sends the mail.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use url::Url;

use super::loopback::is_this_host;
use crate::domain::address::Address;
use crate::domain::character::{Named, is_unseen};
use crate::domain::link::Link;
use crate::domain::locale::{Locale, ZoneName};
use crate::domain::phrase;
use crate::domain::problem::is_line;

/// `[organisation]`: printed in every mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Name of the provider.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Its number in the register of companies: with the seat in the footer of every mail, if set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub registration_number: Option<String>,
    /// The place of its registered office.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seat: Option<String>,
    /// The address of its privacy notice on the web.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy_notice_url: Option<String>,
    /// The e-mail address for questions about personal data.
    pub privacy_contact: String,
    /// The authority a person can complain to.
    pub supervisory_authority: Authority,
    /// The base of unsubscribe, preference, survey and verify links: an https address, or http on a loopback host.
    #[serde(with = "super::text")]
    pub public_url: PublicUrl,
    /// Language of a notice's first section, and of contacts without a locale.
    #[serde(with = "super::text")]
    pub default_locale: Locale,
    /// Zone of contacts without one.
    #[serde(with = "super::text")]
    pub default_time_zone: ZoneName,
    /// Days on which no work is planned: a maintenance on one of them gets a warning.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub holidays: Vec<Date>,
}

/// The name of the authority: one for all mails, or one for each language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    untagged,
    expecting = "must be text in quotes, or a table of texts by language such as { en = \"...\", sv = \"...\" }"
)]
pub enum Authority {
    /// `"Name"`.
    One(String),
    /// `{ en = "Name", sv = "Namn" }`.
    ByLanguage(BTreeMap<String, String>),
}

impl Authority {
    /// The name for a mail in a language; that in the default language if the table has no other.
    #[must_use]
    pub fn name(&self, locale: &Locale, default: &Locale) -> &str {
        match self {
            Self::One(name) => name,
            Self::ByLanguage(names) => {
                let locales: Vec<Locale> = names.keys().filter_map(|tag| tag.parse().ok()).collect();
                let best = locale.best_of(&locales).or_else(|| default.best_of(&locales));
                let name = names.iter().find(|(tag, _)| tag.parse::<Locale>().ok().as_ref() == best);
                name.map_or("", |(_, name)| name)
            }
        }
    }

    /// Every name.
    pub fn names(&self) -> Vec<&String> {
        match self {
            Self::One(name) => vec![name],
            Self::ByLanguage(names) => names.values().collect(),
        }
    }

    fn problem(&self, default: &Locale) -> Option<String> {
        let key = "`organisation.supervisory_authority`";
        if let Self::ByLanguage(names) = self {
            if let Some(problem) = names.keys().find_map(|tag| tag.parse::<Locale>().err()) {
                return Some(format!("{key} {problem}"));
            }
            let locales: Vec<Locale> = names.keys().filter_map(|tag| tag.parse().ok()).collect();
            if default.best_of(&locales).is_none() {
                return Some(format!("{key} has no text in the default language, `{default}`"));
            }
        }
        if let Some(c) = self.names().into_iter().find_map(|name| unseen(name)) {
            return Some(format!("{key} has {}, which nobody sees", Named(c)));
        }
        let is_wrong = self.names().into_iter().any(|name| !is_line(name));
        is_wrong.then(|| format!("{key} must be one line of text"))
    }
}

/// A character that nobody sees and that may turn the text around it; spaces of every kind are none.
fn unseen(text: &str) -> Option<char> {
    text.chars().find(|c| is_unseen(*c) && !c.is_whitespace() && !c.is_control())
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            name: "Example Cloud AB".to_owned(),
            address: "Storgatan 1, 371 00 Karlskrona, Sweden".to_owned(),
            registration_number: None,
            seat: None,
            privacy_notice_url: None,
            privacy_contact: "dpo@example.com".to_owned(),
            supervisory_authority: Authority::One("Swedish Authority for Privacy Protection (IMY)".to_owned()),
            public_url: "https://notices.example.com".parse().expect("the default is a base of links"),
            default_locale: "en".parse().expect("`en` is a locale"),
            default_time_zone: ZoneName::utc(),
            holidays: Vec::new(),
        }
    }
}

impl Organisation {
    /// What is valid, but used otherwise than it is written.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.public_url.is_rewritten {
            warnings.push(format!(
                "links begin with `{}`: `organisation.public_url` is written otherwise",
                self.public_url
            ));
        }
        warnings
    }

    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let texts = [
            ("name", Some(&self.name)),
            ("address", Some(&self.address)),
            ("registration_number", self.registration_number.as_ref()),
            ("seat", self.seat.as_ref()),
        ];
        for (key, text) in texts {
            if text.is_some_and(|text| !is_line(text)) {
                problems.push(format!("`organisation.{key}` must be one line of text"));
            }
            let unseen = text.and_then(|text| unseen(text));
            problems.extend(unseen.map(|c| format!("`organisation.{key}` has {}, which nobody sees", Named(c))));
        }
        if self.name.len() > phrase::LONGEST {
            let longest = phrase::LONGEST;
            problems.push(format!(
                "`organisation.name` is longer than {longest} bytes: it stands in a header of every mail"
            ));
        }
        problems.extend(self.supervisory_authority.problem(&self.default_locale));
        if let Err(problem) = Address::parse(&self.privacy_contact) {
            problems.push(format!("`organisation.privacy_contact` {problem}"));
        }
        if let Some(Err(problem)) = self.privacy_notice_url.as_deref().map(Link::parse) {
            problems.push(format!("`organisation.privacy_notice_url` {problem}"));
        }
        problems
    }
}

/// The base of all links: an address to which a path can be appended, in ASCII and without a slash at its end. It is https, because
/// one-click unsubscribe requires it (RFC 8058); http is possible on a loopback host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    base: String,
    /// It was written otherwise, in more than a slash at its end.
    is_rewritten: bool,
}

impl PublicUrl {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.base
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let written = text.trim();
        let base = if written.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("http://")) {
            on_this_host(written)?
        } else {
            Link::base(written).map_err(|problem| problem.to_string())?.to_string()
        };
        if base.len() > LONGEST_BASE {
            return Err(format!("is longer than {LONGEST_BASE} bytes: a link would not fit into the line of a header"));
        }
        let is_rewritten = base != text.trim_end_matches('/');
        Ok(Self { base, is_rewritten })
    }
}

/// The longest base of links, in octets: a line of a header has at most 998 (RFC 5322 section 2.1.1), a field's name and a token
/// included.
const LONGEST_BASE: usize = 800;

/// The base of links over http, which is possible on a loopback host.
fn on_this_host(text: &str) -> Result<String, String> {
    let url = Url::parse(text).map_err(|_| "is not an address such as https://notices.example.com".to_owned())?;
    let is_loopback = url.host_str().is_some_and(is_this_host);
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if is_loopback && is_plain && url.password().is_none() {
        return Ok(url.as_str().trim_end_matches('/').to_owned());
    }
    Err("must begin with https://: mail programs unsubscribe over https only (RFC 8058); http is possible on this host, \
         such as http://127.0.0.1:8080"
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_mails_are_https() {
        for (text, base) in [
            ("https://notices.example.com", "https://notices.example.com"),
            ("https://Example.com/notices/", "https://example.com/notices"),
            ("https://example.com:443/ ", "https://example.com"),
            ("https://nötices.example", "https://xn--ntices-wxa.example"),
            ("https://example.com/må", "https://example.com/m%C3%A5"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:81", "http://[::1]:81"),
            ("http://localhost", "http://localhost"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().as_str(), base);
        }
        let bad = ["http://notices.example.com", "http://127.0.0.1.example.com", "https://", "ftp://a", "notices", ""];
        for url in bad.into_iter().chain(["https://a.example?a=b", "https://a.example/#x", "https://u@a.example"]) {
            assert!(url.parse::<PublicUrl>().is_err(), "{url}");
        }
        let long = |length| format!("https://a.example/{}", "x".repeat(length - "https://a.example/".len()));
        assert!(long(800).parse::<PublicUrl>().is_ok() && long(801).parse::<PublicUrl>().is_err());
    }

    #[test]
    fn the_authority_has_a_name_for_each_language() {
        let locale = |tag: &str| tag.parse::<Locale>().unwrap();
        let names = [("en", "Authority"), ("sv", "Myndighet")].map(|(tag, name)| (tag.to_owned(), name.to_owned()));
        let authority = Authority::ByLanguage(names.into());
        for (tag, name) in [("sv-FI", "Myndighet"), ("en", "Authority"), ("de", "Authority")] {
            assert_eq!(authority.name(&locale(tag), &locale("en")), name, "{tag}");
        }
        assert_eq!(authority.problem(&locale("en")), None);
        assert!(authority.problem(&locale("de")).is_some_and(|problem| problem.contains("default language")));
    }

    #[test]
    fn a_name_fits_into_a_header() {
        let problems = |length| Organisation { name: "x".repeat(length), ..Organisation::default() }.problems();
        assert_eq!((problems(200).len(), problems(201).len()), (0, 1));
    }

    #[test]
    fn what_a_mail_prints_is_one_line() {
        let organisation = Organisation {
            registration_number: Some("556000-0000\nBcc: x".to_owned()),
            seat: Some(" ".to_owned()),
            privacy_notice_url: Some("http://example.com/privacy".to_owned()),
            ..Organisation::default()
        };
        let problems = organisation.problems();
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("registration_number") && problems[2].contains("privacy_notice_url"));
        let turned = Organisation { name: "Moln\u{202e}AB".to_owned(), ..Organisation::default() }.problems();
        assert!(turned.len() == 1 && turned[0].contains("U+202E"), "{turned:?}");
        let spaced = Organisation { address: "371\u{a0}00 Karlskrona".to_owned(), ..Organisation::default() };
        assert!(spaced.problems().is_empty());
    }
}
