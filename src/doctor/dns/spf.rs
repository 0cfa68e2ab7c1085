//! SPF records as receivers read them (RFC 7208): their terms, and what makes a receiver ignore all of them.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::pin::Pin;

use super::lookup::{Dns, Found};

/// The most terms that need a lookup, those of included records counted too (RFC 7208 section 4.6.4).
const MOST_LOOKUPS: u32 = 10;

/// A term of a record, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// `all`, with true if it lets everybody send.
    All(bool),
    Include(String),
    /// The records of another domain count instead, if there is no `all`.
    Redirect(String),
    /// `a`, `mx`, `ptr` and `exists`.
    LooksUp,
    /// `ip4` and `ip6`.
    Address,
    /// A modifier without effect on who may send.
    Other,
}

/// The SPF records of a domain (RFC 7208 section 4.5: there is at most one).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Spf<'a> {
    None,
    One(&'a str),
    Several(usize),
}

impl<'a> Spf<'a> {
    /// Those among the texts of a domain.
    pub fn among(texts: &'a [String]) -> Self {
        let is_spf = |text: &&String| text.split(' ').next().is_some_and(|tag| tag.eq_ignore_ascii_case("v=spf1"));
        match texts.iter().filter(is_spf).collect::<Vec<_>>().as_slice() {
            [] => Self::None,
            [one] => Self::One(one),
            several => Self::Several(several.len()),
        }
    }
}

/// Why receivers ignore a record, or could not be followed here.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// Receivers answer "permerror".
    Permanent(String),
    /// The DNS did not answer.
    Unknown(String),
}

/// The terms of a record.
///
/// # Errors
/// If a term is none: receivers ignore the whole record then.
pub(super) fn terms(record: &str) -> Result<Vec<Term>, String> {
    let terms: Vec<Term> = record.split_ascii_whitespace().skip(1).map(term).collect::<Result<_, _>>()?;
    if terms.iter().filter(|term| matches!(term, Term::Redirect(_))).count() > 1 {
        return Err("`redirect=` is there twice".to_owned());
    }
    Ok(terms)
}

fn term(text: &str) -> Result<Term, String> {
    let wrong = |why: &str| Err(format!("`{}` {why}", text.escape_debug()));
    let lower = text.to_ascii_lowercase();
    let is_name = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    };
    if let Some((name, value)) = lower.split_once('=').filter(|(name, _)| is_name(name)) {
        return match name {
            "redirect" | "exp" if !is_domain(value) => wrong("names no domain"),
            "redirect" => Ok(Term::Redirect(value.to_owned())),
            _ => Ok(Term::Other),
        };
    }
    let passes = !lower.starts_with(['-', '~', '?']);
    let bare = lower.strip_prefix(['+', '-', '~', '?']).unwrap_or(&lower);
    let (name, rest) = bare.split_at(bare.find([':', '/']).unwrap_or(bare.len()));
    let value = rest.strip_prefix(':');
    match name {
        "all" if rest.is_empty() => Ok(Term::All(passes)),
        "include" | "exists" if !value.is_some_and(is_domain) => wrong("names no domain"),
        "include" => Ok(Term::Include(value.unwrap_or_default().to_owned())),
        "exists" => Ok(Term::LooksUp),
        "a" | "mx" | "ptr" => {
            let (host, masks) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            let is_host = host.is_empty() || host.strip_prefix(':').is_some_and(is_domain);
            if is_host && (masks.is_empty() || (name != "ptr" && is_masks(masks))) {
                Ok(Term::LooksUp)
            } else {
                wrong("names neither a domain nor the length of a network")
            }
        }
        "ip4" if value.is_some_and(|it| is_network(it, |address| address.parse::<Ipv4Addr>().is_ok(), 32)) => {
            Ok(Term::Address)
        }
        "ip6" if value.is_some_and(|it| is_network(it, |address| address.parse::<Ipv6Addr>().is_ok(), 128)) => {
            Ok(Term::Address)
        }
        "ip4" | "ip6" => wrong("is no address or network of that kind"),
        _ => wrong("is no term of SPF"),
    }
}

/// A domain, or one with macros, which depend on the mail.
fn is_domain(text: &str) -> bool {
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    text.contains("%{")
        || (text.trim_end_matches('.').contains('.')
            && text.trim_end_matches('.').split('.').all(|label| !label.is_empty() && label.len() <= 63)
            && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
            && !last.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `/24`, `//64` or `/24//64`.
fn is_masks(text: &str) -> bool {
    let is_length = |text: &str, most: u8| text.parse::<u8>().is_ok_and(|length| length <= most);
    match text.trim_start_matches('/').split_once("//") {
        Some((four, six)) => text.starts_with('/') && is_length(four, 32) && is_length(six, 128),
        None => match text.strip_prefix("//") {
            Some(six) => is_length(six, 128),
            None => text.strip_prefix('/').is_some_and(|four| is_length(four, 32)),
        },
    }
}

fn is_network(text: &str, is_address: impl Fn(&str) -> bool, most: u8) -> bool {
    match text.split_once('/') {
        Some((address, length)) => is_address(address) && length.parse::<u8>().is_ok_and(|length| length <= most),
        None => is_address(text),
    }
}

/// Follows the includes of a record as a receiver would.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    dns: &'a Dns,
    lookups: u32,
    /// The domains from the first one to the present one.
    path: Vec<String>,
}

impl<'a> Walk<'a> {
    pub fn new(dns: &'a Dns, domain: &str) -> Self {
        Self { dns, lookups: 0, path: vec![domain.to_owned()] }
    }

    /// Finds what makes receivers ignore the record.
    pub fn follow<'b>(
        &'b mut self,
        terms: &'b [Term],
    ) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + Send + 'b>> {
        Box::pin(async move {
            let has_all = terms.iter().any(|term| matches!(term, Term::All(_)));
            for term in terms {
                match term {
                    Term::LooksUp => self.count()?,
                    Term::Include(domain) => self.enter("include:", domain).await?,
                    Term::Redirect(domain) if !has_all => self.enter("redirect=", domain).await?,
                    Term::Redirect(_) | Term::All(_) | Term::Address | Term::Other => {}
                }
            }
            Ok(())
        })
    }

    fn count(&mut self) -> Result<(), Problem> {
        self.lookups += 1;
        if self.lookups > MOST_LOOKUPS {
            return Err(Problem::Permanent(format!(
                "it needs more than {MOST_LOOKUPS} lookups, those of the included records counted too: leave out includes that \
                 nobody sends through"
            )));
        }
        Ok(())
    }

    async fn enter(&mut self, how: &str, domain: &str) -> Result<(), Problem> {
        self.count()?;
        if domain.contains("%{") {
            return Ok(());
        }
        let domain = domain.trim_end_matches('.').to_owned();
        let permanent = |why: String| Err(Problem::Permanent(format!("`{how}{domain}` {why}")));
        if self.path.contains(&domain) {
            return permanent("leads back to itself".to_owned());
        }
        let texts = match self.dns.texts(&domain).await {
            Found::Records(texts) => texts,
            Found::Nothing => Vec::new(),
            Found::Failed(problem) => return Err(Problem::Unknown(format!("`{how}{domain}`: {problem}"))),
        };
        let record = match Spf::among(&texts) {
            Spf::One(record) => record,
            Spf::None => return permanent("has no SPF record".to_owned()),
            Spf::Several(count) => return permanent(format!("has {count} SPF records")),
        };
        let terms = match terms(record) {
            Ok(terms) => terms,
            Err(problem) => return permanent(format!("has a record that is none: {problem}")),
        };
        self.path.push(domain);
        let followed = self.follow(&terms).await;
        self.path.pop();
        followed
    }
}

/// What a record, whose terms can be read, allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allows {
    Anybody,
    Nobody,
    /// Only what other domains list.
    OthersOnly,
    Some,
}

/// What the terms of a record allow, without a look at the records that it includes.
pub(super) fn allows(terms: &[Term]) -> Allows {
    let has = |wanted: fn(&Term) -> bool| terms.iter().any(wanted);
    if has(|term| *term == Term::All(true)) {
        Allows::Anybody
    } else if has(|term| matches!(term, Term::LooksUp | Term::Address)) {
        Allows::Some
    } else if has(|term| matches!(term, Term::Include(_) | Term::Redirect(_))) {
        Allows::OthersOnly
    } else {
        Allows::Nobody
    }
}

/// Those of some includes that the terms do not name themselves. What an own relay needs cannot be known.
pub(super) fn lacks(terms: &[Term], includes: &[&str]) -> Vec<String> {
    let is_there = |name: &str| terms.iter().any(|term| matches!(term, Term::Include(domain) if domain == name));
    let redirects = terms.iter().any(|term| matches!(term, Term::Redirect(_)));
    let mut lacking: Vec<String> =
        includes.iter().filter(|name| !redirects && !is_there(name)).map(|name| format!("include:{name}")).collect();
    lacking.dedup();
    lacking
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
        assert_eq!(Spf::among(&texts(&["x", "v=spf1 ~all"])), Spf::One("v=spf1 ~all"));
    }

    #[test]
    fn a_record_with_a_term_that_is_none_is_ignored_by_receivers() {
        for good in [
            "v=spf1 a mx:example.com/24//64 a//64 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.example.com ~all",
            "V=SPF1 +A ?exists:%{i}._spf.example.com -all",
            "v=spf1 redirect=_spf.example.com",
            "v=spf1 ptr:example.com unknown=x:y -ALL",
        ] {
            assert!(terms(good).is_ok(), "{good}: {:?}", terms(good));
        }
        for (bad, named) in [
            ("v=spf1 ip4:1.2.3.999 -all", "`ip4:1.2.3.999`"),
            ("v=spf1 foo:bar -all", "`foo:bar`"),
            ("v=spf1 a all-", "`all-`"),
            ("v=spf1 ip4:192.0.2.0/33 -all", "`ip4:192.0.2.0/33`"),
            ("v=spf1 ip6:192.0.2.1 -all", "`ip6:192.0.2.1`"),
            ("v=spf1 include -all", "`include`"),
            ("v=spf1 include: -all", "`include:`"),
            ("v=spf1 a:127.0.0.1 -all", "`a:127.0.0.1`"),
            ("v=spf1 a/x -all", "`a/x`"),
            ("v=spf1 redirect=a.example redirect=b.example", "twice"),
            ("v=spf1 -all:x", "`-all:x`"),
        ] {
            assert!(terms(bad).is_err_and(|problem| problem.contains(named)), "{bad}: {:?}", terms(bad));
        }
    }

    #[test]
    fn what_a_record_allows() {
        let of = |record: &str| allows(&terms(record).unwrap());
        assert_eq!(of("v=spf1 +all"), Allows::Anybody);
        assert_eq!(of("v=spf1 all"), Allows::Anybody);
        assert_eq!(of("v=spf1 -all"), Allows::Nobody);
        assert_eq!(of("v=spf1 include:a.example -all"), Allows::OthersOnly);
        assert_eq!(of("v=spf1 include:a.example mx -all"), Allows::Some);
        let one = terms("v=spf1 include:_spf.google.com ~all").unwrap();
        assert_eq!(lacks(&one, &["_spf.google.com"]), Vec::<String>::new());
        assert_eq!(lacks(&one, &["spf.protection.outlook.com"]), ["include:spf.protection.outlook.com"]);
    }
}
