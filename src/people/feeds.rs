//! Feeds: a customer's maintenance as a calendar to subscribe to. Its address is a secret that names no person; it works until it is
//! revoked.
//!
//! Whoever has the address sees what the customer was told of its maintenance, and nothing of its contacts.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Serialize;

use crate::context::Context;
use crate::domain::actor::{Action, Actor};
use crate::domain::category::Role;
use crate::domain::customer::AccountId;
use crate::domain::right::Right;
use crate::ledger::operated::{Operation, record};
use crate::mail::compose::calendar::{END, feed_head};
use crate::mail::compose::course::Course;
use crate::mail::compose::render::{Skeleton, Values, View};
use crate::mail::locale::Language;
use crate::mail::token::TokenKey;
use crate::people::customers::CustomerError;
use crate::store::StoreError;
use crate::store::notices::{self, Kept};
use crate::store::people::feeds::Last;
use crate::store::people::{customers, feeds};

/// How long an entry stays after the end of its window.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Entries at most: those that end last.
const ENTRIES: usize = 300;

/// What a calendar without entries has.
const UTC: [&str; 8] = [
    "BEGIN:VTIMEZONE",
    "TZID:UTC",
    "BEGIN:STANDARD",
    "DTSTART:19700101T000000",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0000",
    "END:STANDARD",
    "END:VTIMEZONE",
];

/// The address of a customer's calendar.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = customer::Calendar)]
pub struct Given {
    /// Account id.
    pub account_id: String,
    /// The address, which is a secret.
    pub url: String,
    /// False if the customer had it before.
    pub made: bool,
}

/// A customer whose calendar has no address any more.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = customer::CalendarRevoked)]
pub struct Revoked {
    /// Account id.
    pub account_id: String,
    /// False if it had none before.
    pub revoked: bool,
}

/// The service for feeds. Cheap to clone.
#[derive(Clone)]
pub struct Feeds {
    context: Context,
    key: TokenKey,
}

impl Feeds {
    /// The service over a database, with the key of its addresses.
    #[must_use]
    pub const fn new(context: Context, key: TokenKey) -> Self {
        Self { context, key }
    }

    /// Returns the address of a customer's calendar, which is made unless it has one.
    ///
    /// # Errors
    /// If the actor may not, there is no such customer, or the database fails.
    pub async fn give(&self, actor: &Actor, account_id: &str) -> Result<Given, CustomerError> {
        actor.may_at_all(Right::Calendars)?;
        let Context { store, clock, random, config } = &self.context;
        let (now, new) = (clock.now(), uuid::Builder::from_random_bytes(random.bytes()).into_uuid());
        let mut tx = store.write().await?;
        let account = known(&mut tx, account_id).await?;
        let (id, made) = feeds::make(&mut tx, &account, new, now).await?;
        if made {
            let operation = Operation::new(Action::AddCalendar).account(&account);
            record(&mut tx, actor, &operation, now, random).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        let url = format!("{}/c/{}.ics", config.organisation.public_url, self.key.calendar(id));
        Ok(Given { account_id: account, url, made })
    }

    /// Ends the address of a customer's calendar. The next one is another.
    ///
    /// # Errors
    /// If the actor may not, there is no such customer, or the database fails.
    pub async fn revoke(&self, actor: &Actor, account_id: &str) -> Result<Revoked, CustomerError> {
        actor.may_at_all(Right::Calendars)?;
        let Context { store, clock, random, .. } = &self.context;
        let mut tx = store.write().await?;
        let account = known(&mut tx, account_id).await?;
        let revoked = feeds::remove(&mut tx, &account).await?.is_some();
        if revoked {
            let operation = Operation::new(Action::RevokeCalendar).account(&account);
            record(&mut tx, actor, &operation, clock.now(), random).await?;
            tx.commit().await.map_err(StoreError::from)?;
        }
        Ok(Revoked { account_id: account, revoked })
    }

    /// The calendar at an address; `None` if the address was made up or revoked. It is the same bytes until something changes.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn calendar(&self, token: &str) -> Result<Option<String>, StoreError> {
        let Some(id) = self.key.read_calendar(token) else { return Ok(None) };
        let (config, now) = (&self.context.config, self.context.clock.now());
        let mut conn = self.context.store.snapshot().await?;
        let Some(account) = feeds::customer(&mut conn, id).await? else { return Ok(None) };
        let found = feeds::maintenance(&mut conn, &account, now - KEPT, ENTRIES).await?;
        drop(conn);
        let mut entries = Vec::new();
        for last in &found {
            // One at a time: each has its whole text.
            let kept = notices::find(&mut *self.context.store.read().await?, last.notice_id).await?;
            entries.extend(kept.and_then(|kept| self.entry(&account, last, &kept)));
        }
        let language = Language::of(&config.organisation.default_locale);
        let name = language.with("calendar-name", &[("organisation", &config.organisation.name)]);
        // A calendar has a component at least (RFC 5545, section 3.6).
        let none = if entries.is_empty() { UTC.map(str::to_owned).to_vec() } else { Vec::new() };
        let lines = feed_head(&name).into_iter().chain(none).chain(entries.into_iter().flatten());
        let text: String = lines.chain([END.to_owned()]).map(|line| line + "\n").collect();
        Ok(Some(text.replace('\n', "\r\n")))
    }

    /// The lines of an entry; `None` if this version cannot read the notice.
    fn entry(&self, account: &str, last: &Last, kept: &Kept) -> Option<Vec<String>> {
        let Ok(notice) = kept.parsed() else {
            tracing::error!(notice = %kept.id, "this version cannot read the notice: it is left out of calendars");
            return None;
        };
        let course = Course {
            matter_id: last.matter_id,
            sequence: last.sequence.saturating_sub(1),
            at: kept.released_at.unwrap_or(kept.created_at),
            before: None,
            reference: last.reference.as_deref(),
            reminds: false,
        };
        let view = View { locale: last.locale.clone(), zone: last.zone.clone(), role: Role::Service };
        let uid = self.key.calendar_entry(last.matter_id, account);
        let skeleton = Skeleton::of_entry(&self.context.config, &notice, &view, course);
        Some(skeleton.entry(&values(account, &last.merged), uid))
    }
}

/// The values of a customer without those of a person.
fn values<'a>(account_id: &'a str, merged: &'a BTreeMap<String, String>) -> Values<'a> {
    Values {
        contact_name: "",
        email: "",
        customer_name: account_id,
        account_id,
        unsubscribe_url: "",
        calendar: "",
        merged,
    }
}

async fn known(conn: &mut crate::store::Conn, account_id: &str) -> Result<String, CustomerError> {
    let unknown = || CustomerError::Unknown(account_id.to_owned());
    let account = AccountId::parse(account_id).map_err(|_| unknown())?;
    customers::find(conn, account.as_str()).await?.ok_or_else(unknown)?;
    Ok(account.as_str().to_owned())
}
