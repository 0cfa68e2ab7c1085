//! Recipients that are added to a standing notice: each with the values of its row, and each row once.
//!
//! Calls that come at the same time share one transaction, and one `addressed` entry: whoever waits while it commits is in the
//! next one. A caller who goes away meanwhile stops nobody else.

mod batch;
mod row;

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde::Serialize;
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

pub use row::{NewRow, stored};

use super::{NoticeError, Notices};
use crate::domain::actor::Actor;
use crate::domain::notice::{Notice, Standing, State};
use crate::domain::problem::Problems;
use crate::store::notices::Kept;
use crate::store::proof::tree;
use crate::store::{StoreError, Writing};
use row::Checked;

/// Rows that one call adds at most.
pub const MOST: usize = 1000;

/// Rows of one transaction, at most: other writers wait for no longer.
const AT_ONCE: usize = 4000;

/// What became of rows that were to be added.
#[derive(Clone, Debug, Default, Serialize, utoipa::ToSchema)]
#[schema(as = recipients::Added)]
pub struct Added {
    /// Rows that the notice has: those of this call that are good, whether they were added by it or before.
    pub accepted: u64,
    /// Those of them that it had before.
    pub repeated: u64,
    /// Their deliveries.
    pub deliveries: Vec<AddedDelivery>,
    /// What is wrong with the other rows.
    pub problems: Problems,
}

/// A delivery of a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = recipients::Delivery)]
pub struct AddedDelivery {
    /// Its id.
    pub id: String,
    /// The customer.
    pub account_id: String,
    /// The address; masked if its data is restricted.
    pub email: String,
    /// The key of the row.
    pub key: String,
}

/// Why recipients cannot be added to a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shut {
    /// It is not released.
    Unreleased(State),
    /// Its sending is paused.
    Paused,
    /// It was cancelled.
    Cancelled,
    /// An operator has ended it.
    Ended,
}

impl Shut {
    /// The state after "is".
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Unreleased(state) => state.describe(),
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Ended => "closed",
        }
    }

    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unreleased(_) => "release it first: `besked notice release ID`",
            Self::Paused => "resume it first: `besked notice resume ID`",
            Self::Cancelled | Self::Ended => "create a new standing notice, and add them to that one",
        }
    }
}

/// A call that waits for its transaction.
#[derive(Debug)]
struct Request {
    notice: Uuid,
    actor: Actor,
    /// The rows that are good so far, and what is wrong with the others.
    rows: Vec<Checked>,
    problems: Problems,
    answer: oneshot::Sender<Result<Added, NoticeError>>,
}

/// What the calls of a process share.
#[derive(Debug, Default)]
pub(super) struct Adding {
    waiting: Mutex<Vec<Request>>,
    /// Held by whoever commits.
    turn: tokio::sync::Mutex<()>,
    /// The notice that was parsed last, with its digest.
    parsed: Mutex<Option<([u8; 32], std::sync::Arc<Notice>)>>,
    /// Woken when recipients were added.
    came: Notify,
}

impl Adding {
    /// Adds the requests that wait to those of a transaction, as far as it may have more rows.
    fn take(&self, requests: &mut Vec<Request>) {
        let mut waiting = self.waiting.lock().expect("nobody panics while holding it");
        let mut rows: usize = requests.iter().map(|request| request.rows.len()).sum();
        let mut count = 0;
        while let Some(request) = waiting.get(count).filter(|_| rows < AT_ONCE) {
            rows += request.rows.len();
            count += 1;
        }
        requests.extend(waiting.drain(..count));
    }
}

impl Notices {
    /// Adds recipients to a standing notice that is released: those of the good rows. A row whose key the notice has already adds
    /// nothing, and is answered as the first time.
    ///
    /// # Errors
    /// If the notice takes no recipients now, there are more rows than [`MOST`], or the database fails.
    pub async fn add(&self, notice: Uuid, rows: Vec<NewRow>, actor: &Actor) -> Result<Added, NoticeError> {
        if rows.len() > MOST {
            return Err(NoticeError::TooManyRows(rows.len()));
        }
        let mut problems = Problems::default();
        let rows: Vec<Checked> = rows.into_iter().filter_map(|row| row.check(&mut problems)).collect();
        let (answer, answered) = oneshot::channel();
        let request = Request { notice, actor: actor.clone(), rows, problems, answer };
        self.adding.waiting.lock().expect("nobody panics while holding it").push(request);
        // A task of its own: this caller may go away, and others may be in the same transaction.
        let notices = self.clone();
        tokio::spawn(async move { notices.commit_waiting().await });
        answered.await.unwrap_or_else(|_| Err(StoreError::Unwritable.into()))
    }

    /// Waits until recipients were added by this process.
    pub async fn recipients_come(&self) {
        self.adding.came.notified().await;
    }

    /// Commits what waits, unless another task has done so meanwhile.
    async fn commit_waiting(&self) {
        let _turn = self.adding.turn.lock().await;
        let mut requests = Vec::new();
        self.adding.take(&mut requests);
        if requests.is_empty() {
            return;
        }
        let committed = match self.begin().await {
            Ok(tx) => {
                // Also those that came while others were writing.
                self.adding.take(&mut requests);
                self.commit_together(tx, &requests).await
            }
            Err(error) => Err(error.into()),
        };
        let refused = match committed {
            Ok(answers) => return self.answer(requests.into_iter().zip(answers).collect()),
            Err(error) => error,
        };
        // What the database refuses of one must not keep out the others.
        let is_refusal = matches!(&refused, NoticeError::Store(error) if error.is_refusal());
        let mut first = Some(refused);
        let mut answers = Vec::with_capacity(requests.len());
        let alone = requests.len() == 1;
        for request in requests {
            let answer = if is_refusal && !alone {
                self.commit_alone(&request).await
            } else {
                Err(first.take().unwrap_or_else(|| StoreError::Unwritable.into()))
            };
            answers.push((request, answer));
        }
        self.answer(answers);
    }

    fn answer(&self, answers: Vec<(Request, Result<Added, NoticeError>)>) {
        let came = answers.iter().any(|(_, answer)| matches!(answer, Ok(added) if added.accepted > added.repeated));
        if came {
            self.adding.came.notify_one();
        }
        for (request, answer) in answers {
            // Whoever went away adds the rows again, and they are recognised.
            let _ = request.answer.send(answer);
        }
    }

    async fn commit_alone(&self, request: &Request) -> Result<Added, NoticeError> {
        let mut answers = self.commit_together(self.begin().await?, std::slice::from_ref(request)).await?;
        answers.pop().unwrap_or_else(|| Err(StoreError::Unwritable.into()))
    }

    /// Begins a transaction that holds the ledger's head: no person is erased meanwhile.
    async fn begin(&self) -> Result<Writing<'static>, StoreError> {
        let mut tx = self.context.store.write().await?;
        tree::lock_head(&mut tx).await?;
        Ok(tx)
    }

    /// Adds the rows of several calls in one transaction, and returns the answer to each.
    async fn commit_together(
        &self,
        mut tx: Writing<'_>,
        requests: &[Request],
    ) -> Result<Vec<Result<Added, NoticeError>>, NoticeError> {
        let mut by_notice: BTreeMap<Uuid, Vec<usize>> = BTreeMap::new();
        requests.iter().enumerate().for_each(|(n, request)| by_notice.entry(request.notice).or_default().push(n));
        let mut answers: Vec<Option<Result<Added, NoticeError>>> = requests.iter().map(|_| None).collect();
        for (notice, of_notice) in by_notice {
            let calls: Vec<&Request> = of_notice.iter().map(|n| &requests[*n]).collect();
            for (n, answer) in of_notice.iter().zip(self.add_all(&mut tx, notice, &calls).await?) {
                answers[*n] = Some(answer);
            }
        }
        tx.commit().await?;
        Ok(answers.into_iter().map(|it| it.unwrap_or_else(|| Err(StoreError::Unwritable.into()))).collect())
    }
}

/// Why recipients cannot be added to a notice now, if they cannot.
fn shut(notice: &Kept) -> Option<NoticeError> {
    let why = match (notice.state, notice.standing) {
        (State::Cancelled, _) if notice.standing.is_some() => Shut::Cancelled,
        (State::Released | State::Closed | State::Cancelled, None) => return Some(NoticeError::NotStanding),
        (State::Released | State::Closed, Some(Standing::Ended)) | (State::Closed, _) => Shut::Ended,
        (State::Released, Some(Standing::Open)) if notice.is_paused() => Shut::Paused,
        (State::Released, Some(Standing::Open)) => return None,
        (state, _) => Shut::Unreleased(state),
    };
    Some(NoticeError::TakesNobody(why))
}
