//! The message of a delivery exactly as it was sent: its HTML, its text, and its bytes.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use mail_parser::MessageParser;

use super::id_of;
use crate::app::App;
use crate::console::form::Form;
use crate::console::mail::{Scheme, html, text};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::deliveries::DeliveryError;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/deliveries/{id}/message", get(framed)).route("/deliveries/{id}/message.eml", get(whole))
}

/// A part of the message, for a frame.
async fn framed(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Refusal> {
    let asked = Form::parse(query.unwrap_or_default().as_bytes());
    let message = match app.deliveries.message(&signed.actor, id_of(&id)?).await {
        Ok(message) => message,
        Err(DeliveryError::NothingSent(_)) => return Ok(text(&signed.words.say("console-delivery-nothing-sent"))),
        Err(error) => return Err(error.into()),
    };
    if asked.text("format") == "source" {
        return Ok(text(&String::from_utf8_lossy(&message.bytes)));
    }
    let parsed = MessageParser::default().parse(message.bytes.as_slice());
    let part = |is_text: bool| {
        let parsed = parsed.as_ref()?;
        let part = if is_text { parsed.body_text(0) } else { parsed.body_html(0) };
        part.map(std::borrow::Cow::into_owned)
    };
    Ok(match asked.text("format") {
        "text" => text(&part(true).unwrap_or_default()),
        _ => html(&part(false).unwrap_or_default(), Scheme::of(asked.text("scheme"))),
    })
}

/// The message, byte for byte.
async fn whole(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    let message = app.deliveries.message(&signed.actor, id).await?;
    let name = format!("attachment; filename=\"{id}.eml\"");
    let headers = [(header::CONTENT_TYPE, "message/rfc822".to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, message.bytes).into_response())
}
