//! `besked notice send`: create, submit and release in one go, and wait for the end where that is wanted.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use serde_json::json;

use super::{Send, describe_state, describe_status, release};
use crate::app::{App, AppError};
use crate::cli::failure::{FAILED, Failure, INVALID, TRY_LATER};
use crate::cli::output::{Output, count};
use crate::cli::progress::bar;
use crate::coverage::status;
use crate::dispatch::lock::LockError;
use crate::dispatch::{Finished, Observer};
use crate::domain::actor::Actor;
use crate::domain::notice::State;
use crate::notices::Draft;
use crate::store::notices::Kept;
use crate::store::waiting;

/// Sends a notice file.
pub async fn send(app: &App, actor: &Actor, command: Send, output: &Output) -> Result<u8, Failure> {
    let draft = Draft::read(&command.written.file)?;
    let reach = app.notices.check(&draft).await?;
    if !command.yes && !confirmed(&draft, &reach)? {
        return Err(Failure::new(FAILED, "not sent"));
    }
    let id = app.notices.create(&draft, actor.name()).await?;
    let state = app.notices.submit_checked(id, actor.name(), &reach).await?;
    let mut notice = app.notices.named(&id.to_string()).await?;
    if state == State::Approved {
        release(app, &notice, actor.name(), None).await?;
        notice = app.notices.named(&id.to_string()).await?;
    }
    let mut code = 0;
    if command.wait && notice.state == State::Released {
        code = wait(app, &notice).await?;
        notice = app.notices.named(&id.to_string()).await?;
    }
    let mut document = json!({
        "id": id, "state": notice.state, "recipients": notice.recipients, "customers": notice.customers,
    });
    // Counting a million deliveries takes seconds, and before any was sent it tells nothing.
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

/// Asks at a terminal; goes on without one, as programs have nobody to ask.
fn confirmed(draft: &Draft, reach: &crate::audience::Reach) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Ok(true);
    }
    eprint!(
        "send this {} notice to {} at {}? [y/N] ",
        draft.notice.category,
        count(reach.customers, "customer", "customers"),
        count(reach.recipients, "address", "addresses")
    );
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Sends in this process until nothing of the notice is due; where another process sends already, watches it.
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
    // The notice is sent all the same: that the ledger wants a person is told, and is not this command's failure.
    Ok(if matches!(finished, Finished::Unsealed(..)) { 0 } else { code })
}

/// Watches another process send.
async fn watch(app: &App, notice: &Kept, progress: &indicatif::ProgressBar) -> Result<Finished, Failure> {
    loop {
        let depth = waiting::depth(&mut *app.store.read().await?, Some(notice.id), app.clock.now()).await?;
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

/// What to do about something undone that may pass.
const TRIED_AGAIN: &str = "it is tried again by the next `besked dispatch` or `besked serve`, half a minute from now";

/// What to do about something undone that does not.
const TO_BE_MENDED: &str = "`besked notice show ID` says how it stands; mend the customers or `besked notice edit` it, then `besked notice \
    release ID`, or `besked notice cancel ID`";

/// Tells on stderr what a run has left, and gives the exit code that says so.
pub fn report(finished: &Finished) -> u8 {
    match finished {
        Finished::Stopped => {
            eprintln!("stopped; what is left is sent by the next `besked dispatch` or `besked serve`");
            FAILED
        }
        Finished::Idle(depth) => {
            tell_later(depth);
            0
        }
        Finished::Unsealed(reason, depth) => {
            tell_later(depth);
            eprintln!("error: entries of the ledger could not be sealed: {reason}");
            eprintln!(
                "\nhint: `besked ledger status` says how it stands, `besked ledger continue --reason TEXT` lets it go on"
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
            tell_later(depth);
            undone.iter().for_each(|undone| eprintln!("error: {undone}"));
            let may_pass = undone.iter().all(|undone| undone.may_pass);
            eprintln!("\nhint: {}", if may_pass { TRIED_AGAIN } else { TO_BE_MENDED });
            if may_pass { TRY_LATER } else { FAILED }
        }
        Finished::NoRelay(troubles, depth) => {
            for (relay, trouble) in troubles {
                eprintln!("error: relay `{relay}` cannot be used ({}): {}", trouble.stage, trouble.text);
            }
            let waiting = count(depth.due + depth.later, "delivery waits", "deliveries wait");
            eprintln!("{waiting}; none is lost or marked as failed");
            eprintln!("\nhint: check [[relay]]: host, port, TLS, user and password; then run `besked dispatch`");
            if troubles.is_empty() { INVALID } else { TRY_LATER }
        }
    }
}

fn tell_later(depth: &waiting::Depth) {
    if let Some(next) = depth.next_due.filter(|_| depth.later > 0) {
        let left = count(depth.later, "delivery was", "deliveries were");
        eprintln!("{left} put off; the next attempt is due at {}", crate::cli::output::time(next));
    }
}
