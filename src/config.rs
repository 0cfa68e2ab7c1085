//! The configuration: one struct for each TOML table, every key with its default, all of it validated on load.
//!
//! Layers, later ones win: the defaults here, the file, the environment (`BESKED__DATABASE__URL` is `[database] url`, and
//! `BESKED__RELAY__0__URL` the `url` of the first `[[relay]]`). Unknown keys are errors. Secrets come from files or the
//! environment and are never printed.

mod dkim;
mod duration;
mod load;
mod observed;
mod relay;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use dkim::Dkim;
pub use load::{ConfigError, EXAMPLE, Loaded, load, parse};
pub use observed::{Log, LogFormat, Metrics};
pub use relay::{Relay, RelayUrl, Tls};

use crate::domain::address::Address;
use crate::domain::category::{Addressing, Category, Class, Role};
use crate::domain::locale::{Locale, ZoneName};

/// Everything that can be configured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Who sends.
    pub organisation: Organisation,
    /// How mail is addressed.
    pub sender: Sender,
    /// Where things are kept.
    pub database: Database,
    /// The ledger's name and key.
    pub ledger: Ledger,
    /// People's rights.
    pub privacy: Privacy,
    /// The web server.
    pub http: Http,
    /// What machines ask.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
    /// SMTP servers, in the order they are tried.
    #[serde(rename = "relay")]
    pub relays: Vec<Relay>,
    /// Keys that every message is signed with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dkim: Vec<Dkim>,
    /// Limits towards recipients' domains.
    pub limits: Limits,
    /// When to try again.
    pub retry: Retry,
    /// Sending.
    pub dispatch: Dispatch,
    /// Deadlines of the SMTP conversation.
    pub smtp: Smtp,
    /// What is data, not code, in each category.
    pub category: BTreeMap<Category, CategoryRules>,
}

/// `[organisation]`: printed in every mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Organisation {
    /// Name of the provider.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Whom to write to about personal data.
    pub privacy_contact: String,
    /// The authority a person can complain to.
    pub supervisory_authority: String,
    /// Base of unsubscribe, preference, survey and verify links: an https address.
    pub public_url: String,
    /// Language of a notice's first section, and of contacts without a locale.
    #[serde(with = "text")]
    pub default_locale: Locale,
    /// Zone of contacts without one.
    #[serde(with = "text")]
    pub default_time_zone: ZoneName,
}

impl Default for Organisation {
    fn default() -> Self {
        Self {
            name: "Example Cloud AB".to_owned(),
            address: "Storgatan 1, 371 00 Karlskrona, Sweden".to_owned(),
            privacy_contact: "dpo@example.com".to_owned(),
            supervisory_authority: "Swedish Authority for Privacy Protection (IMY)".to_owned(),
            public_url: "https://notices.example.com".to_owned(),
            default_locale: "en".parse().expect("`en` is a locale"),
            default_time_zone: ZoneName::utc(),
        }
    }
}

/// `[sender]`: how mail is addressed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// The From header: `Name <address>`.
    #[serde(with = "text")]
    pub from: lettre::message::Mailbox,
    /// The Reply-To header.
    #[serde(with = "text")]
    pub reply_to: lettre::message::Mailbox,
    /// Domain of the return path that each delivery has of its own.
    pub bounce_domain: String,
}

impl Sender {
    /// The domain of the From address: that of Message-IDs too.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

impl Default for Sender {
    fn default() -> Self {
        let mailbox = |text: &str| text.parse().expect("the default is a mailbox");
        Self {
            from: mailbox("Example Cloud <notices@example.com>"),
            reply_to: mailbox("support@example.com"),
            bounce_domain: "bounces.example.com".to_owned(),
        }
    }
}

/// `[database]`: where things are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite://PATH` or `postgres://USER@HOST/NAME`.
    pub url: String,
    /// File with the password of a PostgreSQL user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite://var/besked.db".to_owned(), password_file: None }
    }
}

/// `[ledger]`: its name and key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// Name of the log in checkpoints (C2SP tlog-checkpoint), and of its key.
    pub origin: String,
    /// The Ed25519 key, PKCS#8 PEM, mode 0600.
    pub key_file: PathBuf,
    /// The last signed checkpoint, outside the database.
    pub state_file: PathBuf,
    /// Who gets the checkpoint by mail daily.
    pub checkpoint_to: Vec<String>,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            origin: "example.com/besked".to_owned(),
            key_file: "var/ledger.key".into(),
            state_file: "var/ledger.state".into(),
            checkpoint_to: Vec::new(),
        }
    }
}

/// `[privacy]`: the tombstone journal, outside the database.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Privacy {
    /// Who was erased, as keyed hashes.
    pub journal_file: PathBuf,
    /// The key of these hashes; made at the first erasure.
    pub journal_key_file: PathBuf,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { journal_file: "var/erased.journal".into(), journal_key_file: "var/erased.key".into() }
    }
}

/// `[http]`: the web server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Address and port it listens on.
    pub listen: SocketAddr,
}

impl Default for Http {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)) }
    }
}

/// `[limits]`: towards recipients' domains, all relays together.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Messages per second by domain.
    pub domain_rate_per_second: BTreeMap<String, f64>,
    /// Deliveries under way to one domain; 0 for no limit.
    pub domain_connections: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { domain_rate_per_second: BTreeMap::new(), domain_connections: 8 }
    }
}

/// `[retry]`: when to try again.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retry {
    /// Waits before the second, third, ... attempt; the last one repeats.
    #[serde(with = "duration::list")]
    pub schedule: Vec<Duration>,
    /// Waits longer than this in sum end the trying. Time in which no relay is up does not count: no attempt is made then.
    #[serde(with = "duration")]
    pub give_up_after: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self { schedule: [1, 5, 15, 30, 60].map(minutes).to_vec(), give_up_after: minutes(5 * 24 * 60) }
    }
}

/// `[dispatch]`: sending.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Dispatch {
    /// What this node is called in tables; the machine's host name and the process id where empty.
    pub node: String,
    /// How long deliveries under way may take to finish on SIGTERM.
    #[serde(with = "duration")]
    pub drain: Duration,
}

impl Default for Dispatch {
    fn default() -> Self {
        Self { node: String::new(), drain: Duration::from_secs(20) }
    }
}

/// `[smtp]`: deadlines of each step (RFC 5321 section 4.5.3.2), and our name in EHLO.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// Name in EHLO; the machine's host name where empty.
    pub hello_name: String,
    /// TCP connect, and TLS.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// The greeting and EHLO.
    #[serde(with = "duration")]
    pub greeting: Duration,
    /// AUTH.
    #[serde(with = "duration")]
    pub auth: Duration,
    /// MAIL FROM.
    #[serde(with = "duration")]
    pub mail: Duration,
    /// RCPT TO.
    #[serde(with = "duration")]
    pub rcpt: Duration,
    /// DATA.
    #[serde(with = "duration")]
    pub data: Duration,
    /// Writing the message.
    #[serde(with = "duration")]
    pub body: Duration,
    /// The answer to the final dot.
    #[serde(with = "duration")]
    pub dot: Duration,
}

impl Default for Smtp {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            hello_name: String::new(),
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            auth: minutes(2),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            body: minutes(3),
            dot: minutes(10),
        }
    }
}

/// `[category.NAME]`: what is data, not code.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryRules {
    /// Whether a second person must approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_persons: Option<bool>,
    /// Whether a second person must approve a notice to more customers than this (optional categories).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_persons_above: Option<u64>,
    /// Days for which persons in its record are kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Whether keeping them that long is a duty, which only a ground that waives it by name sets aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_duty: Option<bool>,
    /// Roles addressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// Roles addressed where a customer has none of `roles`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or_else: Option<Vec<Role>>,
}

/// Audience size above which an optional notice needs a second person, where not configured.
const TWO_PERSONS_ABOVE: u64 = 10_000;

impl Config {
    /// Whom a category addresses.
    #[must_use]
    pub fn addressing(&self, category: Category) -> Addressing {
        let default = category.default_addressing();
        let rules = self.category.get(&category);
        match rules.and_then(|rules| rules.roles.clone()) {
            Some(roles) => {
                Addressing { roles, or_else: rules.and_then(|rules| rules.or_else.clone()).unwrap_or_default() }
            }
            None => Addressing {
                or_else: rules.and_then(|rules| rules.or_else.clone()).unwrap_or(default.or_else),
                roles: default.roles,
            },
        }
    }

    /// Whether a notice of a category to this many customers needs a second person.
    #[must_use]
    pub fn needs_second_person(&self, category: Category, customers: u64) -> bool {
        let rules = self.category.get(&category);
        let always = rules.and_then(|rules| rules.two_persons).unwrap_or(category.default_two_persons());
        let above = rules.and_then(|rules| rules.two_persons_above).unwrap_or(TWO_PERSONS_ABOVE);
        always || (category.class() == Class::Optional && customers > above)
    }

    /// Days for which persons in a category's record are kept.
    #[must_use]
    pub fn retention_days(&self, category: Category) -> u32 {
        let rules = self.category.get(&category);
        rules.and_then(|rules| rules.retention_days).unwrap_or(category.default_retention_days())
    }

    /// Whether keeping the persons in a category's record is a duty until then.
    #[must_use]
    pub fn retention_duty(&self, category: Category) -> bool {
        let rules = self.category.get(&category);
        rules.and_then(|rules| rules.retention_duty).unwrap_or(category.default_retention_duty())
    }

    /// What a parsed configuration says that cannot be: each problem names its key.
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !self.organisation.public_url.starts_with("https://") && !self.organisation.public_url.starts_with("http://")
        {
            problems.push("`organisation.public_url` must begin with https://".to_owned());
        }
        if let Err(problem) = Address::parse(&self.organisation.privacy_contact) {
            problems.push(format!("`organisation.privacy_contact` {problem}"));
        }
        for (key, text) in [
            ("organisation.name", &self.organisation.name),
            ("organisation.address", &self.organisation.address),
            ("organisation.supervisory_authority", &self.organisation.supervisory_authority),
        ] {
            if crate::domain::problem::has_control(text) || text.trim().is_empty() {
                problems.push(format!("`{key}` must be one line of text"));
            }
        }
        if crate::domain::address::parse_domain(&self.sender.bounce_domain).is_none() {
            problems.push("`sender.bounce_domain` is not a domain name".to_owned());
        }
        if !self.database.url.starts_with("sqlite:") && !self.database.url.starts_with("postgres") {
            problems.push("`database.url` must begin with sqlite:// or postgres://".to_owned());
        }
        problems.extend(self.metrics.problem(&self.http));
        problems.extend(self.log.problem());
        if self.ledger.origin.is_empty() || self.ledger.origin.contains(|c: char| c.is_whitespace() || c == '+') {
            problems.push("`ledger.origin` must be a name without spaces and plus signs".to_owned());
        }
        if self.retry.schedule.is_empty() || self.retry.schedule.iter().any(Duration::is_zero) {
            problems.push("`retry.schedule` must have at least one wait, none of them zero".to_owned());
        }
        if !self.dispatch.node.is_empty() && !crate::domain::problem::is_line(&self.dispatch.node) {
            problems.push("`dispatch.node` must be one line of text".to_owned());
        }
        for to in &self.ledger.checkpoint_to {
            if let Err(problem) = Address::parse(to) {
                problems.push(format!("`ledger.checkpoint_to` {problem}"));
            }
        }
        for (domain, rate) in &self.limits.domain_rate_per_second {
            if !(rate.is_finite() && *rate > 0.0) {
                problems.push(format!("`limits.domain_rate_per_second.{domain}` must be above zero"));
            }
        }
        for (index, relay) in self.relays.iter().enumerate() {
            problems.extend(relay.problems().into_iter().map(|problem| format!("`relay.{index}` {problem}")));
            if self.relays[..index].iter().any(|other| other.name == relay.name) {
                problems.push(format!("`relay.{index}.name` is used twice: `{}`", relay.name));
            }
        }
        problems
    }
}

/// (De)serialises what has a text form through it.
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
