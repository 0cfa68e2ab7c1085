//! Hosts of links that readers may take for others.

use std::net::IpAddr;

use unicode_security::MixedScript as _;
use unicode_security::skeleton;

/// Why readers may take a host for another one, or distrust it; `own` are the domains of the organisation.
pub fn suspicion(host: &str, ip: Option<IpAddr>, own: &[String]) -> Option<String> {
    if ip.is_some() {
        return Some(format!("a link leads to the number `{host}`: readers and filters trust names only"));
    }
    let own: Vec<&str> = own.iter().flat_map(|domain| [Some(domain.as_str()), parent(domain)]).flatten().collect();
    if own.iter().any(|domain| is_within(host, domain)) {
        return None;
    }
    let shown = idna::domain_to_unicode(host).0;
    if let Some(domain) = own.iter().find(|domain| is_like(&shown, domain)) {
        return Some(format!("a link leads to `{host}`, which looks like your `{domain}` and is not"));
    }
    let mixed = shown.split('.').find(|label| !label.is_single_script());
    if let Some(label) = mixed {
        return Some(format!("a link leads to `{host}`: `{label}` mixes alphabets, as hosts that deceive do"));
    }
    let latin = shown.split('.').find(|label| !label.is_ascii() && is_foreign(label) && looks_latin(label));
    latin.map(|label| {
        format!("a link leads to `{host}`: the letters of `{label}` look like Latin ones, and are of another alphabet")
    })
}

/// The parent of a domain, unless all domains of a registry have it in common, as `co.uk`.
fn parent(domain: &str) -> Option<&str> {
    let (_, parent) = domain.split_once('.')?;
    let (name, _) = parent.split_once('.')?;
    (name.len() > 3).then_some(parent)
}

fn is_within(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// True if the end of a host, or its beginning before another end, reads like a domain.
fn is_like(shown: &str, domain: &str) -> bool {
    let domain = idna::domain_to_unicode(domain).0;
    if shown.starts_with(&format!("{domain}.")) || shown.contains(&format!(".{domain}.")) {
        return true;
    }
    let labels = domain.split('.').count();
    let end: Vec<&str> = shown.rsplit('.').take(labels).collect();
    let end = end.into_iter().rev().collect::<Vec<_>>().join(".");
    let same_shape = skeleton(&end.to_lowercase()).eq(skeleton(&domain));
    // Digits count things, as in the hosts `node1` and `node2`.
    let letters = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
    let one_off =
        domain.len() >= 8 && strsim::damerau_levenshtein(&end, &domain) == 1 && letters(&end) != letters(&domain);
    same_shape || one_off
}

fn is_foreign(label: &str) -> bool {
    label.chars().all(|c| !c.is_ascii_alphabetic())
}

fn looks_latin(label: &str) -> bool {
    skeleton(label).all(|c| c.is_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_taken_for_others_are_found() {
        let own = ["notices.example.com".to_owned(), "räksmörgås.example".to_owned(), "shop.co.uk".to_owned()];
        let own = own.map(|domain| idna::domain_to_ascii(&domain).unwrap());
        for (host, part) in [
            ("example.com", ""),
            ("status.example.com", ""),
            ("xn--rksmrgs-5wao1o.example", ""),
            ("docs.example.org", ""),
            ("example.net", ""),
            ("other.co.uk", ""),
            ("пример.рф", ""),
            ("日本語.example", ""),
            ("examp1e.com", "looks like your `example.com`"),
            ("exarnple.com", "looks like your `example.com`"),
            ("exampel.com", "looks like your `example.com`"),
            ("login.exmple.com", "looks like your `example.com`"),
            ("exаmple.com", "looks like your `example.com`"),
            ("example.com.evil.example", "looks like your `example.com`"),
            ("raksmorgas.example", ""),
            ("pаypal.example", "mixes alphabets"),
            ("аррӏе.example", "look like Latin ones"),
        ] {
            let ascii = idna::domain_to_ascii(host).unwrap();
            let found = suspicion(&ascii, None, &own).unwrap_or_default();
            assert!(if part.is_empty() { found.is_empty() } else { found.contains(part) }, "{host}: {found}");
        }
        let found = suspicion("192.0.2.1", "192.0.2.1".parse().ok(), &own);
        assert!(found.is_some_and(|found| found.contains("`192.0.2.1`")));
    }
}
