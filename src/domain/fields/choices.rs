//! The fields whose value is one of a few words.

use serde::{Deserialize, Serialize};

use crate::domain::words::words;

/// How far the investigation of a breach is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A breach is possible, but not confirmed.
    Suspected,
    /// The breach is confirmed.
    Confirmed,
    /// New information about a breach of which customers were informed before.
    Update,
    /// The investigation is complete.
    Final,
}

words!(Stage, "a stage", {
    Suspected => "suspected",
    Confirmed => "confirmed",
    Update => "update",
    Final => "final",
});

/// The provider's role for the personal data affected by a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OurRole {
    /// The provider decides about the data, and informs the persons concerned (GDPR Art. 34).
    Controller,
    /// The customer decides about the data, and the provider informs the customer (GDPR Art. 33(2)).
    Processor,
}

words!(OurRole, "a role of ours", { Controller => "controller", Processor => "processor" });

/// What an agreement change concerns; each kind has its own notice period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementKind {
    /// General terms.
    Terms,
    /// Prices.
    Price,
    /// The data processing agreement.
    DataProcessing,
    /// A sub-processor is added or replaced (GDPR Art. 28(2)).
    SubProcessor,
    /// Anything else.
    Other,
}

words!(AgreementKind, "a kind of agreement change", {
    Terms => "terms",
    Price => "price",
    DataProcessing => "data_processing",
    SubProcessor => "sub_processor",
    Other => "other",
});

/// The state of a disruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// A disruption may come; nothing has failed yet.
    Possible,
    /// The cause is not known yet.
    Investigating,
    /// The cause is known, and the repair is in progress.
    Identified,
    /// The repair is complete and is being monitored.
    Monitoring,
    /// It is over.
    Resolved,
}

words!(IncidentStatus, "a status", {
    Possible => "possible",
    Investigating => "investigating",
    Identified => "identified",
    Monitoring => "monitoring",
    Resolved => "resolved",
});

/// The phase of planned work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It will happen.
    Announced,
    /// It will happen at another time than announced.
    Rescheduled,
    /// It will not happen.
    Cancelled,
    /// It is in progress.
    Started,
    /// It is done.
    Completed,
}

words!(Phase, "a phase", {
    Announced => "announced",
    Rescheduled => "rescheduled",
    Cancelled => "cancelled",
    Started => "started",
    Completed => "completed",
});

/// How far planned work affects the services (MAINTNOTE section 3.6.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ImpactLevel {
    /// Not at all.
    NoImpact,
    /// They work as before, but with less to fall back on.
    ReducedRedundancy,
    /// They work worse.
    Degraded,
    /// They do not work.
    Outage,
}

words!(ImpactLevel, "an impact level", {
    NoImpact => "no_impact",
    ReducedRedundancy => "reduced_redundancy",
    Degraded => "degraded",
    Outage => "outage",
});

/// The kind of a security measure (GDPR Art. 32(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Part of the systems.
    Technical,
    /// Part of how people work.
    Organisational,
}

words!(MeasureKind, "a kind of measure", { Technical => "technical", Organisational => "organisational" });
