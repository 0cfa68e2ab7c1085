//! The rows of all calls that add to one notice in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::SignedDuration;
use uuid::Uuid;

use super::row::Checked;
use super::{Added, AddedDelivery, Request, shut, stored};
use crate::audience::{self, Plan, Resolved, RowOf};
use crate::domain::actor::Action;
use crate::domain::category::Class;
use crate::domain::clock::millis;
use crate::domain::delivery::Level;
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;
use crate::domain::right::Right;
use crate::ledger::operated::{self, Operation};
use crate::notices::{NoticeError, Notices, allowed};
use crate::people::mask::Mask;
use crate::store::notices::rows;
use crate::store::notices::{self as kept, Kept};
use crate::store::sending::deliveries;
use crate::store::{Conn, StoreError, escalations};

/// What a row of a call is.
enum Fate {
    /// It is added.
    New,
    /// The notice had it before, or an earlier row of the same transaction is the same.
    Repeated,
    /// It is refused, and the problem is noted.
    Refused,
}

impl Notices {
    /// Adds the rows of some calls to a notice, and returns the answer to each.
    pub(super) async fn add_all(
        &self,
        conn: &mut Conn,
        id: Uuid,
        calls: &[&Request],
    ) -> Result<Vec<Result<Added, NoticeError>>, NoticeError> {
        kept::lock(conn, id).await?;
        let Some(notice) = kept::find(conn, id).await? else {
            return Ok(calls.iter().map(|_| Err(NoticeError::Unknown(id.to_string()))).collect());
        };
        let rights: Vec<_> = calls.iter().map(|call| allowed(&call.actor, Right::Release, &notice)).collect();
        let permitted = calls.iter().zip(&rights).filter(|(_, right)| right.is_ok()).map(|(call, _)| *call);
        let permitted: Vec<_> = permitted.collect();
        let added =
            if permitted.is_empty() { Vec::new() } else { self.add_permitted(conn, &notice, &permitted).await? };
        let mut added = added.into_iter();
        Ok(rights.into_iter().map(|right| right.and_then(|()| added.next().expect("one for each permitted"))).collect())
    }

    /// Adds the rows of calls whose actors may do so.
    async fn add_permitted(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        calls: &[&Request],
    ) -> Result<Vec<Result<Added, NoticeError>>, NoticeError> {
        if shut(notice).is_some() {
            return Ok(calls.iter().map(|_| Err(shut(notice).expect("it was just seen to be"))).collect());
        }
        let parsed = self.parsed(notice)?;
        let plan = Plan::for_added(&self.context.config, &parsed);
        let mut batch = Batch::sort(conn, notice, calls).await?;
        let resolved = audience::resolve(conn, &plan, &batch.new, notice.continued()).await?;
        if let Err(error) = plan.refuse_example(&resolved) {
            // Nothing is written: each caller is refused alike.
            let mut first = Some(error);
            let again = || plan.refuse_example(&resolved).err();
            return Ok(calls.iter().map(|_| Err(first.take().or_else(again).expect("it is refused").into())).collect());
        }
        batch.refuse(&resolved, notice);
        let taken = batch.taken(resolved);
        self.write(conn, notice, &taken).await?;
        let added = batch.fates.iter().map(|fates| fates.iter().filter(|fate| matches!(fate, Fate::New)).count());
        let added: Vec<_> = calls.iter().zip(added).filter(|(_, rows)| *rows > 0).collect();
        let reasons: Vec<_> = added.iter().map(|(_, rows)| format!("{rows} rows")).collect();
        let operation = Operation::on_notice(Action::AddRecipients, notice);
        let operations = added.iter().zip(&reasons);
        let operations: Vec<_> =
            operations.map(|((call, _), reason)| (&call.actor, operation.clone().reason(reason))).collect();
        operated::record_all(conn, &operations, self.context.clock.now(), &self.context.random).await?;
        batch.answers(conn, notice, calls).await
    }

    /// Writes the new rows and their deliveries.
    async fn write(&self, conn: &mut Conn, notice: &Kept, taken: &[(RowOf, Resolved)]) -> Result<(), NoticeError> {
        if taken.is_empty() {
            return Ok(());
        }
        let stored: Vec<rows::Added> = taken
            .iter()
            .map(|(row, _)| rows::Added {
                key: row.key.clone(),
                account_id: row.account_id.as_str().to_owned(),
                data: data(row),
            })
            .collect();
        rows::add(conn, notice.id, &stored).await?;
        let recipients = taken.iter().flat_map(|(_, resolved)| resolved.recipients.iter().cloned());
        audience::add(conn, &self.context, notice, recipients).await?;
        if notice.category.class() == Class::Mandatory {
            self.watch(conn, notice, taken).await?;
        }
        Ok(())
    }

    /// What was found out about these customers was about other rows.
    async fn watch(&self, conn: &mut Conn, notice: &Kept, taken: &[(RowOf, Resolved)]) -> Result<(), StoreError> {
        let accounts: BTreeSet<&str> = taken.iter().map(|(row, _)| row.account_id.as_str()).collect();
        escalations::begin_again(conn, notice.id, &accounts.into_iter().collect::<Vec<_>>()).await?;
        if notice.terms.is_some_and(|terms| terms.informed_at != Level::Relayed) {
            let wait = SignedDuration::from_millis(millis(self.context.config.report_wait(notice.category)));
            if let Ok(until) = self.context.clock.now().checked_add(wait) {
                escalations::bring_forward(conn, notice.id, until).await?;
            }
        }
        Ok(())
    }

    /// What the notice says; that of the one that was read last is remembered.
    fn parsed(&self, notice: &Kept) -> Result<Arc<Notice>, NoticeError> {
        let mut parsed = self.adding.parsed.lock().expect("nobody panics while holding it");
        if let Some((digest, known)) = parsed.as_ref()
            && *digest == notice.digest
        {
            return Ok(known.clone());
        }
        let read = Arc::new(notice.parsed()?);
        *parsed = Some((notice.digest, read.clone()));
        Ok(read)
    }
}

/// The values of a row as they are stored.
fn data(row: &RowOf) -> String {
    serde_json::to_string(&row.values).expect("a map of texts serialises")
}

/// The rows of all calls.
struct Batch {
    /// What is new, each once.
    new: Vec<RowOf>,
    /// What each row of each call is.
    fates: Vec<Vec<Fate>>,
    /// The problems of each call.
    problems: Vec<Problems>,
    /// The places of new rows: call and row.
    places: Vec<(usize, usize)>,
    /// The rows of each call.
    rows: Vec<Vec<Checked>>,
}

impl Batch {
    /// Tells rows that are new from those that the notice has, and refuses a key that is another row's.
    async fn sort(conn: &mut Conn, notice: &Kept, calls: &[&Request]) -> Result<Self, StoreError> {
        let rows: Vec<Vec<Checked>> = calls.iter().map(|call| call.rows.clone()).collect();
        let keys: BTreeSet<&str> = rows.iter().flatten().map(|it| it.row.key.as_str()).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let known = if keys.is_empty() { Vec::new() } else { stored(conn, notice.id, &keys).await? };
        let mut known: BTreeMap<String, RowOf> = known.into_iter().map(|row| (row.key.clone(), row)).collect();
        let problems = calls.iter().map(|call| call.problems.clone()).collect();
        let mut batch = Self { new: Vec::new(), fates: Vec::new(), problems, places: Vec::new(), rows };
        for (call, rows) in batch.rows.iter().enumerate() {
            let mut fates = Vec::with_capacity(rows.len());
            for (n, Checked { at, row }) in rows.iter().enumerate() {
                let fate = match known.get(&row.key) {
                    None => {
                        known.insert(row.key.clone(), row.clone());
                        batch.new.push(row.clone());
                        batch.places.push((call, n));
                        Fate::New
                    }
                    Some(same) if same.account_id == row.account_id && same.values == row.values => Fate::Repeated,
                    Some(_) => {
                        let problem = "another row with this key was added before: a key is for one row";
                        batch.problems[call].0.push(at.problem("key", problem));
                        Fate::Refused
                    }
                };
                fates.push(fate);
            }
            batch.fates.push(fates);
        }
        Ok(batch)
    }

    /// Refuses new rows that cannot be addressed, and others of the same transaction that repeat them.
    fn refuse(&mut self, resolved: &[Resolved], notice: &Kept) {
        let mut refused: BTreeMap<String, (&'static str, String)> = BTreeMap::new();
        for (row, resolved) in self.new.iter().zip(resolved) {
            if let Some(problem) = unfit(row, resolved, notice) {
                refused.insert(row.key.clone(), problem);
            }
        }
        for (call, rows) in self.rows.iter().enumerate() {
            for (n, Checked { at, row }) in rows.iter().enumerate() {
                let fate = &mut self.fates[call][n];
                if let (Some((field, problem)), false) = (refused.get(&row.key), matches!(fate, Fate::Refused)) {
                    self.problems[call].0.push(at.problem(field, problem));
                    *fate = Fate::Refused;
                }
            }
        }
    }

    /// The new rows that are added, with whom they address.
    fn taken(&self, resolved: Vec<Resolved>) -> Vec<(RowOf, Resolved)> {
        let is_taken = |n: &usize| {
            let (call, row) = self.places[*n];
            matches!(self.fates[call][row], Fate::New)
        };
        let all = self.new.iter().cloned().zip(resolved).enumerate();
        all.filter(|(n, _)| is_taken(n)).map(|(_, taken)| taken).collect()
    }

    /// The answer to each call, from what is stored now.
    async fn answers(
        self,
        conn: &mut Conn,
        notice: &Kept,
        calls: &[&Request],
    ) -> Result<Vec<Result<Added, NoticeError>>, NoticeError> {
        let good: BTreeSet<&str> = self.good().map(|row| row.account_id.as_str()).collect();
        let good: Vec<&str> = good.into_iter().collect();
        let keys: BTreeSet<&str> = self.good().map(|row| row.key.as_str()).collect();
        let keys: Vec<&str> = keys.into_iter().collect();
        let of_keys =
            if keys.is_empty() { BTreeMap::new() } else { deliveries::of_rows(conn, notice.id, &good, &keys).await? };
        let mask = Mask::of(conn, true, of_keys.values().flatten().map(|it| it.email.as_str())).await?;
        let blind = Mask::of(conn, false, []).await?;
        let mut answers = Vec::with_capacity(calls.len());
        for (((rows, fates), problems), call) in self.rows.iter().zip(&self.fates).zip(&self.problems).zip(calls) {
            let sees = call.actor.may(Right::SeeAddresses, notice.category).is_ok();
            let mask = if sees { &mask } else { &blind };
            let mut added = Added { problems: problems.clone().sorted(), ..Added::default() };
            for (Checked { row, .. }, fate) in rows.iter().zip(fates) {
                if matches!(fate, Fate::Refused) {
                    continue;
                }
                added.accepted += 1;
                added.repeated += u64::from(matches!(fate, Fate::Repeated));
                let of_key = of_keys.get(&row.key).into_iter().flatten();
                added.deliveries.extend(of_key.map(|it| AddedDelivery {
                    id: it.id.clone(),
                    account_id: it.account_id.clone(),
                    email: mask.address(&it.email),
                    key: row.key.clone(),
                }));
            }
            answers.push(Ok(added));
        }
        Ok(answers)
    }

    /// The rows that are not refused.
    fn good(&self) -> impl Iterator<Item = &RowOf> {
        let all = self.rows.iter().flatten().zip(self.fates.iter().flatten());
        all.filter(|(_, fate)| !matches!(fate, Fate::Refused)).map(|(checked, _)| &checked.row)
    }
}

/// Why a row cannot be added, with the field; `None` if it can.
fn unfit(row: &RowOf, resolved: &Resolved, notice: &Kept) -> Option<(&'static str, String)> {
    if !resolved.is_known {
        let why = if notice.category.class() == Class::Optional { ", or it has left" } else { "" };
        return Some(("account_id", format!("there is no customer `{}`{why}", row.account_id.as_str())));
    }
    if resolved.recipients.is_empty() {
        let roles = "no contact with a role that this category addresses";
        return Some(("account_id", format!("`{}` has {roles}", row.account_id.as_str())));
    }
    let missing: BTreeSet<String> =
        resolved.missing.iter().map(|(role, placeholder)| format!("{placeholder} ({role})")).collect();
    if missing.is_empty() {
        return None;
    }
    let missing: Vec<String> = missing.into_iter().collect();
    Some(("", format!("lacks a value that the notice needs: {}", missing.join(", "))))
}
