//! Waiting for the server's answers, each with its own deadline: the library has none.

use std::future::Future;
use std::time::Duration;

use tokio::time::timeout;

use super::ImapError;
use crate::domain::reply::for_logs;

/// How long the answer to a command may take.
const ANSWER: Duration = Duration::from_secs(60);

/// Waits for a step, but not for ever.
pub(super) async fn command<T>(
    step: &'static str,
    work: impl Future<Output = async_imap::error::Result<T>>,
) -> Result<T, ImapError> {
    within(ANSWER, step, work).await
}

/// Waits for a step until a deadline.
pub(super) async fn within<T>(
    deadline: Duration,
    step: &'static str,
    work: impl Future<Output = async_imap::error::Result<T>>,
) -> Result<T, ImapError> {
    match timeout(deadline, work).await {
        Ok(done) => done.map_err(|error| of_library(step, error)),
        Err(_) => Err(ImapError::Late { step }),
    }
}

/// An error of the library in our words: its own may hold what it read, which is mail.
fn of_library(step: &'static str, error: async_imap::error::Error) -> ImapError {
    use async_imap::error::Error;
    match error {
        Error::No(text) | Error::Bad(text) => ImapError::Refused { step, said: for_logs(&text).into() },
        Error::Io(error) if error.kind() == std::io::ErrorKind::Other => ImapError::Unreadable { step },
        Error::Io(error) => ImapError::Broken { step, source: error },
        Error::ConnectionLost => ImapError::Lost { step },
        _ => ImapError::Unreadable { step },
    }
}
