//! `besked dispatch` and `besked serve`: the sending itself.

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Place;
use super::failure::Failure;
use super::notice::report;
use super::output::Output;
use crate::dispatch::Until;

/// Send what is released, in the foreground.
#[derive(Debug, Args)]
pub struct Dispatch {
    /// End when nothing is queued, leased or due
    #[arg(long)]
    until_idle: bool,
}

/// Run as a service.
#[derive(Debug, Args)]
pub struct Serve {
    /// Run these parts only
    #[arg(long, value_delimiter = ',', value_parser = ["dispatch"])]
    only: Vec<String>,
}

/// Sends until nothing is to be done, or until a signal.
pub async fn dispatch(command: Dispatch, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let (dispatcher, _lock) = app.dispatcher(None)?;
    let stop = stop_on_signal()?;
    let until = command.until_idle.then_some(Until::Idle(None));
    let finished = dispatcher.run(stop, until).await?;
    let code = report(&finished);
    if let crate::dispatch::Finished::Idle(depth) = &finished {
        output.print(&serde_json::json!({ "idle": true, "later": depth.later, "next_due": depth.next_due }), |_| {
            String::new()
        })?;
    }
    Ok(if command.until_idle { code } else { 0 })
}

/// Sends until a signal.
pub async fn serve(command: Serve, place: &Place) -> Result<u8, Failure> {
    debug_assert!(command.only.iter().all(|part| part == "dispatch"));
    let app = place.app().await?;
    let (dispatcher, _lock) = app.dispatcher(None)?;
    dispatcher.run(stop_on_signal()?, None).await?;
    Ok(0)
}

/// A token that the first SIGTERM or SIGINT cancels: what is under way is finished. The second one ends the process.
pub fn stop_on_signal() -> Result<CancellationToken, Failure> {
    let token = CancellationToken::new();
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let cancel = token.clone();
    tokio::spawn(async move {
        let mut signals = 0;
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
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
