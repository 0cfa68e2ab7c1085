//! Webhooks: where they are, what they want to know, and how the last calls went. What has happened is in [`facts`], what is to be sent
//! in [`calls`].

pub mod attempts;
pub mod calls;
pub mod facts;
pub mod relays;

use std::collections::BTreeSet;
use std::sync::Once;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::webhook::{Disabled, HookEvent, Secret, Target};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// How long a node calls without renewing its hold, in milliseconds.
const HOLD_MS: i64 = 60_000;

/// A webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Id.
    pub id: Uuid,
    /// Where it is.
    pub target: Target,
    /// What its calls are signed with.
    pub secret: Secret,
    /// What they are signed with besides, and until when.
    pub former: Option<(Secret, Timestamp)>,
    /// What it wants to know.
    pub events: BTreeSet<HookEvent>,
    /// When it was added.
    pub created_at: Timestamp,
    /// Since when it is not called any more, and why.
    pub disabled: Option<(Timestamp, Disabled)>,
    /// Calls that failed since one succeeded.
    pub failures: u32,
    /// When the first of them failed.
    pub failing_since: Option<Timestamp>,
    /// When the next one is tried.
    pub retry_at: Option<Timestamp>,
    /// When a call succeeded last.
    pub succeeded_at: Option<Timestamp>,
}

/// A statement over all columns of a webhook.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, url, secret, former_secret, former_until, events, created_at, disabled_at, disabled, failures, failing_since,
               retry_at, succeeded_at FROM webhooks w ",
            $rest
        )
    };
}

/// Adds a webhook.
pub async fn insert(conn: &mut Conn, webhook: &Webhook) -> Result<()> {
    let sql = "INSERT INTO webhooks (id, url, secret, events, created_at) VALUES ($1, $2, $3, $4, $5)";
    query!(
        sql,
        webhook.id,
        webhook.target.to_string(),
        webhook.secret.as_bytes().to_vec(),
        listed(&webhook.events),
        webhook.created_at
    )
    .run(&mut *conn)
    .await?;
    want(conn, webhook.id, &webhook.events).await
}

/// True if there is a webhook, in whatever state.
pub async fn any(conn: &mut Conn) -> Result<bool> {
    Ok(query!("SELECT COUNT(*) AS n FROM (SELECT 1 AS one FROM webhooks LIMIT 1) AS found")
        .count(conn, "webhooks")
        .await?
        > 0)
}

/// The webhook with this id.
pub async fn find(conn: &mut Conn, id: Uuid) -> Result<Option<Webhook>> {
    query!(select!("WHERE w.id = $1"), id).first(conn, read).await
}

/// A page of webhooks by id, after `after`.
pub async fn list(conn: &mut Conn, after: Option<Uuid>, limit: u32) -> Result<Vec<Webhook>> {
    let sql = select!("WHERE w.id > $1 ORDER BY w.id LIMIT $2");
    query!(sql, after.unwrap_or(Uuid::nil()), limit).all(conn, read).await
}

/// Sets where a webhook is and what it wants to know.
pub async fn set(conn: &mut Conn, webhook: &Webhook) -> Result<()> {
    let sql = "UPDATE webhooks SET url = $2, events = $3 WHERE id = $1";
    query!(sql, webhook.id, webhook.target.to_string(), listed(&webhook.events)).run(&mut *conn).await?;
    if webhook.disabled.is_some() { Ok(()) } else { want(conn, webhook.id, &webhook.events).await }
}

/// Sets a new secret; the former one signs besides until `until`.
pub async fn rotate(conn: &mut Conn, id: Uuid, secret: &Secret, until: Timestamp) -> Result<()> {
    let sql = "UPDATE webhooks SET former_secret = secret, former_until = $3, secret = $2 WHERE id = $1";
    query!(sql, id, secret.as_bytes().to_vec(), until).run(conn).await
}

/// Disables a webhook. Returns false if it is disabled already.
pub async fn disable(conn: &mut Conn, id: Uuid, why: Disabled, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE webhooks SET disabled_at = $2, disabled = $3 WHERE id = $1 AND disabled_at IS NULL";
    let done = query!(sql, id, at, why.as_str()).changed(&mut *conn).await?;
    want(conn, id, &BTreeSet::new()).await?;
    Ok(done == 1)
}

/// Says that an operator has disabled a webhook that was disabled for another reason. Returns false if none was.
pub async fn leave_disabled(conn: &mut Conn, id: Uuid) -> Result<bool> {
    let sql = "UPDATE webhooks SET disabled = 'operator' WHERE id = $1 AND disabled <> 'operator'";
    query!(sql, id).changed_one(conn).await
}

/// Lets a disabled webhook be called again, from its first failure on. Returns false if it is not disabled.
pub async fn enable(conn: &mut Conn, webhook: &Webhook) -> Result<bool> {
    let sql =
        "UPDATE webhooks SET disabled_at = NULL, disabled = NULL, failures = 0, failing_since = NULL, retry_at = NULL
         WHERE id = $1 AND disabled_at IS NOT NULL";
    let done = query!(sql, webhook.id).changed(&mut *conn).await?;
    if done == 0 {
        return Ok(false);
    }
    want(conn, webhook.id, &webhook.events).await?;
    Ok(true)
}

/// How many webhooks are disabled though no operator did so.
pub async fn count_failed(conn: &mut Conn) -> Result<u64> {
    query!("SELECT COUNT(*) AS n FROM webhooks WHERE disabled IN ('gone', 'failed')").count(conn, "webhooks").await
}

/// Notes that a call succeeded.
pub async fn succeeded(conn: &mut Conn, id: Uuid, at: Timestamp) -> Result<()> {
    let sql =
        "UPDATE webhooks SET succeeded_at = $2, failures = 0, failing_since = NULL, retry_at = NULL WHERE id = $1";
    query!(sql, id, at).run(conn).await
}

/// Notes how many calls in a row have failed, and when the next one is tried. Returns since when calls fail.
pub async fn failed(
    conn: &mut Conn,
    id: Uuid,
    (failures, at): (u32, Timestamp),
    retry_at: Timestamp,
) -> Result<Timestamp> {
    let sql = "UPDATE webhooks SET failures = $4, failing_since = COALESCE(failing_since, $2), retry_at = $3
         WHERE id = $1 RETURNING failing_since";
    query!(sql, id, at, retry_at, failures).one(conn, |row| Row::of("webhooks", row).time("failing_since")).await
}

/// Forgets that calls failed: the one that did is dropped, and the next one says anew whether the receiver answers.
pub async fn forget_failures(conn: &mut Conn, id: Uuid) -> Result<()> {
    let sql = "UPDATE webhooks SET failures = 0, failing_since = NULL, retry_at = NULL WHERE id = $1";
    query!(sql, id).run(conn).await
}

/// Sets what a webhook is called for; nothing, while it is disabled.
async fn want(conn: &mut Conn, id: Uuid, events: &BTreeSet<HookEvent>) -> Result<()> {
    let id = id.to_string();
    query!("DELETE FROM webhook_wants WHERE webhook_id = $1", &id).run(&mut *conn).await?;
    // What was known of relays is out of date if nobody wanted to know it.
    query!(
        "DELETE FROM webhook_relays_down
         WHERE NOT EXISTS (SELECT 1 FROM webhook_wants WHERE event IN ('relay.down', 'relay.up'))"
    )
    .run(&mut *conn)
    .await?;
    for event in events {
        let sql = "INSERT INTO webhook_wants (event, webhook_id) VALUES ($1, $2)";
        query!(sql, event.as_str(), &id).run(&mut *conn).await?;
    }
    Ok(())
}

/// What is wanted, with the webhook that wants it.
pub async fn wants(conn: &mut Conn) -> Result<Vec<(HookEvent, Uuid)>> {
    let read = |row: &sqlx::any::AnyRow| {
        let row = Row::of("webhook_wants", row);
        let Some(event) = row.known("event")? else { return Ok(None) };
        Ok(Some((event, row.id("webhook_id")?)))
    };
    let wants: Vec<_> =
        query!("SELECT event, webhook_id FROM webhook_wants ORDER BY webhook_id, event").all(conn, read).await?;
    Ok(wants.into_iter().flatten().collect())
}

/// Takes or renews the hold of a node on this work. Returns false if another node has it.
pub async fn hold(conn: &mut Conn, owner: &str, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE webhook_hold SET owner = $1, until = $2 + $3 WHERE id = 1 AND (owner = $1 OR until < $2)";
    query!(sql, owner, now, HOLD_MS).changed_one(conn).await
}

/// Ends the hold of a node.
pub async fn let_go(conn: &mut Conn, owner: &str) -> Result<()> {
    query!("UPDATE webhook_hold SET until = 0 WHERE id = 1 AND owner = $1", owner).run(conn).await
}

fn listed(events: &BTreeSet<HookEvent>) -> String {
    events.iter().map(|event| event.as_str()).collect::<Vec<_>>().join(",")
}

/// The events that this version knows. One of a newer version must not stop the calls for the others.
fn known(words: &str) -> BTreeSet<HookEvent> {
    static SAID: Once = Once::new();
    let all = words.split(',').filter(|word| !word.is_empty());
    let of = |word: &str| {
        let event = word.parse().ok();
        if event.is_none() {
            SAID.call_once(|| {
                tracing::warn!(
                    event = word,
                    "a webhook wants events of a newer version: only nodes of that version call it for them"
                );
            });
        }
        event
    };
    all.filter_map(of).collect()
}

fn read(row: &sqlx::any::AnyRow) -> Result<Webhook> {
    let row = Row::of("webhooks", row);
    let former = row.maybe_bytes("former_secret")?.map(Secret::stored).zip(row.maybe_time("former_until")?);
    let failures = row.count("failures")?;
    Ok(Webhook {
        id: row.id("id")?,
        target: row.parse_with("url", Target::stored)?,
        secret: Secret::stored(row.bytes("secret")?),
        former,
        events: known(&row.get::<String>("events")?),
        created_at: row.time("created_at")?,
        disabled: row.maybe_time("disabled_at")?.zip(row.maybe("disabled")?),
        failures: u32::try_from(failures).unwrap_or(u32::MAX),
        failing_since: row.maybe_time("failing_since")?,
        retry_at: row.maybe_time("retry_at")?,
        succeeded_at: row.maybe_time("succeeded_at")?,
    })
}
