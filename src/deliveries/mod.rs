//! Deliveries: lists of them, one with its attempts and its exact bytes, what came back about it, and sending again.

mod doubts;
mod error;
pub(crate) mod findings;
mod resend;
mod restored;
mod uncertain;

use serde::Serialize;
use uuid::Uuid;

pub use crate::store::inbound::forwards::Forward;
pub use crate::store::inbound::reports::Report;
pub use crate::store::sending::settle::Tried;
pub use crate::store::sending::uncertain::Doubt;
pub use doubts::Settled;
pub use error::DeliveryError;
pub use findings::{Finding, Recorded};
pub use resend::{Resent, Skipped};
pub use restored::{Resumed, Waiting};

use jiff::Timestamp;

use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::{Address, AddressKey};
use crate::domain::category::{Category, Role};
use crate::domain::delivery::{Level, Reason, State};
use crate::domain::digest;
use crate::domain::page::{Page, PageRequest};
use crate::domain::right::Right;
use crate::notices::Notices;
use crate::people::mask::{Mask, mask_words};
use crate::people::reads::note_read;
use crate::people::subjects::Subjects;
use crate::store::Conn;
use crate::store::inbound::forwards;
use crate::store::inbound::reports;
use crate::store::notices::{self, Kept};
use crate::store::sending::deliveries::{self, Shown, To};
use crate::store::sending::{messages, settle};

/// The service for single deliveries.
#[derive(Clone)]
pub struct Deliveries {
    context: Context,
    notices: Notices,
    subjects: Subjects,
}

/// A delivery as it is listed, with the number of its attempts, or shown, with all of them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Delivery<A> {
    /// Id.
    pub id: Uuid,
    /// Its notice.
    pub notice: Uuid,
    /// Place in the manifest.
    pub ordinal: u64,
    /// Account id.
    pub account_id: String,
    /// Address.
    pub email: String,
    /// Role that was addressed.
    pub role: Role,
    /// State.
    pub state: State,
    /// The state is an operator's finding, and no server's answer.
    pub found_by_operator: bool,
    /// How strong the evidence is.
    pub level: Option<Level>,
    /// Why it was not sent, if it is rejected and no server refused it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Its attempts.
    pub attempts: A,
    /// The server's last reply, or what an operator found.
    pub reply: Option<String>,
    /// When the state changed last.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// What came back about it. Only of a delivery that is shown by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reports: Vec<Report>,
    /// What persons replied, and whether it was forwarded; only of a delivery that is shown by itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub replies: Vec<Forward>,
}

impl<A> Delivery<A> {
    fn new(shown: Shown, attempts: A) -> Self {
        Self {
            id: shown.id,
            notice: shown.notice_id,
            ordinal: shown.ordinal,
            account_id: shown.account_id,
            found_by_operator: shown.level == Some(Level::OperatorFound),
            email: shown.email,
            role: shown.role,
            state: shown.state,
            level: shown.level,
            reason: shown.reason,
            attempts,
            reply: shown.reply,
            at: shown.at,
            reports: Vec::new(),
            replies: Vec::new(),
        }
    }
}

/// The message of a delivery, exactly as it was sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// The delivery.
    pub id: Uuid,
    /// SHA-256 of the bytes, as the ledger has it.
    pub sha256: [u8; 32],
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Which deliveries are wanted: those that fit all of it. At least a notice, a customer or an address is named.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wanted<'a> {
    /// Those of this notice: its id or reference.
    pub notice: Option<&'a str>,
    /// Those to this customer.
    pub account: Option<&'a str>,
    /// Those to this address, in any spelling.
    pub email: Option<&'a Address>,
    /// Those in this state.
    pub state: Option<State>,
}

/// Deliveries with the addresses masked that the reader may not see.
async fn masked(conn: &mut Conn, page: Page<Shown>, sees: bool) -> Result<Page<Delivery<u64>>, DeliveryError> {
    let mask = Mask::of(conn, sees, page.items.iter().map(|it| it.email.as_str())).await?;
    Ok(page.map(|mut shown| {
        shown.reply = shown.reply.map(|reply| mask.text(&shown.email, &reply));
        shown.email = mask.address(&shown.email);
        let attempts = shown.attempts;
        Delivery::new(shown, attempts)
    }))
}

impl Deliveries {
    /// The service over these parts.
    #[must_use]
    pub const fn new(context: Context, notices: Notices, subjects: Subjects) -> Self {
        Self { context, notices, subjects }
    }

    /// Returns a page of deliveries: those of a notice in manifest order, else those to a customer or an address, the newest first.
    /// Restricted addresses are masked.
    ///
    /// # Errors
    /// If nothing is named whose deliveries are wanted, there is no such notice, the cursor is not one of this list, or the database
    /// fails.
    pub async fn list(
        &self,
        actor: &Actor,
        wanted: &Wanted<'_>,
        request: &PageRequest,
    ) -> Result<Page<Delivery<u64>>, DeliveryError> {
        if wanted.email.is_some() {
            actor.may_at_all(Right::SeeOneCustomer)?;
        }
        actor.may_at_all(Right::Read)?;
        let notice = match wanted.notice {
            Some(name) => Some(self.notices.named(actor, name).await?),
            None => None,
        };
        let key = wanted.email.map(Address::key);
        let to = match (wanted.account, &key) {
            (Some(account), key) => Some(To::Customer(account, key.as_ref())),
            (None, Some(key)) => Some(To::Address(key)),
            (None, None) => None,
        };
        match (to, notice) {
            (Some(to), notice) => self.list_to(actor, to, notice.map(|it| it.id), wanted.state, request).await,
            (None, Some(notice)) => self.list_of(actor, &notice, wanted.state, request).await,
            (None, None) => Err(DeliveryError::Whose),
        }
    }

    async fn list_of(
        &self,
        actor: &Actor,
        notice: &Kept,
        state: Option<State>,
        request: &PageRequest,
    ) -> Result<Page<Delivery<u64>>, DeliveryError> {
        let from = request.key::<u64>()?.map_or(0, |last| last.saturating_add(1));
        let mut conn = self.context.store.snapshot().await?;
        let limit = request.to_read();
        let shown = match state {
            // A release that did not finish may have left a part of its deliveries, which nobody was promised.
            _ if notice.released_at.is_none() => Vec::new(),
            Some(state) => deliveries::in_state(&mut conn, notice.id, state, from, limit).await?,
            None => deliveries::of_notice(&mut conn, notice.id, from, limit).await?,
        };
        let sees = actor.sees_addresses(notice.category);
        let page = Page::of(shown, request, |delivery| delivery.ordinal.to_string());
        masked(&mut conn, page, sees).await
    }

    async fn list_to(
        &self,
        actor: &Actor,
        to: To<'_>,
        notice_id: Option<Uuid>,
        state: Option<State>,
        request: &PageRequest,
    ) -> Result<Page<Delivery<u64>>, DeliveryError> {
        let before = request.key::<Uuid>()?;
        let mut conn = self.context.store.snapshot().await?;
        let shown = deliveries::to(&mut conn, to, (notice_id, state), before, request.to_read()).await?;
        let page = Page::of(shown, request, |delivery| delivery.id.to_string());
        masked(&mut conn, page, actor.has(Right::SeeOneCustomer)).await
    }

    /// Returns a delivery with its attempts. The read of a restricted person's record is noted.
    ///
    /// # Errors
    /// If there is no such delivery, or the database fails.
    pub async fn show(&self, actor: &Actor, id: Uuid) -> Result<Delivery<Vec<Tried>>, DeliveryError> {
        let (mut shown, category) = self.read(actor, id).await?;
        let mut conn = self.context.store.read().await?;
        let mut attempts = settle::attempts(&mut conn, id).await?;
        let mut reports = reports::of_delivery(&mut conn, id).await?;
        let sees = actor.sees_addresses_of_one(category);
        mask_words(&mut conn, sees, reports.iter_mut().flat_map(Report::words)).await?;
        if !sees {
            let mask = Mask::of(&mut conn, false, []).await?;
            shown.reply = shown.reply.map(|reply| mask.text(&shown.email, &reply));
            shown.email = mask.address(&shown.email);
            for tried in &mut attempts {
                tried.reply = mask.text("", &tried.reply);
            }
        }
        let replies = forwards::of_delivery(&mut conn, id).await?;
        Ok(Delivery { reports, replies, ..Delivery::new(shown, attempts) })
    }

    /// Returns the message of a delivery. The read of a restricted person's record is noted.
    ///
    /// # Errors
    /// If there is no such delivery, nothing was sent for it, or the database fails.
    pub async fn message(&self, actor: &Actor, id: Uuid) -> Result<Message, DeliveryError> {
        let (_, category) = self.read(actor, id).await?;
        if !actor.sees_addresses_of_one(category) {
            actor.may(Right::SeeAddresses, category)?;
        }
        let bytes = messages::find(&mut *self.context.store.read().await?, id).await?;
        let bytes = bytes.ok_or(DeliveryError::NothingSent(id))?;
        Ok(Message { id, sha256: digest::sha256(&bytes), bytes })
    }

    /// A delivery with the category of its notice, if the actor may read it.
    async fn read(&self, actor: &Actor, id: Uuid) -> Result<(Shown, Category), DeliveryError> {
        let mut conn = self.context.store.read().await?;
        let shown = deliveries::find(&mut conn, id).await?.ok_or(DeliveryError::Unknown(id))?;
        let notice = notices::find(&mut conn, shown.notice_id).await?.ok_or(DeliveryError::Unknown(id))?;
        drop(conn);
        actor.may(Right::Read, notice.category)?;
        if let Some(key) = AddressKey::of(&shown.email) {
            note_read(&self.context, actor, &key, "deliveries show").await?;
        }
        Ok((shown, notice.category))
    }
}
