//! Signing in to the console: by invitation, password and second factor. What an operator does not prove at once is a session that is
//! not complete yet ([`Stage`]); each step has a new token, so that one which was planted or seen before is worth nothing.
//!
//! Wrong names and wrong passwords are one answer after the same work, and every attempt is limited ([`Attempts`]).

mod account;
mod factor;
mod invitations;
mod sessions;

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::attempts::Attempts;
use super::audit::{AuditLog, NewRow};
use crate::context::Context;
use crate::domain::actor::{Actor, Via};
use crate::domain::audit::Ended;
use crate::domain::kind::Kind;
use crate::domain::operator::{OperatorKind, OperatorName};
use crate::domain::password::{Password, PasswordError};
use crate::domain::session::{BETWEEN, LONGEST, Proof, Stage, Token};
use crate::store::operators::sessions::Session;
use crate::store::operators::{self, Operator, audit, sessions as stored, sign_ins};
use crate::store::{Conn, StoreError};

pub use account::Account;
pub use factor::{Codes, SettingUp};
pub use invitations::{Invited, Welcome};
pub use sessions::{Here, Present};

/// So many passwords are hashed at once: each takes 19 MiB.
const HASHED_AT_ONCE: usize = 2;

/// Ended sessions that are deleted when one begins.
const SWEPT: u32 = 100;

/// The longest description of a browser that is stored, in bytes.
const LONGEST_AGENT: usize = 200;

/// Why somebody could not sign in, or change how they do.
#[derive(Debug, Error)]
pub enum SignInError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No such name, or not the password: it is not said which.
    #[error("the name or the password is wrong")]
    Wrong,
    /// The code is wrong or was used.
    #[error("the code is wrong or was used before")]
    Code,
    /// Too many attempts.
    #[error("there were too many attempts; the next is possible in {0} seconds")]
    Often(u64),
    /// The session or invitation is not valid any more.
    #[error("this is not valid any more")]
    Ended,
    /// The new password is not accepted.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The password could not be hashed.
    #[error("a password could not be hashed")]
    Hash,
}

impl SignInError {
    /// What the error means to a caller.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Store(error) => error.kind(),
            Self::Wrong | Self::Code | Self::Ended => Kind::Unauthenticated,
            Self::Often(_) => Kind::Later,
            Self::Password(_) => Kind::Invalid,
            Self::Hash => Kind::Failed,
        }
    }
}

/// Who tries, as far as the network knows.
#[derive(Clone, Debug)]
pub struct Visitor {
    /// The address.
    pub address: IpAddr,
    /// What the browser says it is.
    pub agent: String,
}

impl Visitor {
    fn via(&self) -> String {
        format!("console, from {}", self.address)
    }

    /// The browser's words without what would break a line.
    fn agent(&self) -> String {
        let text: String = self.agent.chars().filter(|c| !c.is_control()).collect();
        let end = (0..=text.len().min(LONGEST_AGENT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text[..end].to_owned()
    }
}

/// A session that has just begun, or goes on with a new token.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the browser presents from now on.
    pub token: Token,
    /// What is still missing.
    pub stage: Stage,
}

/// The service for signing in. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SignIns {
    context: Context,
    audit: AuditLog,
    attempts: Arc<Attempts>,
    hashing: Arc<Semaphore>,
}

impl SignIns {
    /// The service over a database.
    #[must_use]
    pub fn new(context: Context) -> Self {
        let (audit, attempts) = (AuditLog::new(context.clone()), Arc::new(Attempts::new(context.clock.clone())));
        Self { context, audit, attempts, hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)) }
    }

    /// Begins a session by name and password.
    ///
    /// # Errors
    /// If the two are not right together, there were too many attempts, or the database fails.
    pub async fn enter(&self, name: &str, password: &str, visitor: &Visitor) -> Result<Opened, SignInError> {
        self.attempts.of_password(visitor.address, name).map_err(SignInError::Often)?;
        let (operator, kept) = {
            let mut conn = self.context.store.read().await?;
            let operator = person(&mut conn, name).await?;
            let id = operator.as_ref().map_or(Uuid::nil(), |it| it.id);
            (operator, sign_ins::find(&mut conn, id).await?)
        };
        let is_right = self.compare(password, kept.password.clone()).await?;
        let Some(operator) = operator.as_ref().filter(|_| is_right) else {
            // A password typed into the wrong field is written nowhere.
            let name = operator.as_ref().map_or("unknown", |it| it.name.as_str());
            self.note_failure(name, "sign in", visitor).await?;
            return Err(SignInError::Wrong);
        };
        self.attempts.proved(visitor.address, operator.name.as_str());
        let mut tx = self.context.store.write().await?;
        // Meanwhile the operator may have been disabled, or have got another password.
        let is_same =
            sign_ins::hold_password(&mut tx, operator.id, kept.password.as_deref().unwrap_or_default()).await?;
        let operator = operators::find(&mut tx, operator.id).await?.filter(|it| it.disabled_at.is_none());
        let Some(operator) = operator.filter(|_| is_same) else {
            return Err(SignInError::Wrong);
        };
        let opened = self.open(&mut tx, &operator, Proof::Password, visitor).await?;
        if opened.stage == Stage::In {
            self.note(&mut tx, &operator.name, "sign in", visitor).await?;
        }
        tx.commit().await.map_err(StoreError::from)?;
        Ok(opened)
    }

    /// Counts an attempt of a way in where nothing can be guessed.
    pub(in crate::operators) fn count(&self, visitor: &Visitor) -> Result<(), SignInError> {
        self.attempts.of_address(visitor.address).map_err(SignInError::Often)
    }

    /// Begins a session of an operator for whom the identity provider vouches.
    pub(in crate::operators) async fn vouched(&self, id: Uuid, visitor: &Visitor) -> Result<Opened, SignInError> {
        let mut tx = self.context.store.write().await?;
        let operator = operators::find(&mut tx, id).await?.filter(|it| it.disabled_at.is_none());
        let operator = operator.ok_or(SignInError::Ended)?;
        let opened = self.open(&mut tx, &operator, Proof::Provider, visitor).await?;
        self.note(&mut tx, &operator.name, "sign in at provider", visitor).await?;
        tx.commit().await.map_err(StoreError::from)?;
        self.attempts.proved(visitor.address, operator.name.as_str());
        Ok(opened)
    }

    /// Notes that somebody came from the provider who may not sign in.
    pub(in crate::operators) async fn note_refused(&self, visitor: &Visitor) -> Result<(), StoreError> {
        self.note_failure("unknown", "sign in at provider", visitor).await
    }

    /// Begins a session of an operator in a transaction.
    async fn open(
        &self,
        conn: &mut Conn,
        operator: &Operator,
        proof: Proof,
        visitor: &Visitor,
    ) -> Result<Opened, StoreError> {
        let now = self.context.clock.now();
        let has_factor = sign_ins::find(conn, operator.id).await?.secret.is_some();
        let stage = Stage::of(proof, has_factor, self.needs_factor(operator));
        let lasts = if stage == Stage::In { LONGEST } else { BETWEEN };
        let token = Token::new(&self.context.random);
        let session = Session {
            id: self.context.random.id(now),
            operator_id: operator.id,
            hash: token.hash(),
            proof,
            address: visitor.address.to_canonical().to_string(),
            agent: visitor.agent(),
            created_at: now,
            seen_at: now,
            ends_at: now.saturating_add(lasts).unwrap_or(Timestamp::MAX),
        };
        stored::delete_before(conn, now, SWEPT).await?;
        stored::insert(conn, &session).await?;
        Ok(Opened { token, stage })
    }

    /// True if the operator's roles need a second factor.
    fn needs_factor(&self, operator: &Operator) -> bool {
        let needing = &self.context.config.console.second_factor_roles;
        needing.iter().any(|role| operator.roles.contains(*role))
    }

    /// Compares a password with a stored one, on a thread where it holds nobody up.
    async fn compare(&self, password: &str, stored: Option<String>) -> Result<bool, SignInError> {
        let password = Password::typed(password);
        self.at_turn(move || password.is(stored.as_deref())).await
    }

    /// What is stored of a new password.
    async fn hash(&self, password: Password) -> Result<String, SignInError> {
        let random = self.context.random.clone();
        self.at_turn(move || password.hash(&random)).await?.map_err(|_| SignInError::Hash)
    }

    /// Hashes when it is its turn, which lasts as long as the thread takes: also if nobody waits for it any more.
    async fn at_turn<T: Send + 'static>(&self, hashing: impl FnOnce() -> T + Send + 'static) -> Result<T, SignInError> {
        let turn = self.hashing.clone().acquire_owned().await.map_err(|_| SignInError::Hash)?;
        let hashed = tokio::task::spawn_blocking(move || {
            let hashed = hashing();
            drop(turn);
            hashed
        });
        hashed.await.map_err(|_| SignInError::Hash)
    }

    /// Accepts a new password of an operator.
    fn choose(&self, operator: &Operator, password: &str) -> Result<Password, PasswordError> {
        let organisation = &self.context.config.organisation.name;
        let known = [operator.name.as_str(), operator.email.as_deref().unwrap_or_default(), organisation];
        Password::choose(password, &known)
    }

    /// Adds a row about what was done to the audit log, in the transaction that does it.
    async fn note(
        &self,
        conn: &mut Conn,
        operator: &OperatorName,
        action: &str,
        visitor: &Visitor,
    ) -> Result<(), StoreError> {
        let (operator, via) = (operator.as_str(), visitor.via());
        let row = NewRow { operator, via: &via, action, object: None, result: Ended::Ok };
        audit::insert(conn, &[&self.audit.asked(&row)]).await
    }

    /// Adds a row about an attempt that failed.
    async fn note_failure(&self, operator: &str, action: &str, visitor: &Visitor) -> Result<(), StoreError> {
        if !self.attempts.is_noted() {
            return Ok(());
        }
        let via = visitor.via();
        let row = NewRow { operator, via: &via, action, object: None, result: Ended::Unauthenticated };
        self.audit.record(&row).await
    }
}

/// The operator with a name, if it is a person who may act: machines have keys.
async fn person(conn: &mut Conn, name: &str) -> Result<Option<Operator>, StoreError> {
    let Ok(name) = OperatorName::parse(name) else { return Ok(None) };
    let found = operators::named(conn, &name.likeness()).await?;
    Ok(found.filter(|it| it.kind == OperatorKind::Person && it.disabled_at.is_none()))
}

/// The operator as services know them in a session.
fn acting(operator: &Operator, session: Uuid) -> Actor {
    Actor::operator(&operator.name, operator.kind, operator.roles, Via::Session { id: session })
}
