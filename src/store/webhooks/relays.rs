//! The relays of which webhooks know that no dispatcher can use them.

use std::collections::BTreeSet;

use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// True if a webhook wants to know when a relay is down, or up again.
pub async fn are_wanted(conn: &mut Conn) -> Result<bool> {
    Ok(query!("SELECT COUNT(*) AS n FROM webhook_wants WHERE event IN ('relay.down', 'relay.up')")
        .count(conn, "webhook_wants")
        .await?
        > 0)
}

/// Those that are down.
pub async fn down(conn: &mut Conn) -> Result<BTreeSet<String>> {
    query!("SELECT relay FROM webhook_relays_down")
        .all(conn, |row| Row::of("webhook_relays_down", row).get("relay"))
        .await
}

/// Notes that a relay is down, or up again. Returns false if that is known.
pub async fn set_down(conn: &mut Conn, relay: &str, is_down: bool) -> Result<bool> {
    let sql = if is_down {
        "INSERT INTO webhook_relays_down (relay) VALUES ($1) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM webhook_relays_down WHERE relay = $1"
    };
    query!(sql, relay).changed_one(conn).await
}
