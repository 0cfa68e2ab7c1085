//! Customers that are a person: once nobody of a customer is stored any more, its name is deleted too, since it may be the
//! person's.

use crate::store::engine::dialect::{Dialect, among, json};
use crate::store::engine::query::query;
use crate::store::engine::row::Row;
use crate::store::people::customer_words;
use crate::store::{Conn, Result};

/// True for a delivery without a person, whose customer has another name today, and that names nobody by this one.
macro_rules! is_former {
    () => {
        " AND customer_name <> '' AND email = ''
           AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.account_id = deliveries.account_id AND c.name = deliveries.customer_name)
           AND NOT EXISTS (SELECT 1 FROM deliveries o WHERE o.account_id = deliveries.account_id
             AND o.customer_name = deliveries.customer_name AND o.email <> '')"
    };
}

/// Clears the names of those of the customers who have no contact left, in `customers` and in the record of notices.
pub async fn clear(conn: &mut Conn, accounts: &[String]) -> Result<()> {
    customer_words::remove(conn, accounts, true).await?;
    let sql = among!(
        conn,
        "UPDATE customers SET name = '' WHERE account_id", in "$1",
        " AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = customers.account_id)"
    );
    query!(sql, json(&accounts)).run(&mut *conn).await?;
    clear_records(conn, accounts).await
}

/// Clears the names of customers in the record of notices, as far as nobody of them is stored any more: no contact, no delivery
/// that names a person, and no name in `customers` unless the customer left.
pub async fn clear_records(conn: &mut Conn, accounts: &[String]) -> Result<()> {
    let dialect = Dialect::of(conn);
    let nobodys = dialect.pick(
        "SELECT a.value AS account_id FROM json_each($1) AS a
         WHERE NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = a.value)
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = a.value AND d.email <> '')
           AND NOT EXISTS (SELECT 1 FROM customers c
             WHERE c.account_id = a.value AND c.status = 'active' AND c.name <> '')",
        "SELECT a.value AS account_id FROM (SELECT jsonb_array_elements_text($1::jsonb) AS value) AS a
         WHERE NOT EXISTS (SELECT 1 FROM contacts k WHERE k.account_id = a.value)
           AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.account_id = a.value AND d.email <> '')
           AND NOT EXISTS (SELECT 1 FROM customers c
             WHERE c.account_id = a.value AND c.status = 'active' AND c.name <> '')",
    );
    let rows = query!(nobodys, json(&accounts)).rows(&mut *conn).await?;
    let cleared: Vec<String> =
        rows.iter().map(|row| Row::of("customers", row).get("account_id")).collect::<Result<_>>()?;
    if cleared.is_empty() {
        return clear_former(conn, accounts).await;
    }
    for sql in [
        among!(
            conn,
            "UPDATE deliveries SET customer_name = ''
             WHERE account_id", in "$1",
            " AND customer_name <> ''"
        ),
        among!(
            conn,
            "UPDATE unaddressed SET customer_name = ''
             WHERE account_id", in "$1",
            " AND customer_name <> ''"
        ),
    ] {
        query!(sql, json(&cleared)).run(&mut *conn).await?;
    }
    clear_former(conn, accounts).await
}

/// Clears the names in the record of notices that the customers do not have any more, as far as no delivery with the same name
/// names a person: an account id may have been given to somebody else.
async fn clear_former(conn: &mut Conn, accounts: &[String]) -> Result<()> {
    let sql = Dialect::of(conn).pick(
        concat!(
            "UPDATE deliveries SET customer_name = '' WHERE account_id IN (SELECT value FROM json_each($1))",
            is_former!()
        ),
        concat!(
            "UPDATE deliveries SET customer_name = ''
             WHERE account_id = ANY (ARRAY(SELECT jsonb_array_elements_text($1::jsonb)))",
            is_former!()
        ),
    );
    query!(sql, json(&accounts)).run(conn).await
}
