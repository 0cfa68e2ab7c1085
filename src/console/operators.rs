//! Operators: who uses Besked, with which roles.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::{get, post};

use super::asked::Asked;
use super::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, WARN, done, encoded};
use super::fault::Fault;
use super::form::Form as Typed;
use super::frame::Place;
use super::refusal::Refusal;
use super::signed::Signed;
use super::words::Words;
use crate::app::App;
use crate::domain::address::Address;
use crate::domain::operator::{OperatorKind, Role, Roles};
use crate::domain::right::Right;
use crate::operators::{NewOperator, SetOperator, Shown};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new()
        .route("/operators", get(list).post(add))
        .route("/operators/{name}", get(show).post(set))
        .route("/operators/{name}/state", post(set_state))
        .route("/operators/{name}/invite", post(invite))
}

/// What is wrong with a form, by its field.
#[derive(Default)]
struct Wrong {
    name: Option<Fault>,
    email: Option<Fault>,
    all: Option<Fault>,
}

async fn list(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    listed(&app, &signed, &asked, &Typed::default(), Wrong::default()).await
}

async fn listed(app: &App, signed: &Signed, asked: &Asked, typed: &Typed, wrong: Wrong) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.operators.list(&signed.actor, &asked.page()).await?;
    let table = Table::new(words, "console-operators", &["name", "kind", "roles", "state", "since"]);
    let table = table.with(page.items.iter().map(|it| row(words, it))).next("/operators", page.next.as_deref());
    let mut blocks = vec![Block::Table(table)];
    if signed.actor.has(Right::Operators) {
        let kind = |it: &OperatorKind| Choice {
            value: it.to_string(),
            label: words.word("console-operator-kind", *it),
            chosen: typed.text("kind") == it.as_str() || (!typed.has("kind") && *it == OperatorKind::Person),
        };
        let kinds = OperatorKind::ALL.iter().map(kind).collect();
        let form = Form::new("add", "/operators", words.say("console-operators-add"))
            .titled(words.say("console-operators-add-title"))
            .wrong(wrong.all)
            .with([
                Field::line(words, "name", typed.text("name")).wrong(wrong.name),
                Field::line(words, "kind", "").by(Input::Radios(kinds)).hint(words.say("console-operators-kind-hint")),
                roles(words, chosen(typed).unwrap_or(Roles::NONE)),
                Field::line(words, "email", typed.text("email")).by(Input::Line("email")).optional().wrong(wrong.email),
            ]);
        blocks.push(Block::Form(form));
    }
    Ok(Page::new(signed.frame(Place::Operators, words.say("console-nav-operators")), blocks).answer())
}

fn state(words: &Words, it: &Shown) -> Cell {
    let tone = if it.state == "active" { GOOD } else { BAD };
    Cell::badge(tone, words.word("console-operator", it.state))
}

fn row(words: &Words, it: &Shown) -> Vec<Cell> {
    let name = it.name.as_str();
    vec![
        Cell::link(name, format!("/operators/{}", encoded(name))),
        Cell::text(words.word("console-operator-kind", it.kind)),
        Cell::text(it.roles.to_string()),
        state(words, it),
        Cell::time(words, it.created_at),
    ]
}

fn roles(words: &Words, has: Roles) -> Field {
    let choice = |it: &Role| Choice {
        value: it.to_string(),
        label: words.word("console-operator-role", *it),
        chosen: has.contains(*it),
    };
    Field::line(words, "roles", "").by(Input::Checks(Role::ALL.iter().map(choice).collect()))
}

/// The roles that are ticked.
fn chosen(typed: &Typed) -> Result<Roles, String> {
    typed.all("roles").map(str::parse::<Role>).collect()
}

/// The address in a form, if one is typed.
fn email(typed: &Typed) -> Result<Option<Address>, String> {
    let text = typed.text("email");
    if text.is_empty() { Ok(None) } else { Address::parse(text).map(Some).map_err(|error| error.to_string()) }
}

async fn add(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let (asked, name) = (Asked::default(), typed.text("name"));
    let (email, roles) = match (email(&typed), chosen(&typed)) {
        (Ok(email), Ok(roles)) => (email, roles),
        (email, roles) => {
            let wrong = Wrong {
                email: email.err().map(Fault::english),
                all: roles.err().map(Fault::english),
                ..Wrong::default()
            };
            return listed(&app, &signed, &asked, &typed, wrong).await;
        }
    };
    let kind = typed.text("kind").parse().unwrap_or(OperatorKind::Person);
    match app.operators.add(&signed.actor, &NewOperator { name, kind, roles, email: email.as_ref() }).await {
        Ok(shown) => {
            let path = format!("/operators/{}", encoded(shown.name.as_str()));
            Ok(done(&app, &path, "console-done-operator-added"))
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            let Some(why) = refusal.of_form(&signed.words) else { return Err(refusal) };
            let wrong = if chosen(&typed).is_ok_and(Roles::is_empty) {
                Wrong { all: Some(why), ..Wrong::default() }
            } else {
                Wrong { name: Some(why), ..Wrong::default() }
            };
            listed(&app, &signed, &asked, &typed, wrong).await
        }
    }
}

async fn show(State(app): State<App>, signed: Signed, Path(name): Path<String>) -> Result<Response, Refusal> {
    let shown = app.operators.show(&signed.actor, &name).await?;
    Ok(page(&signed, &shown, Vec::new(), Wrong::default()))
}

fn page(signed: &Signed, it: &Shown, first: Vec<Block>, wrong: Wrong) -> Response {
    let (words, path) = (&signed.words, format!("/operators/{}", encoded(it.name.as_str())));
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![
        (col("state"), state(words, it)),
        (col("kind"), Cell::text(words.word("console-operator-kind", it.kind))),
        (col("roles"), Cell::text(it.roles.to_string())),
        (col("since"), Cell::time(words, it.created_at)),
    ];
    facts.extend(it.email.as_ref().map(|email| (col("address"), Cell::text(email))));
    facts.extend(it.disabled_at.map(|at| (col("disabled"), Cell::time(words, at))));
    let mut blocks = first;
    blocks.push(Block::Facts(facts));
    let mut links = vec![(words.say("console-operator-keys"), format!("/keys?operator={}", encoded(it.name.as_str())))];
    if Place::Audit.is_open_to(&signed.actor) {
        let audit = format!("/audit?operator={}", encoded(it.name.as_str()));
        links.push((words.say("console-operator-audit"), audit));
    }
    blocks.push(Block::Links(links));
    if signed.actor.has(Right::Operators) {
        blocks.extend(forms(words, it, &path, wrong).into_iter().map(Block::Form));
    }
    Page::new(signed.frame(Place::Operators, it.name.to_string()), blocks).answer()
}

fn forms(words: &Words, it: &Shown, path: &str, wrong: Wrong) -> Vec<Form> {
    let email = it.email.clone().unwrap_or_default();
    let set = Form::new("set", path, words.say("console-save"))
        .titled(words.say("console-operator-set"))
        .wrong(wrong.all)
        // What the boxes showed: another person may change the operator meanwhile.
        .hiding("was_roles", it.roles.to_string())
        .hiding("was_email", it.email.clone().unwrap_or_default())
        .with([
            roles(words, it.roles),
            Field::line(words, "email", email).by(Input::Line("email")).optional().wrong(wrong.email),
        ]);
    let mut forms = vec![set];
    if it.state == "active" && it.kind == OperatorKind::Person {
        let reset = Choice { value: "1".to_owned(), label: words.say("console-operator-reset"), chosen: false };
        let form = Form::new("invite", format!("{path}/invite"), words.say("console-operator-invite"));
        let form =
            form.titled(words.say("console-operator-invite-title")).saying(words.say("console-operator-invite-text"));
        let field = Field::line(words, "reset", "").by(Input::Checks(vec![reset]));
        forms.push(form.with([field]));
    }
    let (what, key) = if it.state == "active" { ("disabled", "disable") } else { ("active", "enable") };
    let form = Form::new("state", format!("{path}/state"), words.say(&format!("console-operator-{key}")));
    let form = form.hiding("state", what).saying(words.say(&format!("console-operator-{key}-text")));
    forms.push(if what == "disabled" { form.danger() } else { form });
    forms
}

async fn set(
    State(app): State<App>,
    signed: Signed,
    Path(name): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let again = async |wrong: Wrong| {
        let shown = app.operators.show(&signed.actor, &name).await?;
        Ok::<_, Refusal>(page(&signed, &shown, Vec::new(), wrong))
    };
    let (email, roles) = match (email(&typed), chosen(&typed)) {
        (Ok(email), Ok(roles)) => (email, roles),
        (email, roles) => {
            return again(Wrong {
                email: email.err().map(Fault::english),
                all: roles.err().map(Fault::english),
                ..Wrong::default()
            })
            .await;
        }
    };
    let Ok(read_roles) = typed.text("was_roles").parse::<Roles>() else {
        return again(Wrong { all: Some(signed.words.say("console-form-stale").into()), ..Wrong::default() }).await;
    };
    let read_email = Some(typed.text("was_email")).filter(|it| !it.is_empty());
    let to = SetOperator { roles, email: email.as_ref(), read_roles, read_email };
    match app.operators.set_read(&signed.actor, &name, &to).await.map_err(Refusal::from) {
        Ok(_) => Ok(done(&app, &format!("/operators/{}", encoded(&name)), "console-done-saved")),
        Err(refusal) => match refusal.of_form(&signed.words) {
            Some(why) => again(Wrong { all: Some(why), ..Wrong::default() }).await,
            None => Err(refusal),
        },
    }
}

async fn set_state(
    State(app): State<App>,
    signed: Signed,
    Path(name): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let path = format!("/operators/{}", encoded(&name));
    if typed.text("state") == "active" {
        app.operators.enable(&signed.actor, &name).await?;
        return Ok(done(&app, &path, "console-done-enabled"));
    }
    app.operators.disable(&signed.actor, &name).await?;
    Ok(done(&app, &path, "console-done-disabled"))
}

/// Makes a link by which the operator sets a password. It is shown once.
async fn invite(
    State(app): State<App>,
    signed: Signed,
    Path(name): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let invited = app.sign_ins.invite(&signed.actor, &name, typed.has("reset")).await?;
    let words = &signed.words;
    let until = words.say_with("console-operator-invited", &[("time", words.time(invited.expires_at))]);
    let first = vec![Block::Warning(WARN, until), Block::Verbatim(words.say("console-operator-link"), invited.url)];
    let shown = app.operators.show(&signed.actor, &name).await?;
    Ok(page(&signed, &shown, first, Wrong::default()))
}
