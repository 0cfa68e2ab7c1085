//! Commits messages together: whoever waits while a transaction commits is in the next one. A client is answered when its message
//! is committed.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

use super::lmtp::session::{Door, Received, Taken};
use super::{Inbound, Incoming};
use crate::domain::inbound::Route;
use crate::metrics::repeats::Repeats;

/// Messages that wait for their transaction; with as many, clients wait before they send more.
const WAITING: usize = 64;

/// Bytes that are committed at once.
const AT_ONCE: usize = 50_000_000;

/// A message, with who waits for it. `true` says that it is committed.
type Request = (Vec<Incoming>, oneshot::Sender<bool>);

/// A cheap handle to the task that commits.
#[derive(Clone)]
pub struct Intake {
    inbound: Inbound,
    name: String,
    requests: mpsc::Sender<Request>,
}

impl Intake {
    /// The handle, and the task, which ends when the last handle is dropped. `name` is the name in the greeting of LMTP.
    #[must_use]
    pub fn new(inbound: Inbound, name: String) -> (Self, impl Future<Output = ()> + Send) {
        let (requests, waiting) = mpsc::channel(WAITING);
        let task = commit(inbound.clone(), waiting);
        (Self { inbound, name, requests }, task)
    }

    /// Commits the copies of a message, one for each recipient. Returns false if they could not be committed now.
    async fn commit(&self, copies: Vec<Incoming>) -> bool {
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

    fn accepts(&self, recipient: &str) -> bool {
        self.inbound.accepts(recipient)
    }

    async fn take(&self, message: Received) -> Taken {
        let Received { sender, recipients, bytes } = message;
        let copies = recipients.into_iter().map(|recipient| Incoming {
            route: Route::Lmtp,
            recipient: Some(recipient),
            sender: Some(sender.clone()),
            bytes: bytes.clone(),
        });
        if self.commit(copies.collect()).await { Taken::Stored } else { Taken::Later }
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
        let (copies, answers): (Vec<_>, Vec<_>) = together.into_iter().unzip();
        let committed = match inbound.take(copies.into_iter().flatten().collect()).await {
            Ok(_) => true,
            Err(error) => {
                repeats.log("inbound mail cannot be stored: its senders are asked to try again later", &error);
                false
            }
        };
        for answer in answers {
            // Whoever went away meanwhile sends it again, and it is recognised.
            let _ = answer.send(committed);
        }
    }
}

fn bytes_of((copies, _): &Request) -> usize {
    copies.iter().map(|copy| copy.bytes.len()).sum()
}
