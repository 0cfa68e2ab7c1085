//! The recipients of deliveries, as far as recording an outcome needs them. Texts stay as they are stored: a delivery that
//! cannot be sent, because a part of it cannot be read, can still be cancelled or become uncertain.

use uuid::Uuid;

use crate::domain::entry::Person;
use crate::store::engine::dialect::{among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::{Conn, Result};

/// A delivery and its recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The delivery.
    pub id: Uuid,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address.
    pub email: String,
    /// Role addressed.
    pub role: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// The key of the row that it was added with to a standing notice.
    pub row_key: Option<String>,
}

impl Recipient {
    /// The person in the ledger's entry about this delivery, as far as it is known before an attempt.
    #[must_use]
    pub fn into_person(self) -> Person {
        Person {
            account_id: self.account_id,
            address: self.email,
            role: self.role,
            customer_name: self.customer_name,
            ..Person::default()
        }
    }
}

/// The recipients of these deliveries; those whose person was erased are left out.
pub async fn find(conn: &mut Conn, ids: &[String]) -> Result<Vec<Recipient>> {
    let sql = among!(
        conn,
        "SELECT id, ordinal, account_id, email, role, customer_name, row_key FROM deliveries WHERE id", in "$1",
        " AND email <> ''"
    );
    query!(sql, json(ids))
        .all(conn, |row| {
            let row = Row::of("deliveries", row);
            Ok(Recipient {
                id: row.id("id")?,
                ordinal: row.count("ordinal")?,
                account_id: row.get("account_id")?,
                email: row.get("email")?,
                role: row.get("role")?,
                customer_name: row.get("customer_name")?,
                row_key: row.get("row_key")?,
            })
        })
        .await
}
