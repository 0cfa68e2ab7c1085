//! Reading for the audit: entries and deliveries by the hundred thousand a second.
//!
//! A row costs sqlx about ten microseconds, whatever is in it; so a page of rows comes as one, packed by the database: what is
//! short as lines of text, what is long as one blob. What cannot be unpacked was altered, and is then looked for row by row.

use std::ops::Range;
use std::str::FromStr;

use serde::Deserialize;
use uuid::Uuid;

use crate::domain::category::{Category, Role};
use crate::domain::coverage::Terms;
use crate::domain::delivery::{Level, Reason, State};
use crate::domain::entry::Event;
use crate::domain::notice::State as NoticeState;
use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::{Row, place};
use crate::store::notices::sources::source;
use crate::store::notices::terms;
use crate::store::proof::commitments::Committed;
use crate::store::proof::tree::signed;
use crate::store::{Conn, Result, StoreError};

/// A page of the tree's entries with their openings, by index.
#[derive(Clone, Debug, Default)]
pub struct Page {
    bodies: Vec<u8>,
    /// The entries.
    pub entries: Vec<Audited>,
}

/// A part of a page.
pub type Part = Range<usize>;

/// An entry of the tree beside its opening.
#[derive(Clone, Debug)]
pub struct Audited {
    /// Its index.
    pub index: u64,
    /// Its id.
    pub entry_id: Uuid,
    /// Its leaf.
    pub leaf: Part,
    /// What it opens to; `None` if the opening is gone.
    pub opening: Option<AuditedOpening>,
}

/// An opening.
#[derive(Clone, Debug)]
pub struct AuditedOpening {
    /// Its notice.
    pub notice_id: Option<Uuid>,
    /// Its delivery.
    pub delivery_id: Option<Uuid>,
    /// Its event.
    pub event: Event,
    /// When, in milliseconds.
    pub at: i64,
    /// Canonical bytes of the fact.
    pub fact: Part,
    /// Salt of the fact.
    pub fact_salt: Part,
    /// Canonical bytes of the person.
    pub person: Option<Part>,
    /// Salt of the person.
    pub person_salt: Option<Part>,
    /// What was sent is stored with it.
    pub has_message: bool,
}

impl Page {
    /// The bytes of a part.
    #[must_use]
    pub fn bytes(&self, part: &Part) -> &[u8] {
        &self.bodies[part.clone()]
    }
}

/// Up to `limit` entries from index `first` on.
pub async fn page(conn: &mut Conn, first: u64, limit: u32) -> Result<Page> {
    let sql = Dialect::of(conn).pick(
        // Concatenation keeps a blob's bytes as they are, and the casts only change what they are called.
        "SELECT group_concat(head, char(10)) AS heads, CAST(group_concat(body, '') AS BLOB) AS bodies FROM (
           SELECT e.idx || '|' || e.entry_id || '|' || length(e.leaf) || '|' || coalesce(length(o.fact), -1) || '|' ||
             coalesce(length(o.fact_salt), -1) || '|' || coalesce(length(o.person), -1) || '|' ||
             coalesce(length(o.person_salt), -1) || '|' || coalesce(o.at, 0) || '|' || coalesce(o.notice_id, '') || '|' ||
             coalesce(o.delivery_id, '') || '|' || coalesce(o.event, '') || '|' ||
             CASE WHEN o.mould IS NULL THEN 0 ELSE 1 END AS head,
             CAST(e.leaf AS TEXT) || coalesce(o.fact, '') || coalesce(o.fact_salt, '') || coalesce(o.person, '') ||
             coalesce(o.person_salt, '') AS body
           FROM ledger_entries e LEFT JOIN ledger_openings o ON o.entry_id = e.entry_id
           WHERE e.idx >= $1 ORDER BY e.idx LIMIT $2)",
        "SELECT string_agg(head, chr(10) ORDER BY idx) AS heads, string_agg(body, ''::bytea ORDER BY idx) AS bodies FROM (
           SELECT e.idx, e.idx || '|' || e.entry_id || '|' || length(e.leaf) || '|' || coalesce(length(o.fact), -1) || '|' ||
             coalesce(length(o.fact_salt), -1) || '|' || coalesce(length(o.person), -1) || '|' ||
             coalesce(length(o.person_salt), -1) || '|' || coalesce(o.at, 0) || '|' || coalesce(o.notice_id, '') || '|' ||
             coalesce(o.delivery_id, '') || '|' || coalesce(o.event, '') || '|' ||
             CASE WHEN o.mould IS NULL THEN 0 ELSE 1 END AS head,
             e.leaf || coalesce(o.fact, ''::bytea) || coalesce(o.fact_salt, ''::bytea) || coalesce(o.person, ''::bytea) ||
             coalesce(o.person_salt, ''::bytea) AS body
           FROM ledger_entries e LEFT JOIN ledger_openings o ON o.entry_id = e.entry_id
           WHERE e.idx >= $1 ORDER BY e.idx LIMIT $2) AS page",
    );
    let first = i64::try_from(first).unwrap_or(i64::MAX);
    let row = query!(sql, first, limit).row(&mut *conn).await?;
    let row = Row::of("ledger_entries", &row);
    let (heads, bodies): (Option<String>, Option<Vec<u8>>) = (row.get_at(0)?, row.get_at(1)?);
    let (heads, bodies) = (heads.unwrap_or_default(), bodies.unwrap_or_default());
    let mut unpacking = Unpacking { at: 0, end: bodies.len() };
    let entries: Option<Vec<_>> = heads.lines().map(|head| unpacking.entry(head)).collect();
    match entries {
        Some(entries) if unpacking.at == bodies.len() => Ok(Page { bodies, entries }),
        _ => Err(culprit(conn, first, limit).await?),
    }
}

/// Finds its way through a page's bodies.
struct Unpacking {
    at: usize,
    end: usize,
}

impl Unpacking {
    fn entry(&mut self, head: &str) -> Option<Audited> {
        let fields: Vec<&str> = head.split('|').collect();
        let &[index, id, leaf, fact, fact_salt, person, person_salt, at, notice, delivery, event, message] =
            fields.as_slice()
        else {
            return None;
        };
        let leaf = self.part(leaf)??;
        let opening = match (self.part(fact)?, self.part(fact_salt)?) {
            (Some(fact), Some(fact_salt)) => Some(AuditedOpening {
                fact,
                fact_salt,
                person: self.part(person)?,
                person_salt: self.part(person_salt)?,
                at: at.parse().ok()?,
                notice_id: maybe(notice)?,
                delivery_id: maybe(delivery)?,
                event: event.parse().ok()?,
                has_message: message == "1",
            }),
            (None, None) => None,
            _ => return None,
        };
        Some(Audited { index: index.parse().ok()?, entry_id: id.parse().ok()?, leaf, opening })
    }

    /// The next part, of this length; `Some(None)` for one that is null.
    fn part(&mut self, length: &str) -> Option<Option<Part>> {
        if length == "-1" {
            return Some(None);
        }
        let end = self.at.checked_add(length.parse().ok()?).filter(|end| *end <= self.end)?;
        let part = self.at..end;
        self.at = end;
        Some(Some(part))
    }
}

fn maybe<T: FromStr>(text: &str) -> Option<Option<T>> {
    if text.is_empty() { Some(None) } else { text.parse().ok().map(Some) }
}

/// The ids of up to `limit` entries, from the last one below index `before` down to index `from`.
pub async fn ids_before(conn: &mut Conn, from: u64, before: u64, limit: u32) -> Result<Vec<(u64, Uuid)>> {
    let sql = "SELECT idx, entry_id FROM ledger_entries WHERE idx >= $1 AND idx < $2 ORDER BY idx DESC LIMIT $3";
    query!(sql, signed(from), signed(before), limit)
        .all(conn, |row| {
            let row = Row::of("ledger_entries", row);
            Ok((row.count("idx")?, row.id("entry_id")?))
        })
        .await
}

/// The row of a page that cannot be what it says.
async fn culprit(conn: &mut Conn, first: i64, limit: u32) -> Result<StoreError> {
    let sql = "SELECT e.idx, e.entry_id, o.notice_id, o.delivery_id, o.event FROM ledger_entries e
         LEFT JOIN ledger_openings o ON o.entry_id = e.entry_id WHERE e.idx >= $1 ORDER BY e.idx LIMIT $2";
    let rows = query!(sql, first, limit).rows(conn).await?;
    for row in &rows {
        let row = Row::of("ledger_entries", row);
        let index = row.count("idx")?;
        let readable = || -> Result<()> {
            row.id("entry_id")?;
            row.maybe::<Uuid>("notice_id")?;
            row.maybe::<Uuid>("delivery_id")?;
            row.maybe::<Event>("event")?;
            Ok(())
        };
        if let Err(StoreError::Inconsistent { table, column, problem, .. }) = readable() {
            return Ok(StoreError::Inconsistent { table, column, row: index.to_string(), problem });
        }
    }
    Ok(StoreError::Inconsistent {
        table: "ledger_entries",
        column: "leaf",
        row: first.to_string(),
        problem: "it or one after it cannot be read".to_owned(),
    })
}

/// A delivery.
#[derive(Clone, Debug)]
pub struct Booked {
    /// Id.
    pub id: Uuid,
    /// The recipient's commitment.
    pub recipient: Committed,
    /// Role addressed, as stored.
    pub role: Role,
    /// The customer's name, as stored.
    pub customer_name: String,
    /// State as stored.
    pub state: State,
    /// How strong the evidence is, as stored.
    pub level: Option<Level>,
    /// Why it was not sent, as stored.
    pub reason: Option<Reason>,
    /// The last reply, as stored.
    pub reply: Option<String>,
    /// When the state changed last, in milliseconds.
    pub changed_at: i64,
}

/// A delivery as it comes in a page.
#[derive(Deserialize)]
struct Packed {
    id: Uuid,
    ordinal: u64,
    account_id: String,
    email: String,
    salt: Option<String>,
    commitment: Option<String>,
    role: String,
    customer_name: String,
    state: String,
    level: Option<String>,
    reason: Option<String>,
    reply: Option<String>,
    changed_at: i64,
}

/// A page of a notice's deliveries in manifest order, from `ordinal` on.
pub async fn booked(conn: &mut Conn, notice_id: Uuid, ordinal: u64, limit: u32) -> Result<Vec<Booked>> {
    let sql = Dialect::of(conn).pick(
        "SELECT CAST(json_group_array(json_array(id, ordinal, account_id, email, hex(salt), hex(commitment), role,
           customer_name, state, level, reason, reply, changed_at)) AS TEXT) AS page
         FROM (SELECT * FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3)",
        "SELECT CAST(coalesce(json_agg(json_build_array(id, ordinal, account_id, email, upper(encode(salt, 'hex')),
           upper(encode(commitment, 'hex')), role, customer_name, state, level, reason, reply, changed_at) ORDER BY ordinal), '[]'::json) AS TEXT) AS page
         FROM (SELECT * FROM deliveries WHERE notice_id = $1 AND ordinal >= $2 ORDER BY ordinal LIMIT $3) AS d",
    );
    let page = |row: &sqlx::any::AnyRow| Row::of("deliveries", row).get::<String>("page");
    let page = query!(sql, notice_id, ordinal, limit).one(conn, page).await?;
    let altered = |problem: String| StoreError::Inconsistent {
        table: "deliveries",
        column: "notice_id",
        row: notice_id.to_string(),
        problem,
    };
    let rows: Vec<Packed> = serde_json::from_str(&page).map_err(|error| altered(place(&error)))?;
    rows.into_iter().map(|row| unpack(row).map_err(altered)).collect()
}

fn unpack(row: Packed) -> Result<Booked, String> {
    let id = row.id;
    let bytes = |hex: Option<String>| match hex.filter(|hex| !hex.is_empty()) {
        None => Ok(None),
        Some(hex) => {
            let bytes = data_encoding::HEXUPPER.decode(hex.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Some).ok_or_else(|| format!("the salt or commitment of delivery {id} has not 32 bytes"))
        }
    };
    let recipient = Committed {
        ordinal: row.ordinal,
        account_id: row.account_id,
        email: row.email,
        salt: bytes(row.salt)?,
        commitment: bytes(row.commitment)?,
    };
    Ok(Booked {
        id,
        recipient,
        role: row.role.parse()?,
        customer_name: row.customer_name,
        state: row.state.parse()?,
        level: row.level.map(|level| level.parse()).transpose()?,
        reason: row.reason.map(|reason| reason.parse()).transpose()?,
        reply: row.reply,
        changed_at: row.changed_at,
    })
}

/// A notice as the audit reads it.
#[derive(Clone, Debug)]
pub struct AuditedNotice {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// State.
    pub state: NoticeState,
    /// Subject.
    pub subject: String,
    /// The author's reference.
    pub reference: Option<String>,
    /// The notice that it follows.
    pub follows_id: Option<Uuid>,
    /// Digest of its content, as stored.
    pub digest: [u8; 32],
    /// The file as written.
    pub source: String,
    /// When it was released, in milliseconds.
    pub released_at: Option<i64>,
    /// When it was closed, in milliseconds.
    pub closed_at: Option<i64>,
    /// Customers in its audience, as stored.
    pub customers: u64,
    /// Its recipients, as stored.
    pub recipients: u64,
    /// Domain of its Message-IDs.
    pub message_domain: String,
    /// What it is held to.
    pub terms: Option<Terms>,
    /// Salt of the commitments to customers with nobody to address.
    pub salt: Option<[u8; 32]>,
    /// Its matter, as stored.
    pub matter_id: Uuid,
    /// Its place among the released notices of the matter, as stored.
    pub sequence: Option<u64>,
    /// Its phase, status or stage, as stored.
    pub phase: Option<String>,
    /// Start and end of its window, in milliseconds.
    pub window: Option<(i64, i64)>,
    /// The time of the next update that it promises, in milliseconds.
    pub next_update_at: Option<i64>,
}

/// A page of all notices in the order of their ids, after `after`.
pub async fn notices(conn: &mut Conn, after: &str, limit: u32) -> Result<Vec<AuditedNotice>> {
    let sql = concat!(
        "SELECT id, category, state, subject, reference, follows_id, digest, ",
        source!(),
        ", released_at, closed_at, customers, recipients, message_domain, informed_at, deadline, audience_salt,
           matter_id, sequence, phase, window_start, window_end, next_update_at FROM notices WHERE id > $1 ORDER BY id LIMIT $2"
    );
    query!(sql, after, limit)
        .all(conn, |row| {
            let row = Row::of("notices", row);
            Ok(AuditedNotice {
                id: row.id("id")?,
                category: row.parse("category")?,
                state: row.parse("state")?,
                subject: row.get("subject")?,
                reference: row.get("reference")?,
                follows_id: row.maybe("follows_id")?,
                digest: row.bytes("digest")?,
                source: row.get("source")?,
                released_at: row.get("released_at")?,
                closed_at: row.get("closed_at")?,
                customers: row.count("customers")?,
                recipients: row.count("recipients")?,
                message_domain: row.get("message_domain")?,
                terms: terms(&row)?,
                salt: row.maybe_bytes("audience_salt")?,
                matter_id: row.id("matter_id")?,
                sequence: row.maybe_count("sequence")?,
                phase: row.get("phase")?,
                window: row.get::<Option<i64>>("window_start")?.zip(row.get("window_end")?),
                next_update_at: row.get("next_update_at")?,
            })
        })
        .await
}

/// A delivery with an outcome of a notice that was never released, or of none at all, if there is one.
pub async fn baseless(conn: &mut Conn) -> Result<Option<Uuid>> {
    query!(
        "SELECT d.id FROM deliveries d LEFT JOIN notices n ON n.id = d.notice_id
         WHERE n.id IS NULL OR (n.released_at IS NULL AND d.state <> 'queued') ORDER BY d.id LIMIT 1"
    )
    .first(conn, |row| Row::of("deliveries", row).id("id"))
    .await
}
