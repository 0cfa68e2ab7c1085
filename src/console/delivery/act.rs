//! What an operator does about a delivery: sends it again, records what was found out, or settles a doubt.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::post;
use uuid::Uuid;

use super::{draw, id_of};
use crate::app::App;
use crate::console::cookies::set_flash;
use crate::console::form::{Faults, Form};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::deliveries::{DeliveryError, Finding};
use crate::domain::delivery::Outcome;

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/deliveries/{id}/resend", post(resend))
        .route("/deliveries/{id}/report", post(report))
        .route("/deliveries/{id}/settle", post(settle))
}

/// The delivery's page after something was done, or with the reason why it was not.
async fn done(
    app: &App,
    signed: &Signed,
    (id, form): (Uuid, Form),
    result: Result<(), DeliveryError>,
    flash: &str,
) -> Result<Response, Refusal> {
    let Err(error) = result else {
        let mut response = Redirect::to(&format!("/deliveries/{id}")).into_response();
        set_flash(app, &mut response, flash);
        return Ok(response);
    };
    let refusal = Refusal::from(error);
    let Some(text) = refusal.of_form(&signed.words) else { return Err(refusal) };
    let mut faults = Faults::default();
    faults.add("", text);
    draw(app, signed, id, form, faults).await
}

async fn resend(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    let result = app.deliveries.resend(&signed.actor, &[id]).await.map(drop);
    done(&app, &signed, (id, form), result, "console-delivery-resent").await
}

async fn report(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    let (actor, text) = (&signed.actor, form.text("text"));
    let result = match form.text("found") {
        "bounced" => app.deliveries.report(actor, id, Outcome::Bounced, text).await.map(drop),
        "delivered" => app.deliveries.report(actor, id, Outcome::Delivered, text).await.map(drop),
        "withdrawn" => app.deliveries.withdraw(actor, id, text).await.map(drop),
        _ => return missing(&app, &signed, id, form, "found").await,
    };
    done(&app, &signed, (id, form), result, "console-delivery-reported").await
}

async fn settle(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    form: Form,
) -> Result<Response, Refusal> {
    let id = id_of(&id)?;
    let accepted = match form.text("accepted") {
        "yes" => true,
        "no" => false,
        _ => return missing(&app, &signed, id, form, "accepted").await,
    };
    let finding = Finding { accepted, text: form.text("text"), by: signed.actor.name() };
    let result = app.deliveries.settle(&signed.actor, id, &finding).await.map(drop);
    done(&app, &signed, (id, form), result, "console-delivery-settled").await
}

async fn missing(app: &App, signed: &Signed, id: Uuid, form: Form, field: &str) -> Result<Response, Refusal> {
    let mut faults = Faults::default();
    faults.add(field, signed.words.say("console-delivery-choose"));
    draw(app, signed, id, form, faults).await
}
