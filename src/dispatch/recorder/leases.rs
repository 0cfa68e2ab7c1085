//! Leases: which claims this node holds, and their renewal.
//!
//! Only what is held is renewed. A claim whose commit succeeded but was never answered is leased to this node without an
//! owner inside it: if it were renewed with the others, it would wait for ever.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::dispatch::recorder::every::Every;
use crate::dispatch::{Context, TICK};
use crate::store::sending::claims::Claimed;
use crate::store::sending::leases::{self, Held};
use crate::store::sending::queue::LEASE_MS;
use crate::store::{Store, StoreError};

/// Lease time that must be left when DATA begins, in milliseconds.
const MARGIN_MS: i64 = 5_000;

/// How long a renewal may take: another one still fits before the leases expire.
const DEADLINE: Duration = Duration::from_secs(9);

/// The claims that this node holds, from the claim to the commit of its outcome: by delivery and token, when the lease began or
/// was last renewed. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Leases(Arc<Mutex<HashMap<(Uuid, i64), Since>>>);

/// A claim among [`Leases`]. It is renewed until this is dropped.
#[derive(Debug)]
pub struct Lease {
    leases: Leases,
    /// The delivery.
    pub delivery_id: Uuid,
    /// The token it was claimed with.
    pub token: i64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.leases.since().remove(&(self.delivery_id, self.token));
    }
}

/// A moment by both clocks: one stops while the machine is suspended, the other can be set.
#[derive(Clone, Copy, Debug)]
struct Since {
    at: Instant,
    at_ms: i64,
}

impl Leases {
    /// Adds a claim that is being made. Until its commit nothing can be renewed of it, which does no harm.
    pub fn begin(&self, delivery_id: Uuid, token: i64, now: Timestamp) -> Lease {
        let since = Since { at: Instant::now(), at_ms: now.as_millisecond() };
        self.since().insert((delivery_id, token), since);
        Lease { leases: self.clone(), delivery_id, token }
    }

    /// All claims held.
    pub fn held(&self) -> Vec<Held> {
        self.since().keys().map(|(id, token)| Held { id: *id, token: *token }).collect()
    }

    /// True while a claim has time left for the message, by both clocks.
    pub fn has_time(&self, claimed: &Claimed, now_ms: i64) -> bool {
        let since = self.since().get(&(claimed.delivery_id, claimed.token)).copied();
        let left = Duration::from_millis((LEASE_MS - MARGIN_MS).unsigned_abs());
        since.is_some_and(|it| now_ms < it.at_ms + LEASE_MS - MARGIN_MS && it.at.elapsed() < left)
    }

    /// Renews what is held, and returns what is leased to this node without an owner inside it.
    async fn renew(&self, store: &Store, owner: &str, now: Timestamp) -> Result<(), StoreError> {
        let (held, begun) = (self.held(), Instant::now());
        let mut tx = store.write().await?;
        let renewed = leases::renew(&mut tx, owner, now, &held).await?;
        let lost = leases::give_back_unheld(&mut tx, owner, now, &held, false).await?;
        tx.commit().await?;
        let (mut since, renewed_at) = (self.since(), Since { at: begun, at_ms: now.as_millisecond() });
        for Held { id, token } in renewed {
            since.entry((id, token)).and_modify(|since| *since = renewed_at);
        }
        if lost > 0 {
            tracing::info!(lost, "gave back claims that nobody held");
        }
        Ok(())
    }

    fn since(&self) -> MutexGuard<'_, HashMap<(Uuid, i64), Since>> {
        // Each change is a single insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Renews after each third of a lease until `stop`, however long other work takes.
pub async fn keep(context: Arc<Context>, stop: CancellationToken) {
    let mut renewal = Every::new(LEASE_MS / 3);
    loop {
        let now = context.clock.now();
        if renewal.is_due(now.as_millisecond()) {
            let renewed = context.leases.renew(&context.store, &context.owner, now);
            match context.store.within(DEADLINE, renewed).await {
                Ok(()) => renewal.done(now.as_millisecond()),
                Err(error) => context.outage.log("leases cannot be renewed", &error.for_logs()),
            }
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = sleep(TICK) => {}
        }
    }
}
