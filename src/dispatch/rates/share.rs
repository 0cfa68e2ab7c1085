//! This node's share of the rates: how many nodes there are, and whether it may take part.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::clock::{Clock, millis};
use crate::store::sending::nodes::{Beat, GONE_AFTER_MS};

/// How often a node sends its heartbeat.
pub const BEAT: Duration = Duration::from_secs(1);

/// How long a node whose heartbeat fails goes on: less than the others need to count it as gone.
const HOLDS: Duration = Duration::from_millis(GONE_AFTER_MS as u64).checked_sub(BEAT).expect("a second is less");

/// How many nodes share the rates, as far as this one knows.
#[derive(Debug)]
pub struct Share {
    clock: Clock,
    /// The only dispatcher there can be.
    sole: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    counted: Option<Counted>,
    joined_at: Option<Timestamp>,
    /// Since when it takes part.
    open_since: Option<Instant>,
    joined_others_at: Option<Instant>,
}

/// A count of the nodes, and when its statement began, by both clocks: one stops while the machine is suspended, the other can
/// be set.
#[derive(Clone, Copy, Debug)]
struct Counted {
    nodes: u32,
    at: Instant,
    at_ms: i64,
}

impl Share {
    /// The share of a dispatcher that is alone by its lock: it depends on nobody.
    #[must_use]
    pub fn sole(clock: Clock) -> Self {
        Self { clock, sole: true, state: Mutex::default() }
    }

    /// The share of one among many, which takes part once the others know it.
    #[must_use]
    pub fn of_many(clock: Clock) -> Self {
        Self { clock, sole: false, state: Mutex::default() }
    }

    /// How many nodes share the rates; `None` while this one may not take part: it has just joined, or its heartbeat failed for so
    /// long that the others may have its share.
    #[must_use]
    pub fn nodes(&self) -> Option<u32> {
        if self.sole {
            return Some(1);
        }
        let state = self.state();
        state.open_since?;
        state.counted.filter(|counted| self.holds(counted)).map(|counted| counted.nodes)
    }

    /// True where there can be no other dispatcher.
    #[must_use]
    pub const fn is_sole(&self) -> bool {
        self.sole
    }

    /// When it began to take part beside others.
    #[must_use]
    pub fn joined_others_at(&self) -> Option<Instant> {
        if self.sole { None } else { self.state().joined_others_at }
    }

    /// Records the answer to a heartbeat that began at this time by both clocks. A node that joined waits for its next heartbeat, and
    /// until every other node has sent one since: by then they have all counted it.
    pub fn counted(&self, (at, at_ms): (Instant, i64), beat: &Beat) {
        let mut state = self.state();
        let lapsed = !state.counted.is_some_and(|counted| self.holds(&counted));
        if lapsed || state.joined_at != Some(beat.joined_at) {
            state.open_since = None;
        } else if state.open_since.is_none() && beat.unaware == 0 {
            state.open_since = Some(Instant::now());
            state.joined_others_at = state.open_since.filter(|_| beat.others > 0);
        }
        state.joined_at = Some(beat.joined_at);
        let nodes = u32::try_from(beat.others.saturating_add(1)).unwrap_or(u32::MAX);
        state.counted = Some(Counted { nodes, at, at_ms });
    }

    fn holds(&self, counted: &Counted) -> bool {
        let age_ms = self.clock.now_ms().saturating_sub(counted.at_ms);
        counted.at.elapsed() < HOLDS && age_ms < millis(HOLDS)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // No panic can happen between the changes that belong together.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::clock::from_millis;

    struct Node {
        share: Share,
        clock: Clock,
    }

    impl Node {
        fn new() -> Self {
            let clock = Clock::manual(from_millis(1_000_000));
            Self { share: Share::of_many(clock.clone()), clock }
        }

        async fn after(&self, ms: u64) -> &Self {
            let by = Duration::from_millis(ms);
            tokio::time::advance(by).await;
            self.clock.advance(by);
            self
        }

        fn beat(&self, joined_at: i64, others: u64, unaware: u64) -> Option<u32> {
            let epoch = Timestamp::UNIX_EPOCH;
            let beat = Beat { started_at: epoch, joined_at: from_millis(joined_at), others, unaware, at: epoch };
            self.share.counted((Instant::now(), self.clock.now_ms()), &beat);
            self.share.nodes()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_waits_a_beat_and_until_the_others_know_of_it() {
        let node = Node::new();
        assert_eq!(node.share.nodes(), None);
        assert_eq!(node.beat(7, 1, 1), None, "it has just joined");
        assert_eq!(node.after(1000).await.beat(7, 1, 1), None, "the other one was late");
        assert_eq!(node.after(1000).await.beat(7, 1, 0), Some(2));
        assert!(node.share.joined_others_at().is_some(), "it has no burst");
        assert_eq!(node.after(1000).await.beat(7, 2, 1), Some(3), "who joins later makes it wait no more");
        let alone = Node::new();
        assert_eq!(alone.beat(7, 0, 0), None, "another may join at the same moment");
        assert_eq!(alone.after(1000).await.beat(7, 0, 0), Some(1));
        assert_eq!(alone.share.joined_others_at(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_could_not_beat_joins_anew() {
        let node = Node::new();
        node.beat(7, 1, 0);
        assert_eq!(node.after(1000).await.beat(7, 1, 0), Some(2));
        node.after(3900).await;
        assert_eq!(node.share.nodes(), Some(2));
        node.after(200).await;
        assert_eq!(node.share.nodes(), None, "before the others take it for gone");
        assert_eq!(node.beat(9, 1, 1), None);
        assert_eq!(node.after(1000).await.beat(9, 1, 0), Some(2));
        node.clock.advance(Duration::from_secs(60));
        assert_eq!(node.share.nodes(), None, "the machine was suspended");
        assert_eq!(node.beat(9, 1, 0), None);
        assert_eq!(node.after(1000).await.beat(10, 1, 0), None, "the database knows better");
        assert_eq!(node.after(1000).await.beat(10, 1, 0), Some(2));
    }
}
