//! The list of notices.

use askama::Template;
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::{address, asked, page_of, some};
use crate::app::App;
use crate::console::form::Faults;
use crate::console::frame::{Frame, Place, page_with};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::tones;
use crate::domain::category::Category;
use crate::domain::notice::State as NoticeState;
use crate::domain::right::Right;
use crate::notices::Filter;
use crate::notices::shown::Brief;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices", get(list))
}

#[derive(Template)]
#[template(path = "console/notices/list.html")]
struct Listed {
    frame: Frame,
    faults: Faults,
    rows: Vec<Brief>,
    state: String,
    category: String,
    reference: String,
    query: String,
    next: Option<String>,
    may_write: bool,
}

impl Listed {
    fn is_filtered(&self) -> bool {
        !(self.state.is_empty() && self.category.is_empty() && self.reference.is_empty())
    }
}

async fn list(State(app): State<App>, signed: Signed, query: RawQuery) -> Result<Response, Refusal> {
    let asked = asked(query);
    let (state, category, reference) = (asked.text("state"), asked.text("category"), asked.text("reference"));
    let mut faults = Faults::default();
    let in_state = word("state", state, &mut faults);
    let of_category = word("category", category, &mut faults);
    let filter = Filter { category: of_category, state: in_state, reference: some(reference) };
    let found = if faults.is_empty() {
        app.notices.list(&signed.actor, &filter, &page_of(&asked)).await?
    } else {
        crate::domain::page::Page { items: Vec::new(), next: None }
    };
    let now = app.context.clock.now();
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(
        status,
        &Listed {
            faults,
            frame: signed.frame(Place::Notices, signed.words.say("console-notices-title")),
            rows: found.items.iter().map(|notice| Brief::of(notice, now)).collect(),
            query: address("/notices", &[("state", state), ("category", category), ("reference", reference)]),
            state: state.to_owned(),
            category: category.to_owned(),
            reference: reference.to_owned(),
            next: found.next,
            may_write: signed.actor.has(Right::Write),
        },
    ))
}

/// The word of a filter, if it is set; one that is none is a fault.
fn word<T: std::str::FromStr<Err = String>>(name: &str, text: &str, faults: &mut Faults) -> Option<T> {
    match some(text)?.parse() {
        Ok(word) => Some(word),
        Err(why) => {
            faults.add(name, why);
            None
        }
    }
}
