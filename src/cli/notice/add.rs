//! `besked notice add`: the rows of a file become recipients of a standing notice.

use std::fs::File;

use super::step::say_if_nobody_sends;
use super::{Add, file};
use crate::app::App;
use crate::cli::failure::{Failure, INVALID};
use crate::cli::named::named;
use crate::cli::output::{Output, count};
use crate::domain::actor::Actor;
use crate::domain::notice::Step;
use crate::domain::notice::reference::Purpose;
use crate::domain::rows_file::{KeyedRow, KeyedRows, MAX_BYTES};
use crate::notices::recipients::{Added, MOST, NewRow};

/// Adds the good rows of a file, and names the others.
pub async fn add(app: &App, actor: &Actor, command: &Add, output: &Output) -> Result<u8, Failure> {
    let id = named(app, actor, &command.id, Purpose::Take(Step::Close)).await?;
    let rows = read(command)?;
    let mut all = Added { problems: rows.problems, ..Added::default() };
    for part in rows.rows.chunks(MOST) {
        let added = app.notices.add(id, part.iter().map(row).collect(), actor).await;
        // What was added before this part stays: the same file again goes on from there.
        let added = added.map_err(|error| {
            let failure = Failure::from(error);
            if all.accepted == 0 {
                failure
            } else {
                failure.hint_first(format!("{} rows were added; add the same file again", all.accepted))
            }
        })?;
        all.accepted += added.accepted;
        all.repeated += added.repeated;
        all.deliveries.extend(added.deliveries);
        all.problems.0.extend(added.problems.0);
    }
    all.problems = std::mem::take(&mut all.problems).sorted();
    output.print(&all, describe)?;
    if !all.problems.is_empty() {
        eprintln!("{}", all.problems.clone().limited());
        eprintln!("\nhint: correct these rows and add the same file again; the others are added once");
        return Ok(INVALID);
    }
    say_if_nobody_sends(app, &app.notices.named(actor, &id.to_string()).await?).await;
    Ok(0)
}

fn read(command: &Add) -> Result<KeyedRows, Failure> {
    let path = &command.rows;
    let bytes = File::open(path).and_then(|it| file::contents(it, MAX_BYTES));
    let bytes = bytes.map_err(|source| file::FileError::Read { path: path.clone(), source });
    let bytes = bytes.map_err(|error| {
        Failure::invalid(error).hint("name a table: CSV or a workbook, with the columns `account_id` and `key`")
    })?;
    KeyedRows::parse(&bytes).map_err(|problems| {
        let error = file::FileError::Invalid(vec![(path.clone(), problems.limited())]);
        Failure::invalid(error)
            .hint("it needs a header row with the columns `account_id` and `key`; docs/files.md describes it")
    })
}

fn row(row: &KeyedRow) -> NewRow {
    let KeyedRow { line, account_id, key, values } = row.clone();
    NewRow { line, pointer: None, account_id, key, values }
}

fn describe(added: &Added) -> String {
    let rows = count(added.accepted - added.repeated, "row", "rows");
    let deliveries = count(added.deliveries.len() as u64, "delivery", "deliveries");
    let before = match added.repeated {
        0 => String::new(),
        before => format!("; {} added before", count(before, "row was", "rows were")),
    };
    format!("added {rows}{before}: {deliveries} in all\n")
}
