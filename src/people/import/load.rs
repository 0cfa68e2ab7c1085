//! The second pass: the rows are loaded into tables beside the database.

use std::collections::{BTreeMap, BTreeSet};

use super::ImportError;
use super::check::{CHECKED, Checked, share};
use super::corrections::Corrections;
use super::rows::Rows;
use crate::domain::customer::AccountId;
use crate::domain::customers_file::Row;
use crate::domain::table::TableError;
use crate::store::people::imports::{self, AttributeRow, ContactRow, CustomerRow, KeptRow};
use crate::store::{Conn, StoreError};

/// Rows loaded with one statement for each table.
pub(super) const CHUNK: usize = 4000;

/// The share of the work that is done when the file is loaded.
const LOADED: f64 = 0.7;

/// Loads a checked file. The contacts of erased persons are loaded only to `revive` them.
pub(super) async fn load(
    conn: &mut Conn,
    checked: &mut Checked,
    corrections: &Corrections,
    revive: bool,
    progress: &(dyn Fn(f64) + Sync),
) -> Result<(), ImportError> {
    imports::begin(conn).await?;
    let attributes: Vec<&str> = checked.attributes.iter().map(String::as_str).collect();
    imports::add_attribute_names(conn, &attributes).await?;
    let erased = &checked.imported.erased;
    let mut rows = Rows::open(&mut checked.copy, checked.layout).map_err(copy_error)?;
    let mut chunk = Chunk { has_roles: !checked.lacking.role, ..Chunk::default() };
    while let Some((line, row)) = rows.next().map_err(copy_error)? {
        match row {
            Ok(row) if checked.bad.contradicting.binary_search(&line).is_ok() => chunk.kept.push(row.account_id),
            Ok(mut row) => {
                corrections.apply(&mut row);
                let with_contact = revive || erased.binary_search_by_key(&line, |row| row.line).is_err();
                chunk.rows.push((line, row, with_contact));
            }
            Err(row) => chunk.kept.extend(row.account_id),
        }
        if chunk.rows.len() + chunk.kept.len() >= CHUNK {
            chunk.put(conn).await?;
            progress(CHECKED + share(rows.read(), Some(checked.size)) * (LOADED - CHECKED));
        }
    }
    Ok(chunk.put(conn).await?)
}

/// The copy was read before: it can only be the temporary file that fails.
fn copy_error(error: TableError) -> ImportError {
    ImportError::Spool(error.into())
}

/// Rows that are loaded together.
#[derive(Default)]
struct Chunk {
    /// Line, row, and whether its contact is stored too.
    rows: Vec<(usize, Row, bool)>,
    /// Customers with a skipped row.
    kept: Vec<AccountId>,
    /// True if the file says which roles its contacts have.
    has_roles: bool,
}

impl Chunk {
    /// Loads the rows and empties the chunk. One statement must not meet the same key twice.
    async fn put(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let mut names = BTreeMap::new();
        let mut values = BTreeSet::new();
        let mut contact_rows = Vec::with_capacity(self.rows.len());
        for (line, row, with_contact) in &self.rows {
            let account_id = row.account_id.as_str();
            // The name of a customer of whom only erased persons are in the file may be such a person's.
            if *with_contact {
                names.insert(account_id, row.customer_name.as_str());
            } else {
                names.entry(account_id).or_default();
            }
            for (name, of_name) in &row.attributes {
                values.extend(of_name.iter().enumerate().map(|(position, value)| (account_id, name, value, position)));
            }
            if !with_contact {
                continue;
            }
            contact_rows.push(ContactRow {
                account_id,
                email: row.contact.email.clone(),
                role: if self.has_roles { row.contact.role.as_str() } else { "" },
                name: &row.contact.name,
                locale: row.contact.locale.as_ref().map(|locale| locale.as_str()),
                time_zone: row.contact.time_zone.as_ref().map(|zone| zone.as_str()),
                position: *line,
            });
        }
        let customer_rows: Vec<_> =
            names.into_iter().map(|(account_id, name)| CustomerRow { account_id, name }).collect();
        let mut attribute_rows: Vec<_> = values
            .into_iter()
            .map(|(account_id, name, value, position)| AttributeRow { account_id, name, value, position })
            .collect();
        attribute_rows.dedup_by(|a, b| (a.account_id, a.name, a.value) == (b.account_id, b.name, b.value));
        let kept: BTreeSet<&str> = self.kept.iter().map(AccountId::as_str).collect();
        let kept_rows: Vec<_> = kept.into_iter().map(|account_id| KeptRow { account_id }).collect();
        imports::add_customers(conn, &customer_rows).await?;
        imports::add_attributes(conn, &attribute_rows).await?;
        imports::add_contacts(conn, &contact_rows).await?;
        imports::add_kept(conn, &kept_rows).await?;
        self.rows.clear();
        self.kept.clear();
        Ok(())
    }
}
