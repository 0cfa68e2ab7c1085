//! Rows that expire one by one: contacts, opt-outs, suppressions, views and corrections.

use jiff::Timestamp;

use crate::store::engine::query::query;
use crate::store::{Conn, Result};

/// Rows that expire one by one, each a while after its own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Deactivated contacts of customers that have not left.
    DeactivatedContacts,
    /// Opt-outs of addresses that no contact has.
    Preferences,
    /// Suppressions of addresses that no contact has.
    Suppressions,
    /// Views of records of persons who are not restricted any more.
    Reads,
    /// Corrections to addresses that no contact has.
    Rectifications,
    /// Tasks that are done, and are about no notice: the others go with theirs.
    Tasks,
}

/// True if a legal hold is on a customer or notice of the person whose address has this key: of a customer that has the address, or what
/// it was corrected to, as a contact, or was addressed by one of them.
macro_rules! is_held {
    ($key:literal) => {
        concat!(
            "EXISTS (SELECT 1 FROM holds h JOIN contacts k ON k.account_id = h.account_id WHERE k.email_key = ",
            $key,
            " OR k.email_key IN (SELECT r.new_key FROM rectifications r WHERE r.old_key = ",
            $key,
            ")) OR EXISTS (SELECT 1 FROM deliveries d JOIN holds h ON h.account_id = d.account_id OR h.notice_id = d.notice_id
               WHERE d.email_key <> '' AND d.email_key = ",
            $key,
            ") OR EXISTS (SELECT 1 FROM rectifications r JOIN deliveries d ON d.email_key = r.new_key
               JOIN holds h ON h.account_id = d.account_id OR h.notice_id = d.notice_id
               WHERE d.email_key <> '' AND r.old_key = ",
            $key,
            ")"
        )
    };
}

/// The statements that count what expired, count what of it stays since it is under a hold, and delete the rest.
macro_rules! expired_rows {
    ($table:literal, $key:literal, $condition:literal, $held:expr) => {
        (
            concat!("SELECT COUNT(*) AS n FROM ", $table, " t WHERE ", $condition, " AND NOT (", $held, ")"),
            concat!("SELECT COUNT(*) AS n FROM ", $table, " t WHERE ", $condition, " AND (", $held, ")"),
            concat!(
                "DELETE FROM ",
                $table,
                " WHERE (",
                $key,
                ") IN (SELECT ",
                $key,
                " FROM ",
                $table,
                " t WHERE ",
                $condition,
                " AND NOT (",
                $held,
                ") LIMIT $2)"
            ),
        )
    };
}

impl Rows {
    /// The statements that count the rows, count those that a hold keeps, and delete the others; `$1` is the time before which they
    /// expired.
    const fn statements(self) -> (&'static str, &'static str, &'static str) {
        match self {
            // Those of a customer that left are needed to inform it, and deleted with it.
            Self::DeactivatedContacts => expired_rows!(
                "contacts",
                "account_id, email_key, role",
                "t.deactivated_at < $1
                   AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.account_id = t.account_id AND c.status = 'left')",
                "EXISTS (SELECT 1 FROM holds h WHERE h.account_id = t.account_id)"
            ),
            Self::Preferences => expired_rows!(
                "preferences",
                "email_key, category",
                "t.opted_out_at < $1 AND (t.contact_ended_at IS NULL OR t.contact_ended_at < $1)
                   AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.email_key = t.email_key)",
                is_held!("t.email_key")
            ),
            // A restricted address is masked for as long as it is shown anywhere.
            Self::Suppressions => expired_rows!(
                "suppressions",
                "email_key, reason",
                "t.since < $1 AND (t.contact_ended_at IS NULL OR t.contact_ended_at < $1)
                   AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.email_key = t.email_key)
                   AND NOT EXISTS (SELECT 1 FROM deliveries d 
                     WHERE d.email_key = t.email_key AND d.email_key <> '' AND t.reason = 'restricted')",
                is_held!("t.email_key")
            ),
            Self::Rectifications => expired_rows!(
                "rectifications",
                "old_key",
                "t.at < $1 AND (t.contact_ended_at IS NULL OR t.contact_ended_at < $1)
                   AND NOT EXISTS (SELECT 1 FROM contacts k WHERE k.email_key = t.new_key)",
                is_held!("t.old_key")
            ),
            Self::Tasks => expired_rows!(
                "tasks",
                "id",
                "t.done_at < $1 AND t.notice_id IS NULL",
                "EXISTS (SELECT 1 FROM holds h WHERE h.account_id = t.account_id)"
            ),
            Self::Reads => expired_rows!(
                "reads",
                "id",
                "t.at < $1 AND NOT EXISTS (SELECT 1 FROM suppressions s WHERE s.email_key = t.email_key)",
                is_held!("t.email_key")
            ),
        }
    }
}

/// The number of rows of a kind that expired before a time.
pub async fn count_rows(conn: &mut Conn, rows: Rows, before: Timestamp) -> Result<u64> {
    query!(rows.statements().0, before).count(conn, "retention").await
}

/// The number of rows of a kind that expired before a time, and stay since they are under a hold.
pub async fn count_held_rows(conn: &mut Conn, rows: Rows, before: Timestamp) -> Result<u64> {
    query!(rows.statements().1, before).count(conn, "retention").await
}

/// Deletes up to `limit` rows of a kind that expired before a time; returns their number.
pub async fn delete_rows(conn: &mut Conn, rows: Rows, before: Timestamp, limit: u32) -> Result<u64> {
    query!(rows.statements().2, before, limit).changed(conn).await
}
