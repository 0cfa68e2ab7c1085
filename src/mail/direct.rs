//! Sending one message immediately, outside the queue: test copies, checkpoints, and replies on their way to support.

use std::fmt;
use std::sync::atomic::AtomicBool;

use super::smtp::{Envelope, Extensions, Failed, Session};
use crate::config::Config;
use crate::domain::address::Address;
use crate::domain::reply::{Verdict, advice, classify};

/// A relay's acceptance of a message.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The name of the relay.
    pub relay: String,
    /// Its reply.
    pub reply: String,
}

/// A relay that did not accept a message, and why.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The name of the relay.
    pub relay: String,
    /// The step that failed.
    pub failed: Failed,
}

impl Refused {
    /// Whose fault it is.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        classify(self.failed.stage, &self.failed.failure, self.failed.reused)
    }

    /// What an operator can do about it.
    #[must_use]
    pub fn advice(&self) -> &'static str {
        advice(self.failed.stage, &self.failed.failure.text())
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "relay `{}`, {}: {}", self.relay, self.failed.stage, self.failed.failure.text())
    }
}

/// What an operator can do about relays that did not accept a message, each advice once.
#[must_use]
pub fn advices(refused: &[Refused]) -> String {
    let mut advices: Vec<&str> = refused.iter().map(Refused::advice).collect();
    advices.dedup();
    advices.join("; ")
}

/// Sends a message through the first relay that accepts it.
///
/// # Errors
/// Every relay, and why it did not accept the message.
pub async fn send(config: &Config, from: &Address, to: &Address, bytes: &[u8]) -> Result<Taken, Vec<Refused>> {
    deliver(config, Some(from), to, |_| bytes).await
}

/// The same, for somebody who waits: `asks` gets the name of each relay before it is asked.
///
/// # Errors
/// Every relay, and why it did not accept the message.
pub async fn send_watched(
    config: &Config,
    from: &Address,
    to: &Address,
    bytes: &[u8],
    asks: &(dyn Fn(&str) + Sync),
) -> Result<Taken, Vec<Refused>> {
    try_each(config, Some(from), to, |_| bytes, asks).await
}

/// Sends a message through the first relay that accepts it, in the form that `form` chooses by what the relay offers. After a relay
/// that may have accepted the message no other one is tried.
///
/// # Errors
/// Why each relay that was tried did not accept the message.
pub async fn deliver<'m>(
    config: &Config,
    from: Option<&Address>,
    to: &Address,
    form: impl Fn(Extensions) -> &'m [u8],
) -> Result<Taken, Vec<Refused>> {
    try_each(config, from, to, form, &|_| {}).await
}

async fn try_each<'m>(
    config: &Config,
    from: Option<&Address>,
    to: &Address,
    form: impl Fn(Extensions) -> &'m [u8],
    asks: &(dyn Fn(&str) + Sync),
) -> Result<Taken, Vec<Refused>> {
    let mut refusals = Vec::new();
    for relay in &config.relays {
        asks(&relay.name);
        let sent = async {
            let mut session = Session::open(relay, &config.smtp).await?;
            let envelope = Envelope { from, to, reports: None };
            let message = form(session.extensions());
            let reply = session.send(envelope, message, &AtomicBool::new(false), || true).await;
            session.quit().await;
            reply
        };
        match sent.await {
            Ok(reply) => {
                let reply = reply.map(|reply| format!("{} {}", reply.code, reply.text)).unwrap_or_default();
                return Ok(Taken { relay: relay.name.clone(), reply });
            }
            Err(failed) => {
                let refused = Refused { relay: relay.name.clone(), failed };
                let in_doubt = refused.verdict() == Verdict::Uncertain;
                refusals.push(refused);
                if in_doubt {
                    break;
                }
            }
        }
    }
    Err(refusals)
}
