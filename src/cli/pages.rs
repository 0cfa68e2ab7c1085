//! Lists on the command line: a page at a time with `--limit` and `--after`, or all of it as a stream with `--all`.

use clap::Args;
use serde::Serialize;
use serde_json::{Map, Value};

use super::failure::Failure;
use super::output::{Form, JsonList, Output, Rows, print};
use crate::domain::page::{Page, PageRequest};

/// Items that `--all` reads at once, and the most that `--limit` takes.
pub const AT_ONCE: u32 = 500;

/// Which part of a list to print.
#[derive(Clone, Debug, Args)]
pub struct Paging {
    /// The most items to print
    #[arg(long, default_value_t = 50, value_name = "N", allow_negative_numbers = true, value_parser = limit)]
    limit: u32,
    /// Start after this cursor, as the page before printed it
    #[arg(long, value_name = "CURSOR", allow_hyphen_values = true)]
    after: Option<String>,
    /// Print all items
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

/// A number of items.
fn limit(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (1..=AT_ONCE).contains(number));
    number.ok_or_else(|| format!("it must be a number from 1 to {AT_ONCE}"))
}

impl Paging {
    /// Prints the list that `fetch` reads page by page: in JSON under `name` with the cursor as `next`, else as a table.
    pub async fn print<T: Serialize, const N: usize>(
        &self,
        output: &Output,
        name: &str,
        (header, row): ([&'static str; N], impl Fn(&T) -> [String; N]),
        mut fetch: impl AsyncFnMut(PageRequest) -> Result<Page<T>, Failure>,
    ) -> Result<(), Failure> {
        let limit = if self.all { AT_ONCE } else { self.limit };
        let mut request = PageRequest { after: self.after.clone(), limit };
        // The first page before anything is printed: an error is no half of a document.
        let mut page = fetch(request.clone()).await?;
        let (mut list, opening) = JsonList::open(&Map::new(), name);
        let mut rows = Rows::new(Form::Table, header);
        if output.json {
            print(&opening)?;
        }
        loop {
            print(&if output.json { list.add(&page.items)? } else { rows.add(page.items.iter().map(&row)) })?;
            match page.next.take() {
                Some(next) if self.all => {
                    request.after = Some(next);
                    page = fetch(request.clone()).await?;
                }
                next => {
                    page.next = next;
                    break;
                }
            }
        }
        let next = page.next;
        if output.json {
            let after = Map::from_iter([("next".to_owned(), next.map_or(Value::Null, Value::String))]);
            return print(&list.close(&after));
        }
        next.map_or(Ok(()), |next| print(&format!("\nmore: add `--after={next}`, or `--all` for the whole list\n")))
    }
}
