//! The audit log: a row for each command and request, also for those that were refused. What changed a state is in the ledger besides.

use uuid::Uuid;

use super::{OperatorError, find};
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::mentions;
use crate::domain::audit::Ended;
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::store::StoreError;
use crate::store::operators::audit;

pub use crate::store::operators::audit::{Asked, Filter};

/// The longest object, in bytes: what is longer is no name.
const LONGEST: usize = 200;

/// What somebody asked for, and how it ended.
#[derive(Clone, Copy, Debug)]
pub struct NewRow<'a> {
    /// The operator's name, or the one that was claimed.
    pub operator: &'a str,
    /// How they reached Besked.
    pub via: &'a str,
    /// The command or request.
    pub action: &'a str,
    /// What it was about.
    pub object: Option<&'a str>,
    /// How it ended.
    pub result: Ended,
}

/// An object in the one spelling that the log has: an id may be written in capitals, without hyphens or in braces.
fn usual(object: &str) -> String {
    object.parse::<Uuid>().map_or_else(|_| object.to_owned(), |id| id.to_string())
}

/// The service for the audit log. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AuditLog {
    context: Context,
}

impl AuditLog {
    /// The service over a database.
    #[must_use]
    pub const fn new(context: Context) -> Self {
        Self { context }
    }

    /// Adds a row. An object that mentions an address is left out: the log names no recipient.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn record(&self, row: &NewRow<'_>) -> Result<(), StoreError> {
        let asked = self.asked(row);
        let mut tx = self.context.store.write().await?;
        audit::insert(&mut tx, &[&asked]).await?;
        tx.commit().await?;
        Ok(())
    }

    /// The row as it is stored.
    pub(super) fn asked(&self, row: &NewRow<'_>) -> Asked {
        let at = self.context.clock.now();
        let is_name = |object: &&str| object.len() <= LONGEST && mentions(object).next().is_none();
        Asked {
            id: self.context.random.id(at),
            at,
            operator: row.operator.to_owned(),
            via: row.via.to_owned(),
            action: row.action.to_owned(),
            object: row.object.filter(is_name).map(usual),
            result: row.result,
        }
    }

    /// A page of the log, the newest first. An operator may be named in any spelling.
    ///
    /// # Errors
    /// If the actor may not, or the cursor is not one of this list.
    pub async fn list(
        &self,
        actor: &Actor,
        filter: &Filter<'_>,
        request: &PageRequest,
    ) -> Result<Page<Asked>, OperatorError> {
        actor.may_at_all(Right::ReadAudit)?;
        let before = request.key::<Uuid>()?;
        let mut conn = self.context.store.read().await?;
        let known = match filter.operator {
            Some(name) => find(&mut conn, name).await.ok().map(|it| it.name.as_str().to_owned()),
            None => None,
        };
        let operator = known.as_deref().or(filter.operator);
        let object = filter.object.map(usual);
        let filter = Filter { operator, object: object.as_deref(), sealed: actor.has(Right::ReadSealed), ..*filter };
        let rows = audit::list(&mut conn, &filter, before, request.to_read()).await?;
        Ok(Page::of(rows, request, |asked| asked.id.to_string()))
    }
}
