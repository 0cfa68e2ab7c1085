//! What the DNS says about mail from here: SPF, DKIM, DMARC, MX and PTR, and what to publish if it says too little.

mod lookup;
mod records;

use std::net::IpAddr;

pub use lookup::Dns;
use lookup::Found;
use records::{Dmarc, Spf};

use super::{Check, Verdict};
use crate::config::{Config, Dkim, HelloName};
use crate::mail::dkim::{self, Record};

/// Looks up everything that receivers look up about mail from this configuration.
pub(super) async fn check(dns: &Dns, config: &Config, progress: &dyn Fn(&str)) -> Vec<Check> {
    let mut checks = Vec::new();
    let bounces = config.sender.bounce_domain.as_str();
    progress("the DNS: SPF and MX");
    checks.push(spf(dns, bounces, config).await);
    checks.push(mx(dns, bounces, "bounces cannot come back", Verdict::Failed).await);
    let replies = config.sender.reply_to.email.domain();
    checks.push(mx(dns, replies, "nobody can reply", Verdict::Warning).await);
    progress("the DNS: DKIM");
    if config.dkim.is_empty() {
        let detail = "no `[[dkim]]` key is configured: Gmail, Yahoo and Microsoft refuse unsigned mail from bulk senders, unless \
                      the relay signs for the domain of `[sender] from`";
        checks.push(Check::new("dns DKIM", Verdict::Warning, detail));
    }
    for entry in &config.dkim {
        checks.push(key(dns, entry).await);
    }
    progress("the DNS: DMARC");
    for domain in config.from_domains() {
        checks.push(dmarc(dns, domain.as_str()).await);
    }
    progress("the DNS: PTR");
    checks.push(ptr(dns, &config.smtp.hello_name).await);
    checks
}

fn failed(what: String, problem: &str) -> Check {
    Check::new(what, Verdict::Warning, format!("could not be looked up: {problem}"))
}

/// The SPF record of the domain in MAIL FROM (RFC 7208).
async fn spf(dns: &Dns, domain: &str, config: &Config) -> Check {
    let what = format!("dns SPF {domain}");
    let texts = match dns.texts(domain).await {
        Found::Records(texts) => texts,
        Found::Nothing => Vec::new(),
        Found::Failed(problem) => return failed(what, &problem),
    };
    let hosts: Vec<&str> = config.relays.iter().map(|relay| relay.url.host.as_str()).collect();
    let value = records::spf_for(&hosts);
    let wanted = |check: Check| Check {
        record: Some(Record { name: domain.to_owned(), kind: "TXT", value: value.clone() }),
        ..check
    };
    match Spf::among(&texts) {
        Spf::None => {
            let mut detail = "none: receivers cannot see that the relays may send for this domain".to_owned();
            if value.contains(records::ADDRESS) {
                detail += "; in the record below, ADDRESS is the public address that the mail leaves from, which cannot be known here";
            }
            wanted(Check::new(what, Verdict::Failed, detail))
        }
        Spf::Several(count) => {
            let detail = format!("{count} records, of which receivers take none (RFC 7208 section 4.5): keep one");
            Check::new(what, Verdict::Failed, detail)
        }
        Spf::One(record) if record.lets_anybody() => {
            Check::new(what, Verdict::Warning, format!("`{}` lets anybody send: end it with `-all`", record.text))
        }
        Spf::One(record) => match record.lacks(&hosts) {
            lacking if lacking.is_empty() => Check::new(what, Verdict::Ok, format!("`{}`", record.text)),
            lacking => {
                let names = lacking.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
                let detail = format!("`{}` does not name the relay's {names}: add it", record.text);
                Check::new(what, Verdict::Warning, detail)
            }
        },
    }
}

/// A host that takes mail for a domain (RFC 5321 section 5.1).
async fn mx(dns: &Dns, domain: &str, otherwise: &str, worst: Verdict) -> Check {
    let what = format!("dns MX {domain}");
    match dns.exchanges(domain).await {
        // RFC 7505.
        Found::Records(hosts) if hosts == ["."] => {
            Check::new(what, worst, format!("the domain takes no mail (null MX), so {otherwise}"))
        }
        Found::Records(hosts) => Check::new(what, Verdict::Ok, hosts.join(", ")),
        Found::Nothing => match dns.addresses(domain).await {
            Found::Records(_) => Check::new(what, Verdict::Warning, "none: mail goes to the host of that name"),
            _ => Check {
                record: Some(Record {
                    name: domain.to_owned(),
                    kind: "MX",
                    value: "10 HOST-THAT-TAKES-MAIL".to_owned(),
                }),
                ..Check::new(what, worst, format!("none, so {otherwise}"))
            },
        },
        Found::Failed(problem) => failed(what, &problem),
    }
}

/// The public key of a signature (RFC 6376 section 3.6).
async fn key(dns: &Dns, entry: &Dkim) -> Check {
    let what = format!("dns DKIM {}", entry.record_name());
    let ours = match dkim::look(entry) {
        Ok(looked) => looked.record,
        Err(error) => return Check::new(what, Verdict::Failed, error.to_string()),
    };
    let published = match dns.texts(&entry.record_name()).await {
        Found::Records(texts) => texts,
        Found::Nothing => Vec::new(),
        Found::Failed(problem) => return failed(what, &problem),
    };
    let detail = match published.iter().map(|text| records::public_key(text)).collect::<Vec<_>>().as_slice() {
        [] => "none: receivers cannot check the signature",
        [Some(key)] if key.is_empty() => "the key is revoked: its `p=` is empty",
        [Some(key)] if Some(key) == records::public_key(&ours.value).as_ref() => {
            return Check::new(what, Verdict::Ok, "the key that signs");
        }
        [Some(_)] => "another key than the one that signs: publish this one, or sign with that one",
        [None] => "a record without a key",
        _ => "several records, of which receivers may take any: keep one",
    };
    Check { record: Some(ours), ..Check::new(what, Verdict::Failed, detail) }
}

/// The policy of a domain, its own or that of a domain above it (RFC 7489 section 6.6.3).
async fn dmarc(dns: &Dns, domain: &str) -> Check {
    let what = format!("dns DMARC {domain}");
    for above in records::itself_and_above(domain) {
        let texts = match dns.texts(&format!("_dmarc.{above}")).await {
            Found::Records(texts) => texts,
            Found::Nothing => continue,
            Found::Failed(problem) => return failed(what, &problem),
        };
        match Dmarc::among(&texts) {
            Dmarc::None => {}
            Dmarc::Several(count) => {
                let detail = format!("{count} records, of which receivers take none: keep one");
                return Check::new(what, Verdict::Failed, detail);
            }
            Dmarc::One { text, has_policy: false } => {
                return Check::new(what, Verdict::Failed, format!("`{text}` lacks `p=none`, `quarantine` or `reject`"));
            }
            Dmarc::One { text, .. } => return Check::new(what, Verdict::Ok, format!("`{text}` at `_dmarc.{above}`")),
        }
    }
    let value = format!("v=DMARC1; p=none; rua=mailto:dmarc@{domain}");
    Check {
        record: Some(Record { name: format!("_dmarc.{domain}"), kind: "TXT", value }),
        ..Check::new(
            what,
            Verdict::Warning,
            "none: Gmail, Yahoo and Microsoft refuse mail from bulk senders without one",
        )
    }
}

/// Whether the addresses of the name in EHLO have that name: receivers check it of hosts that deliver to them.
async fn ptr(dns: &Dns, hello: &HelloName) -> Check {
    let what = format!("dns PTR {hello}");
    let HelloName::Domain(name) = hello else {
        return Check::new(what, Verdict::Ok, "an address stands for the name");
    };
    let addresses = match dns.addresses(name.as_str()).await {
        Found::Records(addresses) => addresses,
        Found::Nothing => {
            let detail = "has no address: set `[smtp] hello_name` to the full name of this host in the DNS";
            return Check::new(what, Verdict::Warning, detail);
        }
        Found::Failed(problem) => return failed(what, &problem),
    };
    let mut wrong = Vec::new();
    for address in &addresses {
        match dns.names(*address).await {
            Found::Records(names) if names.iter().any(|it| it == name.as_str()) => {}
            Found::Records(names) => wrong.push(format!("{address} has the name {}", names.join(", "))),
            Found::Nothing => wrong.push(format!("{address} has no name")),
            Found::Failed(problem) => return failed(what, &problem),
        }
    }
    let shown = addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    if wrong.is_empty() {
        return Check::new(what, Verdict::Ok, shown);
    }
    let detail =
        format!("{}: ask who runs this network to name it {name}, unless a relay delivers for you", wrong.join("; "));
    Check::new(what, Verdict::Warning, detail)
}
