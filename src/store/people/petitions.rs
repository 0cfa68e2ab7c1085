//! The register of what persons ask for, and by when they are to be answered.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::address::{Address, AddressKey};
use crate::domain::petition::{Answer, PetitionKind};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A petition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Petition {
    /// Id.
    pub id: Uuid,
    /// The person's address; empty once the person is erased.
    pub email: String,
    /// What the person asks for.
    pub kind: PetitionKind,
    /// When it came.
    pub received_at: Timestamp,
    /// By when it must be answered.
    pub due_at: Timestamp,
    /// Who recorded it.
    pub recorded_by: String,
    /// Why it takes longer than a month, if the person was told so.
    pub extension: Option<String>,
    /// When it was answered.
    pub answered_at: Option<Timestamp>,
    /// How.
    pub answer: Option<Answer>,
    /// Who answered it.
    pub answered_by: Option<String>,
    /// What was said.
    pub note: Option<String>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, email, kind, received_at, due_at, recorded_by, extension, answered_at, answer, answered_by, note
             FROM petitions ",
            $rest
        )
    };
}

fn read(row: &sqlx::any::AnyRow) -> Result<Petition> {
    let row = Row::of("petitions", row);
    Ok(Petition {
        id: row.id("id")?,
        email: row.get("email")?,
        kind: row.parse("kind")?,
        received_at: row.time("received_at")?,
        due_at: row.time("due_at")?,
        recorded_by: row.get("recorded_by")?,
        extension: row.get("extension")?,
        answered_at: row.maybe_time("answered_at")?,
        answer: row.maybe("answer")?,
        answered_by: row.get("answered_by")?,
        note: row.get("note")?,
    })
}

/// Records a petition of an address.
pub async fn insert(conn: &mut Conn, address: &Address, petition: &Petition) -> Result<()> {
    let sql = "INSERT INTO petitions (id, email, email_key, kind, received_at, due_at, recorded_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7)";
    query!(
        sql,
        petition.id,
        address.as_str(),
        address.key().as_str(),
        petition.kind.as_str(),
        petition.received_at,
        petition.due_at,
        &petition.recorded_by
    )
    .run(conn)
    .await
}

/// The petition with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Petition>> {
    query!(select!("WHERE id = $1"), id).first(conn, read).await
}

/// The petitions that are not answered, those with the next time first.
pub async fn open(conn: &mut Conn, limit: u32) -> Result<Vec<Petition>> {
    let sql = select!("WHERE answered_at IS NULL ORDER BY due_at, id LIMIT $1");
    query!(sql, limit).all(conn, read).await
}

/// A page of all petitions by id, the newest first, before this one.
pub async fn list(conn: &mut Conn, before: Option<Uuid>, limit: u32) -> Result<Vec<Petition>> {
    let sql = select!("WHERE id < $1 ORDER BY id DESC LIMIT $2");
    query!(sql, before.unwrap_or(Uuid::max()), limit).all(conn, read).await
}

/// The petitions of an address, the newest first.
pub async fn of_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Petition>> {
    let sql = select!("WHERE email_key = $1 AND email_key <> '' ORDER BY id DESC");
    query!(sql, key.as_str()).all(conn, read).await
}

/// Gives one that is not answered more time. Returns false if it is answered, or has had more time before.
pub async fn extend(conn: &mut Conn, id: Uuid, due_at: Timestamp, why: &str) -> Result<bool> {
    let sql =
        "UPDATE petitions SET due_at = $2, extension = $3 WHERE id = $1 AND answered_at IS NULL AND extension IS NULL";
    query!(sql, id, due_at, why).changed_one(conn).await
}

/// Answers one. Returns false if it is answered already.
pub async fn answer(
    conn: &mut Conn,
    id: Uuid,
    (answer, by, note): (Answer, &str, &str),
    at: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE petitions SET answered_at = $2, answer = $3, answered_by = $4, note = $5
         WHERE id = $1 AND answered_at IS NULL";
    query!(sql, id, at, answer.as_str(), by, note).changed_one(conn).await
}

/// Deletes whom the petitions of an address name. That somebody asked, and when and how that was answered, stays.
pub async fn forget(conn: &mut Conn, key: &AddressKey) -> Result<()> {
    let sql = "UPDATE petitions SET email = '', email_key = '', extension = CASE WHEN extension IS NULL THEN NULL ELSE '' END,
           note = CASE WHEN note IS NULL THEN NULL ELSE '' END
         WHERE email_key = $1 AND email_key <> ''";
    query!(sql, key.as_str()).run(conn).await
}
