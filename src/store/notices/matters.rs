//! Matters: the notices that follow each other, without their texts.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::category::Category;
use crate::domain::matter::{Member, Progress, Said};
use crate::domain::notice::State;
use crate::store::engine::dialect::{Dialect, among, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// What a notice says of its matter, as its row has it.
pub(in crate::store) fn said(row: &Row<'_>, category: Category) -> Result<Said> {
    let progress = match row.get::<Option<String>>("phase")? {
        Some(_) => row.parse_with("phase", |word| Progress::parse(category, word))?,
        None => None,
    };
    Ok(Said {
        progress,
        window: row.maybe_time("window_start")?.zip(row.maybe_time("window_end")?),
        next_update_at: row.maybe_time("next_update_at")?,
    })
}

fn member(row: &sqlx::any::AnyRow) -> Result<Member> {
    let row = Row::of("notices", row);
    let category = row.parse("category")?;
    Ok(Member {
        id: row.id("id")?,
        category,
        sequence: row.maybe_count("sequence")?,
        released_at: row.maybe_time("released_at")?,
        said: said(&row, category)?,
        speaks: row.count("speaks")? > 0,
    })
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, category, sequence, released_at, phase, window_start, window_end, next_update_at, speaks FROM notices ",
            $rest
        )
    };
}

/// One notice as a part of its matter, with the id of the matter.
pub async fn member_of(conn: &mut Conn, id: Uuid) -> Result<Option<(Uuid, Member)>> {
    let sql =
        "SELECT matter_id, id, category, sequence, released_at, phase, window_start, window_end, next_update_at, speaks
         FROM notices WHERE id = $1";
    query!(sql, id).first(conn, |row| Ok((Row::of("notices", row).id("matter_id")?, member(row)?))).await
}

/// The released notices of a matter, in the order of their release.
pub async fn released(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Member>> {
    let sql = select!("WHERE matter_id = $1 AND sequence IS NOT NULL ORDER BY sequence");
    query!(sql, matter_id).all(conn, member).await
}

/// The notices that speak for a matter, in the order of their release.
pub async fn speaking(conn: &mut Conn, matter_id: Uuid) -> Result<Vec<Member>> {
    let sql = select!("WHERE matter_id = $1 AND speaks = 1 ORDER BY sequence");
    query!(sql, matter_id).all(conn, member).await
}

/// The last notice that speaks for a matter.
pub async fn last(conn: &mut Conn, matter_id: Uuid) -> Result<Option<Member>> {
    let sql = select!("WHERE matter_id = $1 AND speaks = 1 ORDER BY sequence DESC LIMIT 1");
    query!(sql, matter_id).first(conn, member).await
}

/// The notice of those that speak for a matter that has the most customers, with their number.
pub async fn most_customers(conn: &mut Conn, matter_id: Uuid) -> Result<Option<(Uuid, u64)>> {
    let sql =
        "SELECT id, customers FROM notices WHERE matter_id = $1 AND speaks = 1 ORDER BY customers DESC, id LIMIT 1";
    let row = query!(sql, matter_id).first_row(conn).await?;
    let read = |row| {
        let row = Row::of("notices", row);
        Ok((row.id("id")?, row.count("customers")?))
    };
    row.as_ref().map(read).transpose()
}

/// Lets a cancelled notice speak no more if nobody got anything of it, see [`told`]. Returns false if somebody did, or it did not speak.
pub async fn silence(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let sql = "UPDATE notices SET speaks = 0 WHERE id = $1 AND speaks = 1 AND state = 'cancelled'
           AND NOT EXISTS (SELECT 1 FROM queue q WHERE q.notice_id = $1 AND q.lease_owner IS NOT NULL)
           AND NOT EXISTS (SELECT 1 FROM attestations a WHERE a.notice_id = $1 AND a.withdrawn_at IS NULL)
           AND NOT EXISTS (SELECT 1 FROM delivery_counts c WHERE c.notice_id = $1
             AND c.state IN ('accepted', 'delivered', 'uncertain') GROUP BY c.state HAVING SUM(c.n) > 0)";
    query!(sql, id).changed_one(conn).await
}

/// Lets a cancelled notice speak again that somebody got after all. Returns false if nobody did, or it never spoke.
pub async fn heed(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let sql =
        "UPDATE notices SET speaks = 1 WHERE id = $1 AND speaks = 0 AND state = 'cancelled' AND sequence IS NOT NULL
           AND phase IS NOT NULL AND NOT EXISTS (SELECT 1 FROM reminders r WHERE r.reminder_id = $1)
           AND EXISTS (SELECT 1 FROM delivery_counts c WHERE c.notice_id = $1
             AND c.state IN ('accepted', 'delivered', 'uncertain') GROUP BY c.state HAVING SUM(c.n) > 0)";
    query!(sql, id).changed_one(conn).await
}

/// Notes whether a matter was announced and has not ended.
pub async fn set_open(conn: &mut Conn, matter_id: Uuid, open: bool) -> Result<()> {
    let sql = if open {
        "INSERT INTO open_matters (matter_id) VALUES ($1) ON CONFLICT (matter_id) DO NOTHING"
    } else {
        "DELETE FROM open_matters WHERE matter_id = $1"
    };
    query!(sql, matter_id).run(conn).await
}

/// A notice that follows another one, directly or through others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Follower {
    /// Its id.
    pub id: Uuid,
    /// When it was released.
    pub released_at: Option<Timestamp>,
}

/// The notices of a matter that follow one of it, directly or through others.
pub async fn followers(conn: &mut Conn, matter_id: Uuid, id: Uuid) -> Result<Vec<Follower>> {
    let sql = "WITH RECURSIVE followers (id) AS (
           SELECT id FROM notices WHERE matter_id = $1 AND follows_id = $2
           UNION SELECT n.id FROM notices n JOIN followers f ON n.follows_id = f.id WHERE n.matter_id = $1)
         SELECT id, released_at FROM notices WHERE matter_id = $1 AND id IN (SELECT id FROM followers) ORDER BY id";
    query!(sql, matter_id, id)
        .all(conn, |row| {
            let row = Row::of("notices", row);
            Ok(Follower { id: row.id("id")?, released_at: row.maybe_time("released_at")? })
        })
        .await
}

/// Moves a notice that is not released to another matter.
pub async fn set_matter(conn: &mut Conn, id: Uuid, matter_id: Uuid) -> Result<()> {
    let sql = "UPDATE notices SET matter_id = $2 WHERE id = $1 AND sequence IS NULL";
    query!(sql, id, matter_id).run(conn).await
}

/// The last released one of these notices, if all of them belong to one matter.
pub async fn last_of(conn: &mut Conn, ids: &[Uuid]) -> Result<Option<Uuid>> {
    let mut last: Option<(Uuid, Member)> = None;
    for id in ids {
        let Some((matter_id, member)) = member_of(conn, *id).await? else { return Ok(None) };
        match &last {
            Some((other, _)) if *other != matter_id => return Ok(None),
            Some((_, before)) if before.sequence >= member.sequence => {}
            _ => last = Some((matter_id, member)),
        }
    }
    Ok(last.map(|(_, member)| member.id))
}

/// The matters that begin before one, newest first: all, or those that were announced and have not ended. Without `sealed`, breaches
/// that are not released are left out.
pub async fn page(
    conn: &mut Conn,
    (before, limit): (Option<Uuid>, u32),
    open: bool,
    sealed: bool,
) -> Result<Vec<Uuid>> {
    let sql = if open {
        "SELECT matter_id FROM open_matters WHERE matter_id < $1 ORDER BY matter_id DESC LIMIT $2"
    } else if sealed {
        "SELECT DISTINCT matter_id FROM notices WHERE matter_id < $1 ORDER BY matter_id DESC LIMIT $2"
    } else {
        "SELECT DISTINCT matter_id FROM notices WHERE matter_id < $1
           AND (released_at IS NOT NULL OR category <> 'security_breach') ORDER BY matter_id DESC LIMIT $2"
    };
    let before = before.unwrap_or(Uuid::max()).to_string();
    query!(sql, before, limit).all(conn, |row| Row::of("notices", row).id("matter_id")).await
}

/// A notice as a matter shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its matter.
    pub matter_id: Uuid,
    /// Its place in it, and what it says of it.
    pub member: Member,
    /// Its state.
    pub state: State,
    /// The author's reference.
    pub reference: Option<String>,
    /// Subject in the default language.
    pub subject: String,
    /// When its customers must be informed.
    pub deadline: Option<Timestamp>,
}

/// The notices of some matters: the released ones in the order of their release, then the others. Without `sealed`, breaches that
/// are not released are left out.
pub async fn parts(conn: &mut Conn, matters: &[Uuid], sealed: bool) -> Result<Vec<Part>> {
    // In this order: a page has few matters.
    let sql = bulk!(
        Dialect::of(conn),
        "SELECT n.matter_id, n.id, n.category, n.state, n.reference, n.subject, n.deadline, n.sequence, n.released_at, n.phase,
           n.window_start, n.window_end, n.next_update_at, n.speaks
         FROM (SELECT value ->> 'id' AS id FROM",
        rows,
        ") AS r CROSS JOIN notices n
         WHERE n.matter_id = r.id AND ($2 = 1 OR n.released_at IS NOT NULL OR n.category <> 'security_breach')
         ORDER BY n.matter_id, n.sequence IS NULL, n.sequence, n.id"
    );
    #[derive(Serialize)]
    struct Wanted<'a> {
        id: &'a Uuid,
    }
    let wanted: Vec<_> = matters.iter().map(|id| Wanted { id }).collect();
    query!(sql, json(&wanted), sealed)
        .all(conn, |any| {
            let row = Row::of("notices", any);
            Ok(Part {
                matter_id: row.id("matter_id")?,
                member: member(any)?,
                state: row.parse("state")?,
                reference: row.get("reference")?,
                subject: row.get("subject")?,
                deadline: row.maybe_time("deadline")?,
            })
        })
        .await
}

/// Those of some accounts that got something of the matter of a notice: by mail that was accepted, is being sent or may have been
/// sent, or in another way that is attested.
pub async fn told(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<BTreeSet<String>> {
    let sql = among!(
        conn,
        "WITH m (id) AS (SELECT m.id FROM notices p JOIN notices m ON m.matter_id = p.matter_id
           WHERE p.id = $1 AND m.sequence IS NOT NULL)
         SELECT d.account_id FROM deliveries d WHERE d.account_id", in "$2",
        " AND d.notice_id IN (SELECT id FROM m)
           AND (d.state IN ('accepted', 'delivered', 'uncertain')
             OR EXISTS (SELECT 1 FROM queue q WHERE q.delivery_id = d.id AND q.lease_owner IS NOT NULL))
         UNION SELECT a.account_id FROM attestations a
         WHERE a.notice_id IN (SELECT id FROM m) AND a.account_id", in "$2",
        " AND a.withdrawn_at IS NULL"
    );
    query!(sql, notice_id, json(accounts)).all(conn, |row| Row::of("deliveries", row).get("account_id")).await
}

/// Those of some accounts that are customers of some released notices, with or without anybody to address.
pub async fn customers(conn: &mut Conn, notices: &[Uuid], accounts: &[&str]) -> Result<BTreeSet<String>> {
    let sql = among!(
        conn,
        "SELECT account_id FROM deliveries WHERE account_id", in "$2",
        " AND notice_id", in "$1",
        " UNION SELECT account_id FROM unaddressed WHERE account_id", in "$2",
        " AND notice_id", in "$1"
    );
    let notices: Vec<String> = notices.iter().map(Uuid::to_string).collect();
    query!(sql, json(&notices), json(accounts)).all(conn, |row| Row::of("deliveries", row).get("account_id")).await
}
