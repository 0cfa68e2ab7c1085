//! Operators and their keys are what the entries about them say: who may act, in which roles, and until when.
//!
//! What an entry says stands in its person part, which retention deletes in the end; who was added, disabled and revoked, and when,
//! stands in its fact.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{Damage, Stop};
use crate::domain::actor::Action;
use crate::domain::clock::from_millis;
use crate::domain::entry::nfc;
use crate::domain::{key, operator};
use crate::store::Conn;
use crate::store::operators::keys::Kept;
use crate::store::operators::{self, Operator, keys};

/// Rows read at once.
const PAGE: u32 = 500;

/// What the entries say of operators and keys, each by its id.
#[derive(Default)]
pub(super) struct Granted {
    operators: BTreeMap<Uuid, Recorded>,
    keys: BTreeMap<Uuid, Recorded>,
    /// Number of the last entry, in their order.
    last: u64,
}

/// What the entries say of one of them. Times are in milliseconds.
struct Recorded {
    added_at: i64,
    /// The number of the entry that added it.
    added: u64,
    /// Index of the last entry that says what it may do.
    index: u64,
    /// What that entry says, unless its person part was deleted.
    words: Option<String>,
    /// Since when it may do nothing any more.
    ended_at: Option<i64>,
    /// Each time that an operator was disabled, and their keys revoked: number of the entry and time.
    disabled: Vec<(u64, i64)>,
}

impl Granted {
    /// Takes the next entry about an object, with its words.
    pub fn take(&mut self, action: Action, object: Uuid, at: i64, index: u64, words: Option<&str>) {
        self.last += 1;
        let number = self.last;
        let words = words.map(str::to_owned);
        let (of, adds) = match action {
            Action::AddOperator => (&mut self.operators, true),
            Action::AddKey => (&mut self.keys, true),
            Action::SetOperator | Action::DisableOperator | Action::EnableOperator => (&mut self.operators, false),
            Action::RevokeKey => (&mut self.keys, false),
            _ => return,
        };
        if adds {
            let added = Recorded { added_at: at, added: number, index, words, ended_at: None, disabled: Vec::new() };
            of.entry(object).or_insert(added);
            return;
        }
        let Some(it) = of.get_mut(&object) else { return };
        if action == Action::RevokeKey {
            it.ended_at = it.ended_at.or(Some(at));
            return;
        }
        (it.index, it.words) = (index, words);
        match action {
            Action::DisableOperator => {
                it.ended_at = Some(at);
                it.disabled.push((number, at));
            }
            Action::EnableOperator => it.ended_at = None,
            _ => {}
        }
    }
}

impl Recorded {
    fn damage(&self, problem: String) -> Damage {
        at(self.index, problem)
    }

    /// Compares what a row says with the entries. `ends` are the times at which the row may have ended; none, if it has not.
    fn compare(&self, what: &str, row: (String, i64, Option<i64>), ends: &[i64]) -> Result<(), Damage> {
        let (says, added_at, ended_at) = row;
        if let Some(sealed) = self.words.as_ref().filter(|sealed| **sealed != nfc(&says)) {
            return Err(self.damage(format!("{what} is stored as `{says}`, sealed `{sealed}`")));
        }
        let time = |ms: Option<&i64>| ms.map_or_else(|| "never".to_owned(), |ms| from_millis(*ms).to_string());
        if added_at != self.added_at {
            let (stored, sealed) = (time(Some(&added_at)), time(Some(&self.added_at)));
            return Err(self.damage(format!("{what} is stored as added at {stored}, sealed {sealed}")));
        }
        if ended_at.is_some() == ends.is_empty() || ended_at.is_some_and(|at| !ends.contains(&at)) {
            let (stored, sealed) = (time(ended_at.as_ref()), time(ends.first()));
            return Err(self.damage(format!("{what} is stored as ended at {stored}, sealed {sealed}")));
        }
        Ok(())
    }
}

/// An entry that waits has no index yet.
fn at(index: u64, problem: String) -> Damage {
    if index == u64::MAX { Damage::whole(problem) } else { Damage::at(index, problem) }
}

/// Compares all operators and keys with their entries.
pub(super) async fn check(conn: &mut Conn, granted: Granted) -> Result<(), Stop> {
    let Granted { operators: recorded, keys: mut of_keys, .. } = granted;
    let mut found = 0;
    let mut after = None;
    loop {
        let page = operators::list(conn, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in &page {
            compare_operator(row, &recorded)?;
            // The columns by which an operator is found are those of the name.
            if operators::named(conn, &row.name.likeness()).await?.is_none_or(|it| it.id != row.id) {
                return Err(Damage::whole(format!("the operator `{}` is found under another name", row.name)).into());
            }
        }
        found += page.len();
    }
    if found < recorded.len() {
        return Err(missing_operator(conn, &recorded).await?.into());
    }
    let mut after = None;
    loop {
        let page = keys::list(conn, None, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.id);
        for row in &page {
            compare_key(row, of_keys.remove(&row.id), recorded.get(&row.operator_id))?;
        }
    }
    match of_keys.iter().next() {
        Some((id, key)) => Err(key.damage(format!("the key {id}, which it records, was removed")).into()),
        None => Ok(()),
    }
}

fn compare_operator(row: &Operator, recorded: &BTreeMap<Uuid, Recorded>) -> Result<(), Damage> {
    let what = format!("the operator `{}`", row.name);
    let it = recorded.get(&row.id).ok_or_else(|| Damage::whole(format!("{what} has no entry")))?;
    let says = operator::described(&row.name, row.kind, row.roles);
    let ended_at = row.disabled_at.map(|at| at.as_millisecond());
    let ends: Vec<i64> = it.ended_at.into_iter().collect();
    it.compare(&what, (says, row.created_at.as_millisecond(), ended_at), &ends)
}

fn compare_key(row: &Kept, recorded: Option<Recorded>, operator: Option<&Recorded>) -> Result<(), Damage> {
    let what = format!("the key {} of `{}`", row.id, row.operator);
    let it = recorded.ok_or_else(|| Damage::whole(format!("{what} has no entry")))?;
    let says = key::described(&row.operator, row.roles, row.expires_at, &row.hash);
    // It ended when it was revoked, or when its operator was disabled: of two at the same moment, either comes first.
    let disabled = operator.and_then(|operator| operator.disabled.iter().find(|(number, _)| *number > it.added));
    let ends: Vec<i64> = it.ended_at.into_iter().chain(disabled.map(|(_, at)| *at)).collect();
    let ended_at = row.revoked_at.map(|at| at.as_millisecond());
    it.compare(&what, (says, row.created_at.as_millisecond(), ended_at), &ends)
}

/// The first operator that the entries record, and whose row is gone.
async fn missing_operator(conn: &mut Conn, recorded: &BTreeMap<Uuid, Recorded>) -> Result<Damage, Stop> {
    for (id, it) in recorded {
        let before = Uuid::from_u128(id.as_u128().saturating_sub(1));
        if operators::list(conn, Some(before), 1).await?.first().is_none_or(|row| row.id != *id) {
            return Ok(it.damage("the operator that it records was removed".to_owned()));
        }
    }
    Ok(Damage::whole("an operator was removed"))
}
