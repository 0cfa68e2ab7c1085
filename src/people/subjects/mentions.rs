//! Finding an address in free text and in audience files.

use std::collections::BTreeMap;

use crate::domain::address::{self, AddressKey, mentioned};
use crate::domain::notice::State;
use crate::store::people::mentions::{self, FileRow, Words};
use crate::store::{Conn, Store, StoreError};

/// Rows read at once.
const PAGE: u32 = 1000;

/// The attestations that may mention somebody, page by page.
#[derive(Default)]
struct Attestations {
    after: String,
}

impl Attestations {
    /// The next page; `None` behind the last.
    async fn next(&mut self, conn: &mut Conn) -> Result<Option<Vec<Words>>, StoreError> {
        let page = mentions::attestations(conn, &self.after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = last.id.to_string();
        Ok(Some(page))
    }
}

/// The rows of audience files that contain a text, page by page.
struct FileRows<'a> {
    text: &'a str,
    after: (String, String),
}

impl<'a> FileRows<'a> {
    fn with(text: &'a str) -> Self {
        Self { text, after: <(String, String)>::default() }
    }

    /// The next page; `None` behind the last.
    async fn next(&mut self, conn: &mut Conn) -> Result<Option<Vec<FileRow>>, StoreError> {
        let page = mentions::file_rows(conn, self.text, (&self.after.0, &self.after.1), PAGE).await?;
        let Some(last) = page.last() else { return Ok(None) };
        self.after = (last.notice_id.to_string(), last.account_id.clone());
        Ok(Some(page))
    }
}

/// The attestations whose words mention an address.
pub(super) async fn attestations(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Words>, StoreError> {
    let (mut found, mut pages) = (Vec::new(), Attestations::default());
    while let Some(page) = pages.next(conn).await? {
        found.extend(page.into_iter().filter(|it| mentioned(&it.note, key) || mentioned(&it.witness, key)));
    }
    Ok(found)
}

/// The rows of audience files that have the address as a value.
pub(super) async fn file_rows(conn: &mut Conn, key: &AddressKey) -> Result<Vec<FileRow>, StoreError> {
    // A row may spell an internationalised domain in other ways than the address does.
    let text = if key.domain().contains("xn--") { "@" } else { key.domain() };
    let (mut found, mut pages) = (Vec::new(), FileRows::with(text));
    while let Some(page) = pages.next(conn).await? {
        found.extend(page.into_iter().filter(|row| names(&row.values, key)));
    }
    Ok(found)
}

/// Passes the keys of all addresses that attestations and past audience files mention to `show`. Each page is read for itself: no
/// connection is held in between.
pub(super) async fn each(store: &Store, mut show: impl FnMut(AddressKey)) -> Result<(), StoreError> {
    let mut pages = Attestations::default();
    while let Some(page) = pages.next(&mut *store.read().await?).await? {
        let texts = page.iter().flat_map(|it| [it.note.as_str(), it.witness.as_str()]);
        texts.flat_map(address::mentions).for_each(&mut show);
    }
    let mut pages = FileRows::with("@");
    while let Some(page) = pages.next(&mut *store.read().await?).await? {
        let rows = page.iter().filter(|row| is_past(row.state));
        rows.flat_map(|row| row.values.values()).flat_map(|value| address::mentions(value)).for_each(&mut show);
    }
    Ok(())
}

fn names(values: &BTreeMap<String, String>, key: &AddressKey) -> bool {
    values.values().any(|value| mentioned(value, key))
}

/// True if the audience of a notice in this state does not need its rows any more: the deliveries have their values, or there will
/// never be any.
pub(super) const fn is_past(state: State) -> bool {
    matches!(state, State::Released | State::Closed | State::Cancelled | State::Declined)
}
