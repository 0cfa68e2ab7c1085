//! Leases: which claims this node holds, and their renewal.
//!
//! Only what is held is renewed. A claim whose commit succeeded but was never answered is leased to this node without an
//! owner inside it: if it were renewed with the others, it would wait for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Context, TICK};
use crate::store::queue::{self, Claimed, Held, LEASE_MS};
use crate::store::{Store, StoreError};

/// Lease time that must be left when DATA begins, in milliseconds.
const MARGIN_MS: i64 = 5_000;

/// How long a renewal may take: another one still fits before the leases expire.
const DEADLINE: Duration = Duration::from_secs(9);

/// The claims that this node holds, from the commit of the claim to the commit of its outcome.
#[derive(Debug, Default)]
pub struct Leases {
    /// By delivery and token: when the lease began or was last renewed, in milliseconds.
    since: Mutex<HashMap<(Uuid, i64), i64>>,
}

impl Leases {
    /// Adds a claim.
    pub fn begin(&self, claimed: &Claimed, at: Timestamp) {
        self.since().insert((claimed.delivery_id, claimed.token), at.as_millisecond());
    }

    /// Removes a claim whose outcome is recorded.
    pub fn end(&self, delivery_id: Uuid, token: i64) {
        self.since().remove(&(delivery_id, token));
    }

    /// All claims held.
    pub fn held(&self) -> Vec<Held> {
        self.since().keys().map(|(id, token)| Held { id: *id, token: *token }).collect()
    }

    /// True while a claim has time left for the message. Uses the wall clock, which also counts time spent suspended.
    pub fn has_time(&self, claimed: &Claimed, now_ms: i64) -> bool {
        let since = self.since().get(&(claimed.delivery_id, claimed.token)).copied();
        since.is_some_and(|since| now_ms < since + LEASE_MS - MARGIN_MS)
    }

    /// Renews what is held, and returns what is leased to this node without an owner inside it.
    async fn renew(&self, store: &Store, owner: &str, now: Timestamp) -> Result<(), StoreError> {
        let held = self.held();
        let mut tx = store.write().await?;
        let renewed = queue::renew(&mut tx, owner, now, &held).await?;
        let lost = queue::give_back_unheld(&mut tx, owner, now, &held, false).await?;
        tx.commit().await?;
        let mut since = self.since();
        for Held { id, token } in renewed {
            since.entry((id, token)).and_modify(|since| *since = now.as_millisecond());
        }
        if lost > 0 {
            tracing::info!(lost, "gave back claims that nobody held");
        }
        Ok(())
    }

    fn since(&self) -> MutexGuard<'_, HashMap<(Uuid, i64), i64>> {
        // Each change is a single insertion or removal.
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews after each third of a lease until `stop`, however long other work takes.
pub async fn keep(context: Arc<Context>, stop: CancellationToken) {
    let mut next = 0;
    loop {
        let now = context.clock.now();
        if now.as_millisecond() >= next {
            let renewed = context.leases.renew(&context.store, &context.owner, now);
            match context.store.within(DEADLINE, renewed).await {
                Ok(()) => next = now.as_millisecond() + LEASE_MS / 3,
                Err(error) => context.outage.tell("leases cannot be renewed", &error.for_logs()),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(TICK) => {}
        }
    }
}
