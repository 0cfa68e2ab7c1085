//! What all parts of a dispatcher share, and what they report to its owner.

use std::sync::Arc;
use std::sync::atomic::AtomicU16;

use tokio::sync::Notify;
use uuid::Uuid;

use crate::config::Config;
use crate::dispatch::domains::pace::Pace;
use crate::dispatch::rates::share::Share;
use crate::dispatch::recorder::leases::Leases;
use crate::dispatch::recorder::outage::Outage;
use crate::dispatch::recorder::unreadable::Unreadable;
use crate::dispatch::recorder::unsent::Unsent;
use crate::domain::category::Category;
use crate::domain::clock::Clock;
use crate::domain::delivery::Outcome;
use crate::domain::random::Random;
use crate::mail::token::TokenKey;
use crate::metrics::Metrics;
use crate::store::Store;
use crate::store::sending::settle::Settlement;

/// A recorded outcome of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Settled {
    /// The notice.
    pub notice_id: Uuid,
    /// The outcome.
    pub outcome: Outcome,
    /// False if another attempt follows.
    pub last: bool,
}

/// Called with each recorded outcome.
pub type Observer = Arc<dyn Fn(&Settled) + Send + Sync>;

/// What all parts of a dispatcher share. Each field that changes has one owner; others only read it.
pub struct Context {
    pub(super) store: Store,
    pub(super) config: Arc<Config>,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) key: TokenKey,
    /// The name under which this run leases deliveries.
    pub(super) owner: String,
    /// This node's part of all rates. Changed by the heartbeat.
    pub(super) share: Arc<Share>,
    /// Slots and pauses of recipient domains. Slots are taken by the recorder's claims and free with their `Hold`; pauses begin and
    /// end with the outcomes that workers report.
    pub(super) pace: Arc<Pace>,
    pub(super) observer: Option<Observer>,
    pub(super) metrics: Metrics,
    /// What this node has leased. Each is begun by a claim and ends with its `Hold`; renewed by a task of its own.
    pub(super) leases: Leases,
    /// Notices that cannot be read, each until it is tried again. Changed by the recorder's claims.
    pub(super) unreadable: Unreadable,
    /// What was not sent for a reason of our own. Counted by the recorder, logged by workers.
    pub(super) unsent: Unsent,
    /// Whether the database can be written. Changed by the recorder.
    pub(super) outage: Outage,
    /// Woken when a worker found nothing to claim, and when a domain's slot is free again.
    pub(super) nothing: Arc<Notify>,
    /// The categories for which an open seat found nothing to claim since the housekeeping last looked. Set by workers.
    pub(super) found_nothing: AtomicU16,
}

impl Context {
    pub(super) fn settled(&self, settled: &Settled) {
        if let Some(observer) = &self.observer {
            observer(settled);
        }
    }

    /// Counts an outcome that was recorded.
    pub(super) fn count(&self, category: Option<Category>, settlement: &Settlement) {
        let relay = settlement.attempt.as_ref().map(|attempt| attempt.relay.as_str());
        if settlement.reason.is_some() {
            self.unsent.count();
        }
        let is_unknown = settlement.outcome == Outcome::Uncertain && settlement.again.is_none();
        if settlement.attempt.is_some() && (is_unknown || settlement.outcome == Outcome::Expired) {
            self.unsent.count_uninformed();
        }
        self.metrics.recorded(relay, category, settlement.outcome);
        let (notice, delivery) = (settlement.notice_id, settlement.delivery_id);
        tracing::debug!(%notice, %delivery, relay, outcome = %settlement.outcome, "recorded");
    }

    /// Asks the housekeeping to look for work.
    pub(super) fn wants_work(&self) {
        self.nothing.notify_one();
    }
}
