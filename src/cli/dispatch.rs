//! `besked dispatch` and `besked serve`: the sending itself.

use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Place;
use super::failure::Failure;
use super::finished::report;
use super::output::Output;
use crate::app::{App, AppError};
use crate::dispatch::Until;
use crate::http::listen;
use crate::metrics::repeats::Repeats;

/// How long a service waits before it tries again to open its database.
const AGAIN: Duration = Duration::from_secs(1);

/// Send what is released, in the foreground.
#[derive(Debug, Args)]
pub struct Dispatch {
    /// End when nothing is left to do now: what is due later waits, and stderr says until when
    #[arg(long)]
    until_idle: bool,
}

/// Run as a service.
#[derive(Debug, Args)]
pub struct Serve {
    /// Run these parts only
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    only: Vec<Part>,
}

/// Sends until nothing is to be done, or until a signal.
pub async fn dispatch(command: Dispatch, place: &Place, output: &Output) -> Result<u8, Failure> {
    let stop = stop_on_signal()?;
    let app = if command.until_idle { Some(place.app().await?) } else { once_there(place, &stop).await? };
    let Some(app) = app else { return Ok(0) };
    let (dispatcher, _lock) = app.dispatcher(None)?;
    let until = command.until_idle.then_some(Until::Idle(None));
    let ended = CancellationToken::new();
    let sending = async {
        let finished = dispatcher.run(stop.clone(), until).await?;
        ended.cancel();
        Ok::<_, Failure>(finished)
    };
    let listening = async { Ok(listen(&app, false, &stop, &ended).await?) };
    let ((), finished) = tokio::try_join!(listening, sending)?;
    let code = report(&finished);
    if let crate::dispatch::Finished::Idle(depth) = &finished {
        let idle = serde_json::json!({ "idle": true, "later": depth.later, "scheduled": depth.scheduled, "next_due": depth.next_due });
        output.print(&idle, |_| String::new())?;
    }
    Ok(if command.until_idle { code } else { 0 })
}

/// A part of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The page behind unsubscribe links, and what machines ask
    Http,
    /// Sending, scheduled releases, closing
    Dispatch,
    /// The ways in of `[inbound]`
    Inbound,
}

/// Runs the service until a signal.
pub async fn serve(command: Serve, place: &Place) -> Result<u8, Failure> {
    let stop = stop_on_signal()?;
    let Some(app) = once_there(place, &stop).await? else { return Ok(0) };
    let runs = |part| command.only.is_empty() || command.only.contains(&part);
    let ended = CancellationToken::new();
    let dispatch = async {
        if runs(Part::Dispatch) {
            let (dispatcher, _lock) = app.dispatcher(None)?;
            dispatcher.run(stop.clone(), None).await?;
        } else {
            stop.cancelled().await;
        }
        ended.cancel();
        Ok::<(), Failure>(())
    };
    // One part that cannot run ends the other: half a service would go unnoticed.
    let listening = async { Ok(listen(&app, runs(Part::Http), &stop, &ended).await?) };
    let inbound = async {
        if runs(Part::Inbound) {
            app.inbound.serve(&stop).await?;
        }
        Ok(())
    };
    tokio::try_join!(listening, dispatch, inbound)?;
    Ok(0)
}

/// The parts, once the database can be opened: a service may start before its database does. `None` where it was told to stop
/// meanwhile.
async fn once_there(place: &Place, stop: &CancellationToken) -> Result<Option<App>, Failure> {
    let repeats = Repeats::default();
    loop {
        match place.open().await? {
            Err(AppError::Store(error)) if error.may_pass() => repeats.log("the database cannot be opened", &error),
            opened => return Ok(Some(opened?)),
        }
        tokio::select! {
            () = stop.cancelled() => return Ok(None),
            () = tokio::time::sleep(AGAIN) => {}
        }
    }
}

/// A token that the first SIGTERM, SIGINT or SIGHUP cancels: what is under way is finished. The second one ends the process.
/// A SIGHUP, as of a terminal that is closed, must not end it in the midst of a transaction; where it is ignored, as by `nohup`,
/// it stays so.
pub fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut hang_up = if ignores_hang_up() { None } else { Some(signal(SignalKind::hangup())?) };
    let mut hung_up = async move || match &mut hang_up {
        Some(hang_up) => drop(hang_up.recv().await),
        None => std::future::pending().await,
    };
    let cancel = token.clone();
    tokio::spawn(async move {
        let mut signals = 0;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
                () = hung_up() => {}
            }
            signals += 1;
            if signals > 1 {
                std::process::exit(130);
            }
            cancel.cancel();
        }
    });
    Ok(token)
}

/// True if this process was started with SIGHUP ignored. Only Linux says so in a file.
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
