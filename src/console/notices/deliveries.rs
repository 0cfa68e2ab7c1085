//! The deliveries of a notice: by state, of one customer or to one address, a page at a time.

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use super::{address, asked, id_of, page_of, some};
use crate::app::App;
use crate::console::form::Faults;
use crate::console::frame::{Frame, Place, page_with};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::tones;
use crate::deliveries::{Delivery, Wanted};
use crate::domain::address::Address;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/deliveries", get(list))
}

#[derive(Template)]
#[template(path = "console/notices/deliveries.html")]
struct Page {
    frame: Frame,
    faults: Faults,
    id: String,
    subject: String,
    rows: Vec<Delivery<u64>>,
    state: String,
    to: String,
    query: String,
    next: Option<String>,
    /// The actor may look for an address.
    may_look_up: bool,
}

async fn list(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let (id, asked) = (id_of(&id)?.to_string(), asked(query));
    let notice = app.notices.named(&signed.actor, &id).await?;
    let (state, to) = (asked.text("state"), asked.text("to"));
    let (mut faults, mut email) = (Faults::default(), None);
    let in_state = some(state).map(str::parse::<DeliveryState>);
    if let Some(Err(why)) = &in_state {
        faults.add("state", String::clone(why));
    }
    if to.contains('@') {
        match Address::parse(to) {
            Ok(address) => email = Some(address),
            Err(error) => faults.add("to", error.to_string()),
        }
    }
    let account = some(to).filter(|_| !to.contains('@'));
    let wanted = Wanted { notice: Some(&id), account, email: email.as_ref(), state: in_state.and_then(Result::ok) };
    let found = if faults.is_empty() {
        app.deliveries.list(&signed.actor, &wanted, &page_of(&asked)).await?
    } else {
        crate::domain::page::Page { items: Vec::new(), next: None }
    };
    let status = if faults.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    Ok(page_with(
        status,
        &Page {
            frame: signed.frame(Place::Notices, signed.words.say("console-deliveries-title")),
            faults,
            subject: Text::named(&notice.subject),
            rows: found.items,
            query: address(&format!("/notices/{id}/deliveries"), &[("state", state), ("to", to)]),
            state: state.to_owned(),
            to: to.to_owned(),
            next: found.next,
            may_look_up: signed.actor.has(Right::SeeOneCustomer),
            id,
        },
    ))
}
