//! Preferences: a person's opt-outs, each change of which is recorded in the ledger.

use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::clock::Clock;
use crate::domain::entry::{Detail, Entry, Event, Fact, Person};
use crate::domain::locale::Locale;
use crate::domain::random::Random;
use crate::mail::token::TokenKey;
use crate::store::ledger::{self, Opening};
use crate::store::preferences::{opt_in, opt_out};
use crate::store::{Store, StoreError, deliveries, notices};

/// Whom a link's token names: an address, and the category of the notice that the link stood in.
#[derive(Clone, Debug)]
pub struct Addressee {
    /// The address.
    pub address: Address,
    /// The category.
    pub category: Category,
    /// The person's language, where known.
    pub locale: Option<Locale>,
}

/// Whom a link's token names; `None` for a token that was made up, or whose delivery is gone.
///
/// # Errors
/// Where the database fails.
pub async fn addressee(store: &Store, key: &TokenKey, token: &str) -> Result<Option<Addressee>, StoreError> {
    let Some(id) = key.read_link(token) else { return Ok(None) };
    let mut conn = store.read().await?;
    let Some(delivery) = deliveries::find(&mut conn, id).await? else { return Ok(None) };
    let Some(notice) = notices::find(&mut conn, delivery.notice_id).await? else { return Ok(None) };
    let to = deliveries::to_send(&mut conn, notice.category.as_str(), &[id.to_string()]).await?.pop();
    Ok(to.map(|to| Addressee { address: to.email, category: notice.category, locale: to.locale }))
}

/// Sets or withdraws opt-outs of an address, all in one transaction. `source` says how the wish came.
///
/// # Errors
/// Where the database fails.
pub async fn set(
    store: &Store,
    clock: &Clock,
    random: &Random,
    address: &Address,
    wishes: &[(Category, bool)],
    source: &str,
) -> Result<(), StoreError> {
    let at = clock.now();
    let mut tx = store.write().await?;
    for (category, opted_out) in wishes {
        let changed = if *opted_out {
            opt_out(&mut tx, address, *category, at, source).await?
        } else {
            opt_in(&mut tx, &address.key(), *category).await?
        };
        if !changed {
            continue;
        }
        let detail = Detail::Preference { category: *category, opted_out: *opted_out };
        let fact = Fact { detail, ..Fact::new(Event::PreferenceChanged, at) };
        let person = Person { address: address.as_str().to_owned(), role: source.to_owned(), ..Person::default() };
        let entry = Entry::new(&fact, Some(&person), random);
        ledger::append(&mut tx, &[Opening::of_address(&entry, address.key(), at)]).await?;
    }
    tx.commit().await?;
    Ok(())
}
