//! Evidence of a notice, to be taken along: a file that `besked verify` checks, or a PDF for people that holds it.

use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use super::{asked, id_of};
use crate::app::App;
use crate::console::form::{Faults, Form};
use crate::console::frame::{Frame, Place, page_with};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;
use crate::evidence::{Choice, ProofError, Request, Scope};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/evidence", get(ask)).route("/notices/{id}/evidence/{file}", get(take))
}

#[derive(Template)]
#[template(path = "console/notices/evidence.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    id: String,
    subject: String,
    form: Form,
}

async fn ask(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    draw(&app, &signed, &id_of(&id)?.to_string(), asked(query), Faults::default()).await
}

async fn draw(app: &App, signed: &Signed, id: &str, form: Form, faults: Faults) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Evidence)?;
    let notice = app.notices.named(&signed.actor, id).await?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        frame: signed.frame(Place::Notices, signed.words.say("console-evidence-title")),
        faults,
        id: id.to_owned(),
        subject: Text::named(&notice.subject),
        form,
    };
    Ok(page_with(status, &page))
}

async fn take(
    State(app): State<App>,
    signed: Signed,
    Path((id, file)): Path<(String, String)>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let (id, asked) = (id_of(&id)?.to_string(), asked(query));
    let scope = match (asked.text("whose"), asked.text("account")) {
        ("everyone", _) => Scope::Everyone,
        (_, "") => {
            let mut faults = Faults::default();
            faults.add("account", signed.words.say("console-evidence-whose-missing"));
            return draw(&app, &signed, &id, asked, faults).await;
        }
        (_, account) => Scope::Customer(account.to_owned()),
    };
    let is_pdf = match file.as_str() {
        "evidence.json" => false,
        "evidence.pdf" => true,
        _ => return Err(Refusal::not_found("")),
    };
    let request = Request { notices: Choice::Notice(id.clone()), scope, with_messages: asked.has("messages") };
    let taken = app.evidence.take(&signed.actor, &request).await.map_err(|error| refused(&signed, error))?;
    let (media_type, body) = if is_pdf {
        let pdf = taken.pdf().await.map_err(|error| refused(&signed, error))?;
        ("application/pdf", Body::from(pdf))
    } else {
        ("application/json", Body::from_stream(taken.parts()))
    };
    let name = format!("attachment; filename=\"evidence-{id}.{}\"", if is_pdf { "pdf" } else { "json" });
    let headers = [(header::CONTENT_TYPE, media_type.to_owned()), (header::CONTENT_DISPOSITION, name)];
    Ok((headers, body).into_response())
}

/// What an operator can do about, in the operator's language.
fn refused(signed: &Signed, error: ProofError) -> Refusal {
    match &error {
        ProofError::Busy => Refusal::new(error.kind(), signed.words.say("console-evidence-busy")),
        ProofError::TooLarge { .. } => Refusal::new(error.kind(), signed.words.say("console-evidence-too-large")),
        _ => error.into(),
    }
}
