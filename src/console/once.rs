//! Forms that come twice: a button that is pressed two times, a page that is loaded again, a browser that gave up waiting and tries anew.
//! A form has an id of its own, hidden in it; what it makes is made once, on whatever node it comes and also after a restart
//! ([`Requests`](crate::operators::requests::Requests)).

use std::time::Duration;

use uuid::Uuid;

use super::form::Form;
use super::refusal::Refusal;
use super::signed::Signed;
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::kind::Kind;
use crate::domain::request::Request;
use crate::operators::requests::{Begun, Running};

/// The field of a form with its id.
pub const FORM: &str = "form";

/// How long a form waits for the same one that came first, and how often it looks.
const LOOKS: u32 = 100;
const LOOK: Duration = Duration::from_millis(200);

/// What to do with a form.
pub enum Once {
    /// Do what it asks for, by this actor: the service notes it in the same transaction. Keep the second value until then.
    New(Actor, Option<Running>),
    /// It was done, and made or changed what has this id.
    Done(Option<Uuid>),
}

/// The id of a new form.
#[must_use]
pub fn id(app: &App) -> String {
    uuid::Builder::from_random_bytes(app.context.random.bytes()).into_uuid().to_string()
}

/// The id of a form that is shown again with what was typed, else a new one.
#[must_use]
pub fn again(app: &App, typed: &Form) -> String {
    let known = typed.text(FORM);
    if known.is_empty() { id(app) } else { known.to_owned() }
}

/// A form as a request that may come twice; `None` if it has no id.
#[must_use]
pub fn request(app: &App, signed: &Signed, form: &str) -> Option<Request> {
    let form = form.parse::<Uuid>().ok()?.to_string();
    let operator = signed.operator.id.to_string();
    Some(Request::new(&operator, "FORM", "", &form, b"", app.requests.token()))
}

/// Finds out whether a form with this id was carried out. While the same one is carried out, this waits for it.
///
/// # Errors
/// If the database fails, or the first one takes too long.
pub async fn begin(app: &App, signed: &Signed, form: &str) -> Result<Once, Refusal> {
    for _ in 0..LOOKS {
        let Some(request) = request(app, signed, form) else { return Ok(Once::New(signed.actor.clone(), None)) };
        match app.requests.begin(&request, true).await? {
            Begun::New(running) => return Ok(Once::New(signed.actor.clone().asked_by(request), Some(running))),
            Begun::Done(_, object) => return Ok(Once::Done(object)),
            // No answer is kept of a form, and all forms with an id have the same digest.
            Begun::Answered(_) | Begun::Other => return Ok(Once::Done(None)),
            Begun::Busy(_) => tokio::time::sleep(LOOK).await,
        }
    }
    Err(Refusal::new(Kind::Later, ""))
}
