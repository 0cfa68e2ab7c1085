//! What is done for a person: export, restriction, correction, objection.

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse as _, Response};

use super::{Wrong, page};
use crate::app::App;
use crate::console::asked::{Asked, id};
use crate::console::blocks::{Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, done, encoded};
use crate::console::form::Form as Typed;
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::page::PageRequest;
use crate::people::subjects::{Decision, Looked, Objected};

/// The forms of the page of a person.
pub fn forms(words: &Words, address: &Address, looked: &Looked, wrong: &Wrong) -> Vec<Form> {
    let form = |id: &'static str, what: &str| {
        let form = Form::new(id, format!("/people/{what}"), words.say(&format!("console-right-{what}")));
        let form = form.titled(words.say(&format!("console-right-{what}-title"))).hiding("email", address.as_str());
        form.saying(words.say(&format!("console-right-{what}-text"))).wrong(wrong.at(id))
    };
    let one = Choice { value: "1".to_owned(), label: words.say("console-right-as-one"), chosen: false };
    let rectify = form("rectify", "rectify").with([
        Field::line(words, "to", "").by(Input::Line("email")),
        Field::line(words, "as_one", "").by(Input::Checks(vec![one])),
    ]);
    let choice = |it: &Category| Choice {
        value: it.to_string(),
        label: words.word("console-category", *it),
        chosen: it.class() == crate::domain::category::Class::Optional,
    };
    // Nobody can object to what the law requires.
    let categories = Category::ALL.iter().filter(|it| **it != Category::SecurityBreach).map(choice).collect();
    let object = form("object", "object").with([
        Field::line(words, "categories", "").by(Input::Checks(categories)),
        Field::line(words, "grounds", "").hint(words.say("console-right-grounds-hint")).optional(),
    ]);
    let restrict = if looked.is_restricted() { "unrestrict" } else { "restrict" };
    let ask = words.say("console-right-erase");
    let erase = Form::asking("erase", "/people/erase", ask).titled(words.say("console-right-erase-title"));
    let erase = erase.hiding("email", address.as_str()).saying(words.say("console-right-erase-text"));
    vec![form("export", "export"), form("restrict", restrict), rectify, object, erase]
}

/// The address of a form; the page says what is wrong with it.
fn address(typed: &Typed) -> Result<Address, Refusal> {
    Address::parse(typed.text("email")).map_err(|error| Refusal::english(Kind::Invalid, error.to_string()))
}

/// The page again with what is wrong with a form, unless it is another kind of refusal.
async fn again(
    app: &App,
    signed: &Signed,
    email: &str,
    form: &'static str,
    refusal: Refusal,
) -> Result<Response, Refusal> {
    match refusal.kind {
        Kind::Invalid | Kind::Conflict | Kind::Refused | Kind::NotFound => {
            page(
                app,
                signed,
                email,
                &Asked::default().page(),
                None,
                Wrong(Some((form, refusal.fault(&signed.words))), None),
            )
            .await
        }
        _ => Err(refusal),
    }
}

fn person(address: &Address) -> String {
    format!("/people?email={}", encoded(address.as_str()))
}

/// Everything that is stored, as a file for the person.
pub async fn export(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = address(&typed)?;
    let exported = match Box::pin(app.subjects.export(&signed.actor, &address)).await {
        Ok(exported) => exported,
        Err(error) => return again(&app, &signed, address.as_str(), "export", error.into()).await,
    };
    let bytes = serde_json::to_vec_pretty(&exported.record).map_err(|error| {
        tracing::error!(%error, "an export could not be written");
        Refusal::new(Kind::Failed, "")
    })?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"export.json\""),
    ];
    Ok((headers, Body::from(bytes)).into_response())
}

/// Restricts the processing of the person's data.
pub async fn restrict(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = address(&typed)?;
    match app.subjects.restrict(&signed.actor, &address).await {
        Ok(_) => Ok(done(&app, &person(&address), "console-done-restricted")),
        Err(error) => again(&app, &signed, address.as_str(), "restrict", error.into()).await,
    }
}

/// Lifts that.
pub async fn unrestrict(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = address(&typed)?;
    match app.subjects.unrestrict(&signed.actor, &address).await {
        Ok(()) => Ok(done(&app, &person(&address), "console-done-unrestricted")),
        Err(error) => again(&app, &signed, address.as_str(), "restrict", error.into()).await,
    }
}

/// Corrects the address at every customer.
pub async fn rectify(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = address(&typed)?;
    let to = match Address::parse(typed.text("to")) {
        Ok(to) => to,
        Err(error) => {
            let refusal = Refusal::english(Kind::Invalid, error.to_string());
            return again(&app, &signed, address.as_str(), "rectify", refusal).await;
        }
    };
    let corrected = if typed.has("as_one") {
        app.subjects.rectify_as_one(&signed.actor, &address, &to).await
    } else {
        app.subjects.rectify(&signed.actor, &address, &to).await
    };
    match corrected {
        Ok(_) => Ok(done(&app, &person(&to), "console-done-rectified")),
        Err(error) => again(&app, &signed, address.as_str(), "rectify", error.into()).await,
    }
}

/// Records an objection.
pub async fn object(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = address(&typed)?;
    let categories: Result<Vec<Category>, String> = typed.all("categories").map(str::parse).collect();
    let categories = categories.map_err(|why| Refusal::english(Kind::Invalid, why))?;
    if categories.is_empty() {
        let refusal = Refusal::new(Kind::Invalid, signed.words.say("console-right-object-none"));
        return again(&app, &signed, address.as_str(), "object", refusal).await;
    }
    let grounds = Some(typed.text("grounds")).filter(|text| !text.is_empty());
    match app.subjects.object(&signed.actor, &address, &categories, grounds).await {
        Ok(_) => Ok(done(&app, &person(&address), "console-done-objected")),
        Err(error) => again(&app, &signed, address.as_str(), "object", error.into()).await,
    }
}

/// The objections to mandatory notices that wait, and the form to decide about the first of them, or again about one with which something
/// was wrong.
pub async fn objections(
    app: &App,
    signed: &Signed,
    request: &PageRequest,
    wrong: &Wrong,
) -> Result<Vec<Block>, Refusal> {
    let words = &signed.words;
    let page = app.subjects.objections(&signed.actor, true, request).await?;
    let table = Table::new(words, "console-objections", &HEAD).with(page.items.iter().map(|it| row(words, it)));
    let table = table.next("/people", page.next.as_deref());
    let mut blocks = vec![Block::Heading(words.say("console-objections-caption")), Block::Table(table)];
    blocks.push(Block::Links(vec![(words.say("console-objections-all"), "/people/objections".to_owned())]));
    if let Some(it) = page.items.iter().find(|it| wrong.1.is_none_or(|id| it.id == id)) {
        let choice =
            |it: &Decision| Choice { value: it.to_string(), label: words.word("console-decision", *it), chosen: false };
        let title = words.say_with("console-objection-decide", &[("address", it.email.clone())]);
        let form = Form::new("decide", format!("/people/objections/{}", it.id), words.say("console-decide"));
        let form = form.hiding("after", request.after.clone().unwrap_or_default());
        blocks.push(Block::Form(form.titled(title).saying(it.grounds.clone()).wrong(wrong.at("decide")).with([
            Field::line(words, "decision", "").by(Input::Radios(Decision::ALL.iter().map(choice).collect())),
            Field::line(words, "reason", ""),
        ])));
    }
    Ok(blocks)
}

/// All objections, the last one first.
pub async fn all_objections(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let words = &signed.words;
    let page = app.subjects.objections(&signed.actor, false, &asked.page()).await?;
    let table = Table::new(words, "console-objections-all", &HEAD).with(page.items.iter().map(|it| row(words, it)));
    let table = table.next("/people/objections", page.next.as_deref());
    let back = Block::Links(vec![(words.say("console-nav-people"), "/people".to_owned())]);
    let frame = signed.frame(Place::People, words.say("console-objections-all"));
    Ok(Page::new(frame, vec![Block::Table(table), back]).answer())
}

/// The columns of a list of objections.
const HEAD: [&str; 5] = ["when", "address", "categories", "grounds", "state"];

fn row(words: &Words, it: &Objected) -> Vec<Cell> {
    let categories: Vec<String> = it.categories.iter().map(|it| words.word("console-category", *it)).collect();
    let state = match &it.decided {
        Some(decided) => Cell::badge(GOOD, words.word("console-decision", decided.decision)).under(&decided.reason),
        None => Cell::badge("busy", words.say("console-undecided")),
    };
    vec![
        Cell::time(words, it.at),
        Cell::text(&it.email),
        Cell::text(words.list(&categories)),
        Cell::text(&it.grounds),
        state,
    ]
}

/// Decides about an objection.
pub async fn decide(
    State(app): State<App>,
    signed: Signed,
    Path(objection): Path<String>,
    typed: Typed,
) -> Result<Response, Refusal> {
    let objection = id(&objection)?;
    let decided = match typed.text("decision").parse::<Decision>() {
        Ok(decision) => {
            app.subjects.decide(&signed.actor, objection, decision, typed.text("reason")).await.map_err(Refusal::from)
        }
        Err(why) => Err(Refusal::english(Kind::Invalid, why)),
    };
    match decided {
        Ok(_) => Ok(done(&app, "/people", "console-done-decided")),
        // There is no form for one that is decided: what was decided is said on a page of its own.
        Err(refusal) if matches!(refusal.kind, Kind::Conflict | Kind::NotFound) => Err(refusal),
        Err(refusal) if refusal.kind == Kind::Invalid || refusal.kind == Kind::Refused => {
            let after = Some(typed.text("after").to_owned()).filter(|it| !it.is_empty());
            let request = PageRequest { after, ..Asked::default().page() };
            let wrong = Wrong(Some(("decide", refusal.fault(&signed.words))), Some(objection));
            page(&app, &signed, "", &request, None, wrong).await
        }
        Err(refusal) => Err(refusal),
    }
}
