//! Files that operators have uploaded and not imported yet, in parts: every node reads them.
//!
//! An erasure deletes all of them. The row of an upload is changed before a part is added, and deleted before its parts are: a part that
//! is being added waits for the erasure, and finds its upload gone.

use jiff::Timestamp;
use uuid::Uuid;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How far an upload is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its parts are being stored.
    Arriving,
    /// It waits for its operator.
    Waiting,
    /// It is being imported.
    Taken,
    /// It was imported: its parts are deleted.
    Imported,
}

impl State {
    /// Every state.
    pub const ALL: &[Self] = &[Self::Arriving, Self::Waiting, Self::Taken, Self::Imported];

    /// The word in the database.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Arriving => "arriving",
            Self::Waiting => "waiting",
            Self::Taken => "taken",
            Self::Imported => "imported",
        }
    }
}

/// An upload without its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Id.
    pub id: Uuid,
    /// Whose it is.
    pub operator_id: Uuid,
    /// Its name, as the browser has it.
    pub name: String,
    /// How it is to be treated, as the service writes it.
    pub options: String,
    /// How far it is.
    pub state: State,
    /// Its size in bytes.
    pub size: u64,
    /// SHA-256 of it in hexadecimal.
    pub sha256: String,
    /// The revision of the customers that it was compared with.
    pub revision: u64,
    /// When it came.
    pub created_at: Timestamp,
}

/// Adds an upload whose parts follow.
pub async fn insert(conn: &mut Conn, upload: &Upload) -> Result<()> {
    let sql = "INSERT INTO uploads (id, operator_id, name, options, state, size, sha256, revision, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query!(
        sql,
        upload.id,
        upload.operator_id,
        &upload.name,
        &upload.options,
        upload.state.as_str(),
        upload.size,
        &upload.sha256,
        upload.revision,
        upload.created_at
    )
    .run(conn)
    .await
}

/// Adds a part of an upload, counted from 0. Returns false if the upload was deleted.
pub async fn add_part(conn: &mut Conn, id: Uuid, part: u32, bytes: &[u8]) -> Result<bool> {
    if !change(conn, id, State::Arriving, State::Arriving).await? {
        return Ok(false);
    }
    let sql = "INSERT INTO upload_parts (upload_id, part, bytes) VALUES ($1, $2, $3)";
    query!(sql, id, part, bytes).run(conn).await?;
    Ok(true)
}

/// A part of an upload; `None` after the last one.
pub async fn part(conn: &mut Conn, id: Uuid, part: u32) -> Result<Option<Vec<u8>>> {
    let sql = "SELECT upload_id, bytes FROM upload_parts WHERE upload_id = $1 AND part = $2";
    query!(sql, id, part).first(conn, |row| Row::of("upload_parts", row).get("bytes")).await
}

/// Moves an upload from one state to another. Returns false if it is in another one: of two who take it, one does.
pub async fn change(conn: &mut Conn, id: Uuid, from: State, to: State) -> Result<bool> {
    let sql = "UPDATE uploads SET state = $1 WHERE id = $2 AND state = $3";
    query!(sql, to.as_str(), id, from.as_str()).changed_one(conn).await
}

/// Notes the revision of the customers that an upload was compared with.
pub async fn compared(conn: &mut Conn, id: Uuid, revision: u64) -> Result<()> {
    query!("UPDATE uploads SET revision = $1 WHERE id = $2", revision, id).run(conn).await
}

/// The uploads of an operator, the newest first.
pub async fn of_operator(conn: &mut Conn, operator_id: Uuid) -> Result<Vec<Upload>> {
    let sql = "SELECT id, operator_id, name, options, state, size, sha256, revision, created_at FROM uploads
         WHERE operator_id = $1 ORDER BY created_at DESC, id DESC";
    query!(sql, operator_id).all(conn, |row| read(&Row::of("uploads", row))).await
}

/// Deletes the parts of an upload.
pub async fn delete_parts(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("DELETE FROM upload_parts WHERE upload_id = $1", id).run(conn).await
}

/// Deletes an upload with its parts.
pub async fn delete(conn: &mut Conn, id: Uuid) -> Result<()> {
    query!("DELETE FROM uploads WHERE id = $1", id).run(&mut *conn).await?;
    delete_parts(conn, id).await
}

/// Deletes all uploads: any of them may name a person who is being erased.
pub async fn delete_all(conn: &mut Conn) -> Result<()> {
    query!("DELETE FROM uploads").run(&mut *conn).await?;
    query!("DELETE FROM upload_parts").run(conn).await
}

/// Uploads that came before a time.
pub async fn older(conn: &mut Conn, before: Timestamp) -> Result<Vec<Uuid>> {
    query!("SELECT id FROM uploads WHERE created_at < $1 ORDER BY created_at", before)
        .all(conn, |row| Row::of("uploads", row).id("id"))
        .await
}

fn read(row: &Row<'_>) -> Result<Upload> {
    Ok(Upload {
        id: row.id("id")?,
        operator_id: row.id("operator_id")?,
        name: row.get("name")?,
        options: row.get("options")?,
        state: row.parse_with("state", |text| State::ALL.iter().copied().find(|it| it.as_str() == text).ok_or(()))?,
        size: row.count("size")?,
        sha256: row.get("sha256")?,
        revision: row.count("revision")?,
        created_at: row.time("created_at")?,
    })
}
