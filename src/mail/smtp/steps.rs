//! The durations of a session's steps, for metrics.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::reply::Stage;

type Observer = dyn Fn(Stage, Duration) + Send + Sync;

/// Receives the duration of each step, successful or not.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Observer>>);

impl Steps {
    /// Reports to `observer`.
    #[must_use]
    pub fn new(observer: impl Fn(Stage, Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(observer)))
    }

    /// Times a step.
    pub(super) async fn time<T>(&self, stage: Stage, step: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let ended = step.await;
        if let Some(observer) = &self.0 {
            observer(stage, began.elapsed());
        }
        ended
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steps({})", self.0.is_some())
    }
}
