//! `besked notice send`: create, submit and release in one step, and wait for the end if that is wanted.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use serde_json::json;

use super::show::{describe_state, describe_status};
use super::{Send, file, look, step};
use crate::app::{App, AppError};
use crate::audience::Reach;
use crate::cli::failure::{FAILED, Failure, INVALID, TRY_LATER};
use crate::cli::output::{Output, count};
use crate::cli::progress::bar;
use crate::coverage::status;
use crate::dispatch::lock::LockError;
use crate::dispatch::{Finished, Observer};
use crate::domain::actor::Actor;
use crate::domain::notice::State;
use crate::notices::{Checked, Depth, Draft, Kept, Release};

/// Sends a notice file.
pub async fn send(app: &App, actor: &Actor, command: Send, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(&command.written.file)?;
    let Checked { reach, warnings } = app.notices.check(&draft).await?;
    look::warn(&warnings);
    if !command.yes && !confirmed(&draft, &reach)? {
        return Err(Failure::new(FAILED, "not sent"));
    }
    let id = app.notices.create(&draft, actor).await?;
    let mut notice = app.notices.submit_checked(id, actor, &reach).await?;
    if notice.state == State::Approved {
        notice = step::freeze(app, actor, id, Release::default()).await?;
    }
    let mut code = 0;
    if command.wait && notice.state == State::Released {
        code = wait(app, &notice).await?;
        notice = app.notices.named(&id.to_string()).await?;
    }
    let mut document = json!({
        "id": id, "state": notice.state, "recipients": notice.recipients, "customers": notice.customers,
    });
    // Only after the sending: counting a million deliveries takes seconds, and before it they are all queued.
    let status = if command.wait { Some(status(&mut *app.store.read().await?, &notice).await?) } else { None };
    if let Some(status) = &status {
        document["counts"] = json!(status.counts);
    }
    output.print(&document, |_| match &status {
        Some(status) => describe_status(status, &notice, app.clock.now()),
        None => describe_state(&notice, app.clock.now()),
    })?;
    if notice.state == State::Submitted {
        eprintln!(
            "\nhint: a second person approves it: `besked notice approve {id} --as NAME`, then `besked notice release {id}`"
        );
    }
    Ok(code)
}

/// Asks at a terminal. Without one nobody can answer, and `--yes` is required.
fn confirmed(draft: &Draft, reach: &Reach) -> Result<bool, Failure> {
    let what = format!(
        "this {} notice to {} at {}",
        draft.notice.category,
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
    let (counting, id) = (progress.clone(), notice.id);
    let observer: Observer = Arc::new(move |settled| {
        if settled.notice_id == id && settled.last {
            counting.inc(1);
        }
    });
    let finished = match app.dispatcher(Some(observer)) {
        Ok((dispatcher, _lock)) => {
            let stop = crate::cli::dispatch::stop_on_signal()?;
            dispatcher.run(stop, Some(crate::dispatch::Until::Idle(Some(id)))).await?
        }
        Err(AppError::Lock(LockError::Held(_))) => watch(app, notice, &progress).await?,
        Err(error) => return Err(error.into()),
    };
    progress.finish_and_clear();
    let code = report(&finished);
    // The notice is sent: a ledger that needs an operator is reported, and does not fail this command.
    Ok(if matches!(finished, Finished::Unsealed(..)) { 0 } else { code })
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

/// The remedy for work that failed and may succeed later.
const TRIED_AGAIN: &str = "the next `besked dispatch` or `besked serve` retries it, half a minute from now";

/// The remedy for work that failed and needs an operator.
const NEEDS_OPERATOR: &str = "`besked notice show ID` says why; correct the customers or `besked notice edit` it, then `besked notice release ID`, \
    or `besked notice cancel ID`";

/// Prints what a run has left to stderr, and returns the exit code for it.
pub fn report(finished: &Finished) -> u8 {
    match finished {
        Finished::Stopped => {
            eprintln!("stopped; the next `besked dispatch` or `besked serve` sends the rest");
            FAILED
        }
        Finished::Idle(depth) => {
            print_later(depth);
            0
        }
        Finished::Unsealed(reason, depth) => {
            print_later(depth);
            eprintln!("error: entries of the ledger could not be sealed: {reason}");
            eprintln!(
                "\nhint: `besked ledger status` says why, `besked ledger continue --reason TEXT` resumes sealing"
            );
            FAILED
        }
        Finished::NotErased(reason) => {
            eprintln!("error: nothing was sent, since erased persons may be back in this database: {reason}");
            eprintln!(
                "\nhint: make the tombstone journal of `[privacy]` readable, or restore it together with its key"
            );
            FAILED
        }
        Finished::Undone(undone, depth) => {
            print_later(depth);
            undone.iter().for_each(|undone| eprintln!("error: {undone}"));
            let may_pass = undone.iter().all(|undone| undone.may_pass);
            eprintln!("\nhint: {}", if may_pass { TRIED_AGAIN } else { NEEDS_OPERATOR });
            if may_pass { TRY_LATER } else { FAILED }
        }
        Finished::NoRelay(failures, depth) => {
            for (relay, failure) in failures {
                eprintln!("error: relay `{relay}` cannot be used ({}): {}", failure.stage, failure.text);
            }
            let waiting = count(depth.due + depth.later, "delivery waits", "deliveries wait");
            eprintln!("{waiting}; none is lost or marked as failed");
            eprintln!("\nhint: check [[relay]]: host, port, TLS, user and password; then run `besked dispatch`");
            if failures.is_empty() { INVALID } else { TRY_LATER }
        }
    }
}

fn print_later(depth: &Depth) {
    if let Some(next) = depth.next_due.filter(|_| depth.later > 0) {
        let left = count(depth.later, "delivery was", "deliveries were");
        eprintln!("{left} deferred; the next attempt is due at {}", crate::cli::output::time(next));
    }
}
