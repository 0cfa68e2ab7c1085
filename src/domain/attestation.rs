//! Attestations: a person's recorded word that a customer was informed by another way than mail.

use serde::Serialize;

use crate::domain::words::words;

/// The way by which a customer was informed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// A call.
    Phone,
    /// A letter on paper.
    Letter,
    /// A conversation in one room.
    InPerson,
    /// Any other way; the note says which.
    Other,
}

words!(Channel, "a channel", {
    Phone => "phone",
    Letter => "letter",
    InPerson => "in-person",
    Other => "other",
});

impl Channel {
    /// Describes how somebody was informed, after "informed".
    #[must_use]
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Phone => "by phone",
            Self::Letter => "by letter",
            Self::InPerson => "in person",
            Self::Other => "in another way",
        }
    }
}

/// The way and the witness, as the ledger's entry has them in one text.
#[must_use]
pub fn channel_and_witness(channel: Channel, witness: &str) -> String {
    format!("{channel}: {witness}")
}
