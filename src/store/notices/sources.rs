//! The files of notices as written, apart from their rows: they are long, and the rows are read for each delivery.

use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// Keeps the file of a notice in place of the one before.
pub(super) async fn keep(conn: &mut Conn, notice_id: Uuid, source: &str) -> Result<()> {
    let sql = "INSERT INTO notice_sources (notice_id, source) VALUES ($1, $2)
         ON CONFLICT (notice_id) DO UPDATE SET source = excluded.source";
    query!(sql, notice_id, source).run(conn).await
}
