//! `[limits]`: limits towards the domains of recipients, all relays together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[limits]`: limits towards the domains of recipients, all relays together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages per second by domain.
    pub domain_rate_per_second: BTreeMap<String, f64>,
    /// Concurrent deliveries to one domain; 0 for no limit.
    pub domain_connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { domain_rate_per_second: BTreeMap::new(), domain_connections: 8 }
    }
}

impl Limits {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let rates = self.domain_rate_per_second.iter();
        rates
            .filter(|(_, rate)| !(rate.is_finite() && **rate > 0.0))
            .map(|(domain, _)| format!("`limits.domain_rate_per_second.{domain}` must be above zero"))
            .collect()
    }
}
