//! `[organisation]`: who sends the mail.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::domain::address::Address;
use crate::domain::locale::{Locale, ZoneName};
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
    pub public_url: String,
    /// Language of a notice's first section, and of contacts without a locale.
    #[serde(with = "super::text")]
    pub default_locale: Locale,
    /// Zone of contacts without one.
    #[serde(with = "super::text")]
    pub default_time_zone: ZoneName,
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
        let is_wrong = self.names().into_iter().any(|name| !is_line(name));
        is_wrong.then(|| format!("{key} must be one line of text"))
    }
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
            public_url: "https://notices.example.com".to_owned(),
            default_locale: "en".parse().expect("`en` is a locale"),
            default_time_zone: ZoneName::utc(),
        }
    }
}

impl Organisation {
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
        }
        problems.extend(self.supervisory_authority.problem(&self.default_locale));
        if let Err(problem) = Address::parse(&self.privacy_contact) {
            problems.push(format!("`organisation.privacy_contact` {problem}"));
        }
        if !is_base(&self.public_url) {
            problems.push(
                "`organisation.public_url` must be an address that begins with https:// and has no query (http:// is \
                 possible on a loopback host only)"
                    .to_owned(),
            );
        }
        if self.privacy_notice_url.as_ref().is_some_and(|url| !is_https(url)) {
            problems.push("`organisation.privacy_notice_url` must be an address that begins with https://".to_owned());
        }
        problems
    }
}

fn is_https(text: &str) -> bool {
    is_line(text) && Url::parse(text).is_ok_and(|url| url.scheme() == "https" && url.has_host())
}

/// True for an address to which a path can be appended: https, because one-click unsubscribe requires it (RFC 8058).
fn is_base(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let is_loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    let is_plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    is_line(text) && is_plain && (is_https(text) || (url.scheme() == "http" && is_loopback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_in_mails_are_https() {
        let good = ["https://notices.example.com", "https://example.com/notices", "http://127.0.0.1:8080"];
        for url in good.into_iter().chain(["http://[::1]:80", "http://localhost"]) {
            assert!(is_base(url), "{url}");
        }
        let bad = ["http://notices.example.com", "http://127.0.0.1.example.com", "https://", "ftp://a", "notices"];
        for url in bad.into_iter().chain(["https://a.example/?a=b", "https://a.example/#x", "https://u@a.example"]) {
            assert!(!is_base(url), "{url}");
        }
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
    }
}
