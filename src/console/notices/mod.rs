//! Notices as they are: the list, one with all that is known of it, its customers and deliveries, and the steps on it.

mod customers;
mod deliveries;
mod differs;
mod evidence;
mod list;
mod open;
mod outlook;
mod show;
mod step;
mod way;

use axum::Router;
use axum::extract::RawQuery;
use uuid::Uuid;

pub(super) use show::languages;

use super::form::Form;
use super::refusal::Refusal;
use crate::app::App;
use crate::domain::page::PageRequest;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .merge(list::routes())
        .merge(show::routes())
        .merge(step::routes())
        .merge(deliveries::routes())
        .merge(customers::routes())
        .merge(open::routes())
        .merge(evidence::routes())
}

/// Rows of a page of a list.
const ROWS: u32 = 50;

/// What the address of a page asks for. A parameter that it does not have is empty.
pub(super) fn asked(RawQuery(query): RawQuery) -> Form {
    Form::parse(query.unwrap_or_default().as_bytes())
}

/// The page of a list that is asked for.
fn page_of(asked: &Form) -> PageRequest {
    PageRequest { after: Some(asked.text("after").to_owned()).filter(|after| !after.is_empty()), limit: ROWS }
}

/// A text, unless it is empty.
fn some(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// The address of a list with its filters, to which the cursor of a page is added.
fn address(path: &str, filters: &[(&str, &str)]) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in filters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { format!("{path}?") } else { format!("{path}?{query}&") }
}

/// The id in an address. Text that is no id names nothing.
pub(super) fn id_of(text: &str) -> Result<Uuid, Refusal> {
    text.parse().map_err(|_| Refusal::not_found(""))
}
