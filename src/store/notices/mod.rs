//! Notices: what an author wrote, and the state of it. What belongs to a notice has a file of its own.

pub mod approvals;
pub mod attestations;
pub mod matters;
pub mod nearby;
pub mod open;
pub mod references;
pub mod releases;
pub mod reminders;
pub mod reviews;
pub mod rows;
pub mod series;
pub(in crate::store) mod sources;
pub mod steps;
pub mod work;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::coverage::Terms;
use crate::domain::entry::{Event, Fact, shown};
use crate::domain::matter::{Progress, Said};
use crate::domain::notice::{Notice, Standing, State};
use crate::domain::problem::Problems;
use crate::store::engine::dialect::Dialect;
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A notice as it is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Id.
    pub id: Uuid,
    /// Category.
    pub category: Category,
    /// State.
    pub state: State,
    /// The author's reference.
    pub reference: Option<String>,
    /// Subject in the default language, placeholders unfilled.
    pub subject: String,
    /// The notice it continues.
    pub follows_id: Option<Uuid>,
    /// Its matter: the id of the first of the notices that follow each other, its own if it follows none.
    pub matter_id: Uuid,
    /// Its place among the released notices of the matter, from 1, once released.
    pub sequence: Option<u64>,
    /// What it says of the matter.
    pub said: Said,
    /// True if what it says counts, see [`Member`](crate::domain::matter::Member).
    pub speaks: bool,
    /// The file as written.
    pub source: String,
    /// Digest of source and rows.
    pub digest: [u8; 32],
    /// Who wrote it last.
    pub author: String,
    /// Digest that the approval is for.
    pub approved_digest: Option<[u8; 32]>,
    /// Who approved it.
    pub approved_by: Option<String>,
    /// When it is to be released.
    pub send_at: Option<Timestamp>,
    /// Who began its release, while it is being released.
    pub release_by: Option<String>,
    /// Why, in that actor's words.
    pub release_reason: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// What it is held to, once released.
    pub terms: Option<Terms>,
    /// When it was paused, while it is.
    pub paused_at: Option<Timestamp>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Customers in its audience, once released.
    pub customers: u64,
    /// Recipients, once released.
    pub recipients: u64,
    /// Domain of its Message-IDs, once released.
    pub message_domain: String,
    /// Whether recipients may be added to it, if it is a standing notice that was released.
    pub standing: Option<Standing>,
}

/// Whose threads deliveries continue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continued {
    /// The matter.
    pub matter_id: Uuid,
    /// The notice of the deliveries, which are not counted.
    pub notice_id: Uuid,
    /// Its place in the matter, once it is released: later notices are not counted either.
    pub before: Option<u64>,
}

/// Which notices are wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    /// Those of this category.
    pub category: Option<Category>,
    /// Those in this state.
    pub state: Option<State>,
    /// Those with this reference.
    pub reference: Option<&'a str>,
}

impl Kept {
    /// The notice that the stored file describes.
    ///
    /// # Errors
    /// If this version cannot read the file.
    pub fn parsed(&self) -> Result<Notice, Problems> {
        Notice::parse(&self.source)
    }

    /// Digest of what is shown of the notice, as its row has it.
    #[must_use]
    pub fn shown(&self) -> [u8; 32] {
        shown(&self.subject, self.reference.as_deref(), self.follows_id, &self.message_domain, self.terms)
    }

    /// The threads that its deliveries continue, unless it is the first notice of its matter.
    #[must_use]
    pub fn continued(&self) -> Option<Continued> {
        let continued = Continued { matter_id: self.matter_id, notice_id: self.id, before: self.sequence };
        (self.matter_id != self.id).then_some(continued)
    }

    /// When the breach that it is about was discovered, if it is about one.
    #[must_use]
    pub fn discovered_at(&self) -> Option<Timestamp> {
        // The text of any other notice need not be read.
        if self.category == Category::SecurityBreach { self.parsed().ok()?.discovered_at() } else { None }
    }

    /// A fact about this notice, for the ledger.
    #[must_use]
    pub const fn fact(&self, event: Event, at: Timestamp) -> Fact {
        let mut fact = Fact::new(event, at);
        fact.notice = Some((self.id, self.category, self.digest));
        fact
    }

    /// True if its sending is paused. A pause ends with the notice: one that was closed or cancelled meanwhile is not paused.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.state == State::Released && self.paused_at.is_some()
    }

    /// True if recipients may be added to it.
    #[must_use]
    pub fn takes_recipients(&self) -> bool {
        self.state == State::Released && self.standing == Some(Standing::Open)
    }

    /// True if its time has come and no process releases it: its release was refused, or nobody asked for one.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.state == State::Approved && self.send_at.is_some_and(|send_at| send_at <= now)
    }
}

/// A statement over all columns of a notice.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, category, state, reference, subject, follows_id, ",
            $crate::store::notices::sources::source!(),
            ", digest, author, approved_digest, approved_by, send_at, release_by, release_reason, created_at, released_at, informed_at, deadline, paused_at, closed_at, customers, recipients, message_domain, standing, \
             matter_id, sequence, phase, window_start, window_end, next_update_at, speaks \
             FROM notices ",
            $rest
        )
    };
}

use select;

/// What a notice is held to, as its row has it.
pub(in crate::store) fn terms(row: &Row<'_>) -> Result<Option<Terms>> {
    let deadline = row.maybe_time("deadline")?;
    Ok(row.maybe("informed_at")?.map(|informed_at| Terms { informed_at, deadline }))
}

fn kept(row: &sqlx::any::AnyRow) -> Result<Kept> {
    let row = Row::of("notices", row);
    let category = row.parse("category")?;
    Ok(Kept {
        id: row.id("id")?,
        category,
        state: row.parse("state")?,
        reference: row.get("reference")?,
        subject: row.get("subject")?,
        follows_id: row.maybe("follows_id")?,
        matter_id: row.id("matter_id")?,
        sequence: row.maybe_count("sequence")?,
        said: matters::said(&row, category)?,
        speaks: row.count("speaks")? > 0,
        source: row.get("source")?,
        digest: row.bytes("digest")?,
        author: row.get("author")?,
        approved_digest: row.maybe_bytes("approved_digest")?,
        approved_by: row.get("approved_by")?,
        send_at: row.maybe_time("send_at")?,
        release_by: row.get("release_by")?,
        release_reason: row.get("release_reason")?,
        created_at: row.time("created_at")?,
        released_at: row.maybe_time("released_at")?,
        terms: terms(&row)?,
        paused_at: row.maybe_time("paused_at")?,
        closed_at: row.maybe_time("closed_at")?,
        customers: row.count("customers")?,
        recipients: row.count("recipients")?,
        message_domain: row.get("message_domain")?,
        standing: row.maybe("standing")?,
    })
}

/// What an author decides of a notice.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// Category.
    pub category: Category,
    /// The author's reference.
    pub reference: Option<&'a str>,
    /// Subject in the default language.
    pub subject: &'a str,
    /// The notice it continues.
    pub follows_id: Option<Uuid>,
    /// The matter of that notice; without one it begins its own.
    pub matter_id: Option<Uuid>,
    /// What it says of the matter.
    pub said: Said,
    /// The file as written.
    pub source: &'a str,
    /// Digest of source and rows.
    pub digest: [u8; 32],
    /// Who wrote it.
    pub author: &'a str,
    /// When it is to be released.
    pub send_at: Option<Timestamp>,
}

/// Adds a draft.
pub async fn insert(conn: &mut Conn, id: Uuid, now: Timestamp, written: &Written<'_>) -> Result<()> {
    query!(
        "INSERT INTO notices (id, category, state, reference, subject, follows_id, digest, author, send_at,
           created_at, lane, matter_id, phase, window_start, window_end, next_update_at)
         VALUES ($1, $2, 'draft', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        id,
        written.category.as_str(),
        written.reference,
        written.subject,
        written.follows_id,
        written.digest.to_vec(),
        written.author,
        written.send_at,
        now,
        written.category.lane().rank(),
        written.matter_id.unwrap_or(id),
        written.said.progress.map(Progress::as_str),
        written.said.window.map(|(start, _)| start),
        written.said.window.map(|(_, end)| end),
        written.said.next_update_at
    )
    .run(&mut *conn)
    .await?;
    sources::keep(conn, id, written.source).await
}

/// Makes a notice a draft with other content; its approval is void. False where it was no longer in `expected`.
pub async fn rewrite(conn: &mut Conn, id: Uuid, expected: State, written: &Written<'_>) -> Result<bool> {
    let rewritten = query!(
        "UPDATE notices SET category = $3, reference = $4, subject = $5, follows_id = $6, digest = $7,
           author = $8, send_at = $9, lane = $10, matter_id = $11, phase = $12, window_start = $13, window_end = $14,
           next_update_at = $15, state = 'draft', approved_digest = NULL, approved_by = NULL,
           approved_recipients = NULL, approved_audience = NULL, approved_revision = NULL
         WHERE id = $1 AND state = $2",
        id,
        expected.as_str(),
        written.category.as_str(),
        written.reference,
        written.subject,
        written.follows_id,
        written.digest.to_vec(),
        written.author,
        written.send_at,
        written.category.lane().rank(),
        written.matter_id.unwrap_or(id),
        written.said.progress.map(Progress::as_str),
        written.said.window.map(|(start, _)| start),
        written.said.window.map(|(_, end)| end),
        written.said.next_update_at
    )
    .changed_one(&mut *conn)
    .await?;
    if rewritten {
        sources::keep(conn, id, written.source).await?;
    }
    Ok(rewritten)
}

/// Sets when a notice in this state is to be released: the first local time of its audience, or at once.
pub async fn set_send_at(conn: &mut Conn, id: Uuid, state: State, send_at: Option<Timestamp>) -> Result<()> {
    query!("UPDATE notices SET send_at = $3 WHERE id = $1 AND state = $2", id, state.as_str(), send_at).run(conn).await
}

/// The domain of a notice's Message-IDs.
pub async fn message_domain(conn: &mut Conn, id: Uuid) -> Result<Option<String>> {
    query!("SELECT message_domain FROM notices WHERE id = $1", id)
        .first(conn, |row| Row::of("notices", row).get("message_domain"))
        .await
}

/// The notice with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Kept>> {
    query!(select!("WHERE id = $1"), id).first(conn, kept).await
}

/// A page of notices, newest first, before `before`. Without `sealed`, those of a breach that are not released are left out.
pub async fn list(
    conn: &mut Conn,
    filter: &Filter<'_>,
    (before, limit): (Option<Uuid>, u32),
    sealed: bool,
) -> Result<Vec<Kept>> {
    let sql = select!(
        "WHERE id < $1 AND ($3 = 1 OR released_at IS NOT NULL OR category <> 'security_breach')
           AND ($4 IS NULL OR category = $4) AND ($5 IS NULL OR state = $5) AND ($6 IS NULL OR reference = $6)
         ORDER BY id DESC LIMIT $2"
    );
    query!(
        sql,
        before.unwrap_or(Uuid::max()),
        limit,
        sealed,
        filter.category.map(Category::as_str),
        filter.state.map(State::as_str),
        filter.reference
    )
    .all(conn, kept)
    .await
}

/// What the notices that address a customer have in common.
#[derive(Clone, Copy, Debug)]
pub enum Among<'a> {
    /// Their category.
    Category(Category),
    /// The matters that one with this reference belongs to: also those of them that have another reference, or none.
    Reference(&'a str),
}

// The inner select reads an index only: notices are long.
macro_rules! addressing {
    ($among:literal) => {
        concat!(
            "SELECT id FROM notices WHERE id IN (SELECT n.id FROM notices ",
            $among,
            " AND n.released_at >= $3 AND n.released_at < $4
               AND (EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = $1 AND d.notice_id = n.id)
                 OR EXISTS (SELECT 1 FROM unaddressed u WHERE u.notice_id = n.id AND u.account_id = $1)))
             AND state <> 'releasing' ORDER BY released_at, id"
        )
    };
}

/// The ids of the notices of a category, or of the matters of a reference, that address a customer, released at `since` or later and before
/// `until`, in the order of their release.
pub async fn addressing(
    conn: &mut Conn,
    account_id: &str,
    among: Among<'_>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<Vec<Uuid>> {
    let (sql, among) = match among {
        Among::Category(category) => (addressing!("n WHERE n.category = $2"), category.as_str()),
        Among::Reference(reference) => {
            // In this order: few notices have the reference.
            (addressing!("r CROSS JOIN notices n WHERE r.reference = $2 AND n.matter_id = r.matter_id"), reference)
        }
    };
    query!(
        sql,
        account_id,
        among,
        since.map_or(i64::MIN, Timestamp::as_millisecond),
        until.map_or(i64::MAX, Timestamp::as_millisecond)
    )
    .all(conn, |row| Row::of("notices", row).id("id"))
    .await
}

/// Moves a notice from one state to another. False where it was not in the first.
pub async fn set_state(conn: &mut Conn, id: Uuid, from: State, to: State) -> Result<bool> {
    query!("UPDATE notices SET state = $3 WHERE id = $1 AND state = $2", id, from.as_str(), to.as_str())
        .changed_one(conn)
        .await
}

/// Notes an approval, and for which content it is.
pub async fn set_approval(conn: &mut Conn, id: Uuid, by: &str, digest: &[u8; 32]) -> Result<()> {
    query!("UPDATE notices SET approved_by = $2, approved_digest = $3 WHERE id = $1", id, by, digest.to_vec())
        .run(conn)
        .await
}

/// Pauses or resumes a released notice.
pub async fn set_paused(conn: &mut Conn, id: Uuid, since: Option<Timestamp>) -> Result<()> {
    query!("UPDATE notices SET paused_at = $2 WHERE id = $1", id, since).run(conn).await
}

/// Holds a notice's row until the transaction ends.
pub async fn lock(conn: &mut Conn, id: Uuid) -> Result<()> {
    hold(conn, "SELECT id FROM notices WHERE id = $1 FOR UPDATE", id).await
}

/// Holds the row of a delivery's notice until the transaction ends.
pub async fn lock_of(conn: &mut Conn, delivery: Uuid) -> Result<()> {
    let sql = "SELECT id FROM notices WHERE id = (SELECT notice_id FROM deliveries WHERE id = $1) FOR UPDATE";
    hold(conn, sql, delivery).await
}

/// Holds a matter until the transaction ends, by the row of the first of its notices that is left.
pub async fn lock_matter(conn: &mut Conn, matter_id: Uuid) -> Result<()> {
    hold(conn, "SELECT id FROM notices WHERE matter_id = $1 ORDER BY id LIMIT 1 FOR UPDATE", matter_id).await
}

async fn hold(conn: &mut Conn, sql: &'static str, id: Uuid) -> Result<()> {
    // On SQLite a transaction that writes holds the whole file.
    if Dialect::of(conn) == Dialect::Postgres {
        query!(sql, id).first_row(conn).await?;
    }
    Ok(())
}

/// Ends the adding of recipients to a standing notice. False where it has ended, or the notice is none.
pub async fn end_standing(conn: &mut Conn, id: Uuid) -> Result<bool> {
    query!("UPDATE notices SET standing = 'ended' WHERE id = $1 AND standing = 'open'", id).changed_one(conn).await
}

/// Closes a notice that has nothing queued any more; takes its row lock by that. False where there is nothing to close: a standing
/// notice to which recipients may be added stays open.
pub async fn set_closed(conn: &mut Conn, id: Uuid, now: Timestamp) -> Result<bool> {
    query!(
        "UPDATE notices SET closed_at = $2, state = CASE state WHEN 'released' THEN 'closed' ELSE state END
         WHERE id = $1 AND closed_at IS NULL AND released_at IS NOT NULL
           AND (standing IS NULL OR standing = 'ended' OR state = 'cancelled')
           AND NOT EXISTS (SELECT 1 FROM queue WHERE queue.notice_id = notices.id)",
        id,
        now
    )
    .changed_one(conn)
    .await
}

/// Notes the revision of customers and contacts that the queue of a notice was compared with.
pub async fn set_contacts_revision(conn: &mut Conn, id: Uuid, revision: u64) -> Result<()> {
    query!("UPDATE notices SET contacts_revision = $2 WHERE id = $1", id, revision).run(conn).await
}
