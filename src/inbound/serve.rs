//! The ways in that `besked serve` runs, as the configuration names them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Inbound;
use super::imap::Poller;
use super::intake::Intake;
use super::lmtp::{self, ListenError};
use super::maildir;
use crate::config::Replies;

impl Inbound {
    /// Runs until `ended`; returns at once if no way in is configured.
    ///
    /// # Errors
    /// If the LMTP listener cannot be started.
    pub async fn serve(&self, ended: &CancellationToken) -> Result<(), ListenError> {
        let config = &self.context.config.inbound;
        let lmtp = async {
            let Some(listen) = &config.lmtp_listen else { return Ok(()) };
            let (intake, commits) = Intake::new(self.clone(), self.context.config.smtp.hello_name.to_string());
            let committing = tokio::spawn(commits);
            lmtp::listen(listen, Arc::new(intake), ended).await?;
            // What was accepted before the end is committed: its client is still to be answered, or sends it again.
            let _ = committing.await;
            Ok(())
        };
        let maildir = async {
            if !config.maildir.path.as_os_str().is_empty() {
                maildir::watch(self, &config.maildir.path, ended).await;
            }
            Ok(())
        };
        let imap = async {
            if let Some(poller) = Poller::new(self) {
                poller.watch(ended).await;
            }
            Ok(())
        };
        // What came is read here too: a node may serve the ways in without dispatching.
        let work = async {
            if config.is_served() {
                self.work(ended).await;
            }
            Ok(())
        };
        let forward = async {
            // What waits is forwarded also if forwarding was turned off meanwhile.
            if config.is_served() || config.replies == Replies::Forward {
                self.forward(ended).await;
            }
            Ok(())
        };
        tokio::try_join!(lmtp, maildir, imap, work, forward).map(|_| ())
    }
}
