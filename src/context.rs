//! What every service works with: the database, the configuration, the time and randomness.

use std::sync::Arc;

use crate::config::Config;
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::store::Store;

/// A cheap handle that services are built from, cloned freely.
#[derive(Clone, Debug)]
pub struct Context {
    /// The database.
    pub store: Store,
    /// The configuration.
    pub config: Arc<Config>,
    /// The time.
    pub clock: Clock,
    /// Randomness.
    pub random: Random,
}
