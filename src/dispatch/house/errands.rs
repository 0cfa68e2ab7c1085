//! Errands: long work that runs beside the rounds of the housekeeping, namely releases that are due and cancellations that a
//! process left unfinished. A round that waited for the release of a newsletter would delay a breach notice.
//!
//! There are two runners for each lane, so that no mail waits behind a release of a lower lane: one for releases and cancellations,
//! and one that replaces deliveries to contacts that changed, without which nothing of a released notice is sent.

use std::collections::{BTreeMap, HashMap};
use std::fmt::{self, Display};
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;
use uuid::Uuid;

use crate::dispatch::SILENCE;
use crate::domain::category::Lane;
use crate::notices::{Carried, Errand, NoticeError, Notices, Task};
use crate::store::Store;

/// How long an errand rests while another process runs it, or while workers hold its last deliveries.
const REST: Duration = Duration::from_millis(400);

/// How long a failed errand rests: as long as the lease of a process that is gone.
const LONG_REST: Duration = Duration::from_secs(30);

/// How long a run with an end waits for the database.
pub(in crate::dispatch) const PATIENCE: Duration = Duration::from_secs(60);

/// Work on a notice that failed in spite of retries.
#[derive(Clone, Debug)]
pub struct Undone {
    /// The notice.
    pub notice: Uuid,
    /// What was attempted.
    pub task: Task,
    /// Why it failed; names nobody.
    pub why: String,
    /// True if it may succeed later without an operator.
    pub may_pass: bool,
    /// True if a run with an end no longer waits for it.
    given_up_at: Instant,
}

impl Display for Undone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { notice, why, .. } = self;
        match self.task {
            Task::Release => write!(f, "notice {notice} could not be released: {why}"),
            Task::Cancel => write!(f, "notice {notice} could not be cancelled to its last delivery: {why}"),
            Task::Readdress => write!(f, "notice {notice}: cannot replace deliveries to contacts that changed: {why}"),
        }
    }
}

/// The running errands, and the results of the others.
pub(in crate::dispatch) struct Errands {
    store: Store,
    notices: Notices,
    tasks: JoinSet<Result<Carried, NoticeError>>,
    under_way: HashMap<Id, Errand>,
    /// When to retry what failed.
    rests: HashMap<Uuid, Instant>,
    undone: BTreeMap<Uuid, Undone>,
}

impl Errands {
    /// Starts with nothing to do.
    pub(in crate::dispatch) fn new(store: Store, notices: Notices) -> Self {
        Self {
            store,
            notices,
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            rests: HashMap::new(),
            undone: BTreeMap::new(),
        }
    }

    /// Starts what is due, if a runner is free for it.
    pub(in crate::dispatch) fn begin(&mut self, due: &[Errand]) {
        let now = Instant::now();
        self.rests.retain(|_, until| *until > now);
        for errand in due {
            let mut busy = self.under_way.values();
            let is_free = !busy.any(|other| other.notice == errand.notice || runner(other) == runner(errand));
            if is_free && !self.rests.contains_key(&errand.notice) {
                let (store, notices, errand) = (self.store.clone(), self.notices.clone(), *errand);
                let task = async move { store.watched(SILENCE, notices.carry_out(errand)).await };
                self.under_way.insert(self.tasks.spawn(task).id(), errand);
            }
        }
    }

    /// Collects what has ended.
    pub(in crate::dispatch) fn reap(&mut self) {
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.note(ended);
        }
    }

    /// Returns when an errand has ended and there may be something to send.
    pub(in crate::dispatch) async fn ended(&mut self) {
        loop {
            let Some(ended) = self.tasks.join_next_with_id().await else { std::future::pending().await };
            if self.note(ended) {
                return;
            }
        }
    }

    /// Waits for all running errands.
    pub(in crate::dispatch) async fn finish(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.note(ended);
        }
    }

    /// Aborts the running errands: the next process resumes them.
    pub(in crate::dispatch) async fn break_off(&mut self) {
        self.tasks.shutdown().await;
    }

    /// True if a run with an end has something to wait for, of one notice if named.
    pub(in crate::dispatch) fn are_awaited(&self, due: &[Errand], notice: Option<Uuid>) -> bool {
        let waits = |errand: &Errand| notice.is_none_or(|notice| notice == errand.notice);
        let given_up = |errand: &Errand| self.undone.get(&errand.notice).is_some_and(Undone::is_given_up);
        self.under_way.values().any(waits) || due.iter().any(|errand| waits(errand) && !given_up(errand))
    }

    /// What a run with an end has given up on.
    pub(in crate::dispatch) fn given_up(&self, notice: Option<Uuid>) -> impl Iterator<Item = &Undone> {
        let concerns = move |undone: &&Undone| notice.is_none_or(|notice| notice == undone.notice);
        self.undone.values().filter(|undone| undone.is_given_up()).filter(concerns)
    }

    /// True if it is done.
    fn note(&mut self, ended: Result<(Id, Result<Carried, NoticeError>), JoinError>) -> bool {
        let (id, ended) = match ended {
            Ok((id, ended)) => (id, Some(ended)),
            Err(panicked) => (panicked.id(), None),
        };
        let Some(errand) = self.under_way.remove(&id) else { return false };
        let now = Instant::now();
        let rest = match ended {
            Some(Ok(Carried::Out)) => {
                self.undone.remove(&errand.notice);
                return true;
            }
            Some(Ok(Carried::NotYet)) => REST,
            Some(Err(error)) => {
                self.failed(errand, error.for_logs(), error.may_pass(), now + patience(&error));
                LONG_REST
            }
            None => {
                self.failed(errand, "it panicked".to_owned(), false, now);
                LONG_REST
            }
        };
        self.rests.insert(errand.notice, now + rest);
        false
    }

    fn failed(&mut self, errand: Errand, why: String, may_pass: bool, given_up_at: Instant) {
        let Errand { notice, task, .. } = errand;
        // The patience covers all retries together.
        let given_up_at = self.undone.get(&notice).map_or(given_up_at, |before| before.given_up_at.min(given_up_at));
        match task {
            Task::Release => tracing::error!(%notice, why, "a due notice could not be released"),
            Task::Cancel => tracing::error!(%notice, why, "a cancelled notice still has deliveries, retrying"),
            Task::Readdress => {
                tracing::error!(%notice, why, "cannot replace deliveries to contacts that changed; retrying");
            }
        }
        self.undone.insert(notice, Undone { notice, task, why, may_pass, given_up_at });
    }
}

impl Undone {
    fn is_given_up(&self) -> bool {
        self.given_up_at <= Instant::now()
    }
}

/// The runner of an errand.
fn runner(errand: &Errand) -> (Lane, bool) {
    (errand.lane, errand.task == Task::Readdress)
}

/// How long a run with an end waits for a failed errand: a database may come back.
fn patience(error: &NoticeError) -> Duration {
    match error {
        NoticeError::Store(error) | NoticeError::Audience(crate::audience::AudienceError::Store(error))
            if error.may_pass() =>
        {
            PATIENCE
        }
        _ => Duration::ZERO,
    }
}
