//! The texts of SPF, DKIM and DMARC records.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The SPF records of a domain (RFC 7208 section 4.5: there is at most one).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spf<'a> {
    None,
    One(SpfRecord<'a>),
    Several(usize),
}

/// One SPF record.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SpfRecord<'a> {
    pub text: &'a str,
}

impl<'a> Spf<'a> {
    /// Those among the texts of a domain.
    pub fn among(texts: &'a [String]) -> Self {
        let is_spf = |text: &&String| text.split(' ').next().is_some_and(|tag| tag.eq_ignore_ascii_case("v=spf1"));
        match texts.iter().filter(is_spf).collect::<Vec<_>>().as_slice() {
            [] => Self::None,
            [one] => Self::One(SpfRecord { text: one }),
            several => Self::Several(several.len()),
        }
    }
}

impl SpfRecord<'_> {
    fn terms(&self) -> impl Iterator<Item = String> {
        self.text.split_ascii_whitespace().skip(1).map(str::to_ascii_lowercase)
    }

    /// True if it ends with `+all`, or `all`, which is the same.
    pub fn lets_anybody(&self) -> bool {
        self.terms().any(|term| matches!(term.as_str(), "all" | "+all"))
    }

    /// What it does not name itself of well-known services that relays belong to. What an own relay needs cannot be known.
    pub fn lacks(&self, hosts: &[&str]) -> Vec<String> {
        let redirects = self.terms().any(|term| term.starts_with("redirect="));
        let wanted = hosts.iter().filter_map(|host| service(host)).map(|name| format!("include:{name}"));
        let mut lacking: Vec<String> = wanted
            .filter(|wanted| !redirects && !self.terms().any(|term| term.trim_start_matches('+') == wanted))
            .collect();
        lacking.dedup();
        lacking
    }
}

/// What stands for an address that only the operator knows, in a record to publish.
pub(super) const ADDRESS: &str = "ADDRESS";

/// A record that lets the relays send: of a service its own include, of another relay its address. A relay that only this network
/// reaches sends from an address that cannot be known here. It ends with `~all`: who else sends for the domain is not known either.
pub(super) fn spf_for(hosts: &[&str]) -> String {
    let mut terms: Vec<String> = Vec::new();
    for host in hosts {
        let term = match (service(host), host.parse::<IpAddr>()) {
            (Some(name), _) => format!("include:{name}"),
            (None, Ok(IpAddr::V4(address))) if is_public_v4(address) => format!("ip4:{address}"),
            (None, Ok(IpAddr::V6(address))) if is_public_v6(address) => format!("ip6:{address}"),
            (None, Err(_)) if is_public_name(host) => format!("a:{host}"),
            (None, _) => format!("ip4:{ADDRESS}"),
        };
        if !terms.contains(&term) {
            terms.push(term);
        }
    }
    terms.insert(0, "v=spf1".to_owned());
    terms.push("~all".to_owned());
    terms.join(" ")
}

const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    // RFC 6598: addresses behind a provider's NAT.
    let is_shared = first == 100 && second & 0xc0 == 64;
    !(address.is_loopback() || address.is_private() || address.is_link_local() || address.is_unspecified() || is_shared)
}

const fn is_public_v6(address: Ipv6Addr) -> bool {
    !(address.is_loopback() || address.is_unspecified() || address.is_unique_local() || address.is_unicast_link_local())
}

/// Top-level names that the public DNS never has (RFC 6761, RFC 6762, RFC 8375, ICANN's `internal`), and those that networks use so.
const PRIVATE_NAMES: [&str; 10] =
    ["localhost", "local", "internal", "lan", "home", "corp", "private", "intranet", "home.arpa", "localdomain"];

fn is_public_name(host: &str) -> bool {
    let is_below = |name: &&str| host.strip_suffix(*name).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    host.contains('.') && !PRIVATE_NAMES.iter().any(is_below)
}

/// Hosts of well-known services end with the first, and their customers' SPF records include the second, by the services' own
/// documentation.
const SERVICES: [(&str, &str); 10] = [
    ("office365.com", "spf.protection.outlook.com"),
    ("mail.protection.outlook.com", "spf.protection.outlook.com"),
    ("gmail.com", "_spf.google.com"),
    ("google.com", "_spf.google.com"),
    ("amazonaws.com", "amazonses.com"),
    ("sendgrid.net", "sendgrid.net"),
    ("mailgun.org", "mailgun.org"),
    ("postmarkapp.com", "spf.mtasv.net"),
    ("mailjet.com", "spf.mailjet.com"),
    ("brevo.com", "spf.brevo.com"),
];

fn service(host: &str) -> Option<&'static str> {
    let is_below = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    SERVICES.iter().find(|(suffix, _)| is_below(suffix)).map(|(_, name)| *name)
}

/// The public key (`p=`) of a DKIM record, without the blanks that may stand in it; `None` without the tag.
pub(super) fn public_key(text: &str) -> Option<String> {
    let mut tags = text.split(';').filter_map(|tag| tag.split_once('='));
    let (_, key) = tags.find(|(name, _)| name.trim() == "p")?;
    Some(key.chars().filter(|c| !c.is_whitespace()).collect())
}

/// The DMARC records of a name (RFC 7489 section 6.6.3: there is at most one).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dmarc<'a> {
    None,
    One { text: &'a str, has_policy: bool },
    Several(usize),
}

impl<'a> Dmarc<'a> {
    /// Those among the texts of a name.
    pub fn among(texts: &'a [String]) -> Self {
        let is_dmarc = |text: &&String| text.split(';').next().is_some_and(|tag| tag.replace(' ', "") == "v=DMARC1");
        match texts.iter().filter(is_dmarc).collect::<Vec<_>>().as_slice() {
            [] => Self::None,
            [one] => {
                let is_policy = |tag: &str| {
                    let tag = tag.replace(' ', "").to_ascii_lowercase();
                    matches!(tag.as_str(), "p=none" | "p=quarantine" | "p=reject")
                };
                Self::One { text: one, has_policy: one.split(';').any(is_policy) }
            }
            several => Self::Several(several.len()),
        }
    }
}

/// A domain and those above it, down to two labels.
pub(super) fn itself_and_above(domain: &str) -> impl Iterator<Item = &str> {
    fn above<'a>(domain: &&'a str) -> Option<&'a str> {
        domain.split_once('.').map(|(_, above)| above)
    }
    std::iter::successors(Some(domain), above).filter(|domain| domain.contains('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn one_spf_record_counts() {
        assert_eq!(Spf::among(&texts(&["google-site-verification=x", "v=spf10 a"])), Spf::None);
        assert_eq!(Spf::among(&texts(&["v=spf1 a -all", "V=SPF1 mx -all"])), Spf::Several(2));
        let one = texts(&["x", "v=spf1 include:_spf.google.com ~all"]);
        let Spf::One(record) = Spf::among(&one) else { panic!("{one:?}") };
        assert!(!record.lets_anybody());
        assert_eq!(record.lacks(&["smtp.gmail.com", "mail.example.com"]), Vec::<String>::new());
        assert_eq!(record.lacks(&["smtp.office365.com"]), ["include:spf.protection.outlook.com"]);
        let open = texts(&["v=spf1 +all"]);
        assert!(matches!(Spf::among(&open), Spf::One(record) if record.lets_anybody()));
    }

    #[test]
    fn the_record_to_publish_names_the_relays() {
        assert_eq!(
            spf_for(&["smtp.office365.com", "smtp.example.com"]),
            "v=spf1 include:spf.protection.outlook.com a:smtp.example.com ~all"
        );
        assert_eq!(spf_for(&["192.0.2.1", "2001:db8::1"]), "v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 ~all");
        assert_eq!(service("notgmail.com"), None);
    }

    #[test]
    fn what_only_this_network_reaches_is_never_published() {
        for host in [
            "localhost",
            "127.0.0.1",
            "::1",
            "10.0.0.5",
            "172.16.1.1",
            "192.168.1.2",
            "169.254.0.1",
            "100.64.0.1",
            "fd00::1",
            "fe80::1",
            "0.0.0.0",
            "relay",
            "mail.internal",
            "smtp.corp.local",
            "mx.lan",
        ] {
            assert_eq!(spf_for(&[host]), "v=spf1 ip4:ADDRESS ~all", "{host}");
        }
        assert_eq!(
            spf_for(&["localhost", "10.0.0.5", "smtp.gmail.com"]),
            "v=spf1 ip4:ADDRESS include:_spf.google.com ~all"
        );
    }

    #[test]
    fn a_key_is_compared_without_blanks() {
        assert_eq!(public_key("v=DKIM1; k=rsa; p=AB CD\tEF").as_deref(), Some("ABCDEF"));
        assert_eq!(public_key("v=DKIM1; p=").as_deref(), Some(""));
        assert_eq!(public_key("v=spf1 -all"), None);
    }

    #[test]
    fn a_policy_is_that_of_the_domain_or_one_above() {
        assert_eq!(
            itself_and_above("a.b.example.com").collect::<Vec<_>>(),
            ["a.b.example.com", "b.example.com", "example.com"]
        );
        assert_eq!(Dmarc::among(&texts(&["v=spf1 -all"])), Dmarc::None);
        let one = texts(&["v=DMARC1; p=reject"]);
        assert_eq!(Dmarc::among(&one), Dmarc::One { text: "v=DMARC1; p=reject", has_policy: true });
        assert!(matches!(
            Dmarc::among(&texts(&["v=DMARC1; rua=mailto:a@example.com"])),
            Dmarc::One { has_policy: false, .. }
        ));
        assert_eq!(Dmarc::among(&texts(&["v=DMARC1; p=none", "v=DMARC1; p=none"])), Dmarc::Several(2));
    }
}
