//! What the row of a notice says of its matter: phase, window and promised time against its text, whose digest the manifest names; its
//! matter against the notice that it follows; its place against the order of the manifests.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::shown::changed;
use super::{Damage, Stop};
use crate::domain::clock::from_millis;
use crate::domain::matter::{Progress, Said};
use crate::domain::notice::Notice;
use crate::store::notices::matters;
use crate::store::proof::audit::AuditedNotice;
use crate::store::{Conn, StoreError};

/// A released notice in its matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    sequence: Option<u64>,
    /// Index of its manifest; the largest there is for one that waits to be sealed.
    index: u64,
    notice: Uuid,
}

/// The released notices of each matter.
#[derive(Default)]
pub(super) struct Course(BTreeMap<Uuid, Vec<Place>>);

impl Course {
    /// Compares the row of a released notice, and notes its place.
    pub(super) async fn enter(&mut self, conn: &mut Conn, notice: &AuditedNotice, index: u64) -> Result<(), Stop> {
        if let Some(problem) = unlike_text(notice) {
            return Err(Damage::at(index, problem).into());
        }
        let matter = matter(conn, notice).await?;
        if let Some(matter) = matter.filter(|matter| *matter != notice.matter_id) {
            let problem = changed("matter", notice, &notice.matter_id.to_string(), &matter.to_string());
            return Err(Damage::at(index, problem).into());
        }
        let place = Place { sequence: notice.sequence, index, notice: notice.id };
        self.0.entry(notice.matter_id).or_default().push(place);
        Ok(())
    }

    /// Checks that the places in each matter are 1, 2, 3 in the order of the manifests.
    pub(super) fn close(mut self) -> Result<(), Damage> {
        for places in self.0.values_mut() {
            places.sort_unstable();
            let mut before = 0;
            for (expected, place) in (1..).zip(places.iter()) {
                if place.sequence != Some(expected) || place.index < before {
                    let problem =
                        format!("the place of notice {} in its matter is not the one of its release", place.notice);
                    return Err(Damage::at(place.index, problem));
                }
                before = place.index;
            }
        }
        Ok(())
    }
}

/// The matter that a notice belongs to by the one that it follows; `None` if that one was deleted, as a draft may be.
async fn matter(conn: &mut Conn, notice: &AuditedNotice) -> Result<Option<Uuid>, StoreError> {
    match notice.follows_id {
        Some(followed) => Ok(matters::member_of(conn, followed).await?.map(|(matter, _)| matter)),
        None => Ok(Some(notice.id)),
    }
}

/// What the text says differently, if this version can read it.
fn unlike_text(notice: &AuditedNotice) -> Option<String> {
    let text = Said::of(&Notice::parse(&notice.source).ok()?);
    let word = |word: Option<&str>| word.unwrap_or("none").to_owned();
    let window = |window: Option<(i64, i64)>| {
        window.map_or_else(|| word(None), |(start, end)| format!("{} to {}", time(start), time(end)))
    };
    let promised = |at: Option<i64>| at.map_or_else(|| word(None), time);
    let of_text = text.window.map(|(start, end)| (start.as_millisecond(), end.as_millisecond()));
    [
        ("phase, status or stage", word(notice.phase.as_deref()), word(text.progress.map(Progress::as_str))),
        ("window", window(notice.window), window(of_text)),
        (
            "time of the next update",
            promised(notice.next_update_at),
            promised(text.next_update_at.map(Timestamp::as_millisecond)),
        ),
    ]
    .into_iter()
    .find(|(_, stored, text)| stored != text)
    .map(|(what, stored, text)| changed(what, notice, &stored, &text))
}

fn time(millis: i64) -> String {
    from_millis(millis).to_string()
}
