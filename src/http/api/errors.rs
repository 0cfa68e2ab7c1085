//! The errors of services as problems: what the caller can change is said, what failed inside is logged.

use axum::http::StatusCode;

use super::problem::Problem;
use crate::app::StoreError;
use crate::audience::AudienceError;
use crate::coverage::CoverageError;
use crate::deliveries::DeliveryError;
use crate::domain::kind::Kind;
use crate::domain::notice::Step;
use crate::domain::problem::Problems;
use crate::domain::right::Forbidden;
use crate::escalation::TaskError;
use crate::evidence::ProofError;
use crate::inbound::InboundError;
use crate::ledger::LedgerError;
use crate::ledger::evidence::EvidenceError;
use crate::notices::NoticeError;
use crate::operators::OperatorError;
use crate::people::customers::CustomerError;
use crate::people::holds::HoldError;
use crate::people::import::ImportError;
use crate::people::preferences::PreferenceError;
use crate::people::subjects::SubjectError;
use crate::people::suppressions::SuppressionError;
use crate::webhooks::WebhookError;

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Repeated => Self::of(error.kind(), error.to_string()).retry_after(1),
            _ => Self::failed(error.kind(), &error.for_logs()),
        }
    }
}

impl From<Forbidden> for Problem {
    fn from(error: Forbidden) -> Self {
        let hint = match &error {
            Forbidden::Role { .. } => {
                "a key has some roles of its operator: an admin makes one with this role, or gives it to the operator"
            }
            Forbidden::Machine(_) => "a person does it, at the command line or in the console",
        };
        Self::of(Kind::Forbidden, error.to_string()).hint(hint)
    }
}

/// An error whose text is for the caller, unless something failed.
fn told(kind: Kind, text: String) -> Problem {
    match kind {
        Kind::Failed => Problem::failed(kind, &text),
        _ => Problem::of(kind, text),
    }
}

/// Errors that hold those of lower layers in these variants.
macro_rules! problems {
    ($($error:ident: $($inner:ident)*),+ $(,)?) => { $(
        impl From<$error> for Problem {
            fn from(error: $error) -> Self {
                match error {
                    $($error::$inner(error) => error.into(),)*
                    error => told(error.kind(), error.to_string()).maybe_hint(hint(&error.to_string())),
                }
            }
        }
    )+ };
}

problems! {
    OperatorError: Store Forbidden,
    CustomerError: Store Forbidden,
    CoverageError: Store Forbidden Notice,
    DeliveryError: Store Forbidden Notice Ledger,
    HoldError: Store Forbidden,
    SuppressionError: Store Forbidden,
    PreferenceError: Store Forbidden,
    SubjectError: Store Forbidden Ledger Evidence,
    LedgerError: Store Forbidden,
    EvidenceError: Ledger,
    InboundError: Store Forbidden,
    TaskError: Store Forbidden,
    WebhookError: Store Forbidden,
}

/// The remedy that several errors share.
fn hint(text: &str) -> Option<&'static str> {
    text.ends_with("is not a cursor of this list").then_some("take `next` of the page before, as it is")
}

impl From<AudienceError> for Problem {
    fn from(error: AudienceError) -> Self {
        match error {
            AudienceError::Store(error) => error.into(),
            error if error.kind() == Kind::Failed => Self::failed(Kind::Failed, &error.for_logs()),
            error => Self::of(error.kind(), error.to_string()),
        }
    }
}

impl From<ProofError> for Problem {
    fn from(error: ProofError) -> Self {
        let text = error.to_string();
        match error {
            ProofError::Forbidden(error) => error.into(),
            ProofError::Notice(error) => error.into(),
            ProofError::Evidence(error) => error.into(),
            ProofError::Busy => Self::of(Kind::Later, text).retry_after(10),
            ProofError::TooLarge { .. } => Self::of(Kind::Refused, text)
                .hint("take it as application/json, or make the PDF with `besked evidence export --pdf`"),
            error => told(error.kind(), text),
        }
    }
}

impl From<Problems> for Problem {
    fn from(problems: Problems) -> Self {
        Self::invalid(problems)
    }
}

impl From<NoticeError> for Problem {
    fn from(error: NoticeError) -> Self {
        let text = error.to_string();
        match error {
            NoticeError::Store(error) => error.into(),
            NoticeError::Forbidden(error) => error.into(),
            NoticeError::Audience(error) => error.into(),
            NoticeError::NotReady(problems) => Self::invalid(problems),
            NoticeError::Invalid(problems) => Self::invalid(problems),
            NoticeError::Words(error) => Self::at("/reason", error.problem()),
            NoticeError::Conflict => Self::of(Kind::Conflict, text).retry_after(1),
            NoticeError::OwnApproval(_) => {
                Self::of(Kind::Refused, text).hint("another person approves it").status(StatusCode::FORBIDDEN)
            }
            NoticeError::AudienceChanged { .. } => {
                Self::of(Kind::Conflict, text).hint("approve it for those who are to receive it now")
            }
            NoticeError::Changed => Self::of(Kind::Conflict, text)
                .hint("`GET /notices/{id}` shows its content and the digest of it")
                .status(StatusCode::PRECONDITION_FAILED),
            NoticeError::ApprovalVoid => Self::of(Kind::Conflict, text).hint("submit it again"),
            NoticeError::NotStanding => Self::of(Kind::Conflict, text)
                .hint("a notice takes recipients after its release if its audience is `open`"),
            NoticeError::TakesNobody(_) => Self::of(Kind::Conflict, text).hint("`GET /notices/{id}` shows its state"),
            NoticeError::TooManyRows(_) => Self::of(Kind::Invalid, text).hint("add them in several requests"),
            NoticeError::Impossible { state, .. } => {
                // `close` is for standing notices, and the error does not say whether this is one.
                let steps: Vec<&str> = state.steps().filter(|step| *step != Step::Close).map(Step::as_str).collect();
                let steps = if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") };
                Self::of(Kind::Conflict, text).hint(format!("possible now: {steps}"))
            }
            error => told(error.kind(), text).maybe_hint(hint(&error.to_string())),
        }
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let text = error.to_string();
        match error {
            ImportError::Forbidden(error) => error.into(),
            ImportError::Store(error) => error.into(),
            ImportError::Subject(error) => error.into(),
            ImportError::Invalid(rows) => {
                let more =
                    if rows.more > 0 { format!(", and {} more that are not listed", rows.more) } else { String::new() };
                let detail = format!("nothing was stored: {} problems{more}", rows.problems.len());
                Self::of(Kind::Invalid, detail).with(Problems(rows.problems))
            }
            ImportError::Read(_) => Self::new(StatusCode::BAD_REQUEST, "the body ended too early, or came too slowly"),
            ImportError::Shrinks { .. } => Self::of(Kind::Conflict, text).hint("`allow_shrink=true` if you mean it"),
            ImportError::Erased | ImportError::Rectified | ImportError::Outdated => {
                Self::of(Kind::Conflict, text).hint("send it again")
            }
            error => told(error.kind(), text),
        }
    }
}
