//! When an answer came too late for what was begun behind a message.

use std::time::Duration;

use tokio::time::Instant;

/// How long nothing is begun behind a message then: a server that needs long for its answers would cost a connection for each message.
const PAUSE: Duration = Duration::from_secs(60);

/// When that was last, if it was.
#[derive(Clone, Copy, Debug, Default)]
pub struct Late(Option<Instant>);

impl Late {
    /// Records that it is so now.
    pub fn note(&mut self) {
        self.0 = Some(Instant::now());
    }

    /// True for a minute after that.
    #[must_use]
    pub fn is_recent(self) -> bool {
        self.0.is_some_and(|at| at.elapsed() < PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_counts_for_a_minute() {
        let mut late = Late::default();
        assert!(!late.is_recent());
        late.note();
        advance(Duration::from_secs(59)).await;
        assert!(late.is_recent());
        advance(Duration::from_secs(1)).await;
        assert!(!late.is_recent(), "and then it is tried again");
    }
}
