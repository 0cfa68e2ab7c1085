//! A sample: the message that one recipient of a draft would get, made the same way as the real one.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::audience::{Pages, Recipient, Source};
use crate::config::Config;
use crate::domain::address::Address;
use crate::domain::clock::Clock;
use crate::domain::customer::AccountId;
use crate::domain::delivery::State;
use crate::domain::locale::Locale;
use crate::domain::notice::State as NoticeState;
use crate::domain::placeholder::Placeholder;
use crate::domain::random::Random;
use crate::mail::compose::composer::{ComposeError, Composed, Composer, envelope_sender};
use crate::mail::compose::render::Content;
use crate::mail::token::TokenKey;
use crate::notices::{Draft, NoticeError};
use crate::store::customers::Selection;
use crate::store::deliveries::ToSend;
use crate::store::notices::Kept;
use crate::store::{Conn, StoreError};

/// Which recipient is wanted.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// At this customer; else the first one in the audience.
    pub account: Option<String>,
    /// Reading this language; else the recipient's own.
    pub locale: Option<Locale>,
    /// With the message addressed here, and marked as a test.
    pub to: Option<Address>,
}

/// A draft and a recipient.
pub struct Sample {
    config: Arc<Config>,
    key: TokenKey,
    sending: Composer,
    to: ToSend,
}

impl Sample {
    /// A sample for a recipient out of the database.
    ///
    /// # Errors
    /// Where there is no such recipient.
    pub async fn find(
        conn: &mut Conn,
        (config, key): (Arc<Config>, TokenKey),
        (clock, random): (&Clock, &Random),
        draft: &Draft,
        wanted: &Wanted,
    ) -> Result<Self, NoticeError> {
        let recipient = find(conn, &config, draft, wanted.account.as_deref()).await?;
        if let (None, Some(account)) = (&recipient, &wanted.account) {
            return Err(crate::audience::AudienceError::Unknown([account.clone()].into_iter().collect()).into());
        }
        let recipient = recipient.unwrap_or_else(|| made_up(&config, draft));
        Self::new(config, key, draft, recipient, wanted, (clock, random))
    }

    /// A sample for a made-up recipient, whose placeholders stand for themselves.
    ///
    /// # Errors
    /// Where the draft cannot be prepared.
    pub fn made_up(
        config: Config,
        draft: &Draft,
        wanted: &Wanted,
        clock: &Clock,
        random: &Random,
    ) -> Result<Self, NoticeError> {
        let recipient = made_up(&config, draft);
        Self::new(Arc::new(config), TokenKey::new(random.bytes()), draft, recipient, wanted, (clock, random))
    }

    fn new(
        config: Arc<Config>,
        key: TokenKey,
        draft: &Draft,
        recipient: Recipient,
        wanted: &Wanted,
        (clock, random): (&Clock, &Random),
    ) -> Result<Self, NoticeError> {
        let now = clock.now();
        let kept = Kept {
            id: random.id(now),
            category: draft.notice.category,
            state: NoticeState::Draft,
            reference: draft.notice.reference.clone(),
            subject: String::new(),
            follows_id: None,
            source: draft.source.clone(),
            digest: draft.digest,
            author: String::new(),
            approved_digest: None,
            approved_by: None,
            send_at: None,
            created_at: now,
            released_at: Some(now),
            paused_at: None,
            closed_at: None,
            customers: 0,
            recipients: 0,
            message_domain: config.sender.domain().to_owned(),
        };
        let mut sending = Composer::new(kept, None)?;
        sending.is_test = wanted.to.is_some();
        let to = to_send(random.id(now), recipient, wanted);
        Ok(Self { config, key, sending, to })
    }

    /// The parts of the message.
    ///
    /// # Errors
    /// Where it cannot be rendered.
    pub fn content(&self) -> Result<Content, NoticeError> {
        Ok(self.sending.content(&self.config, &self.key, &self.to)?)
    }

    /// The whole message.
    ///
    /// # Errors
    /// Where it cannot be rendered or built.
    pub fn compose(&self) -> Result<Composed, anyhow::Error> {
        let composed: Result<Composed, ComposeError> = self.sending.compose(&self.config, &self.key, &self.to);
        Ok(composed?)
    }

    /// The recipient's address.
    #[must_use]
    pub fn recipient(&self) -> &Address {
        &self.to.email
    }

    /// Its envelope sender.
    #[must_use]
    pub fn envelope_sender(&self) -> Address {
        envelope_sender(&self.config, &self.key, self.to.id)
    }
}

fn to_send(id: Uuid, recipient: Recipient, wanted: &Wanted) -> ToSend {
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
        follows_id: None,
        state: State::Queued,
        opted_out: false,
        suppression: None,
    }
}

/// The first recipient of the draft, or the first at one customer, whether the audience has it or not.
async fn find(
    conn: &mut Conn,
    config: &Config,
    draft: &Draft,
    account: Option<&str>,
) -> Result<Option<Recipient>, StoreError> {
    let placeholders = draft.notice.placeholders();
    let addressing = config.addressing(draft.notice.category);
    let source = match (account, &draft.rows) {
        (Some(account), Some(rows)) => {
            let mut rows = rows.clone();
            rows.rows.retain(|id, _| id.as_str() == account);
            Source::Rows(rows)
        }
        (Some(account), None) => {
            let named: Vec<AccountId> = AccountId::parse(account).into_iter().collect();
            if named.is_empty() {
                return Ok(None);
            }
            Source::Select { selection: Selection::new(&named, &[]), named }
        }
        (None, rows) => Source::new(&draft.notice.audience, Source::Rows(rows.clone().unwrap_or_default()), None),
    };
    let mut pages = Pages::new(&source, &addressing, &placeholders, None);
    while let Some(page) = pages.next(conn).await? {
        if let Some(recipient) = page.recipients.into_iter().next() {
            return Ok(Some(recipient));
        }
    }
    Ok(None)
}

/// Somebody who does not exist.
fn made_up(config: &Config, draft: &Draft) -> Recipient {
    let merged = draft.notice.placeholders().into_iter().filter_map(|placeholder| match placeholder {
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
        role: config.addressing(draft.notice.category).roles[0],
        locale: None,
        time_zone: None,
        merged: merged.collect::<BTreeMap<_, _>>(),
        follows_id: None,
    }
}
