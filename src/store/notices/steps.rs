//! Who did what to a notice.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::notice::Step;
use crate::domain::notice::writers::Taken;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What somebody did to a notice.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = notice::Step)]
pub struct Done {
    /// What.
    pub step: Step,
    /// Who.
    pub operator: String,
    /// Why.
    pub reason: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Done {
    /// The step, as far as it shows who wrote the notice.
    #[must_use]
    pub fn taken(&self) -> Taken<'_> {
        Taken { step: self.step, operator: &self.operator, reason: self.reason.as_deref() }
    }
}

/// Notes a step.
pub async fn insert(conn: &mut Conn, id: Uuid, notice_id: Uuid, done: &Done) -> Result<()> {
    let sql = "INSERT INTO notice_steps (id, notice_id, step, operator, reason, at) VALUES ($1, $2, $3, $4, $5, $6)";
    query!(sql, id, notice_id, done.step.as_str(), &done.operator, done.reason.as_deref(), done.at).run(conn).await
}

/// Everything that was done to a notice, first to last.
pub async fn list(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<Done>> {
    let sql = "SELECT id, step, operator, reason, at FROM notice_steps WHERE notice_id = $1 ORDER BY id";
    query!(sql, notice_id)
        .all(conn, |row| {
            let row = Row::of("notice_steps", row);
            Ok(Done {
                step: row.parse("step")?,
                operator: row.get("operator")?,
                reason: row.get("reason")?,
                at: row.time("at")?,
            })
        })
        .await
}
