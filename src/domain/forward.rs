//! Replies on their way to support: what became of each, and why one does not go on.

use serde::Serialize;

use crate::domain::words::words;

/// What became of a person's reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is to be forwarded.
    Waiting,
    /// A relay accepted it for support.
    Forwarded,
    /// It is not forwarded: it may be no person's, or one of a loop.
    Withheld,
    /// It could not be forwarded, and a person must look at it.
    Failed,
}

words!(State, "a state of a reply", {
    Waiting => "waiting",
    Forwarded => "forwarded",
    Withheld => "withheld",
    Failed => "failed",
});

/// Why a reply is not forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Its envelope sender is null, or its headers say that a machine wrote it.
    Machine,
    /// It has no sender who could be answered.
    NoSender,
    /// It is ours or support's own, or it has been here before.
    Loop,
    /// More replies to one delivery came within an hour than are forwarded.
    TooOften,
    /// It is too large for the relays, or needs what none of them offers.
    NotCarried,
    /// Each relay refused it for good.
    Refused,
    /// No relay accepted it in time.
    Expired,
    /// Its bytes were deleted before, or its delivery.
    Deleted,
    /// It cannot be put into a mail.
    Unreadable,
}

words!(Reason, "a reason against forwarding", {
    Machine => "machine",
    NoSender => "no_sender",
    Loop => "loop",
    TooOften => "too_often",
    NotCarried => "not_carried",
    Refused => "refused",
    Expired => "expired",
    Deleted => "deleted",
    Unreadable => "unreadable",
});

impl Reason {
    /// Describes the reason, after "it was not forwarded: ".
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Machine => "a machine wrote it",
            Self::NoSender => "it names no sender who could be answered",
            Self::Loop => "it is our own or support's, or was here before",
            Self::TooOften => "too many replies to this delivery came within an hour",
            Self::NotCarried => "no relay carries it: it is too large, or needs what none of them offers",
            Self::Refused => "the mail server refused it",
            Self::Expired => "no mail server accepted it in time",
            Self::Deleted => "it was deleted before",
            Self::Unreadable => "it cannot be put into a mail",
        }
    }

    /// Returns true if a person must look at the reply, since support does not get it.
    #[must_use]
    pub const fn needs_a_person(self) -> bool {
        matches!(self, Self::TooOften | Self::NotCarried | Self::Refused | Self::Expired | Self::Unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_database_have_the_same_words() {
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for reason in Reason::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}
