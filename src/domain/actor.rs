//! Actors: who did something, and how. Every service call takes one, and every change of state records it.

use std::fmt;

use serde::Serialize;
use uuid::Uuid;

pub use crate::domain::operator::same_name;
use crate::domain::operator::{NameError, OperatorKind, OperatorName, Roles};
use crate::domain::request::Request;
use crate::domain::words::words;

/// Who did something, and how; [`crate::domain::right`] says what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    name: String,
    kind: OperatorKind,
    /// `None` where nobody has roles: a free name while there is no operator, a task of Besked, the person concerned.
    roles: Option<Roles>,
    via: Via,
    /// The request that is being carried out, if it may come twice.
    request: Option<Request>,
}

/// How an actor reached Besked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// The command line, run by this user of the operating system.
    Cli {
        /// Name of the user, as the operating system reports it.
        os_user: String,
    },
    /// A program with this key of the operator's.
    Key {
        /// Id of the key.
        id: Uuid,
    },
    /// A browser with this session of the operator's.
    Session {
        /// Id of the session.
        id: Uuid,
    },
    /// The link in a mail that the person received.
    Link,
    /// No person: a task of Besked itself.
    System,
}

impl Actor {
    /// A name at the command line while there is no operator: everybody may do everything.
    ///
    /// # Errors
    /// If `name` is empty, too long or not one line.
    pub fn cli(name: &str, os_user: &str) -> Result<Self, NameError> {
        let name = OperatorName::parse(name)?;
        let via = Via::Cli { os_user: os_user.to_owned() };
        Ok(Self { name: name.as_str().to_owned(), kind: OperatorKind::Person, roles: None, via, request: None })
    }

    /// An operator with these roles.
    #[must_use]
    pub fn operator(name: &OperatorName, kind: OperatorKind, roles: Roles, via: Via) -> Self {
        Self { name: name.as_str().to_owned(), kind, roles: Some(roles), via, request: None }
    }

    /// The person whom it concerns, by the link in a mail.
    #[must_use]
    pub fn recipient() -> Self {
        Self { name: "recipient".to_owned(), kind: OperatorKind::Person, roles: None, via: Via::Link, request: None }
    }

    /// A task of Besked itself, such as `retention`.
    #[must_use]
    pub fn system(task: &str) -> Self {
        Self { name: task.to_owned(), kind: OperatorKind::Machine, roles: None, via: Via::System, request: None }
    }

    /// The actor, carrying out a request that may come twice.
    #[must_use]
    pub fn asked_by(self, request: Request) -> Self {
        Self { request: Some(request), ..self }
    }

    /// The request that the actor carries out, if it may come twice.
    #[must_use]
    pub const fn request(&self) -> Option<&Request> {
        self.request.as_ref()
    }

    /// The operator's name, or that of the system task.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the actor reached Besked.
    #[must_use]
    pub const fn via(&self) -> &Via {
        &self.via
    }

    /// Whether it is a person or a program.
    #[must_use]
    pub const fn kind(&self) -> OperatorKind {
        self.kind
    }

    /// The roles in which the actor acts; `None` where rights do not depend on roles.
    #[must_use]
    pub const fn roles(&self) -> Option<Roles> {
        self.roles
    }

    /// True if both are the same operator; see [`same_name`].
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        same_name(&self.name, name)
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cli { os_user } => write!(f, "command line, user {os_user}"),
            Self::Key { id } => write!(f, "key {id}"),
            Self::Session { id } => write!(f, "console, session {id}"),
            Self::Link => f.write_str("link in a mail"),
            Self::System => f.write_str("system"),
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.via)
    }
}

/// An actor's text as [`Actor`] writes it, without the name if it is an operator's: for another person, who has no right to know
/// which employee it was (CJEU C-579/21).
#[must_use]
pub fn without_name(actor: &str) -> &str {
    let is_nobody = actor.ends_with(" (system)") || actor.ends_with(" (link in a mail)");
    if is_nobody { actor } else { AN_OPERATOR }
}

/// What an export for a person calls an operator.
pub const AN_OPERATOR: &str = "an operator";

/// What an actor did that changed a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Wrote a draft.
    Create,
    /// Changed a notice before its release.
    Edit,
    /// Submitted a notice for approval.
    Submit,
    /// Approved a notice.
    Approve,
    /// Declined a notice.
    Decline,
    /// Scheduled a notice for a later release.
    Schedule,
    /// Released a notice.
    Release,
    /// Paused the sending of a notice.
    Pause,
    /// Resumed the sending of a notice.
    Resume,
    /// Cancelled a notice.
    Cancel,
    /// Recorded that a customer was told by another way.
    Attest,
    /// Withdrew an attestation.
    WithdrawAttestation,
    /// Recorded what came back about a delivery.
    Report,
    /// Settled a delivery whose outcome was unknown.
    Settle,
    /// Put a delivery back into the queue.
    Resend,
    /// Imported customers.
    Import,
    /// Set an opt-out.
    OptOut,
    /// Withdrew an opt-out.
    OptIn,
    /// Suppressed an address.
    Suppress,
    /// Lifted the suppression of an address.
    Unsuppress,
    /// Exported what is stored about a person.
    Export,
    /// Erased a person.
    Erase,
    /// Restricted the processing of a person's data.
    Restrict,
    /// Lifted a restriction.
    Unrestrict,
    /// Corrected an address.
    Rectify,
    /// Recorded a person's objection.
    Object,
    /// Decided about an objection.
    Decide,
    /// Placed a legal hold.
    Hold,
    /// Lifted a legal hold.
    LiftHold,
    /// Deleted persons whose retention had ended.
    Purge,
    /// Let sealing continue after it had stopped.
    Continue,
    /// Did a task.
    DoTask,
    /// Added an operator.
    AddOperator,
    /// Changed the roles of an operator.
    SetOperator,
    /// Disabled an operator.
    DisableOperator,
    /// Let a disabled operator act again.
    EnableOperator,
    /// Invited an operator to set a password.
    InviteOperator,
    /// Made a key for a program.
    AddKey,
    /// Revoked a key.
    RevokeKey,
    /// Added a webhook.
    AddWebhook,
    /// Changed where a webhook is or what it wants to know.
    SetWebhook,
    /// Called a webhook to see whether it answers.
    TestWebhook,
    /// Replaced the secret of a webhook.
    RotateWebhook,
    /// Disabled a webhook.
    DisableWebhook,
    /// Let a disabled webhook be called again.
    EnableWebhook,
    /// Added recipients to a standing notice.
    AddRecipients,
    /// Ended the adding of recipients to a standing notice.
    Close,
    /// Made the address of a customer's calendar.
    AddCalendar,
    /// Revoked the address of a customer's calendar.
    RevokeCalendar,
}

words!(Action, "an action", {
    Create => "create",
    Edit => "edit",
    Submit => "submit",
    Approve => "approve",
    Decline => "decline",
    Schedule => "schedule",
    Release => "release",
    Pause => "pause",
    Resume => "resume",
    Cancel => "cancel",
    Attest => "attest",
    WithdrawAttestation => "withdraw_attestation",
    Report => "report",
    Settle => "settle",
    Resend => "resend",
    Import => "import",
    OptOut => "opt_out",
    OptIn => "opt_in",
    Suppress => "suppress",
    Unsuppress => "unsuppress",
    Export => "export",
    Erase => "erase",
    Restrict => "restrict",
    Unrestrict => "unrestrict",
    Rectify => "rectify",
    Object => "object",
    Decide => "decide",
    Hold => "hold",
    LiftHold => "lift_hold",
    Purge => "purge",
    Continue => "continue",
    DoTask => "do_task",
    AddOperator => "add_operator",
    SetOperator => "set_operator",
    DisableOperator => "disable_operator",
    EnableOperator => "enable_operator",
    InviteOperator => "invite_operator",
    AddKey => "add_key",
    RevokeKey => "revoke_key",
    AddWebhook => "add_webhook",
    SetWebhook => "set_webhook",
    TestWebhook => "test_webhook",
    RotateWebhook => "rotate_webhook",
    DisableWebhook => "disable_webhook",
    EnableWebhook => "enable_webhook",
    AddRecipients => "add_recipients",
    Close => "close",
    AddCalendar => "add_calendar",
    RevokeCalendar => "revoke_calendar",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alice_and_alice_in_capitals_are_one_operator() {
        let alice = Actor::cli("Alice", "root").unwrap();
        assert!(alice.is_named("alice") && alice.is_named("ALICE") && !alice.is_named("bo"));
    }

    #[test]
    fn an_actor_says_how() {
        assert_eq!(Actor::cli("alice", "root").unwrap().to_string(), "alice (command line, user root)");
        assert_eq!(Actor::system("retention").to_string(), "retention (system)");
        let (name, id) = (OperatorName::parse("billing-run").unwrap(), Uuid::from_u128(7));
        let machine = Actor::operator(&name, OperatorKind::Machine, Roles::NONE, Via::Key { id });
        assert_eq!(machine.to_string(), format!("billing-run (key {id})"));
        assert_eq!(without_name(&machine.to_string()), AN_OPERATOR);
        assert_eq!(without_name("retention (system)"), "retention (system)");
    }
}
