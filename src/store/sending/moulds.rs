//! Moulds: what the messages of a notice have in common. One is stored before the first message made from it is sent, and stays as
//! it is until its notice is purged.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::mould::{Key, Mould};
use crate::store::engine::row::Row;
use crate::store::{Conn, Result, StoreError};

/// Stores a mould, unless there is one for its recipients; returns the one that is stored.
pub async fn keep(conn: &mut Conn, mould: &Mould, bytes: &[u8]) -> Result<Mould> {
    let key = &mould.key;
    sqlx::query(
        "INSERT INTO moulds (id, notice_id, locale, zone, role, body) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (notice_id, locale, zone, role) DO NOTHING",
    )
    .bind(mould.id.to_vec())
    .bind(key.notice_id.to_string())
    .bind(&key.locale)
    .bind(&key.zone)
    .bind(&key.role)
    .bind(bytes)
    .execute(&mut *conn)
    .await?;
    find(conn, key).await?.ok_or_else(|| missing(mould.id))
}

/// The mould of some recipients.
pub async fn find(conn: &mut Conn, key: &Key) -> Result<Option<Mould>> {
    let row =
        sqlx::query("SELECT id, body FROM moulds WHERE notice_id = $1 AND locale = $2 AND zone = $3 AND role = $4")
            .bind(key.notice_id.to_string())
            .bind(&key.locale)
            .bind(&key.zone)
            .bind(&key.role)
            .fetch_optional(conn)
            .await?;
    row.as_ref().map(read).transpose()
}

/// The mould of an id.
pub async fn of_id(conn: &mut Conn, id: [u8; 32]) -> Result<Mould> {
    let row = sqlx::query("SELECT id, body FROM moulds WHERE id = $1").bind(id.to_vec()).fetch_optional(conn).await?;
    row.as_ref().map(read).transpose()?.ok_or_else(|| missing(id))
}

/// Moulds that were read, so that each is read once.
#[derive(Default)]
pub struct Moulds(HashMap<[u8; 32], Arc<Mould>>);

/// Moulds held in memory; beyond that, they are read again.
const HELD: usize = 256;

impl Moulds {
    /// Returns a mould.
    ///
    /// # Errors
    /// If it does not exist or the database fails.
    pub async fn get(&mut self, conn: &mut Conn, id: [u8; 32]) -> Result<Arc<Mould>> {
        if let Some(mould) = self.0.get(&id) {
            return Ok(mould.clone());
        }
        let mould = Arc::new(of_id(conn, id).await?);
        if self.0.len() >= HELD {
            self.0.clear();
        }
        self.0.insert(id, mould.clone());
        Ok(mould)
    }
}

/// A page of the moulds by id, after `after`: each with what is stored beside it.
pub async fn page(conn: &mut Conn, after: &[u8], limit: u32) -> Result<Vec<(Mould, Key)>> {
    let sql = "SELECT id, notice_id, locale, zone, role, body FROM moulds WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = sqlx::query(sql).bind(after).bind(i64::from(limit)).fetch_all(conn).await?;
    let read = |row| {
        let mould = read(row)?;
        let row = Row::of("moulds", row);
        let notice_id = row.id("notice_id")?;
        let key = Key { notice_id, locale: row.get("locale")?, zone: row.get("zone")?, role: row.get("role")? };
        Ok((mould, key))
    };
    rows.iter().map(read).collect()
}

/// How many moulds a notice has.
pub async fn count(conn: &mut Conn, notice_id: Uuid) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM moulds WHERE notice_id = $1";
    let row = sqlx::query(sql).bind(notice_id.to_string()).fetch_one(conn).await?;
    Row::of("moulds", &row).count("n")
}

/// Reads a mould, which must be the one that its id names.
fn read(row: &sqlx::any::AnyRow) -> Result<Mould> {
    let row = Row::of("moulds", row);
    let (id, body): ([u8; 32], Vec<u8>) = (row.bytes("id")?, row.get("body")?);
    let mould = Mould::from_cbor(&body).map_err(|error| inconsistent(id, error.to_string()))?;
    if mould.id == id { Ok(mould) } else { Err(inconsistent(id, "it is not the one that was stored".to_owned())) }
}

fn missing(id: [u8; 32]) -> StoreError {
    inconsistent(id, "it was removed".to_owned())
}

fn inconsistent(id: [u8; 32], problem: String) -> StoreError {
    let row = data_encoding::HEXLOWER.encode(&id);
    StoreError::Inconsistent { table: "moulds", column: "body", row, problem }
}
