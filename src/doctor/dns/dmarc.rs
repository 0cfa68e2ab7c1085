//! DMARC policies (RFC 7489), and whether mail from here is aligned with its From address.

use super::tags;
use crate::domain::domain_name::DomainName;

/// The DMARC records of a name (RFC 7489 section 6.6.3: there is at most one).
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Dmarc<'a> {
    None,
    One(&'a str),
    Several(usize),
}

impl<'a> Dmarc<'a> {
    /// Those among the texts of a name.
    pub fn among(texts: &'a [String]) -> Self {
        let is_dmarc = |text: &&String| {
            text.split([';', '\\']).next().is_some_and(|tag| tag.replace(' ', "").eq_ignore_ascii_case("v=DMARC1"))
        };
        match texts.iter().filter(is_dmarc).collect::<Vec<_>>().as_slice() {
            [] => Self::None,
            [one] => Self::One(one),
            several => Self::Several(several.len()),
        }
    }
}

/// What receivers do with mail that is not aligned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policy {
    /// They take it.
    None,
    /// They put it aside or refuse it.
    Strict,
}

/// A policy, as it applies to a domain.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub policy: Policy,
    strict_spf: bool,
    strict_dkim: bool,
    /// What receivers ignore in the record.
    pub ignored: Vec<String>,
}

impl Rule {
    /// Reads a record; `is_above` if it is that of a domain above the one of the mail.
    ///
    /// # Errors
    /// If receivers ignore the record.
    pub fn read(text: &str, is_above: bool) -> Result<Self, String> {
        let tags = tags::read(text)?;
        let word = |name: &str, known: &[&str]| match tags::value(&tags, name) {
            None => Ok(None),
            Some(word) if known.contains(&word.to_ascii_lowercase().as_str()) => Ok(Some(word.to_ascii_lowercase())),
            Some(word) => Err(format!("`{name}={}` is none of {}", word.escape_debug(), known.join(", "))),
        };
        const POLICIES: [&str; 3] = ["none", "quarantine", "reject"];
        let Some(own) = word("p", &POLICIES)? else {
            return Err("it lacks `p=none`, `quarantine` or `reject`".to_owned());
        };
        let below = word("sp", &POLICIES)?;
        let applies = below.filter(|_| is_above).unwrap_or(own);
        let is_strict = |name: &str| Ok::<_, String>(word(name, &["r", "s"])?.as_deref() == Some("s"));
        let is_report =
            |address: &str| address.trim().to_ascii_lowercase().starts_with("mailto:") && address.contains('@');
        let mut ignored = Vec::new();
        for name in ["rua", "ruf"] {
            let wrong = tags::value(&tags, name).filter(|list| !list.split(',').all(is_report));
            ignored.extend(
                wrong.map(|list| {
                    format!("`{name}={}` must be `mailto:ADDRESS`: no report is sent", list.escape_debug())
                }),
            );
        }
        let policy = if applies == "none" { Policy::None } else { Policy::Strict };
        Ok(Self { policy, strict_spf: is_strict("aspf")?, strict_dkim: is_strict("adkim")?, ignored })
    }

    /// True if the return path's domain counts for the domain in From. `above` is the domain whose record it is.
    pub fn aligns_spf(&self, returns: &DomainName, from: &DomainName, above: &str) -> bool {
        aligned(self.strict_spf, returns, from, above)
    }

    /// True if a signature of this domain counts for the domain in From.
    pub fn aligns_dkim(&self, signs: &DomainName, from: &DomainName, above: &str) -> bool {
        aligned(self.strict_dkim, signs, from, above)
    }
}

/// Relaxed alignment is within the organisation's domain, which no list of public suffixes is asked for: one of both is below the
/// other, or both are below the domain of the record.
fn aligned(strict: bool, other: &DomainName, from: &DomainName, above: &str) -> bool {
    let within = |parent: &str| {
        DomainName::parse(parent).is_ok_and(|parent| other.is_within(&parent) && from.is_within(&parent))
    };
    other == from || (!strict && (other.is_within(from) || from.is_within(other) || within(above)))
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

    #[test]
    fn a_policy_is_that_of_the_domain_or_one_above() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            itself_and_above("a.b.example.com").collect::<Vec<_>>(),
            ["a.b.example.com", "b.example.com", "example.com"]
        );
        assert_eq!(Dmarc::among(&texts(&["v=spf1 -all"])), Dmarc::None);
        assert_eq!(Dmarc::among(&texts(&["v=DMARC1; p=reject"])), Dmarc::One("v=DMARC1; p=reject"));
        assert_eq!(Dmarc::among(&texts(&["v=DMARC1; p=none", "v=DMARC1; p=none"])), Dmarc::Several(2));
        let policy = |text: &str, is_above| Rule::read(text, is_above).unwrap().policy;
        assert_eq!(policy("v=DMARC1; p=none; sp=reject", false), Policy::None);
        assert_eq!(policy("v=DMARC1; p=none; sp=reject", true), Policy::Strict);
        assert_eq!(policy("v=DMARC1; p=Quarantine;", true), Policy::Strict);
        for bad in
            ["v=DMARC1; rua=mailto:a@example.com", "v=DMARC1; p=no", "v=DMARC1; p=none; adkim=x", "v=DMARC1\\; p=none"]
        {
            assert!(Rule::read(bad, false).is_err(), "{bad}");
        }
        assert_eq!(Rule::read("v=DMARC1; p=none; rua=d@x.example", false).unwrap().ignored.len(), 1);
    }

    #[test]
    fn alignment_is_strict_or_relaxed() {
        let domain = |text: &str| DomainName::parse(text).unwrap();
        let (from, bounces) = (domain("mail.x.example"), domain("bounces.x.example"));
        let relaxed = Rule::read("v=DMARC1; p=reject", true).unwrap();
        assert!(
            relaxed.aligns_spf(&bounces, &from, "x.example")
                && relaxed.aligns_dkim(&domain("x.example"), &from, "x.example")
        );
        assert!(!relaxed.aligns_spf(&domain("y.example"), &from, "x.example"));
        let strict = Rule::read("v=DMARC1; p=reject; aspf=s; adkim=s", true).unwrap();
        assert!(
            !strict.aligns_spf(&domain("x.example"), &from, "x.example")
                && strict.aligns_spf(&from, &from, "x.example")
        );
        assert!(!strict.aligns_dkim(&domain("x.example"), &from, "x.example"));
    }
}
