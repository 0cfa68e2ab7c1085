//! Moulds: what the messages of a notice have in common. One is stored before the first message made from it is sent, and stays as
//! it is until its notice is purged.

use std::collections::HashMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::domain::mould::{Key, Mould};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::proof::tree::signed;
use crate::store::{Conn, Result, StoreError};

/// Stores a mould, unless there is one for its recipients; returns the one that is stored.
pub async fn keep(conn: &mut Conn, mould: &Mould, bytes: &[u8]) -> Result<Mould> {
    let key = &mould.key;
    let sql = "INSERT INTO moulds (id, notice_id, locale, zone, role, body) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (notice_id, locale, zone, role) DO NOTHING";
    query!(sql, mould.id.to_vec(), key.notice_id, &key.locale, &key.zone, &key.role, bytes).run(&mut *conn).await?;
    find(conn, key).await?.ok_or_else(|| missing(mould.number))
}

/// The mould of some recipients.
pub async fn find(conn: &mut Conn, key: &Key) -> Result<Option<Mould>> {
    let sql = "SELECT number, id, body FROM moulds WHERE notice_id = $1 AND locale = $2 AND zone = $3 AND role = $4";
    query!(sql, key.notice_id, &key.locale, &key.zone, &key.role).first(conn, read).await
}

/// The mould of a number.
pub async fn numbered(conn: &mut Conn, number: u64) -> Result<Mould> {
    query!("SELECT number, id, body FROM moulds WHERE number = $1", signed(number))
        .first(conn, read)
        .await?
        .ok_or_else(|| missing(number))
}

/// Moulds that were read, so that each is read once.
#[derive(Default)]
pub struct Moulds(HashMap<u64, Arc<Mould>>);

/// Moulds held in memory; beyond that, they are read again.
const HELD: usize = 256;

impl Moulds {
    /// Returns a mould.
    ///
    /// # Errors
    /// If it does not exist or the database fails.
    pub async fn get(&mut self, conn: &mut Conn, number: u64) -> Result<Arc<Mould>> {
        if let Some(mould) = self.0.get(&number) {
            return Ok(mould.clone());
        }
        let mould = Arc::new(numbered(conn, number).await?);
        if self.0.len() >= HELD {
            self.0.clear();
        }
        self.0.insert(number, mould.clone());
        Ok(mould)
    }
}

/// A page of the moulds by number, after `after`: each with what is stored beside it.
pub async fn page(conn: &mut Conn, after: u64, limit: u32) -> Result<Vec<(Mould, Key)>> {
    let sql =
        "SELECT number, id, notice_id, locale, zone, role, body FROM moulds WHERE number > $1 ORDER BY number LIMIT $2";
    query!(sql, signed(after), limit)
        .all(conn, |row| {
            let mould = read(row)?;
            let row = Row::of("moulds", row);
            let notice_id = row.id("notice_id")?;
            let key = Key { notice_id, locale: row.get("locale")?, zone: row.get("zone")?, role: row.get("role")? };
            Ok((mould, key))
        })
        .await
}

/// How many moulds a notice has.
pub async fn count(conn: &mut Conn, notice_id: Uuid) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM moulds WHERE notice_id = $1";
    query!(sql, notice_id).count(conn, "moulds").await
}

/// Reads a mould, which must be the one that its id names.
fn read(row: &sqlx::any::AnyRow) -> Result<Mould> {
    let row = Row::of("moulds", row);
    let (number, id, body): (_, [u8; 32], Vec<u8>) = (row.count("number")?, row.bytes("id")?, row.get("body")?);
    let mut mould = Mould::from_cbor(&body).map_err(|error| inconsistent(number, error.to_string()))?;
    if mould.id != id {
        return Err(inconsistent(number, "it is not the one that was stored".to_owned()));
    }
    mould.number = number;
    Ok(mould)
}

fn missing(number: u64) -> StoreError {
    inconsistent(number, "it was removed".to_owned())
}

fn inconsistent(number: u64, problem: String) -> StoreError {
    StoreError::Inconsistent { table: "moulds", column: "body", row: number.to_string(), problem }
}
