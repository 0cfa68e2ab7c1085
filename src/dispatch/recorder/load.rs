//! Loading the notice of a claimed delivery.

use std::sync::Arc;

use uuid::Uuid;

use crate::mail::compose::composer::Composer;
use crate::mail::compose::course::Past;
use crate::store::notices::Kept;
use crate::store::{Conn, StoreError, notices};

/// Loads a notice to send; if this version cannot read it, the reason.
///
/// # Errors
/// If the database fails.
pub async fn load(conn: &mut Conn, id: Uuid) -> Result<Option<Result<Arc<Composer>, String>>, StoreError> {
    let kept = match notices::find(conn, id).await {
        Err(error @ StoreError::Inconsistent { .. }) => return Ok(Some(Err(error.for_logs()))),
        found => found?,
    };
    let Some(kept) = kept else { return Ok(None) };
    let past = past(conn, &kept).await?;
    let sending = Composer::new(kept, past);
    // Without the problem itself: it may quote the notice, and so an account.
    Ok(Some(sending.map(Arc::new).map_err(|problems| format!("{} problems in its text", problems.0.len()))))
}

/// What the mails say of the notices before theirs. One that cannot be read is not mentioned; that must not keep anybody from being
/// informed.
async fn past(conn: &mut Conn, kept: &Kept) -> Result<Past, StoreError> {
    let mut past = Past::default();
    if kept.matter_id != kept.id {
        past.root_domain = readable(conn, kept, kept.matter_id).await?.map(|first| first.message_domain);
    }
    if let Some(follows) = kept.follows_id {
        past.before = readable(conn, kept, follows).await?.and_then(|before| before.parsed().ok());
    }
    Ok(past)
}

async fn readable(conn: &mut Conn, kept: &Kept, id: Uuid) -> Result<Option<Kept>, StoreError> {
    match notices::find(conn, id).await {
        Err(StoreError::Inconsistent { .. }) => {
            tracing::error!(notice = %kept.id, before = %id, "a notice before this one cannot be read: sent without mention of it");
            Ok(None)
        }
        found => found,
    }
}
