//! Now: what runs and how fast, what is due next, what waits for a person, and whether everything works. Each actor sees what their
//! roles read.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;
use uuid::Uuid;

use super::{App, Readiness};
use crate::coverage::{CoverageError, Status};
use crate::deliveries::{DeliveryError, Doubt};
use crate::dispatch::node::relays::Shown as Relays;
use crate::domain::actor::Actor;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::kind::Kind;
use crate::domain::notice::State;
use crate::domain::page::{First, Page, PageRequest};
use crate::domain::right::Right;
use crate::escalation::{Task, TaskError};
use crate::inbound::{InboundError, Stored};
use crate::ledger::Standing;
use crate::notices::{Kept, NoticeError, Promised};
use crate::store::StoreError;

/// Notices whose progress is shown.
const SHOWN: usize = 20;

/// The first few of each list that waits.
const FEW: u32 = 10;

/// A rate is measured over this time at most.
const MEASURED: SignedDuration = SignedDuration::from_secs(120);

/// A rate over less than this says nothing.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

/// Why it is not known what is now.
#[derive(Debug, Error)]
pub enum NowError {
    /// Notices could not be read.
    #[error(transparent)]
    Notice(#[from] NoticeError),
    /// Their progress could not be read.
    #[error(transparent)]
    Coverage(#[from] CoverageError),
    /// Deliveries could not be read.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// Tasks could not be read.
    #[error(transparent)]
    Task(#[from] TaskError),
    /// What came back could not be read.
    #[error(transparent)]
    Inbound(#[from] InboundError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl NowError {
    /// The kind of this error.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Notice(error) => error.kind(),
            Self::Coverage(error) => error.kind(),
            Self::Delivery(error) => error.kind(),
            Self::Task(error) => error.kind(),
            Self::Inbound(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }
}

/// A notice that is being sent.
#[derive(Clone, Debug)]
pub struct Running {
    /// The notice.
    pub notice: Kept,
    /// How its deliveries stand.
    pub status: Status,
    /// Deliveries that have an outcome.
    pub done: u64,
    /// Those of them that failed: refused, returned or given up.
    pub failed: u64,
    /// Deliveries per minute, if it was looked at before or began long enough ago.
    pub per_minute: Option<f64>,
    /// How long it takes at this rate.
    pub left: Option<SignedDuration>,
}

/// What is now.
#[derive(Debug, Default)]
pub struct Now {
    /// What is being sent.
    pub running: First<Running>,
    /// What is released next.
    pub scheduled: First<Kept>,
    /// What customers were promised to hear.
    pub promised: Vec<Promised>,
    /// What waits for the actor's approval.
    pub to_approve: First<Kept>,
    /// Tasks that the actor sees: those with the next deadlines first.
    pub tasks: First<Task>,
    /// The first deliveries of which it is not known whether they were accepted.
    pub uncertain: Option<Page<Doubt>>,
    /// The last messages that are about no known delivery.
    pub unmatched: Option<Page<Stored>>,
    /// The relays and the nodes, for those who may see them.
    pub relays: Option<Relays>,
    /// The ledger, for those who may see it; what is wrong with it, if it cannot be read.
    pub ledger: Option<Result<Standing, String>>,
    /// The database answers and can be written.
    pub database: bool,
}

/// When how many deliveries of a notice had an outcome, the first look first.
type Looks = VecDeque<(Timestamp, u64)>;

/// The looks at each notice: from them follows its rate. Kept in memory, for as long as somebody looks.
#[derive(Clone, Default)]
pub struct Progress(Arc<Mutex<BTreeMap<Uuid, Looks>>>);

impl Progress {
    /// Notes how far a notice is, and returns its rate per minute since the first look within [`MEASURED`].
    fn note(&self, id: Uuid, now: Timestamp, done: u64) -> Option<f64> {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.retain(|_, of| of.back().is_some_and(|(at, _)| now.duration_since(*at) <= MEASURED));
        let of = looks.entry(id).or_default();
        while of.front().is_some_and(|(at, _)| now.duration_since(*at) > MEASURED) {
            of.pop_front();
        }
        let first = of.front().copied();
        if of.back().is_none_or(|(at, _)| now.duration_since(*at) >= SHORTEST) {
            of.push_back((now, done));
        }
        rate(first?, (now, done))
    }
}

/// The rate per minute between two looks; `None` if they are too close to each other.
fn rate((from, before): (Timestamp, u64), (to, after): (Timestamp, u64)) -> Option<f64> {
    let took = to.duration_since(from);
    #[expect(clippy::cast_precision_loss, reason = "a rate is shown with few digits")]
    (took >= SHORTEST).then(|| after.saturating_sub(before) as f64 * 60.0 / took.as_secs_f64())
}

/// How long the rest takes at a rate.
fn left(rest: u64, per_minute: Option<f64>) -> Option<SignedDuration> {
    #[expect(clippy::cast_precision_loss, reason = "a time is shown with few digits")]
    let minutes = per_minute.filter(|rate| *rate > 0.0).map(|rate| rest as f64 / rate)?;
    SignedDuration::try_from_secs_f64(minutes * 60.0).ok()
}

impl App {
    /// What runs, what is due, what waits for the actor, and whether everything works.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn now(&self, actor: &Actor) -> Result<Now, NowError> {
        let mut now = Now::default();
        if actor.has(Right::Read) {
            now.running = self.running(actor).await?;
            now.scheduled = self.notices.scheduled(actor).await?;
            now.promised = self.notices.promised(actor).await?;
            now.to_approve = self.notices.to_approve(actor).await?;
        }
        let few = PageRequest { after: None, limit: FEW };
        now.tasks = self.tasks.next_due(actor, FEW).await?;
        if actor.has(Right::Report) && actor.has(Right::Read) {
            now.uncertain = Some(self.deliveries.uncertain(actor, None, &few).await?);
        }
        if actor.has(Right::ReadInbound) {
            now.unmatched = Some(self.inbound.list(actor, true, &few).await?);
        }
        if let Ok(relays) = self.relays.read_by(actor) {
            now.relays = Some(relays.show().await?);
        }
        if let Ok(ledger) = self.ledger.read_by(actor) {
            now.ledger = Some(ledger.standing().await.map_err(|error| error.to_string()));
        }
        now.database = self.readiness().await == Readiness::Ready;
        Ok(now)
    }

    async fn running(&self, actor: &Actor) -> Result<First<Running>, NowError> {
        let at = self.context.clock.now();
        let sending = self.notices.sending(actor).await?;
        let mut running = First { items: Vec::new(), more: sending.more };
        for notice in sending.items {
            if running.items.len() == SHOWN {
                running.more = true;
                break;
            }
            let status = self.coverage.status(actor, &notice.id.to_string()).await?;
            let count =
                |states: &[DeliveryState]| -> u64 { states.iter().filter_map(|it| status.counts.get(it)).sum() };
            let rest = count(&[DeliveryState::Queued, DeliveryState::Sending, DeliveryState::Deferred]);
            // Its last delivery may have ended since it was found.
            if notice.state == State::Released && rest == 0 {
                continue;
            }
            let done = status.recipients.saturating_sub(rest);
            let failed = count(&[DeliveryState::Rejected, DeliveryState::Bounced, DeliveryState::Expired]);
            let since_release = notice.released_at.filter(|_| done > 0).and_then(|since| rate((since, 0), (at, done)));
            let per_minute = self.progress.note(notice.id, at, done).or(since_release).filter(|_| !status.paused);
            running.items.push(Running { left: left(rest, per_minute), notice, status, done, failed, per_minute });
        }
        Ok(running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_that_of_the_last_minutes() {
        let (progress, id) = (Progress::default(), Uuid::from_u128(1));
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        assert_eq!(progress.note(id, at(0), 0), None);
        assert_eq!(progress.note(id, at(0), 0), None, "no time has passed");
        assert_eq!(progress.note(id, at(30), 300), Some(600.0));
        assert_eq!(progress.note(id, at(60), 300), Some(300.0));
        // What was long ago does not count: the relay has been down since.
        assert_eq!(progress.note(id, at(150), 300), Some(0.0));
        assert_eq!(left(600, Some(300.0)), Some(SignedDuration::from_mins(2)));
        assert_eq!((left(600, Some(0.0)), left(600, None)), (None, None));
    }
}
