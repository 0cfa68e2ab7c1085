//! What is shown of notices: lists, one notice with its steps, the progress of its sending.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use super::{Watch, look};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::matters::describe_promise;
use crate::cli::named;
use crate::cli::output::{Output, count, print, table, time};
use crate::cli::pages::Paging;
use crate::coverage::Status;
use crate::domain::actor::Actor;
use crate::domain::notice::State;
use crate::domain::placeholder::Text;
use crate::notices::planned::Planned;
use crate::notices::series::Recurring;
use crate::notices::shown::{Brief, Now, Shown};
use crate::notices::{Filter, Kept};

/// Prints the state of a notice after a step.
pub fn print_state(app: &App, notice: &Kept, output: &Output) -> Result<u8, Failure> {
    output.print(&Now::of(notice), |_| describe_state(notice, app.context.clock.now()))?;
    Ok(0)
}

/// The state of a notice in words, with its id.
pub fn describe_state(notice: &Kept, now: Timestamp) -> String {
    let more = match notice.state {
        State::Submitted => "; waits for the approval of a second person".to_owned(),
        State::Approved if notice.is_overdue(now) => {
            let at = notice.send_at.map(time).unwrap_or_default();
            format!("; it was due at {at} and is not released: `besked notice show {}` says why", notice.id)
        }
        State::Scheduled => notice.send_at.map(|at| format!(" for {}", time(at))).unwrap_or_default(),
        State::Released => {
            let paused = notice.paused_at.map(|at| format!(", paused since {}", time(at))).unwrap_or_default();
            format!(" to {}{paused}", count(notice.recipients, "recipient", "recipients"))
        }
        _ => String::new(),
    };
    format!("{} {}{more}\n", notice.id, notice.state)
}

/// Lists notices, newest first.
pub async fn list(app: &App, actor: &Actor, paging: &Paging, output: &Output) -> Result<u8, Failure> {
    let now = app.context.clock.now();
    let header = ["id", "category", "state", "reference", "#recipients", "subject"];
    // Without the content: a page has up to 500 notices.
    let fetch =
        async |page| Ok(app.notices.list(actor, &Filter::default(), &page).await?.map(|notice| Line::of(&notice, now)));
    paging.print(output, "notices", (header, |line: &Line| line.row.clone()), fetch).await?;
    Ok(0)
}

/// A notice in a list, in both forms.
#[derive(Serialize)]
#[serde(transparent)]
struct Line {
    brief: Brief,
    #[serde(skip)]
    row: [String; 6],
}

impl Line {
    fn of(notice: &Kept, now: Timestamp) -> Self {
        Self { brief: Brief::of(notice, now), row: row(notice, now) }
    }
}

fn row(notice: &Kept, now: Timestamp) -> [String; 6] {
    let state = match notice.state {
        _ if notice.is_paused() => "paused".to_owned(),
        _ if notice.is_overdue(now) => "overdue".to_owned(),
        state => state.to_string(),
    };
    [
        notice.id.to_string(),
        notice.category.to_string(),
        state,
        notice.reference.clone().unwrap_or_default(),
        notice.recipients.to_string(),
        Text::named(&notice.subject),
    ]
}

/// Shows a notice and its steps.
pub async fn show(app: &App, actor: &Actor, id: &str, output: &Output) -> Result<u8, Failure> {
    let (notice, shown) = app.notices.shown(actor, &named::read(app, actor, id).await?).await?;
    output.print(&shown, |Shown { steps, escalation, series, .. }| {
        let mut text = describe_state(&notice, app.context.clock.now());
        text += &format!("{}: {}\n", notice.category, Text::named(&notice.subject));
        text += &escalation.as_ref().map_or_else(String::new, look::describe);
        text += &series.as_ref().map_or_else(String::new, describe_series);
        text.push('\n');
        let rows = steps.iter().map(|step| {
            [time(step.at), step.step.to_string(), step.operator.clone(), step.reason.clone().unwrap_or_default()]
        });
        text += &table(["when", "what", "who", "why"], rows);
        text + "\n" + &notice.source
    })?;
    Ok(0)
}

/// What comes next of a series.
fn describe_series(series: &Recurring) -> String {
    let what = match (series.next_start, series.draft_at) {
        (Some(start), Some(at)) => {
            format!("the next window begins at {}, and has a draft from {} on", time(start), time(at))
        }
        _ => "it is over".to_owned(),
    };
    format!("a series, which began with {}: {what}\n", series.id)
}

/// Shows the progress of a notice, once or until it is closed.
pub async fn status(app: &App, actor: &Actor, command: &Watch, output: &Output) -> Result<u8, Failure> {
    let id = named::read(app, actor, &command.id).await?;
    loop {
        let notice = app.notices.named(actor, &id).await?;
        let status = app.coverage.status(actor, &id).await?;
        match (command.watch, output.json) {
            // One document a line: a reader sees where each ends.
            (true, true) => print(&format!("{}\n", json!(status)))?,
            (watch, _) => {
                if watch {
                    print("\u{1b}[2J\u{1b}[H")?;
                }
                output.print(&status, |status| describe_status(status, &notice, app.context.clock.now()))?;
            }
        }
        if !command.watch || notice.closed_at.is_some() {
            return Ok(0);
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(0),
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// The progress of a notice as a table of counts with what each means.
pub fn describe_status(status: &Status, notice: &Kept, now: Timestamp) -> String {
    let mut text = format!("{}: {}\n{}", notice.category, Text::named(&notice.subject), describe_state(notice, now));
    let present = status.counts.iter().filter(|(_, count)| **count > 0);
    let rows = present.map(|(state, count)| [state.to_string(), count.to_string(), state.describe().to_owned()]);
    if status.recipients > 0 {
        text += "\n";
        text += &table(["state", "#deliveries", "meaning"], rows);
    }
    text + &describe_planned(&status.planned) + &describe_escalation(status, now)
}

/// What is still to come of a notice and its matter.
fn describe_planned(planned: &Planned) -> String {
    let mut lines = Vec::new();
    lines.extend(planned.send_at.map(|at| format!("to be released at {}", time(at))));
    lines.extend(planned.send_at_local.as_ref().map(|at| format!("each recipient gets it at {at} of the own zone")));
    lines.extend(planned.spread.as_ref().map(|spread| format!("its mails are spread over {spread}")));
    lines.extend(
        planned.reminders.iter().map(|it| format!("a reminder ({}) follows at {}", it.before, time(it.due_at))),
    );
    let open = planned.promises.iter().filter(|promised| promised.state.is_open());
    lines.extend(open.map(|promised| format!("promised: {}", describe_promise(promised))));
    lines.extend(planned.series.as_ref().map(|series| describe_series(series).trim_end().to_owned()));
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}

/// The deadline of a notice, and what happens to customers who are not informed.
fn describe_escalation(status: &Status, now: Timestamp) -> String {
    let mut lines = Vec::new();
    if let Some(deadline) = status.deadline {
        let passed = if deadline < now { ", which has passed" } else { "" };
        lines.push(format!("to be informed by {}{passed}", time(deadline)));
    }
    if status.overdue > 0 {
        lines.push(format!("{} not informed past the deadline", count(status.overdue, "customer", "customers")));
    }
    if status.escalated > 0 {
        let of = count(status.escalated, "customer", "customers");
        lines.push(format!("contacts with other roles were addressed for {of} who had not been informed"));
    }
    let tasks: u64 = status.tasks.values().sum();
    if tasks > 0 {
        lines.push(format!("{}: `besked tasks list --open`", count(tasks, "task for a person", "tasks for a person")));
    }
    if lines.is_empty() { String::new() } else { format!("\n{}\n", lines.join("\n")) }
}
