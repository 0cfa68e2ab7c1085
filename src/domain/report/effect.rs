//! What a report does to the delivery that it is about, and to the address that was mailed.
//!
//! | tie | report | effect |
//! | --- | --- | --- |
//! | token | `failed` | the delivery is `bounced`, whatever was known before; the address is dead if the verdict says so of this very address |
//! | token | `failed` of a member, after `expanded` | none, as the message may have reached others; a person looks at it |
//! | token | `failed` of an earlier copy, after the delivery was sent again | none: the later copy has its own report |
//! | token | `failed` of an earlier copy, as only times of servers say, while the customer counts as informed | none; a person looks at it |
//! | token | `delivered`, with a status of success | the delivery is `delivered` |
//! | token | `delivered`, without a status | none: the report was cut off, or is none of RFC 3464 |
//! | token | `delivered` with a status of failure | none; a person looks at it |
//! | token | `failed` with a status of success | as `failed`, but no address is dead; a person looks at it |
//! | token | `delivered`, after the delivery failed | none; a person looks at it: one of two servers is wrong |
//! | token | `failed`, after `delivered` | `bounced`, and a person looks at it |
//! | token | a report about a delivery that does not say what happened: it was cut off | none; a person looks at it |
//! | token | a complaint | the person opts out of every optional category, and the address is suppressed for them |
//! | token | `delayed`, `relayed`, `expanded`, a receipt, an automatic answer, a reply | none |
//! | a header, a Message-ID, a token that the rest contradicts | a failure or a complaint | none: every recipient knows these; a person looks at it |
//!
//! Every report is recorded, also one without an effect. A report that came before the commit of what it is about waits for it.

use crate::domain::delivery::{Event, Outcome, State};
use crate::domain::report::{Action, MatchKind, MessageKind, Report, Status, Verdict};
use crate::domain::task::TaskKind;

/// Whether a report is about a copy that was sent before an operator had the delivery sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It is about the last copy, or nothing says which.
    No,
    /// The times that servers wrote say so, and clocks may be wrong.
    ByTimes,
    /// No later copy was accepted when it came.
    Certain,
}

/// What is known of a delivery when a report about it is judged.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its state; `sending` while a worker holds it.
    pub state: State,
    /// The report is about the very address that was mailed: it was not forwarded to another one.
    pub same_address: bool,
    /// An earlier report said that the message went on to the members of a list or an alias.
    pub expanded: bool,
    /// Whether the report is about an earlier copy.
    pub earlier: Earlier,
}

/// What a report says of a delivery.
#[derive(Clone, Copy, Debug)]
pub struct Said {
    /// What happened.
    pub action: Action,
    /// The code for it.
    pub status: Option<Status>,
    /// What it means.
    pub verdict: Verdict,
}

impl From<&Report> for Said {
    fn from(report: &Report) -> Self {
        Self { action: report.action, status: report.status, verdict: report.verdict }
    }
}

impl Said {
    /// The action and the class of the status exclude each other.
    fn contradicts_itself(self) -> bool {
        let class = self.status.map(|status| status.class);
        match self.action {
            Action::Delivered => matches!(class, Some(4 | 5)),
            Action::Failed => class == Some(2),
            Action::Delayed | Action::Relayed | Action::Expanded | Action::None => false,
        }
    }

    /// A success report as RFC 3464 wants it: anything less is no proof.
    fn proves_delivery(self) -> bool {
        self.action == Action::Delivered && self.status.is_some_and(|status| status.class == 2)
    }
}

/// What a report does. Without any, it is recorded and nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// The delivery's outcome.
    pub outcome: Option<Outcome>,
    /// The address that was mailed is dead.
    pub dead: bool,
    /// The person who was mailed complained.
    pub complaint: bool,
    /// What a person must look at.
    pub task: Option<TaskKind>,
}

impl MatchKind {
    /// Returns true if whoever sent the report saw the message itself: only then may the report change anything.
    #[must_use]
    pub const fn is_proof(self) -> bool {
        matches!(self, Self::Token | Self::TokenInReturnedPart)
    }

    /// Returns true if the report is recorded with a delivery.
    #[must_use]
    pub const fn is_tied(self) -> bool {
        self.is_proof() || matches!(self, Self::DeliveryHeader | Self::MessageId | Self::Mismatch)
    }
}

impl Effect {
    /// Returns true if the report is recorded, and nothing else comes of it but a task.
    #[must_use]
    pub const fn is_note(self) -> bool {
        self.outcome.is_none() && !self.dead && !self.complaint
    }

    /// Judges a report about one delivery. Returns `None` if it must wait: the delivery is not finished.
    #[must_use]
    pub fn of(kind: MessageKind, tie: MatchKind, said: Said, about: About) -> Option<Self> {
        if !tie.is_proof() {
            let matters = said.action == Action::Failed || said.verdict == Verdict::Complaint;
            return Some(Self { task: matters.then_some(TaskKind::WeakMatch), ..Self::default() });
        }
        match kind {
            MessageKind::Dsn => Self::of_delivery_report(said, about),
            MessageKind::Arf => Some(Self { complaint: said.verdict == Verdict::Complaint, ..Self::default() }),
            MessageKind::AutoReply | MessageKind::Mdn | MessageKind::Reply | MessageKind::Unknown => {
                Some(Self::default())
            }
        }
    }

    fn of_delivery_report(said: Said, about: About) -> Option<Self> {
        let looked_at = Self { task: Some(TaskKind::Contradiction), ..Self::default() };
        let outcome = match said.action {
            Action::Failed => Outcome::Bounced,
            Action::Delivered if said.proves_delivery() => Outcome::Delivered,
            Action::Delivered if said.contradicts_itself() => return Some(looked_at),
            Action::None => return Some(Self { task: Some(TaskKind::Unread), ..Self::default() }),
            Action::Delivered | Action::Delayed | Action::Relayed | Action::Expanded => return Some(Self::default()),
        };
        if outcome == Outcome::Bounced && about.earlier != Earlier::No {
            let is_doubtful = about.earlier == Earlier::ByTimes && about.state.informs();
            return Some(if is_doubtful { looked_at } else { Self::default() });
        }
        // An alias may lead to one address only, and nobody was informed then.
        if outcome == Outcome::Bounced && about.expanded && !about.same_address {
            return Some(looked_at);
        }
        if about.state.is_open() {
            return None;
        }
        let follows = about.state.after(Event::Outcome(outcome)).is_some();
        let contradicts = match outcome {
            Outcome::Bounced => about.state == State::Delivered || said.contradicts_itself(),
            _ => matches!(about.state, State::Bounced | State::Rejected | State::Expired),
        };
        Some(Self {
            outcome: follows.then_some(outcome),
            dead: outcome == Outcome::Bounced
                && said.verdict == Verdict::AddressDead
                && about.same_address
                && !said.contradicts_itself(),
            complaint: false,
            task: contradicts.then_some(TaskKind::Contradiction),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: MatchKind = MatchKind::Token;

    fn about(state: State) -> About {
        About { state, same_address: true, expanded: false, earlier: Earlier::No }
    }

    /// As a report says it that does not contradict itself.
    fn said((action, verdict): (Action, Verdict)) -> Said {
        let class = if action == Action::Delivered { 2 } else { 5 };
        Said { action, status: Some(Status { class, subject: 1, detail: 1 }), verdict }
    }

    fn of_dsn(words: (Action, Verdict), about: About) -> Option<Effect> {
        Effect::of(MessageKind::Dsn, TOKEN, said(words), about)
    }

    #[test]
    fn a_report_that_contradicts_itself_or_is_cut_off_proves_no_delivery() {
        let of = |action, class: Option<u8>| {
            let status = class.map(|class| Status { class, subject: 1, detail: 1 });
            let said = Said { action, status, verdict: Verdict::AddressDead };
            let effect = Effect::of(MessageKind::Dsn, TOKEN, said, about(State::Accepted)).unwrap();
            (effect.outcome, effect.dead, effect.task)
        };
        let task = Some(TaskKind::Contradiction);
        assert_eq!(of(Action::Delivered, Some(2)), (Some(Outcome::Delivered), false, None));
        assert_eq!(of(Action::Delivered, None), (None, false, None));
        assert_eq!(of(Action::Delivered, Some(4)), (None, false, task));
        assert_eq!(of(Action::Delivered, Some(5)), (None, false, task));
        assert_eq!(of(Action::Failed, Some(2)), (Some(Outcome::Bounced), false, task));
        assert_eq!(of(Action::Failed, None), (Some(Outcome::Bounced), true, None));
    }

    #[test]
    fn the_failure_of_an_earlier_copy_says_nothing_of_the_later_one() {
        for state in [State::Queued, State::Sending, State::Accepted, State::Delivered] {
            let earlier = About { earlier: Earlier::Certain, ..about(state) };
            assert_eq!(of_dsn((Action::Failed, Verdict::AddressDead), earlier), Some(Effect::default()), "{state}");
        }
        let by_times =
            |state| of_dsn((Action::Failed, Verdict::AddressDead), About { earlier: Earlier::ByTimes, ..about(state) });
        let looked_at = Effect { task: Some(TaskKind::Contradiction), ..Effect::default() };
        for state in [State::Accepted, State::Delivered] {
            assert_eq!(by_times(state), Some(looked_at), "{state}: a clock may be wrong");
        }
        assert_eq!(by_times(State::Bounced), Some(Effect::default()));
        let earlier = About { earlier: Earlier::ByTimes, ..about(State::Accepted) };
        let delivered = of_dsn((Action::Delivered, Verdict::Success), earlier).unwrap();
        assert_eq!(delivered.outcome, Some(Outcome::Delivered), "a copy arrived, whichever it was");
    }

    #[test]
    fn only_a_dead_address_that_was_mailed_is_marked() {
        let failed = |verdict, about| of_dsn((Action::Failed, verdict), about).unwrap();
        for verdict in Verdict::ALL {
            let dead = *verdict == Verdict::AddressDead;
            assert_eq!(failed(*verdict, about(State::Accepted)).dead, dead, "{verdict}");
            assert_eq!(failed(*verdict, about(State::Accepted)).outcome, Some(Outcome::Bounced), "{verdict}");
        }
        let forwarded = About { same_address: false, ..about(State::Accepted) };
        let effect = failed(Verdict::AddressDead, forwarded);
        assert_eq!((effect.outcome, effect.dead), (Some(Outcome::Bounced), false), "another address is dead");
        let member = About { expanded: true, ..forwarded };
        let looked_at = Effect { task: Some(TaskKind::Contradiction), ..Effect::default() };
        assert_eq!(failed(Verdict::AddressDead, member), looked_at);
    }

    #[test]
    fn the_later_proof_counts_and_a_contradiction_is_looked_at() {
        let failed = |state| of_dsn((Action::Failed, Verdict::Policy), about(state)).unwrap();
        let delivered = |state| of_dsn((Action::Delivered, Verdict::Success), about(state)).unwrap();
        assert_eq!((failed(State::Accepted).outcome, failed(State::Accepted).task), (Some(Outcome::Bounced), None));
        let after = failed(State::Delivered);
        assert_eq!((after.outcome, after.task), (Some(Outcome::Bounced), Some(TaskKind::Contradiction)));
        assert_eq!(failed(State::Bounced), Effect::default(), "the same again");
        assert_eq!(delivered(State::Accepted).outcome, Some(Outcome::Delivered));
        assert_eq!(delivered(State::Uncertain).outcome, Some(Outcome::Delivered), "a doubt is settled");
        assert_eq!(delivered(State::Delivered), Effect::default());
        for state in [State::Bounced, State::Rejected, State::Expired] {
            let after = delivered(state);
            assert_eq!((after.outcome, after.task), (None, Some(TaskKind::Contradiction)), "{state}");
        }
    }

    #[test]
    fn a_report_that_overtakes_our_own_commit_waits() {
        for state in [State::Queued, State::Sending, State::Deferred] {
            assert_eq!(of_dsn((Action::Failed, Verdict::AddressDead), about(state)), None, "{state}");
            assert_eq!(of_dsn((Action::Delayed, Verdict::Temporary), about(state)), Some(Effect::default()));
        }
    }

    #[test]
    fn what_every_recipient_knows_changes_nothing() {
        let weak = MatchKind::ALL.iter().filter(|tie| !tie.is_proof());
        for tie in weak {
            let of = |kind, words| Effect::of(kind, *tie, said(words), about(State::Accepted)).unwrap();
            let looked_at = Effect { task: Some(TaskKind::WeakMatch), ..Effect::default() };
            assert_eq!(of(MessageKind::Dsn, (Action::Failed, Verdict::AddressDead)), looked_at, "{tie}");
            assert_eq!(of(MessageKind::Arf, (Action::None, Verdict::Complaint)), looked_at, "{tie}");
            assert_eq!(of(MessageKind::Dsn, (Action::Delivered, Verdict::Success)), Effect::default(), "{tie}");
        }
    }

    #[test]
    fn only_a_complaint_opts_out() {
        let of = |verdict| {
            Effect::of(MessageKind::Arf, TOKEN, said((Action::None, verdict)), about(State::Accepted)).unwrap()
        };
        assert!(of(Verdict::Complaint).complaint && !of(Verdict::None).complaint);
        for kind in [MessageKind::AutoReply, MessageKind::Mdn, MessageKind::Reply, MessageKind::Unknown] {
            let said = said((Action::Failed, Verdict::AddressDead));
            assert_eq!(Effect::of(kind, TOKEN, said, about(State::Accepted)), Some(Effect::default()), "{kind}");
        }
    }
}
