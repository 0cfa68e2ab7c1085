//! What a person's rights are answered with.

use serde::Serialize;
use utoipa::ToSchema;

use super::Objection;

/// Whether the processing of a person's data is restricted.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = subject::Restricting)]
pub struct Restricting {
    /// The address.
    pub email: String,
    /// True if it is restricted now.
    pub restricted: bool,
    /// False if it was so before.
    pub changed: bool,
}

/// A corrected address.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = subject::Rectified)]
pub struct Rectified {
    /// The address as it was.
    pub email: String,
    /// The address as it is.
    pub to: String,
    /// Contacts that had the old address; null if an earlier request corrected them.
    pub contacts: Option<u64>,
}

/// An objection that was recorded.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = subject::Objecting)]
pub struct Objecting {
    /// The address.
    pub email: String,
    /// Always true.
    pub objected: bool,
    /// What it changed.
    #[serde(flatten)]
    pub objection: Objection,
}
