//! Escalation: which notices are watched, what happened to their deliveries since it was looked at last, and how far the case of
//! each customer is.
//!
//! Triggers write the events, so that every statement that changes a state is covered. An event only says whose state to look at;
//! it is deleted in the transaction that does so.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::escalation::State;
use crate::store::engine::dialect::{Dialect, among, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How long a node works at the escalations without renewing its hold, in milliseconds.
const HOLD_MS: i64 = 60_000;

/// The case of a customer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// Account id.
    pub account_id: String,
    /// How far it is.
    pub state: State,
    /// When the last role was addressed; the release before the first.
    pub since: Timestamp,
    /// When to look again, if nothing happens before.
    pub due_at: Option<Timestamp>,
    /// How many roles were addressed.
    pub turns: u64,
}

/// A watched notice whose customers are to be looked at as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    /// The notice.
    pub notice_id: Uuid,
    /// What was found by the last look at all of its customers; `None` before the first.
    pub seen: Option<String>,
    /// How many customers were overdue then.
    pub overdue: u64,
}

/// Watches a notice from its release on.
pub async fn watch(conn: &mut Conn, notice_id: Uuid, due_at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO watched_notices (notice_id, due_at, overdue) VALUES ($1, $2, 0) ON CONFLICT DO NOTHING";
    query!(sql, notice_id, due_at).run(conn).await
}

/// Ends the watch over a notice, with the cases of its customers.
pub async fn unwatch(conn: &mut Conn, notice_id: Uuid) -> Result<()> {
    for sql in [
        "DELETE FROM watched_notices WHERE notice_id = $1",
        "DELETE FROM escalation_events WHERE notice_id = $1",
        "DELETE FROM escalations WHERE notice_id = $1",
    ] {
        query!(sql, notice_id).run(&mut *conn).await?;
    }
    Ok(())
}

/// Takes or renews the hold of a node on this work. Returns false if another node has it. A hold that ends later than any that is
/// taken now was taken by a clock that was ahead, and holds nobody.
pub async fn hold(conn: &mut Conn, owner: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE escalation_hold SET owner = $1, until = $2 + $3 WHERE id = 1 AND (owner = $1 OR until < $2 OR until > $2 + $3 + $3)";
    query!(sql, owner, now, HOLD_MS).changed_one(conn).await
}

/// True if a node has the hold.
pub async fn is_held_by(conn: &mut Conn, owner: &str) -> Result<bool> {
    let sql = "SELECT COUNT(*) AS n FROM escalation_hold WHERE owner = $1 AND until > 0";
    Ok(query!(sql, owner).count(conn, "escalation_hold").await? > 0)
}

/// Ends the hold of a node.
pub async fn let_go(conn: &mut Conn, owner: &str) -> Result<()> {
    query!("UPDATE escalation_hold SET until = 0 WHERE id = 1 AND owner = $1", owner).run(conn).await
}

/// Events of the notice with the oldest one, at most `limit`.
pub async fn events(conn: &mut Conn, limit: u32) -> Result<Option<(Uuid, Vec<i64>)>> {
    let sql = "SELECT notice_id, seq FROM escalation_events ORDER BY seq LIMIT $1";
    let rows = query!(sql, limit).rows(conn).await?;
    let mut found: Option<(Uuid, Vec<i64>)> = None;
    for row in &rows {
        let row = Row::of("escalation_events", row);
        let (notice_id, seq) = (row.id("notice_id")?, row.get("seq")?);
        match &mut found {
            None => found = Some((notice_id, vec![seq])),
            Some((first, events)) if *first == notice_id => events.push(seq),
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Deletes events of a notice, and returns the customers that they are about.
pub async fn take(conn: &mut Conn, notice_id: Uuid, events: &[i64]) -> Result<Vec<String>> {
    let sql = Dialect::of(conn).pick(
        "DELETE FROM escalation_events WHERE notice_id = $1 AND seq IN (SELECT value FROM json_each($2))
         RETURNING account_id",
        "DELETE FROM escalation_events WHERE notice_id = $1
           AND seq = ANY (ARRAY(SELECT CAST(jsonb_array_elements_text($2::jsonb) AS BIGINT))) RETURNING account_id",
    );
    let rows = query!(sql, notice_id, json(events)).rows(conn).await?;
    let accounts: Result<Vec<String>> =
        rows.iter().map(|row| Row::of("escalation_events", row).get("account_id")).collect();
    let mut accounts = accounts?;
    accounts.sort_unstable();
    accounts.dedup();
    Ok(accounts)
}

/// Customers of one notice whose case is due, at most `limit`.
pub async fn due(conn: &mut Conn, now: Timestamp, limit: u32) -> Result<Option<(Uuid, Vec<String>)>> {
    let sql = "SELECT notice_id, account_id FROM escalations WHERE due_at <= $1 ORDER BY due_at, notice_id, account_id LIMIT $2";
    let rows = query!(sql, now, limit).rows(conn).await?;
    let mut found: Option<(Uuid, Vec<String>)> = None;
    for row in &rows {
        let row = Row::of("escalations", row);
        let (notice_id, account_id) = (row.id("notice_id")?, row.get("account_id")?);
        match &mut found {
            None => found = Some((notice_id, vec![account_id])),
            Some((first, accounts)) if *first == notice_id => accounts.push(account_id),
            Some(_) => {}
        }
    }
    Ok(found)
}

/// A watched notice whose customers are to be looked at as a whole now.
pub async fn due_watch(conn: &mut Conn, now: Timestamp) -> Result<Option<Watch>> {
    let sql =
        "SELECT notice_id, seen, overdue FROM watched_notices WHERE due_at <= $1 ORDER BY due_at, notice_id LIMIT 1";
    query!(sql, now).first(conn, read_watch).await
}

/// The watch over a notice.
pub async fn watched(conn: &mut Conn, notice_id: Uuid) -> Result<Option<Watch>> {
    let sql = "SELECT notice_id, seen, overdue FROM watched_notices WHERE notice_id = $1";
    query!(sql, notice_id).first(conn, read_watch).await
}

fn read_watch(row: &sqlx::any::AnyRow) -> Result<Watch> {
    let row = Row::of("watched_notices", row);
    Ok(Watch { notice_id: row.id("notice_id")?, seen: row.get("seen")?, overdue: row.count("overdue")? })
}

/// Records a look at all customers of a notice: what was found, how many are overdue, and when to look again.
pub async fn set_looked(conn: &mut Conn, watch: &Watch, due_at: Option<Timestamp>) -> Result<()> {
    let sql = "UPDATE watched_notices SET seen = $2, overdue = $3, due_at = $4 WHERE notice_id = $1";
    query!(sql, watch.notice_id, &watch.seen, watch.overdue, due_at).run(conn).await
}

/// Looks at all customers of a notice at this time at the latest.
pub async fn bring_forward(conn: &mut Conn, notice_id: Uuid, due_at: Timestamp) -> Result<()> {
    let sql = "UPDATE watched_notices SET due_at = $2 WHERE notice_id = $1 AND (due_at IS NULL OR due_at > $2)";
    query!(sql, notice_id, due_at).run(conn).await
}

/// Puts off all that is due of a notice: its customers are looked at as a whole at this time, and those that something happened to one
/// by one, so that also a task about an informed one is closed.
pub async fn put_off(conn: &mut Conn, notice_id: Uuid, until: Timestamp) -> Result<()> {
    let (id, until) = (notice_id.to_string(), until.as_millisecond());
    let to_cases = "INSERT INTO escalations (notice_id, account_id, state, since, due_at, turns)
         SELECT DISTINCT e.notice_id, e.account_id, 'addressing', COALESCE(n.released_at, $2), $2, 0
         FROM escalation_events e JOIN notices n ON n.id = e.notice_id WHERE e.notice_id = $1
         ON CONFLICT (notice_id, account_id) DO UPDATE SET due_at = excluded.due_at";
    query!(to_cases, &id, until).run(&mut *conn).await?;
    query!("DELETE FROM escalation_events WHERE notice_id = $1", &id).run(&mut *conn).await?;
    for sql in [
        "UPDATE escalations SET due_at = $2 WHERE notice_id = $1 AND due_at < $2",
        "UPDATE watched_notices SET due_at = $2, seen = '' WHERE notice_id = $1",
    ] {
        query!(sql, &id, until).run(&mut *conn).await?;
    }
    Ok(())
}

/// Forgets that customers were informed, or settled by a person: a row that is added to a standing notice is another matter.
pub async fn begin_again(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<()> {
    let sql = among!(
        conn,
        "DELETE FROM escalations WHERE notice_id = $1 AND state IN ('informed', 'settled')
           AND account_id", in "$2"
    );
    query!(sql, notice_id, json(accounts)).run(conn).await
}

/// What a look at all customers of a notice depends on, as a text: it does not change while nothing happens to them.
pub async fn seen(conn: &mut Conn, notice_id: Uuid) -> Result<String> {
    let id = notice_id.to_string();
    let sql = "SELECT state, CAST(SUM(n) AS BIGINT) AS n FROM delivery_counts WHERE notice_id = $1 GROUP BY state ORDER BY state";
    let rows = query!(sql, &id).rows(&mut *conn).await?;
    let mut text = String::new();
    for row in &rows {
        let row = Row::of("delivery_counts", row);
        text += &format!("{} {}, ", row.get::<String>("state")?, row.get::<i64>("n")?);
    }
    let sql = "SELECT recipients, (SELECT COUNT(*) FROM attestations a WHERE a.notice_id = $1) AS attested,
           (SELECT COUNT(*) FROM tasks t WHERE t.notice_id = $1 AND t.state = 'open') AS tasks
         FROM notices WHERE id = $1";
    let row = query!(sql, &id).first_row(conn).await?;
    if let Some(row) = &row {
        let row = Row::of("notices", row);
        let (recipients, attested, tasks) = (row.count("recipients")?, row.count("attested")?, row.count("tasks")?);
        text += &format!("recipients {recipients}, attested {attested}, tasks {tasks}");
    }
    Ok(text)
}

/// The cases of some customers of a notice, by account id.
pub async fn of_customers(conn: &mut Conn, notice_id: Uuid, accounts: &[&str]) -> Result<BTreeMap<String, Case>> {
    let sql = among!(
        conn,
        "SELECT account_id, state, since, due_at, turns FROM escalations
         WHERE notice_id = $1 AND account_id", in "$2"
    );
    query!(sql, notice_id, json(accounts))
        .all(conn, |row| {
            let row = Row::of("escalations", row);
            let case = Case {
                account_id: row.get("account_id")?,
                state: row.parse("state")?,
                since: row.time("since")?,
                due_at: row.maybe_time("due_at")?,
                turns: row.count("turns")?,
            };
            Ok((case.account_id.clone(), case))
        })
        .await
}

/// Stores cases of a notice, in place of those of the same customers.
pub async fn set(conn: &mut Conn, notice_id: Uuid, cases: &[Case]) -> Result<()> {
    #[derive(Serialize)]
    struct Stored {
        account_id: String,
        state: &'static str,
        since: i64,
        due_at: Option<i64>,
        turns: u64,
    }
    if cases.is_empty() {
        return Ok(());
    }
    let stored = |case: &Case| Stored {
        account_id: case.account_id.clone(),
        state: case.state.as_str(),
        since: case.since.as_millisecond(),
        due_at: case.due_at.map(Timestamp::as_millisecond),
        turns: case.turns,
    };
    let rows: Vec<_> = cases.iter().map(stored).collect();
    // WHERE: else SQLite takes ON for a part of the join.
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO escalations (notice_id, account_id, state, since, due_at, turns)
         SELECT $2, value ->> 'account_id', value ->> 'state', CAST(value ->> 'since' AS BIGINT),
           CAST(value ->> 'due_at' AS BIGINT), CAST(value ->> 'turns' AS BIGINT) FROM",
        rows,
        "WHERE TRUE ON CONFLICT (notice_id, account_id) DO UPDATE
         SET state = excluded.state, since = excluded.since, due_at = excluded.due_at, turns = excluded.turns"
    );
    query!(sql, json(&rows), notice_id).run(conn).await
}

/// Ends the case of a customer, if there is one: the customer is informed, or a person settled it. It is not looked at again until
/// something happens.
pub async fn end(conn: &mut Conn, notice_id: Uuid, account_id: &str, state: State) -> Result<()> {
    let sql = "UPDATE escalations SET state = $3, due_at = NULL WHERE notice_id = $1 AND account_id = $2";
    query!(sql, notice_id, account_id, state.as_str()).run(conn).await
}

/// Has a customer of a watched notice looked at again: something happened that no delivery shows.
pub async fn note(conn: &mut Conn, notice_id: Uuid, account_id: &str) -> Result<()> {
    let sql = "INSERT INTO escalation_events (notice_id, account_id) SELECT $1, $2
         WHERE EXISTS (SELECT 1 FROM watched_notices w WHERE w.notice_id = $1)";
    query!(sql, notice_id, account_id).run(conn).await
}

/// How many customers of a notice other roles were addressed for.
pub async fn escalated(conn: &mut Conn, notice_id: Uuid) -> Result<u64> {
    let sql = "SELECT COUNT(*) AS n FROM escalations WHERE notice_id = $1 AND turns > 0";
    query!(sql, notice_id).count(conn, "escalations").await
}

/// How many customers were overdue when they were looked at last, of all notices.
pub async fn overdue(conn: &mut Conn) -> Result<u64> {
    query!("SELECT CAST(COALESCE(SUM(overdue), 0) AS BIGINT) AS n FROM watched_notices WHERE overdue > 0")
        .count(conn, "watched_notices")
        .await
}

/// Lets the dispatcher send what was added to a closed notice.
pub async fn reopen(conn: &mut Conn, notice_id: Uuid, now: Timestamp) -> Result<()> {
    let sql = "UPDATE notices SET resent_at = $2, attempts_purged_at = NULL WHERE id = $1 AND closed_at IS NOT NULL";
    query!(sql, notice_id, now).run(conn).await
}
