//! What the DNS says about mail from here: SPF, DKIM, DMARC, MX and PTR, and what to publish if it says too little.

mod dmarc;
mod lookup;
mod records;
mod spf;
mod tags;

use std::net::IpAddr;

use dmarc::{Dmarc, Policy, Rule};
pub use lookup::Dns;
use lookup::Found;
use spf::{Allows, Problem, Spf, Walk};

use super::{Check, Verdict};
use crate::config::{Config, Dkim, HelloName};
use crate::domain::domain_name::DomainName;
use crate::mail::dkim::{self, Record};

/// Looks up everything that receivers look up about mail from this configuration.
pub(super) async fn check(dns: &Dns, config: &Config, progress: &dyn Fn(&str)) -> Vec<Check> {
    let mut checks = Vec::new();
    let returns = config.return_domains();
    progress("the DNS: SPF and MX");
    for domain in &returns {
        checks.push(spf(dns, domain.as_str(), config).await);
    }
    let replies = config.sender.reply_to.email.domain();
    for domain in &returns {
        let otherwise = if domain.as_str() == replies {
            "bounces cannot come back, and nobody can reply"
        } else {
            "bounces cannot come back"
        };
        checks.push(mx(dns, domain.as_str(), otherwise, Verdict::Failed).await);
    }
    if returns.iter().all(|domain| domain.as_str() != replies) {
        checks.push(mx(dns, replies, "nobody can reply", Verdict::Warning).await);
    }
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
        checks.push(dmarc(dns, &domain, config).await);
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
    let has_own_address = value.contains(records::ADDRESS);
    let record = match Spf::among(&texts) {
        Spf::None => {
            let mut detail = "none: receivers cannot see that the relays may send for this domain".to_owned();
            if has_own_address {
                detail += "; in the record below, ADDRESS is the public address that the mail leaves from, which cannot be known here";
            }
            let record = Some(Record { name: domain.to_owned(), kind: "TXT", value });
            return Check { record, ..Check::new(what, Verdict::Failed, detail) };
        }
        Spf::Several(count) => {
            let detail = format!("{count} records, of which receivers take none (RFC 7208 section 4.5): keep one");
            return Check::new(what, Verdict::Failed, detail);
        }
        Spf::One(record) => record,
    };
    let terms = match spf::terms(record) {
        Ok(terms) => terms,
        Err(problem) => {
            return Check::new(what, Verdict::Failed, format!("`{record}`: receivers ignore it: {problem}"));
        }
    };
    match Walk::new(dns, domain).follow(&terms).await {
        Ok(()) => {}
        Err(Problem::Permanent(problem)) => {
            return Check::new(what, Verdict::Failed, format!("`{record}`: receivers ignore it: {problem}"));
        }
        Err(Problem::Unknown(problem)) => return failed(what, &problem),
    }
    let includes: Vec<&str> = hosts.iter().filter_map(|host| records::service(host)).collect();
    let lacking = spf::lacks(&terms, &includes);
    let (verdict, said) = match spf::allows(&terms) {
        Allows::Anybody => (Verdict::Warning, "lets anybody send: end it with `-all`".to_owned()),
        Allows::Nobody => (Verdict::Failed, format!("lets nobody send: publish for example `{value}`")),
        _ if !lacking.is_empty() => {
            let names = lacking.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            (Verdict::Warning, format!("does not name the relay's {names}: add it"))
        }
        Allows::OthersOnly if has_own_address => (
            Verdict::Warning,
            "lists other services only, and a relay in this network sends from an address of yours: add `ip4:ADDRESS` with the \
             public one"
                .to_owned(),
        ),
        _ if has_own_address => {
            (Verdict::Ok, "whether it lists the public address that mail leaves from cannot be known here".to_owned())
        }
        _ => (Verdict::Ok, String::new()),
    };
    Check::new(what, verdict, format!("`{record}` {said}").trim_end().to_owned())
}

/// A host that takes mail for a domain (RFC 5321 section 5.1).
async fn mx(dns: &Dns, domain: &str, otherwise: &str, worst: Verdict) -> Check {
    let what = format!("dns MX {domain}");
    let hosts = match dns.exchanges(domain).await {
        // RFC 7505.
        Found::Records(hosts) if hosts == ["."] => {
            return Check::new(what, worst, format!("the domain takes no mail (null MX), so {otherwise}"));
        }
        Found::Records(hosts) => hosts,
        Found::Nothing => {
            return match dns.addresses(domain).await {
                Found::Records(_) => Check::new(what, Verdict::Warning, "none: mail goes to the host of that name"),
                Found::Failed(problem) => failed(what, &problem),
                Found::Nothing => {
                    let value = "10 HOST-THAT-TAKES-MAIL".to_owned();
                    let record = Some(Record { name: domain.to_owned(), kind: "MX", value });
                    Check { record, ..Check::new(what, worst, format!("none, so {otherwise}")) }
                }
            };
        }
        Found::Failed(problem) => return failed(what, &problem),
    };
    let mut without = Vec::new();
    for host in &hosts {
        let is_address = host.parse::<IpAddr>().is_ok();
        match if is_address { Found::Nothing } else { dns.addresses(host).await } {
            Found::Records(_) => {}
            Found::Nothing if is_address => {
                without.push(format!("`{host}` is an address, and must be the name of a host"))
            }
            Found::Nothing => without.push(format!("`{host}` has no address")),
            Found::Failed(problem) => return failed(what, &format!("`{host}`: {problem}")),
        }
    }
    match without.len() {
        0 => Check::new(what, Verdict::Ok, hosts.join(", ")),
        wrong if wrong == hosts.len() => Check::new(what, worst, format!("{}, so {otherwise}", without.join("; "))),
        _ => Check::new(what, Verdict::Warning, format!("{}: {}", hosts.join(", "), without.join("; "))),
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
    let detail = match published.as_slice() {
        [] => "none: receivers cannot check the signature".to_owned(),
        [one] => match tags::key_problem(one, &ours.value) {
            None if tags::is_testing(one) => {
                let detail = "the key that signs, with `t=y`: receivers treat the mail as unsigned, leave it out";
                return Check::new(what, Verdict::Warning, detail);
            }
            None => return Check::new(what, Verdict::Ok, "the key that signs"),
            Some(problem) => problem,
        },
        _ => "several records, of which receivers may take any: keep one".to_owned(),
    };
    Check { record: Some(ours), ..Check::new(what, Verdict::Failed, detail) }
}

/// The policy of a domain, its own or that of a domain above it (RFC 7489 section 6.6.3), and whether mail from here passes it.
async fn dmarc(dns: &Dns, domain: &DomainName, config: &Config) -> Check {
    let what = format!("dns DMARC {domain}");
    for above in dmarc::itself_and_above(domain.as_str()) {
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
            Dmarc::One(text) => {
                let (verdict, said) = match Rule::read(text, above != domain.as_str()) {
                    Ok(rule) => passes(&rule, domain, above, config),
                    Err(problem) => (Verdict::Failed, format!(": receivers ignore it: {problem}")),
                };
                return Check::new(what, verdict, format!("`{text}` at `_dmarc.{above}`{said}"));
            }
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

/// Whether mail from a domain passes a policy, by the domains of its return path and signatures.
fn passes(rule: &Rule, from: &DomainName, above: &str, config: &Config) -> (Verdict, String) {
    // If each mail has its From as return path, that is always aligned.
    let by_spf = config.return_domains().iter().any(|returns| rule.aligns_spf(returns, from, above));
    let by_dkim = config.dkim.iter().any(|key| rule.aligns_dkim(&key.domain, from, above));
    let ignored = rule.ignored.iter().map(|ignored| format!("; {ignored}")).collect::<String>();
    let odd = if rule.ignored.is_empty() { Verdict::Ok } else { Verdict::Warning };
    let unless = if config.dkim.is_empty() { ", unless the relay signs for it" } else { "" };
    match (by_spf || by_dkim, rule.policy) {
        (true, _) => (odd, ignored),
        (false, Policy::Strict) => (
            Verdict::Failed,
            format!(
                ": receivers refuse mail from here{unless}: neither its return path nor a signature counts for `{from}` by the \
                 alignment that the policy asks for; sign with a key of `{from}`{ignored}"
            ),
        ),
        (false, Policy::None) => (
            Verdict::Warning,
            format!(
                ": neither the return path nor a signature counts for `{from}`{unless}: sign with a key of it{ignored}"
            ),
        ),
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
