//! Requests over HTTP: what may come twice is done once, and each leaves a row in the audit log.
//!
//! What holds of a request with an `Idempotency-Key`: its row is written in the transaction that carries it out
//! ([`record`](crate::ledger::operated::record)), so that of two tries at the same time, also on two nodes, one is done and the other
//! changes nothing; and so that after a crash, whenever it came, the next try knows whether it was done. The answer is kept once it is
//! made. A try that finds the act done and no answer takes the request over after [`PATIENCE`], or at once if the first try ran in this
//! process; its caller answers from what was done, or repeats an act that may be repeated without harm. A refused request changed nothing
//! and is not kept: the next try with its key may have another body. All of this holds for [`KEPT`].
//!
//! The row of a request that changes something is in the log before it is answered; that of one that only reads soon after.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::audit::{Asked, AuditLog, NewRow};
use crate::context::Context;
use crate::domain::request::Request;
use crate::store::operators::{audit, requests};
use crate::store::proof::tree;
use crate::store::{StoreError, Writing};

pub use crate::store::operators::requests::Answer;

/// How long a request is known by its key.
pub const KEPT: SignedDuration = SignedDuration::from_hours(24);

/// After this time a request without an answer is not being carried out any more: longer than the listener lets any take.
pub const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Requests that are deleted at once.
const PAGE: u32 = 1000;

/// What to do with a request.
#[derive(Debug)]
pub enum Begun {
    /// Carry it out.
    New(Running),
    /// It was carried out, and what it made or changed has this id; the answer is not known any more.
    Done(Running, Option<Uuid>),
    /// Return this answer again.
    Answered(Answer),
    /// Refuse it: the key was used for another body, or by a key with other roles.
    Other,
    /// Refuse it for now: another try is being carried out.
    Busy(SignedDuration),
}

/// A request that this process carries out, until it is dropped.
#[derive(Debug)]
pub struct Running {
    scope: [u8; 32],
    erasures: u64,
    all: Arc<Mutex<BTreeSet<[u8; 32]>>>,
}

impl Running {
    /// The request as its answer is to be kept: not if a person was erased since it began, other than those that it erased itself.
    #[must_use]
    pub const fn keeping(&self, request: Request, erased: u64) -> Request {
        Request { erasures: self.erasures + erased, ..request }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.all).remove(&self.scope);
    }
}

/// A row that waits for a transaction.
#[derive(Debug)]
struct Waiting {
    row: Asked,
    answer: Option<(Request, Answer)>,
    /// Whoever waits for it.
    done: Option<oneshot::Sender<bool>>,
}

/// So many rows may wait that nobody waits for: while there are more, the database cannot be written, and everybody waits.
const BEHIND: usize = 10_000;

/// The service for requests. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Requests {
    context: Context,
    audit: AuditLog,
    /// What this process carries out.
    running: Arc<Mutex<BTreeSet<[u8; 32]>>>,
    /// Tokens that this process has drawn are after this one.
    began: Uuid,
    waiting: Arc<Mutex<Vec<Waiting>>>,
    turn: Arc<tokio::sync::Mutex<Timestamp>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change is one call.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Requests {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let audit = AuditLog::new(context.clone());
        let began = Uuid::from_bytes(context.random.bytes());
        let (running, waiting, turn) = (Arc::default(), Arc::default(), Arc::new(Timestamp::MIN.into()));
        Self { context, audit, running, began, waiting, turn }
    }

    /// A new token for a try: its first half is this process's.
    #[must_use]
    pub fn token(&self) -> Uuid {
        let mut bytes = self.context.random.bytes::<16>();
        bytes[..8].copy_from_slice(&self.began.as_bytes()[..8]);
        Uuid::from_bytes(bytes)
    }

    fn is_own(&self, token: Uuid) -> bool {
        token.as_bytes()[..8] == self.began.as_bytes()[..8]
    }

    /// Begins a try of a request. `repeatable` is an act that may be carried out twice at the same time without harm.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begin(&self, request: &Request, repeatable: bool) -> Result<Begun, StoreError> {
        let scope = request.scope;
        if !lock(&self.running).insert(scope) {
            return Ok(Begun::Busy(SignedDuration::from_secs(1)));
        }
        let mut running = Running { scope, erasures: 0, all: self.running.clone() };
        let now = self.context.clock.now();
        let (erasures, kept) = {
            let mut conn = self.context.store.read().await?;
            (requests::erasures(&mut conn).await?, requests::find(&mut conn, &scope).await?)
        };
        running.erasures = erasures;
        let Some(kept) = kept else { return Ok(Begun::New(running)) };
        if now.duration_since(kept.at) >= KEPT {
            let mut tx = self.context.store.write().await?;
            requests::delete(&mut tx, &scope, kept.token).await?;
            tx.commit().await?;
            return Ok(Begun::New(running));
        }
        if kept.digest != request.digest {
            return Ok(Begun::Other);
        }
        if let Some(answer) = kept.answer {
            return Ok(Begun::Answered(answer));
        }
        let since = now.duration_since(kept.at);
        if !repeatable && !self.is_own(kept.token) && since < PATIENCE {
            return Ok(Begun::Busy(PATIENCE - since));
        }
        let mut tx = self.context.store.write().await?;
        let taken = requests::take_over(&mut tx, request, kept.token, now).await?;
        tx.commit().await?;
        // A third try came first: it says how that ended.
        Ok(if taken { Begun::Done(running, kept.object) } else { Begun::Busy(SignedDuration::from_secs(1)) })
    }

    /// Adds a row to the audit log, and keeps the answer to a request. Rows that come at the same time share a transaction.
    ///
    /// # Errors
    /// If the database cannot be written.
    pub async fn finish(&self, row: &NewRow<'_>, answer: Option<(Request, Answer)>) -> Result<(), StoreError> {
        let (done, finished) = oneshot::channel();
        self.add(Waiting { row: self.audit.asked(row), answer, done: Some(done) });
        if finished.await.unwrap_or(false) { Ok(()) } else { Err(StoreError::Unwritable) }
    }

    /// Adds a row to the audit log of a request that only read: it is written soon, and its caller does not wait for that. Whoever reads
    /// is answered also while another process writes.
    ///
    /// # Errors
    /// If too many rows wait, and the database cannot be written.
    pub async fn finish_reading(&self, row: &NewRow<'_>) -> Result<(), StoreError> {
        if lock(&self.waiting).len() > BEHIND {
            return self.finish(row, None).await;
        }
        self.add(Waiting { row: self.audit.asked(row), answer: None, done: None });
        Ok(())
    }

    /// Returns once no row waits any more.
    pub async fn settle(&self) {
        self.commit_waiting().await;
        // A pass whose transaction could not be begun leaves those that came meanwhile to another one.
        while !lock(&self.waiting).is_empty() {
            self.commit_waiting().await;
        }
    }

    fn add(&self, waiting: Waiting) {
        lock(&self.waiting).push(waiting);
        // A task of its own: this caller may go away, and others may be in the same transaction.
        let this = self.clone();
        tokio::spawn(async move { this.commit_waiting().await });
    }

    async fn commit_waiting(&self) {
        let mut pruned = self.turn.lock().await;
        let mut waiting = std::mem::take(&mut *lock(&self.waiting));
        if waiting.is_empty() {
            return;
        }
        let written = match self.context.store.write().await {
            Ok(tx) => {
                // Also those that came while others were writing.
                waiting.append(&mut lock(&self.waiting));
                self.write(tx, &waiting, &mut pruned).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = &written {
            tracing::warn!(error = error.for_logs(), rows = waiting.len(), "the audit log lacks requests");
        }
        for done in waiting.into_iter().filter_map(|it| it.done) {
            // Whoever went away needs no answer.
            let _ = done.send(written.is_ok());
        }
    }

    async fn write(&self, mut tx: Writing<'_>, waiting: &[Waiting], pruned: &mut Timestamp) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let answers = waiting.iter().filter_map(|it| it.answer.as_ref()).map(|(request, answer)| (request, answer));
        let answers: Vec<_> = answers.collect();
        if !answers.is_empty() {
            // An erasure holds it, too: it comes before these answers, or finds and forgets them.
            tree::lock_head(&mut tx).await?;
        }
        audit::insert(&mut tx, &waiting.iter().map(|it| &it.row).collect::<Vec<_>>()).await?;
        requests::answer(&mut tx, &answers, now).await?;
        // Now and then, those of yesterday.
        if now.duration_since(*pruned) > SignedDuration::from_mins(1) {
            let before = now.saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
            if requests::delete_before(&mut tx, before, PAGE).await? < u64::from(PAGE) {
                *pruned = now;
            }
        }
        Ok(tx.commit().await?)
    }
}
