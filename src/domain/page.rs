//! Pages of a list: how many items, and after which one.

use std::str::FromStr;

use thiserror::Error;

/// What a caller asks of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// The cursor of the page before; the list starts at its first item without one.
    pub after: Option<String>,
    /// The most items of the page.
    pub limit: u32,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Its items.
    pub items: Vec<T>,
    /// The cursor of the next page, if there is one.
    pub next: Option<String>,
}

/// The first items of a list that is shown without a next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct First<T> {
    /// Its first items.
    pub items: Vec<T>,
    /// There are more.
    pub more: bool,
}

impl<T> Default for First<T> {
    fn default() -> Self {
        Self { items: Vec::new(), more: false }
    }
}

impl<T> First<T> {
    /// Makes a list of `most` items at most from one row more, which says whether there are more.
    #[must_use]
    pub fn of(mut rows: Vec<T>, most: u32) -> Self {
        let more = rows.len() > most as usize;
        rows.truncate(most as usize);
        Self { items: rows, more }
    }
}

/// A cursor that no page of the list returned.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{}` is not a cursor of this list", .0.escape_debug())]
pub struct CursorError(pub String);

impl PageRequest {
    /// How many rows to read: one more than the page has, which says whether a next page exists.
    #[must_use]
    pub const fn to_read(&self) -> u32 {
        self.limit.saturating_add(1)
    }

    /// Returns the key that the cursor stands for.
    ///
    /// # Errors
    /// If the cursor is not one of this list.
    pub fn key<K: FromStr>(&self) -> Result<Option<K>, CursorError> {
        let key = |text: &String| text.parse().map_err(|_| CursorError(text.clone()));
        self.after.as_ref().map(key).transpose()
    }
}

impl<T> Page<T> {
    /// Makes a page from [`PageRequest::to_read`] rows; `cursor` returns the key of a row.
    #[must_use]
    pub fn of(mut rows: Vec<T>, request: &PageRequest, cursor: impl Fn(&T) -> String) -> Self {
        let limit = request.limit as usize;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(cursor);
        Self { items: rows, next }
    }

    /// The page with each item changed.
    #[must_use]
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(change).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_a_cursor_only_if_there_is_more() {
        let request = PageRequest { after: None, limit: 2 };
        assert_eq!(request.to_read(), 3);
        let page = |rows: &[u64]| Page::of(rows.to_vec(), &request, u64::to_string);
        assert_eq!(page(&[1, 2, 3]), Page { items: vec![1, 2], next: Some("2".to_owned()) });
        assert_eq!(page(&[1, 2]), Page { items: vec![1, 2], next: None });
        assert_eq!(page(&[]), Page { items: vec![], next: None });
    }

    #[test]
    fn the_first_items_say_whether_there_are_more() {
        assert_eq!(First::of(vec![1, 2, 3], 2), First { items: vec![1, 2], more: true });
        assert_eq!(First::of(vec![1, 2], 2), First { items: vec![1, 2], more: false });
    }

    #[test]
    fn a_cursor_of_another_list_is_refused() {
        let after = |text: &str| PageRequest { after: Some(text.to_owned()), limit: 2 };
        assert_eq!(after("7").key::<u64>(), Ok(Some(7)));
        assert_eq!(after("x").key::<u64>(), Err(CursorError("x".to_owned())));
    }
}
