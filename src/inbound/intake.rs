//! Commits messages together: whoever waits while a transaction commits is in the next one. A client is answered when its message
//! is committed.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::lmtp::SHARE;
use super::lmtp::session::{Door, Received, Taken};
use super::{Inbound, InboundError, Parcel};
use crate::domain::inbound::Route;
use crate::metrics::repeats::Repeats;
use crate::store::inbound::packed::Packed;

/// Messages that wait for their transaction; with as many, clients wait before they send more.
const WAITING: usize = 64;

/// Bytes that are committed at once.
const AT_ONCE: usize = 50_000_000;

/// Memory for large messages that all clients share, in bytes.
const ROOM: usize = 128 << 20;

/// What is logged of a failure.
const FAILED: &str = "inbound mail cannot be stored: its senders are asked to try again later";

/// A message, with who waits for it. `true` says that it is committed.
type Request = (Vec<Parcel>, oneshot::Sender<bool>);

/// A cheap handle to the task that commits.
#[derive(Clone)]
pub struct Intake {
    inbound: Inbound,
    name: String,
    requests: mpsc::Sender<Request>,
    room: Arc<Semaphore>,
}

impl Intake {
    /// The handle, and the task, which ends when the last handle is dropped. `name` is the name in the greeting of LMTP.
    pub fn new(inbound: Inbound, name: String) -> (Self, impl Future<Output = ()> + Send) {
        let (requests, waiting) = mpsc::channel(WAITING);
        let task = commit(inbound.clone(), waiting);
        let room = Arc::new(Semaphore::new(ROOM / SHARE));
        (Self { inbound, name, requests, room }, task)
    }

    /// Commits the copies of a message, one for each recipient. Returns false if they could not be committed now.
    async fn commit(&self, copies: Vec<Parcel>) -> bool {
        let (answer, answered) = oneshot::channel();
        self.requests.send((copies, answer)).await.is_ok() && answered.await.unwrap_or(false)
    }
}

impl Door for Intake {
    fn name(&self) -> &str {
        &self.name
    }

    fn largest(&self) -> usize {
        self.inbound.largest()
    }

    fn room(&self) -> &Semaphore {
        &self.room
    }

    fn accepts(&self, recipient: &str) -> bool {
        self.inbound.accepts(recipient)
    }

    async fn take(&self, message: Received) -> Taken {
        let Received { sender, recipients, message: Packed { raw, size, sha256 } } = message;
        let raw = Arc::new(raw);
        let copy = |recipient: String| Parcel {
            route: Route::Lmtp,
            recipient: Some(recipient),
            sender: Some(sender.clone()),
            raw: raw.clone(),
            size,
            sha256,
        };
        if self.commit(recipients.into_iter().map(copy).collect()).await { Taken::Stored } else { Taken::Later }
    }
}

/// Commits what waits, until nobody can send any more.
async fn commit(inbound: Inbound, mut waiting: mpsc::Receiver<Request>) {
    let repeats = Repeats::default();
    while let Some(first) = waiting.recv().await {
        let mut size = bytes_of(&first);
        let mut together = vec![first];
        while size < AT_ONCE
            && let Ok(request) = waiting.try_recv()
        {
            size += bytes_of(&request);
            together.push(request);
        }
        let copies: Vec<Parcel> = together.iter().flat_map(|(copies, _)| copies).cloned().collect();
        let committed = inbound.store(&copies).await;
        inbound.lull.stored();
        let is_refused = matches!(&committed, Err(InboundError::Store(error)) if error.is_refusal());
        if let (Err(error), false) = (&committed, is_refused) {
            repeats.log(FAILED, error);
        }
        for (copies, answer) in together {
            let committed = match &committed {
                Ok(_) => true,
                // One message that the database refuses must not keep out the others.
                Err(_) if is_refused => {
                    let alone = inbound.store(&copies).await;
                    alone.inspect_err(|error| repeats.log(FAILED, error)).is_ok()
                }
                Err(_) => false,
            };
            // Whoever went away meanwhile sends it again, and it is recognised.
            let _ = answer.send(committed);
        }
    }
}

fn bytes_of((copies, _): &Request) -> usize {
    copies.iter().map(|copy| copy.raw.len()).sum()
}
