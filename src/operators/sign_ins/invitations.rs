//! Invitations: a link that an admin makes and passes on, with which an operator sets a password.

use jiff::Timestamp;
use serde::Serialize;

use super::{Opened, SignInError, SignIns, Visitor};
use crate::domain::actor::{Action, Actor};
use crate::domain::operator::{OperatorKind, OperatorName, described};
use crate::domain::right::Right;
use crate::domain::session::{INVITED, Proof, Stage, Token};
use crate::ledger::operated::{Operation, record};
use crate::operators::{OperatorError, find};
use crate::store::operators::invitations::{self, Invitation};
use crate::store::operators::{self, Operator, sessions, sign_ins};
use crate::store::{Conn, StoreError};

/// An invitation that was just made. Its link is shown once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = operator::Invited)]
pub struct Invited {
    /// Whom it invites.
    #[schema(value_type = String)]
    pub operator: OperatorName,
    /// What to open in a browser.
    pub url: String,
    /// Until when it is valid.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// True if it takes the second factor off.
    pub resets_second_factor: bool,
}

/// Whom an invitation welcomes.
#[derive(Clone, Debug)]
pub struct Welcome {
    /// The operator.
    pub operator: Operator,
}

impl SignIns {
    /// Makes an invitation for an operator, in place of the last one. `resets` also takes off the second factor, for who has lost the
    /// device and the recovery codes.
    ///
    /// # Errors
    /// If the actor may not, there is no such operator, it is a machine or disabled, or the database fails.
    pub async fn invite(&self, actor: &Actor, name: &str, resets: bool) -> Result<Invited, OperatorError> {
        actor.may_at_all(Right::Operators)?;
        let mut tx = self.context.store.write().await?;
        // The operator may not be disabled before the invitation is there to be withdrawn.
        operators::lock(&mut tx).await?;
        let operator = find(&mut tx, name).await?;
        if operator.kind == OperatorKind::Machine {
            return Err(OperatorError::NoSignIn(operator.name));
        }
        if operator.disabled_at.is_some() {
            return Err(OperatorError::NotActive(operator.name));
        }
        let (now, token) = (self.context.clock.now(), Token::new(&self.context.random));
        let expires_at = now.saturating_add(INVITED).unwrap_or(Timestamp::MAX);
        let (hash, used_at) = (token.hash(), None);
        let invitation = Invitation { operator_id: operator.id, hash, resets, created_at: now, expires_at, used_at };
        invitations::put(&mut tx, &invitation).await?;
        let what = described(&operator.name, operator.kind, operator.roles);
        let what = if resets { format!("{what}; takes the second factor off") } else { what };
        let operation = Operation::new(Action::InviteOperator).object(operator.id).reason(&what);
        record(&mut tx, actor, &operation, now, &self.context.random).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let url = format!("{}/invite/{}", self.context.config.organisation.public_url.as_str(), token.reveal());
        Ok(Invited { operator: operator.name, url, expires_at, resets_second_factor: resets })
    }

    /// Whom a link invites. Looking uses nothing up: scanners follow every link.
    ///
    /// # Errors
    /// If it is not valid, there were too many attempts, or the database fails.
    pub async fn welcome(&self, token: &str, visitor: &Visitor) -> Result<Welcome, SignInError> {
        self.attempts.of_address(visitor.address).map_err(SignInError::Often)?;
        let mut conn = self.context.store.read().await?;
        let (operator, _) = self.invited(&mut conn, token).await?;
        Ok(Welcome { operator })
    }

    /// Sets the password of the operator whom a link invites, ends their sessions and begins a new one.
    ///
    /// # Errors
    /// If the password is not accepted, the link is not valid, there were too many attempts, or the database fails.
    pub async fn accept(&self, token: &str, password: &str, visitor: &Visitor) -> Result<Opened, SignInError> {
        self.attempts.of_address(visitor.address).map_err(SignInError::Often)?;
        let operator = {
            let mut conn = self.context.store.read().await?;
            self.invited(&mut conn, token).await?.0
        };
        let hash = self.hash(self.choose(&operator, password)?).await?;
        let mut tx = self.context.store.write().await?;
        let (operator, invitation) = self.invited(&mut tx, token).await?;
        if !invitations::consume(&mut tx, &invitation.hash, self.context.clock.now()).await? {
            return Err(SignInError::Ended);
        }
        if invitation.resets {
            sign_ins::reset(&mut tx, operator.id).await?;
        }
        sign_ins::set_password(&mut tx, operator.id, &hash).await?;
        sessions::end_all(&mut tx, operator.id, None).await?;
        let opened = self.open(&mut tx, &operator, Proof::Password, visitor).await?;
        self.note(&mut tx, &operator.name, "accept invitation", visitor).await?;
        if opened.stage == Stage::In {
            self.note(&mut tx, &operator.name, "sign in", visitor).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        self.attempts.proved(visitor.address, operator.name.as_str());
        Ok(opened)
    }

    /// The operator of a link that is valid.
    async fn invited(&self, conn: &mut Conn, token: &str) -> Result<(Operator, Invitation), SignInError> {
        let token = Token::parse(token).ok_or(SignInError::Ended)?;
        let found = invitations::with_hash(conn, &token.hash()).await?;
        let now = self.context.clock.now();
        let valid = found.filter(|it| it.used_at.is_none() && now < it.expires_at).ok_or(SignInError::Ended)?;
        let operator = operators::find(conn, valid.operator_id).await?.filter(|it| it.disabled_at.is_none());
        Ok((operator.ok_or(SignInError::Ended)?, valid))
    }
}
