//! The end of a run: all parts share one time to drain, and whoever runs the process may rely on it.
//!
//! What is in flight has most of it; the rest is kept for recording what came of that.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The deadlines of a run that ends.
pub struct Ending {
    /// Cancelled when what is in flight must have ended.
    pub flight: CancellationToken,
    /// Cancelled when the time to drain is over.
    pub end: CancellationToken,
    task: JoinHandle<()>,
}

impl Ending {
    /// Begins once `stop` is cancelled, and takes `drain` at most.
    pub fn after(stop: CancellationToken, drain: Duration) -> Self {
        let (flight, end) = (CancellationToken::new(), CancellationToken::new());
        let task = tokio::spawn({
            let (flight, end) = (flight.clone(), end.clone());
            async move {
                stop.cancelled().await;
                tokio::time::sleep(drain * 3 / 4).await;
                flight.cancel();
                tokio::time::sleep(drain / 4).await;
                end.cancel();
            }
        });
        Self { flight, end, task }
    }

    /// Waits for a task, which may itself wait for a database that is away: it is aborted at the end.
    pub async fn finish(&self, mut task: JoinHandle<()>, failed: &str) {
        if !matches!(before(&self.end, &mut task).await, Some(Ok(()))) {
            task.abort();
            tracing::error!("{failed}");
        }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Waits for work that must end before a deadline; what has ended by then is never late.
pub async fn before<T>(deadline: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = deadline.cancelled() => None,
    }
}
