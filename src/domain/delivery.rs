//! A delivery: one notice to one contact. Its states, and the one function that moves it between them.

use serde::Serialize;

use crate::domain::words::words;

/// Where a delivery stands.
///
/// ```text
/// queued -> sending -> accepted -> delivered
///              |           \-----> bounced
///              |-> deferred -> sending ... -> expired
///              |-> rejected
///              \-> uncertain -> queued | accepted | rejected | bounced
/// queued -> suppressed | opted_out | cancelled
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn.
    Queued,
    /// A worker holds it.
    Sending,
    /// Was put off by the server; will be tried again.
    Deferred,
    /// The mail server took it.
    Accepted,
    /// A success report (RFC 3464) says that it reached the mailbox.
    Delivered,
    /// A failure report says that it did not.
    Bounced,
    /// The server refused it for good.
    Rejected,
    /// Was put off for longer than we wait.
    Expired,
    /// The server may have taken it: the connection was lost too late to know.
    Uncertain,
    /// Not sent: the address is suppressed.
    Suppressed,
    /// Not sent: the person opted out of the category.
    OptedOut,
    /// Not sent: the notice was cancelled, or the person erased.
    Cancelled,
}

words!(State, "a state of a delivery", {
    Queued => "queued",
    Sending => "sending",
    Deferred => "deferred",
    Accepted => "accepted",
    Delivered => "delivered",
    Bounced => "bounced",
    Rejected => "rejected",
    Expired => "expired",
    Uncertain => "uncertain",
    Suppressed => "suppressed",
    OptedOut => "opted_out",
    Cancelled => "cancelled",
});

/// What happens to a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// A worker takes it.
    Claim,
    /// The worker gives it back untried.
    GiveBack,
    /// An outcome is recorded.
    Outcome(Outcome),
    /// An uncertain one is to be sent again.
    Resend,
}

/// The outcome of an attempt, or of the decision not to make one. Each has its entry in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server took it.
    Accepted,
    /// The server put it off.
    Deferred,
    /// The server refused it.
    Rejected,
    /// It was put off too often.
    Expired,
    /// Nobody knows whether the server took it.
    Uncertain,
    /// The address is suppressed.
    Suppressed,
    /// The person opted out.
    OptedOut,
    /// The notice was cancelled.
    Cancelled,
    /// A failure report came.
    Bounced,
    /// A success report came.
    Delivered,
}

words!(Outcome, "an outcome", {
    Accepted => "accepted",
    Deferred => "deferred",
    Rejected => "rejected",
    Expired => "expired",
    Uncertain => "uncertain",
    Suppressed => "suppressed",
    OptedOut => "opted_out",
    Cancelled => "cancelled",
    Bounced => "bounced",
    Delivered => "delivered",
});

impl Outcome {
    /// The state a delivery is in once this outcome is recorded.
    #[must_use]
    pub const fn state(self) -> State {
        match self {
            Self::Accepted => State::Accepted,
            Self::Deferred => State::Deferred,
            Self::Rejected => State::Rejected,
            Self::Expired => State::Expired,
            Self::Uncertain => State::Uncertain,
            Self::Suppressed => State::Suppressed,
            Self::OptedOut => State::OptedOut,
            Self::Cancelled => State::Cancelled,
            Self::Bounced => State::Bounced,
            Self::Delivered => State::Delivered,
        }
    }
}

impl State {
    /// The state after an event, or `None` where the event cannot happen in this state.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        use Outcome::{Accepted, Bounced, Cancelled, Delivered, Expired, OptedOut, Rejected, Suppressed};
        match (self, event) {
            (Self::Queued | Self::Deferred, Event::Claim) => Some(Self::Sending),
            (Self::Sending, Event::GiveBack) | (Self::Uncertain, Event::Resend) => Some(Self::Queued),
            (Self::Sending, Event::Outcome(Bounced | Delivered)) => None,
            (Self::Sending, Event::Outcome(outcome)) => Some(outcome.state()),
            (
                Self::Queued | Self::Deferred,
                Event::Outcome(outcome @ (Suppressed | OptedOut | Cancelled | Expired)),
            )
            | (Self::Uncertain, Event::Outcome(outcome @ (Accepted | Rejected | Bounced | Delivered | Cancelled)))
            | (Self::Accepted, Event::Outcome(outcome @ (Bounced | Delivered)))
            | (Self::Delivered, Event::Outcome(outcome @ Bounced)) => Some(outcome.state()),
            _ => None,
        }
    }

    /// True where work remains: a notice with such a delivery is not closed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Deferred)
    }

    /// True where it is not known yet whether the recipient is informed.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        self.is_open() || matches!(self, Self::Uncertain)
    }

    /// True where the delivery informs its recipient.
    #[must_use]
    pub const fn informs(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered)
    }

    /// What the state says, in words that claim no more than is known.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Queued => "waiting to be sent",
            Self::Sending => "being sent",
            Self::Deferred => "put off by the mail server, will be tried again",
            Self::Accepted => "accepted by the mail server",
            Self::Delivered => "delivered to the mailbox, says the recipient's mail server",
            Self::Bounced => "returned as undeliverable",
            Self::Rejected => "refused by the mail server",
            Self::Expired => "put off by the mail server until the time to try was over",
            Self::Uncertain => "perhaps accepted by the mail server: no answer to it is known",
            Self::Suppressed => "not sent: the address is suppressed",
            Self::OptedOut => "not sent: the person opted out",
            Self::Cancelled => "not sent any more: cancelled",
        }
    }

    /// The same of a delivery whose outcome is what an operator found, where it was `found`: no server's answer.
    #[must_use]
    pub const fn told(self, found: bool) -> &'static str {
        match self {
            Self::Accepted if found => "found by an operator to have been accepted by the mail server",
            Self::Rejected if found => "found by an operator not to have been accepted by the mail server",
            state => state.describe(),
        }
    }
}

/// How strong the evidence is that a recipient was told, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A relay took the message, to pass it on.
    Relayed,
    /// The recipient domain's own mail server took it.
    AcceptedByMx,
    /// That server reported the delivery to the mailbox.
    DsnDelivered,
    /// A person's word that the customer was told by another way.
    Attested,
    /// A signed-in person confirmed it.
    Acknowledged,
}

words!(Level, "a level", {
    Relayed => "relayed",
    AcceptedByMx => "accepted_by_mx",
    DsnDelivered => "dsn_delivered",
    Attested => "attested",
    Acknowledged => "acknowledged",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounce_beats_accepted_and_nothing_reopens_a_refusal() {
        assert_eq!(State::Accepted.after(Event::Outcome(Outcome::Bounced)), Some(State::Bounced));
        for event in [Event::Claim, Event::Resend, Event::GiveBack, Event::Outcome(Outcome::Accepted)] {
            assert_eq!(State::Rejected.after(event), None);
        }
    }

    #[test]
    fn a_late_250_settles_a_doubt_and_so_does_an_operator() {
        assert_eq!(State::Uncertain.after(Event::Outcome(Outcome::Rejected)), Some(State::Rejected));
        assert_eq!(State::Uncertain.after(Event::Outcome(Outcome::Accepted)), Some(State::Accepted));
        assert_eq!(State::Uncertain.after(Event::Resend), Some(State::Queued));
    }

    #[test]
    fn only_what_waits_can_be_claimed() {
        let claimable: Vec<_> = State::ALL.iter().filter(|state| state.after(Event::Claim).is_some()).collect();
        assert_eq!(claimable, [&State::Queued, &State::Deferred]);
    }
}
