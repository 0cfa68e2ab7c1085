//! `besked notice send`: create, submit and release in one step, and wait for the end if that is wanted.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;
use uuid::Uuid;

use super::show::{describe_state, describe_status};
use super::{Send, file, look, step};
use crate::app::{App, AppError};
use crate::audience::Reach;
use crate::cli::Place;
use crate::cli::failure::{FAILED, Failure};
use crate::cli::finished::report;
use crate::cli::output::{Output, count};
use crate::cli::progress::{Patience, bar};
use crate::coverage::Status;
use crate::dispatch::node::lock::LockError;
use crate::dispatch::{Finished, Left, Observer};
use crate::domain::actor::Actor;
use crate::domain::delivery;
use crate::domain::notice::State;
use crate::notices::{Checked, Draft, Kept, Release};

/// Sends a notice file.
pub async fn send(place: &Place, (app, actor): (&App, &Actor), command: Send, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(&command.written.file, |source| app.notices.untimely(source))?;
    let Checked { reach, warnings, nobody, before, .. } = app.notices.check(actor, &draft).await?;
    look::warn(&warnings);
    if let Some(nobody) = nobody {
        return Err(nobody.into());
    }
    if !command.yes && !confirmed(&draft, &reach, before.is_some())? {
        return Err(Failure::new(FAILED, "not sent"));
    }
    let id = app.notices.create(&draft, actor).await?;
    place.made(id);
    // It is stored: a failure names it, so that nobody sends the file a second time.
    let stored = |failure: Failure| failure.hint_last(format!("it is stored as notice {id}"));
    submit_and_release(app, actor, (id, &reach), command.wait, output).await.map_err(stored)
}

/// Submits a stored notice, releases it if it needs no second person, and waits for the end if that is wanted.
async fn submit_and_release(
    app: &App,
    actor: &Actor,
    (id, reach): (Uuid, &Reach),
    waits: bool,
    output: &Output,
) -> Result<u8, Failure> {
    let mut notice = app.notices.submit_checked(id, actor, reach).await?;
    if notice.state == State::Approved {
        notice = step::freeze(app, actor, id, Release::default()).await?;
    }
    let mut code = 0;
    if waits && notice.state == State::Released {
        code = wait(app, &notice).await?;
        notice = app.notices.find(actor, id).await?;
    }
    let mut document = json!({
        "id": id, "state": notice.state, "recipients": notice.recipients, "customers": notice.customers,
    });
    let status = if waits { Some(app.coverage.status(actor, &notice.id.to_string()).await?) } else { None };
    if let Some(status) = &status {
        document["counts"] = json!(status.counts);
        if let Some(refused) = refused(status) {
            eprintln!("error: {refused}");
            code = code.max(FAILED);
        }
    }
    output.print(&document, |_| match &status {
        Some(status) => describe_status(status, &notice, app.context.clock.now()),
        None => describe_state(&notice, app.context.clock.now()),
    })?;
    if !waits {
        step::say_if_nobody_sends(app, &notice).await;
    }
    if notice.state == State::Submitted {
        eprintln!(
            "\nhint: a second person approves it: `besked notice approve {id} --as NAME`, then `besked notice release {id}`"
        );
    }
    Ok(code)
}

/// How many deliveries were refused for good, and how to see them.
fn refused(status: &Status) -> Option<String> {
    let of = |state| status.counts.get(&state).copied().unwrap_or(0);
    let refused = of(delivery::State::Rejected) + of(delivery::State::Expired);
    let id = status.id;
    (refused > 0).then(|| {
        let refused = count(refused, "delivery was", "deliveries were");
        let list = format!("besked deliveries list {id} --state");
        format!("{refused} refused for good\n\nhint: `{list} rejected` shows which and why, `{list} expired` what was tried too often")
    })
}

/// Asks at a terminal. Without one nobody can answer, and `--yes` is required.
fn confirmed(draft: &Draft, reach: &Reach, is_again: bool) -> Result<bool, Failure> {
    let what = format!(
        "this {} notice{} to {} at {}",
        draft.notice.category,
        if is_again { ", which was released already," } else { "" },
        count(reach.customers, "customer", "customers"),
        count(reach.recipients, "address", "addresses")
    );
    if !std::io::stdin().is_terminal() {
        return Err(Failure::invalid(format!("there is no terminal to ask whether to send {what}"))
            .hint("add `--yes` to send it without a question; nothing was stored"));
    }
    eprint!("send {what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Sends in this process until nothing of the notice is due; if another process sends already, watches it.
pub async fn wait(app: &App, notice: &Kept) -> Result<u8, Failure> {
    let progress = bar(notice.recipients, "sending");
    let patience = Patience::new(&progress, waits_for(app, notice));
    let (counting, id) = (progress.clone(), notice.id);
    let settled = Arc::new(AtomicU64::new(0));
    let counted = settled.clone();
    let observer: Observer = Arc::new(move |settled| {
        counted.fetch_add(1, Ordering::Relaxed);
        if settled.notice_id == id && settled.last {
            counting.inc(1);
        }
    });
    let finished = match app.dispatcher(Some(observer)) {
        Ok((dispatcher, _lock)) => {
            let stop = crate::cli::dispatch::stop_on_signal()?;
            let sending = dispatcher.run(stop, Some(crate::dispatch::Until::Idle(Some(id))));
            patience.while_silent(sending, || settled.load(Ordering::Relaxed)).await?
        }
        Err(AppError::Lock(LockError::Held(_))) => {
            patience.begins("waiting for the process that sends");
            patience.while_silent(watch(app, notice, &progress), || progress.position()).await?
        }
        Err(error) => return Err(error.into()),
    };
    progress.finish_and_clear();
    let code = report(&finished);
    // The notice is sent: a ledger that needs an operator is reported, and does not fail this command.
    let is_sealing_alone = |left: &Left| {
        left.no_relay.is_none() && left.undone.is_empty() && left.unsent + left.uninformed + left.unread == 0
    };
    Ok(if matches!(&finished, Finished::Left(left) if is_sealing_alone(left)) { 0 } else { code })
}

/// For which mail servers the sending of a notice waits.
fn waits_for(app: &App, notice: &Kept) -> String {
    let config = &app.context.config;
    let carrying = config.relays.iter().filter(|relay| config.carried_by(&relay.name).contains(notice.category));
    let names: Vec<String> = carrying.map(|relay| format!("`{}`", relay.name)).collect();
    format!("waiting for an answer of {} {}", if names.len() == 1 { "relay" } else { "relays" }, names.join(", "))
}

/// Watches another process that sends.
async fn watch(app: &App, notice: &Kept, progress: &indicatif::ProgressBar) -> Result<Finished, Failure> {
    loop {
        let depth = app.notices.depth(notice.id).await?;
        progress.set_position(notice.recipients.saturating_sub(depth.due + depth.leased + depth.later));
        if depth.due == 0 && depth.leased == 0 {
            return Ok(Finished::Idle(depth));
        }
        tokio::select! {
            _ = tokio::signal::ctrl_c() => return Ok(Finished::Stopped),
            () = tokio::time::sleep(std::time::Duration::from_millis(500)) => {}
        }
    }
}
