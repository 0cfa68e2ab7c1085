//! `/verify`: somebody uploads an evidence file and reads what it proves. Nothing of it is kept; the database is asked only for the keys
//! that signed before. What the page does, `besked verify` does without us.

use std::io::{self, Read as _, Seek as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::multipart::MultipartError;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use tempfile::SpooledTempFile;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::passage::Known;
use super::{html, protect};
use crate::app::App;
use crate::domain::clock::shown;
use crate::domain::evidence::{Evidence, Invalid, verify};
use crate::domain::locale::Locale;
use crate::domain::note::VerifierKey;
use crate::ledger::LedgerError;
use crate::mail::locale::Language;

/// The largest file, in bytes: evidence for one customer has some kilobytes, with its messages some hundred.
const LARGEST: usize = 16 << 20;

/// Entries and recipients that are shown of a file, each: the others are counted.
const SHOWN: usize = 500;

/// Files that are verified at once, each in memory.
const AT_ONCE: usize = 2;

/// How long a file may take to arrive.
const ARRIVES: Duration = Duration::from_mins(2);

/// The largest file that is in memory while it arrives, in bytes: usual evidence always finds room, however many large files arrive.
const SMALL: usize = 1 << 20;

/// Larger files that arrive at once, each on disk.
const LARGE_AT_ONCE: usize = 16;

/// How long a file that is there waits for its turn.
const WAITS: Duration = Duration::from_secs(20);

/// What a page says of an entry.
struct Entry {
    index: u64,
    event: String,
    at: String,
    /// When, for programs.
    machine: String,
    proves: String,
    does_not_prove: String,
}

/// What a page says of a valid file.
struct Proof {
    origin: String,
    size: u64,
    root: String,
    key: String,
    notice: Option<(String, String)>,
    entries: Vec<Entry>,
    recipients: Vec<(u64, String, String)>,
    messages: usize,
    all: Option<u64>,
    more: usize,
}

/// What came of a file.
enum Outcome {
    /// Nothing was uploaded yet.
    Asked,
    /// It is valid.
    Valid(Box<Proof>),
    /// It proves nothing, and why.
    Invalid(String),
    /// It could not be looked at: the end of the key of a string.
    Failed(&'static str),
}

#[derive(Template)]
#[template(path = "public/verify.html")]
struct Page {
    language: &'static Language,
    organisation: String,
    outcome: Outcome,
}

#[derive(Clone)]
struct Verifying {
    app: App,
    /// To be verified.
    turns: Arc<Semaphore>,
    /// For large files that arrive.
    large: Arc<Semaphore>,
}

/// The routes.
pub fn routes(app: App) -> Router {
    let (turns, large) = (Arc::new(Semaphore::new(AT_ONCE)), Arc::new(Semaphore::new(LARGE_AT_ONCE)));
    Router::new()
        .route("/verify", get(ask).post(look))
        .layer(DefaultBodyLimit::max(LARGEST + (64 << 10)))
        .layer(map_response(protect))
        .with_state(Verifying { app, turns, large })
}

/// The language that the browser prefers, else the organisation's.
fn language(app: &App, headers: &HeaderMap) -> &'static Language {
    let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let tags = wanted.split(',').filter_map(|it| it.split(';').next()?.trim().parse::<Locale>().ok());
    let known = |it: &Locale| Language::all().iter().any(|language| language.tag() == it.language());
    let first = tags.into_iter().find(known);
    Language::of(first.as_ref().unwrap_or(&app.context.config.organisation.default_locale))
}

fn page(app: &App, headers: &HeaderMap, status: StatusCode, outcome: Outcome) -> Response {
    let organisation = app.context.config.organisation.name.clone();
    html(status, Page { language: language(app, headers), organisation, outcome }.render())
}

async fn ask(State(it): State<Verifying>, headers: HeaderMap) -> Response {
    page(&it.app, &headers, StatusCode::OK, Outcome::Asked)
}

async fn look(
    State(it): State<Verifying>,
    known: Option<Extension<Known>>,
    headers: HeaderMap,
    form: Multipart,
) -> Response {
    let refuse = |status, why| page(&it.app, &headers, status, Outcome::Failed(why));
    let file = match timeout(ARRIVES, arrived(&it, form)).await {
        Ok(Ok(file)) => file,
        Ok(Err((status, why))) => return refuse(status, why),
        Err(_) => return refuse(StatusCode::REQUEST_TIMEOUT, "cut"),
    };
    if let Some(Extension(known)) = known {
        known.call();
    }
    // Who sends slowly takes nobody's turn. A file in memory for each of many would be too much.
    let Ok(Ok(turn)) = timeout(WAITS, it.turns.clone().acquire_owned()).await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, "busy");
    };
    let keys = match keys(&it.app).await {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!(error = %error, "evidence cannot be verified here");
            return refuse(StatusCode::SERVICE_UNAVAILABLE, "no-key");
        }
    };
    // Hashes and signatures of many entries take the processor for a while; the turn lasts as long, also if nobody waits any more.
    let outcome = tokio::task::spawn_blocking(move || {
        let verified = file.bytes().map(|bytes| verified(&bytes, &keys));
        drop(turn);
        verified
    });
    let outcome = match outcome.await.map_err(io::Error::other).flatten() {
        Ok(Ok(proof)) => Outcome::Valid(Box::new(proof)),
        Ok(Err(error)) => Outcome::Invalid(error.to_string()),
        Err(error) => {
            tracing::error!(%error, "evidence could not be verified");
            return refuse(StatusCode::INTERNAL_SERVER_ERROR, "failed");
        }
    };
    let status = if matches!(outcome, Outcome::Invalid(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(&it.app, &headers, status, outcome)
}

/// A file that is there, in memory or on disk, where it has no name.
struct Arrived {
    file: SpooledTempFile,
    /// One of the places for large files, if it is one.
    _place: Option<OwnedSemaphorePermit>,
}

impl Arrived {
    fn bytes(mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// The file of the field `evidence`, once all of it is there.
async fn arrived(it: &Verifying, mut form: Multipart) -> Result<Arrived, (StatusCode, &'static str)> {
    let cut = |error: MultipartError| {
        let is_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_large { (StatusCode::PAYLOAD_TOO_LARGE, "large") } else { (StatusCode::BAD_REQUEST, "cut") }
    };
    while let Some(mut field) = form.next_field().await.map_err(cut)? {
        if field.name() != Some("evidence") {
            continue;
        }
        let (mut file, mut size, mut place) = (SpooledTempFile::new(SMALL), 0, None);
        while let Some(bytes) = field.chunk().await.map_err(cut)? {
            size += bytes.len();
            if size > LARGEST {
                return Err((StatusCode::PAYLOAD_TOO_LARGE, "large"));
            }
            if size > SMALL && place.is_none() {
                let free = it.large.clone().try_acquire_owned();
                place = Some(free.map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "busy"))?);
            }
            file.write_all(&bytes).map_err(|error| {
                tracing::error!(%error, "a temporary file for evidence cannot be used");
                (StatusCode::INTERNAL_SERVER_ERROR, "failed")
            })?;
        }
        if size > 0 {
            return Ok(Arrived { file, _place: place });
        }
    }
    Err((StatusCode::UNPROCESSABLE_ENTITY, "none"))
}

/// The keys that signed this ledger, the present one first; that one alone while the database does not answer.
async fn keys(app: &App) -> Result<Vec<VerifierKey>, LedgerError> {
    match app.ledger.verifier_keys().await {
        Ok(keys) => Ok(keys),
        Err(_) => Ok(vec![app.ledger.verifier_key()?]),
    }
}

/// What a file proves by one of the keys.
fn verified(file: &[u8], keys: &[VerifierKey]) -> Result<Proof, Invalid> {
    let mut first = None;
    for key in keys {
        match verify(file, key) {
            Ok(evidence) => return Ok(proof(&evidence, key)),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first.unwrap_or(Invalid::Empty))
}

fn proof(it: &Evidence, key: &VerifierKey) -> Proof {
    let entry = |it: &crate::domain::evidence::Proven| Entry {
        index: it.index,
        event: it.fact.event.to_string(),
        at: shown(it.fact.at),
        machine: it.fact.at.to_string(),
        proves: it.claim.proves.clone(),
        does_not_prove: it.claim.does_not_prove.clone(),
    };
    let shown = it.entries.iter().take(SHOWN);
    let recipients = it.recipients.iter().take(SHOWN);
    Proof {
        origin: it.checkpoint.origin().to_owned(),
        size: it.checkpoint.size(),
        root: data_encoding::BASE64.encode(&it.checkpoint.root()),
        key: key.to_string(),
        notice: it.notice.map(|(id, category, _)| (id.to_string(), category.to_string())),
        entries: shown.map(entry).collect(),
        recipients: recipients.map(|it| (it.ordinal, it.account_id.clone(), it.address.clone())).collect(),
        messages: it.messages.len(),
        all: it.recipients_in_manifest,
        more: it.entries.len().saturating_sub(SHOWN) + it.recipients.len().saturating_sub(SHOWN),
    }
}
