//! The coverage of a notice for people who read it: its customers a page at a time, and their number.

use super::rows::Next;
use super::{Coverage, CoverageError, CoverageRow, Only, Totals};
use crate::domain::actor::Actor;
use crate::domain::page::{CursorError, Page, PageRequest};

/// Customers that are looked at together.
const AT_ONCE: u32 = 100;

/// Looks for one page, at most: a page of few customers among very many comes to its end, and has a next one.
const LOOKS: u32 = 20;

impl Next {
    /// The cursor of the page that begins here; `None` at the end.
    fn cursor(&self) -> Option<String> {
        match self {
            Self::Addressed(ordinal) => Some(format!("a{ordinal}")),
            Self::Unaddressed(account) => Some(format!("u{account}")),
            Self::End => None,
        }
    }

    fn parse(cursor: &str) -> Result<Self, CursorError> {
        let wrong = || CursorError(cursor.to_owned());
        match cursor.split_at_checked(1) {
            Some(("a", ordinal)) => ordinal.parse().map(Self::Addressed).map_err(|_| wrong()),
            Some(("u", account)) => Ok(Self::Unaddressed(account.to_owned())),
            _ => Err(wrong()),
        }
    }
}

impl Coverage {
    /// Returns a page of the customers of a released notice, named by id or reference, in the order in which they were addressed; then
    /// those with nobody to address. A page may have fewer customers than were asked for and a next page all the same.
    ///
    /// # Errors
    /// If there is no such notice, it is not released, the cursor is not one of this list, or the database fails.
    pub async fn customers(
        &self,
        actor: &Actor,
        notice: &str,
        only: Only,
        request: &PageRequest,
    ) -> Result<Page<CoverageRow>, CoverageError> {
        let mut covering = self.coverage(actor, notice).await?;
        covering.at_once = AT_ONCE.min(request.limit);
        if let Some(cursor) = &request.after {
            covering.next = Next::parse(cursor)?;
        }
        let mut items = Vec::new();
        for _ in 0..LOOKS {
            let Some(found) = covering.next_of(only).await? else { break };
            items.extend(found);
            if items.len() >= request.limit as usize {
                break;
            }
        }
        Ok(Page { items, next: covering.next.cursor() })
    }

    /// Counts the customers of a released notice: all of its deliveries are read.
    ///
    /// # Errors
    /// If there is no such notice, it is not released, or the database fails.
    pub async fn totals(&self, actor: &Actor, notice: &str) -> Result<Totals, CoverageError> {
        let mut covering = self.coverage(actor, notice).await?;
        while covering.next().await?.is_some() {}
        Ok(covering.totals())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_continues_where_its_cursor_says() {
        for cursor in ["a0", "a17", "u", "uC1"] {
            assert_eq!(Next::parse(cursor).unwrap().cursor().as_deref(), Some(cursor));
        }
        assert_eq!(Next::End.cursor(), None);
        for cursor in ["", "a", "ax", "x1", "é"] {
            assert!(Next::parse(cursor).is_err(), "{cursor}");
        }
    }
}
