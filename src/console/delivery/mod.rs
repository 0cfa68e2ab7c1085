//! One delivery: its attempts, what came back, the exact message, and what an operator can do about it.

mod act;
mod message;

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;
use uuid::Uuid;

use super::form::{Faults, Form};
use super::frame::{Frame, Place, page_with};
use super::refusal::Refusal;
use super::signed::Signed;
use super::tones;
use crate::app::App;
use crate::deliveries::{Delivery, Tried};
use crate::domain::category::Class;
use crate::domain::delivery::{Event, Level, Outcome, State as DeliveryState};
use crate::domain::placeholder::Text;
use crate::domain::reply::Stage;
use crate::domain::right::Right;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/deliveries/{id}", get(show)).merge(act::routes()).merge(message::routes())
}

#[derive(Template)]
#[template(path = "console/delivery/show.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    form: Form,
    it: Delivery<Vec<Tried>>,
    subject: String,
    /// A message was sent, and the actor may see it.
    may_see_message: bool,
    may_resend: bool,
    may_report: bool,
    may_withdraw: bool,
    may_settle: bool,
}

impl Page {
    /// The outcome of an attempt in words.
    fn outcome(&self, word: &str) -> String {
        let known = word.parse::<DeliveryState>().is_ok();
        if known { self.frame.words.word("console-delivery-state", word) } else { word.to_owned() }
    }

    /// How far an attempt came, in words.
    fn stage(&self, word: &str) -> String {
        let known = word.parse::<Stage>().is_ok();
        if known { self.frame.words.word("console-stage", word) } else { word.to_owned() }
    }
}

/// The id in an address. Text that is no id names nothing.
fn id_of(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(""))
}

async fn show(State(app): State<App>, signed: Signed, Path(id): Path<String>) -> Result<Response, Refusal> {
    draw(&app, &signed, id_of(&id)?, Form::default(), Faults::default()).await
}

async fn draw(app: &App, signed: &Signed, id: Uuid, form: Form, faults: Faults) -> Result<Response, Refusal> {
    let actor = &signed.actor;
    let it = app.deliveries.show(actor, id).await?;
    let notice = app.notices.find(actor, it.notice).await?;
    let category = notice.category;
    let may = |right: Right| actor.may(right, category).is_ok();
    let may_find = |outcome: Outcome| it.state.after(Event::Find(outcome)).is_some();
    let is_failed = it.state.after(Event::Resend).is_some() && it.state != DeliveryState::Uncertain;
    let is_uncertain = it.state == DeliveryState::Uncertain;
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = Page {
        frame: signed.frame(Place::Notices, signed.words.say("console-delivery-title")),
        faults,
        form,
        subject: Text::named(&notice.subject),
        may_see_message: actor.sees_addresses_of_one(category) && !it.attempts.is_empty(),
        may_resend: may(Right::Resend) && (is_uncertain || (is_failed && category.class() == Class::Mandatory)),
        may_report: may(Right::Report)
            && !is_uncertain
            && (may_find(Outcome::Bounced) || may_find(Outcome::Delivered))
            && it.level.is_some(),
        may_withdraw: may(Right::Report) && it.level == Some(Level::OperatorFound) && !is_uncertain,
        may_settle: may(Right::Report) && is_uncertain,
        it,
    };
    Ok(page_with(status, &page))
}
