//! Sending one message immediately, outside the queue: test copies and checkpoints.

use std::sync::atomic::AtomicBool;

use super::smtp::{Envelope, Session};
use crate::config::Config;
use crate::domain::address::Address;

/// A relay's acceptance of a message.
#[derive(Clone, Debug)]
pub struct Taken {
    /// The name of the relay.
    pub relay: String,
    /// Its reply.
    pub reply: String,
}

/// Sends a message through the first relay that accepts it.
///
/// # Errors
/// One text for each relay: why it did not accept the message.
pub async fn send(config: &Config, from: &Address, to: &Address, bytes: &[u8]) -> Result<Taken, Vec<String>> {
    let mut failures = Vec::new();
    for relay in &config.relays {
        let sent = async {
            let mut session = Session::open(relay, &config.smtp).await?;
            let envelope = Envelope { from, to, reports: None };
            let reply = session.send(envelope, bytes, &AtomicBool::new(false), || true).await?;
            session.quit().await;
            Ok::<_, super::smtp::Failed>(reply)
        };
        match sent.await {
            Ok(reply) => {
                let reply = reply.map(|reply| format!("{} {}", reply.code, reply.text)).unwrap_or_default();
                return Ok(Taken { relay: relay.name.clone(), reply });
            }
            Err(failed) => {
                failures.push(format!("relay `{}`, {}: {}", relay.name, failed.stage, failed.failure.text()));
            }
        }
    }
    Err(failures)
}
