//! Signs of life from work of many transactions: if there is none for long, the database has vanished.

use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::store::StoreError;

tokio::task_local! {
    static PULSE: Arc<Mutex<Instant>>;
}

/// Records that the database returned something: a connection, an answer to COMMIT, a page.
pub fn beat() {
    let _ = PULSE.try_with(|pulse| *pulse.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now());
}

/// Does work, and aborts it if nothing was returned for `limit`: a statement may wait for an answer that never comes.
pub(in crate::store) async fn watch<T, E: From<StoreError>>(
    limit: Duration,
    work: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    let pulse = Arc::new(Mutex::new(Instant::now()));
    let mut work = std::pin::pin!(PULSE.scope(pulse.clone(), work));
    loop {
        let silent = pulse.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        let Some(left) = limit.checked_sub(silent) else { return Err(StoreError::Silent(limit).into()) };
        tokio::select! {
            done = &mut work => return done,
            () = sleep(left.max(Duration::from_millis(1))) => {}
        }
    }
}
