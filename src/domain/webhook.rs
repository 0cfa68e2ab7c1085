//! Webhooks: calls to other systems when something happened, as Standard Webhooks describes them. What may be called and how a call is
//! signed is decided here, as is when one that failed is repeated.

pub mod reach;
mod secret;
mod target;

use jiff::SignedDuration;
use serde::Serialize;

use crate::domain::words::words;
pub use secret::{Secret, signatures};
pub use target::{Target, TargetError, unreachable};

/// What a webhook is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum HookEvent {
    /// A notice was submitted for approval.
    #[serde(rename = "notice.submitted")]
    NoticeSubmitted,
    /// A notice was approved, by a person or since its category needs none.
    #[serde(rename = "notice.approved")]
    NoticeApproved,
    /// A notice was released: its recipients are known.
    #[serde(rename = "notice.released")]
    NoticeReleased,
    /// Each delivery of a notice has its outcome.
    #[serde(rename = "notice.closed")]
    NoticeClosed,
    /// Deliveries have an outcome, or another one by a report.
    #[serde(rename = "delivery.final")]
    DeliveryFinal,
    /// A message came back.
    #[serde(rename = "delivery.bounced")]
    DeliveryBounced,
    /// More customers than before are not informed past the deadline of a notice.
    #[serde(rename = "coverage.overdue")]
    CoverageOverdue,
    /// A person has a task.
    #[serde(rename = "task.opened")]
    TaskOpened,
    /// A task was closed, by a fact or a person.
    #[serde(rename = "task.done")]
    TaskDone,
    /// No dispatcher can use a relay.
    #[serde(rename = "relay.down")]
    RelayDown,
    /// A dispatcher can use it again.
    #[serde(rename = "relay.up")]
    RelayUp,
    /// Sealing has stopped until a person continues it.
    #[serde(rename = "ledger.stopped")]
    LedgerStopped,
    /// An operator tests the webhook.
    #[serde(rename = "ping")]
    Ping,
}

words!(HookEvent, "an event of webhooks", {
    NoticeSubmitted => "notice.submitted",
    NoticeApproved => "notice.approved",
    NoticeReleased => "notice.released",
    NoticeClosed => "notice.closed",
    DeliveryFinal => "delivery.final",
    DeliveryBounced => "delivery.bounced",
    CoverageOverdue => "coverage.overdue",
    TaskOpened => "task.opened",
    TaskDone => "task.done",
    RelayDown => "relay.down",
    RelayUp => "relay.up",
    LedgerStopped => "ledger.stopped",
    Ping => "ping",
});

/// Why a webhook is not called any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disabled {
    /// An operator disabled it.
    Operator,
    /// The receiver answered that it is gone for good (410).
    Gone,
    /// No call succeeded for [`PATIENCE`].
    Failed,
}

words!(Disabled, "a reason to disable a webhook", { Operator => "operator", Gone => "gone", Failed => "failed" });

/// How long a call is repeated.
pub const PATIENCE: SignedDuration = SignedDuration::from_hours(72);

/// How long the former secret signs beside a new one.
pub const ROTATION: SignedDuration = SignedDuration::from_hours(24);

/// The longest wait that a receiver can ask for.
const LONGEST_ASKED: SignedDuration = SignedDuration::from_hours(6);

/// The waits after the first failures, in seconds; the last one repeats.
const WAITS: [i64; 9] = [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600];

/// How long a call waits after its failure number `failures`, with `jitter` as a factor; longer if the receiver asked for that.
#[must_use]
pub fn wait(failures: u32, jitter: f64, asked: Option<SignedDuration>) -> SignedDuration {
    let index = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX).min(WAITS.len() - 1);
    let own = SignedDuration::from_secs(WAITS[index]).mul_f64(jitter);
    own.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_database_have_the_same_words() {
        for event in HookEvent::ALL {
            assert_eq!(serde_json::to_value(event).unwrap(), event.as_str());
        }
        for why in Disabled::ALL {
            assert_eq!(serde_json::to_value(why).unwrap(), why.as_str());
        }
    }

    #[test]
    fn waits_grow_to_six_hours_and_are_longer_if_the_receiver_asks() {
        let seconds = |failures, jitter, asked: Option<i64>| {
            wait(failures, jitter, asked.map(SignedDuration::from_secs)).as_secs()
        };
        let waits: Vec<i64> = (1..=10).map(|failures| seconds(failures, 1.0, None)).collect();
        assert_eq!(waits, [5, 60, 300, 900, 1800, 3600, 7200, 14_400, 21_600, 21_600]);
        assert_eq!((seconds(0, 1.0, None), seconds(u32::MAX, 1.0, None)), (5, 21_600));
        assert_eq!((seconds(2, 0.8, None), seconds(2, 1.2, None)), (48, 72));
        assert_eq!((seconds(1, 1.0, Some(120)), seconds(1, 1.0, Some(1))), (120, 5));
        assert_eq!(seconds(1, 1.0, Some(i64::MAX)), 21_600, "nobody makes it wait for ever");
        let all: i64 = (1..=18).map(|failures| seconds(failures, 1.0, None)).sum();
        assert!(all < PATIENCE.as_secs(), "there are some twenty calls before it ends");
    }
}
