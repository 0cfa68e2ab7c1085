//! Loading the notice of a claimed delivery.

use std::sync::Arc;

use uuid::Uuid;

use crate::mail::compose::composer::Composer;
use crate::mail::compose::course::Past;
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
    let past = Past::of(conn, &kept).await?;
    let sending = Composer::new(kept, past);
    // Without the problem itself: it may quote the notice, and so an account.
    Ok(Some(sending.map(Arc::new).map_err(|problems| format!("{} problems in its text", problems.0.len()))))
}
