//! A page with the mailbox of the demo: what was caught, and how it looks.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::{Path as UrlPath, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use mail_parser::{Message, MessageParser};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

#[derive(Template)]
#[template(path = "demo/mailbox.html")]
struct Mailbox {
    mails: Vec<Mail>,
}

#[derive(Template)]
#[template(path = "demo/mail.html")]
struct Shown {
    mail: Mail,
    headers: Vec<(String, String)>,
    text: String,
}

struct Mail {
    file: String,
    /// What is the same in all mails of a conversation of one recipient.
    conversation: (String, String),
    /// It is not the first of its conversation.
    follows: bool,
    /// The first paragraph of its text: what is new.
    opening: String,
    category: String,
    to: String,
    subject: String,
}

/// Serves the page until `stop`.
pub async fn serve(listener: TcpListener, directory: PathBuf, stop: CancellationToken) -> io::Result<()> {
    let routes = Router::new()
        .route("/", get(list))
        .route("/mail/{file}", get(show))
        .route("/html/{file}", get(html))
        .with_state(Arc::new(directory));
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

type Directory = State<Arc<PathBuf>>;

async fn list(State(directory): Directory) -> Response {
    let mut mails = Vec::new();
    for entry in std::fs::read_dir(directory.as_path()).into_iter().flatten().flatten() {
        let file = entry.file_name().to_string_lossy().into_owned();
        if let Some(bytes) = read(&directory, &file)
            && let Some(message) = MessageParser::default().parse(&bytes)
        {
            mails.push(mail(file, &message));
        }
    }
    page(Mailbox { mails: by_conversation(mails) }.render())
}

async fn show(State(directory): Directory, UrlPath(file): UrlPath<String>) -> Response {
    let Some(bytes) = read(&directory, &file) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(message) = MessageParser::default().parse(&bytes) else { return StatusCode::NOT_FOUND.into_response() };
    let headers = message.headers_raw().map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
    let text = message.body_text(0).unwrap_or_default().into_owned();
    page(Shown { headers: headers.collect(), text, mail: mail(file, &message) }.render())
}

/// The HTML part alone, for a frame that runs nothing and loads nothing.
async fn html(State(directory): Directory, UrlPath(file): UrlPath<String>) -> Response {
    let bytes = read(&directory, &file).unwrap_or_default();
    let message = MessageParser::default().parse(&bytes);
    let html = message.as_ref().and_then(|message| message.body_html(0)).unwrap_or_default().into_owned();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox allow-popups";
    ([(header::CONTENT_SECURITY_POLICY, policy)], Html(html)).into_response()
}

fn page(rendered: askama::Result<String>) -> Response {
    match rendered {
        Ok(html) => Html(html).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// The first paragraph of a text, on one line.
fn opening(text: &str) -> String {
    let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty()).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join(" ")
}

/// Puts mails of one conversation together, at the place of the first.
fn by_conversation(mut mails: Vec<Mail>) -> Vec<Mail> {
    mails.sort_by(|a, b| a.file.cmp(&b.file));
    let mut firsts: HashMap<(String, String), String> = HashMap::new();
    for mail in &mut mails {
        mail.follows = firsts.contains_key(&mail.conversation);
        firsts.entry(mail.conversation.clone()).or_insert_with(|| mail.file.clone());
    }
    mails.sort_by_key(|mail| (firsts[&mail.conversation].clone(), mail.file.clone()));
    mails
}

/// A message of the directory; a name that leads elsewhere names nothing.
fn read(directory: &Path, file: &str) -> Option<Vec<u8>> {
    let plain = !file.contains(['/', '\\']) && Path::new(file).extension().is_some_and(|it| it == "eml");
    plain.then(|| std::fs::read(directory.join(file)).ok()).flatten()
}

fn mail(file: String, message: &Message<'_>) -> Mail {
    let header = |name: &str| message.header_raw(name).unwrap_or("").trim().to_owned();
    let to = message.to().and_then(|to| to.first()?.address()).unwrap_or("").to_owned();
    let root = header("References").split_whitespace().next().map_or_else(|| file.clone(), str::to_owned);
    let text = message.body_text(0).unwrap_or_default();
    Mail {
        file,
        conversation: (to.clone(), root),
        follows: false,
        opening: opening(&text),
        category: header("X-Besked-Category"),
        to,
        subject: message.subject().unwrap_or("").to_owned(),
    }
}
