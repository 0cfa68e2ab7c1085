//! The database: free functions over one connection, SQL beside the rows it reads, one text for SQLite and PostgreSQL.
//!
//! The portable subset, which every statement here uses:
//! - ids are UUIDv7 text made by us; times are integer milliseconds bound from a `Clock`, never the database's `now()`
//!   (except leases and heartbeats on PostgreSQL, see [`sending::queue`] and [`sending::nodes`]);
//! - states are text with a CHECK that repeats the words of `domain`; no booleans: a nullable time says whether and when;
//! - JSON is text and never queried into; it carries bulk parameters only, see [`engine`];
//! - placeholders are `$1`, ...; optional filters are static: `($1 IS NULL OR state = $1)`; pages go by key, not by offset;
//! - `ON CONFLICT`, `RETURNING`, CTE selects, `UPDATE ... FROM` and partial indexes, but no data-changing CTEs, arrays,
//!   `DISTINCT ON` or intervals.
//!
//! Four things to note when you add a function:
//! 1. It takes `conn: &mut Conn` first, and the caller owns the transaction: an effect and its record commit together.
//! 2. Absent is `Ok(None)`, never an error.
//! 3. A row whose value its column does not allow is [`StoreError::Inconsistent`], with table, column and row named.
//! 4. Call it in `tests/besked/store.rs`, which runs every function on both engines; a test fails if one is not called.
//!
//! A transaction takes its row locks in this order, so that no two wait for each other on PostgreSQL: the ledger's head
//! ([`proof::tree::lock_head`]), places in the queue ([`people::subjects::lock_queue`], all that it needs at once), the notice
//! ([`notices::lock`], [`notices::lock_of`] a delivery), its series ([`notices::series::lock`]), deliveries, tasks, cases of customers ([`escalations`]). It leaves
//! out what it does not need.

pub mod abouts;
pub mod engine;
pub mod escalations;
pub mod inbound;
pub mod notices;
pub mod operators;
pub mod people;
pub mod promises;
pub mod proof;
pub mod secrets;
pub mod sending;
pub mod tasks;
pub mod visible;
pub mod webhooks;

pub use engine::{Conn, Dialect, Lent, Result, Store, StoreError, Writer, Writing, beat};
