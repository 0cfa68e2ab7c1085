//! Who wrote, submitted, approved and released a notice: the `operated` entries that evidence of it holds.

use uuid::Uuid;

use super::{EvidenceError, Wanted};
use crate::domain::actor::Action;
use crate::domain::entry::{Detail, Fact};
use crate::store::proof::ledger as entries;
use crate::store::proof::tree::Signed;
use crate::store::{Conn, notices};

/// The steps that led to what was sent: those on its final content, by index, as far as the checkpoint covers them. What else operators
/// did is no evidence of the notice: an earlier content was not sent, and a pause or a task says nothing about who is behind it.
///
/// Evidence for one address has none: it is part of what a person gets of their own data, which names no operator.
pub(super) async fn of(
    conn: &mut Conn,
    checkpoint: &Signed,
    wanted: &Wanted<'_>,
) -> Result<Vec<(u64, Uuid)>, EvidenceError> {
    if wanted.address.is_some() {
        return Ok(Vec::new());
    }
    let Some(notice) = notices::find(conn, wanted.notice_id).await? else { return Ok(Vec::new()) };
    let mut steps = Vec::new();
    for opening in entries::steps(conn, notice.id).await? {
        let is_final = Fact::read(&opening.fact).is_ok_and(|fact| {
            fact.notice.is_some_and(|(.., digest)| digest == notice.digest) && leads_to_release(&fact)
        });
        if let (true, Some(index)) = (is_final, opening.index.filter(|index| *index < checkpoint.size)) {
            steps.push((index, opening.entry_id));
        }
    }
    steps.sort_unstable();
    Ok(steps)
}

const fn leads_to_release(fact: &Fact) -> bool {
    let Detail::Operated { action, .. } = fact.detail else { return false };
    matches!(
        action,
        Action::Create | Action::Edit | Action::Submit | Action::Approve | Action::Schedule | Action::Release
    )
}
