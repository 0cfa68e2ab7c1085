//! Attestations: a person's recorded word that a customer was informed by another way.

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::attestation::Channel;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// An attestation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = attestation::Attestation)]
pub struct Attestation {
    /// Id.
    pub id: Uuid,
    /// Account id.
    pub account_id: String,
    /// The way.
    pub channel: Channel,
    /// Who informed the customer.
    pub witness: String,
    /// What was said, or where the letter is.
    pub note: String,
    /// When the customer was informed.
    #[schema(value_type = String, format = DateTime)]
    pub told_at: Timestamp,
    /// Who recorded it.
    pub operator: String,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its withdrawal: it does not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub withdrawn: Option<Withdrawn>,
}

/// The withdrawal of an attestation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = attestation::Withdrawn)]
pub struct Withdrawn {
    /// Who withdrew it.
    pub operator: String,
    /// Why.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

impl Attestation {
    /// The words that somebody wrote.
    pub fn words(&mut self) -> impl Iterator<Item = &mut String> {
        [&mut self.witness, &mut self.note].into_iter().chain(self.withdrawn.as_mut().map(|it| &mut it.reason))
    }

    /// When those of them that count say that the customer was informed.
    #[must_use]
    pub fn told(all: &[Self]) -> Vec<Timestamp> {
        all.iter().filter(|it| it.withdrawn.is_none()).map(|it| it.told_at).collect()
    }
}

/// Adds an attestation.
pub async fn insert(conn: &mut Conn, notice_id: Uuid, attestation: &Attestation) -> Result<()> {
    let sql = "INSERT INTO attestations (id, notice_id, account_id, channel, witness, note, operator, at, told_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    query!(
        sql,
        attestation.id,
        notice_id,
        &attestation.account_id,
        attestation.channel.as_str(),
        &attestation.witness,
        &attestation.note,
        &attestation.operator,
        attestation.at,
        attestation.told_at
    )
    .run(conn)
    .await
}

/// Withdraws an attestation. Returns false if there is none with this id that still counts.
pub async fn withdraw(conn: &mut Conn, id: Uuid, withdrawn: &Withdrawn) -> Result<bool> {
    let sql = "UPDATE attestations SET withdrawn_at = $2, withdrawn_by = $3, withdrawn_why = $4
         WHERE id = $1 AND withdrawn_at IS NULL";
    query!(sql, id, withdrawn.at, &withdrawn.operator, &withdrawn.reason).changed_one(conn).await
}

/// Empties the words of an attestation; the attestation itself stays.
pub async fn clear(conn: &mut Conn, id: Uuid) -> Result<()> {
    let sql = "UPDATE attestations SET note = '', witness = '', withdrawn_why = NULL WHERE id = $1";
    query!(sql, id).run(conn).await
}

/// The columns of an attestation.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, account_id, channel, witness, note, operator, at, told_at, withdrawn_at, withdrawn_by, withdrawn_why \
             FROM attestations WHERE notice_id = $1 AND ",
            $rest,
            " ORDER BY id"
        )
    };
}

/// The attestations for a notice, or for one customer of it.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid, account_id: Option<&str>) -> Result<Vec<Attestation>> {
    query!(select!("($2 IS NULL OR account_id = $2)"), notice_id, account_id).all(conn, read).await
}

/// The attestations for a notice and some customers.
pub async fn of_customers(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<Vec<Attestation>> {
    let sql = Dialect::of(conn).pick(
        select!("account_id IN (SELECT value FROM json_each($2))"),
        select!("account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb)))"),
    );
    query!(sql, notice_id, json(accounts)).all(conn, read).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Attestation> {
    let row = Row::of("attestations", row);
    let withdrawn = match row.maybe_time("withdrawn_at")? {
        Some(at) => Some(Withdrawn {
            operator: row.get::<Option<String>>("withdrawn_by")?.unwrap_or_default(),
            reason: row.get::<Option<String>>("withdrawn_why")?.unwrap_or_default(),
            at,
        }),
        None => None,
    };
    Ok(Attestation {
        id: row.id("id")?,
        account_id: row.get("account_id")?,
        channel: row.parse("channel")?,
        witness: row.get("witness")?,
        note: row.get("note")?,
        told_at: row.time("told_at")?,
        operator: row.get("operator")?,
        at: row.time("at")?,
        withdrawn,
    })
}
