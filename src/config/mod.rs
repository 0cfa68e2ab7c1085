//! The configuration: a file for each table, with its struct, its defaults and its checks.
//!
//! Layers, later ones win: the defaults here, the file, the environment (`BESKED__DATABASE__URL` is `[database] url`, and
//! `BESKED__RELAY__0__URL` the `url` of the first `[[relay]]`). Unknown keys are errors. Secrets come from files or the
//! environment and are never printed. A relative path counts from one place: the folder of the configuration file, or the one around
//! it if that is called `config`.

mod approval;
mod audit;
mod bounded;
mod calendar;
mod category;
mod console;
mod database;
mod directory;
mod dispatch;
mod dkim;
mod duration;
mod escalation;
mod example;
mod http;
mod identity;
mod imap;
mod inbound;
mod ledger;
mod limits;
mod lines;
mod listen;
mod load;
mod loopback;
mod observed;
mod oidc;
mod organisation;
mod paths;
mod privacy;
mod promises;
mod relay;
mod retention;
mod retry;
mod secret;
mod sender;
mod size;
mod smtp;
mod streams;
mod webhooks;
mod words;

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

pub use approval::Approval;
pub use audit::Audit;
pub use bounded::read_pem;
pub use calendar::{Calendar, CalendarMethod};
pub use category::{CategoryRules, LeadTime, LeastLevel};
pub use console::Console;
pub use database::{Database, DatabaseUrl};
pub use directory::{Directory, DirectoryUrl};
pub use dispatch::Dispatch;
pub use dkim::{Dkim, DkimKey};
pub use duration::format as written;
pub use example::{EXAMPLE, filled};
pub use http::Http;
pub use imap::{Imap, ImapTls, ImapUrl};
pub use inbound::{Inbound, LmtpListen, Maildir, Replies};
pub use ledger::Ledger;
pub use limits::Limits;
pub use load::{ConfigError, Found, Loaded, folder, load, log_of, parse};
pub use observed::{Log, LogFormat, Metrics};
pub use oidc::{IssuerUrl, Oidc};
pub use organisation::{Authority, Organisation, PublicUrl};
pub use privacy::Privacy;
pub use relay::{Relay, RelayUrl, Tls, certificates};
pub use retention::RetentionPeriods;
pub use retry::Retry;
pub use sender::{REPLY_LOCAL, RETURN_PATH_LOCAL, ReturnPath, Sender};
pub use smtp::{HelloName, Smtp, host_name};
pub use streams::Stream;
pub use webhooks::Webhooks;

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
    /// Signing in to the pages for operators.
    pub console: Console,
    /// Signing in at an identity provider.
    pub oidc: Oidc,
    /// Where customers are fetched from.
    pub directory: Directory,
    /// What comes back by mail.
    pub inbound: Inbound,
    /// Calls to other systems.
    pub webhooks: Webhooks,
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
    /// When an approval does not hold any more.
    pub approval: Approval,
    /// How long the audit log is kept.
    pub audit: Audit,
    /// The calendar entries of maintenance.
    pub calendar: Calendar,
    /// How long records without a notice are stored.
    pub retention: RetentionPeriods,
    /// The rules of each category.
    pub category: BTreeMap<Category, CategoryRules>,
}

impl Config {
    /// Reads the passwords in files. Returns every problem, by its key.
    fn read_passwords(&mut self) -> Vec<String> {
        let mut problems = Vec::new();
        let mut read = |key: &str, path: &Path| {
            let read = secret::read(path);
            read.map_err(|problem| problems.push(format!("`{key}`: `{}` {problem}", path.display()))).ok()
        };
        for (index, relay) in self.relays.iter_mut().enumerate() {
            if let (None, Some(path)) = (&relay.password, &relay.password_file) {
                relay.password = read(&format!("relay.{index}.password_file"), path).map(SecretString::from);
            }
        }
        if let Some(path) = &self.database.password_file
            && let Some(password) = read("database.password_file", path)
        {
            self.database.url = self.database.url.clone().with_password(&password);
        }
        let imap = &mut self.inbound.imap;
        if let (None, Some(path)) = (&imap.password, &imap.password_file) {
            imap.password = read("inbound.imap.password_file", path).map(SecretString::from);
        }
        let oidc = &mut self.oidc;
        if let (None, Some(path)) = (&oidc.client_secret, &oidc.client_secret_file) {
            oidc.client_secret = read("oidc.client_secret_file", path).map(SecretString::from);
        }
        let directory = &mut self.directory;
        if let (None, Some(path)) = (&directory.token, &directory.token_file) {
            directory.token = read("directory.token_file", path).map(SecretString::from);
        }
        problems
    }

    /// What is valid, but probably not intended.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let sent_in_clear = |it: &&Relay| it.url.tls == Tls::None && it.url.user.is_some() && !it.url.is_loopback();
        let in_clear = self.relays.iter().filter(sent_in_clear);
        let mut warnings: Vec<String> =
            in_clear.map(|relay| format!("relay `{}` sends its password without TLS", relay.name)).collect();
        let doubtful = |it: &Relay| Some(format!("relay `{}`: {}", it.name, it.url.doubtful_port()?));
        warnings.extend(self.relays.iter().filter_map(doubtful));
        if self.relays.is_empty() {
            warnings.push("no `[[relay]]` is configured, so nothing is sent".to_owned());
        }
        warnings.extend(self.idle_relays());
        warnings.extend(self.unaligned_keys());
        let without = |it: &&Relay| it.url.user.is_some() && it.password.is_none();
        let relays = self.relays.iter().filter(without);
        warnings
            .extend(relays.map(|it| format!("relay `{}` has a user and no password, so it does not log in", it.name)));
        let in_quotes = |it: &&Relay| it.password.as_ref().is_some_and(|it| secret::is_in_quotes(it.expose_secret()));
        warnings.extend(self.relays.iter().filter(in_quotes).map(|it| {
            format!(
                "the password of relay `{}` begins and ends with a quote: some tools keep those of an env file",
                it.name
            )
        }));
        warnings.extend(self.organisation.warnings());
        warnings.extend(self.example_warning());
        warnings.extend(self.unreachable_levels());
        warnings.extend(self.inbound.warning());
        warnings
    }

    /// Every value that is not valid, by its key.
    fn problems(&self) -> Vec<String> {
        let mut problems = self.organisation.problems();
        problems.extend(self.sender.problem());
        problems.extend(self.database.problems());
        problems.extend(self.http.problems());
        problems.extend(self.oidc.problems());
        problems.extend(self.approval.problems());
        problems.extend(self.audit.problems());
        problems.extend(self.directory.problems());
        problems.extend(self.inbound.problems());
        problems.extend(self.inbound.reply_problems(&self.sender));
        problems.extend(self.webhooks.problems());
        problems.extend(self.metrics.problem(&self.http));
        problems.extend(self.log.problem());
        problems.extend(self.ledger.problems());
        problems.extend(self.retry.problems());
        problems.extend(self.dispatch.problems());
        problems.extend(self.limits.problems());
        problems.extend(self.smtp.problems());
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

    /// A value that may be missing: an empty text.
    pub mod optional {
        use std::fmt::Display;
        use std::str::FromStr;

        use serde::{Deserialize, Deserializer, Serializer, de};

        pub fn serialize<T: Display, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
            match value {
                Some(value) => serializer.collect_str(value),
                None => serializer.serialize_str(""),
            }
        }

        pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
        where
            T: FromStr<Err: Display>,
            D: Deserializer<'de>,
        {
            let text = String::deserialize(deserializer)?;
            if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
        }
    }

    /// A list of values.
    pub mod list {
        use std::fmt::Display;
        use std::str::FromStr;

        use serde::{Deserialize, Deserializer, Serializer, de};

        pub fn serialize<T: Display, S: Serializer>(values: &[T], serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(values.iter().map(T::to_string))
        }

        pub fn deserialize<'de, T, D>(deserializer: D) -> Result<Vec<T>, D::Error>
        where
            T: FromStr<Err: Display>,
            D: Deserializer<'de>,
        {
            let texts = Vec::<String>::deserialize(deserializer)?;
            texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
        }
    }
}
