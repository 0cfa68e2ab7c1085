//! A notice that is stored and is written on. The form names the digest of the content that it began from.

use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;

use super::begun;
use super::page::{About, draw};
use super::prefill::prefill;
use super::save::{Target, receive};
use super::sent::Sent;
use crate::app::App;
use crate::console::form::Faults;
use crate::console::notices::{asked, id_of};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::kind::Kind;
use crate::domain::notice::Step;
use crate::domain::right::Right;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/edit", get(begin).post(send))
}

async fn begin(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let asked = asked(query);
    let id = id_of(&id)?;
    let notice = app.notices.find(&signed.actor, id).await?;
    signed.actor.may(Right::Write, notice.category)?;
    let begun = begun::all(&app, &signed, &begun::of_edit(id)).await?;
    if notice.state.after(Step::Edit).is_none() {
        // What was typed is not lost: it may become another notice.
        let Some(last) = begun.first() else {
            return Err(Refusal::new(Kind::Conflict, signed.words.say("console-write-too-late")));
        };
        let query = begun::query(&[("category", notice.category.as_str()), ("begun", &last.name)]);
        return Ok(Redirect::to(&format!("/notices/new?{query}")).into_response());
    }
    let path = format!("/notices/{id}/edit");
    if let Some(filled) = begun::one(&app, &signed, asked.text("begun")).await? {
        // Where it began: a colleague may have stored another version since.
        let about = About { path, digest: filled.get("digest").to_owned(), ..About::default() };
        return Ok(draw(&app, &signed, (notice.category, filled), (about, Faults::default())));
    }
    let draft = app.notices.draft(&signed.actor, id).await?;
    let document = draft.structure().map_err(|problems| Refusal::english(Kind::Invalid, problems.to_string()))?;
    let mut filled = prefill(&document, notice.category, &signed.words.zone().time_zone());
    filled.set("notice", id.to_string());
    let digest = data_encoding::HEXLOWER.encode(&notice.digest);
    let about = About { path, digest, begun, ..About::default() };
    Ok(draw(&app, &signed, (notice.category, filled), (about, Faults::default())))
}

async fn send(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    mut sent: Sent,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    sent.filled.set("notice", id.to_string());
    Box::pin(receive(&app, &signed, sent, Target::Stored(id))).await
}
