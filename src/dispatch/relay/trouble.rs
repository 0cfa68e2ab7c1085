//! What is wrong with a relay, in the log and in `besked relays`.

use std::time::Duration;

use crate::domain::reply::{Cause, Failing, Failure, Stage, advice, for_logs};
use crate::mail::smtp::Failed;

/// What is wrong with a relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The step that failed.
    pub stage: Stage,
    /// What the server replied, or why there was no reply; without addresses.
    pub text: String,
    /// True if waiting will not help: the refusal is permanent.
    pub refused: bool,
    /// True if the server replied.
    pub answered: bool,
    /// What it objects to, if its codes or words say so.
    pub cause: Option<Cause>,
}

impl Trouble {
    /// What a failed step shows to be wrong.
    pub(in crate::dispatch) fn of(failed: &Failed) -> Self {
        let permanent = matches!(failed.failure.code(), Some(500..=599));
        Self {
            stage: failed.stage,
            text: for_logs(&failed.failure.text()),
            refused: permanent && failed.stage >= Stage::Auth,
            answered: matches!(failed.failure, Failure::Replied(_)),
            cause: Cause::at(failed.stage, &failed.failure),
        }
    }

    /// Logs it, with what to do about it; what is known already only at the level of debugging.
    pub(in crate::dispatch) fn log(&self, relay: &str, pause: Duration, is_news: bool) {
        let (stage, text, pause_s) = (self.stage, &self.text, pause.as_secs());
        if !is_news {
            tracing::debug!(relay, %stage, pause_s, "the relay is still unhealthy: {text}");
            return;
        }
        let advice = advice(stage, text);
        if self.cause.is_none() && stage <= Stage::Mail {
            tracing::warn!(relay, %stage, pause_s, "relay is down: {text}; {advice}");
            return;
        }
        let what = Failing::of(stage, text).describe();
        tracing::error!(relay, %stage, pause_s, "{what}, nothing is sent through it: {advice}; `besked relays` shows it: {text}");
    }
}
