//! Forms that operators have begun: each sees their own, for two weeks after the last letter.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::context::Context;
use crate::store::StoreError;
use crate::store::operators::forms::{self, Begun};

/// How long what was typed is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The largest form that is kept, in bytes.
pub const LARGEST: usize = 256 << 10;

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

    /// Keeps what an operator has typed into a form so far. One that is too large is not kept.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn keep(
        &self,
        operator_id: Uuid,
        form: &str,
        fields: &BTreeMap<String, String>,
    ) -> Result<bool, StoreError> {
        let fields = serde_json::to_string(fields).unwrap_or_default();
        if fields.len() > LARGEST {
            return Ok(false);
        }
        let kept_at = self.context.clock.now();
        let mut tx = self.context.store.write().await?;
        forms::keep(&mut tx, operator_id, form, &Begun { fields, kept_at }).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// What an operator has typed into a form, if it was kept lately.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn begun(&self, operator_id: Uuid, form: &str) -> Result<Option<Form>, StoreError> {
        let begun = forms::find(&mut *self.context.store.read().await?, operator_id, form).await?;
        let oldest = self.context.clock.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN);
        let begun = begun.filter(|begun| begun.kept_at >= oldest);
        Ok(begun
            .and_then(|it| serde_json::from_str(&it.fields).ok().map(|fields| Form { fields, kept_at: it.kept_at })))
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

    /// Deletes the forms that nobody has typed into for two weeks. Returns how many.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        let mut tx = self.context.store.write().await?;
        let swept = forms::sweep(&mut tx, self.oldest()).await?;
        tx.commit().await?;
        Ok(swept)
    }

    fn oldest(&self) -> Timestamp {
        self.context.clock.now().saturating_sub(KEPT).unwrap_or(Timestamp::MIN)
    }
}
