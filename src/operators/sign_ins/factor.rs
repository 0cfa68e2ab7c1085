//! The second factor: the code at each sign-in, setting it up, and recovery codes.

use super::{Opened, SignInError, SignIns, Visitor};
use crate::domain::second_factor::{CODES, RecoveryCode, Secret};
use crate::domain::session::{Proof, Stage};
use crate::store::operators::{Operator, sessions, sign_ins};
use crate::store::{Conn, StoreError};

/// Recovery codes that were just made, for the only time.
pub type Codes = Vec<RecoveryCode>;

/// A second factor that is being set up.
#[derive(Clone, Debug)]
pub struct SettingUp {
    /// Whose.
    pub operator: Operator,
    /// The secret for the app.
    pub secret: Secret,
    /// True if it takes the place of another device, whose code is needed too.
    pub replaces: bool,
}

impl SignIns {
    /// Completes a session by a code of the app, or a recovery code.
    ///
    /// # Errors
    /// If the code does not count, there were too many attempts, the session has ended, or the database fails.
    pub async fn prove(&self, token: &str, code: &str, visitor: &Visitor) -> Result<Opened, SignInError> {
        let present = self.presented(token, visitor).await?;
        if present.stage != Stage::Code {
            return Err(SignInError::Ended);
        }
        self.attempts.of_code(present.operator.id).map_err(SignInError::Often)?;
        let mut tx = self.context.store.write().await?;
        // Meanwhile it may have ended.
        let (present, _) = self.found(&mut tx, token).await?.ok_or(SignInError::Ended)?;
        let operator = &present.operator;
        if present.stage != Stage::Code {
            return Err(SignInError::Ended);
        }
        if !self.takes(&mut tx, operator, code).await? {
            drop(tx);
            self.note_failure(operator.name.as_str(), "sign in: code", visitor).await?;
            return Err(SignInError::Code);
        }
        sessions::end(&mut tx, operator.id, present.session).await?;
        let opened = self.open(&mut tx, operator, Proof::SecondFactor, visitor).await?;
        self.note(&mut tx, &operator.name, "sign in", visitor).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(opened)
    }

    /// True if a code counts, which it does once.
    async fn takes(&self, conn: &mut Conn, operator: &Operator, code: &str) -> Result<bool, StoreError> {
        let (now, kept) = (self.context.clock.now(), sign_ins::find(conn, operator.id).await?);
        let step = kept.secret.as_ref().and_then(|secret| secret.check(code, now, kept.last_step));
        match (step, RecoveryCode::hash_of(code)) {
            (Some(step), _) => sign_ins::take_step(conn, operator.id, step).await,
            (None, Some(hash)) => sign_ins::take_code(conn, operator.id, &hash, now).await,
            (None, None) => Ok(false),
        }
    }

    /// The secret for an app that is being set up in a session: the same until it is confirmed, and nobody's after the session.
    ///
    /// # Errors
    /// If the session has ended or needs a code first, there were too many attempts, or the database fails.
    pub async fn set_up(&self, token: &str, visitor: &Visitor) -> Result<SettingUp, SignInError> {
        let present = self.presented(token, visitor).await?;
        if present.stage == Stage::Code {
            return Err(SignInError::Ended);
        }
        let id = present.session;
        let (begun, kept) = {
            let mut conn = self.context.store.read().await?;
            (sessions::pending(&mut conn, id).await?, sign_ins::find(&mut conn, present.operator.id).await?)
        };
        let secret = match begun {
            Some(secret) => secret,
            None => {
                let mut tx = self.context.store.write().await?;
                sessions::set_pending(&mut tx, id, &Secret::new(&self.context.random)).await?;
                let secret = sessions::pending(&mut tx, id).await?.ok_or(SignInError::Ended)?;
                tx.commit().await.map_err(StoreError::from)?;
                secret
            }
        };
        Ok(SettingUp { operator: present.operator, secret, replaces: kept.secret.is_some() })
    }

    /// Puts the secret into force once the app shows its code, and completes the session. Returns recovery codes in place of former ones.
    ///
    /// # Errors
    /// If the code is not that of the secret, `former` is none of the device that is replaced, there were too many attempts, the session
    /// has ended, or the database fails.
    pub async fn confirm(
        &self,
        token: &str,
        (code, former): (&str, &str),
        visitor: &Visitor,
    ) -> Result<(Opened, Codes), SignInError> {
        let present = self.presented(token, visitor).await?;
        if present.stage == Stage::Code {
            return Err(SignInError::Ended);
        }
        self.attempts.of_code(present.operator.id).map_err(SignInError::Often)?;
        let mut tx = self.context.store.write().await?;
        let (present, _) = self.found(&mut tx, token).await?.ok_or(SignInError::Ended)?;
        let (operator, now) = (&present.operator, self.context.clock.now());
        let pending = sessions::pending(&mut tx, present.session).await?.ok_or(SignInError::Ended)?;
        let kept = sign_ins::find(&mut tx, operator.id).await?;
        let step = match pending.check(code, now, None) {
            // Who only has the session, at a machine that was left open, does not change the device.
            Some(step) if kept.secret.is_none() || self.takes(&mut tx, operator, former).await? => step,
            _ => {
                drop(tx);
                self.note_failure(operator.name.as_str(), "set up second factor", visitor).await?;
                return Err(SignInError::Code);
            }
        };
        // Before the session: a new password locks the two in this order.
        sign_ins::set_secret(&mut tx, operator.id, &pending, step, now).await?;
        // Of two that confirm it at the same time one is refused.
        if !sessions::end(&mut tx, operator.id, present.session).await? {
            return Err(SignInError::Ended);
        }
        let codes = self.new_codes(&mut tx, operator).await?;
        // Other sessions were begun with the password alone, or with a device that is being replaced.
        sessions::end_all(&mut tx, operator.id, None).await?;
        let opened = self.open(&mut tx, operator, Proof::SecondFactor, visitor).await?;
        self.note(&mut tx, &operator.name, "set up second factor", visitor).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok((opened, codes))
    }

    /// Makes new recovery codes in place of the former ones.
    ///
    /// # Errors
    /// If the operator has no second factor, the code does not count, there were too many attempts, or the database fails.
    pub async fn renew_codes(&self, operator: &Operator, code: &str, visitor: &Visitor) -> Result<Codes, SignInError> {
        self.attempts.of_code(operator.id).map_err(SignInError::Often)?;
        let mut tx = self.context.store.write().await?;
        if !self.takes(&mut tx, operator, code).await? {
            drop(tx);
            self.note_failure(operator.name.as_str(), "renew recovery codes", visitor).await?;
            return Err(SignInError::Code);
        }
        let codes = self.new_codes(&mut tx, operator).await?;
        self.note(&mut tx, &operator.name, "renew recovery codes", visitor).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(codes)
    }

    async fn new_codes(&self, conn: &mut Conn, operator: &Operator) -> Result<Codes, StoreError> {
        let codes: Codes = (0..CODES).map(|_| RecoveryCode::new(&self.context.random)).collect();
        let hashes: Vec<[u8; 32]> = codes.iter().map(RecoveryCode::hash).collect();
        sign_ins::set_codes(conn, operator.id, &hashes).await?;
        Ok(codes)
    }
}
