//! The notices before one: the one that it follows, the one that this follows, and so on. And whose customers a follow-up without an
//! audience of its own goes to: those of the matter.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::audience::Audience;
use crate::store::notices::{self, Kept, matters};
use crate::store::{Conn, StoreError};

/// The notices from one on, each followed by the one before it, to the first of the matter.
#[derive(Debug)]
pub(super) struct Lineage {
    next: Option<Uuid>,
    seen: BTreeSet<Uuid>,
}

impl Lineage {
    /// The lineage that begins with this notice.
    pub(super) const fn from(id: Option<Uuid>) -> Self {
        Self { next: id, seen: BTreeSet::new() }
    }

    /// The next notice. A draft that was never released may be deleted: the lineage ends there.
    pub(super) async fn next(&mut self, conn: &mut Conn) -> Result<Option<Kept>, StoreError> {
        let Some(id) = self.next.take().filter(|id| self.seen.insert(*id)) else { return Ok(None) };
        let found = notices::find(conn, id).await?;
        self.next = found.as_ref().and_then(|notice| notice.follows_id);
        Ok(found)
    }
}

/// The notices whose customers a follow-up of `followed` goes to, if it `reports` how far the matter is: all that speak for the matter, back
/// to the last one that went to the customers of all before it. Any other follow-up, such as news, goes to those of `followed` alone.
pub(super) async fn sources(conn: &mut Conn, followed: Uuid, reports: bool) -> Result<Vec<Uuid>, StoreError> {
    let known = matters::member_of(conn, followed).await?;
    let Some((matter, member)) = known.filter(|_| reports) else { return Ok(vec![followed]) };
    let mut sources = Vec::new();
    if member.said.progress.is_none() {
        sources.push(followed);
    }
    for member in matters::speaking(conn, matter).await?.into_iter().rev() {
        sources.push(member.id);
        if notices::find(conn, member.id).await?.is_some_and(|notice| !has_own(&notice)) {
            break;
        }
    }
    if sources.is_empty() { Ok(vec![followed]) } else { Ok(sources) }
}

/// True if a notice names its audience itself. One that this version cannot read may do so.
pub(super) fn has_own(notice: &Kept) -> bool {
    !notice.parsed().is_ok_and(|notice| matches!(notice.audience, Audience::Followed { .. }))
}
