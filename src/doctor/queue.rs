//! Whether everything that is unfinished has its place in the queue.

use super::{Check, Verdict};
use crate::app::App;
use crate::domain::words::count;
use crate::store::StoreError;
use crate::store::sending::lost;

/// Checks it. Only the deliveries of a notice whose numbers do not fit are read.
pub(super) async fn check(app: &App) -> Check {
    let what = "queue";
    match lost(app).await {
        Ok(0) => Check::new(what, Verdict::Ok, "every unfinished delivery has its place"),
        Ok(lost) => {
            let lost = count(lost, "delivery is unfinished and has", "deliveries are unfinished and have");
            let detail = format!(
                "{lost} no place in the queue: `besked dispatch` or a restart of `besked serve` queues them again"
            );
            Check::new(what, Verdict::Failed, detail)
        }
        Err(error) => Check::new(what, Verdict::Failed, error.to_string()),
    }
}

async fn lost(app: &App) -> Result<u64, StoreError> {
    let mut conn = app.context.store.snapshot().await?;
    let mut lost = 0;
    for notice in lost::notices(&mut conn).await? {
        lost += lost::count(&mut conn, notice).await?.0;
    }
    Ok(lost)
}
