//! Operators. [`keys`] are those of programs, [`requests`] what programs may ask twice, [`audit`] is the log of what everybody asked
//! for; [`sign_ins`], [`sessions`], [`invitations`] and [`identities`] are those of persons in the console.

pub mod audit;
pub mod forms;
pub mod identities;
pub mod invitations;
pub mod keys;
pub mod requests;
pub mod sessions;
pub mod sign_ins;
pub mod uploads;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::locale::{Locale, ZoneName};
use crate::domain::operator::{Likeness, OperatorKind, OperatorName, Roles};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Dialect, Result};

/// A person or machine that uses Besked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Operator {
    /// Id.
    pub id: Uuid,
    /// Name.
    pub name: OperatorName,
    /// Person or machine.
    pub kind: OperatorKind,
    /// Roles.
    pub roles: Roles,
    /// Address, if there is one.
    pub email: Option<String>,
    /// Language of the console, if it is not the organisation's.
    pub locale: Option<Locale>,
    /// Time zone of the console, if it is not the organisation's.
    pub time_zone: Option<ZoneName>,
    /// When the operator was added.
    pub created_at: Timestamp,
    /// Since when the operator may not act any more.
    pub disabled_at: Option<Timestamp>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, kind, roles, email, locale, time_zone, created_at, disabled_at FROM operators ",
            $rest
        )
    };
}

/// Lets no other transaction change operators until this one ends: who is the first one, or the last admin, is decided here.
pub async fn lock(conn: &mut Conn) -> Result<()> {
    let sql = Dialect::of(conn).pick("SELECT 1", "LOCK TABLE operators IN SHARE ROW EXCLUSIVE MODE");
    query!(sql).run(conn).await
}

/// Adds an operator.
pub async fn insert(conn: &mut Conn, operator: &Operator) -> Result<()> {
    let Likeness { folded, seen } = operator.name.likeness();
    let sql =
        "INSERT INTO operators (id, name, folded, seen, kind, roles, email, locale, time_zone, created_at, disabled_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    query!(
        sql,
        operator.id,
        operator.name.as_str(),
        folded,
        seen,
        operator.kind.as_str(),
        operator.roles.to_string(),
        &operator.email,
        operator.locale.as_ref().map(Locale::as_str),
        operator.time_zone.as_ref().map(ZoneName::as_str),
        operator.created_at,
        operator.disabled_at
    )
    .run(conn)
    .await
}

/// Stores the roles of an operator, and since when they may not act any more.
pub async fn update(conn: &mut Conn, operator: &Operator) -> Result<()> {
    let sql = "UPDATE operators SET roles = $2, disabled_at = $3, email = $4 WHERE id = $1";
    query!(sql, operator.id, operator.roles.to_string(), operator.disabled_at, &operator.email).run(conn).await
}

/// Stores the language and the time zone of an operator.
pub async fn set_words(conn: &mut Conn, id: Uuid, locale: Option<&Locale>, time_zone: Option<&ZoneName>) -> Result<()> {
    let sql = "UPDATE operators SET locale = $2, time_zone = $3 WHERE id = $1";
    query!(sql, id, locale.map(Locale::as_str), time_zone.map(ZoneName::as_str)).run(conn).await
}

/// The operator with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Operator>> {
    query!(select!("WHERE id = $1"), id).first(conn, read).await
}

/// The operator whose name looks like this one.
pub async fn named(conn: &mut Conn, likeness: &Likeness) -> Result<Option<Operator>> {
    let sql = select!("WHERE folded = $1 OR seen = $2 ORDER BY id LIMIT 1");
    query!(sql, &likeness.folded, &likeness.seen).first(conn, read).await
}

/// True if there is an operator, also one that may not act any more.
pub async fn any(conn: &mut Conn) -> Result<bool> {
    Ok(!list(conn, None, 1).await?.is_empty())
}

/// A page of operators by id, after `after`.
pub async fn list(conn: &mut Conn, after: Option<Uuid>, limit: u32) -> Result<Vec<Operator>> {
    let sql = select!("WHERE id > $1 ORDER BY id LIMIT $2");
    query!(sql, after.unwrap_or(Uuid::nil()), limit).all(conn, read).await
}

fn read(row: &sqlx::any::AnyRow) -> Result<Operator> {
    let row = Row::of("operators", row);
    Ok(Operator {
        id: row.id("id")?,
        name: row.parse("name")?,
        kind: row.parse("kind")?,
        roles: row.parse("roles")?,
        email: row.get("email")?,
        locale: row.maybe("locale")?,
        time_zone: row.maybe("time_zone")?,
        created_at: row.time("created_at")?,
        disabled_at: row.maybe_time("disabled_at")?,
    })
}
