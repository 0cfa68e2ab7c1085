//! One step: some customers of a notice are looked at, and what follows is written in the same transaction.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Escalation, later, watched};
use crate::audience::{self, Pages, Plan, Recipient};
use crate::domain::address::{Address, AddressKey};
use crate::domain::clock::millis;
use crate::domain::coverage::Known;
use crate::domain::customer::AccountId;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::escalation::{Next, State, next};
use crate::domain::notice::State as NoticeState;
use crate::domain::task::TaskKind;
use crate::store::escalations::Case;
use crate::store::notices::{self as kept, Kept, attestations};
use crate::store::proof::tree;
use crate::store::sending::deliveries::{self, Shown};
use crate::store::tasks::NewTask;
use crate::store::{Conn, StoreError, escalations, tasks};

/// How soon a notice past its deadline is looked at as a whole after something happened to one of its customers.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// Which customers to look at.
pub(super) enum Who {
    /// Those that these events are about.
    OfEvents(Vec<i64>),
    /// These, by account id.
    These(Vec<String>),
}

/// What was done, for the log.
#[derive(Default)]
struct Done {
    /// Recipients that were added.
    addressed: u64,
    /// Tasks that were opened.
    opened: u64,
}

/// Customers of a notice as they stand.
struct Found {
    deliveries: BTreeMap<String, Vec<Shown>>,
    /// Cases to be stored.
    cases: Vec<Case>,
    /// Customers who are informed.
    informed: Vec<String>,
    /// Customers of whom the next role has its turn, each with the case so far.
    turning: Vec<Case>,
}

impl Escalation {
    /// Looks at customers of a notice, and does what follows.
    pub(super) async fn look(&self, notice_id: Uuid, who: Who) -> Result<(), StoreError> {
        let mut tx = self.context.store.write().await?;
        // No person is erased and no recipient is added meanwhile.
        tree::lock_head(&mut tx).await?;
        let accounts = match who {
            Who::OfEvents(events) => escalations::take(&mut tx, notice_id, &events).await?,
            Who::These(accounts) => accounts,
        };
        kept::lock(&mut tx, notice_id).await?;
        let done = match watched(&mut tx, notice_id).await? {
            Some(notice) => self.carry_on(&mut tx, &notice, &accounts).await?,
            None => {
                escalations::unwatch(&mut tx, notice_id).await?;
                Done::default()
            }
        };
        tx.commit().await?;
        if done.addressed > 0 {
            let count = done.addressed;
            tracing::info!(notice = %notice_id, count, "not informed: contacts with other roles were addressed");
        }
        if done.opened > 0 {
            let count = done.opened;
            tracing::warn!(
                notice = %notice_id,
                count,
                "customers are not informed and there is nobody else to address: `besked tasks list --open` shows a task for each"
            );
        }
        Ok(())
    }

    async fn carry_on(&self, conn: &mut Conn, notice: &Kept, accounts: &[String]) -> Result<Done, StoreError> {
        let now = self.context.clock.now();
        let mut found = self.find(conn, notice, accounts).await?;
        let informed: Vec<&str> = found.informed.iter().map(String::as_str).collect();
        tasks::close(conn, TaskKind::NotInformed, notice.id, &informed, now).await?;
        let turning = std::mem::take(&mut found.turning);
        let ids: BTreeSet<&str> = turning.iter().map(|case| case.account_id.as_str()).collect();
        let recipients = self.others(conn, notice, ids, &found.deliveries).await?;
        let addressed: BTreeSet<String> = recipients.iter().map(|it| it.account_id.clone()).collect();
        let mut done = Done { addressed: recipients.len() as u64, opened: 0 };
        if !recipients.is_empty() {
            audience::add(conn, &self.context, notice, recipients).await?;
            if notice.state == NoticeState::Closed {
                escalations::reopen(conn, notice.id, now).await?;
            }
        }
        let after = self.after(notice);
        let deadline = self.coverage.clock(notice).deadline;
        for case in turning {
            let again = Some(later(now, after));
            found.cases.push(if addressed.contains(&case.account_id) {
                Case { state: State::Addressing, since: now, due_at: again, turns: case.turns + 1, ..case }
            } else {
                let of_customer = found.deliveries.get(&case.account_id).map_or(&[][..], Vec::as_slice);
                let opened = self.open(conn, (notice, deadline), &case, of_customer).await?;
                done.opened += u64::from(opened);
                // Once more: a delivery that arrived while this was decided knew of no case.
                Case { state: State::Task, due_at: again.filter(|_| opened), ..case }
            });
        }
        escalations::set(conn, notice.id, &found.cases).await?;
        if deadline.is_some_and(|deadline| deadline < now) {
            escalations::bring_forward(conn, notice.id, later(now, SOON)).await?;
        }
        Ok(done)
    }

    /// How long a role has its turn.
    fn after(&self, notice: &Kept) -> SignedDuration {
        let after = self.context.config.escalate_after(notice.category).unwrap_or_default();
        SignedDuration::from_millis(millis(after))
    }

    /// Finds how customers stand.
    async fn find(&self, conn: &mut Conn, notice: &Kept, accounts: &[String]) -> Result<Found, StoreError> {
        let ids: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let deliveries = deliveries::of_customers(conn, notice.id, &ids).await?;
        let attested = attestations::of_customers(conn, notice.id, &ids).await?;
        let mut told: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
        for it in attested.into_iter().filter(|it| it.withdrawn.is_none()) {
            told.entry(it.account_id).or_default().push(it.told_at);
        }
        let mut cases = escalations::of_customers(conn, notice.id, &ids).await?;
        let mut found = Found { deliveries, cases: Vec::new(), informed: Vec::new(), turning: Vec::new() };
        let measure = self.coverage.measure(notice);
        let after = self.context.config.escalate_after(notice.category).unwrap_or_default();
        let released = notice.released_at.unwrap_or(measure.now);
        for account in accounts {
            let case = cases.remove(account);
            let known: Vec<Known> = found.deliveries.get(account).into_iter().flatten().map(Shown::known).collect();
            // A row that was added later has its own time.
            let rows = found.deliveries.get(account).into_iter().flatten().filter(|it| it.row_key.is_some());
            let since = case.as_ref().map_or(released, |case| case.since);
            let since = rows.map(Shown::added_at).chain([since]).max().unwrap_or(since);
            let new = || Case {
                account_id: account.clone(),
                state: State::Addressing,
                since: released,
                due_at: None,
                turns: 0,
            };
            match (next(&measure, &known, told.get(account).map_or(&[], Vec::as_slice), (since, after)), case) {
                (_, Some(case)) if case.state == State::Settled => {
                    found.cases.push(Case { due_at: None, ..case });
                }
                (Next::Informed, case) => {
                    found.informed.push(account.clone());
                    found.cases.extend(case.map(|case| Case { state: State::Informed, due_at: None, ..case }));
                }
                (Next::Wait, case) => found.cases.extend(case.map(|case| Case { due_at: None, ..case })),
                (Next::WaitUntil(due), case) => {
                    let case = case.unwrap_or_else(new);
                    let state = if case.state == State::Task { State::Task } else { State::Addressing };
                    found.cases.push(Case { state, due_at: Some(due), ..case });
                }
                (Next::Turn, case) => found.turning.push(case.unwrap_or_else(new)),
            }
        }
        Ok(found)
    }

    /// The contacts of customers with the next role of each that has any without a delivery of the notice.
    async fn others(
        &self,
        conn: &mut Conn,
        notice: &Kept,
        mut accounts: BTreeSet<&str>,
        deliveries: &BTreeMap<String, Vec<Shown>>,
    ) -> Result<Vec<Recipient>, StoreError> {
        let mut recipients = Vec::new();
        let roles = self.context.config.escalate_to(notice.category);
        if roles.is_empty() || accounts.is_empty() {
            return Ok(recipients);
        }
        let Ok(parsed) = notice.parsed() else {
            tracing::error!(notice = %notice.id, "this version cannot read the notice: nobody else is addressed with it");
            return Ok(recipients);
        };
        recipients.extend(self.others_of_rows(conn, (notice, &parsed), &accounts, deliveries).await?);
        // Rows were added to a standing notice: what is left are the customers of its release.
        accounts.retain(|account| deliveries.get(*account).is_none_or(|all| all.iter().any(|it| it.row_key.is_none())));
        let has = addressed(deliveries);
        for role in roles {
            let ids: Vec<AccountId> = accounts.iter().filter_map(|id| AccountId::parse(id).ok()).collect();
            if ids.is_empty() {
                break;
            }
            let plan = Plan::for_roles(conn, &self.context.config, (notice, &parsed), &ids, &[role]).await?;
            let mut pages = Pages::new(&plan, notice.continued());
            while let Some(page) = pages.next(conn).await? {
                let is_new = |it: &Recipient| !has.contains(&(it.account_id.clone(), it.email.key()));
                for recipient in page.recipients.into_iter().filter(is_new) {
                    accounts.remove(recipient.account_id.as_str());
                    recipients.push(recipient);
                }
            }
        }
        Ok(recipients)
    }

    /// Opens the task about a customer. Returns false if it is open already.
    async fn open(
        &self,
        conn: &mut Conn,
        (notice, deadline): (&Kept, Option<Timestamp>),
        case: &Case,
        deliveries: &[Shown],
    ) -> Result<bool, StoreError> {
        let at = self.context.clock.now();
        let task = NewTask {
            id: self.context.random.id(at),
            kind: TaskKind::NotInformed,
            notice_id: Some(notice.id),
            account_id: Some(&case.account_id),
            delivery_id: None,
            inbound_id: None,
            reason: reason(deliveries),
            at,
            deadline,
        };
        tasks::open(conn, &task).await
    }
}

/// Why a person must inform a customer; names no address.
fn reason(deliveries: &[Shown]) -> &'static str {
    if deliveries.is_empty() {
        "the customer has no contact that the notice or its escalation addresses: inform it by another way, and attest that"
    } else if deliveries.iter().any(|it| it.state.is_pending() || it.state.informs()) {
        "the customer was not informed in time and there is nobody else to address: inform it by another way, and attest that"
    } else {
        "every delivery to the customer failed and there is nobody else to address: inform it by another way, and attest that"
    }
}

/// The addresses of customers with a delivery that was not cancelled, by account id.
fn addressed(deliveries: &BTreeMap<String, Vec<Shown>>) -> BTreeSet<(String, AddressKey)> {
    let sent = deliveries.values().flatten().filter(|it| it.state != DeliveryState::Cancelled);
    sent.filter_map(|it| Some((it.account_id.clone(), Address::parse(&it.email).ok()?.key()))).collect()
}
