//! The SPF record to publish for relays.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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

/// The domain that customers of the service behind a host include, if it is one that is known.
pub(super) fn service(host: &str) -> Option<&'static str> {
    let is_below = |suffix: &str| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    SERVICES.iter().find(|(suffix, _)| is_below(suffix)).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
