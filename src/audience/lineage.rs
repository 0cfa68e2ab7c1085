//! The notices before one: the one that it follows, the one that this follows, and so on. And whose customers a follow-up without an
//! audience of its own goes to: those of the matter.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::audience::Audience;
use crate::domain::notice::State;
use crate::store::notices::{self, Kept};
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

/// The notices whose customers a follow-up of `followed` goes to: that one, and as long as one has an audience of its own, those before it
/// in the matter. One that was cancelled before anybody got it adds nobody, unless it is the first. If the follow-up does not say how far
/// the matter is, as news, only `followed`.
pub(super) async fn sources(conn: &mut Conn, followed: Uuid, reports: bool) -> Result<Vec<Uuid>, StoreError> {
    let (mut sources, mut lineage) = (Vec::new(), Lineage::from(Some(followed)));
    while let Some(notice) = lineage.next(conn).await? {
        // A reminder does not speak, and one that was cancelled half-way has the customers of the notice that it repeats.
        let is_void = notice.state == State::Cancelled && !notice.speaks && notice.follows_id.is_some();
        if !is_void && (notice.id == followed || notice.said.progress.is_some()) {
            sources.push(notice.id);
        }
        let has_theirs = notice.said.progress.is_some() && !is_void && notice.sequence.is_some() && !has_own(&notice);
        if !reports || has_theirs {
            break;
        }
    }
    if sources.is_empty() { Ok(vec![followed]) } else { Ok(sources) }
}

/// True if a notice names its audience itself. One that this version cannot read may do so.
pub(super) fn has_own(notice: &Kept) -> bool {
    !notice.parsed().is_ok_and(|notice| matches!(notice.audience, Audience::Followed { .. }))
}
