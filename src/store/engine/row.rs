//! Reading rows: words, ids and times back into the types they were stored from.

use std::fmt::Display;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::ser::{SerializeStruct as _, Serializer};
use sqlx::any::AnyRow;
use sqlx::{ColumnIndex, Decode, Row as _, Type};
use uuid::Uuid;

use crate::domain::address::Address;
use crate::domain::clock::from_millis;
use crate::store::{Result, StoreError};

/// A row together with what an error needs to name it.
pub(in crate::store) struct Row<'a> {
    row: &'a AnyRow,
    table: &'static str,
}

impl<'a> Row<'a> {
    pub(in crate::store) fn of(table: &'static str, row: &'a AnyRow) -> Self {
        Self { row, table }
    }

    pub(in crate::store) fn get<T>(&self, column: &'static str) -> Result<T>
    where
        T: for<'r> Decode<'r, sqlx::Any> + Type<sqlx::Any>,
        for<'i> &'i str: ColumnIndex<AnyRow>,
    {
        Ok(self.row.try_get(column)?)
    }

    /// A value by its position: looking up names for each row is slow with millions of rows.
    pub(in crate::store) fn get_at<T>(&self, place: usize) -> Result<T>
    where
        T: for<'r> Decode<'r, sqlx::Any> + Type<sqlx::Any>,
    {
        Ok(self.row.try_get(place)?)
    }

    /// A value stored as text.
    pub(in crate::store) fn parse<T: FromStr>(&self, column: &'static str) -> Result<T> {
        self.parse_with(column, T::from_str)
    }

    /// A value stored as text, or `None`.
    pub(in crate::store) fn maybe<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| text.parse().map_err(|_| self.unreadable(column))).transpose()
    }

    /// A value stored as text; `None` also for one that this version does not know, where another value takes its place.
    pub(in crate::store) fn known<T: FromStr>(&self, column: &'static str) -> Result<Option<T>> {
        Ok(self.get::<Option<String>>(column)?.and_then(|text| text.parse().ok()))
    }

    /// A value stored as text, read by this parser.
    pub(in crate::store) fn parse_with<T, E>(
        &self,
        column: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T> {
        let text: String = self.get(column)?;
        parse(&text).map_err(|_| self.unreadable(column))
    }

    /// A value as JSON.
    pub(in crate::store) fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T> {
        self.read_json(column, &self.get::<String>(column)?)
    }

    /// A value stored as JSON, or `None`.
    pub(in crate::store) fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>> {
        self.get::<Option<String>>(column)?.map(|text| self.read_json(column, &text)).transpose()
    }

    fn read_json<T: DeserializeOwned>(&self, column: &'static str, text: &str) -> Result<T> {
        serde_json::from_str(text).map_err(|problem| self.inconsistent(column, place(&problem)))
    }

    /// Rows that the engine has put into one JSON text, which costs a fraction of separate rows; empty
    /// if there is none.
    pub(in crate::store) fn packed<T: DeserializeOwned>(&self, column: &'static str) -> Result<Vec<T>> {
        let text: Option<String> = self.get(column)?;
        let Some(text) = text else { return Ok(Vec::new()) };
        serde_json::from_str(&text).map_err(|problem| StoreError::Inconsistent {
            table: self.table,
            column,
            row: "?".to_owned(),
            problem: format!("{}, as the engine packed it", place(&problem)),
        })
    }

    pub(in crate::store) fn id(&self, column: &'static str) -> Result<Uuid> {
        self.parse(column)
    }

    pub(in crate::store) fn time(&self, column: &'static str) -> Result<Timestamp> {
        Ok(from_millis(self.get(column)?))
    }

    pub(in crate::store) fn maybe_time(&self, column: &'static str) -> Result<Option<Timestamp>> {
        Ok(self.get::<Option<i64>>(column)?.map(from_millis))
    }

    /// A count: never negative.
    pub(in crate::store) fn count(&self, column: &'static str) -> Result<u64> {
        let value: i64 = self.get(column)?;
        u64::try_from(value).map_err(|problem| self.inconsistent(column, problem))
    }

    /// A count, or `None`.
    pub(in crate::store) fn maybe_count(&self, column: &'static str) -> Result<Option<u64>> {
        if self.get::<Option<i64>>(column)?.is_none() { Ok(None) } else { self.count(column).map(Some) }
    }

    /// A blob of a fixed length.
    pub(in crate::store) fn bytes<const N: usize>(&self, column: &'static str) -> Result<[u8; N]> {
        let bytes: Vec<u8> = self.get(column)?;
        bytes
            .try_into()
            .map_err(|bytes: Vec<u8>| self.inconsistent(column, format!("has {} bytes, not {N}", bytes.len())))
    }

    /// A blob of a fixed length, or `None`.
    pub(in crate::store) fn maybe_bytes<const N: usize>(&self, column: &'static str) -> Result<Option<[u8; N]>> {
        if self.get::<Option<Vec<u8>>>(column)?.is_none() { Ok(None) } else { self.bytes(column).map(Some) }
    }

    /// The message of a parser may quote the value, which may be personal data.
    fn unreadable(&self, column: &'static str) -> StoreError {
        self.inconsistent(column, "is not a value of this column")
    }

    fn inconsistent(&self, column: &'static str, problem: impl Display) -> StoreError {
        let key: Result<String, _> = self.row.try_get(0);
        StoreError::Inconsistent {
            table: self.table,
            column,
            row: key.unwrap_or_else(|_| "?".to_owned()),
            problem: problem.to_string(),
        }
    }
}

/// The position of a JSON error. The rest of the message may quote the value.
pub(crate) fn place(problem: &serde_json::Error) -> String {
    format!("cannot be read from line {}, column {} on", problem.line(), problem.column())
}

/// Hexadecimal, as blobs travel in bulk parameters.
pub(in crate::store) fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

/// Serialises an address as the columns `email` and `email_key`, so that no row has one without the other.
pub(in crate::store) fn address_columns<S: Serializer>(
    address: &Address,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let mut columns = serializer.serialize_struct("Address", 2)?;
    columns.serialize_field("email", address.as_str())?;
    columns.serialize_field("email_key", address.key().as_str())?;
    columns.end()
}
