//! Errors about operators, their rights and keys, and about webhooks: their remedies.

use super::{CURSOR, Failure};
use crate::domain::kind::Kind;
use crate::domain::right::Forbidden;
use crate::domain::webhook::TargetError;
use crate::operators::OperatorError;
use crate::webhooks::WebhookError;

impl From<Forbidden> for Failure {
    fn from(error: Forbidden) -> Self {
        let failure = Self::of(Kind::Forbidden, &error);
        match error {
            Forbidden::Role { .. } => failure
                .hint("an operator with such a role does it, or an admin gives the role: `besked operators set NAME`"),
            Forbidden::Machine(_) => failure.hint("a person does it: `--as NAME`"),
        }
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            OperatorError::Store(error) => error.into(),
            OperatorError::Forbidden(error) => error.into(),
            OperatorError::Cursor(_) => failure.hint(CURSOR),
            OperatorError::NobodyKnown(_) => failure.hint(
                "`--as NAME` names the operator who acts; an admin adds one with `besked operators add NAME --role ROLE`",
            ),
            OperatorError::Disabled(_) => {
                failure.hint("an admin lets the operator act again: `besked operators enable NAME`")
            }
            OperatorError::Unknown(_) => failure.hint("`besked operators list` lists the operators"),
            OperatorError::Taken { .. } => failure.hint(
                "choose a name that nobody takes for another; `besked operators list` lists those that are taken, disabled ones too",
            ),
            OperatorError::FirstAdmin => {
                failure.hint("begin with `besked operators add NAME --role admin`, and with more roles if one person has several")
            }
            OperatorError::LastAdmin(_) => {
                failure.hint("give another person the role first: `besked operators add NAME --role admin`")
            }
            OperatorError::NotHeld { .. } => failure.hint(
                "a key has some of its operator's roles: name those, or change the operator with `besked operators set NAME`",
            ),
            OperatorError::NoSignIn(_) => failure.hint("a program gets a key: `besked keys add --operator NAME`"),
            OperatorError::NotActive(_) => {
                failure.hint("let the operator act again first: `besked operators enable NAME`")
            }
            OperatorError::MoreThanOwn(_) => failure.hint("an admin makes such a key at the command line"),
            OperatorError::UnknownKey(_) => failure.hint("`besked keys list` lists the keys"),
            OperatorError::Name(_)
            | OperatorError::NoRole
            | OperatorError::Altered(_)
            | OperatorError::Ended(_) => failure,
        }
    }
}

impl From<WebhookError> for Failure {
    fn from(error: WebhookError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            WebhookError::Store(error) => error.into(),
            WebhookError::Forbidden(error) => error.into(),
            WebhookError::Cursor(_) => failure.hint(CURSOR),
            WebhookError::Unknown(_) => failure.hint("`besked webhooks list` lists the webhooks"),
            WebhookError::Target(TargetError::Address(..) | TargetError::Clear) | WebhookError::Astray(_) => failure.hint(
                "a receiver that is not public is called if `[webhooks] allow` in the configuration names its network",
            ),
            WebhookError::Target(_) | WebhookError::NoEvent => failure,
        }
    }
}
