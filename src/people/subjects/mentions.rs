//! Finding an address in free text and in audience files.

use std::collections::BTreeMap;

use crate::domain::address::{self, AddressKey, mentioned};
use crate::domain::notice::State;
use crate::store::people::mentions::{self, FileRow, Words};
use crate::store::{Conn, Store, StoreError};

/// Rows read at once.
const PAGE: u32 = 1000;

/// The attestations whose words mention an address.
pub(super) async fn attestations(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Words>, StoreError> {
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = mentions::attestations(conn, &after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = last.id.to_string();
        found.extend(page.into_iter().filter(|it| mentioned(&it.note, key) || mentioned(&it.witness, key)));
    }
}

/// The rows of audience files that have the address as a value.
pub(super) async fn file_rows(conn: &mut Conn, key: &AddressKey) -> Result<Vec<FileRow>, StoreError> {
    // A row may spell an internationalised domain in other ways than the address does.
    let text = if key.domain().contains("xn--") { "@" } else { key.domain() };
    let mut found = Vec::new();
    let mut after = (String::new(), String::new());
    loop {
        let page = mentions::file_rows(conn, text, (&after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { return Ok(found) };
        after = (last.notice_id.to_string(), last.account_id.clone());
        found.extend(page.into_iter().filter(|row| names(&row.values, key)));
    }
}

/// Passes the keys of all addresses that attestations and past audience files mention to `show`.
pub(super) async fn each(store: &Store, mut show: impl FnMut(AddressKey)) -> Result<(), StoreError> {
    let mut after = String::new();
    loop {
        let page = mentions::attestations(&mut *store.read().await?, &after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.to_string();
        let texts = page.iter().flat_map(|it| [it.note.as_str(), it.witness.as_str()]);
        texts.flat_map(address::mentions).for_each(&mut show);
    }
    let mut after = (String::new(), String::new());
    loop {
        let page = mentions::file_rows(&mut *store.read().await?, "@", (&after.0, &after.1), PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = (last.notice_id.to_string(), last.account_id.clone());
        let rows = page.iter().filter(|row| is_past(row.state));
        rows.flat_map(|row| row.values.values()).flat_map(|value| address::mentions(value)).for_each(&mut show);
    }
}

fn names(values: &BTreeMap<String, String>, key: &AddressKey) -> bool {
    values.values().any(|value| mentioned(value, key))
}

/// True if the audience of a notice in this state does not need its rows any more: the deliveries have their values, or there will
/// never be any.
pub(super) const fn is_past(state: State) -> bool {
    matches!(state, State::Released | State::Closed | State::Cancelled | State::Declined)
}
