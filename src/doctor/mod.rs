//! The doctor: checks the configuration, the database, the keys, the modes of files, the relays and the ways in. It sends nothing, and
//! changes nothing but a value that nobody reads.

mod dns;
mod files;
mod inbound;
mod integrity;
mod operators;
mod queue;
mod relay;
mod webhooks;

use std::path::Path;

use serde::Serialize;

pub use dns::Dns;
pub use relay::Examined;

use crate::app::{App, AppError};
use crate::config::{Config, Directory, DirectoryUrl, Dkim, Relay};
use crate::domain::clock::Clock;
use crate::domain::note::VerifierKey;
use crate::domain::random::Random;
use crate::domain::words::{cause, count};
use crate::ledger::sign::Fault;
use crate::mail::dkim::{self, Record};
use crate::metrics::writable::write;
use crate::people::directory::probe;
use crate::store::StoreError;
use crate::store::engine::integrity::missing_tables;
use crate::store::people::contacts::{self, Unreadable};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Nothing is wrong.
    Ok,
    /// It works, and something should be changed.
    Warning,
    /// It does not work.
    Failed,
}

/// A check.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    /// What was checked.
    pub what: String,
    /// The result.
    pub verdict: Verdict,
    /// The particulars.
    pub detail: String,
    /// The DNS record that it needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<Record>,
}

impl Check {
    fn new(what: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, detail: detail.into(), record: None }
    }
}

/// Runs every check of a configuration and its file; with `dns`, also those of the DNS. `progress` gets what is checked: a large database takes long, and so does
/// a relay that does not answer.
pub async fn examine((config, file): (&Config, &Path), dns: Option<&Dns>, progress: &dyn Fn(&str)) -> Vec<Check> {
    let mut checks = vec![configuration(config)];
    progress("the database");
    let opened = App::open(config.clone(), Clock::System, Random::from_system()).await;
    match &opened {
        Ok(app) => {
            checks.push(database(app).await);
            progress("the pages and indexes of the database");
            checks.push(integrity::check(app).await);
            progress("the queue");
            checks.push(queue::check(app).await);
            progress("the ledger");
            checks.push(ledger(app).await);
            checks.push(tombstones(app).await);
            progress("the contacts");
            checks.push(contacts(app).await);
            checks.push(operators::check(app).await);
            checks.extend(webhooks::check(app).await);
            checks.extend(inbound::reports(config, app).await);
        }
        Err(AppError::Store(error)) if error.is_damaged() => checks.push(integrity::failed(error)),
        Err(error) => checks.push(Check::new("database", Verdict::Failed, error.to_string())),
    }
    checks.push(key(config, opened.as_ref().ok()).await);
    checks.push(files::check(config, file));
    // The DNS that is named may know the name otherwise than this host's.
    checks.extend(dns.is_none().then(|| hello(config)));
    checks.extend(config.dkim.iter().map(|entry| dkim(entry, config)));
    if config.relays.is_empty() {
        checks.push(Check::new("relay", Verdict::Failed, "no [[relay]] is configured"));
    }
    checks.extend(streams(config));
    for relay in &config.relays {
        progress(&format!("relay {}", relay.name));
        checks.push(examine_relay(relay, config).await.check);
    }
    checks.extend(inbound::check(config, progress).await);
    if let Some(url) = &config.directory.url {
        progress("the directory");
        checks.push(directory(&config.directory, url).await);
    }
    if let Some(dns) = dns {
        // The records below say what is missing.
        checks.iter_mut().for_each(|check| check.record = None);
        checks.extend(dns::check(dns, config, progress).await);
    }
    checks
}

/// Checks a relay alone.
pub async fn examine_relay(relay: &Relay, config: &Config) -> Examined {
    relay::check(relay, config, Clock::System.now()).await
}

/// Says what is valid in the configuration, but probably not intended.
fn configuration(config: &Config) -> Check {
    let warnings = config.warnings();
    let verdict = if warnings.is_empty() { Verdict::Ok } else { Verdict::Warning };
    let detail = if warnings.is_empty() { "valid".to_owned() } else { warnings.join("; ") };
    Check::new("configuration", verdict, detail)
}

/// Returns which categories go through which relays, if they are kept apart; a relay that carries nothing is a warning.
fn streams(config: &Config) -> Option<Check> {
    let (words, idle) = (config.streams_in_words(), config.idle_relays());
    let verdict = if idle.is_empty() { Verdict::Ok } else { Verdict::Warning };
    let detail = words.into_iter().chain(idle).collect::<Vec<_>>().join("; ");
    (!detail.is_empty()).then(|| Check::new("streams", verdict, detail))
}

/// Checks that the name in EHLO exists: many servers refuse one that does not.
fn hello(config: &Config) -> Check {
    use std::net::ToSocketAddrs as _;
    let (what, name) = ("greeting name", config.smtp.hello_name.as_str());
    if name.starts_with('[') || (name, 25).to_socket_addrs().is_ok_and(|mut found| found.next().is_some()) {
        return Check::new(what, Verdict::Ok, name);
    }
    let detail = format!("{name} has no address in the DNS: set `[smtp] hello_name` to this host's full name there");
    Check::new(what, Verdict::Warning, detail)
}

/// Asks for the customers file, and reads nothing of it.
async fn directory(config: &Directory, url: &DirectoryUrl) -> Check {
    let host = url.as_url().host_str().unwrap_or_default().to_owned();
    match probe(config).await {
        Ok(answer) => Check::new("directory", Verdict::Ok, format!("{host} {answer}")),
        Err(problem) => Check::new("directory", Verdict::Failed, format!("{host}: {problem}")),
    }
}

/// Checks that the database can be written, by writing something that nobody reads.
async fn database(app: &App) -> Check {
    let missing = match app.context.store.read().await {
        Ok(mut conn) => missing_tables(&mut conn).await,
        Err(error) => Err(error),
    };
    if let Ok([first, more @ ..]) = missing.as_deref() {
        let names = more.iter().fold(format!("`{first}`"), |names, name| format!("{names}, `{name}`"));
        let detail = format!("tables are missing: {names}: restore the database from a backup");
        return Check::new("database", Verdict::Failed, detail);
    }
    match write(&app.context.store).await {
        Ok(()) => Check::new(
            "database",
            Verdict::Ok,
            format!("{:?}, tables of this version, writable", app.context.store.dialect),
        ),
        Err(error) => Check::new("database", Verdict::Failed, format!("{error}: {}", remedy(&error))),
    }
}

/// What to do about a database that can be read but not written.
fn remedy(error: &StoreError) -> &'static str {
    if error.is_damaged() {
        return "restore it from a backup";
    }
    if error.is_locked() {
        return StoreError::WHEN_LOCKED;
    }
    "nothing is sent; free or add disk space, and end what made it read-only (permissions of its file and folder, \
     `default_transaction_read_only`, a standby server, the provider's limit of storage)"
}

async fn ledger(app: &App) -> Check {
    let standing = match app.ledger.standing().await {
        Ok(standing) => standing,
        Err(error) => return Check::new("ledger", Verdict::Failed, error.to_string()),
    };
    if let Some(reason) = standing.stopped {
        return Check::new("ledger", Verdict::Failed, format!("sealing has stopped: {reason}"));
    }
    let pending =
        if standing.pending == 0 { "all sealed".to_owned() } else { format!("{} unsealed", standing.pending) };
    let found = format!("entries: {}, {pending}", standing.size);
    match standing.others_sign {
        None => Check::new("ledger", Verdict::Ok, found),
        Some(path) => {
            let path = path.display();
            let others = format!("other nodes sign, as `{path}` is missing here: copy it from one that signs");
            Check::new("ledger", Verdict::Warning, format!("{found}; {others}"))
        }
    }
}

/// Checks that this database has all tombstones of the journal, and the other way round.
async fn tombstones(app: &App) -> Check {
    let what = "tombstones";
    match app.subjects.tombstones().await {
        Err(error) => Check::new(what, Verdict::Failed, error.to_string()),
        Ok(it) if it.missing > 0 => {
            let detail = format!("not carried out here: {}; run `besked subject replay`", it.missing);
            Check::new(what, Verdict::Failed, detail)
        }
        Ok(it) if it.journaled.is_none() => {
            let detail = format!(
                "{}, and no journal on this node: only other nodes' journals know who must be erased from a restored copy",
                it.stored
            );
            Check::new(what, Verdict::Warning, detail)
        }
        Ok(it) if it.journaled < Some(it.stored) => {
            let detail = "this node's journal lacks some: the dispatcher writes them within an hour";
            Check::new(what, Verdict::Warning, detail)
        }
        Ok(it) => Check::new(what, Verdict::Ok, it.stored.to_string()),
    }
}

/// Checks that this version can read what is stored of the contacts: zones and languages come and go with their databases.
async fn contacts(app: &App) -> Check {
    let what = "contacts";
    let found = match app.context.store.read().await {
        Ok(mut conn) => contacts::unreadable(&mut conn).await,
        Err(error) => Err(error),
    };
    let Unreadable { left_out, locales, zones } = match found {
        Ok(found) => found,
        Err(error) => return Check::new(what, Verdict::Failed, error.to_string()),
    };
    let mut parts = Vec::new();
    let mut say = |number: u64, means: &str| {
        if number > 0 {
            parts.push(format!("{} {means}", count(number, "contact has", "contacts have")));
        }
    };
    say(left_out, "an address or role that this version cannot read, and nothing is sent to them");
    say(locales, "a language that this version does not know, and get mail in the default one");
    say(zones, "a time zone that this version does not know, and see times in the default one");
    if parts.is_empty() {
        return Check::new(what, Verdict::Ok, "all of them can be read");
    }
    let verdict = if left_out > 0 { Verdict::Failed } else { Verdict::Warning };
    Check::new(what, verdict, format!("{}: correct them in the customers file, and import it", parts.join("; ")))
}

/// Checks whether this machine has the ledger's key, and that it is the one that signed last.
async fn key(config: &Config, app: Option<&App>) -> Check {
    let (what, path) = ("ledger key", &config.ledger.key_file);
    let signed_by = match app {
        Some(app) => app.ledger.signed_by().await.ok().flatten(),
        None => None,
    };
    match std::fs::metadata(path) {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let by = signed_by.map_or_else(String::new, |key| format!("; the one that signed last was {key}"));
            let detail = format!("there is none at `{}`: this machine does not sign{by}", path.display());
            return Check::new(what, Verdict::Warning, detail);
        }
        Err(error) => return Check::new(what, Verdict::Failed, format!("`{}`: {}", path.display(), cause(&error))),
    }
    let ours = match crate::ledger::sign::load_key(&config.ledger) {
        Ok(signer) => signer.map(|signer| signer.verifier_key().clone()),
        Err(error) => return Check::new(what, Verdict::Failed, error.to_string()),
    };
    let other = signed_by.filter(|key| ours.as_ref().is_some_and(|ours| ours.to_string() != *key));
    let before = other.as_ref().and_then(|key| VerifierKey::parse(key).ok());
    match (other, before.zip(ours).filter(|(before, ours)| ours.is_renamed(before))) {
        (Some(_), Some((before, ours))) => {
            let reason = Fault::OtherOrigin { before: before.name().to_owned(), now: ours.name().to_owned() };
            Check::new(what, Verdict::Failed, reason.to_string())
        }
        (Some(key), None) => {
            let detail = format!(
                "`{}` is not the key that signed last, which was {key}: restore that one, or run `besked ledger continue \
                 --reason TEXT`",
                path.display()
            );
            Check::new(what, Verdict::Failed, detail)
        }
        (None, _) => Check::new(what, Verdict::Ok, format!("`{}`", path.display())),
    }
}

/// Checks that a DKIM key signs, that only its owner can read it, and that its domain is the sender's. Nothing is looked up in
/// the DNS.
fn dkim(entry: &Dkim, config: &Config) -> Check {
    let what = format!("dkim {}", entry.record_name());
    let looked = match dkim::look(entry) {
        Ok(looked) => looked,
        Err(error) => return Check::new(what, Verdict::Failed, error.to_string()),
    };
    let mut parts = vec![looked.kind];
    parts.extend(files::open_to_others(&entry.key_file));
    parts.extend(entry.warning(&config.from_domains()[0]));
    let verdict = if parts.len() == 1 { Verdict::Ok } else { Verdict::Warning };
    Check { record: Some(looked.record), ..Check::new(what, verdict, parts.join(", ")) }
}
