//! How long the steps of a conversation take, for whoever wants to know.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::reply::Stage;

type Told = dyn Fn(Stage, Duration) + Send + Sync;

/// Is told how long each step took, whatever came of it.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<Told>>);

impl Steps {
    /// Tells `told`.
    #[must_use]
    pub fn new(told: impl Fn(Stage, Duration) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    /// Times a step.
    pub(super) async fn time<T>(&self, stage: Stage, step: impl Future<Output = T>) -> T {
        let began = Instant::now();
        let ended = step.await;
        if let Some(told) = &self.0 {
            told(stage, began.elapsed());
        }
        ended
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Steps({})", self.0.is_some())
    }
}
