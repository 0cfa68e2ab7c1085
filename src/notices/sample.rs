//! Samples: the message that one recipient of a draft would receive, made the same way as the real one.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::audience::{AudienceError, Pages, Plan, Recipient, RowsAt};
use crate::config::Config;
use crate::context::Context;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::{Category, Role};
use crate::domain::clock::Clock;
use crate::domain::customer::AccountId;
use crate::domain::delivery::State;
use crate::domain::locale::Locale;
use crate::domain::notice::Notice;
use crate::domain::placeholder::Placeholder;
use crate::domain::random::Random;
use crate::domain::right::Right;
use crate::mail::compose::composer::{ComposeError, Composed, Composer, envelope_sender};
use crate::mail::compose::course::Past;
use crate::mail::compose::render::Content;
use crate::mail::token::TokenKey;
use crate::notices::{Draft, NoticeError, may_prepare};
use crate::store::Conn;
use crate::store::notices::{Kept, matters};
use crate::store::people::feeds;
use crate::store::sending::deliveries::ToSend;

/// Which recipient is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// At this customer; else the first one in the audience.
    pub account: Option<String>,
    /// In this language; else the recipient's own.
    pub locale: Option<Locale>,
    /// With the message addressed here, and marked as a test.
    pub to: Option<Address>,
    /// Of this stored notice, if the draft is one: with its place in its matter.
    pub of: Option<Uuid>,
}

/// A draft and a recipient.
pub struct Sample {
    config: Arc<Config>,
    key: TokenKey,
    sending: Composer,
    to: ToSend,
    /// The person whose data it shows; `None` for a made-up one.
    shows: Option<Address>,
    /// Recipients that lack a value, in words.
    missing: Option<String>,
}

impl Sample {
    /// A sample for a recipient from the database; for a made-up one if the audience has none, or the actor may not see addresses.
    ///
    /// # Errors
    /// If there is no such customer, the actor may not prepare such a notice or see the customer's contacts, or the database fails.
    pub async fn find(
        context: &Context,
        key: TokenKey,
        actor: &Actor,
        draft: &Draft,
        wanted: &Wanted,
    ) -> Result<Self, NoticeError> {
        let category = draft.notice.category;
        may_prepare(actor, category)?;
        if wanted.account.is_some() {
            actor.may(Right::SeeAddresses, category)?;
        }
        let mut conn = context.store.snapshot().await?;
        let now = context.clock.now();
        let released = draft.as_released(context.random.id(now), now, context.config.sender.domain());
        let kept = placed(&mut conn, actor, (draft, released), wanted.of).await?;
        let past = Past::of(&mut conn, &kept).await?;
        let account = wanted.account.as_deref();
        let (recipient, missing) = find(&mut conn, &context.config, (draft, &kept), account).await?;
        let recipient = recipient.filter(|_| actor.sees_addresses(category));
        if let (None, Some(account)) = (&recipient, &wanted.account) {
            return Err(AudienceError::Unknown([account.clone()].into_iter().collect()).into());
        }
        let shows = recipient.as_ref().map(|recipient| recipient.email.clone());
        let recipient = recipient.unwrap_or_else(|| made_up(&context.config, &draft.notice));
        let parts = (context.config.clone(), key);
        // Only who may know the address of a calendar sees it.
        let is_shown = category == Category::Maintenance && actor.may_at_all(Right::Calendars).is_ok();
        let feed = if is_shown { feeds::of_customer(&mut conn, &recipient.account_id).await? } else { None };
        let mut sample = Self::new(parts, (kept, past), (recipient, shows), wanted, &context.random)?;
        sample.to.feed = feed;
        Ok(Self { missing, ..sample })
    }

    /// A sample for a made-up recipient, with the placeholders as they are written.
    ///
    /// # Errors
    /// If the draft cannot be prepared.
    pub fn made_up(
        config: Config,
        draft: &Draft,
        wanted: &Wanted,
        clock: &Clock,
        random: &Random,
    ) -> Result<Self, NoticeError> {
        let recipient = made_up(&config, &draft.notice);
        let (key, now) = (TokenKey::new(random.bytes()), clock.now());
        let kept = draft.as_released(random.id(now), now, config.sender.domain());
        Self::new((Arc::new(config), key), (kept, Past::default()), (recipient, None), wanted, random)
    }

    fn new(
        (config, key): (Arc<Config>, TokenKey),
        (kept, past): (Kept, Past),
        (recipient, shows): (Recipient, Option<Address>),
        wanted: &Wanted,
        random: &Random,
    ) -> Result<Self, NoticeError> {
        let id = random.id(kept.created_at);
        let mut sending = Composer::new(kept, past)?;
        sending.is_test = wanted.to.is_some();
        let to = to_send(id, recipient, wanted);
        Ok(Self { config, key, sending, to, shows, missing: None })
    }

    /// The parts of the message.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn content(&self) -> Result<Content, NoticeError> {
        Ok(self.sending.content(&self.config, &self.key, &self.to)?)
    }

    /// The whole message.
    ///
    /// # Errors
    /// If it cannot be rendered or built.
    pub fn compose(&self) -> Result<Composed, anyhow::Error> {
        let to = (&self.to, self.sending.kept.created_at);
        let composed: Result<Composed, ComposeError> = self.sending.sample(&self.config, &self.key, to);
        Ok(composed?)
    }

    /// The person whose data the message shows, wherever it is sent; `None` for a made-up one.
    #[must_use]
    pub const fn shows(&self) -> Option<&Address> {
        self.shows.as_ref()
    }

    /// Recipients of the first page that lack a value, in words: a release is refused as long as they do.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.missing.as_deref()
    }

    /// Its envelope sender.
    #[must_use]
    pub fn envelope_sender(&self) -> Address {
        envelope_sender(&self.config, &self.key, self.sending.kept.category, self.to.id)
    }
}

pub(super) fn to_send(id: Uuid, recipient: Recipient, wanted: &Wanted) -> ToSend {
    ToSend {
        id,
        ordinal: 0,
        account_id: recipient.account_id,
        customer_name: recipient.customer_name,
        email: wanted.to.clone().unwrap_or(recipient.email),
        contact_name: recipient.contact_name,
        role: recipient.role,
        locale: wanted.locale.clone().or(recipient.locale),
        time_zone: recipient.time_zone,
        merged: recipient.merged,
        thread: recipient.thread.iter().flat_map(|ids| ids.split_whitespace()).map(str::to_owned).collect(),
        feed: None,
        state: State::Queued,
        opted_out: false,
        suppression: None,
    }
}

/// The draft as the released notice that it would be, at its place in its matter: that of the stored notice `of`, or of the notice
/// that it follows.
async fn placed(
    conn: &mut Conn,
    actor: &Actor,
    (draft, released): (&Draft, Kept),
    of: Option<Uuid>,
) -> Result<Kept, NoticeError> {
    let (id, follows_id, matter_id, (sequence, released_at)) = match of {
        Some(id) => {
            let own = super::find(conn, id).await?;
            (id, own.follows_id, own.matter_id, (own.sequence, own.released_at.or(released.released_at)))
        }
        None => match super::follows(conn, actor, draft, None).await? {
            Some(followed) => (released.id, Some(followed.id), followed.matter_id, (None, released.released_at)),
            None => return Ok(released),
        },
    };
    let next = matters::released(conn, matter_id).await?.len() as u64 + 1;
    Ok(Kept { id, follows_id, matter_id, sequence: sequence.or(Some(next)), released_at, ..released })
}

/// The first recipient of the draft, or the first at one customer, whether the audience has it or not; and who lacks a value.
async fn find(
    conn: &mut Conn,
    config: &Config,
    (draft, kept): (&Draft, &Kept),
    account: Option<&str>,
) -> Result<(Option<Recipient>, Option<String>), NoticeError> {
    let plan = match account.map(AccountId::parse) {
        Some(Ok(account)) => Plan::for_customer(config, &draft.notice, &account, draft.rows.as_ref()),
        Some(Err(_)) => return Ok((None, None)),
        None => {
            let rows = RowsAt::Here(draft.rows.clone().unwrap_or_default());
            Plan::new(config, &draft.notice, rows, kept.follows_id)?
        }
    };
    let plan = plan.with_lines(&draft.source);
    let mut pages = Pages::new(&plan, kept.continued());
    while let Some(page) = pages.next(conn).await? {
        if let Some(recipient) = page.recipients.into_iter().next() {
            return Ok((Some(recipient), pages.missing().map(ToString::to_string)));
        }
    }
    Ok((None, None))
}

/// A recipient who does not exist.
pub(super) fn made_up(config: &Config, notice: &Notice) -> Recipient {
    let merged = notice.placeholders().into_iter().filter_map(|placeholder| match placeholder {
        Placeholder::Attribute(_) | Placeholder::Row(_) => {
            Some((placeholder.to_string(), format!("{{{{ {placeholder} }}}}")))
        }
        _ => None,
    });
    Recipient {
        account_id: "C000000".to_owned(),
        customer_name: "Sample Customer AB".to_owned(),
        email: Address::parse("alex@customer.example").expect("the sample address is valid"),
        contact_name: "Alex Sample".to_owned(),
        role: config.addressing(notice.category).roles.first().copied().unwrap_or(Role::Service),
        locale: None,
        time_zone: None,
        merged: merged.collect::<BTreeMap<_, _>>(),
        thread: None,
        row_key: None,
    }
}
