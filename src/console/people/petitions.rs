//! The register: what persons asked for, and by when they are to be answered.

use axum::extract::{Path, State};
use axum::response::Response;

use super::{Wrong, page};
use crate::app::{App, StoreError};
use crate::console::asked::{Asked, day, id, wrong};
use crate::console::blocks::{
    BAD, BUSY, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, WARN, done, encoded,
};
use crate::console::fault::Fault;
use crate::console::form::Form as Typed;
use crate::console::frame::Place;
use crate::console::once::{self, Once};
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::domain::address::Address;
use crate::domain::kind::Kind;
use crate::domain::petition::{Answer, PetitionKind};
use crate::people::petitions::{Petition, PetitionError};

/// A petition is urgent when less than this is left.
const URGENT: jiff::SignedDuration = jiff::SignedDuration::from_hours(7 * 24);

/// A table of petitions.
pub fn table(app: &App, words: &Words, name: &str, petitions: &[Petition]) -> Table {
    let head = ["kind", "address", "received", "due", "state"];
    Table::new(words, name, &head).with(petitions.iter().map(|it| row(app, words, it)))
}

fn row(app: &App, words: &Words, it: &Petition) -> Vec<Cell> {
    let kind = Cell::link(words.word("console-petition", it.kind), format!("/people/petitions/{}", it.id));
    vec![kind, person(words, &it.email), Cell::time(words, it.received_at), due(words, it), state(app, words, it)]
}

/// The person who asked, with a link to what is known of them: there is none of an address that is erased or masked.
fn person(words: &Words, email: &str) -> Cell {
    match Address::parse(email) {
        Ok(address) if !email.contains('\u{2026}') => {
            Cell::link(email, format!("/people?email={}", encoded(address.as_str())))
        }
        Ok(_) => Cell::text(email),
        Err(_) => Cell::text(words.say("console-erased-person")),
    }
}

/// The last day on which it can be answered.
fn due(words: &Words, it: &Petition) -> Cell {
    let last = it.due_at.saturating_sub(jiff::SignedDuration::from_secs(1)).unwrap_or(it.due_at);
    Cell { at: Some(words.machine(it.due_at)), ..Cell::text(words.date(last)) }
}

fn state(app: &App, words: &Words, it: &Petition) -> Cell {
    if let Some(answer) = it.answer {
        return Cell::badge(GOOD, words.word("console-petition-answer", answer));
    }
    let now = app.context.clock.now();
    let left = it.due_at.duration_since(now);
    if left.is_negative() || left.is_zero() {
        return Cell::badge(BAD, words.say("console-overdue"));
    }
    let tone = if left <= URGENT { WARN } else { BUSY };
    Cell::badge(tone, words.say_with("console-petition-left", &[("time", words.duration(now, it.due_at))]))
}

/// The form that records one.
pub fn form(app: &App, words: &Words, email: &str, problem: Option<Fault>) -> Form {
    let kind = |it: &PetitionKind| Choice {
        value: it.to_string(),
        label: words.word("console-petition", *it),
        chosen: *it == PetitionKind::Access,
    };
    let today = words.local(app.context.clock.now());
    let today = today.split('T').next().unwrap_or_default().to_owned();
    Form::new("petition", "/people/petitions", words.say("console-petition-record"))
        .titled(words.say("console-petition-title"))
        .saying(words.say("console-petition-text"))
        .hiding("email", email)
        .hiding(once::FORM, once::id(app))
        .wrong(problem)
        .with([
            Field::line(words, "kind", "")
                .by(Input::Select(PetitionKind::ALL.iter().map(kind).collect()))
                .label(words.say("console-petition-kind")),
            Field::line(words, "received", today).by(Input::Line("date")),
        ])
}

/// All petitions, the newest first.
pub async fn all(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.petitions.list(&signed.actor, &asked.page()).await?;
    let table = table(&app, words, "console-petitions-all", &page.items);
    let blocks = vec![Block::Table(table.next("/people/petitions", page.next.as_deref()))];
    Ok(Page::new(signed.frame(Place::People, words.say("console-petitions-all")), blocks).answer())
}

/// Records what a person asked for.
pub async fn record(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let invalid = |why: String| Refusal::new(Kind::Invalid, why);
    let address = Address::parse(typed.text("email")).map_err(|error| invalid(error.to_string()))?;
    let kind: PetitionKind = typed.text("kind").parse().map_err(invalid)?;
    let path = format!("/people?email={}", encoded(address.as_str()));
    let (actor, _running) = match once::begin(&app, &signed, typed.text(once::FORM)).await? {
        Once::New(actor, running) => (actor, running),
        Once::Done(_) => return Ok(done(&app, &path, "console-done-petition")),
    };
    let received_at = day(typed.text("received"), signed.words.zone());
    let recorded = match received_at.map_err(|_| signed.words.say("console-day-wrong")) {
        Ok(received_at) => match app.petitions.record(&actor, &address, kind, received_at).await {
            // By the same form, which another node had.
            Err(PetitionError::Store(StoreError::Repeated)) => Ok(()),
            recorded => recorded.map(drop).map_err(Refusal::from),
        },
        Err(why) => Err(invalid(why)),
    };
    match recorded {
        Ok(()) => Ok(done(&app, &path, "console-done-petition")),
        Err(refusal) => match refusal.of_form(&signed.words) {
            Some(why) => {
                page(
                    &app,
                    &signed,
                    address.as_str(),
                    &Asked::default().page(),
                    None,
                    Wrong(Some(("petition", why)), None),
                )
                .await
            }
            None => Err(refusal),
        },
    }
}

/// One of them.
pub async fn show(State(app): State<App>, signed: Signed, Path(petition): Path<String>) -> Result<Response, Refusal> {
    let petition = app.petitions.find(&signed.actor, id(&petition)?).await?;
    Ok(one(&app, &signed, &petition, None, None))
}

fn one(app: &App, signed: &Signed, it: &Petition, answering: Option<Fault>, extending: Option<Fault>) -> Response {
    let words = &signed.words;
    let col = |key: &str| words.say(&format!("console-col-{key}"));
    let mut facts = vec![(col("state"), state(app, words, it))];
    let mut add = |key: &str, cell: Option<Cell>| facts.extend(cell.map(|cell| (col(key), cell)));
    add("address", Some(person(words, &it.email)));
    add("received", Some(Cell::time(words, it.received_at)));
    add("due", Some(due(words, it)));
    add("operator", Some(Cell::text(&it.recorded_by)));
    add("extension", it.extension.as_ref().map(Cell::text));
    add("done", it.answered_at.map(|at| Cell::time(words, at).under(it.answered_by.clone().unwrap_or_default())));
    add("note", it.note.as_ref().map(Cell::text));
    let mut blocks = vec![Block::Facts(facts)];
    if it.answered_at.is_none() {
        let path = format!("/people/petitions/{}", it.id);
        let choice = |it: &Answer| Choice {
            value: it.to_string(),
            label: words.word("console-petition-answer", *it),
            chosen: *it == Answer::Done,
        };
        let answers = Input::Radios(Answer::ALL.iter().map(choice).collect());
        let form = Form::new("answer", &path, words.say("console-petition-answer-button"));
        blocks.push(Block::Form(form.titled(words.say("console-petition-answer-title")).wrong(answering).with([
            Field::line(words, "answer", "").by(answers),
            Field::line(words, "note", "").hint(words.say("console-petition-note-hint")),
        ])));
        if it.extension.is_none() {
            let form = Form::new("extend", format!("{path}/extend"), words.say("console-petition-extend"));
            let form = form.saying(words.say("console-petition-extend-text")).wrong(extending);
            blocks.push(Block::Form(form.with([Field::line(words, "reason", "")])));
        }
    }
    Page::new(signed.frame(Place::People, words.word("console-petition", it.kind)), blocks).answer()
}

/// Records how it was answered.
pub async fn answer(
    State(app): State<App>,
    signed: Signed,
    Path(petition): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let id = id(&petition)?;
    let answered = match typed.text("answer").parse::<Answer>() {
        Ok(answer) => app.petitions.answer(&signed.actor, id, answer, typed.text("note")).await.map_err(Refusal::from),
        Err(why) => Err(Refusal::english(Kind::Invalid, why)),
    };
    match answered {
        Ok(_) => Ok(done(&app, "/people", "console-done-answered")),
        Err(refusal) => {
            let why = wrong(&signed.words, refusal)?;
            let petition = app.petitions.find(&signed.actor, id).await?;
            Ok(one(&app, &signed, &petition, Some(why), None))
        }
    }
}

/// Gives it two more months.
pub async fn extend(
    State(app): State<App>,
    signed: Signed,
    Path(petition): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let id = id(&petition)?;
    match app.petitions.extend(&signed.actor, id, typed.text("reason")).await.map_err(Refusal::from) {
        Ok(_) => Ok(done(&app, &format!("/people/petitions/{id}"), "console-done-extended")),
        Err(refusal) => {
            let why = wrong(&signed.words, refusal)?;
            let petition = app.petitions.find(&signed.actor, id).await?;
            Ok(one(&app, &signed, &petition, None, Some(why)))
        }
    }
}
