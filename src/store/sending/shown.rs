//! Deliveries as they are shown, one by one, by notice and by customer.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::address::AddressKey;
use crate::domain::category::Role;
use crate::domain::coverage::{Known, RowMark};
use crate::domain::delivery::{Failure, Level, Reason, State};
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A delivery as coverage, status and `informed` show it.
#[derive(Clone, Debug)]
pub struct Shown {
    /// Id.
    pub id: Uuid,
    /// The notice.
    pub notice_id: Uuid,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// Address.
    pub email: String,
    /// Role that was addressed.
    pub role: Role,
    /// State; `sending` while a worker holds it.
    pub state: State,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if it is rejected and no server refused it.
    pub reason: Option<Reason>,
    /// Transactions so far that came past MAIL FROM.
    pub attempts: u64,
    /// The server's last reply, or what an operator found.
    pub reply: Option<String>,
    /// When the state changed last.
    pub at: Timestamp,
    /// When a server accepted the message, if the state has changed since then.
    pub accepted_at: Option<Timestamp>,
    /// The key of the row that it was added with to a standing notice.
    pub row_key: Option<String>,
}

impl Shown {
    /// When it was added to its notice: its id begins with that time.
    #[must_use]
    pub fn added_at(&self) -> Timestamp {
        let time = self.id.get_timestamp().map(|time| time.to_unix());
        let at = time
            .and_then(|(seconds, nanos)| Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok());
        at.unwrap_or(self.at)
    }

    /// Returns true if the state is an operator's finding, and no server's answer.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.level == Some(Level::OperatorFound)
    }

    /// What coverage counts by.
    #[must_use]
    pub fn known(&self) -> Known {
        let row = self.row_key.as_deref().map(|key| RowMark::of(key, self.added_at()));
        Known { state: self.state, level: self.level, at: self.at, accepted_at: self.accepted_at, row }
    }
}

macro_rules! shown {
    ($rest:expr) => {
        concat!(
            "SELECT d.id, d.notice_id, d.ordinal, d.account_id, d.customer_name, d.email, d.role, d.level, d.reason, d.attempts, \
             d.reply, d.row_key, d.changed_at, CASE WHEN d.state = 'delivered' THEN (SELECT MAX(a.at) FROM attempts a \
             WHERE a.delivery_id = d.id AND a.outcome = 'accepted') END AS accepted_at, CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' ELSE d.state END AS state \
             FROM deliveries d LEFT JOIN queue q ON q.delivery_id = d.id ",
            $rest
        )
    };
}

fn read_shown(row: &sqlx::any::AnyRow) -> Result<Shown> {
    let row = Row::of("deliveries", row);
    Ok(Shown {
        id: row.id("id")?,
        notice_id: row.id("notice_id")?,
        ordinal: row.count("ordinal")?,
        account_id: row.get("account_id")?,
        customer_name: row.get("customer_name")?,
        email: row.get("email")?,
        role: row.parse("role")?,
        state: row.parse("state")?,
        level: row.maybe("level")?,
        reason: row.maybe("reason")?,
        attempts: row.count("attempts")?,
        reply: row.get("reply")?,
        at: row.time("changed_at")?,
        accepted_at: row.maybe_time("accepted_at")?,
        row_key: row.get("row_key")?,
    })
}

/// A page of a notice's deliveries in manifest order, from `ordinal` on.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Shown>> {
    let sql = shown!("WHERE d.notice_id = $1 AND d.ordinal >= $2 ORDER BY d.ordinal LIMIT $3");
    query!(sql, notice_id, ordinal, limit).all(conn, read_shown).await
}

/// A page of a notice's deliveries that are stored in one state, in manifest order from `ordinal` on. It reads the notice until
/// the page is full.
pub async fn in_state(conn: &mut Conn, notice_id: Uuid, state: State, ordinal: u64, limit: u32) -> Result<Vec<Shown>> {
    // `sending` is the state of a lease: the stored one is another.
    let sql = shown!(
        "WHERE d.notice_id = $1 AND d.ordinal >= $2 AND CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' \
         ELSE d.state END = $4 ORDER BY d.ordinal LIMIT $3"
    );
    query!(sql, notice_id, ordinal, limit, state.as_str()).all(conn, read_shown).await
}

/// To whom deliveries go.
#[derive(Clone, Copy, Debug)]
pub enum To<'a> {
    /// To this customer; at one address, if a key is named.
    Customer(&'a str, Option<&'a AddressKey>),
    /// To this address, whichever customer it is of.
    Address(&'a AddressKey),
}

/// Deliveries to somebody.
macro_rules! to {
    ($whose:literal) => {
        shown!(concat!(
            "WHERE ",
            $whose,
            " AND ($3 IS NULL OR d.notice_id = $3) AND ($4 IS NULL OR d.id < $4)
             AND ($5 IS NULL OR CASE WHEN q.lease_owner IS NOT NULL THEN 'sending' ELSE d.state END = $5)
             AND EXISTS (SELECT 1 FROM notices n WHERE n.id = d.notice_id AND n.released_at IS NOT NULL)
             ORDER BY d.id || '' DESC LIMIT $6"
        ))
    };
}

/// A page of the deliveries of released notices to somebody, the newest first, with an id before this one; only of one notice and in
/// one state, if they are named.
pub async fn to(
    conn: &mut Conn,
    to: To<'_>,
    (notice_id, state): (Option<Uuid>, Option<State>),
    before: Option<Uuid>,
    limit: u32,
) -> Result<Vec<Shown>> {
    // By an expression: else an engine may walk all deliveries by their ids until the page is full.
    let (sql, whose, key) = match to {
        To::Customer(account, key) => (to!("d.account_id = $1 AND ($2 IS NULL OR d.email_key = $2)"), account, key),
        To::Address(key) => (to!("d.email_key = $1 AND d.email_key <> '' AND $2 IS NULL"), key.as_str(), None),
    };
    query!(
        sql,
        whose.to_owned(),
        key.map(|key| key.as_str().to_owned()),
        notice_id,
        before,
        state.map(State::as_str),
        limit
    )
    .all(conn, read_shown)
    .await
}

/// A page of a notice's deliveries that failed: ids and ordinals in manifest order from `ordinal` on.
pub async fn failed(
    conn: &mut Conn,
    notice_id: Uuid,
    failure: Failure,
    ordinal: u64,
    limit: u32,
) -> Result<Vec<(Uuid, u64)>> {
    let state = match failure {
        Failure::Rejected | Failure::NotCarried | Failure::NotComposed => State::Rejected,
        Failure::Expired => State::Expired,
        Failure::Bounced => State::Bounced,
    };
    let sql = "SELECT d.id, d.ordinal FROM deliveries d
         WHERE d.notice_id = $1 AND d.ordinal >= $2 AND d.state = $4 AND ($5 IS NULL OR d.reason = $5)
         ORDER BY d.ordinal LIMIT $3";
    query!(sql, notice_id, ordinal, limit, state.as_str(), failure.reason().map(Reason::as_str))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.id("id")?, row.count("ordinal")?))
        })
        .await
}

/// A notice's deliveries to some customers, by account id, each in manifest order.
pub async fn of_customers(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<BTreeMap<String, Vec<Shown>>> {
    let sql = Dialect::of(conn).pick(
        shown!("WHERE d.notice_id = $1 AND d.account_id IN (SELECT value FROM json_each($2)) ORDER BY d.ordinal + 0"),
        shown!(
            "WHERE d.notice_id = $1 AND d.account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($2::jsonb))) \
             ORDER BY d.ordinal + 0"
        ),
    );
    let rows = query!(sql, notice_id, json(accounts)).rows(conn).await?;
    let mut found: BTreeMap<String, Vec<Shown>> = BTreeMap::new();
    for row in &rows {
        let shown = read_shown(row)?;
        found.entry(shown.account_id.clone()).or_default().push(shown);
    }
    Ok(found)
}

/// A notice's deliveries to one customer.
pub async fn of_customer(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<Vec<Shown>> {
    // `+ 0`: sorting a handful of rows is cheaper than walking the whole notice in manifest order.
    let sql = shown!("WHERE d.notice_id = $1 AND d.account_id = $2 ORDER BY d.ordinal + 0");
    query!(sql, notice_id, account_id).all(conn, read_shown).await
}

/// One delivery.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Shown>> {
    query!(shown!("WHERE d.id = $1"), id).first(conn, read_shown).await
}
