//! Errors as people read them: what was tried, why it failed, and what to do about it.

mod audience;
mod operators;
mod persons;

use std::fmt::Display;

use crate::app::{AppError, StoreError};
use crate::config::ConfigError;
use crate::deliveries::DeliveryError;
use crate::dispatch::RunError;
use crate::dispatch::node::lock::LockError;
use crate::domain::audit::Ended;
use crate::domain::kind::Kind;
use crate::domain::notice::Step;
use crate::evidence::ProofError;
use crate::http::ListenError;
use crate::inbound::{InboundError, lmtp};
use crate::ledger::LedgerError;
use crate::ledger::evidence::EvidenceError;
use crate::ledger::export::ExportError;
use crate::notices::NoticeError;
use crate::people::customers::CustomerError;
use crate::people::directory::DirectoryError;
use crate::people::import::ImportError;
use crate::people::preferences::PreferenceError;

/// Failed.
pub const FAILED: u8 = 1;
/// Wrong usage or input.
pub const INVALID: u8 = 2;
/// Not decided yet.
pub const UNDECIDED: u8 = 3;
/// Try later.
pub const TRY_LATER: u8 = 75;

/// What to do about a cursor that is not one of the list.
pub(super) const CURSOR: &str = "take the cursor that the page before printed";

/// The exit code for a kind of error.
const fn code(kind: Kind) -> u8 {
    match kind {
        Kind::Invalid | Kind::NotFound | Kind::Conflict | Kind::Unauthenticated | Kind::Forbidden | Kind::Refused => {
            INVALID
        }
        Kind::Later => TRY_LATER,
        Kind::Failed => FAILED,
    }
}

/// Why a command failed, with its exit code and a remedy.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    kind: Kind,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// A failure with an exit code.
    pub fn new(code: u8, message: impl Display) -> Self {
        Self { code, kind: Kind::Failed, message: message.to_string(), hint: None }
    }

    /// A service's error of this kind.
    pub fn of(kind: Kind, error: impl Display) -> Self {
        Self { kind, ..Self::new(code(kind), error) }
    }

    /// Wrong usage or input.
    pub fn invalid(message: impl Display) -> Self {
        Self { kind: Kind::Invalid, ..Self::new(INVALID, message) }
    }

    /// How the command ended, for the audit log.
    pub fn ended(&self) -> Ended {
        self.kind.into()
    }

    /// With another exit code.
    pub fn with_code(self, code: u8) -> Self {
        Self { code, ..self }
    }

    /// With a remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With this hint instead of the one that it has.
    pub fn instead(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// With one more hint before those that it has.
    pub fn hint_first(mut self, hint: impl Display) -> Self {
        self.hint = Some(self.hint.map_or_else(|| hint.to_string(), |others| format!("{hint}; {others}")));
        self
    }

    /// With one more hint after those that it has.
    #[must_use]
    pub fn hint_last(mut self, hint: impl Display) -> Self {
        self.hint = Some(self.hint.map_or_else(|| hint.to_string(), |others| format!("{others}; {hint}")));
        self
    }

    /// Prints it to stderr.
    pub fn print(&self) {
        anstream::eprintln!("error: {}", self.message);
        self.print_hint();
    }

    /// Returns it as a JSON document.
    pub fn document(&self) -> serde_json::Value {
        let mut document = serde_json::json!({ "error": self.message, "exit_code": self.code });
        if let Some(hint) = &self.hint {
            document["hint"] = hint.as_str().into();
        }
        document
    }

    /// Prints the remedy alone, if it has one.
    pub fn print_hint(&self) {
        if let Some(hint) = &self.hint {
            anstream::eprintln!("\nhint: {hint}");
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(FAILED, format!("{error:#}"))
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::new(FAILED, error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(FAILED, error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            ConfigError::Missing(_) => {
                failure.hint("`besked init` writes a commented one; `--config FILE` names another path")
            }
            ConfigError::Invalid(_) => failure.hint("`besked config check` checks the configuration"),
            ConfigError::Read { .. } => {
                failure.hint("`--config FILE` names the configuration, a text file that this user may read")
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            _ if error.is_locked() => failure.hint(StoreError::WHEN_LOCKED),
            _ if error.is_damaged() => failure.hint("the database file is damaged: restore it from a backup"),
            StoreError::Open { .. } if error.may_pass() => {
                failure.hint("is it running, and is `[database] url` right? try again when it can be reached")
            }
            StoreError::NotMigrated { .. } => failure.hint("`besked init` or `besked migrate` makes the tables"),
            StoreError::Newer { .. } => failure.hint("use the version that made them, or a newer one"),
            StoreError::Open { url, why, .. } if url.starts_with("sqlite:") && why.contains("no such file") => {
                failure.hint("check `[database] url`; `besked init` makes a SQLite file that is missing")
            }
            StoreError::Open { url, .. } if url.starts_with("sqlite:") => failure.hint("check `[database] url`"),
            StoreError::Open { .. } => failure.hint(
                "check host, port, name and user in `[database] url`, and the password in `password_file`; the server's \
                 administrator makes the database, and `besked migrate` its tables",
            ),
            _ => failure,
        }
    }
}

impl From<InboundError> for Failure {
    fn from(error: InboundError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            InboundError::Forbidden(error) => error.into(),
            InboundError::Cursor(_) => failure.hint(CURSOR),
            InboundError::Unknown(_) => failure.hint("`besked inbound list` shows the ids"),
            InboundError::Store(error) => error.into(),
            _ => failure,
        }
    }
}

impl From<lmtp::ListenError> for Failure {
    fn from(error: lmtp::ListenError) -> Self {
        Self::of(error.kind(), &error).hint("does another process listen there, and may this one?")
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            AppError::Store(error) => error.into(),
            AppError::Lock(LockError::Held(_)) => {
                failure.hint("it sends what you release; `besked notice status ID` shows the progress")
            }
            AppError::Lock(LockError::Io { .. }) => {
                failure.hint("the folder of the database must be writable for this user: check owner and mode")
            }
            AppError::NoRelay => failure.hint("name an SMTP server in the configuration, as [[relay]]"),
        }
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Self {
        let ListenError::Bind { table, .. } = &error;
        Self::of(error.kind(), &error).hint(format!(
            "another process has the port: choose one with `[{table}] listen`, or leave the part out with `--only`"
        ))
    }
}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            DirectoryError::Import(error) => error.into(),
            DirectoryError::Store(error) => error.into(),
            DirectoryError::Off => failure.hint("set the key, or import a file with `besked customers import FILE`"),
            DirectoryError::Fetch(_) => {
                failure.hint("nothing was changed; `besked doctor` shows whether the directory answers")
            }
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            ImportError::Forbidden(error) => error.into(),
            ImportError::Store(error) => error.into(),
            ImportError::Subject(error) => error.into(),
            ImportError::Invalid(rows) => {
                let hint = if rows.has_header && rows.has_good {
                    "fix these rows, or import the others with `--skip-invalid`"
                } else if rows.has_header {
                    "fix the file: it has no row that can be imported"
                } else {
                    "the first row names the columns, such as `account_id,customer_name,email,role`"
                };
                Self::invalid(format!("nothing was imported:\n{rows}")).hint(hint)
            }
            ImportError::Shrinks { .. } => {
                failure.hint("use `--allow-shrink` if you mean it; without `--replace` the other customers stay")
            }
            ImportError::Read(_) => failure.hint("name a file that this user may read, or `-` for standard input"),
            ImportError::File(_) => failure,
            ImportError::Spool(_) => failure.hint("`TMPDIR` names another directory for temporary files"),
            ImportError::Erased | ImportError::Rectified | ImportError::Outdated | ImportError::Altered => {
                failure.hint("import it again")
            }
        }
    }
}

impl From<CustomerError> for Failure {
    fn from(error: CustomerError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            CustomerError::Forbidden(error) => error.into(),
            CustomerError::Store(error) => error.into(),
            CustomerError::Cursor(_) => failure.hint(CURSOR),
            CustomerError::Unknown(_) => failure.hint("`besked customers list` lists the customers"),
        }
    }
}

impl From<PreferenceError> for Failure {
    fn from(error: PreferenceError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            PreferenceError::Forbidden(error) => error.into(),
            PreferenceError::Store(error) => error.into(),
            PreferenceError::Contradiction(_) | PreferenceError::Nothing => failure,
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            LedgerError::Forbidden(error) => error.into(),
            LedgerError::Store(error) => error.into(),
            LedgerError::Stopped(_) => failure.hint(
                "find the cause first; then `besked ledger continue --reason TEXT` resumes it and records the reason",
            ),
            LedgerError::NoCheckpoint { .. } => {
                failure.hint("`--checkpoint` takes a signed note, or the mail with it as an .eml file")
            }
            LedgerError::NotStopped | LedgerError::Reason => failure,
            LedgerError::Spool(_) => failure.hint("`TMPDIR` names another directory for temporary files"),
            LedgerError::NoKey(_) => {
                failure.hint("run this on the machine with the key; `besked init` makes one for a new ledger")
            }
            LedgerError::Key { .. } => {
                failure.hint("restore the key from its backup; a new one needs `besked ledger continue`")
            }
            LedgerError::State(_) => failure.hint("check `[ledger] state_file`: its folder must exist and be writable"),
            LedgerError::NotMailed { advice, .. } if advice.is_empty() => {
                failure.hint("check [[relay]] and `[ledger] checkpoint_to`")
            }
            LedgerError::NotMailed { advice, .. } => failure.hint(advice),
            LedgerError::Unsignable(_) => failure.hint("check `[ledger] origin`"),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            ExportError::Ledger(error) => error.into(),
            ExportError::Write { .. } => failure,
            ExportError::OtherLog(_) => failure
                .hint("after a restore the log continues differently: leave the old folder, and export into a new one"),
        }
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Forbidden(error) => error.into(),
            ProofError::Notice(error) => error.into(),
            ProofError::Evidence(error) => error.into(),
            error => Self::of(error.kind(), error),
        }
    }
}

impl From<EvidenceError> for Failure {
    fn from(error: EvidenceError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            EvidenceError::Ledger(error) => error.into(),
            EvidenceError::Write(_) => failure,
            EvidenceError::NotReleased => failure
                .hint("`besked notice show ID` shows its state; there is evidence of what it does from its release on"),
            EvidenceError::NotAddressed(_) => failure.hint("`besked coverage NOTICE` shows who was addressed"),
            EvidenceError::NotSealed => {
                failure.hint("the node with the ledger's key signs twice a second while it runs")
            }
        }
    }
}

impl From<DeliveryError> for Failure {
    fn from(error: DeliveryError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            DeliveryError::Forbidden(error) => error.into(),
            DeliveryError::Store(error) => error.into(),
            DeliveryError::Notice(error) => error.into(),
            DeliveryError::Ledger(error) => error.into(),
            DeliveryError::Undecided(_) => failure
                .hint("add `--leave-uncertain` (an operator decides later) or `--resend` (some may get it twice)"),
            DeliveryError::Unknown(_) => {
                failure.hint("`besked deliveries list NOTICE` lists them; a message has its id in X-Besked-Delivery")
            }
            DeliveryError::Impossible { .. } | DeliveryError::NotFailed { .. } | DeliveryError::NoFinding { .. } => {
                failure.hint("`besked deliveries show ID` shows its state")
            }
            DeliveryError::NotUncertain { .. } => {
                failure.hint("`besked deliveries uncertain list` lists those that are")
            }
            DeliveryError::InQueue(_) => {
                failure.hint("`besked deliveries uncertain list` shows when; nothing needs to be done")
            }
            DeliveryError::Erased(_) | DeliveryError::Optional { .. } => {
                failure.hint("nothing was put back into the queue; leave this delivery out")
            }
            DeliveryError::ContactGone(_) => {
                failure.hint("a new notice that `follows` this one goes to the contacts that the customer has today")
            }
            DeliveryError::NoticeState { .. } => {
                failure.hint("`besked notice resume ID` resumes a paused one; nothing is sent of a cancelled one")
            }
            DeliveryError::Cursor(_) => failure.hint(CURSOR),
            DeliveryError::Whose | DeliveryError::Words(_) | DeliveryError::NothingSent(_) => failure,
        }
    }
}

impl From<NoticeError> for Failure {
    fn from(error: NoticeError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            NoticeError::Forbidden(error) => error.into(),
            NoticeError::Store(error) => error.into(),
            NoticeError::Audience(error) => error.into(),
            NoticeError::Unknown(_) => failure.hint("`besked notice list` lists the notices"),
            NoticeError::Ambiguous { .. } => failure.hint("use the id"),
            NoticeError::NotStanding => failure.hint(
                "a notice takes recipients after its release if its audience is `open = true`; follow this one by another notice",
            ),
            NoticeError::TakesNobody(why) => failure.hint(why.remedy()),
            NoticeError::TooManyRows(_) => failure.hint("add them in several calls; a row with the same key is taken once"),
            NoticeError::Cursor(_) => failure.hint(CURSOR),
            NoticeError::Words(_) | NoticeError::Word(_) => failure,
            NoticeError::OwnApproval(_) => {
                failure.hint("another person approves it: `besked notice approve ID --as NAME`")
            }
            NoticeError::AudienceChanged { .. } => failure.hint(
                "`besked notice approve ID` approves it for those who are to receive it now; `[approval] audience_change` is the share \
                 that needs no second look",
            ),
            NoticeError::Changed => failure.hint("`besked notice show ID` shows its present content"),
            NoticeError::ApprovalVoid => failure.hint("submit it again"),
            NoticeError::Conflict => failure.hint("`besked notice show ID` shows its present state"),
            NoticeError::Impossible { state, .. } => {
                // `close` is for standing notices, and the error does not say whether this is one.
                let steps = state.steps().filter(|step| *step != Step::Close);
                let steps: Vec<&str> = steps.map(Step::as_str).collect();
                let hint = if steps.is_empty() { "nothing".to_owned() } else { steps.join(", ") };
                failure.hint(format!("possible now: {hint}"))
            }
            NoticeError::Invalid(_) | NoticeError::NotReady(_) | NoticeError::Render(_) | NoticeError::Compose(_) => {
                failure.hint("fix the file and run `besked notice check FILE` again")
            }
        }
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Notice(error) => error.into(),
            RunError::Broken => Self::new(FAILED, &error).hint(
                "start it again, nothing is lost: deliveries that were being sent are taken over; report the panic in the log",
            ),
        }
    }
}
