//! Statements that always run together, each over rows of typed values: one text for both engines, in which the rows are `r`.
//!
//! Either engine gets all of them at once: every call is a round trip, which costs more than most statements do. SQLite gets a parameter
//! for each value: JSON would be written, parsed and searched for each. PostgreSQL, which would plan each number of parameters anew,
//! gets the rows of each statement as JSON.

use std::ops::Range;
use std::sync::OnceLock;

use serde::{Serialize, Serializer};
use uuid::Uuid;

use super::Conn;
use crate::store::Result;
use crate::store::engine::dialect::{Dialect, json};
use crate::store::engine::row::{Row, hex};

/// A value of a row.
#[derive(Clone, Debug)]
pub(in crate::store) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// A row.
pub(in crate::store) type Values = Vec<Value>;

/// A statement over rows. On SQLite there may be rows of nulls among them: a condition must leave them out.
#[derive(Clone, Copy)]
pub(in crate::store) struct Step {
    /// What precedes the rows; after `INSERT INTO` and a table the columns follow by themselves.
    pub(in crate::store) before: &'static str,
    /// The columns of the rows: names, and the type of those that are no text.
    pub(in crate::store) columns: &'static str,
    /// What follows the rows.
    pub(in crate::store) after: &'static str,
}

/// Statements that always run together, each with its own rows.
pub(in crate::store) struct Batch<const N: usize> {
    steps: [Step; N],
    /// The text for 1, 2, 4, ... rows, each prepared once: the engine would prepare one for each number.
    sqlite: [OnceLock<String>; SIZES],
    postgres: OnceLock<String>,
}

/// How many sizes there are of a call to SQLite.
const SIZES: usize = 7;

/// The most rows of a statement in one call to SQLite.
const MOST: usize = 1 << (SIZES - 1);

impl<const N: usize> Batch<N> {
    pub(in crate::store) const fn new(steps: [Step; N]) -> Self {
        Self { steps, sqlite: [const { OnceLock::new() }; SIZES], postgres: OnceLock::new() }
    }

    /// Runs the statements in their order, with the rows of each; returns how many rows they changed together.
    pub(in crate::store) async fn run(&'static self, conn: &mut Conn, rows: [Vec<&Values>; N]) -> Result<u64> {
        match Dialect::of(conn) {
            Dialect::Sqlite => self.run_at_once(conn, &rows).await,
            Dialect::Postgres => self.run_as_one(conn, &rows).await,
        }
    }

    async fn run_at_once(&'static self, conn: &mut Conn, rows: &[Vec<&Values>; N]) -> Result<u64> {
        let (most, mut changed) = (rows.iter().map(Vec::len).max().unwrap_or_default(), 0);
        for first in (0..most).step_by(MOST) {
            let size = (most - first).min(MOST).next_power_of_two();
            let text =
                self.sqlite[size.ilog2() as usize].get_or_init(|| self.steps.map(|step| step.sqlite(size)).join("; "));
            let mut query = sqlx::query(text.as_str());
            for (step, rows) in self.steps.iter().zip(rows) {
                let rows = &rows[first.min(rows.len())..(first + size).min(rows.len())];
                for value in rows.iter().copied().flatten() {
                    query = match value {
                        Value::Null => query.bind(None::<i64>),
                        Value::Integer(number) => query.bind(*number),
                        Value::Text(text) => query.bind(text.as_str()),
                        Value::Blob(bytes) => query.bind(bytes.as_slice()),
                    };
                }
                let missing = (size - rows.len()) * step.columns().count();
                query = (0..missing).fold(query, |query, _| query.bind(None::<i64>));
            }
            changed += query.execute(&mut *conn).await?.rows_affected();
        }
        Ok(changed)
    }

    async fn run_as_one(&'static self, conn: &mut Conn, rows: &[Vec<&Values>; N]) -> Result<u64> {
        let text = self.postgres.get_or_init(|| as_one(&self.steps)).as_str();
        let rows = rows.each_ref().map(|rows| rows.iter().map(json).collect::<Vec<String>>());
        let mut changed = 0;
        for piece in pieces(&rows) {
            let lists =
                rows.each_ref().map(|rows| rows.get(piece.start..piece.end.min(rows.len())).unwrap_or_default());
            let query = lists.iter().fold(sqlx::query(text), |query, rows| query.bind(format!("[{}]", rows.join(","))));
            changed += Row::of("a batch", &query.fetch_one(&mut *conn).await?).count("changed")?;
        }
        Ok(changed)
    }
}

/// All steps as one statement that counts the rows that they change. Each sees the tables as they were before, in no promised order: no
/// step may need what another one writes. Triggers after a statement run once all steps are done.
fn as_one(steps: &[Step]) -> String {
    let steps = steps.iter().zip(1..).map(|(step, nth)| format!("s{nth} AS ({} RETURNING 1)", step.postgres(nth)));
    let (steps, counts): (Vec<_>, Vec<_>) =
        steps.zip(1..).map(|(step, nth): (_, u32)| (step, format!("(SELECT COUNT(*) FROM s{nth})"))).unzip();
    format!("WITH {} SELECT {} AS changed", steps.join(", "), counts.join(" + "))
}

impl Step {
    /// Its columns: names and types.
    fn columns(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        self.columns.split(", ").map(|column| column.split_once(' ').unwrap_or((column, "text")))
    }

    fn sqlite(self, rows: usize) -> String {
        let row = format!("({})", vec!["?"; self.columns().count()].join(","));
        // Parameters without names: SQLite would look up each.
        let source = format!("(VALUES {})", vec![row; rows].join(","));
        self.over(&source, self.columns().zip(1..).map(|((name, _), nth)| format!("column{nth} AS {name}")))
    }

    fn postgres(self, parameter: u32) -> String {
        let read = |((name, kind), nth): ((&str, &str), u32)| match kind {
            "bigint" => format!("CAST(value ->> {nth} AS BIGINT) AS {name}"),
            "bytea" => format!("unhex(value ->> {nth}) AS {name}"),
            _ => format!("value ->> {nth} AS {name}"),
        };
        self.over(&format!("jsonb_array_elements(${parameter}::jsonb)"), self.columns().zip(0..).map(read))
    }

    fn over(self, source: &str, columns: impl Iterator<Item = String>) -> String {
        let (columns, names) = (columns.collect::<Vec<_>>().join(", "), self.columns().map(|(name, _)| name));
        let names = names.collect::<Vec<_>>().join(", ");
        let names =
            if self.before.starts_with("INSERT") { format!("({names}) SELECT {names} FROM") } else { String::new() };
        format!("{} {names} (SELECT {columns} FROM {source}) AS r {}", self.before, self.after)
    }
}

/// How many bytes of rows a statement carries to PostgreSQL. What does not fit into one TLS record (RFC 8446 section 5.1:
/// 16 kB) is written to the socket in two parts, and without TCP_NODELAY, which sqlx 0.9.0 does not set
/// (<https://github.com/transact-rs/sqlx/issues/4335>), the second waits 40 ms for the first to be acknowledged.
const PIECE: usize = 15 << 10;

/// The rows of all statements in pieces of at most [`PIECE`] bytes together, or one row of each.
fn pieces<const N: usize>(rows: &[Vec<String>; N]) -> impl Iterator<Item = Range<usize>> {
    let most = rows.iter().map(Vec::len).max().unwrap_or_default();
    let size = |nth: usize| rows.iter().filter_map(|rows| rows.get(nth)).map(|row| row.len() + 1).sum::<usize>();
    let mut start = 0;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = (start..most).take_while(|nth| {
            bytes += size(*nth);
            bytes <= PIECE
        });
        let piece = start..(start + fitting.count().max(1)).min(most);
        start = piece.end;
        (!piece.is_empty()).then_some(piece)
    })
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_none(),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Text(text) => serializer.serialize_str(text),
            Self::Blob(bytes) => serializer.serialize_str(&hex(bytes)),
        }
    }
}

macro_rules! from {
    ($($type:ty, $value:ident => $made:expr;)*) => {
        $(impl From<$type> for Value {
            fn from($value: $type) -> Self {
                $made
            }
        })*
    };
}
from! {
    i64, number => Self::Integer(number);
    u32, number => Self::Integer(number.into());
    &str, text => Self::Text(text.to_owned());
    Uuid, id => Self::Text(id.to_string());
    &[u8], bytes => Self::Blob(bytes.to_vec());
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
