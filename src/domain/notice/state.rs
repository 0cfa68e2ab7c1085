//! The states of a notice, and the one function that moves it between them.

use serde::Serialize;

use crate::domain::words::words;

/// The state of a notice.
///
/// ```text
/// draft -> submitted -> approved -> (scheduled ->) releasing -> released -> closed
///   \________\____________\___________\_______________________\-> cancelled
///             \-> declined
/// ```
///
/// `releasing` lasts while the audience is being frozen; nothing is sent before it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Being written.
    Draft,
    /// Waits for a second person.
    Submitted,
    /// May be released.
    Approved,
    /// Will be released at its time.
    Scheduled,
    /// Its audience is being frozen.
    Releasing,
    /// Its deliveries are being sent.
    Released,
    /// Every delivery has its outcome.
    Closed,
    /// The second person declined it.
    Declined,
    /// Stopped: what was not sent is not sent.
    Cancelled,
}

words!(State, "a state", {
    Draft => "draft",
    Submitted => "submitted",
    Approved => "approved",
    Scheduled => "scheduled",
    Releasing => "releasing",
    Released => "released",
    Closed => "closed",
    Declined => "declined",
    Cancelled => "cancelled",
});

/// A step that an operator takes on a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Creates it.
    Create,
    /// Replaces its content, which voids an approval.
    Edit,
    /// Asks for approval.
    Submit,
    /// Approves it.
    Approve,
    /// Declines it.
    Decline,
    /// Freezes the audience and starts the sending, or schedules that.
    Release,
    /// Pauses the sending.
    Pause,
    /// Resumes the sending.
    Resume,
    /// Cancels it.
    Cancel,
    /// Ends the adding of recipients to a standing notice.
    Close,
}

/// Whether recipients may be added to a standing notice that was released.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// They may.
    Open,
    /// An operator has ended it: it is closed once its deliveries have their outcomes.
    Ended,
}

words!(Standing, "a state of a standing notice", {
    Open => "open",
    Ended => "ended",
});

words!(Step, "a step", {
    Create => "create",
    Edit => "edit",
    Submit => "submit",
    Approve => "approve",
    Decline => "decline",
    Release => "release",
    Pause => "pause",
    Resume => "resume",
    Cancel => "cancel",
    Close => "close",
});

impl State {
    /// Returns the state after a step, or `None` if the step is not possible in this state.
    ///
    /// `Release` leads to `Releasing`; the caller turns that into `Scheduled` for a future time, and into `Released` with the
    /// manifest.
    #[must_use]
    pub const fn after(self, step: Step) -> Option<Self> {
        Some(match (self, step) {
            (Self::Draft | Self::Submitted | Self::Approved | Self::Scheduled | Self::Declined, Step::Edit) => {
                Self::Draft
            }
            (Self::Draft, Step::Submit) => Self::Submitted,
            (Self::Submitted, Step::Approve) => Self::Approved,
            (Self::Submitted, Step::Decline) => Self::Declined,
            (Self::Approved | Self::Scheduled | Self::Releasing, Step::Release) => Self::Releasing,
            (Self::Released, Step::Pause | Step::Resume | Step::Close) => Self::Released,
            (
                Self::Draft | Self::Submitted | Self::Approved | Self::Scheduled | Self::Releasing | Self::Released,
                Step::Cancel,
            ) => Self::Cancelled,
            _ => return None,
        })
    }

    /// The state after "is", as in "the notice is a draft".
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Draft => "a draft",
            Self::Releasing => "being released",
            other => other.as_str(),
        }
    }

    /// The steps that are possible in this state.
    pub fn steps(self) -> impl Iterator<Item = Step> {
        Step::ALL.iter().copied().filter(move |step| self.after(*step).is_some())
    }
}
