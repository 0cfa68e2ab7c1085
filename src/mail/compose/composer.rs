//! A notice that is being sent: parsed once, made into one mould for each view.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use thiserror::Error;
use uuid::Uuid;

use crate::config::{Config, Replies, ReturnPath};
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::digest;
use crate::domain::mould::{Filled, Key, Mould};
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;
use crate::mail::compose::cast::{Common, Facts, cast, fill};
use crate::mail::compose::course::{Course, Past};
use crate::mail::compose::message::{Head, MessageError, message_id};
use crate::mail::compose::render::{Content, RenderError, Skeleton, Values, View};
use crate::mail::compose::slots::Slot;
use crate::mail::token::TokenKey;
use crate::store::notices::Kept;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::moulds;
use crate::store::{Store, StoreError};

/// The reason a delivery's message could not be composed.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// The notice cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The message cannot be built.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The recipient has no value for a placeholder: a blank in its place would say something else.
    #[error("its recipient has no value for `{0}`")]
    Missing(String),
    /// The mould cannot be stored, or what is stored cannot be read.
    #[error(transparent)]
    Kept(#[from] StoreError),
}

impl ComposeError {
    /// The text for logs, without personal data.
    #[must_use]
    pub fn for_logs(&self) -> String {
        match self {
            Self::Kept(error) => error.for_logs(),
            other => other.to_string(),
        }
    }
}

/// A message ready to be sent.
#[derive(Clone, Debug)]
pub struct Composed {
    /// The exact bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// What to store of it; `None` if it is stored already.
    pub keep: Option<Filled>,
}

impl Composed {
    /// A message that was stored at an earlier attempt.
    #[must_use]
    pub fn kept(bytes: Vec<u8>) -> Self {
        Self { sha256: digest::sha256(&bytes), bytes: Arc::new(bytes), keep: None }
    }
}

/// A notice that is being sent.
pub struct Composer {
    /// The stored notice.
    pub kept: Kept,
    notice: Notice,
    /// The values that each of its mails needs.
    needed: Vec<Slot>,
    /// The notices of the matter before it.
    past: Past,
    moulds: Mutex<HashMap<View, Arc<Mould>>>,
    /// Held while a mould is made: the workers that need it wait for it instead of making it, too.
    making: tokio::sync::Mutex<()>,
    /// Marks its messages as test copies.
    pub is_test: bool,
}

/// Moulds held in memory; a notice rarely has more views, and each can be read again.
const MAX_MOULDS: usize = 512;

impl Composer {
    /// Makes a composer of a stored notice.
    ///
    /// # Errors
    /// If the notice is no longer valid.
    pub fn new(kept: Kept, past: Past) -> Result<Self, Problems> {
        let notice = kept.parsed()?;
        let needed = notice.placeholders().into_iter().map(Slot::from).collect();
        let (moulds, making) = (Mutex::default(), tokio::sync::Mutex::default());
        Ok(Self { kept, notice, needed, past, moulds, making, is_test: false })
    }

    /// The class of its category.
    #[must_use]
    pub fn class(&self) -> Class {
        self.kept.category.class()
    }

    /// The Message-ID of one of its deliveries.
    #[must_use]
    pub fn message_id(&self, delivery_id: Uuid) -> String {
        message_id(delivery_id, &self.kept.message_domain)
    }

    /// Renders the content of a delivery for display.
    ///
    /// # Errors
    /// If it cannot be rendered.
    pub fn content(&self, config: &Config, key: &TokenKey, to: &ToSend) -> Result<Content, RenderError> {
        let skeleton = self.skeleton(config, &view(to))?;
        let address = format!("{}{}", unsubscribe(config), key.link(to.id));
        let address = if self.class() == Class::Optional { address.as_str() } else { "" };
        let mut content = skeleton.fill(&values(to, address, &calendar(key, to)));
        if self.is_test {
            content.subject.insert_str(0, "[TEST] ");
        }
        Ok(content)
    }

    /// The mould of a delivery's message, if it is in memory.
    #[must_use]
    pub fn mould_at_hand(&self, to: &ToSend) -> Option<Arc<Mould>> {
        self.known(&view(to))
    }

    /// The mould of a delivery's message. It is stored before it is returned; if another node, or this one before its configuration
    /// changed, has stored one, it is that one.
    ///
    /// # Errors
    /// If it cannot be made or stored.
    pub async fn mould(&self, store: &Store, config: &Config, to: &ToSend) -> Result<Arc<Mould>, ComposeError> {
        let view = view(to);
        let _making = self.making.lock().await;
        if let Some(mould) = self.known(&view) {
            return Ok(mould);
        }
        let key = self.key(&view);
        let stored = moulds::find(&mut *store.read().await?, &key).await?;
        let mould = match stored {
            Some(mould) => mould,
            None => {
                let (mould, bytes) = self.cast(config, &view)?;
                let mut tx = store.write().await?;
                let mould = moulds::keep(&mut tx, &mould, &bytes).await?;
                tx.commit().await.map_err(StoreError::from)?;
                mould
            }
        };
        let mould = Arc::new(mould);
        let mut moulds = self.moulds.lock().unwrap_or_else(PoisonError::into_inner);
        if moulds.len() >= MAX_MOULDS {
            moulds.clear();
        }
        moulds.insert(view, mould.clone());
        Ok(mould)
    }

    fn known(&self, view: &View) -> Option<Arc<Mould>> {
        self.moulds.lock().unwrap_or_else(PoisonError::into_inner).get(view).cloned()
    }

    fn key(&self, view: &View) -> Key {
        let text = |value: Option<String>| value.unwrap_or_default();
        Key {
            notice_id: self.kept.id,
            locale: text(view.locale.as_ref().map(ToString::to_string)),
            zone: text(view.zone.as_ref().map(ToString::to_string)),
            role: view.role.as_str().to_owned(),
        }
    }

    fn skeleton(&self, config: &Config, view: &View) -> Result<Skeleton, RenderError> {
        let is_first = self.kept.matter_id == self.kept.id;
        let course = Course {
            matter_id: self.kept.matter_id,
            sequence: self.kept.sequence.unwrap_or(1).saturating_sub(1),
            at: self.kept.released_at.unwrap_or(self.kept.created_at),
            before: self.past.before.as_ref(),
            reference: if is_first { self.kept.reference.as_deref() } else { self.past.reference.as_deref() },
            reminds: self.notice.schedule.reminder.is_some(),
        };
        Skeleton::new(config, &self.notice, view, course)
    }

    /// What stands for the matter in the headers of its messages, so that mail programs show them together, whichever of them a
    /// recipient has.
    fn root(&self) -> String {
        format!("{}@{}", self.kept.matter_id, self.past.root_domain.as_ref().unwrap_or(&self.kept.message_domain))
    }

    /// Makes the mould of a view.
    fn cast(&self, config: &Config, view: &View) -> Result<(Mould, Vec<u8>), ComposeError> {
        let skeleton = self.skeleton(config, view)?;
        // An equals sign and an underscore do not meet in quoted-printable.
        let boundary = format!("=_{}", self.kept.id.simple());
        let common = Common {
            head: Head {
                notice: self.kept.id,
                category: self.kept.category,
                language: skeleton.language(),
                subject: None,
                boundary: &boundary,
                is_test: self.is_test,
            },
            message_domain: &self.kept.message_domain,
            root: &self.root(),
            unsubscribe: &unsubscribe(config),
            replies: self.replies(config),
        };
        Ok(cast(config, self.key(view), &skeleton, &common)?)
    }

    /// The name and the domain of its addresses for replies. An answer to a test copy goes to where it would go without Besked: no
    /// delivery is known by its token.
    fn replies<'a>(&self, config: &'a Config) -> Option<(&'a str, &'a str)> {
        let name = config.sender.reply_to.name.as_deref().unwrap_or_default();
        let is_on = config.inbound.replies == Replies::Forward && !self.is_test;
        is_on.then(|| (name, config.sender.bounce_domain.as_str()))
    }

    /// Composes the message of a delivery with its mould, dated at its first attempt.
    ///
    /// # Errors
    /// If it cannot be built, or its recipient lacks a value.
    pub fn compose(
        &self,
        config: &Config,
        key: &TokenKey,
        mould: &Arc<Mould>,
        (to, date): (&ToSend, Timestamp),
    ) -> Result<Composed, ComposeError> {
        let token = if self.class() == Class::Optional { key.link(to.id) } else { String::new() };
        let calendar = calendar(key, to);
        let merged = values(to, "", &calendar);
        if let Some(missing) = self.needed.iter().find(|slot| merged.of(slot).trim().is_empty()) {
            return Err(ComposeError::Missing(missing.name().to_owned()));
        }
        let facts = Facts {
            delivery_id: to.id,
            date,
            thread: &to.thread,
            entry: key.calendar_entry(self.kept.matter_id, &to.account_id),
            to: &to.email,
            token: &token,
            return_token: &key.return_token(to.id),
            reply_local: &key.reply_local(to.id),
            merged: &merged,
        };
        let (bytes, values) = fill(mould, &config.keys_for(config.from_of(self.kept.category)), &facts)?;
        let keep = Filled { mould: mould.clone(), values };
        Ok(Composed { sha256: digest::sha256(&bytes), bytes: Arc::new(bytes), keep: Some(keep) })
    }

    /// Composes a message of which nothing is stored: a test copy.
    ///
    /// # Errors
    /// If it cannot be rendered or built.
    pub fn sample(
        &self,
        config: &Config,
        key: &TokenKey,
        (to, date): (&ToSend, Timestamp),
    ) -> Result<Composed, ComposeError> {
        let (mould, _) = self.cast(config, &view(to))?;
        self.compose(config, key, &Arc::new(mould), (to, date))
    }
}

/// The view of a delivery.
fn view(to: &ToSend) -> View {
    View { locale: to.locale.clone(), zone: to.time_zone.clone(), role: to.role }
}

/// The unsubscribe address, without its token.
fn unsubscribe(config: &Config) -> String {
    format!("{}/u/", config.organisation.public_url)
}

/// The secret of the address of the customer's calendar, if it has one.
fn calendar(key: &TokenKey, to: &ToSend) -> String {
    to.feed.map(|feed| key.calendar(feed)).unwrap_or_default()
}

fn values<'a>(to: &'a ToSend, unsubscribe_url: &'a str, calendar: &'a str) -> Values<'a> {
    Values {
        contact_name: &to.contact_name,
        email: to.email.as_str(),
        customer_name: &to.customer_name,
        account_id: &to.account_id,
        unsubscribe_url,
        calendar,
        merged: &to.merged,
    }
}

/// The envelope sender of a delivery of a category.
#[must_use]
pub fn envelope_sender(config: &Config, key: &TokenKey, category: Category, delivery_id: Uuid) -> Address {
    let own = || key.return_path(delivery_id, config.sender.bounce_domain.as_str());
    match config.sender.return_path {
        ReturnPath::Delivery => own(),
        // A From address is read as an address that every server takes.
        ReturnPath::From => Address::parse(config.from_of(category).email.as_ref()).unwrap_or_else(|_| own()),
    }
}
