//! `besked tasks`: what a person must do, by when and why.

use clap::Subcommand;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use crate::cli::args::{id, said};
use crate::escalation::{Task, TaskError};

/// Tasks for people.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List tasks, the newest first
    List {
        /// Only those that still have to be done
        #[arg(long)]
        open: bool,
        #[command(flatten)]
        paging: Paging,
    },
    /// Show a task
    Show {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
    /// Close a task with a note; for a customer who was informed in another way, `besked attest` does it
    Done {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
        /// What was done
        #[arg(long, value_name = "TEXT", value_parser = said)]
        note: String,
    },
}

/// Runs `besked tasks`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::List { open, paging } => {
            let header = ["id", "kind", "state", "notice", "account", "deadline", "reason"];
            let fetch = async |page| Ok(app.tasks.list(&actor, open, &page).await?);
            paging.print(output, "tasks", (header, row), fetch).await?;
        }
        Command::Show { id } => output.print(&app.tasks.find(&actor, id).await?, describe)?,
        Command::Done { id, note } => {
            let task = app.tasks.done(&actor, id, &note).await?;
            output.print(&task, |task| format!("{} done\n", task.id))?;
        }
    }
    Ok(0)
}

fn row(task: &Task) -> [String; 7] {
    [
        task.id.to_string(),
        task.kind.to_string(),
        task.state.to_string(),
        task.notice_id.map(|id| id.to_string()).unwrap_or_default(),
        task.account_id.clone().unwrap_or_default(),
        task.deadline.map(time).unwrap_or_default(),
        task.reason.clone(),
    ]
}

/// A task line by line, without what it lacks.
fn describe(task: &Task) -> String {
    let closed_by = task.done_at.map(|_| task.done_by.clone().unwrap_or_else(|| "a fact".to_owned()));
    let lines = [
        ("task", Some(task.id.to_string())),
        ("kind", Some(task.kind.to_string())),
        ("state", Some(task.state.to_string())),
        ("reason", Some(task.reason.clone())),
        ("notice", task.notice_id.map(|id| id.to_string())),
        ("account", task.account_id.clone()),
        ("delivery", task.delivery_id.map(|id| id.to_string())),
        ("message", task.inbound_id.map(|id| id.to_string())),
        ("opened", Some(time(task.opened_at))),
        ("deadline", task.deadline.map(time)),
        ("closed", task.done_at.map(time)),
        ("closed by", closed_by),
        ("note", task.note.clone()),
    ];
    let shown = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
    shown.map(|(name, value)| format!("{name:<10}{}\n", value.replace(char::is_control, " "))).collect()
}

impl From<TaskError> for Failure {
    fn from(error: TaskError) -> Self {
        let failure = Self::of(error.kind(), &error);
        match error {
            TaskError::Forbidden(error) => error.into(),
            TaskError::Store(error) => error.into(),
            TaskError::Unknown(_) => failure.hint("`besked tasks list` lists the tasks"),
            TaskError::Done { .. } => failure.hint("`besked tasks show ID` shows how it was closed"),
            TaskError::Cursor(_) => failure.hint(super::failure::CURSOR),
            TaskError::Words(_) => failure,
        }
    }
}
