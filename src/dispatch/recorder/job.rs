//! A job: a claimed delivery that a worker owns. It cannot be lost: if it is dropped unsettled, by a panic or an aborted
//! task, it returns to the recorder by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::mpsc::UnboundedSender;

use crate::dispatch::recorder::{End, Request};
use crate::mail::compose::composer::Composer;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::queue::Claimed;

/// A claimed delivery.
pub struct Job {
    /// The claim.
    pub claimed: Claimed,
    /// Its notice.
    pub sending: Arc<Composer>,
    /// The recipient.
    pub to: ToSend,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// Set once the final dot is begun: from then on it is unknown whether the server has the message.
    pub in_doubt: AtomicBool,
    recorder: Option<UnboundedSender<Request>>,
}

impl Job {
    /// A job that returns through `recorder` if it is dropped.
    #[must_use]
    pub fn new(
        claimed: Claimed,
        sending: Arc<Composer>,
        to: ToSend,
        claimed_at: Timestamp,
        recorder: UnboundedSender<Request>,
    ) -> Self {
        Self { claimed, sending, to, claimed_at, in_doubt: AtomicBool::new(false), recorder: Some(recorder) }
    }

    /// Reports its end to the recorder.
    pub fn end(mut self, end: End) {
        let Some(recorder) = &self.recorder else { return };
        if recorder.send(Request { end: Some(end), ..Request::default() }).is_ok() {
            self.finish();
        }
    }

    /// Ends the worker's ownership: the outcome is being recorded.
    pub fn finish(&mut self) {
        self.recorder = None;
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            let end = End::Abandon {
                claimed: self.claimed.clone(),
                sending: self.sending.clone(),
                to: Box::new(self.to.clone()),
                in_doubt: self.in_doubt.load(Ordering::Relaxed),
                panicked: std::thread::panicking(),
            };
            // If the recorder is gone too, the lease expires and the delivery is taken over.
            let _ = recorder.send(Request { end: Some(end), ..Request::default() });
        }
    }
}
