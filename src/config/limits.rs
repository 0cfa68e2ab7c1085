//! `[limits]`: limits towards the domains of recipients, all relays together, and of messages.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::size;
use crate::domain::domain_name::DomainName;

/// `[limits]`: limits towards the domains of recipients, all relays together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages per second by domain.
    pub domain_rate_per_second: BTreeMap<DomainName, f64>,
    /// Concurrent deliveries to one domain; 0 for no limit.
    pub domain_connections: u32,
    /// The largest message, in bytes; a notice whose mails are larger is refused.
    #[serde(with = "super::size")]
    pub message_size: u64,
}

/// The least limit of messages: the layout alone has some ten thousand bytes.
const LEAST_SIZE: u64 = 50_000;

impl Default for Limits {
    fn default() -> Self {
        Self { domain_rate_per_second: BTreeMap::new(), domain_connections: 8, message_size: 1_000_000 }
    }
}

impl Limits {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let rates = self.domain_rate_per_second.iter();
        let size = (self.message_size < LEAST_SIZE)
            .then(|| format!("`limits.message_size` must be at least `{}`", size::format(LEAST_SIZE)));
        rates
            .filter(|(_, rate)| !(rate.is_finite() && **rate > 0.0))
            .map(|(domain, _)| format!("`limits.domain_rate_per_second.{domain}` must be above zero"))
            .chain(size)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_room_for_the_layout() {
        let limits = Limits { message_size: 40_000, ..Limits::default() };
        assert_eq!(limits.problems(), ["`limits.message_size` must be at least `50kB`"]);
    }
}
