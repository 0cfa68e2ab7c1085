//! The configuration: a file for each table, with its struct, its defaults and its checks.
//!
//! Layers, later ones win: the defaults here, the file, the environment (`BESKED__DATABASE__URL` is `[database] url`, and
//! `BESKED__RELAY__0__URL` the `url` of the first `[[relay]]`). Unknown keys are errors. Secrets come from files or the
//! environment and are never printed.

mod category;
mod database;
mod dispatch;
mod dkim;
mod duration;
mod http;
mod ledger;
mod limits;
mod lines;
mod load;
mod observed;
mod organisation;
mod privacy;
mod relay;
mod retention;
mod retry;
mod sender;
mod smtp;
mod streams;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use category::{CategoryRules, LeadTime, LeastLevel};
pub use database::{Database, sqlite_path, without_password};
pub use dispatch::Dispatch;
pub use dkim::{Dkim, DkimKey};
pub use http::Http;
pub use ledger::Ledger;
pub use limits::Limits;
pub use load::{ConfigError, EXAMPLE, Found, Loaded, load, parse};
pub use observed::{Log, LogFormat, Metrics};
pub use organisation::{Authority, Organisation};
pub use privacy::Privacy;
pub use relay::{Relay, RelayUrl, Tls};
pub use retention::RetentionPeriods;
pub use retry::Retry;
pub use sender::Sender;
pub use smtp::{Smtp, host_name};
pub use streams::Stream;

use crate::domain::category::Category;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who sends the mail.
    pub organisation: Organisation,
    /// The addresses that mail comes from.
    pub sender: Sender,
    /// Where data is stored.
    pub database: Database,
    /// The name and key of the ledger.
    pub ledger: Ledger,
    /// The journal of erased persons.
    pub privacy: Privacy,
    /// The web server.
    pub http: Http,
    /// Health and metrics.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
    /// SMTP servers, in the order they are tried.
    #[serde(rename = "relay")]
    pub relays: Vec<Relay>,
    /// The keys that every message is signed with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dkim: Vec<Dkim>,
    /// Limits towards the domains of recipients.
    pub limits: Limits,
    /// When a deferred delivery is tried again.
    pub retry: Retry,
    /// The node that sends.
    pub dispatch: Dispatch,
    /// The deadlines of an SMTP session.
    pub smtp: Smtp,
    /// How long records without a notice are stored.
    pub retention: RetentionPeriods,
    /// The rules of each category.
    pub category: BTreeMap<Category, CategoryRules>,
}

impl Config {
    /// Returns the configuration as it may be shown.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let database = Database { url: self.database.shown(), ..self.database.clone() };
        Self { database, ..self.clone() }
    }

    /// What is valid, but probably not intended.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let sent_in_clear = |it: &&Relay| it.url.tls == Tls::None && it.url.user.is_some() && !it.url.is_loopback();
        let in_clear = self.relays.iter().filter(sent_in_clear);
        let mut warnings: Vec<String> =
            in_clear.map(|relay| format!("relay `{}` sends its password without TLS", relay.name)).collect();
        warnings.extend(self.idle_relays());
        warnings.extend(self.unaligned_keys());
        warnings
    }

    /// Every value that is not valid, by its key.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.organisation.problems();
        problems.extend(self.sender.problems());
        problems.extend(self.database.problems());
        problems.extend(self.http.problem());
        problems.extend(self.metrics.problem(&self.http));
        problems.extend(self.log.problem());
        problems.extend(self.ledger.problems());
        problems.extend(self.retry.problems());
        problems.extend(self.dispatch.problems());
        problems.extend(self.limits.problems());
        problems.extend(self.smtp.problem());
        problems.extend(relay::problems(&self.relays));
        problems.extend(self.stream_problems());
        problems.extend(self.category.iter().flat_map(|(category, rules)| rules.problems(*category)));
        problems
    }
}

/// (De)serialises a value in its text form.
mod text {
    use std::fmt::Display;
    use std::str::FromStr;

    use serde::{Deserialize, Deserializer, Serializer, de};

    pub fn serialize<T: Display, S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
    where
        T: FromStr<Err: Display>,
        D: Deserializer<'de>,
    {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
