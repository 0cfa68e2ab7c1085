//! A delivery: one notice to one contact. Its states, and the one function that moves it between them.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::domain::words::words;

/// The state of a delivery.
///
/// ```text
/// queued -> sending -> accepted -> delivered
///              |           \-----> bounced
///              |-> deferred -> sending ... -> expired
///              |-> rejected -> queued (sent again on an operator's decision, as expired and bounced)
///              \-> uncertain -> accepted | rejected | bounced | delivered (a finding or a report), or sending (again)
/// bounced | delivered -> accepted | delivered | uncertain (an operator withdraws a finding)
/// queued -> suppressed | opted_out | cancelled | uncertain (in a restored copy)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits in the queue.
    Queued,
    /// A worker holds it.
    Sending,
    /// The server refused it for now; it is retried.
    Deferred,
    /// The mail server accepted it.
    Accepted,
    /// A success report (RFC 3464) or an operator says that it reached the mailbox.
    Delivered,
    /// A failure report or an operator says that it did not.
    Bounced,
    /// The server refused it for good.
    Rejected,
    /// Was deferred for longer than we wait.
    Expired,
    /// The server may have accepted it: the connection was lost too late to know.
    Uncertain,
    /// Not sent: the address is suppressed.
    Suppressed,
    /// Not sent: the person opted out of the category.
    OptedOut,
    /// Not sent: the notice was cancelled, or the person erased.
    Cancelled,
}

/// What is said in place of a stored message that is not the one that was sent.
#[must_use]
pub fn damaged_message(id: Uuid) -> String {
    format!(
        "the stored text of delivery {id} does not match its entry in the ledger and is not shown; `besked ledger audit` examines it"
    )
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
    /// The worker returns it untried.
    GiveBack,
    /// An outcome is recorded.
    Outcome(Outcome),
    /// An operator or the retry schedule sends it again.
    Resend,
    /// An operator finds an outcome out, perhaps against what a server or a report said.
    Find(Outcome),
    /// An operator withdraws a finding: the outcome before it counts again.
    Withdraw(Outcome),
}

impl Event {
    /// Describes it after "it cannot".
    #[must_use]
    pub fn describe(self) -> String {
        match self {
            Self::Claim => "be claimed".to_owned(),
            Self::GiveBack => "return to the queue".to_owned(),
            Self::Outcome(outcome) => format!("become {outcome}"),
            Self::Find(outcome) => format!("be found {outcome}"),
            Self::Resend => "be sent again".to_owned(),
            Self::Withdraw(outcome) => format!("be {outcome} again"),
        }
    }
}

/// The outcome of an attempt, or of the decision not to make one. Each has its entry in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server accepted it.
    Accepted,
    /// The server refused it for now.
    Deferred,
    /// The server refused it.
    Rejected,
    /// It was deferred too often.
    Expired,
    /// It is unknown whether the server accepted it.
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
    /// Returns the state of a delivery once this outcome is recorded.
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
    /// Returns the state after an event, or `None` if the event cannot happen in this state.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        use Outcome::{Accepted, Bounced, Cancelled, Delivered, Expired, OptedOut, Rejected, Suppressed, Uncertain};
        match (self, event) {
            // An uncertain one is claimed if it is sent again, and uncertain until that attempt says more.
            (Self::Queued | Self::Deferred | Self::Uncertain, Event::Claim) => Some(Self::Sending),
            (Self::Uncertain, Event::Resend) => Some(Self::Uncertain),
            (Self::Sending, Event::GiveBack) | (Self::Rejected | Self::Expired | Self::Bounced, Event::Resend) => Some(Self::Queued),
            (Self::Sending, Event::Outcome(Bounced | Delivered)) => None,
            (Self::Sending, Event::Outcome(outcome)) => Some(outcome.state()),
            (
                Self::Queued | Self::Deferred,
                Event::Outcome(outcome @ (Suppressed | OptedOut | Cancelled | Expired | Uncertain)),
            )
            // Not cancelled: its message may have been accepted.
            | (Self::Uncertain, Event::Outcome(outcome @ (Accepted | Rejected | Bounced | Delivered)))
            | (Self::Accepted, Event::Outcome(outcome @ (Bounced | Delivered)))
            | (Self::Delivered, Event::Outcome(outcome @ Bounced))
            // Servers contradict each other, and a person finds out which of them is right.
            | (Self::Rejected | Self::Expired | Self::Bounced, Event::Find(outcome @ (Bounced | Delivered)))
            | (Self::Bounced, Event::Withdraw(outcome @ (Accepted | Delivered | Uncertain | Rejected | Expired | Bounced)))
            | (Self::Delivered, Event::Withdraw(outcome @ (Accepted | Uncertain | Rejected | Expired | Bounced))) => {
                Some(outcome.state())
            }
            (state, Event::Find(outcome)) => state.after(Event::Outcome(outcome)),
            _ => None,
        }
    }

    /// Returns true if a further attempt, which was under way when this state was recorded, does not change it: the message
    /// arrived, or a report says what became of it. The attempt has its entry all the same.
    #[must_use]
    pub const fn outlasts(self, outcome: Outcome) -> bool {
        matches!(self, Self::Accepted | Self::Delivered | Self::Bounced)
            && self.after(Event::Outcome(outcome)).is_none()
    }

    /// Returns true if work remains: a notice with such a delivery is not closed.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Queued | Self::Sending | Self::Deferred)
    }

    /// Returns true if it is not known yet whether the recipient is informed.
    #[must_use]
    pub const fn is_pending(self) -> bool {
        self.is_open() || matches!(self, Self::Uncertain)
    }

    /// Returns true if a server or an operator says that the message arrived somewhere. Whether that informs the customer
    /// depends on its [`Level`], see `Measure` in `domain/coverage.rs`.
    #[must_use]
    pub const fn informs(self) -> bool {
        matches!(self, Self::Accepted | Self::Delivered)
    }

    /// Describes the state in words that claim no more than is known.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Queued => "waiting to be sent",
            Self::Sending => "being sent",
            Self::Deferred => "not accepted yet, will be retried",
            Self::Accepted => "accepted by the mail server",
            Self::Delivered => "delivered to the mailbox, according to the recipient's mail server",
            Self::Bounced => "returned as undeliverable",
            Self::Rejected => "refused by the mail server",
            Self::Expired => "not accepted until the time to retry was over",
            Self::Uncertain => "perhaps accepted by the mail server: the outcome is unknown",
            Self::Suppressed => "not sent: the address is suppressed",
            Self::OptedOut => "not sent: the person opted out",
            Self::Cancelled => "not sent: cancelled",
        }
    }

    /// Describes the state together with the level of its evidence, or with the reason why the message was not sent.
    #[must_use]
    pub fn describe_as(self, level: Option<Level>, reason: Option<Reason>) -> &'static str {
        reason.map_or_else(|| self.describe_at(level), Reason::describe)
    }

    /// Describes the state together with the level of its evidence: who took the message, or that an operator found it out.
    #[must_use]
    pub const fn describe_at(self, level: Option<Level>) -> &'static str {
        match (self, level) {
            (Self::Accepted, Some(Level::Relayed)) => "handed to our relay (accepted by the mail server there)",
            (Self::Accepted, Some(Level::AcceptedByMx)) => "accepted by the recipient's mail server",
            (Self::Accepted, Some(Level::OperatorFound)) => {
                "found by an operator to have been accepted by the mail server"
            }
            (Self::Delivered, Some(Level::OperatorFound)) => "found by an operator to have been delivered",
            (Self::Bounced, Some(Level::OperatorFound)) => {
                "found by an operator to have been returned as undeliverable"
            }
            (Self::Rejected, Some(Level::OperatorFound)) => {
                "found by an operator not to have been accepted by the mail server"
            }
            (state, _) => state.describe(),
        }
    }
}

/// Why a delivery is `rejected` that no server refused: it was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// None of our relays offers what the message needs: SMTPUTF8, 8BITMIME or its size.
    NotCarried,
    /// The message could not be composed.
    NotComposed,
}

words!(Reason, "a reason", {
    NotCarried => "not_carried",
    NotComposed => "not_composed",
});

impl Reason {
    /// Describes it, as our own doing and no server's answer.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::NotCarried => "not sent: none of our relays can carry the message",
            Self::NotComposed => "not sent: the message could not be composed",
        }
    }
}

/// A failure after which an operator may have a delivery of a mandatory notice sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Failure {
    /// It is `rejected`.
    Rejected,
    /// It is `expired`.
    Expired,
    /// It is `bounced`: accepted, and returned later.
    Bounced,
    /// It is `rejected`, and no server refused it: no relay could carry the message.
    NotCarried,
    /// It is `rejected`, and no server refused it: the message could not be composed.
    NotComposed,
}

words!(Failure, "a failure", {
    Rejected => "rejected",
    Expired => "expired",
    Bounced => "bounced",
    NotCarried => "not_carried",
    NotComposed => "not_composed",
});

impl Failure {
    /// The reason that it names, if any.
    #[must_use]
    pub const fn reason(self) -> Option<Reason> {
        match self {
            Self::Rejected | Self::Expired | Self::Bounced => None,
            Self::NotCarried => Some(Reason::NotCarried),
            Self::NotComposed => Some(Reason::NotComposed),
        }
    }
}

/// How strong the evidence is that a recipient was informed, weakest first: a person's word comes before any server's answer. Two
/// levels may have the same [rank](Level::rank).
///
/// On a delivery that failed, the only level is `operator_found`: the failure is an operator's finding, not a server's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A person's word that the customer was informed by another way.
    Attested,
    /// A relay accepted the message, to pass it on.
    Relayed,
    /// An operator found out what became of it, and no server's answer is known.
    OperatorFound,
    /// The recipient domain's own mail server accepted it.
    AcceptedByMx,
    /// That server reported the delivery to the mailbox.
    DsnDelivered,
    /// A signed-in person confirmed it.
    Acknowledged,
}

words!(Level, "a level", {
    Attested => "attested",
    Relayed => "relayed",
    OperatorFound => "operator_found",
    AcceptedByMx => "accepted_by_mx",
    DsnDelivered => "dsn_delivered",
    Acknowledged => "acknowledged",
});

impl Level {
    /// Returns how strong the level is: an operator's finding is as strong as the answer of the recipient's own server.
    #[must_use]
    pub const fn rank(self) -> u8 {
        match self {
            Self::Attested => 0,
            Self::Relayed => 1,
            Self::OperatorFound | Self::AcceptedByMx => 2,
            Self::DsnDelivered => 3,
            Self::Acknowledged => 4,
        }
    }

    /// Returns true if the level is at least as strong as `least`.
    #[must_use]
    pub const fn reaches(self, least: Self) -> bool {
        self.rank() >= least.rank()
    }

    /// Describes what the level says, and what it does not.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Relayed => "our relay accepted the message, to pass it on to the recipient's mail server",
            Self::OperatorFound => "an operator found it out, for example in a relay's log: a person's word",
            Self::AcceptedByMx => "the recipient's own mail server accepted the message",
            Self::DsnDelivered => "the recipient's mail server reported the delivery to the mailbox",
            Self::Attested => "a person states that the customer was informed by another way",
            Self::Acknowledged => "a signed-in person confirmed the notice",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bounce_beats_accepted_and_only_an_operator_reopens_a_refusal() {
        assert_eq!(State::Accepted.after(Event::Outcome(Outcome::Bounced)), Some(State::Bounced));
        for event in [Event::Claim, Event::GiveBack, Event::Outcome(Outcome::Accepted)] {
            assert_eq!(State::Rejected.after(event), None);
        }
        assert_eq!(State::Rejected.after(Event::Resend), Some(State::Queued));
        assert_eq!(State::Bounced.after(Event::Resend), Some(State::Queued));
        assert_eq!(State::Accepted.after(Event::Resend), None);
    }

    #[test]
    fn only_a_person_decides_against_a_failure() {
        for state in [State::Rejected, State::Expired, State::Bounced] {
            assert_eq!(state.after(Event::Outcome(Outcome::Delivered)), None, "{state}: a report is looked at");
            assert_eq!(state.after(Event::Find(Outcome::Delivered)), Some(State::Delivered), "{state}");
            assert_eq!(state.after(Event::Find(Outcome::Bounced)), Some(State::Bounced), "{state}");
            assert_eq!(state.after(Event::Find(Outcome::Accepted)), None, "{state}");
        }
        assert_eq!(State::Accepted.after(Event::Find(Outcome::Bounced)), Some(State::Bounced));
        assert_eq!(State::Queued.after(Event::Find(Outcome::Bounced)), None);
        assert_eq!(State::Delivered.after(Event::Find(Outcome::Delivered)), None);
    }

    #[test]
    fn a_withdrawn_finding_leads_back_and_nothing_else_does() {
        let back = |state: State, outcome| state.after(Event::Withdraw(outcome));
        assert_eq!(back(State::Bounced, Outcome::Accepted), Some(State::Accepted));
        assert_eq!(back(State::Bounced, Outcome::Delivered), Some(State::Delivered));
        assert_eq!(back(State::Delivered, Outcome::Uncertain), Some(State::Uncertain));
        assert_eq!(back(State::Delivered, Outcome::Bounced), Some(State::Bounced));
        assert_eq!(back(State::Bounced, Outcome::Rejected), Some(State::Rejected));
        for (state, outcome) in [
            (State::Bounced, Outcome::Deferred),
            (State::Rejected, Outcome::Accepted),
            (State::Delivered, Outcome::Delivered),
            (State::Queued, Outcome::Accepted),
        ] {
            assert_eq!(back(state, outcome), None, "{state} {outcome}");
        }
    }

    #[test]
    fn a_finding_ranks_as_the_recipients_own_server_and_below_its_report() {
        assert!(Level::OperatorFound.reaches(Level::AcceptedByMx) && Level::AcceptedByMx.reaches(Level::OperatorFound));
        assert!(!Level::OperatorFound.reaches(Level::DsnDelivered) && !Level::Relayed.reaches(Level::OperatorFound));
        assert!(Level::ALL.is_sorted_by_key(|level| level.rank()));
    }

    #[test]
    fn a_late_250_settles_an_uncertain_delivery_and_so_does_an_operator() {
        assert_eq!(State::Uncertain.after(Event::Outcome(Outcome::Rejected)), Some(State::Rejected));
        assert_eq!(State::Uncertain.after(Event::Outcome(Outcome::Accepted)), Some(State::Accepted));
        assert_eq!(State::Uncertain.after(Event::Resend), Some(State::Uncertain), "until the next attempt says more");
        assert_eq!(State::Uncertain.after(Event::Outcome(Outcome::Cancelled)), None);
    }

    #[test]
    fn only_what_waits_can_be_claimed() {
        let claimable: Vec<_> = State::ALL.iter().filter(|state| state.after(Event::Claim).is_some()).collect();
        assert_eq!(claimable, [&State::Queued, &State::Deferred, &State::Uncertain]);
    }
}
