//! A job: a claimed delivery that a worker owns. It cannot be lost: if it is dropped unsettled, by a panic or an aborted
//! task, it returns to the recorder by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::dispatch::domains::pace::Turn;
use crate::dispatch::rates::tokens::Token;
use crate::dispatch::recorder::abandoned::Abandoned;
use crate::dispatch::recorder::claims::Ready;
use crate::dispatch::recorder::hold::Hold;
use crate::dispatch::recorder::settlement::Transaction;
use crate::dispatch::recorder::{End, How, Request};
use crate::mail::compose::composer::Composer;
use crate::store::sending::claims::Claimed;
use crate::store::sending::deliveries::ToSend;

/// A claimed delivery.
pub struct Job {
    /// The claim.
    pub claimed: Claimed,
    /// Its notice.
    pub sending: Arc<Composer>,
    /// The recipient.
    pub to: ToSend,
    /// When it was claimed, by both clocks: either may say that this was long ago.
    pub claimed_at: (Instant, Timestamp),
    /// What is being sent, from before the final dot on: a job that is aborted in doubt is recorded with it.
    pub transaction: Option<Box<Transaction>>,
    /// Set once the final dot is begun: from then on it is unknown whether the server has the message.
    pub in_doubt: AtomicBool,
    /// Gone once it has its end.
    hold: Option<Hold>,
    recorder: UnboundedSender<Request>,
}

impl Job {
    /// A job that returns through `recorder` if it is dropped, with the rate token of the worker that gets it.
    #[must_use]
    pub fn new(ready: Ready, token: Token, recorder: UnboundedSender<Request>) -> Self {
        let Ready { claimed, at, sending, to, hold } = ready;
        let hold = Some(hold.with(token));
        let (claimed_at, in_doubt) = ((Instant::now(), at), AtomicBool::new(false));
        Self { claimed, sending, to, claimed_at, transaction: None, in_doubt, hold, recorder }
    }

    /// Begins to use its slot at the recipient's domain. Returns false if the domain allows no message now.
    pub async fn begin_slot(&mut self, now_ms: i64) -> bool {
        match &mut self.hold {
            Some(hold) => hold.slot().begin(now_ms).await,
            None => false,
        }
    }

    /// The same without waiting for its turn. A slot in use is asked for again: its domain may have been paused meanwhile.
    pub fn try_begin_slot(&mut self, now_ms: i64) -> bool {
        self.hold.as_mut().is_some_and(|hold| hold.slot().try_begin(now_ms) == Turn::Now)
    }

    /// Ends the use of its slot: its message was sent, or will not be now.
    pub fn end_slot(&mut self) {
        if let Some(hold) = &mut self.hold {
            hold.slot().end();
        }
    }

    /// Ends its rate token: it returns unless a relay saw a message for it.
    pub fn end_token(&mut self, is_used: bool) {
        if let Some(hold) = &mut self.hold {
            hold.end_token(is_used);
        }
    }

    /// Puts another relay's token in place of the one that it was claimed with.
    pub fn change_token(&mut self, token: Token) {
        self.hold = self.hold.take().map(|hold| hold.with(token));
    }

    /// Ends the worker's ownership: what the recorder has to do, with what the job holds until that is committed.
    #[must_use]
    pub fn ended(mut self, how: How) -> Option<End> {
        self.hold.take().map(|hold| End { how, hold })
    }

    /// Reports its end to the recorder.
    pub fn end(self, how: How) {
        let recorder = self.recorder.clone();
        // If the recorder is gone, the lease expires and the delivery is taken over.
        let _ = recorder.send(Request { end: self.ended(how), ..Request::default() });
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            let abandoned = Abandoned {
                claimed: self.claimed.clone(),
                sending: self.sending.clone(),
                to: self.to.clone(),
                transaction: self.transaction.take(),
                in_doubt: self.in_doubt.load(Ordering::Relaxed),
                panicked: std::thread::panicking(),
            };
            let end = End { how: How::Abandon(Box::new(abandoned)), hold };
            // If the recorder is gone too, the lease expires and the delivery is taken over.
            let _ = self.recorder.send(Request { end: Some(end), ..Request::default() });
        }
    }
}
