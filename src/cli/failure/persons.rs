//! Errors about persons and about who is informed: their remedies.

use super::{CURSOR, FAILED, Failure};
use crate::coverage::CoverageError;
use crate::domain::notice::State;
use crate::people::holds::HoldError;
use crate::people::subjects::SubjectError;
use crate::people::suppressions::SuppressionError;

impl From<SubjectError> for Failure {
    fn from(error: SubjectError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            SubjectError::Forbidden(error) => error.into(),
            SubjectError::Store(error) => error.into(),
            SubjectError::Ledger(error) => error.into(),
            SubjectError::Evidence(error) => error.into(),
            SubjectError::Duties { duties, .. } => {
                let waivers: Vec<String> = duties.iter().map(|(duty, _)| format!("--waive {duty}")).collect();
                Self { code: FAILED, ..failure }.hint(format!(
                    "only if none of them applies here, repeat the command with `{}`, and say why in `--ground`",
                    waivers.join(" ")
                ))
            }
            SubjectError::NotNeeded(_) => {
                failure.hint("leave it out: without `--waive` the command names the duties that need one")
            }
            SubjectError::Grounds(_) => failure.hint("add them with `--note TEXT`"),
            SubjectError::NoObjection(_) => failure.hint("`besked subject objections` lists those that wait, with their ids"),
            SubjectError::NoRight(_) => failure.hint("answer the person so; a wrong or former contact is removed in the customers file"),
            SubjectError::Unknown(_)
            | SubjectError::Cursor(_)
            | SubjectError::Decided { .. }
            | SubjectError::NoContact(_)
            | SubjectError::NotRestricted(_)
            | SubjectError::Ground
            | SubjectError::Note
            | SubjectError::Same(_) => failure,
            SubjectError::OtherPerson { .. } => failure.hint(
                "if both are one person, repeat the command with `--yes`: from then on both addresses are exported, restricted and \
                 erased together. Otherwise correct the contact in the customers file",
            ),
            SubjectError::Sending => failure.hint(
                "try again in a moment; if a dispatcher was killed while it sent it, start `besked dispatch` or `besked serve`: that \
                 settles what the dead one had",
            ),
            SubjectError::WasErased(_) => {
                failure.hint("if the person is a customer again, import them with `--revive-erased`")
            }
            SubjectError::Journal(_) => {
                failure.hint("check `[privacy]`; docs/privacy.md says what to do if the journal or its key is lost")
            }
        }
    }
}

impl From<HoldError> for Failure {
    fn from(error: HoldError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            HoldError::Forbidden(error) => error.into(),
            HoldError::Store(error) => error.into(),
            HoldError::NoNotice(_) => failure.hint("`besked notice list` lists the notices"),
            HoldError::Ambiguous { .. } => failure.hint("use the id"),
            HoldError::NoCustomer(_) => failure.hint("`besked customers list` lists the customers"),
            HoldError::Unknown(_) => failure.hint("`besked hold list` lists the holds"),
            HoldError::Cursor(_) => failure.hint(CURSOR),
            HoldError::Reason | HoldError::Lifted(_) => failure,
        }
    }
}

impl From<SuppressionError> for Failure {
    fn from(error: SuppressionError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            SuppressionError::Forbidden(error) => error.into(),
            SuppressionError::Store(error) => error.into(),
            SuppressionError::Restricted(_) => failure.hint("`besked subject unrestrict` lifts the restriction"),
            SuppressionError::Cursor(_) => failure.hint(CURSOR),
            SuppressionError::NotSuppressed(_) => failure.hint("`besked suppressions list` lists those that are"),
            SuppressionError::Reason(_) => failure,
        }
    }
}

impl From<CoverageError> for Failure {
    fn from(error: CoverageError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            CoverageError::Forbidden(error) => error.into(),
            CoverageError::Store(error) => error.into(),
            CoverageError::Notice(error) => error.into(),
            CoverageError::UnknownCustomer(_) => failure.hint("`besked customers list` lists the customers"),
            CoverageError::NotInAudience(_) => {
                failure.hint("only customers in the audience of a notice can be attested for it")
            }
            CoverageError::NotReleased(State::Cancelled | State::Declined) => {
                failure.hint("`besked notice show ID` says who ended it, and why")
            }
            CoverageError::NotReleased(_) => failure.hint("`besked notice show ID` shows what it waits for"),
            CoverageError::NoAttestation(..) => {
                failure.hint("`besked informed --notice N --account ID` lists the attestations with their ids")
            }
            CoverageError::Future { .. } | CoverageError::TooEarly { .. } => {
                failure.hint("write `--at` with its zone, such as 2026-12-01T10:30:00+01:00")
            }
            CoverageError::Words(_)
            | CoverageError::Cursor(_)
            | CoverageError::Period
            | CoverageError::Withdrawn(_) => failure,
        }
    }
}
