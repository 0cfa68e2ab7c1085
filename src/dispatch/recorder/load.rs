//! Loading the notice of a claimed delivery.

use std::sync::Arc;

use uuid::Uuid;

use crate::mail::compose::composer::Composer;
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
    let follows_domain = match kept.follows_id {
        Some(follows) => match notices::find(conn, follows).await {
            // Mail clients then do not show the two together; that must not keep anybody from being told.
            Err(StoreError::Inconsistent { .. }) => {
                tracing::error!(notice = %id, %follows, "the notice that this one follows cannot be read: sent without a thread");
                None
            }
            found => found?.map(|notice| notice.message_domain),
        },
        None => None,
    };
    let sending = Composer::new(kept, follows_domain);
    // Without the problem itself: it may quote the notice, and so an account.
    Ok(Some(sending.map(Arc::new).map_err(|problems| format!("{} problems in its text", problems.0.len()))))
}
