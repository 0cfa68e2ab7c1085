//! Settling: the outcome of a delivery, and the ledger's entry with what was sent, in one transaction.

mod written;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

use crate::domain::address::{Address, AddressKey};
use crate::domain::delivery::{Level, Outcome, Reason, State};
use crate::domain::entry::Entry;
use crate::domain::mould::Filled;
use crate::domain::preference;
use crate::domain::reply::Stage;
use crate::store::engine::batch::{Batch, Step, Values};
use crate::store::engine::dialect::{Dialect, among, bulk, json, json_ids};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::people::suppressions;
use crate::store::proof::ledger::{self, Opening};
use crate::store::sending::states;
pub use crate::store::sending::states::Reported;
use crate::store::{Conn, Result};
use written::Rows;
pub use written::Written;

/// An attempt that got past MAIL FROM, or was refused before it because of the message.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number, from 1.
    pub number: u32,
    /// Name of the relay.
    pub relay: String,
    /// Host and IP address.
    pub host: String,
    /// TLS version; empty without TLS.
    pub tls: String,
    /// The last step that it reached.
    pub stage: Stage,
    /// The server's code.
    pub code: Option<u16>,
    /// The server was asked for delivery status notifications (RFC 3461).
    pub dsn: bool,
}

/// The outcome of a claimed delivery.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The delivery.
    pub delivery_id: Uuid,
    /// Its notice.
    pub notice_id: Uuid,
    /// The token it was claimed with.
    pub token: i64,
    /// The outcome.
    pub outcome: Outcome,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// The server's reply, or why there is none.
    pub reply: Option<String>,
    /// Why a rejected message was not sent, if no server refused it.
    pub reason: Option<Reason>,
    /// When.
    pub at: Timestamp,
    /// When to retry, and the back-off until then; without it the delivery is final.
    pub again: Option<(Timestamp, i64)>,
    /// The attempt, if there was one.
    pub attempt: Option<Attempt>,
    /// Attempts used so far.
    pub attempts: u32,
    /// What to store of the message, at the first attempt.
    pub message: Option<Filled>,
    /// The time that its messages are dated at, of one that may have been sent without a record of the message.
    pub first_at: Option<Timestamp>,
    /// The entry for the ledger; `None` for a repeated deferral.
    pub entry: Option<Entry>,
    /// The address, if it is to be marked dead.
    pub dead: Option<Address>,
}

/// A settlement whose token was no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fenced {
    /// The delivery.
    pub delivery_id: Uuid,
    /// The token it came with.
    pub token: i64,
    /// It was recorded nevertheless.
    pub recorded: bool,
}

/// Records outcomes as [`settle`] does, in one call on SQLite, if every token holds and no delivery ended meanwhile. If not, it
/// returns false, and what it did has to be rolled back.
pub async fn settle_at_once(conn: &mut Conn, settlements: &[Written]) -> Result<bool> {
    record(conn, &AT_ONCE, &settlements.iter().collect::<Vec<_>>()).await
}

/// Records outcomes. A settlement whose token is no longer that of the queue was fenced off: it is recorded only if it is an
/// acceptance of a delivery that still waits for one (a 250 that arrives after its node was declared gone). Returns those fenced
/// off. The other way round, an attempt that ends after such a 250 was recorded has its entry and changes no state.
pub async fn settle(conn: &mut Conn, settlements: &[Written]) -> Result<Vec<Fenced>> {
    let held = held(conn, settlements).await?;
    let ended = ended_meanwhile(conn, settlements, &held).await?;
    let mut effective = Vec::with_capacity(settlements.len());
    let mut fenced = Vec::new();
    for written in settlements {
        let settlement = &written.settlement;
        let ours = held.contains(&(settlement.delivery_id, settlement.token));
        if ours {
            let outlasts = ended.get(&settlement.delivery_id).is_some_and(|state| state.outlasts(settlement.outcome));
            effective.push(if outlasts {
                Cow::Owned(beside_the_end(conn, settlement.clone()).await?)
            } else {
                Cow::Borrowed(written)
            });
            continue;
        }
        let recorded = settlement.outcome == Outcome::Accepted && is_awaited(conn, settlement).await?;
        if recorded {
            effective.push(Cow::Owned(behind_others(conn, settlement.clone()).await?.try_into()?));
        }
        fenced.push(Fenced { delivery_id: settlement.delivery_id, token: settlement.token, recorded });
    }
    record(conn, &CAREFULLY, &effective.iter().map(AsRef::as_ref).collect::<Vec<_>>()).await?;
    Ok(fenced)
}

/// The held deliveries that ended while this claim was at work, and how: a 250 of an earlier claim was recorded. Nobody had a
/// claim before the first one, so there is nothing to read for most.
async fn ended_meanwhile(
    conn: &mut Conn,
    settlements: &[Written],
    held: &BTreeSet<(Uuid, i64)>,
) -> Result<BTreeMap<Uuid, State>> {
    let place = |it: &Written| (it.settlement.delivery_id, it.settlement.token);
    let claimed_before = |it: &&Written| it.settlement.token > 1 && held.contains(&place(it));
    let ids: Vec<Uuid> = settlements.iter().filter(claimed_before).map(|it| it.settlement.delivery_id).collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let sql = among!(
        conn,
        "SELECT id, state FROM deliveries WHERE state IN ('accepted', 'delivered', 'bounced')
           AND id", in "$1"
    );
    query!(sql, json_ids(&ids))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok((row.id("id")?, row.parse("state")?))
        })
        .await
}

/// What is recorded of an attempt at a delivery that ended meanwhile: the attempt under the next number, and its entry. The
/// delivery keeps its state, and nothing is tried again. Its address is not marked dead either: one server took the message.
async fn beside_the_end(conn: &mut Conn, settlement: Settlement) -> Result<Written> {
    let id = settlement.delivery_id.to_string();
    let settlement = Settlement { again: None, dead: None, ..behind_others(conn, settlement).await? };
    let sql = "UPDATE deliveries SET attempts = $2 WHERE id = $1 AND attempts < $2";
    query!(sql, &id, settlement.attempts).run(conn).await?;
    Ok(Written::try_from(settlement)?.without_state())
}

/// Numbers an attempt after those that others made meanwhile, who counted from the same number.
async fn behind_others(conn: &mut Conn, mut settlement: Settlement) -> Result<Settlement> {
    let last = attempts(conn, settlement.delivery_id).await?.last().map_or(0, |last| last.attempt);
    let last = u32::try_from(last).unwrap_or(u32::MAX);
    if let Some(attempt) = &mut settlement.attempt {
        attempt.number = last.saturating_add(1);
        settlement.attempts = attempt.number;
    }
    Ok(settlement)
}

/// The deliveries whose token still holds, with it; nobody changes their places until the transaction ends. A row that is not leased any more
/// was settled before, by a commit whose answer was lost: the token changes only with the next claim.
async fn held(conn: &mut Conn, settlements: &[Written]) -> Result<BTreeSet<(Uuid, i64)>> {
    let sql = Dialect::of(conn).pick(
        "SELECT q.delivery_id, q.token FROM json_each($1) AS r CROSS JOIN queue q
         WHERE q.delivery_id = r.value ->> 0 AND q.token = r.value ->> 1 AND q.lease_owner IS NOT NULL",
        "SELECT q.delivery_id, q.token FROM jsonb_array_elements($1::jsonb) AS r (value) JOIN queue q
         ON q.delivery_id = r.value ->> 0 AND q.token = CAST(r.value ->> 1 AS BIGINT) AND q.lease_owner IS NOT NULL FOR UPDATE OF q",
    );
    let places = json(&settlements.iter().map(|it| &it.rows.place).collect::<Vec<_>>());
    query!(sql, places)
        .all(conn, |row| {
            let row = Row::of("queue", row);
            Ok((row.id("delivery_id")?, row.get("token")?))
        })
        .await
}

/// For an acceptance that came too late: returns true if its delivery still waits for one. The delivery then leaves the queue,
/// unless another claim is at work on it, which finds out when it ends ([`beside_the_end`]).
async fn is_awaited(conn: &mut Conn, settlement: &Settlement) -> Result<bool> {
    let id = settlement.delivery_id.to_string();
    if Dialect::of(conn) == Dialect::Postgres {
        // The other claim may end at this moment: whoever is second sees what the first recorded.
        query!("SELECT delivery_id FROM queue WHERE delivery_id = $1 FOR UPDATE", &id).first_row(&mut *conn).await?;
    }
    let taken =
        query!("DELETE FROM queue WHERE delivery_id = $1 AND lease_owner IS NULL", &id).changed(&mut *conn).await?;
    // Whoever closes the notice holds its row: the entry comes before the closing counts or after them, never between.
    crate::store::notices::lock(conn, settlement.notice_id).await?;
    let sql = "SELECT d.id FROM deliveries d WHERE d.id = $1 AND d.salt IS NOT NULL AND (d.state = 'uncertain'
           OR d.state = 'deferred' AND EXISTS (SELECT 1 FROM queue q WHERE q.delivery_id = d.id))";
    let waits = query!(sql, &id).first_row(conn).await?;
    Ok(taken == 1 || waits.is_some())
}

/// What leaves the queue, what stays in it, and what is written of both.
const fn steps(states: Step) -> [Step; 6] {
    let last = Step {
        before: "DELETE FROM queue WHERE delivery_id IN (SELECT q.delivery_id FROM",
        columns: "id, token bigint",
        after: "CROSS JOIN queue q WHERE q.delivery_id = r.id AND q.token = r.token AND q.lease_owner IS NOT NULL)",
    };
    let again = Step {
        before: "UPDATE queue SET lease_owner = NULL, lease_until = NULL, due_at = r.due_at, waited = r.waited,
                   attempts = r.attempts FROM",
        columns: "id, token bigint, due_at bigint, waited bigint, attempts bigint",
        after: "WHERE queue.delivery_id = r.id AND queue.token = r.token AND queue.lease_owner IS NOT NULL",
    };
    let attempts = Step {
        before: "INSERT INTO attempts",
        columns: "delivery_id, attempt bigint, at bigint, relay, host, tls, stage, outcome, code bigint, reply, dsn bigint",
        after: "WHERE delivery_id IS NOT NULL ON CONFLICT (delivery_id, attempt) DO NOTHING",
    };
    [last, again, states, attempts, ledger::OPENINGS, ledger::PENDING]
}

static AT_ONCE: Batch<6> = Batch::new(steps(states::RECORD_UNENDED));
static CAREFULLY: Batch<6> = Batch::new(steps(states::RECORD));

/// Writes places, states, attempts, entries and dead addresses; returns false if not every row was written.
async fn record(conn: &mut Conn, batch: &'static Batch<6>, settlements: &[&Written]) -> Result<bool> {
    let places = |again: bool| {
        let places = settlements.iter().filter(move |it| it.settlement.again.is_some() == again);
        places.map(|it| &it.rows.place).collect::<Vec<_>>()
    };
    let rows = |of: fn(&Rows) -> Option<&Values>| settlements.iter().filter_map(|it| of(&it.rows)).collect::<Vec<_>>();
    let all = [
        places(false),
        places(true),
        rows(|rows| rows.state.as_ref()),
        rows(|rows| rows.attempt.as_ref()),
        rows(|rows| rows.opening.as_ref()),
        rows(|rows| rows.pending.as_ref()),
    ];
    let wanted = all.iter().map(Vec::len).sum::<usize>() as u64;
    // No statement changes more rows than it was given.
    let is_all = batch.run(conn, all).await? == wanted;
    let dead =
        settlements.iter().filter_map(|it| it.settlement.dead.as_ref().map(|address| (address, it.settlement.at)));
    for (address, at) in in_order(dead).into_values() {
        suppressions::add(conn, address, preference::Reason::Dead, at).await?;
    }
    Ok(is_all)
}

/// Each address once, in the order of the keys by which rows are found: two nodes that mark the same addresses, in whatever spelling,
/// do not wait for each other.
fn in_order<'a>(
    dead: impl Iterator<Item = (&'a Address, Timestamp)>,
) -> BTreeMap<AddressKey, (&'a Address, Timestamp)> {
    dead.map(|(address, at)| (address.key(), (address, at))).collect()
}

/// Records a report; an uncertain delivery is then no longer sent again.
///
/// # Errors
/// If the outcome cannot follow the delivery's state, or the database fails.
pub async fn report(conn: &mut Conn, reported: &Reported<'_>, entry: &Entry) -> Result<()> {
    states::report(conn, reported).await?;
    let id = reported.delivery_id.to_string();
    query!("DELETE FROM queue WHERE delivery_id = $1", &id).run(&mut *conn).await?;
    let opening = Opening::of_delivery(entry, reported.notice_id, reported.delivery_id, reported.at);
    ledger::append(conn, &[opening]).await
}

/// An attempt as `deliveries show` prints it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = delivery::Attempt)]
pub struct Tried {
    /// Its number.
    pub attempt: u64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Relay.
    pub relay: String,
    /// Host and IP address.
    pub host: String,
    /// TLS version.
    pub tls: String,
    /// The last step that it reached.
    pub stage: String,
    /// Outcome.
    pub outcome: String,
    /// Reply.
    pub reply: String,
    /// Delivery status notifications were asked for.
    pub dsn: bool,
}

/// All attempts of a delivery, first to last.
pub async fn attempts(conn: &mut Conn, delivery_id: Uuid) -> Result<Vec<Tried>> {
    let sql = "SELECT attempt, at, relay, host, tls, stage, outcome, reply, dsn FROM attempts WHERE delivery_id = $1
         ORDER BY attempt";
    query!(sql, delivery_id)
        .all(conn, |row| {
            let row = Row::of("attempts", row);
            Ok(Tried {
                attempt: row.count("attempt")?,
                at: row.time("at")?,
                relay: row.get("relay")?,
                host: row.get("host")?,
                tls: row.get("tls")?,
                stage: row.get("stage")?,
                outcome: row.get("outcome")?,
                reply: row.get("reply")?,
                dsn: row.count("dsn")? == 1,
            })
        })
        .await
}

/// Cancels unclaimed deliveries: they leave the queue with their entry. An uncertain one leaves it too, but stays uncertain: its
/// message may have been accepted.
pub async fn cancel(conn: &mut Conn, notice_id: Uuid, at: Timestamp, cancelled: &[(Uuid, Entry)]) -> Result<()> {
    take_back(conn, notice_id, at, (Outcome::Cancelled, None), cancelled).await
}

/// Leaves unclaimed deliveries uncertain, for this reason: they leave the queue with their entry, and an operator decides.
pub async fn leave_uncertain(
    conn: &mut Conn,
    notice_id: Uuid,
    at: Timestamp,
    why: &str,
    left: &[(Uuid, Entry)],
) -> Result<()> {
    take_back(conn, notice_id, at, (Outcome::Uncertain, Some(why)), left).await
}

/// Takes unclaimed deliveries out of the queue, with this outcome and the reason.
async fn take_back(
    conn: &mut Conn,
    notice_id: Uuid,
    at: Timestamp,
    end: (Outcome, Option<&str>),
    taken: &[(Uuid, Entry)],
) -> Result<()> {
    #[derive(Serialize)]
    struct Id {
        id: String,
    }
    let ids: Vec<_> = taken.iter().map(|(id, _)| Id { id: id.to_string() }).collect();
    let ids = json(&ids);
    let dialect = Dialect::of(conn);
    let queue = bulk!(
        dialect,
        "DELETE FROM queue WHERE lease_owner IS NULL AND delivery_id IN (SELECT value ->> 'id' FROM",
        rows,
        ")"
    );
    query!(queue, &ids).run(&mut *conn).await?;
    let ended = states::take_back(conn, &taken.iter().map(|(id, _)| *id).collect::<Vec<_>>(), end, at).await?;
    let openings: Vec<_> = taken
        .iter()
        .filter(|(id, _)| ended.contains(id))
        .map(|(id, entry)| Opening::of_delivery(entry, notice_id, *id, at))
        .collect();
    ledger::append(conn, &openings).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    #[test]
    fn addresses_are_marked_in_the_order_of_their_keys_however_they_are_spelled() {
        let parse = |text: &str| Address::parse(text).expect("it is an address");
        let (one, two) = (["a@x.example", "B@x.example", "c@x.example"], ["C@x.example", "b@x.example", "A@x.example"]);
        let keys = [one, two].map(|spelled| {
            let addresses = spelled.map(parse);
            let dead = in_order(addresses.iter().map(|address| (address, from_millis(0))));
            dead.into_values().map(|(address, _)| address.key().as_str().to_owned()).collect::<Vec<_>>()
        });
        assert_eq!(keys[0], one.map(str::to_lowercase));
        assert_eq!(keys[0], keys[1], "a capital comes before all small letters, a key has none");
    }
}
