//! `besked doctor`: whether everything is as it must be. It looks, and changes and sends nothing.

use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::Place;
use super::failure::{FAILED, Failure};
use super::output::{Output, count, grouped, table};
use crate::app::App;
use crate::config::{Config, Dkim, Relay, Tls};
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::mail::dkim::{self, Record};
use crate::mail::smtp::{Extensions, Session};

/// Certificates that expire sooner than this are told of.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Failed,
}

/// What was looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    verdict: Verdict,
    detail: String,
    /// What is to stand in the DNS for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<Record>,
}

impl Check {
    fn new(what: impl Into<String>, verdict: Verdict, detail: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, detail: detail.into(), record: None }
    }

    fn of<T, E: std::fmt::Display>(what: &str, result: Result<T, E>, ok: impl FnOnce(T) -> String) -> Self {
        match result {
            Ok(value) => Self::new(what, Verdict::Ok, ok(value)),
            Err(error) => Self::new(what, Verdict::Failed, error.to_string()),
        }
    }
}

/// Runs `besked doctor`.
pub async fn doctor(place: &Place, output: &Output) -> Result<u8, Failure> {
    let config = place.load()?.config;
    let mut checks = Vec::new();
    match App::open(config.clone(), Clock::System, Random::from_system()).await {
        Ok(app) => {
            checks.push(database(&app).await);
            checks.push(ledger(&app).await);
            checks.push(tombstones(&app).await);
        }
        Err(error) => checks.push(Check::new("database", Verdict::Failed, error.to_string())),
    }
    checks.push(key(&config));
    checks.extend(config.dkim.iter().map(|entry| dkim(entry, &config)));
    if config.relays.is_empty() {
        checks.push(Check::new("relay", Verdict::Failed, "no [[relay]] is configured"));
    }
    for relay in &config.relays {
        checks.push(self::relay(relay, &config, Clock::System.now()).await);
    }
    output.print(&checks, |checks| {
        let rows = checks.iter().map(|it| {
            let verdict = match it.verdict {
                Verdict::Ok => "ok",
                Verdict::Warning => "warning",
                Verdict::Failed => "FAILED",
            };
            [it.what.clone(), verdict.to_owned(), it.detail.clone()]
        });
        table(["what", "", "detail"], rows) + &records(checks)
    })?;
    Ok(if checks.iter().any(|check| check.verdict == Verdict::Failed) { FAILED } else { 0 })
}

/// That the database can be written: a transaction is begun and given up.
async fn database(app: &App) -> Check {
    let written = async { app.store.write().await?.rollback().await.map_err(crate::store::StoreError::from) };
    Check::of("database", written.await, |()| format!("{:?}, tables of this version, writable", app.store.dialect))
}

async fn ledger(app: &App) -> Check {
    match app.ledger.standing().await {
        Ok(standing) => match standing.stopped {
            Some(reason) => Check::new("ledger", Verdict::Failed, format!("sealing has stopped: {reason}")),
            None => {
                let waiting = match standing.pending {
                    0 => "all sealed".to_owned(),
                    pending => format!("{} to be sealed", count(pending, "more waits", "more wait")),
                };
                let detail = format!("{}, {waiting}", count(standing.size, "entry", "entries"));
                Check::new("ledger", Verdict::Ok, detail)
            }
        },
        Err(error) => Check::new("ledger", Verdict::Failed, error.to_string()),
    }
}

/// The tombstones: that this database has all of those in the journal, and the other way round.
async fn tombstones(app: &App) -> Check {
    let what = "tombstones";
    match app.subjects.tombstones().await {
        Err(error) => Check::new(what, Verdict::Failed, error.to_string()),
        Ok(it) if it.missing > 0 => {
            let missing = count(it.missing, "tombstone is", "tombstones are");
            Check::new(what, Verdict::Failed, format!("{missing} not carried out here: `besked subject replay`"))
        }
        Ok(it) if it.journaled.is_none() => {
            let detail = format!(
                "{}, and no journal on this node: only other nodes' journals know who must be erased from a restored copy",
                count(it.stored, "tombstone", "tombstones")
            );
            Check::new(what, Verdict::Warning, detail)
        }
        Ok(it) if it.journaled < Some(it.stored) => {
            let detail = "this node's journal lacks some: the dispatcher writes them within an hour";
            Check::new(what, Verdict::Warning, detail)
        }
        Ok(it) => Check::new(what, Verdict::Ok, count(it.stored, "tombstone", "tombstones")),
    }
}

/// The ledger's key: whether this machine has it, and nobody else can read it.
fn key(config: &Config) -> Check {
    let path = &config.ledger.key_file;
    match std::fs::metadata(path) {
        Ok(metadata) if is_open(&metadata) => Check::new("ledger key", Verdict::Warning, open_to_others(path)),
        Ok(_) => Check::new("ledger key", Verdict::Ok, format!("`{}`", path.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let detail = format!("there is none at `{}`: this machine does not sign", path.display());
            Check::new("ledger key", Verdict::Warning, detail)
        }
        Err(error) => Check::new("ledger key", Verdict::Failed, format!("`{}`: {error}", path.display())),
    }
}

fn is_open(metadata: &Metadata) -> bool {
    metadata.permissions().mode() & 0o077 != 0
}

fn open_to_others(path: &Path) -> String {
    format!("`{}` can be read by others: chmod 600", path.display())
}

/// A DKIM key: that it signs, that nobody else can read it, and that it helps. Nothing is looked up: see [`records`].
fn dkim(entry: &Dkim, config: &Config) -> Check {
    let what = format!("dkim {}", entry.record_name());
    let looked = match dkim::look(entry) {
        Ok(looked) => looked,
        Err(error) => return Check::new(what, Verdict::Failed, error.to_string()),
    };
    let mut parts = vec![looked.kind];
    let mut verdict = Verdict::Ok;
    if std::fs::metadata(&entry.key_file).is_ok_and(|metadata| is_open(&metadata)) {
        parts.push(open_to_others(&entry.key_file));
        verdict = Verdict::Warning;
    }
    if let Some(warning) = entry.warning(config.sender.domain()) {
        parts.push(warning);
        verdict = Verdict::Warning;
    }
    Check { record: Some(looked.record), ..Check::new(what, verdict, parts.join(", ")) }
}

/// The DNS records to publish, if there are any: whole lines, to be copied.
fn records(checks: &[Check]) -> String {
    let records: String = checks.iter().filter_map(|check| check.record.as_ref()).map(|it| format!("{it}\n")).collect();
    if records.is_empty() { records } else { format!("\nthe DNS must have (not looked up):\n{records}") }
}

/// A relay: connect, TLS, AUTH, and what it offers.
async fn relay(relay: &Relay, config: &Config, now: Timestamp) -> Check {
    let what = format!("relay {}", relay.name);
    let session = match Session::open(relay, &config.smtp).await {
        Ok(session) => session,
        Err(failed) => {
            return Check::new(what, Verdict::Failed, format!("{}: {}", failed.stage, failed.failure.text()));
        }
    };
    let mut parts = vec![session.host.clone()];
    let mut verdict = Verdict::Ok;
    parts.push(if session.tls.is_empty() { "no TLS".to_owned() } else { session.tls.clone() });
    if let Some(expires) = session.certificate_expires {
        parts.push(format!("certificate until {}", expires.strftime("%Y-%m-%d")));
        // Nobody checks the certificate of opportunistic TLS.
        if expires.duration_since(now) < SOON && relay.url.tls != Tls::Opportunistic {
            verdict = Verdict::Warning;
        }
    }
    if relay.url.user.is_some() {
        parts.push(if relay.password.is_some() { "authenticated" } else { "user without a password" }.to_owned());
        if relay.password.is_none() || session.tls.is_empty() {
            verdict = Verdict::Warning;
        }
    }
    parts.push(offers(session.extensions()));
    session.quit().await;
    Check::new(what, verdict, parts.join(", "))
}

fn offers(extensions: Extensions) -> String {
    let size = extensions.size.map_or_else(|| "no SIZE".to_owned(), |size| format!("SIZE {}", grouped(size as u64)));
    let mut offers = vec![size];
    for (offered, name) in [
        (extensions.eight_bit_mime, "8BITMIME"),
        (extensions.smtputf8, "SMTPUTF8"),
        (extensions.pipelining, "PIPELINING"),
        (extensions.dsn, "DSN"),
    ] {
        offers.push(if offered { name.to_owned() } else { format!("no {name}") });
    }
    offers.join(" ")
}
