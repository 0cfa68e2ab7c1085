//! The tone of each state's badge. The word is always there: the colour only helps.

use crate::domain::coverage::Verdict;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::notice::State as NoticeState;

/// The tone of a notice's state.
#[must_use]
pub const fn of_notice(state: NoticeState) -> &'static str {
    match state {
        NoticeState::Draft | NoticeState::Cancelled => "neutral",
        NoticeState::Submitted => "warn",
        NoticeState::Approved | NoticeState::Scheduled | NoticeState::Releasing | NoticeState::Released => "busy",
        NoticeState::Closed => "good",
        NoticeState::Declined => "bad",
    }
}

/// The tone of a delivery's state.
#[must_use]
pub const fn of_delivery(state: DeliveryState) -> &'static str {
    match state {
        DeliveryState::Queued | DeliveryState::Sending | DeliveryState::Deferred => "busy",
        DeliveryState::Accepted | DeliveryState::Delivered => "good",
        DeliveryState::Bounced | DeliveryState::Rejected | DeliveryState::Expired => "bad",
        DeliveryState::Uncertain => "warn",
        DeliveryState::Suppressed | DeliveryState::OptedOut | DeliveryState::Cancelled => "neutral",
    }
}

/// The tone of what is said of a customer.
#[must_use]
pub const fn of_verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Informed => "good",
        Verdict::Pending => "busy",
        Verdict::NotInformed | Verdict::CannotBe => "bad",
        Verdict::NotAddressed | Verdict::NotReleased => "neutral",
    }
}
