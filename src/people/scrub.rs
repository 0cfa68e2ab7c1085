//! Scrubbing after a deletion: nothing deleted is left in the files. A scrub that fails is no failure of the deletion, which is
//! committed; it stays due until it was done.

use jiff::{Timestamp, ToSpan as _};

use crate::context::Context;
use crate::domain::category::{Category, Lane};
use crate::store::StoreError;
use crate::store::people::scrubs;
use crate::store::sending::waiting;

/// The hours of the night in which a dispatcher scrubs, by the organisation's clocks.
const NIGHT: std::ops::Range<i8> = 2..4;

/// How long a scrub is due before a dispatcher does it: what the same night deletes waits for the next.
const SETTLED: i64 = 90;

/// How long a scrub may be due before a dispatcher does it by day: it may not run at night.
const OVERDUE: i64 = 36 * 60;

/// Scrubs if anything was deleted since the last scrub. Returns false if a reader kept SQLite's log from being emptied; then the
/// scrub stays due.
pub(in crate::people) async fn now(context: &Context) -> Result<bool, StoreError> {
    let Some(due) = scrubs::due(&mut *context.store.read().await?).await? else { return Ok(true) };
    if !context.store.scrub().await? {
        return Ok(false);
    }
    let mut tx = context.store.write().await?;
    scrubs::done(&mut tx, due).await?;
    tx.commit().await?;
    Ok(true)
}

/// Scrubs if it is due and disturbs nobody: at night, or by day if it was not done for a night, and never while critical mail waits.
/// On SQLite all other writers wait for it. Returns true if it scrubbed.
pub(in crate::people) async fn when_calm(context: &Context) -> Result<bool, StoreError> {
    let Some(due) = scrubs::due(&mut *context.store.read().await?).await? else { return Ok(false) };
    if !is_time(context, due.since) || is_critical_mail_waiting(context).await? {
        return Ok(false);
    }
    now(context).await
}

fn is_time(context: &Context, since: Timestamp) -> bool {
    let now = context.clock.now();
    let zone = context.config.organisation.default_time_zone.time_zone();
    let is_due_for = |minutes: i64| since.checked_add(minutes.minutes()).is_ok_and(|end| end <= now);
    let is_night = NIGHT.contains(&now.to_zoned_datetime(zone).hour());
    (is_night && is_due_for(SETTLED)) || is_due_for(OVERDUE)
}

async fn is_critical_mail_waiting(context: &Context) -> Result<bool, StoreError> {
    let depths = waiting::depth_by_category(&mut *context.store.read().await?, None, context.clock.now()).await?;
    let is_critical = |category: Category| category.lane() == Lane::Critical;
    Ok(depths.into_iter().any(|(category, depth)| is_critical(category) && depth.leased + depth.due + depth.later > 0))
}
