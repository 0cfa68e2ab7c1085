//! The own account: language and zone, password, and what there is to sign in with.

use jiff::Timestamp;
use uuid::Uuid;

use super::sessions::Here;
use super::{SignInError, SignIns, Visitor};
use crate::domain::locale::{Locale, ZoneName};
use crate::store::StoreError;
use crate::store::operators::{self, Operator, identities, sessions, sign_ins};

/// How an operator signs in, and where they have.
#[derive(Clone, Debug)]
pub struct Account {
    /// True if there is a password.
    pub has_password: bool,
    /// When the second factor was set up, if it is.
    pub factor_at: Option<Timestamp>,
    /// How many recovery codes are left.
    pub codes_left: u64,
    /// Their sessions, the newest first.
    pub sessions: Vec<Here>,
    /// True if an identity at the configured provider is theirs.
    pub is_tied: bool,
}

impl SignIns {
    /// How an operator signs in.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn account(&self, operator: &Operator) -> Result<Account, StoreError> {
        let mut conn = self.context.store.read().await?;
        let kept = sign_ins::find(&mut conn, operator.id).await?;
        let tied = match &self.context.config.oidc.issuer {
            Some(issuer) => identities::of(&mut conn, issuer.as_str(), operator.id).await?,
            None => None,
        };
        Ok(Account {
            has_password: kept.password.is_some(),
            factor_at: kept.secret_at,
            codes_left: sign_ins::codes_left(&mut conn, operator.id).await?,
            sessions: self.sessions(&mut conn, operator).await?,
            is_tied: tied.is_some(),
        })
    }

    /// Sets the language and the time zone of an operator; those of the organisation, if there are none.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn set_words(
        &self,
        operator: &Operator,
        locale: Option<&Locale>,
        time_zone: Option<&ZoneName>,
    ) -> Result<(), StoreError> {
        let mut tx = self.context.store.write().await?;
        operators::set_words(&mut tx, operator.id, locale, time_zone).await?;
        Ok(tx.commit().await?)
    }

    /// Changes the password of an operator, and ends all sessions but this one.
    ///
    /// # Errors
    /// If the present one is wrong, the new one is not accepted, there were too many attempts, or the database fails.
    pub async fn change_password(
        &self,
        (operator, session): (&Operator, Uuid),
        (present, new): (&str, &str),
        visitor: &Visitor,
    ) -> Result<(), SignInError> {
        self.attempts.of_password(visitor.address, operator.name.as_str()).map_err(SignInError::Often)?;
        let kept = sign_ins::find(&mut *self.context.store.read().await?, operator.id).await?.password;
        let is_right = self.compare(present, kept.clone()).await?;
        let Some(kept) = kept.filter(|_| is_right) else {
            self.note_failure(operator.name.as_str(), "change password", visitor).await?;
            return Err(SignInError::Wrong);
        };
        self.attempts.proved(visitor.address, operator.name.as_str());
        let hash = self.hash(self.choose(operator, new)?).await?;
        let mut tx = self.context.store.write().await?;
        // Meanwhile an invitation may have set another one, or the session may have ended.
        let is_replaced = sign_ins::replace_password(&mut tx, operator.id, &kept, &hash).await?;
        let here = sessions::find(&mut tx, session).await?;
        if !is_replaced || !here.is_some_and(|it| self.goes_on(&it)) {
            return Err(SignInError::Wrong);
        }
        sessions::end_all(&mut tx, operator.id, Some(session)).await?;
        sessions::drop_pending(&mut tx, operator.id).await?;
        self.note(&mut tx, &operator.name, "change password", visitor).await?;
        Ok(tx.commit().await.map_err(StoreError::from)?)
    }
}
