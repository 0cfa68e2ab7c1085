//! Keys of programs: made once, shown once, revoked at once.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use uuid::Uuid;

use super::asked::{Asked, end_of_day, id};
use super::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, PLAIN, Page, Table, WARN, done, encoded};
use super::form::Form as Typed;
use super::frame::Place;
use super::once::{self, Once};
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::{App, StoreError};
use crate::console::fault::Fault;
use crate::domain::operator::{Role, Roles};
use crate::domain::right::Right;
use crate::operators::OperatorError;
use crate::operators::keys::{NewKey, Shown};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/keys", get(list).post(add)).route("/keys/{id}/revoke", post(revoke))
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    page(&app, &signed, &asked, Vec::new(), &Typed::default(), None).await
}

async fn page(
    app: &App,
    signed: &Signed,
    asked: &Asked,
    first: Vec<Block>,
    typed: &Typed,
    problem: Option<Fault>,
) -> Result<Response, Refusal> {
    let (words, operator) = (&signed.words, asked.maybe("operator"));
    let page = app.keys.list(&signed.actor, operator, &asked.page()).await?;
    let may = signed.actor.has(Right::Keys);
    let path = operator.map_or_else(|| "/keys".to_owned(), |it| format!("/keys?operator={}", encoded(it)));
    let mut head = vec!["operator", "roles", "state", "made", "ends", "used"];
    head.extend(may.then_some("do"));
    let rows = page.items.iter().map(|it| row(words, it, may));
    let table = Table::new(words, "console-keys", &head).with(rows).next(&path, page.next.as_deref());
    let mut blocks = first;
    blocks.push(Block::Table(table));
    if may {
        let form = form(words, typed, operator, problem);
        blocks.push(Block::Form(form.hiding(once::FORM, once::again(app, typed))));
    }
    blocks.push(Block::Links(vec![(words.say("console-keys-docs"), "/api/docs".to_owned())]));
    Ok(Page::new(signed.frame(Place::Keys, words.say("console-nav-keys")), blocks).answer())
}

fn row(words: &Words, it: &Shown, may: bool) -> Vec<Cell> {
    let tone = match it.state {
        "active" => GOOD,
        "expired" => WARN,
        "disabled" => PLAIN,
        _ => BAD,
    };
    let mut row = vec![
        Cell::link(it.operator.as_str(), format!("/operators/{}", encoded(it.operator.as_str())))
            .under(it.id.to_string()),
        Cell::text(it.roles.to_string()),
        Cell::badge(tone, words.word("console-key", it.state)),
        Cell::time(words, it.created_at),
        Cell::maybe_time(words, it.expires_at),
        Cell::maybe_time(words, it.last_used_at),
    ];
    if may {
        let revoke =
            Cell::button(format!("/keys/{}/revoke", it.id), words.say("console-key-revoke"), it.id.to_string());
        row.push(if it.revoked_at.is_none() { revoke } else { Cell::maybe_time(words, it.revoked_at) });
    }
    row
}

fn form(words: &Words, typed: &Typed, operator: Option<&str>, problem: Option<Fault>) -> Form {
    let role = |it: &Role| Choice {
        value: it.to_string(),
        label: words.word("console-operator-role", *it),
        chosen: typed.all("roles").any(|role| role == it.as_str()),
    };
    let roles = Field::line(words, "roles", "").by(Input::Checks(Role::ALL.iter().map(role).collect()));
    let name = if typed.has("operator") { typed.text("operator") } else { operator.unwrap_or_default() };
    Form::new("add", "/keys", words.say("console-keys-add"))
        .titled(words.say("console-keys-add-title"))
        .wrong(problem)
        .with([
            Field::line(words, "operator", name),
            roles.hint(words.say("console-keys-roles-hint")),
            Field::line(words, "ends", typed.text("ends")).by(Input::Line("date")).optional(),
        ])
}

async fn add(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let (words, asked) = (&signed.words, Asked::default());
    let roles: Result<Roles, String> = typed.all("roles").map(str::parse::<Role>).collect();
    let ends = Some(typed.text("ends")).filter(|text| !text.is_empty()).map(|text| end_of_day(text, words.zone()));
    let ends = ends.transpose().map_err(|_| words.say("console-day-wrong"));
    let (roles, expires_at) = match (roles, ends) {
        (Ok(roles), Ok(ends)) => (Some(roles).filter(|roles| !roles.is_empty()), ends),
        (Err(why), _) => {
            return page(&app, &signed, &asked, Vec::new(), &typed, Some(Fault::english(why))).await;
        }
        (_, Err(why)) => return page(&app, &signed, &asked, Vec::new(), &typed, Some(why.into())).await,
    };
    let new = NewKey { operator: typed.text("operator"), roles, expires_at };
    let (actor, _running) = match once::begin(&app, &signed, typed.text(once::FORM)).await? {
        Once::New(actor, running) => (actor, running),
        Once::Done(made) => return made_before(&app, &signed, made).await,
    };
    match app.keys.add(&actor, &new).await {
        Err(OperatorError::Store(StoreError::Repeated)) => made_before(&app, &signed, None).await,
        Ok(made) => {
            let first = vec![
                Block::Warning(WARN, words.say("console-key-once")),
                Block::Verbatim(
                    words.say_with("console-key-of", &[("name", made.shown.operator.to_string())]),
                    made.key.reveal().to_owned(),
                ),
            ];
            page(&app, &signed, &asked, first, &Typed::default(), None).await
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            let is_unknown = refusal.kind == crate::domain::kind::Kind::NotFound;
            let why = refusal.of_form(&signed.words).or(is_unknown.then(|| refusal.fault(&signed.words)));
            let Some(why) = why else { return Err(refusal) };
            page(&app, &signed, &asked, Vec::new(), &typed, Some(why)).await
        }
    }
}

/// The page after the same form came again: the key was shown by the first answer, and cannot be shown twice.
async fn made_before(app: &App, signed: &Signed, made: Option<Uuid>) -> Result<Response, Refusal> {
    let mut first = vec![Block::Warning(WARN, signed.words.say("console-key-before"))];
    first.extend(made.map(|id| Block::Verbatim(signed.words.say("console-key-before-id"), id.to_string())));
    page(app, signed, &Asked::default(), first, &Typed::default(), None).await
}

async fn revoke(State(app): State<App>, signed: Signed, Path(key): Path<String>) -> Result<Response, Refusal> {
    app.keys.revoke(&signed.actor, id(&key)?).await?;
    Ok(done(&app, "/keys", "console-done-revoked"))
}
