//! The address of a customer's calendar, which is a secret: it is made, shown to who may, and revoked.

use axum::extract::{Path, State};
use axum::response::Response;

use crate::app::App;
use crate::console::blocks::{Block, Form, GOOD, Page, done, encoded};
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::right::Right;

/// What can be done with the address.
pub async fn shown(signed: Signed, Path(account_id): Path<String>) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Calendars)?;
    Ok(page(&signed, &account_id, None))
}

/// The address, which is made unless there is one.
pub async fn give(State(app): State<App>, signed: Signed, Path(account_id): Path<String>) -> Result<Response, Refusal> {
    let given = app.feeds.give(&signed.actor, &account_id).await?;
    Ok(page(&signed, &account_id, Some(given.url)))
}

/// Ends it.
pub async fn revoke(
    State(app): State<App>,
    signed: Signed,
    Path(account_id): Path<String>,
) -> Result<Response, Refusal> {
    app.feeds.revoke(&signed.actor, &account_id).await?;
    Ok(done(&app, &format!("/customers/{}", encoded(&account_id)), "console-done-calendar-revoked"))
}

fn page(signed: &Signed, account_id: &str, url: Option<String>) -> Response {
    let (words, path) = (&signed.words, format!("/customers/{}/calendar", encoded(account_id)));
    let mut blocks = vec![Block::Text(words.say("console-calendar-text"))];
    match url {
        Some(url) => {
            blocks.push(Block::Warning(GOOD, words.say("console-calendar-secret")));
            blocks.push(Block::Verbatim(words.say("console-calendar-address"), url));
        }
        None => blocks.push(Block::Form(Form::new("give", &path, words.say("console-calendar-give")))),
    }
    let form = Form::new("revoke", format!("{path}/revoke"), words.say("console-calendar-revoke")).danger();
    blocks.push(Block::Form(form.saying(words.say("console-calendar-revoke-text"))));
    let back = (words.say("console-back"), format!("/customers/{}", encoded(account_id)));
    blocks.push(Block::Links(vec![back]));
    let title = words.say_with("console-calendar-title", &[("customer", account_id.to_owned())]);
    Page::new(signed.frame(Place::Customers, title), blocks).answer()
}
