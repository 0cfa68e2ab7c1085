//! Forms that operators have begun: each sees their own, for two weeks after the last letter.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::context::Context;
use crate::domain::request::Request;
use crate::store::StoreError;
use crate::store::operators::forms::{self, Begun};
use crate::store::operators::requests;

/// How long what was typed is kept.
const KEPT: SignedDuration = forms::KEPT_FOR;

/// The largest form that is kept, in bytes.
pub const LARGEST: usize = 256 << 10;

/// Forms that are shown at once.
const SHOWN: u32 = 20;

/// What became of a form that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is kept.
    Kept,
    /// It was sent: nothing has to be kept.
    Sent,
    /// It is too large.
    TooLarge,
}

/// A form that an operator has begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Its values by the names of its controls.
    pub fields: BTreeMap<String, String>,
    /// When it was kept last.
    pub kept_at: Timestamp,
}

/// The service for forms that were begun. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Forms {
    context: Context,
}

impl Forms {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Keeps what an operator has typed into a form so far. One that is too large is not kept, and neither is one that was sent: its
    /// browser may have begun to keep it before.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep(
        &self,
        operator_id: Uuid,
        form: &str,
        fields: &BTreeMap<String, String>,
        sent_as: Option<&Request>,
    ) -> Result<Keeping, StoreError> {
        let fields = serde_json::to_string(fields).unwrap_or_default();
        if fields.len() > LARGEST {
            return Ok(Keeping::TooLarge);
        }
        if self.is_sent(sent_as).await? {
            return Ok(Keeping::Sent);
        }
        let kept_at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        forms::keep(&mut tx, operator_id, form, &Begun { fields, kept_at }).await?;
        forms::sweep(&mut tx, self.oldest()).await?;
        tx.commit().await?;
        // Once more: who sends it deletes what was kept, and may have done so a moment before.
        if self.is_sent(sent_as).await? {
            self.discard(operator_id, form).await?;
            return Ok(Keeping::Sent);
        }
        Ok(Keeping::Kept)
    }

    async fn is_sent(&self, sent_as: Option<&Request>) -> Result<bool, StoreError> {
        let Some(request) = sent_as else { return Ok(false) };
        Ok(requests::find(&mut *self.context.store.read().await?, &request.scope).await?.is_some())
    }

    /// What an operator has typed into a form, if it was kept lately.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begun(&self, operator_id: Uuid, form: &str) -> Result<Option<Form>, StoreError> {
        let begun = forms::find(&mut *self.context.store.read().await?, operator_id, form).await?;
        Ok(begun.and_then(|begun| self.read(begun)))
    }

    /// What an operator has typed into forms whose names begin so, the newest first.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn all(&self, operator_id: Uuid, prefix: &str) -> Result<Vec<(String, Form)>, StoreError> {
        let mut conn = self.context.store.read().await?;
        let all = forms::with_prefix(&mut conn, operator_id, prefix, SHOWN).await?;
        Ok(all.into_iter().filter_map(|(name, begun)| Some((name, self.read(begun)?))).collect())
    }

    fn read(&self, begun: Begun) -> Option<Form> {
        let fields = serde_json::from_str(&begun.fields).ok().filter(|_| begun.kept_at >= self.oldest())?;
        Some(Form { fields, kept_at: begun.kept_at })
    }

    /// Deletes what was kept of a form: it was sent, or is not wanted.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn discard(&self, operator_id: Uuid, form: &str) -> Result<(), StoreError> {
        let mut tx = self.context.store.write().await?;
        forms::delete(&mut tx, operator_id, form).await?;
        tx.commit().await?;
        Ok(())
    }

    fn oldest(&self) -> Timestamp {
        self.context.clock.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN)
    }
}
