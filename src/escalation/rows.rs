//! Rows of a standing notice that have not informed their customer: each is addressed to the next role for itself.

use std::collections::{BTreeMap, BTreeSet};

use super::Escalation;
use crate::audience::{self, Plan, Recipient};
use crate::domain::address::{Address, AddressKey};
use crate::domain::coverage::Known;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::escalation::is_failing;
use crate::domain::notice::Notice;
use crate::notices::recipients::stored;
use crate::store::notices::Kept;
use crate::store::sending::deliveries::Shown;
use crate::store::{Conn, StoreError};

impl Escalation {
    /// The contacts with the next role that has any without a delivery, for each row of some customers that has not informed them.
    pub(super) async fn others_of_rows(
        &self,
        conn: &mut Conn,
        (notice, parsed): (&Kept, &Notice),
        accounts: &BTreeSet<&str>,
        deliveries: &BTreeMap<String, Vec<Shown>>,
    ) -> Result<Vec<Recipient>, StoreError> {
        let of_accounts: Vec<&Shown> = accounts.iter().filter_map(|it| deliveries.get(*it)).flatten().collect();
        let mut waiting = self.failing(notice, &of_accounts);
        let mut recipients = Vec::new();
        if waiting.is_empty() {
            return Ok(recipients);
        }
        let has = addressed(&of_accounts);
        for role in self.context.config.escalate_to(notice.category) {
            let keys: Vec<&str> = waiting.iter().map(String::as_str).collect();
            let rows = stored(conn, notice.id, &keys).await?;
            let plan = Plan::for_added(&self.context.config, parsed).to_roles(&[role]);
            for resolved in audience::resolve(conn, &plan, &rows, notice.continued()).await? {
                for recipient in resolved.recipients {
                    let key = recipient.row_key.clone().unwrap_or_default();
                    if !has.contains(&(key.clone(), recipient.email.key())) {
                        waiting.remove(&key);
                        recipients.push(recipient);
                    }
                }
            }
        }
        Ok(recipients)
    }

    /// The keys of the rows that have failed.
    fn failing(&self, notice: &Kept, deliveries: &[&Shown]) -> BTreeSet<String> {
        let measure = self.coverage.measure(notice);
        let mut rows: BTreeMap<&str, Vec<Known>> = BTreeMap::new();
        for shown in deliveries {
            if let Some(key) = shown.row_key.as_deref() {
                rows.entry(key).or_default().push(shown.known());
            }
        }
        let failing = rows.into_iter().filter(|(_, known)| is_failing(&measure, known));
        failing.map(|(key, _)| key.to_owned()).collect()
    }
}

/// The addresses with a delivery of each row that was not cancelled.
fn addressed(deliveries: &[&Shown]) -> BTreeSet<(String, AddressKey)> {
    let sent = deliveries.iter().filter(|it| it.state != DeliveryState::Cancelled);
    sent.filter_map(|it| Some((it.row_key.clone()?, Address::parse(&it.email).ok()?.key()))).collect()
}
