//! Running dispatchers ("nodes"), and the state of the relays at each.
//!
//! As with leases, times come from the caller's clock on SQLite, where there is one dispatcher, and from the database's clock
//! on PostgreSQL, where nodes' clocks may disagree.

use jiff::Timestamp;
use serde::Serialize;

use crate::store::engine::dialect::{Dialect, bulk, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A node that was not seen for this long, in milliseconds, no longer counts: the others take its share of the rates.
pub const GONE_AFTER_MS: i64 = 5_000;

/// The identity of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = relay::Node)]
pub struct Node {
    /// The owner of its leases.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Version of the program.
    pub version: String,
    /// When it started, if known.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it was last seen.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub seen_at: Option<Timestamp>,
}

/// The result of a heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When the node began.
    pub started_at: Timestamp,
    /// Since when it counts without a break.
    pub joined_at: Timestamp,
    /// Other nodes that are alive.
    pub others: u64,
    /// Those of them that have not been seen since this one joined, and so cannot know it.
    pub unaware: u64,
    /// The time of the heartbeat by the clock that all nodes share.
    pub at: Timestamp,
}

/// Registers a node or records its heartbeat. A node that was gone joins again.
pub async fn beat(conn: &mut Conn, node: &Node, now: Timestamp) -> Result<Beat> {
    let sql = Dialect::of(conn).pick(
        "INSERT INTO nodes (id, name, version, started_at, joined_at, seen_at) VALUES ($1, $2, $3, COALESCE($4, $5), $5, $5)
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, joined_at =
           CASE WHEN nodes.seen_at < excluded.seen_at - $6 THEN excluded.joined_at ELSE nodes.joined_at END
         RETURNING started_at, joined_at, seen_at,
           (SELECT COUNT(*) FROM nodes o WHERE o.id <> $1 AND o.seen_at >= $5 - $6) AS others,
           (SELECT COUNT(*) FROM nodes o JOIN nodes me ON me.id = $1
            WHERE o.id <> $1 AND o.seen_at >= $5 - $6 AND o.seen_at < me.joined_at) AS unaware",
        "INSERT INTO nodes (id, name, version, started_at, joined_at, seen_at)
           SELECT $1, $2, $3, COALESCE($4, clock.now), clock.now, clock.now FROM
             (SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now WHERE $5 >= 0) AS clock
         ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at, joined_at =
           CASE WHEN nodes.seen_at < excluded.seen_at - $6 THEN excluded.joined_at ELSE nodes.joined_at END
         RETURNING started_at, joined_at, seen_at,
           (SELECT COUNT(*) FROM nodes o WHERE o.id <> nodes.id AND o.seen_at >= nodes.seen_at - $6) AS others,
           (SELECT COUNT(*) FROM nodes o WHERE o.id <> nodes.id AND o.seen_at >= nodes.seen_at - $6
              AND o.seen_at < nodes.joined_at) AS unaware",
    );
    query!(sql, &node.id, &node.name, &node.version, node.started_at, now, GONE_AFTER_MS)
        .one(conn, |row| {
            let row = Row::of("nodes", row);
            Ok(Beat {
                started_at: row.time("started_at")?,
                joined_at: row.time("joined_at")?,
                others: row.count("others")?,
                unaware: row.count("unaware")?,
                at: row.time("seen_at")?,
            })
        })
        .await
}

/// The state of a relay at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RelayState {
    /// The node.
    pub node_id: String,
    /// Name of the relay.
    pub relay: String,
    /// Its state there, as JSON.
    pub state: String,
}

/// Publishes the state of relays at nodes.
pub async fn publish(conn: &mut Conn, states: &[RelayState]) -> Result<()> {
    let sql = bulk!(
        Dialect::of(conn),
        "INSERT INTO relay_states (node_id, relay, state)
           SELECT value ->> 'node_id', value ->> 'relay', value ->> 'state' FROM",
        rows,
        "WHERE TRUE ON CONFLICT (node_id, relay) DO UPDATE SET state = excluded.state"
    );
    query!(sql, json(states)).run(conn).await
}

/// Signs a node off.
pub async fn leave(conn: &mut Conn, id: &str) -> Result<()> {
    query!("DELETE FROM relay_states WHERE node_id = $1", id).run(&mut *conn).await?;
    query!("DELETE FROM nodes WHERE id = $1", id).run(conn).await
}

/// Removes the nodes that are gone, and their relay states. One that comes back joins again.
pub async fn forget_gone(conn: &mut Conn, now: Timestamp) -> Result<()> {
    // A node that was frozen within its heartbeat still holds its row: do not wait for it.
    let sql = Dialect::of(conn).pick(
        "DELETE FROM nodes WHERE seen_at < $1 - $2",
        "DELETE FROM nodes WHERE id IN (SELECT id FROM nodes
           WHERE seen_at < CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $2 AND $1 >= 0
           FOR UPDATE SKIP LOCKED)",
    );
    query!(sql, now, GONE_AFTER_MS).run(&mut *conn).await?;
    query!("DELETE FROM relay_states WHERE node_id NOT IN (SELECT id FROM nodes)").run(conn).await
}

/// The live nodes, in the order in which they started.
pub async fn live(conn: &mut Conn, now: Timestamp) -> Result<Vec<Node>> {
    let sql = Dialect::of(conn).pick(
        "SELECT id, name, version, started_at, seen_at FROM nodes WHERE seen_at >= $1 - $2 ORDER BY started_at, id",
        "SELECT id, name, version, started_at, seen_at FROM nodes
         WHERE seen_at >= CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) - $2 AND $1 >= 0
         ORDER BY started_at, id",
    );
    query!(sql, now, GONE_AFTER_MS)
        .all(conn, |row| {
            let row = Row::of("nodes", row);
            Ok(Node {
                id: row.get("id")?,
                name: row.get("name")?,
                version: row.get("version")?,
                started_at: row.maybe_time("started_at")?,
                seen_at: row.maybe_time("seen_at")?,
            })
        })
        .await
}

/// The relay states of all nodes, those that are gone included.
pub async fn relay_states(conn: &mut Conn) -> Result<Vec<RelayState>> {
    query!("SELECT node_id, relay, state FROM relay_states ORDER BY relay, node_id")
        .all(conn, |row| {
            let row = Row::of("relay_states", row);
            Ok(RelayState { node_id: row.get("node_id")?, relay: row.get("relay")?, state: row.get("state")? })
        })
        .await
}
