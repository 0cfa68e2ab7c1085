//! The coverage of a notice, customer by customer, a page at a time: no more than a page of it is in memory.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::stopped::{Stopped, stopped};
use super::{Attestation, Coverage, CoverageError};
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::coverage::{Known, LegalClock, Measure, Verdict};
use crate::domain::delivery::{Level, Reason, State};
use crate::domain::right::Right;
use crate::notices::planned::Promised;
use crate::people::mask::{Mask, mask_words};
use crate::store::notices::{Kept, attestations};
use crate::store::sending::deliveries;
use crate::store::sending::deliveries::Shown;
use crate::store::{Conn, StoreError, escalations};

/// Deliveries, or customers with nobody to address, in a page.
const PAGE: u32 = 1000;

/// How many customers are informed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = coverage::Totals)]
pub struct Totals {
    /// Customers in the audience.
    pub customers: u64,
    /// Of those: informed.
    pub informed: u64,
    /// Of those: not decided yet.
    pub pending: u64,
    /// Of those: not informed, `cannot_be` included.
    pub not_informed: u64,
    /// Of those: with nobody to address.
    pub cannot_be: u64,
    /// Of those: not informed although the deadline has passed, those not decided yet included.
    pub overdue: u64,
    /// Of those that are overdue: not decided yet.
    pub overdue_pending: u64,
    /// Of those that are informed: after the deadline.
    pub late: u64,
    /// The strongest level that any customer reached.
    pub level: Option<Level>,
}

/// One customer's row of a coverage.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = coverage::Row)]
pub struct CoverageRow {
    /// Account id.
    pub account_id: String,
    /// The customer's name at release.
    pub customer_name: String,
    /// Whether it is informed.
    pub verdict: Verdict,
    /// Since when it is informed, if it is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub informed_since: Option<Timestamp>,
    /// It was informed after the deadline.
    pub late: bool,
    /// The strongest level reached.
    pub level: Option<Level>,
    /// Addresses that were addressed.
    pub addresses: u64,
    /// Addresses at which the category's level is reached.
    pub informed_addresses: u64,
    /// The other ways by which the customer was informed.
    pub attested: Vec<Attestation>,
    /// Each delivery.
    pub deliveries: Vec<CoverageDelivery>,
}

/// A delivery in a coverage.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = coverage::Delivery)]
pub struct CoverageDelivery {
    /// Address.
    pub email: String,
    /// State.
    pub state: State,
    /// The state is an operator's finding, and no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if it is rejected and no server refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// When the state changed last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A coverage that is being read.
pub struct Covering {
    context: Context,
    /// The notice.
    pub notice: Kept,
    /// Its legal clock.
    pub clock: LegalClock,
    /// Why its sending has stopped, if an operator has stopped it.
    pub stopped: Option<Stopped>,
    /// What customers were promised in its matter.
    pub promises: Vec<Promised>,
    /// Customers for whom contacts with other roles were addressed, since they were not informed.
    pub escalated: u64,
    /// The reader sees addresses.
    sees: bool,
    /// The reader may read what became of each customer; who may not sees the counts.
    reads: bool,
    measure: Measure,
    pub(super) next: Next,
    /// Deliveries, or customers with nobody to address, that are read at once.
    pub(super) at_once: u32,
    totals: Totals,
}

/// What is read next of a coverage. Its text is the cursor of a page.
pub(super) enum Next {
    /// The deliveries from this ordinal on.
    Addressed(u64),
    /// The customers with nobody to address, after this account id.
    Unaddressed(String),
    /// To the end.
    End,
}

impl Coverage {
    /// Begins to read the coverage of a released notice, named by id or reference. Restricted addresses are masked.
    ///
    /// # Errors
    /// If there is no such notice, it is not released, or the database fails.
    pub async fn coverage(&self, actor: &Actor, notice: &str) -> Result<Covering, CoverageError> {
        let notice = self.notices.named(actor, notice).await?;
        if notice.released_at.is_none() {
            return Err(CoverageError::NotReleased(notice.state));
        }
        let mut conn = self.context.store.read().await?;
        let sees = actor.sees_addresses(notice.category);
        let stopped = stopped(&mut conn, &notice, sees).await?;
        let escalated = escalations::escalated(&mut conn, notice.id).await?;
        let promises = Promised::of_matter(&mut conn, notice.matter_id).await?;
        drop(conn);
        Ok(Covering {
            stopped,
            promises,
            escalated,
            sees,
            reads: actor.may(Right::Read, notice.category).is_ok(),
            context: self.context.clone(),
            clock: self.clock(&notice),
            measure: self.measure(&notice),
            notice,
            next: Next::Addressed(0),
            at_once: PAGE,
            totals: Totals::default(),
        })
    }
}

impl Covering {
    /// Returns the next rows, or `None` at the end. Customers come in the order in which they were addressed, which is that of
    /// account ids for those of the release; then those with nobody to address.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn next(&mut self) -> Result<Option<Vec<CoverageRow>>, CoverageError> {
        let mut conn = self.context.store.snapshot().await?;
        loop {
            let rows = match &self.next {
                Next::Addressed(from) => match self.addressed(&mut conn, *from).await? {
                    Some((rows, next)) => {
                        self.next = Next::Addressed(next);
                        rows
                    }
                    None => {
                        self.next = Next::Unaddressed(String::new());
                        continue;
                    }
                },
                Next::Unaddressed(after) => match self.unaddressed(&mut conn, after).await? {
                    Some((rows, last)) => {
                        self.next = Next::Unaddressed(last);
                        rows
                    }
                    None => {
                        self.next = Next::End;
                        continue;
                    }
                },
                Next::End => return Ok(None),
            };
            rows.iter().for_each(|row| self.count(row));
            return Ok(Some(if self.reads { rows } else { Vec::new() }));
        }
    }

    /// How many of the customers that were read so far are informed.
    #[must_use]
    pub const fn totals(&self) -> Totals {
        self.totals
    }

    /// Customers whose first delivery is the next page's, each with all of its deliveries.
    async fn addressed(&self, conn: &mut Conn, from: u64) -> Result<Option<(Vec<CoverageRow>, u64)>, StoreError> {
        let Some((customers, next)) = deliveries::customers(conn, self.notice.id, from, self.at_once).await? else {
            return Ok(None);
        };
        let accounts: Vec<&str> = customers.iter().map(|(account, _)| account.as_str()).collect();
        let mut shown = deliveries::of_customers(conn, self.notice.id, &accounts).await?;
        let mut attested = self.attested(conn, &accounts).await?;
        let mask = Mask::of(conn, self.sees, shown.values().flatten().map(|it| it.email.as_str())).await?;
        let rows = accounts.iter().filter_map(|account| {
            let deliveries = shown.remove(*account)?;
            let name = deliveries[0].customer_name.clone();
            let attested = attested.remove(*account).unwrap_or_default();
            Some(self.row((*account).to_owned(), name, (&deliveries, &mask), attested))
        });
        Ok(Some((rows.collect(), next)))
    }

    /// The next customers with nobody to address.
    async fn unaddressed(
        &self,
        conn: &mut Conn,
        after: &str,
    ) -> Result<Option<(Vec<CoverageRow>, String)>, StoreError> {
        let customers = deliveries::unaddressed_after(conn, self.notice.id, after, self.at_once).await?;
        let Some((last, _)) = customers.last() else { return Ok(None) };
        let last = last.clone();
        let accounts: Vec<&str> = customers.iter().map(|(account, _)| account.as_str()).collect();
        // Those that were addressed later have had their row.
        let addressed = deliveries::of_customers(conn, self.notice.id, &accounts).await?;
        let mut attested = self.attested(conn, &accounts).await?;
        let rows = customers.iter().filter(|(account, _)| !addressed.contains_key(account)).map(|(account, name)| {
            let attested = attested.remove(account.as_str()).unwrap_or_default();
            self.row(account.clone(), name.clone(), (&[], &Mask::default()), attested)
        });
        Ok(Some((rows.collect(), last)))
    }

    async fn attested(
        &self,
        conn: &mut Conn,
        accounts: &[&str],
    ) -> Result<BTreeMap<String, Vec<Attestation>>, StoreError> {
        let mut attested: BTreeMap<String, Vec<Attestation>> = BTreeMap::new();
        let mut all = attestations::of_customers(conn, self.notice.id, accounts).await?;
        mask_words(conn, self.sees, all.iter_mut().flat_map(Attestation::words)).await?;
        for attestation in all {
            attested.entry(attestation.account_id.clone()).or_default().push(attestation);
        }
        Ok(attested)
    }

    fn row(
        &self,
        account_id: String,
        customer_name: String,
        (deliveries, mask): (&[Shown], &Mask),
        attested: Vec<Attestation>,
    ) -> CoverageRow {
        let known: Vec<Known> = deliveries.iter().map(Shown::known).collect();
        let told = Attestation::told(&attested);
        let informed_since = self.measure.customer_since(&known, &told);
        CoverageRow {
            verdict: self.measure.verdict(&known, &told),
            informed_since,
            late: self.clock.is_late(informed_since),
            level: strongest(&known, &attested),
            addresses: known.len() as u64,
            informed_addresses: known.iter().filter(|known| self.measure.informs(known)).count() as u64,
            account_id,
            customer_name,
            attested,
            deliveries: deliveries
                .iter()
                .map(|it| CoverageDelivery {
                    email: mask.address(&it.email),
                    state: it.state,
                    found_by_operator: it.is_found(),
                    level: it.level,
                    reason: it.reason,
                    at: it.at,
                })
                .collect(),
        }
    }

    fn count(&mut self, row: &CoverageRow) {
        let totals = &mut self.totals;
        totals.customers += 1;
        let is_overdue = self.clock.is_overdue(row.verdict, self.measure.now);
        totals.overdue += u64::from(is_overdue);
        totals.overdue_pending += u64::from(is_overdue && row.verdict == Verdict::Pending);
        totals.late += u64::from(row.late);
        totals.level = totals.level.max(row.level);
        match row.verdict {
            Verdict::Informed => totals.informed += 1,
            Verdict::Pending => totals.pending += 1,
            Verdict::NotInformed | Verdict::NotAddressed | Verdict::NotReleased => totals.not_informed += 1,
            Verdict::CannotBe => {
                totals.not_informed += 1;
                totals.cannot_be += 1;
            }
        }
    }
}

/// The strongest level that a customer's deliveries reached; without one, that of an attestation, which is a person's word.
pub(super) fn strongest(known: &[Known], attested: &[Attestation]) -> Option<Level> {
    let reached = known.iter().filter(|known| known.state.informs()).filter_map(|known| known.level).max();
    reached.max((!Attestation::told(attested).is_empty()).then_some(Level::Attested))
}
