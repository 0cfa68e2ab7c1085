//! Sending one message immediately, outside the queue: test copies and checkpoints.

use std::fmt;
use std::sync::atomic::AtomicBool;

use super::smtp::{Envelope, Failed, Session};
use crate::config::Config;
use crate::domain::address::Address;
use crate::domain::reply::advice;

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
    let mut failures = Vec::new();
    for relay in &config.relays {
        let sent = async {
            let mut session = Session::open(relay, &config.smtp).await?;
            let envelope = Envelope { from, to, reports: None };
            let reply = session.send(envelope, bytes, &AtomicBool::new(false), || true).await?;
            session.quit().await;
            Ok::<_, Failed>(reply)
        };
        match sent.await {
            Ok(reply) => {
                let reply = reply.map(|reply| format!("{} {}", reply.code, reply.text)).unwrap_or_default();
                return Ok(Taken { relay: relay.name.clone(), reply });
            }
            Err(failed) => failures.push(Refused { relay: relay.name.clone(), failed }),
        }
    }
    Err(failures)
}
