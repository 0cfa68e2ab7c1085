//! A statement with its parameters, and what is read from its rows. The texts stay as they are for both engines; ids, times and
//! numbers are bound as the tables store them.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::any::{AnyArguments, AnyRow};
use sqlx::{Any, Encode, SqlSafeStr, Type};
use uuid::Uuid;

use super::{Conn, Result};
use crate::domain::address::AddressKey;
use crate::store::engine::row::Row;

/// A statement with its parameters.
pub(in crate::store) struct Query(sqlx::query::Query<'static, Any, AnyArguments>);

/// A statement with the values of its parameters, `$1` first.
macro_rules! query {
    ($text:expr $(, $value:expr)* $(,)?) => {
        $crate::store::engine::query::Query::of($text)$(.bind($value))*
    };
}
pub(in crate::store) use query;

impl Query {
    /// A statement without parameters yet: use [`query`].
    pub(in crate::store) fn of(text: impl SqlSafeStr) -> Self {
        Self(sqlx::query(text))
    }

    /// Adds the next parameter.
    pub(in crate::store) fn bind<'t, P: Param>(self, value: P) -> Self
    where
        P::Sql: Encode<'t, Any> + Type<Any>,
    {
        Self(self.0.bind(value.sql()))
    }

    /// Runs it.
    pub(in crate::store) async fn run(self, conn: &mut Conn) -> Result<()> {
        self.changed(conn).await.map(drop)
    }

    /// How many rows it changed.
    pub(in crate::store) async fn changed(self, conn: &mut Conn) -> Result<u64> {
        Ok(self.0.execute(conn).await?.rows_affected())
    }

    /// Returns true if it changed one row.
    pub(in crate::store) async fn changed_one(self, conn: &mut Conn) -> Result<bool> {
        Ok(self.changed(conn).await? == 1)
    }

    /// All rows.
    pub(in crate::store) async fn rows(self, conn: &mut Conn) -> Result<Vec<AnyRow>> {
        Ok(self.0.fetch_all(conn).await?)
    }

    /// All rows, each read so.
    pub(in crate::store) async fn all<T, All: FromIterator<T>>(
        self,
        conn: &mut Conn,
        read: impl Fn(&AnyRow) -> Result<T>,
    ) -> Result<All> {
        self.rows(conn).await?.iter().map(read).collect()
    }

    /// The first row, if there is one.
    pub(in crate::store) async fn first_row(self, conn: &mut Conn) -> Result<Option<AnyRow>> {
        Ok(self.0.fetch_optional(conn).await?)
    }

    /// Returns true if it finds a row.
    pub(in crate::store) async fn exists(self, conn: &mut Conn) -> Result<bool> {
        Ok(self.first_row(conn).await?.is_some())
    }

    /// The first row, if there is one, read so.
    pub(in crate::store) async fn first<T>(
        self,
        conn: &mut Conn,
        read: impl FnOnce(&AnyRow) -> Result<T>,
    ) -> Result<Option<T>> {
        self.first_row(conn).await?.as_ref().map(read).transpose()
    }

    /// The row that there always is.
    pub(in crate::store) async fn row(self, conn: &mut Conn) -> Result<AnyRow> {
        Ok(self.0.fetch_one(conn).await?)
    }

    /// The row that there always is, read so.
    pub(in crate::store) async fn one<T>(self, conn: &mut Conn, read: impl FnOnce(&AnyRow) -> Result<T>) -> Result<T> {
        read(&self.row(conn).await?)
    }

    /// The count `n` in the row that there always is.
    pub(in crate::store) async fn count(self, conn: &mut Conn, table: &'static str) -> Result<u64> {
        self.one(conn, |row| Row::of(table, row).count("n")).await
    }

    /// The rows that the engine has packed into one text.
    pub(in crate::store) async fn packed<T: DeserializeOwned>(
        self,
        conn: &mut Conn,
        table: &'static str,
    ) -> Result<Vec<T>> {
        self.one(conn, |row| Row::of(table, row).packed("packed")).await
    }
}

/// A value as it is stored: ids as text, times in milliseconds, numbers as large as a column holds at most.
pub(in crate::store) trait Param {
    /// What the column has.
    type Sql;

    /// The value for the column.
    fn sql(self) -> Self::Sql;
}

macro_rules! params {
    ($([$($life:tt)*] $type:ty as $sql:ty: $value:ident => $made:expr;)*) => {
        $(impl<$($life)*> Param for $type {
            type Sql = $sql;

            fn sql(self) -> $sql {
                let $value = self;
                $made
            }
        })*
    };
}
params! {
    [] i64 as i64: number => number;
    [] u8 as i64: number => number.into();
    [] u16 as i64: number => number.into();
    [] u32 as i64: number => number.into();
    [] u64 as i64: number => i64::try_from(number).unwrap_or(i64::MAX);
    [] usize as i64: number => i64::try_from(number).unwrap_or(i64::MAX);
    [] bool as i64: holds => holds.into();
    [] Timestamp as i64: at => at.as_millisecond();
    [] Uuid as String: id => id.to_string();
    [] String as String: text => text;
    ['a] &'a str as &'a str: text => text;
    ['a] &'a String as &'a str: text => text;
    ['a] &'a AddressKey as &'a str: key => key.as_str();
    [] Vec<u8> as Vec<u8>: bytes => bytes;
    ['a] &'a [u8] as &'a [u8]: bytes => bytes;
    ['a] &'a Vec<u8> as &'a [u8]: bytes => bytes;
    ['a, const N: usize] &'a [u8; N] as &'a [u8]: bytes => bytes;
    ['a] &'a Option<String> as Option<&'a str>: text => text.as_deref();
}

impl<P: Param> Param for Option<P> {
    type Sql = Option<P::Sql>;

    fn sql(self) -> Self::Sql {
        self.map(Param::sql)
    }
}
