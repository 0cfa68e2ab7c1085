//! `/verify`: somebody uploads an evidence file and reads what it proves. Nothing of it is kept; the database is asked only for the keys
//! that signed before. What the page does, `besked verify` does without us.

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use tokio::sync::Semaphore;

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
    turns: Arc<Semaphore>,
}

/// The routes.
pub fn routes(app: App) -> Router {
    Router::new()
        .route("/verify", get(ask).post(look))
        .layer(DefaultBodyLimit::max(LARGEST + (64 << 10)))
        .layer(map_response(protect))
        .with_state(Verifying { app, turns: Arc::new(Semaphore::new(AT_ONCE)) })
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

async fn look(State(it): State<Verifying>, headers: HeaderMap, form: Multipart) -> Response {
    // Whoever comes meanwhile comes again: a file in memory for each of many would be too much.
    let Ok(_turn) = it.turns.clone().try_acquire_owned() else {
        return page(&it.app, &headers, StatusCode::SERVICE_UNAVAILABLE, Outcome::Failed("busy"));
    };
    let file = match file(form).await {
        Ok(file) => file,
        Err((status, why)) => return page(&it.app, &headers, status, Outcome::Failed(why)),
    };
    let keys = match keys(&it.app).await {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!(error = %error, "evidence cannot be verified here");
            return page(&it.app, &headers, StatusCode::SERVICE_UNAVAILABLE, Outcome::Failed("no-key"));
        }
    };
    // Hashes and signatures of many entries take the processor for a while.
    let outcome = match tokio::task::spawn_blocking(move || verified(&file, &keys)).await {
        Ok(Ok(proof)) => Outcome::Valid(Box::new(proof)),
        Ok(Err(error)) => Outcome::Invalid(error.to_string()),
        Err(error) => {
            tracing::error!(%error, "evidence could not be verified");
            return page(&it.app, &headers, StatusCode::INTERNAL_SERVER_ERROR, Outcome::Failed("failed"));
        }
    };
    let status = if matches!(outcome, Outcome::Invalid(_)) { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    page(&it.app, &headers, status, outcome)
}

/// The file of the field `evidence`.
async fn file(mut form: Multipart) -> Result<Vec<u8>, (StatusCode, &'static str)> {
    let cut = |error: axum::extract::multipart::MultipartError| {
        let is_large = error.status() == StatusCode::PAYLOAD_TOO_LARGE;
        if is_large { (StatusCode::PAYLOAD_TOO_LARGE, "large") } else { (StatusCode::BAD_REQUEST, "cut") }
    };
    while let Some(field) = form.next_field().await.map_err(cut)? {
        if field.name() != Some("evidence") {
            continue;
        }
        let bytes = field.bytes().await.map_err(cut)?;
        if bytes.len() > LARGEST {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "large"));
        }
        if !bytes.is_empty() {
            return Ok(bytes.to_vec());
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
