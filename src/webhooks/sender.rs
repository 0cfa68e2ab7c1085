//! The calls of a running dispatcher: each webhook is worked at for itself, so that one whose receiver is slow delays no other.

use std::collections::HashMap;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use uuid::Uuid;

use super::Webhooks;
use crate::store::StoreError;

/// How long the database may be silent while something is sent.
const SILENCE: Duration = Duration::from_secs(60);

/// What is under way.
pub struct Sender {
    webhooks: Webhooks,
    tasks: JoinSet<Result<bool, StoreError>>,
    under_way: HashMap<Id, Uuid>,
}

impl Sender {
    /// Starts with nothing to do.
    #[must_use]
    pub fn new(webhooks: Webhooks) -> Self {
        Self { webhooks, tasks: JoinSet::new(), under_way: HashMap::new() }
    }

    /// Makes calls of what has happened, and begins to send what is due of webhooks that nothing is sent to at the moment.
    ///
    /// # Errors
    /// If the database fails, or did while something was sent.
    pub async fn step(&mut self) -> Result<(), StoreError> {
        let mut failed = None;
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            failed = self.note(ended).or(failed);
        }
        if !self.webhooks.any().await? {
            return failed.map_or(Ok(()), Err);
        }
        self.webhooks.prepare().await?;
        for id in self.webhooks.due().await? {
            if !self.under_way.values().any(|other| *other == id) {
                let webhooks = self.webhooks.clone();
                let task = async move { webhooks.context.store.watched(SILENCE, webhooks.work(id)).await };
                let task = self.tasks.spawn(task);
                self.under_way.insert(task.id(), id);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Sends what is due, and waits for it.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn finish(&mut self) -> Result<(), StoreError> {
        self.step().await?;
        while let Some(ended) = self.tasks.join_next_with_id().await {
            if let Some(error) = self.note(ended) {
                return Err(error);
            }
        }
        Ok(())
    }

    /// Ends what is under way, which another node or the next start sends again; that node may begin at once.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn break_off(mut self) -> Result<(), StoreError> {
        self.tasks.shutdown().await;
        self.webhooks.let_go().await
    }

    /// Why a webhook could not be worked at.
    fn note(&mut self, ended: Result<(Id, Result<bool, StoreError>), JoinError>) -> Option<StoreError> {
        match ended {
            Ok((id, ended)) => {
                self.under_way.remove(&id);
                ended.err()
            }
            Err(error) => {
                let webhook = self.under_way.remove(&error.id());
                tracing::error!(?webhook, "the calls of a webhook panicked, retrying");
                None
            }
        }
    }
}
