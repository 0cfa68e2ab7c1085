//! The import of a customers file in two steps: what it would change, and then the change.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Multipart, State};
use axum::response::Response;
use axum::routing::{get, post};
use uuid::Uuid;

use super::upload::receive;
use crate::app::App;
use crate::console::asked::id;
use crate::console::blocks::{BAD, Block, Cell, Choice, Field, Form, GOOD, Input, Page, Table, WARN, encoded};
use crate::console::fault::Fault;
use crate::console::form::Form as Typed;
use crate::console::frame::Place;
use crate::console::refusal::Refusal;
use crate::console::said::Said;
use crate::console::signed::Signed;
use crate::console::words::Words;
use crate::domain::kind::Kind;
use crate::domain::right::Right;
use crate::operators::uploads::{Carried, Looked, UploadError};
use crate::people::import::{Change, ContactChanges, ImportError, ImportOptions, Imported};

/// What can be chosen about a file.
const HOW: [&str; 3] = ["replace", "skip_invalid", "allow_shrink"];

/// The routes. A file may be larger than a form: it is counted as it comes.
pub fn routes() -> Router<App> {
    let upload = post(check).layer(DefaultBodyLimit::disable()).merge(get(choose));
    Router::new().route("/customers/import", upload).route("/customers/import/do", post(carry_out))
}

async fn choose(signed: Signed) -> Result<Response, Refusal> {
    signed.actor.may_at_all(Right::Import)?;
    let form = form(&signed.words, &ImportOptions::default(), None);
    Ok(page(&signed, vec![Block::Text(signed.words.say("console-import-text")), Block::Form(form)]))
}

fn page(signed: &Signed, blocks: Vec<Block>) -> Response {
    Page::new(signed.frame(Place::Customers, signed.words.say("console-customers-import")), blocks).answer()
}

fn form(words: &Words, options: &ImportOptions, problem: Option<Fault>) -> Form {
    let chosen = [options.replace, options.skip_invalid, options.allow_shrink];
    let choice = |(how, chosen): (&str, bool)| Choice {
        value: how.to_owned(),
        label: words.word("console-import-how", how),
        chosen,
    };
    let how = HOW.into_iter().zip(chosen).map(choice).collect();
    let file = Field::line(words, "file", "").by(Input::File(".csv,.txt,.tsv,.xlsx,.ods,.gz"));
    let file = file.hint(words.say("console-import-hint")).wrong(problem);
    Form::new("import", "/customers/import", words.say("console-import-check"))
        .with([file, Field::line(words, "how", "").by(Input::Checks(how))])
}

/// Says what a file would change, and keeps it for the next step.
async fn check(State(app): State<App>, signed: Signed, body: Multipart) -> Result<Response, Refusal> {
    // Before a gigabyte is read for nothing; the service asks again.
    signed.actor.may_at_all(Right::Import)?;
    let words = &signed.words;
    let most = app.context.config.http.file_size;
    let Some(upload) = receive(words, body, most).await? else {
        let form = form(words, &ImportOptions::default(), Some(words.say("console-import-none").into()));
        return Ok(page(&signed, vec![Block::Form(form)]));
    };
    let (name, options) = (upload.name.clone(), upload.options.clone());
    match Box::pin(app.uploads.look(&signed.actor, signed.operator.id, upload)).await {
        Ok(looked) => Ok(page(&signed, preview(&signed, &looked))),
        Err(UploadError::Import(error)) => refused(&signed, (&name, &options), error),
        Err(error) => Err(error.into()),
    }
}

/// What is wrong with a file: all of it, and the form to choose another one.
fn refused(signed: &Signed, (name, options): (&str, &ImportOptions), error: ImportError) -> Result<Response, Refusal> {
    if error.kind() != Kind::Invalid {
        return Err(error.into());
    }
    let words = &signed.words;
    let title = words.say_with("console-import-wrong", &[("name", name.to_owned())]);
    let mut blocks = Vec::new();
    let problem = match &error {
        ImportError::Invalid(bad) => {
            let rows = bad.groups.iter().map(|it| vec![Cell::text(it.to_string())]);
            blocks.push(Block::Table(Table::new(words, "console-import-problems", &["problem"]).with(rows)));
            if bad.ungrouped > 0 {
                blocks.push(Block::Note(words.counted("console-import-more-problems", bad.ungrouped)));
            }
            title.into()
        }
        other => match Said::of_import(other) {
            Some(said) => Fault::from(said.text(words)).behind(format!("{title} ")),
            None => Fault::english(other.to_string()).behind(format!("{title} ")),
        },
    };
    blocks.push(Block::Form(form(words, options, Some(problem))));
    Ok(page(signed, blocks))
}

/// What an import would change, and the button that does it.
fn preview(signed: &Signed, Looked { id, name, imported }: &Looked) -> Vec<Block> {
    let words = &signed.words;
    let count = |key: &str, n| words.counted(&format!("console-import-{key}"), n);
    let about =
        vec![count("customers", imported.customers), count("contacts", imported.contacts), imported.file.to_string()];
    let tone = if imported.changes.as_ref().is_some_and(|it| it.gone > 0) { WARN } else { GOOD };
    let text = words.say_with("console-import-would", &[("name", name.clone())]);
    let mut blocks = vec![Block::Answer(tone, text, about)];
    blocks.extend(untaken(words, imported));
    if let Some(changes) = &imported.changes {
        let ContactChanges { new, changed, gone, reactivated } = &changes.contacts;
        let customers = [changes.new, changes.changed, changes.gone, changes.reactivated];
        let row = |key: &str, counts: [u64; 4]| {
            let name = std::iter::once(Cell::text(words.say(&format!("console-col-{key}"))));
            name.chain(counts.into_iter().map(|n| Cell::number(words, n))).collect()
        };
        let head = ["what", "new", "changed", "gone", "reactivated"];
        let rows = [row("customer", customers), row("contacts", [*new, *changed, *gone, *reactivated])];
        blocks.push(Block::Table(Table::new(words, "console-import-sums", &head).with(rows)));
        let sees = signed.actor.has(Right::SeeOneCustomer);
        let rows = changes.customers.iter().map(|it| change(words, it, sees));
        blocks
            .push(Block::Table(Table::new(words, "console-import-changes", &["account", "change", "what"]).with(rows)));
        if changes.more > 0 {
            blocks.push(Block::Note(count("more", changes.more)));
        }
    }
    blocks.push(Block::Form(again(*id, words.say("console-import-do"))));
    blocks.push(Block::Links(vec![(words.say("console-import-other"), "/customers/import".to_owned())]));
    blocks
}

/// The form that imports a file whose changes were shown.
fn again(id: Uuid, submit: String) -> Form {
    Form::new("do", "/customers/import/do", submit).hiding("upload", id.to_string())
}

/// What is not taken as it is.
fn untaken(words: &Words, imported: &Imported) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut warn = |key: &str, n: usize| {
        if n > 0 {
            blocks.push(Block::Warning(WARN, words.counted(&format!("console-import-{key}"), n as u64)));
        }
    };
    warn("erased", imported.erased.len());
    warn("rectified", imported.rectified.len());
    warn("kept", imported.kept.customers.len());
    if !imported.mistakes.is_empty() {
        let rows = imported.mistakes.iter().map(|it| vec![Cell::text(it.to_string())]);
        blocks.push(Block::Warning(BAD, words.say("console-import-skipped")));
        blocks.push(Block::Table(Table::new(words, "console-import-problems", &["problem"]).with(rows)));
    }
    blocks
}

fn change(words: &Words, it: &Change, sees: bool) -> Vec<Cell> {
    let said = |change: &str| words.word("console-change", change);
    let role = |role: &str| words.word("console-role", role);
    let who = |contact: &crate::people::import::ContactChange| {
        let (role, change) = (role(&contact.role), said(&contact.change));
        if sees { format!("{} ({role}): {change}", contact.email) } else { format!("{role}: {change}") }
    };
    let mut parts: Vec<String> = it.addresses.iter().take(5).map(who).collect();
    let ContactChanges { new, changed, gone, reactivated } = it.contacts;
    let more = (new + changed + gone + reactivated).saturating_sub(parts.len() as u64);
    parts.extend((more > 0).then(|| words.counted("console-import-contacts-more", more)));
    parts.extend(it.renamed.then(|| words.say("console-import-renamed")));
    let values = it.attributes + it.gone_attributes;
    parts.extend((values > 0).then(|| words.counted("console-import-values", values)));
    let account = Cell::link(&it.account_id, format!("/customers/{}", encoded(&it.account_id)));
    vec![account, Cell::text(said(&it.change)), Cell::text(parts.join("; "))]
}

/// Does what was shown.
async fn carry_out(State(app): State<App>, signed: Signed, typed: Typed) -> Result<Response, Refusal> {
    let (words, upload) = (&signed.words, id(typed.text("upload"))?);
    let carried = Box::pin(app.uploads.carry_out(&signed.actor, signed.operator.id, upload)).await;
    let customers = || Block::Links(vec![(words.say("console-nav-customers"), "/customers".to_owned())]);
    let blocks = match carried {
        Ok(Carried::Imported(imported)) => {
            let about = vec![
                words.counted("console-import-customers", imported.customers),
                words.counted("console-import-contacts", imported.contacts),
            ];
            let mut blocks = vec![Block::Answer(GOOD, words.say("console-import-done"), about)];
            blocks.extend(untaken(words, &imported));
            blocks.push(customers());
            blocks
        }
        Ok(Carried::Before) => vec![Block::Answer(GOOD, words.say("console-import-done"), Vec::new()), customers()],
        Ok(Carried::Outdated(looked)) => {
            let mut blocks = vec![Block::Warning(WARN, words.say("console-import-outdated"))];
            blocks.extend(preview(&signed, &looked));
            blocks
        }
        Err(UploadError::Gone) => {
            let form = form(words, &ImportOptions::default(), Some(words.say("console-import-gone").into()));
            vec![Block::Form(form)]
        }
        Err(UploadError::Busy) => {
            let look = again(upload, words.say("console-import-busy-look"));
            vec![Block::Warning(WARN, words.say("console-import-busy")), Block::Form(look)]
        }
        Err(UploadError::Import(error)) => {
            let name = words.say("console-import-file");
            return refused(&signed, (&name, &ImportOptions::default()), error);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(page(&signed, blocks))
}
