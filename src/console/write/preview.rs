//! What a recipient will see: of a form that is being written, and of a notice that is stored. Each is an answer for a sandboxed frame.

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::{get, post};

use super::read;
use super::rows;
use super::sent::Sent;
use crate::app::App;
use crate::console::fault::Fault;
use crate::console::form::Faults;
use crate::console::frame::{Frame, Place, page};
use crate::console::mail::{self, Scheme};
use crate::console::notices::{asked, id_of};
use crate::console::places::faults;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::placeholder::Text;
use crate::domain::right::Right;
use crate::notices::Draft;
use crate::notices::sample::Wanted;
use uuid::Uuid;

/// The routes of forms, which may have a file with them.
pub fn of_forms() -> Router<App> {
    Router::new().route("/notices/preview", post(of_form))
}

/// The routes of stored notices.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}/preview", get(of_stored)).route("/notices/{id}/look", get(look))
}

/// What is to be seen of a sample.
struct View<'a> {
    account: &'a str,
    locale: &'a str,
    format: &'a str,
    scheme: &'a str,
}

/// A page that says why there is nothing to be seen yet.
#[derive(Template)]
#[template(path = "console/write/unready.html")]
struct Unready {
    words: Words,
    reasons: Vec<Fault>,
}

fn unready(words: &Words, faults: &Faults) -> Response {
    let reasons = faults.all().iter().map(|(_, fault)| fault.clone()).collect();
    mail::framed(page(&Unready { words: words.clone(), reasons }))
}

async fn of_form(State(app): State<App>, signed: Signed, mut sent: Sent) -> Result<Response, Refusal> {
    let category: Category =
        sent.filled.get("category").parse().map_err(|error: String| Refusal::english(Kind::Invalid, error))?;
    let rows = rows::meant(&app, &signed, &mut sent).await?;
    let zone = read::zone(&sent.filled, &signed.words);
    match read::draft(&sent.filled, category, &zone, rows) {
        Ok(draft) => {
            let get = |name: &str| sent.filled.get(name).trim();
            let view = View {
                account: get("view.account"),
                locale: get("view.locale"),
                format: get("view.format"),
                scheme: get("view.scheme"),
            };
            seen(&app, &signed, (&draft, None), &view).await
        }
        Err(problems) => Ok(unready(&signed.words, &faults(&signed.words, &problems))),
    }
}

async fn of_stored(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let asked = asked(query);
    let id = id_of(&id)?;
    let draft = app.notices.draft(&signed.actor, id).await?;
    let view = View {
        account: asked.text("account"),
        locale: asked.text("locale"),
        format: asked.text("format"),
        scheme: asked.text("scheme"),
    };
    seen(&app, &signed, (&draft, Some(id)), &view).await
}

/// The mail of a draft; `of` is the notice that it is stored as.
async fn seen(
    app: &App,
    signed: &Signed,
    (draft, of): (&Draft, Option<Uuid>),
    view: &View<'_>,
) -> Result<Response, Refusal> {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let wanted = Wanted { account: some(view.account), locale: view.locale.parse().ok(), to: None, of };
    let content = match app.sample(&signed.actor, draft, &wanted, "notice preview").await {
        Ok(sample) => sample.content(),
        Err(error) => Err(error),
    };
    match content {
        Ok(content) if view.format == "text" => Ok(mail::text(&format!("{}\n\n{}", content.subject, content.text))),
        Ok(content) => Ok(mail::html(&content.html, Scheme::of(view.scheme))),
        Err(error) => {
            let refusal = Refusal::from(error);
            if matches!(refusal.kind, Kind::Failed | Kind::Later) {
                return Err(refusal);
            }
            let mut faults = Faults::default();
            faults.add("", refusal.fault(&signed.words));
            Ok(unready(&signed.words, &faults))
        }
    }
}

/// A page with a stored notice as its recipients will see it.
#[derive(Template)]
#[template(path = "console/write/look.html")]
struct Look {
    frame: Frame,
    id: String,
    subject: String,
    languages: Vec<String>,
    locale: String,
    account: String,
    /// What follows `?` in the address of each frame.
    query: String,
    may_choose: bool,
}

async fn look(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let asked = asked(query);
    let id = id_of(&id)?;
    let notice = app.notices.find(&signed.actor, id).await?;
    crate::notices::may_prepare(&signed.actor, notice.category)?;
    let (locale, account) = (asked.text("locale"), asked.text("account"));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("locale", locale)
        .append_pair("account", account)
        .finish();
    Ok(page(&Look {
        frame: signed.frame(Place::Notices, signed.words.say("console-preview-title")),
        id: id.to_string(),
        subject: Text::named(&notice.subject),
        languages: crate::console::notices::languages(&app, notice.parsed().ok().as_ref()),
        locale: locale.to_owned(),
        account: account.to_owned(),
        query,
        may_choose: signed.actor.may(Right::SeeAddresses, notice.category).is_ok(),
    }))
}
