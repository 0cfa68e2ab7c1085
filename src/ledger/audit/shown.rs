//! What is shown of a notice: the columns of its row against its entries, and which of them it is that does not fit.

use uuid::Uuid;

use super::fold::{Closed, Manifest};
use crate::domain::clock::from_millis;
use crate::domain::coverage::Terms;
use crate::domain::delivery::Level;
use crate::domain::entry::{Person, shown};
use crate::domain::notice::{Notice, State};
use crate::store::notices::references;
use crate::store::proof::audit::{self, AuditedNotice};
use crate::store::proof::ledger as entries;
use crate::store::{Conn, StoreError};

/// Returns how a notice's row differs from its entries, if it does.
pub(super) async fn differs(
    conn: &mut Conn,
    notice: &AuditedNotice,
    (manifest, recipients): (&Manifest, u64),
    closed: Option<&Closed>,
) -> Result<Option<String>, StoreError> {
    let frozen = &manifest.frozen;
    let shown =
        shown(&notice.subject, notice.reference.as_deref(), notice.follows_id, &notice.message_domain, notice.terms);
    let counts = counted(notice, (manifest, recipients));
    Ok(match released(notice, manifest).or(counts) {
        Some(problem) => Some(problem),
        None if shown != frozen.shown => Some(unlike_sealed(conn, notice, frozen.shown).await?),
        None => ended(notice, closed),
    })
}

/// The sentence about a value that was changed.
pub(super) fn changed(what: &str, notice: &AuditedNotice, stored: &str, sealed: &str) -> String {
    format!("the {what} of notice {} is not what was sealed: {stored}, sealed {sealed}", notice.id)
}

fn released(notice: &AuditedNotice, manifest: &Manifest) -> Option<String> {
    let Some(at) = notice.released_at else {
        return Some(format!("notice {} has a manifest, but is not shown as released", notice.id));
    };
    (at != manifest.at).then(|| changed("time of release", notice, &time(at), &time(manifest.at)))
}

fn counted(notice: &AuditedNotice, (manifest, recipients): (&Manifest, u64)) -> Option<String> {
    let number = |what, stored: u64, sealed: u64| {
        (stored != sealed).then(|| changed(what, notice, &stored.to_string(), &sealed.to_string()))
    };
    number("number of recipients", notice.recipients, recipients)
        .or_else(|| {
            let (stored, sealed) = (notice.category.as_str(), manifest.category.as_str());
            (stored != sealed).then(|| changed("category", notice, stored, sealed))
        })
        .or_else(|| number("number of customers", notice.customers, manifest.frozen.customers))
}

fn ended(notice: &AuditedNotice, closed: Option<&Closed>) -> Option<String> {
    let sealed = if closed.is_some() { State::Closed } else { State::Released };
    match (notice.closed_at, closed) {
        (Some(stored), Some(closed)) if stored != closed.at => {
            Some(changed("time of closing", notice, &time(stored), &time(closed.at)))
        }
        (Some(_), None) | (None, Some(_)) => {
            Some(format!("notice {} is closed only in its row, or only in its entry", notice.id))
        }
        _ if notice.state != sealed && notice.state != State::Cancelled => {
            Some(changed("state", notice, notice.state.as_str(), sealed.as_str()))
        }
        _ => None,
    }
}

fn time(millis: i64) -> String {
    from_millis(millis).to_string()
}

/// The values that the manifest has one digest of.
#[derive(Clone, Debug, PartialEq)]
struct Shown {
    subject: String,
    reference: Option<String>,
    follows: Option<Uuid>,
    domain: String,
    terms: Option<Terms>,
}

impl Shown {
    fn digest(&self) -> [u8; 32] {
        shown(&self.subject, self.reference.as_deref(), self.follows, &self.domain, self.terms)
    }

    /// The same with each level that may have counted as informed.
    fn at_each_level(&self) -> impl Iterator<Item = Self> + '_ {
        let other = |level: &Level| {
            let terms = Terms { informed_at: *level, ..self.terms? };
            Some(Self { terms: Some(terms), ..self.clone() })
        };
        std::iter::once(self.clone()).chain(Level::ALL.iter().filter_map(other))
    }
}

/// Names the values that were changed. The manifest has only a digest of all of them; what they were is found in other places that are
/// sealed too: the text of the notice, and the Message-IDs in the entries of its deliveries.
async fn unlike_sealed(conn: &mut Conn, notice: &AuditedNotice, sealed: [u8; 32]) -> Result<String, StoreError> {
    let stored = Shown {
        subject: notice.subject.clone(),
        reference: notice.reference.clone(),
        follows: notice.follows_id,
        domain: notice.message_domain.clone(),
        terms: notice.terms,
    };
    let source = Notice::parse(&notice.source).ok();
    let subject = source.as_ref().and_then(|it| it.editions.first()?.subject.as_ref()).map(|it| it.as_str().to_owned());
    let reference = source.as_ref().map_or_else(|| stored.reference.clone(), |it| it.reference.clone());
    let followed = source.as_ref().and_then(|it| it.follows.as_deref());
    let domains = [Some(stored.domain.clone()), message_domain(conn, notice.id).await?];
    for domain in domains.into_iter().flatten() {
        for subject in [Some(&stored.subject), subject.as_ref()].into_iter().flatten() {
            for reference in [&stored.reference, &reference] {
                for follows in predecessors(conn, &stored, followed).await? {
                    let (subject, reference, domain) = (subject.clone(), reference.clone(), domain.clone());
                    let was = Shown { subject, reference, follows, domain, terms: stored.terms };
                    if let Some(was) = was.at_each_level().find(|was| was.digest() == sealed) {
                        return Ok(differences(notice, &stored, &was));
                    }
                }
            }
        }
    }
    // Without a subject of the author's own, it was that of the category, in the language of that time.
    let what = match subject {
        None => "subject of notice",
        Some(_) => "subject, reference, predecessor or Message-ID domain of notice",
    };
    Ok(format!("the {what} {}, or its deadline or level of being informed, is not what was sealed", notice.id))
}

/// The notices that one may have continued: the stored one, none, and those that its text names.
async fn predecessors(
    conn: &mut Conn,
    stored: &Shown,
    followed: Option<&str>,
) -> Result<Vec<Option<Uuid>>, StoreError> {
    let mut all = vec![stored.follows, None];
    if let Some(name) = followed {
        all.extend(name.parse().ok().map(Some));
        all.extend(references::bearers(conn, name).await?.into_iter().map(|notice| Some(notice.id)));
    }
    all.dedup();
    Ok(all)
}

/// The domain of the Message-ID of a delivery's entry.
async fn message_domain(conn: &mut Conn, notice: Uuid) -> Result<Option<String>, StoreError> {
    let first: Vec<Uuid> = audit::booked(conn, notice, 0, 100).await?.iter().map(|row| row.id).collect();
    let openings = entries::of_deliveries(conn, &first).await?;
    let ids = openings.iter().filter_map(|it| Person::from_cbor(it.person.as_deref()?).ok()).map(|it| it.message_id);
    let domain = |id: String| Some(id.rsplit_once('@')?.1.trim_end_matches('>').to_owned());
    Ok(ids.filter_map(domain).next())
}

fn differences(notice: &AuditedNotice, stored: &Shown, was: &Shown) -> String {
    let quoted = |text: Option<&str>| text.map_or_else(|| "none".to_owned(), |text| format!("{text:?}"));
    let id = |id: Option<Uuid>| id.map_or_else(|| "none".to_owned(), |id| id.to_string());
    let (subject, subject_was) = (quoted(Some(&stored.subject)), quoted(Some(&was.subject)));
    let (reference, reference_was) = (quoted(stored.reference.as_deref()), quoted(was.reference.as_deref()));
    let level = |it: &Shown| it.terms.map_or_else(|| "none".to_owned(), |terms| terms.informed_at.to_string());
    [
        ("subject", subject, subject_was),
        ("reference", reference, reference_was),
        ("predecessor", id(stored.follows), id(was.follows)),
        ("Message-ID domain", stored.domain.clone(), was.domain.clone()),
        ("level of being informed", level(stored), level(was)),
    ]
    .into_iter()
    .filter(|(_, stored, was)| stored != was)
    .map(|(what, stored, was)| changed(what, notice, &stored, &was))
    .collect::<Vec<_>>()
    .join("; ")
}
