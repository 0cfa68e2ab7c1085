//! Erasing a person: first what stands in the way, then the erasure with a ground, and with a waiver for each duty that does not apply.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::console::asked::Asked;
use crate::console::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, WARN, encoded};
use crate::console::fault::Fault;
use crate::console::form::Form as Typed;
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::address::Address;
use crate::domain::duty::Duty;
use crate::domain::kind::Kind;
use crate::people::subjects::{Erased, Erasure, SubjectError};

fn parsed(email: &str) -> Result<Address, Refusal> {
    Address::parse(email).map_err(|error| Refusal::english(Kind::Invalid, error.to_string()))
}

/// What would be erased, and what stands in the way.
pub async fn ask(State(app): State<App>, signed: Signed, asked: Asked) -> Result<Response, Refusal> {
    let address = parsed(asked.text("email"))?;
    page(&app, &signed, &address, &Typed::default(), None).await
}

async fn page(
    app: &App,
    signed: &Signed,
    address: &Address,
    typed: &Typed,
    problem: Option<Fault>,
) -> Result<Response, Refusal> {
    let words = &signed.words;
    let addresses = app.subjects.addresses(&signed.actor, address).await?;
    let duties = app.subjects.in_the_way(&signed.actor, address).await?;
    let names: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    let mut blocks = vec![Block::Text(words.say_with("console-erase-whom", &[("addresses", words.list(&names))]))];
    if duties.is_empty() {
        blocks.push(Block::Warning(GOOD, words.say("console-erase-free")));
    } else {
        blocks.push(Block::Warning(WARN, words.say("console-erase-duties")));
        let row = |(duty, why): &(Duty, String)| vec![Cell::code(duty.to_string()), Cell::text(why)];
        let table = Table::new(words, "console-erase-duties", &["duty", "why"]);
        blocks.push(Block::Table(table.with(duties.iter().map(row))));
    }
    let waive = |(duty, _): &(Duty, String)| Choice {
        value: duty.to_string(),
        label: duty.to_string(),
        chosen: typed.all("waive").any(|it| it == duty.to_string()),
    };
    let mut fields =
        vec![Field::line(words, "ground", typed.text("ground")).hint(words.say("console-erase-ground-hint"))];
    if !duties.is_empty() {
        let waivers = Input::Checks(duties.iter().map(waive).collect());
        fields.push(Field::line(words, "waive", "").by(waivers).hint(words.say("console-erase-waive-hint")));
    }
    let form = Form::new("erase", "/people/erase", words.say("console-erase-button")).danger();
    let form = form.saying(words.say("console-erase-text")).hiding("email", address.as_str()).wrong(problem);
    blocks.push(Block::Form(form.with(fields)));
    let back = format!("/people?email={}", encoded(address.as_str()));
    blocks.push(Block::Links(vec![(words.say("console-back"), back)]));
    Ok(Page::new(signed.frame(Place::People, words.say("console-right-erase-title")), blocks).answer())
}

/// Erases.
pub async fn erase(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let address = parsed(typed.text("email"))?;
    let waived: Result<Vec<Duty>, String> = typed.all("waive").map(str::parse).collect();
    let waived = waived.map_err(|why| Refusal::english(Kind::Invalid, why))?;
    let erasure = Erasure { address: &address, ground: typed.text("ground"), waived: &waived };
    match Box::pin(app.subjects.erase(&signed.actor, &erasure)).await {
        Ok(erased) => Ok(result(&signed, &erased)),
        Err(SubjectError::Duties { .. }) => {
            let why = signed.words.say("console-erase-not-waived");
            page(&app, &signed, &address, &typed, Some(why.into())).await
        }
        Err(error) => {
            let refusal = Refusal::from(error);
            match refusal.kind {
                Kind::Invalid | Kind::Conflict | Kind::Refused | Kind::NotFound => {
                    page(&app, &signed, &address, &typed, Some(refusal.fault(&signed.words))).await
                }
                _ => Err(refusal),
            }
        }
    }
}

/// What was erased. The page names nobody any more.
fn result(signed: &Signed, erased: &Erased) -> Response {
    let words = &signed.words;
    let count = |key: &str, n: usize| words.counted(&format!("console-erased-{key}"), n as u64);
    let lines = vec![
        count("contacts", erased.contacts),
        count("deliveries", erased.deliveries),
        count("entries", erased.entries),
    ];
    let mut blocks = vec![Block::Answer(GOOD, words.say("console-erased"), lines)];
    if erased.unreleased_rows > 0 {
        blocks.push(Block::Warning(WARN, count("rows", erased.unreleased_rows)));
    }
    for why in [&erased.unscrubbed, &erased.unwritten].into_iter().flatten() {
        blocks.push(Block::Warning(BAD, words.say_with("console-erased-later", &[("why", why.clone())])));
    }
    blocks.push(Block::Links(vec![(words.say("console-nav-people"), "/people".to_owned())]));
    Page::new(signed.frame(Place::People, words.say("console-right-erase-title")), blocks).answer()
}
