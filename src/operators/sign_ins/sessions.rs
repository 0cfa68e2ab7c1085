//! Sessions: who presents one, where one is signed in, and the end of them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;
use uuid::Uuid;

use super::{SignInError, SignIns, Visitor, acting};
use crate::domain::actor::Actor;
use crate::domain::session::{IDLE, Stage, Token};
use crate::store::operators::sessions::{self, Session};
use crate::store::operators::{self, Operator, sign_ins};
use crate::store::{Conn, StoreError};

/// How often the use of a session is noted.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);

/// So long a page waits for the use of its session to be noted: who only reads is answered also while another process writes.
const PATIENCE: Duration = Duration::from_millis(500);

/// Sessions that are listed.
const LISTED: u32 = 100;

/// Who presents a session.
#[derive(Clone, Debug)]
pub struct Present {
    /// The operator.
    pub operator: Operator,
    /// The operator as the services know them.
    pub actor: Actor,
    /// Id of the session.
    pub session: Uuid,
    /// What is still missing. Only with [`Stage::In`] may a page be shown.
    pub stage: Stage,
}

/// Where an operator is signed in.
#[derive(Clone, Debug)]
pub struct Here {
    /// Id of the session.
    pub id: Uuid,
    /// From which address it began.
    pub address: String,
    /// With which browser.
    pub agent: String,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was used last, within a minute.
    pub seen_at: Timestamp,
    /// What is still missing.
    pub stage: Stage,
}

impl Here {
    /// True if nothing is missing. One that lacks the second factor may mean that somebody else knows the password.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.stage == Stage::In
    }
}

impl SignIns {
    /// Who presents this token. It is looked up at each use, so that the end of a session counts at once on all nodes.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn present(&self, token: &str) -> Result<Option<Present>, StoreError> {
        let Some((present, session)) = self.read(token).await? else { return Ok(None) };
        self.note_use(&session).await;
        Ok(Some(present))
    }

    /// Who presents this token, which is no use of the session: it ends as if nobody had looked.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn look(&self, token: &str) -> Result<Option<Present>, StoreError> {
        Ok(self.read(token).await?.map(|(present, _)| present))
    }

    /// Who presents this token, before anything is written: a stranger does not take the writer of the database. One whom nobody knows
    /// counts as an attempt from the address.
    pub(super) async fn presented(&self, token: &str, visitor: &Visitor) -> Result<Present, SignInError> {
        if let Some(present) = self.look(token).await? {
            return Ok(present);
        }
        self.count(visitor)?;
        Err(SignInError::Ended)
    }

    async fn read(&self, token: &str) -> Result<Option<(Present, Session)>, StoreError> {
        // What cannot be a token costs nothing.
        if Token::parse(token).is_none() {
            return Ok(None);
        }
        let mut conn = self.context.store.read().await?;
        self.found(&mut conn, token).await
    }

    /// Who presents this token, and the session, in a transaction.
    pub(super) async fn found(&self, conn: &mut Conn, token: &str) -> Result<Option<(Present, Session)>, StoreError> {
        let Some(token) = Token::parse(token) else { return Ok(None) };
        let session = sessions::with_hash(conn, &token.hash()).await?;
        let Some(session) = session.filter(|it| self.goes_on(it)) else { return Ok(None) };
        let operator = operators::find(conn, session.operator_id).await?.filter(|it| it.disabled_at.is_none());
        let Some(operator) = operator else { return Ok(None) };
        let has_factor = sign_ins::find(conn, operator.id).await?.secret.is_some();
        let stage = Stage::of(session.proof, has_factor, self.needs_factor(&operator));
        let actor = acting(&operator, session.id);
        Ok(Some((Present { operator, actor, session: session.id, stage }, session)))
    }

    /// True if a session has not ended.
    pub(super) fn goes_on(&self, session: &Session) -> bool {
        let now = self.context.clock.now();
        let idle_at = session.seen_at.saturating_add(IDLE).unwrap_or(Timestamp::MAX);
        now < session.ends_at && now < idle_at
    }

    async fn note_use(&self, session: &Session) {
        let now = self.context.clock.now();
        let before = now.saturating_sub(TOUCH).unwrap_or(Timestamp::MIN);
        if session.seen_at > before {
            return;
        }
        let noted = timeout(PATIENCE, async {
            let mut tx = self.context.store.write().await?;
            sessions::touch(&mut tx, session.id, before, now).await?;
            tx.commit().await.map_err(StoreError::from)
        });
        match noted.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = error.for_logs(), "the use of a session could not be noted"),
            Err(_) => tracing::debug!("the use of a session is noted later: the database is being written"),
        }
    }

    /// Ends the session of a token. One that has ended is no error.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn leave(&self, token: &str, visitor: &Visitor) -> Result<(), StoreError> {
        let Some(present) = self.look(token).await? else { return Ok(()) };
        let mut tx = self.context.store.write().await?;
        if !sessions::end(&mut tx, present.operator.id, present.session).await? {
            return Ok(());
        }
        self.note(&mut tx, &present.operator.name, "sign out", visitor).await?;
        Ok(tx.commit().await?)
    }

    /// The sessions of an operator, the newest first.
    pub(super) async fn sessions(&self, conn: &mut Conn, operator: &Operator) -> Result<Vec<Here>, StoreError> {
        let all = sessions::list(conn, operator.id, LISTED).await?;
        let has_factor = sign_ins::find(conn, operator.id).await?.secret.is_some();
        let going_on = all.into_iter().filter(|it| self.goes_on(it));
        let here = |it: Session| {
            let Session { id, proof, address, agent, created_at, seen_at, .. } = it;
            let stage = Stage::of(proof, has_factor, self.needs_factor(operator));
            Here { id, address, agent, created_at, seen_at, stage }
        };
        Ok(going_on.map(here).collect())
    }

    /// Ends one of the sessions of an operator.
    ///
    /// # Errors
    /// If it has ended, or the database fails.
    pub async fn end(&self, operator: &Operator, session: Uuid, visitor: &Visitor) -> Result<(), SignInError> {
        let mut tx = self.context.store.write().await?;
        if !sessions::end(&mut tx, operator.id, session).await? {
            return Err(SignInError::Ended);
        }
        self.note(&mut tx, &operator.name, "end session", visitor).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }

    /// Ends all sessions of an operator but this one.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn end_others(&self, operator: &Operator, this: Uuid, visitor: &Visitor) -> Result<(), SignInError> {
        let mut tx = self.context.store.write().await?;
        sessions::end_all(&mut tx, operator.id, Some(this)).await?;
        self.note(&mut tx, &operator.name, "end other sessions", visitor).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
