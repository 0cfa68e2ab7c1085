//! The message of a delivery as it was sent: its words on a page, and its bytes as a file.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use mail_parser::MessageParser;

use crate::app::App;
use crate::console::asked::id;
use crate::console::blocks::{Block, Cell, Page};
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;

/// The words of the message.
pub async fn message(
    State(app): State<App>,
    signed: Signed,
    Path(delivery): Path<String>,
) -> Result<Response, Refusal> {
    let words = &signed.words;
    let message = app.deliveries.message(&signed.actor, id(&delivery)?).await?;
    let parsed = MessageParser::default().parse(&message.bytes[..]);
    let header = |name: &str| parsed.as_ref().and_then(|it| it.header_raw(name)).map(|it| it.trim().to_owned());
    let subject = parsed.as_ref().and_then(|it| it.subject()).unwrap_or_default().to_owned();
    let text = parsed.as_ref().and_then(|it| it.body_text(0)).unwrap_or_default().into_owned();
    let mut facts = vec![(words.say("console-col-subject"), Cell::text(subject))];
    for name in ["From", "To", "Date", "Message-ID"] {
        facts.extend(header(name).map(|value| (name.to_owned(), Cell::text(value))));
    }
    let digest = data_encoding::HEXLOWER.encode(&message.sha256);
    facts.push(("SHA-256".to_owned(), Cell::code(digest)));
    let links = vec![(words.say("console-ask-eml"), format!("/ask/message/{}/eml", message.id))];
    let blocks = vec![
        Block::Facts(facts),
        Block::Verbatim(words.say("console-ask-text"), text),
        Block::Links(links),
    ];
    let title = words.say("console-ask-message");
    Ok(Page::new(signed.frame(Place::Ask, title), blocks).answer())
}

/// Its bytes.
pub async fn eml(State(app): State<App>, signed: Signed, Path(delivery): Path<String>) -> Result<Response, Refusal> {
    let message = app.deliveries.message(&signed.actor, id(&delivery)?).await?;
    let name = format!("attachment; filename=\"{}.eml\"", message.id);
    let headers = [(header::CONTENT_TYPE, "message/rfc822".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, Body::from(message.bytes)).into_response())
}
