//! The ledger's tables: openings (what an entry says and under which salts), and pending leaves that wait for their index.
//!
//! Entries are appended here in the transaction that does what they record. Nothing in this file changes an entry.

use std::io;

use futures_util::TryStreamExt as _;
use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::address::AddressKey;
use crate::domain::entry::{Entry, Event};
use crate::domain::mould::Filled;
use crate::store::engine::batch::{Batch, Step, Values};
use crate::store::engine::dialect::{Dialect, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::proof::tree::signed;
use crate::store::{Conn, Result, StoreError};

/// An entry, with what it is about.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// The notice.
    pub notice_id: Option<Uuid>,
    /// The delivery.
    pub delivery_id: Option<Uuid>,
    /// The key of the address that it is about, if it is about no delivery.
    pub subject: Option<AddressKey>,
    /// When.
    pub at: Timestamp,
    /// What is stored of the message, at the first entry about it.
    pub message: Option<&'a Filled>,
}

impl<'a> Opening<'a> {
    /// Of an entry about a delivery.
    #[must_use]
    pub const fn of_delivery(entry: &'a Entry, notice_id: Uuid, delivery_id: Uuid, at: Timestamp) -> Self {
        Self { entry, notice_id: Some(notice_id), delivery_id: Some(delivery_id), subject: None, at, message: None }
    }

    /// Of an entry about a notice as a whole.
    #[must_use]
    pub const fn of_notice(entry: &'a Entry, notice_id: Uuid, at: Timestamp) -> Self {
        Self { entry, notice_id: Some(notice_id), delivery_id: None, subject: None, at, message: None }
    }

    /// Of an entry about an address, whatever notices went there.
    #[must_use]
    pub const fn of_address(entry: &'a Entry, key: AddressKey, at: Timestamp) -> Self {
        Self { entry, notice_id: None, delivery_id: None, subject: Some(key), at, message: None }
    }

    /// Of an entry about the ledger itself.
    #[must_use]
    pub const fn about_nothing(entry: &'a Entry, at: Timestamp) -> Self {
        Self { entry, notice_id: None, delivery_id: None, subject: None, at, message: None }
    }
}

/// Stores openings.
pub(in crate::store) const OPENINGS: Step = Step {
    before: "INSERT INTO ledger_openings",
    columns: "entry_id, notice_id, delivery_id, subject, event, at bigint, fact bytea, fact_salt bytea, person bytea, \
              person_salt bytea, mould bigint, mould_values bytea",
    after: "WHERE entry_id IS NOT NULL",
};

/// Stores the leaves of entries that wait for their index.
pub(in crate::store) const PENDING: Step =
    Step { before: "INSERT INTO ledger_pending", columns: "entry_id, leaf bytea", after: "WHERE entry_id IS NOT NULL" };

static APPEND: Batch<2> = Batch::new([OPENINGS, PENDING]);

/// Appends entries; they get their index later.
pub async fn append(conn: &mut Conn, openings: &[Opening<'_>]) -> Result<()> {
    if openings.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = openings.iter().map(rows).collect();
    APPEND.run(conn, [0, 1].map(|table| rows.iter().map(|rows| &rows[table]).collect())).await?;
    Ok(())
}

/// The rows of an entry for [`OPENINGS`] and [`PENDING`].
pub(in crate::store) fn rows(opening: &Opening<'_>) -> [Values; 2] {
    let entry = opening.entry;
    let row = vec![
        entry.id.into(),
        opening.notice_id.into(),
        opening.delivery_id.into(),
        opening.subject.as_ref().map(AddressKey::as_str).into(),
        entry.event.as_str().into(),
        opening.at.as_millisecond().into(),
        entry.fact.as_slice().into(),
        entry.fact_salt.as_slice().into(),
        entry.person.as_slice().into(),
        entry.person_salt.as_slice().into(),
        opening.message.map(|message| signed(message.mould.number)).into(),
        opening.message.map(|message| message.pack(&entry.person)).as_deref().into(),
    ];
    [row, vec![entry.id.into(), entry.leaf.as_slice().into()]]
}

/// An entry's opening as stored; person and salt are absent once erased.
#[derive(Clone, Debug)]
pub struct StoredOpening {
    /// The entry.
    pub entry_id: Uuid,
    /// Its index; `None` while it waits for one.
    pub index: Option<u64>,
    /// Its notice.
    pub notice_id: Option<Uuid>,
    /// Its delivery.
    pub delivery_id: Option<Uuid>,
    /// Its event.
    pub event: Event,
    /// When.
    pub at: Timestamp,
    /// Its leaf; `None` while it waits for its index.
    pub leaf: Option<Vec<u8>>,
    /// Canonical bytes of the fact.
    pub fact: Vec<u8>,
    /// Salt of the fact.
    pub fact_salt: Vec<u8>,
    /// Canonical bytes of the person.
    pub person: Option<Vec<u8>>,
    /// Salt of the person.
    pub person_salt: Option<Vec<u8>>,
    /// What was sent is stored with it.
    pub has_message: bool,
}

/// The columns of an opening with its place in the tree, of the openings `o`.
macro_rules! opening {
    (waiting $rest:literal) => {
        opening!(with "w.seq, ", $rest)
    };
    ($rest:literal) => {
        opening!(with "", $rest)
    };
    (with $more:literal, $rest:literal) => {
        concat!(
            "SELECT ",
            $more,
            "o.entry_id, e.idx, e.leaf, o.notice_id, o.delivery_id, o.event, o.at, o.fact, o.fact_salt, o.person, \
             o.person_salt, CASE WHEN o.mould IS NULL THEN 0 ELSE 1 END AS has_message FROM ledger_openings o LEFT JOIN ledger_entries e ON e.entry_id = o.entry_id ",
            $rest
        )
    };
}

fn read_opening(row: &sqlx::any::AnyRow) -> Result<StoredOpening> {
    let row = Row::of("ledger_openings", row);
    Ok(StoredOpening {
        entry_id: row.id("entry_id")?,
        index: row.maybe_count("idx")?,
        notice_id: row.maybe("notice_id")?,
        delivery_id: row.maybe("delivery_id")?,
        event: row.parse("event")?,
        at: row.time("at")?,
        leaf: row.get("leaf")?,
        fact: row.get("fact")?,
        fact_salt: row.get("fact_salt")?,
        person: row.get("person")?,
        person_salt: row.get("person_salt")?,
        has_message: row.count("has_message")? == 1,
    })
}

/// All entries about a notice, in the order they were made.
pub async fn of_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<StoredOpening>> {
    let sql = opening!(
        "WHERE o.entry_id IN (SELECT entry_id FROM ledger_openings WHERE notice_id = $1 AND delivery_id IS NULL
           UNION ALL SELECT p.entry_id FROM deliveries d JOIN ledger_openings p ON p.delivery_id = d.id
           WHERE d.notice_id = $1) ORDER BY o.entry_id"
    );
    query!(sql, notice_id).all(conn, read_opening).await
}

/// Entries that the database packs into one row.
macro_rules! sealed {
    ($pack:literal, $of_deliveries:literal) => {
        concat!(
            "SELECT ",
            $pack,
            " AS lines FROM (
               SELECT e.idx, e.entry_id, (row_number() OVER (ORDER BY e.idx) - 1) / 2000 AS page
               FROM (SELECT entry_id FROM ledger_openings WHERE notice_id = $1 AND delivery_id IS NULL AND event <> 'operated'
                 UNION ALL SELECT p.entry_id FROM deliveries d JOIN ledger_openings p ON p.delivery_id = d.id
                 WHERE ",
            $of_deliveries,
            " AND p.event <> 'operated') s JOIN ledger_entries e ON e.entry_id = s.entry_id) AS numbered
             GROUP BY page ORDER BY page"
        )
    };
}

/// Passes the sealed entries about a notice to `take`, by index: about the notice as a whole, and about its deliveries. The record of
/// what operators did is left out. The database sorts them, so that memory holds few of them; the error of `take` ends it.
pub async fn sealed(
    conn: &mut Conn,
    notice_id: Uuid,
    mut take: impl FnMut(u64, Uuid) -> io::Result<()>,
) -> Result<io::Result<()>> {
    // A row with many lines: a row for each entry would take ten times as long.
    let sql = Dialect::of(conn).pick(
        sealed!("group_concat(idx || ' ' || entry_id, char(10))", "d.notice_id = $1"),
        sealed!("string_agg(idx || ' ' || entry_id, chr(10))", "d.notice_id = $1"),
    );
    let mut rows = sqlx::query(sql).bind(notice_id.to_string()).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        for (index, id) in sealed_lines(&row, notice_id)? {
            if let Err(error) = take(index, id) {
                return Ok(Err(error));
            }
        }
    }
    Ok(Ok(()))
}

/// The sealed entries about a notice by index: about the notice as a whole, and about its deliveries to one customer, at one address
/// if it is named. The record of what operators did is left out.
pub async fn sealed_of_customer(
    conn: &mut Conn,
    notice_id: Uuid,
    account_id: &str,
    address: Option<&AddressKey>,
) -> Result<Vec<(u64, Uuid)>> {
    let sql = Dialect::of(conn).pick(
        sealed!(
            "group_concat(idx || ' ' || entry_id, char(10))",
            "d.notice_id = $1 AND d.account_id = $2 AND ($3 IS NULL OR d.email_key = $3)"
        ),
        sealed!(
            "string_agg(idx || ' ' || entry_id, chr(10))",
            "d.notice_id = $1 AND d.account_id = $2 AND ($3 IS NULL OR d.email_key = $3)"
        ),
    );
    let rows = query!(sql, notice_id, account_id, address.map(AddressKey::as_str)).rows(conn).await?;
    let mut entries = Vec::new();
    for row in &rows {
        entries.extend(sealed_lines(row, notice_id)?);
    }
    Ok(entries)
}

/// The entries of a packed row, by index.
fn sealed_lines(row: &sqlx::any::AnyRow, notice_id: Uuid) -> Result<Vec<(u64, Uuid)>> {
    let lines: String = Row::of("ledger_entries", row).get("lines")?;
    let parse = |line: &str| {
        let (index, id) = line.split_once(' ')?;
        Some((index.parse().ok()?, id.parse().ok()?))
    };
    let mut entries = lines.lines().map(parse).collect::<Option<Vec<_>>>().ok_or_else(|| StoreError::Inconsistent {
        table: "ledger_entries",
        column: "entry_id",
        row: notice_id.to_string(),
        problem: "an entry of this notice has no valid id".to_owned(),
    })?;
    // The engine promises no order within a group.
    entries.sort_unstable();
    Ok(entries)
}

/// How many entries about a notice wait for their index, about one customer if named. The record of what operators did does not count.
pub async fn unsealed(conn: &mut Conn, notice_id: Uuid, account_id: Option<&str>) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM ledger_pending w JOIN ledger_openings o ON o.entry_id = w.entry_id
         LEFT JOIN deliveries d ON d.id = o.delivery_id
         WHERE o.notice_id = $1 AND o.event <> 'operated' AND ($2 IS NULL OR o.delivery_id IS NULL OR d.account_id = $2)";
    query!(sql, notice_id, account_id).count(conn, "ledger_pending").await
}

/// These entries by index.
pub async fn find(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<StoredOpening>> {
    let sql = Dialect::of(conn).pick(
        opening!("WHERE o.entry_id IN (SELECT value FROM json_each($1)) ORDER BY e.idx, o.entry_id"),
        opening!(
            "WHERE o.entry_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) ORDER BY e.idx, o.entry_id"
        ),
    );
    query!(sql, json_ids(ids)).all(conn, read_opening).await
}

/// The entries about a notice as a whole, in the order they were made.
pub async fn about_notice(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<StoredOpening>> {
    let sql = opening!("WHERE o.notice_id = $1 AND o.delivery_id IS NULL ORDER BY o.entry_id");
    query!(sql, notice_id).all(conn, read_opening).await
}

/// What operators did to a notice as a whole until an hour after its release, in the order it was done: a standing notice has any
/// number of such entries after it. The hour is for the clocks of several nodes, by which an approval may be later than the release
/// that followed it.
pub async fn steps(conn: &mut Conn, notice_id: Uuid) -> Result<Vec<StoredOpening>> {
    let sql = opening!(
        "WHERE o.notice_id = $1 AND o.delivery_id IS NULL AND o.event = 'operated'
           AND o.at <= (SELECT n.released_at + 3600000 FROM notices n WHERE n.id = $1) ORDER BY o.entry_id"
    );
    query!(sql, notice_id).all(conn, read_opening).await
}

/// The entries about an address itself: preferences, restrictions, rectifications.
pub async fn of_address(conn: &mut Conn, key: &AddressKey) -> Result<Vec<StoredOpening>> {
    query!(opening!("WHERE o.subject = $1 ORDER BY o.entry_id"), key.as_str()).all(conn, read_opening).await
}

/// A page of the entries with the words of an operator, by id, after `after`: attestations, and what operators did with their reasons.
/// Those whose words were deleted are left out.
pub async fn with_words(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<StoredOpening>> {
    let sql = opening!(
        "WHERE o.event IN ('attested', 'operated') AND o.person IS NOT NULL AND o.entry_id > $1 ORDER BY o.entry_id LIMIT $2"
    );
    query!(sql, after, limit).all(conn, read_opening).await
}

/// How often the preferences of an address changed since a time.
pub async fn preference_changes(conn: &mut Conn, key: &AddressKey, since: Timestamp) -> Result<u64> {
    let sql =
        "SELECT COUNT(*) AS n FROM ledger_openings WHERE subject = $1 AND at > $2 AND event = 'preference_changed'";
    query!(sql, key.as_str(), since).count(conn, "ledger_openings").await
}

/// How many entries have their index, and how many wait for one.
pub async fn sizes(conn: &mut Conn) -> Result<(u64, u64)> {
    query!(
        "SELECT (SELECT size FROM ledger_head WHERE id = 1) AS size, (SELECT COUNT(*) FROM ledger_pending) AS pending"
    )
    .one(conn, |row| {
        let row = Row::of("ledger_head", row);
        Ok((row.count("size")?, row.count("pending")?))
    })
    .await
}

/// Up to `limit` openings of entries that wait for their index, in their order, after number `after` of those that wait; each with its
/// number.
pub async fn waiting(conn: &mut Conn, after: u64, limit: u32) -> Result<Vec<(u64, StoredOpening)>> {
    let sql =
        opening!(waiting "JOIN ledger_pending w ON w.entry_id = o.entry_id WHERE w.seq > $1 ORDER BY w.seq LIMIT $2");
    query!(sql, signed(after), limit)
        .all(conn, |row| Ok((Row::of("ledger_pending", row).count("seq")?, read_opening(row)?)))
        .await
}

/// The entries about some deliveries, in the order they were made.
pub async fn of_deliveries(conn: &mut Conn, ids: &[Uuid]) -> Result<Vec<StoredOpening>> {
    let sql = Dialect::of(conn).pick(
        opening!("WHERE o.delivery_id IN (SELECT value FROM json_each($1)) ORDER BY o.entry_id"),
        opening!("WHERE o.delivery_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb))) ORDER BY o.entry_id"),
    );
    query!(sql, json_ids(ids)).all(conn, read_opening).await
}

/// When an operator had a delivery sent again last.
pub async fn last_resent(conn: &mut Conn, delivery_id: Uuid) -> Result<Option<Timestamp>> {
    let sql = "SELECT MAX(at) AS at FROM ledger_openings WHERE delivery_id = $1 AND event = 'resent'";
    query!(sql, delivery_id).one(conn, |row| Row::of("ledger_openings", row).maybe_time("at")).await
}

/// An opening that is neither in the tree nor on its way there, if there is one.
pub async fn stray(conn: &mut Conn) -> Result<Option<Uuid>> {
    let sql =
        "SELECT (SELECT COUNT(*) FROM ledger_openings) AS openings, (SELECT COUNT(*) FROM ledger_entries) AS entries,
           (SELECT COUNT(*) FROM ledger_pending) AS pending";
    let counts = query!(sql).row(&mut *conn).await?;
    let counts = Row::of("ledger_openings", &counts);
    if counts.count("openings")? <= counts.count("entries")? + counts.count("pending")? {
        return Ok(None);
    }
    query!(
        "SELECT o.entry_id FROM ledger_openings o
         WHERE NOT EXISTS (SELECT 1 FROM ledger_entries e WHERE e.entry_id = o.entry_id)
           AND NOT EXISTS (SELECT 1 FROM ledger_pending w WHERE w.entry_id = o.entry_id) ORDER BY o.entry_id LIMIT 1"
    )
    .first(conn, |row| Row::of("ledger_openings", row).id("entry_id"))
    .await
}
