//! The recipients that an approval is for: those of a release are compared with them.

use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// The recipients that an approver decided about. They are deleted at the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedAudience {
    /// How many.
    pub recipients: u64,
    /// The bytes by which they are compared; see [`Prints`](crate::domain::prints::Prints).
    pub prints: Vec<u8>,
    /// The revision of the customers and contacts that they were read from.
    pub revision: u64,
}

/// Notes which recipients an approver decided about.
pub async fn set_audience(conn: &mut Conn, id: Uuid, audience: &ApprovedAudience) -> Result<()> {
    let sql =
        "UPDATE notices SET approved_recipients = $2, approved_audience = $3, approved_revision = $4 WHERE id = $1";
    query!(sql, id, audience.recipients, &audience.prints, audience.revision).run(conn).await
}

/// What was noted of the recipients at the approval.
pub async fn audience(conn: &mut Conn, id: Uuid) -> Result<Option<ApprovedAudience>> {
    let sql = "SELECT approved_recipients, approved_audience, approved_revision FROM notices WHERE id = $1";
    let row = query!(sql, id).first_row(conn).await?;
    let Some(row) = row else { return Ok(None) };
    let row = Row::of("notices", &row);
    let noted = row.maybe_count("approved_recipients")?.zip(row.get::<Option<Vec<u8>>>("approved_audience")?);
    let revision = row.maybe_count("approved_revision")?.unwrap_or_default();
    Ok(noted.map(|(recipients, prints)| ApprovedAudience { recipients, prints, revision }))
}
