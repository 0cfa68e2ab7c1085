//! What persons read of a notice when they decided about it: who decides again sees what has changed since. Deleted at the release.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::notice::Step;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What was read of a notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// Who decided; empty for what was submitted and replaced before anybody had decided.
    pub operator: String,
    /// How: approved, declined, or only submitted.
    pub step: Step,
    /// The file as it was.
    pub source: String,
    /// Digest of source and rows.
    pub digest: [u8; 32],
    /// When.
    pub at: Timestamp,
}

/// Notes what somebody read, in place of what they read before.
pub async fn keep(conn: &mut Conn, notice_id: Uuid, review: &Review) -> Result<()> {
    let sql =
        "INSERT INTO notice_reviews (notice_id, operator, step, source, digest, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (notice_id, operator) DO UPDATE SET step = excluded.step, source = excluded.source,
           digest = excluded.digest, at = excluded.at";
    query!(sql, notice_id, &review.operator, review.step.as_str(), &review.source, review.digest.to_vec(), review.at)
        .run(conn)
        .await
}

/// What was read of a notice, the last first.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<Review>> {
    let sql = "SELECT notice_id, operator, step, source, digest, at FROM notice_reviews WHERE notice_id = $1
         ORDER BY at DESC, operator DESC";
    query!(sql, notice_id)
        .all(conn, |any| {
            let row = Row::of("notice_reviews", any);
            Ok(Review {
                operator: row.get("operator")?,
                step: row.parse("step")?,
                source: row.get("source")?,
                digest: row.bytes("digest")?,
                at: row.time("at")?,
            })
        })
        .await
}

/// Deletes what was read of a notice.
pub async fn delete(conn: &mut Conn, notice_id: Uuid) -> Result<()> {
    query!("DELETE FROM notice_reviews WHERE notice_id = $1", notice_id).run(conn).await
}
