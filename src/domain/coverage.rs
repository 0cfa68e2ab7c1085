//! Is the customer informed? The verdict over the deliveries of a notice to a customer.

use serde::Serialize;

use crate::domain::delivery::State;
use crate::domain::words::words;

/// The answer for one customer and one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// At least one delivery was accepted or delivered and not returned, or the customer was told by another way.
    Informed,
    /// Not informed yet, and not decided.
    Pending,
    /// Every delivery failed or was not made.
    NotInformed,
    /// The customer is in the audience, but there is nobody to address.
    CannotBe,
    /// The customer is not in the audience.
    NotAddressed,
}

words!(Verdict, "a verdict", {
    Informed => "informed",
    Pending => "pending",
    NotInformed => "not_informed",
    CannotBe => "cannot_be",
    NotAddressed => "not_addressed",
});

impl Verdict {
    /// The verdict for a customer in the audience.
    #[must_use]
    pub fn of(deliveries: &[State], attested: bool) -> Self {
        if attested || deliveries.iter().any(|state| state.informs()) {
            Self::Informed
        } else if deliveries.iter().any(|state| state.is_pending()) {
            Self::Pending
        } else if deliveries.is_empty() {
            Self::CannotBe
        } else {
            Self::NotInformed
        }
    }

    /// The verdict in words.
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Informed => "informed",
            Self::Pending => "not decided yet",
            Self::NotInformed => "not informed",
            Self::CannotBe => "nobody to address",
            Self::NotAddressed => "not addressed",
        }
    }

    /// The one of two answers that a question about several notices is answered with: informed by any is informed.
    #[must_use]
    pub fn best(self, other: Self) -> Self {
        self.min(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_accepted_address_informs_the_customer() {
        assert_eq!(Verdict::of(&[State::Rejected, State::Accepted], false), Verdict::Informed);
        assert_eq!(Verdict::of(&[State::Bounced, State::Deferred], false), Verdict::Pending);
        assert_eq!(Verdict::of(&[State::Uncertain], false), Verdict::Pending);
        assert_eq!(Verdict::of(&[State::Bounced], false), Verdict::NotInformed);
        assert_eq!(Verdict::of(&[], false), Verdict::CannotBe);
        assert_eq!(Verdict::of(&[], true), Verdict::Informed);
    }
}
