//! The customers of a notice, each with what it knows; and the record that one was informed in another way.

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use jiff::Timestamp;

use super::{address, asked, id_of, page_of};
use crate::app::App;
use crate::console::cookies::set_flash;
use crate::console::form::{Faults, Form};
use crate::console::frame::{Frame, Place, page, page_with};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::tones;
use crate::coverage::{CoverageError, CoverageRow, NewAttestation, Only};
use crate::domain::attestation::Channel;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;
use crate::domain::schedule::instant;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/customers", get(list)).route("/notices/{id}/attest", get(ask).post(attest))
}

#[derive(Template)]
#[template(path = "console/notices/customers.html")]
struct Customers {
    frame: Frame,
    id: String,
    subject: String,
    rows: Vec<CoverageRow>,
    only: &'static str,
    query: String,
    next: Option<String>,
    may_attest: bool,
}

async fn list(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let (id, asked) = (id_of(&id)?.to_string(), asked(query));
    let (only, name) = match asked.text("only") {
        "open" => (Only::Open, "open"),
        "late" => (Only::Late, "late"),
        _ => (Only::All, ""),
    };
    let notice = app.notices.named(&signed.actor, &id).await?;
    signed.actor.may(Right::Read, notice.category)?;
    let found = app.coverage.customers(&signed.actor, &id, only, &page_of(&asked)).await?;
    Ok(page(&Customers {
        frame: signed.frame(Place::Notices, signed.words.say("console-coverage-title")),
        subject: Text::named(&notice.subject),
        rows: found.items,
        only: name,
        query: address(&format!("/notices/{id}/customers"), &[("only", name)]),
        next: found.next,
        may_attest: signed.actor.may(Right::Attest, notice.category).is_ok(),
        id,
    }))
}

#[derive(Template)]
#[template(path = "console/notices/attest.html")]
struct Attesting {
    frame: Frame,
    faults: Faults,
    id: String,
    subject: String,
    form: Form,
}

impl Attesting {
    /// True for the way that was chosen.
    fn is_by(&self, channel: &Channel) -> bool {
        self.form.text("channel") == channel.as_str()
    }
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
    let notice = app.notices.named(&signed.actor, id).await?;
    signed.actor.may(Right::Attest, notice.category)?;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Attesting {
        frame: signed.frame(Place::Notices, signed.words.say("console-attest-title")),
        faults,
        id: id.to_owned(),
        subject: Text::named(&notice.subject),
        form,
    };
    Ok(page_with(status, &page))
}

async fn attest(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?.to_string();
    let (words, mut faults) = (&signed.words, Faults::default());
    for name in ["account", "by", "note"] {
        if form.text(name).is_empty() {
            faults.add(name, words.say("console-attest-missing"));
        }
    }
    let channel: Option<Channel> = form.text("channel").parse().ok();
    if channel.is_none() {
        faults.add("channel", words.say("console-attest-channel-missing"));
    }
    let told_at = told_at(&form, &signed);
    if told_at.is_err() {
        faults.add("at", words.say("console-attest-no-time"));
    }
    if let (true, Some(channel), Ok(told_at)) = (faults.is_empty(), channel, told_at) {
        let (account_id, witness, note) = (form.text("account"), form.text("by"), form.text("note"));
        let new = NewAttestation { account_id, channel, witness, note, told_at };
        match app.coverage.attest(&signed.actor, &id, &new).await {
            Ok(_) => {
                let mut response = Redirect::to(&format!("/notices/{id}")).into_response();
                set_flash(&app, &mut response, "console-attest-done");
                return Ok(response);
            }
            Err(error) => {
                let is_time = matches!(error, CoverageError::Future { .. } | CoverageError::TooEarly { .. });
                let refusal = Refusal::from(error);
                match refusal.of_form(&signed.words) {
                    Some(text) => faults.add(if is_time { "at" } else { "" }, text),
                    // The customer is none of the notice.
                    None if refusal.kind == crate::domain::kind::Kind::NotFound && !refusal.text.is_empty() => {
                        faults.add("account", refusal.fault(&signed.words));
                    }
                    None => return Err(refusal),
                }
            }
        }
    }
    draw(&app, &signed, &id, form, faults).await
}

/// When the customer was informed, in the operator's zone; `None` for now.
fn told_at(form: &Form, signed: &Signed) -> Result<Option<Timestamp>, ()> {
    let text = form.text("at").replacen(' ', "T", 1);
    if text.is_empty() {
        return Ok(None);
    }
    let at: jiff::civil::DateTime = text.parse().map_err(drop)?;
    Ok(Some(instant(at, &signed.words.zone().time_zone())))
}
