//! Finding an address in words that somebody wrote. [`Place::ALL`] is the list of these places: an export shows what is found there,
//! an erasure deletes it, and the exchange of tombstones finds erased persons there. Not in it are the texts of notices.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::address::{self, AddressKey, mentioned};
use crate::domain::entry::{Event, Person};
use crate::domain::notice::State;
use crate::store::notices::attestations;
use crate::store::operators::forms::{self, Mentioning};
use crate::store::people::holds::Hold;
use crate::store::people::mentions::{self, FileRow, StepWords, Words};
use crate::store::people::subjects;
use crate::store::proof::ledger::{self, StoredOpening};
use crate::store::sending::deliveries;
use crate::store::tasks::Task;
use crate::store::{Conn, StoreError, tasks};

/// Rows read at once.
const PAGE: u32 = 1000;

/// A place with words that somebody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The words of attestations.
    Attestations,
    /// The values of audience files.
    FileRows,
    /// The reasons of steps on notices.
    Steps,
    /// The reasons of legal holds.
    Holds,
    /// The notes of tasks.
    Tasks,
    /// What operators have typed into forms that they have not sent.
    Forms,
    /// The words in the ledger's entries: attestations, reasons, notes, and what operators found out about deliveries.
    Entries,
}

impl Place {
    const ALL: [Self; 7] =
        [Self::Attestations, Self::FileRows, Self::Steps, Self::Holds, Self::Tasks, Self::Forms, Self::Entries];

    /// Reads a page of the words that contain an `@`, after those that end with `after`.
    async fn page(self, conn: &mut Conn, text: &str, after: (&str, &str)) -> Result<Vec<Mention>, StoreError> {
        Ok(match self {
            Self::Attestations => {
                mentions::attestations(conn, after.0, PAGE).await?.into_iter().map(Mention::Attestation).collect()
            }
            Self::FileRows => {
                mentions::file_rows(conn, text, after, PAGE).await?.into_iter().map(Mention::FileRow).collect()
            }
            Self::Steps => mentions::steps(conn, after.0, PAGE).await?.into_iter().map(Mention::Step).collect(),
            Self::Holds => mentions::holds(conn, after.0, PAGE).await?.into_iter().map(Mention::Hold).collect(),
            Self::Tasks => tasks::with_mentions(conn, after.0, PAGE).await?.into_iter().map(Mention::Task).collect(),
            Self::Forms => forms::with_mentions(conn, text, after, PAGE)
                .await?
                .into_iter()
                .map(Typed::of)
                .map(Mention::Form)
                .collect(),
            Self::Entries => {
                let entry = |it: StoredOpening| {
                    let person = it.person.as_deref().and_then(|person| Person::from_cbor(person).ok());
                    Mention::Entry(Box::new((it, person.unwrap_or_default())))
                };
                ledger::with_words(conn, after.0, PAGE).await?.into_iter().map(entry).collect()
            }
        })
    }
}

/// Words that somebody wrote, where they are stored.
pub(super) enum Mention {
    /// An attestation.
    Attestation(Words),
    /// A row of an audience file.
    FileRow(FileRow),
    /// A step on a notice.
    Step(StepWords),
    /// A legal hold.
    Hold(Hold),
    /// A task that is done.
    Task(Task),
    /// A form that was begun.
    Form(Typed),
    /// An entry of the ledger, with its person part.
    Entry(Box<(StoredOpening, Person)>),
}

/// What an operator has typed into a form.
pub(super) struct Typed {
    operator_id: Uuid,
    form: String,
    /// When it was kept last.
    pub(super) kept_at: Timestamp,
    values: Vec<String>,
}

impl Typed {
    fn of(it: Mentioning) -> Self {
        let fields: Option<BTreeMap<String, String>> = serde_json::from_str(&it.begun.fields).ok();
        let values = fields.map(|fields| fields.into_values().collect()).unwrap_or_else(|| vec![it.begun.fields]);
        Self { operator_id: it.operator_id, form: it.form, kept_at: it.begun.kept_at, values }
    }

    /// The lines that mention an address: those around them may be about others.
    pub(super) fn about(&self, key: &AddressKey) -> String {
        let lines = self.values.iter().flat_map(|value| value.lines());
        lines.filter(|line| mentioned(line, key)).collect::<Vec<_>>().join("\n")
    }
}

impl Mention {
    fn texts(&self) -> Vec<&str> {
        match self {
            Self::Attestation(words) => {
                [&words.note, &words.witness].into_iter().chain(&words.withdrawn_why).map(String::as_str).collect()
            }
            Self::FileRow(row) => row.values.values().map(String::as_str).collect(),
            Self::Step(step) => vec![&step.reason],
            Self::Hold(hold) => vec![&hold.reason],
            Self::Task(task) => task.note.as_deref().into_iter().collect(),
            Self::Form(typed) => typed.values.iter().map(String::as_str).collect(),
            // The role of an attestation has its witness; that of any other entry is the operator, whose name is not the person's.
            Self::Entry(entry) if entry.0.event == Event::Attested => vec![&entry.1.reply, &entry.1.role],
            Self::Entry(entry) => vec![&entry.1.reply],
        }
    }

    /// Where the next page begins.
    fn end(&self) -> (String, String) {
        let id = match self {
            Self::Attestation(words) => words.id,
            Self::FileRow(row) => return (row.notice_id.to_string(), format!("{} {}", row.account_id, row.key)),
            Self::Step(step) => step.id,
            Self::Hold(hold) => hold.id,
            Self::Task(task) => task.id,
            Self::Form(typed) => return (typed.operator_id.to_string(), typed.form.clone()),
            Self::Entry(entry) => entry.0.entry_id,
        };
        (id.to_string(), String::new())
    }

    /// True if the words may go: what is still to be released needs the rows of its audience file.
    pub(super) const fn may_go(&self) -> bool {
        match self {
            Self::FileRow(row) => is_past(row.state),
            _ => true,
        }
    }
}

/// Passes all words that contain a text to `visit`, an `@` at least.
async fn walk(conn: &mut Conn, text: &str, mut visit: impl FnMut(Mention)) -> Result<(), StoreError> {
    for place in Place::ALL {
        let mut after = (String::new(), String::new());
        loop {
            let page = place.page(conn, text, (&after.0, &after.1)).await?;
            let Some(last) = page.last() else { break };
            after = last.end();
            page.into_iter().for_each(&mut visit);
        }
    }
    Ok(())
}

/// Returns all words that mention an address.
pub(super) async fn of(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Mention>, StoreError> {
    // A row may spell an internationalised domain in other ways than the address does.
    let text = if key.domain().contains("xn--") { "@" } else { key.domain() };
    let mut found = Vec::new();
    walk(conn, text, |it| found.extend(it.texts().iter().any(|text| mentioned(text, key)).then_some(it))).await?;
    Ok(found)
}

/// Passes the keys of all addresses that are mentioned to `show`, but of those in rows that are still needed.
pub(super) async fn each(conn: &mut Conn, mut show: impl FnMut(AddressKey)) -> Result<(), StoreError> {
    walk(conn, "@", |it| {
        if it.may_go() {
            it.texts().into_iter().flat_map(address::mentions).for_each(&mut show);
        }
    })
    .await
}

/// Deletes the words that mention an address; returns the entries whose opening was deleted.
pub(super) async fn clear(conn: &mut Conn, key: &AddressKey) -> Result<Vec<Uuid>, StoreError> {
    let mut openings = Vec::new();
    for it in of(conn, key).await?.into_iter().filter(Mention::may_go) {
        match it {
            Mention::Attestation(words) => attestations::clear(conn, words.id).await?,
            Mention::FileRow(row) => mentions::delete_file_row(conn, &row).await?,
            Mention::Step(step) => mentions::clear_step(conn, step.id).await?,
            Mention::Hold(hold) => mentions::clear_hold(conn, hold.id).await?,
            Mention::Task(task) => tasks::clear_note(conn, task.id).await?,
            // It was not sent, and is begun again.
            Mention::Form(typed) => forms::delete(conn, typed.operator_id, &typed.form).await?,
            Mention::Entry(entry) => {
                subjects::clear_openings(conn, &[entry.0.entry_id]).await?;
                openings.push(entry.0.entry_id);
                if let Some(delivery) = entry.0.delivery_id {
                    openings.extend(clear_finding(conn, delivery, key).await?);
                }
            }
        }
    }
    Ok(openings)
}

/// Deletes what an operator found out about another person's delivery, if it mentions the address.
async fn clear_finding(conn: &mut Conn, delivery: Uuid, key: &AddressKey) -> Result<Vec<Uuid>, StoreError> {
    let mut openings = Vec::new();
    let about = ledger::of_deliveries(conn, &[delivery]).await?;
    // An entry with a message is a server's answer, and the proof of what the other person got.
    for opening in about.iter().filter(|it| it.event != Event::Operated && !it.has_message) {
        let person = opening.person.as_deref().and_then(|person| Person::from_cbor(person).ok());
        if person.is_some_and(|person| mentioned(&person.reply, key)) {
            subjects::clear_openings(conn, &[opening.entry_id]).await?;
            openings.push(opening.entry_id);
        }
    }
    let reply = deliveries::find(conn, delivery).await?.and_then(|shown| shown.reply);
    if !openings.is_empty() && reply.is_some_and(|reply| mentioned(&reply, key)) {
        mentions::clear_reply(conn, delivery).await?;
    }
    Ok(openings)
}

/// True if the audience of a notice in this state does not need its rows any more: the deliveries have their values, or there will
/// never be any.
const fn is_past(state: State) -> bool {
    matches!(state, State::Released | State::Closed | State::Cancelled | State::Declined)
}
