//! References of notices: which notices have one, which belong to their matters, and which of them is meant.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::actor::Actor;
use crate::domain::category::Category;
use crate::domain::notice::reference::{Bearer, Meant, Purpose, meant};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// All notices with this reference, newest first. Their texts are not read.
pub async fn bearers(conn: &mut Conn, reference: &str) -> Result<Vec<Bearer>> {
    let sql = "SELECT id, category, state, released_at, recipients FROM notices WHERE reference = $1 ORDER BY id DESC";
    query!(sql, reference).all(conn, bearer).await
}

/// All notices of the matters that one with this reference belongs to, newest first: also those of them that have another reference, or
/// none.
pub async fn of_matters(conn: &mut Conn, reference: &str) -> Result<Vec<Bearer>> {
    // In this order: few notices have the reference.
    let sql =
        "SELECT DISTINCT n.id, n.category, n.state, n.released_at, n.recipients FROM notices r CROSS JOIN notices n
         WHERE r.reference = $1 AND n.matter_id = r.matter_id ORDER BY n.id DESC";
    query!(sql, reference).all(conn, bearer).await
}

/// The notice that an id or a reference means, of those that the actor may know of; never `own`, which looks for another one.
pub async fn named(conn: &mut Conn, actor: &Actor, name: &str, purpose: Purpose, own: Option<Uuid>) -> Result<Meant> {
    let mut found = match Uuid::parse_str(name) {
        Ok(id) => {
            let sql = "SELECT id, category, state, released_at, recipients FROM notices WHERE id = $1";
            let row = query!(sql, id).first_row(conn).await?;
            row.iter().map(bearer).collect::<Result<Vec<_>>>()?
        }
        Err(_) => bearers(conn, name).await?,
    };
    found.retain(|bearer| Some(bearer.id) != own && actor.knows_of(bearer.category, bearer.released_at.is_some()));
    Ok(meant(&found, purpose))
}

/// A notice that was released before another one that is like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its id.
    pub id: Uuid,
    /// When it was released.
    pub released_at: Timestamp,
    /// Its recipients.
    pub recipients: u64,
    /// True if it has the same text and rows, and not only the same reference.
    pub is_same: bool,
}

/// The last notice of a category that was released since a time, and has the same content, or else the same reference.
pub async fn released_before(
    conn: &mut Conn,
    (category, digest, reference): (Category, &[u8; 32], Option<&str>),
    since: Timestamp,
) -> Result<Option<Before>> {
    let sql = "SELECT id, released_at, recipients, CAST(CASE WHEN digest = $3 THEN 1 ELSE 0 END AS BIGINT) AS same FROM notices
         WHERE category = $1 AND released_at >= $2 AND (digest = $3 OR reference = $4)
         ORDER BY same DESC, released_at DESC LIMIT 1";
    let row = query!(sql, category.as_str(), since, digest.to_vec(), reference).first_row(conn).await?;
    let read = |row| {
        let row = Row::of("notices", row);
        Ok(Before {
            id: row.id("id")?,
            released_at: row.time("released_at")?,
            recipients: row.count("recipients")?,
            is_same: row.count("same")? > 0,
        })
    };
    row.as_ref().map(read).transpose()
}

fn bearer(row: &sqlx::any::AnyRow) -> Result<Bearer> {
    let row = Row::of("notices", row);
    Ok(Bearer {
        id: row.id("id")?,
        category: row.parse("category")?,
        state: row.parse("state")?,
        released_at: row.maybe_time("released_at")?,
        recipients: row.count("recipients")?,
    })
}
