//! A notice that is being sent: parsed once, rendered once for each view; its messages are compressed with one dictionary
//! for each language.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use uuid::Uuid;
use zstd::dict::EncoderDictionary;
use zstd::zstd_safe::{self, CCtx};

use crate::config::Config;
use crate::domain::address::Address;
use crate::domain::category::Class;
use crate::domain::digest;
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;
use crate::mail::compose::message::{self, Head, MessageError, message_id};
use crate::mail::compose::render::{Content, RenderError, Skeleton, Values, View};
use crate::mail::token::TokenKey;
use crate::store::StoreError;
use crate::store::notices::Kept;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::messages::{Dictionary, Message};

/// The reason a delivery's message could not be composed.
#[derive(Debug, Error)]
pub enum ComposeError {
    /// The notice cannot be rendered.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The message cannot be built.
    #[error(transparent)]
    Message(#[from] MessageError),
    /// The message cannot be compressed.
    #[error("cannot compress the message: {0}")]
    Pack(String),
    /// The stored message cannot be read.
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
    pub bytes: Arc<[u8]>,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// What to store of it; `None` if it is stored already.
    pub keep: Option<Message>,
}

/// A notice that is being sent.
pub struct Composer {
    /// The stored notice.
    pub kept: Kept,
    notice: Notice,
    /// The domain of the Message-IDs of the notice it follows.
    follows_domain: Option<String>,
    skeletons: Mutex<HashMap<View, Arc<Skeleton>>>,
    packers: Mutex<HashMap<String, Arc<Packer>>>,
    /// Marks its messages as test copies.
    pub is_test: bool,
}

/// Skeletons held in memory; a notice rarely has more views, and rendering one again costs little.
const MAX_SKELETONS: usize = 512;

/// The zstd level: with a dictionary, higher levels gain almost nothing.
const LEVEL: i32 = 1;

struct Packer {
    dictionary: Arc<Dictionary>,
    prepared: EncoderDictionary<'static>,
}

thread_local! {
    /// The workspace of zstd: allocating its few hundred kilobytes takes longer than compressing a message.
    static WORKSPACE: RefCell<CCtx<'static>> = RefCell::new(CCtx::create());
}

impl Packer {
    fn pack(&self, bytes: &[u8]) -> Result<Vec<u8>, ComposeError> {
        let mut packed = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
        let done = WORKSPACE
            .with_borrow_mut(|workspace| workspace.compress_using_cdict(&mut packed, bytes, self.prepared.as_cdict()));
        done.map_err(|code| ComposeError::Pack(zstd_safe::get_error_name(code).to_owned()))?;
        packed.shrink_to_fit();
        Ok(packed)
    }
}

impl Composer {
    /// Makes a composer of a stored notice.
    ///
    /// # Errors
    /// If the notice is no longer valid.
    pub fn new(kept: Kept, follows_domain: Option<String>) -> Result<Self, Problems> {
        let notice = kept.parsed()?;
        Ok(Self {
            kept,
            notice,
            follows_domain,
            skeletons: Mutex::default(),
            packers: Mutex::default(),
            is_test: false,
        })
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
        let skeleton = self.skeleton_for(config, to)?;
        let unsubscribe_url = self.unsubscribe_url(config, key, to.id);
        let mut content = skeleton.fill(&values(to, unsubscribe_url.as_deref()));
        self.mark(&mut content.subject);
        Ok(content)
    }

    fn skeleton_for(&self, config: &Config, to: &ToSend) -> Result<Arc<Skeleton>, RenderError> {
        let view = View {
            locale: to.locale.clone().unwrap_or_else(|| config.organisation.default_locale.clone()),
            zone: to.time_zone.clone().unwrap_or_else(|| config.organisation.default_time_zone.clone()),
            role: to.role,
        };
        self.skeleton(config, view)
    }

    fn mark(&self, subject: &mut String) {
        if self.is_test {
            subject.insert_str(0, "[TEST] ");
        }
    }

    /// The one-click unsubscribe address of a delivery of an optional notice.
    fn unsubscribe_url(&self, config: &Config, key: &TokenKey, delivery_id: Uuid) -> Option<String> {
        let base = config.organisation.public_url.trim_end_matches('/');
        (self.class() == Class::Optional).then(|| format!("{base}/u/{}", key.link(delivery_id)))
    }

    /// Composes the message of a delivery.
    ///
    /// # Errors
    /// If it cannot be rendered or built.
    pub fn compose(&self, config: &Config, key: &TokenKey, to: &ToSend) -> Result<Composed, ComposeError> {
        let skeleton = self.skeleton_for(config, to)?;
        let unsubscribe_url = self.unsubscribe_url(config, key, to.id);
        let mut content = skeleton.encode(&values(to, unsubscribe_url.as_deref()));
        self.mark(&mut content.subject);
        let head = Head {
            delivery_id: to.id,
            message_domain: &self.kept.message_domain,
            category: self.kept.category,
            language: skeleton.language(),
            to: &to.email,
            to_name: &to.contact_name,
            date: self.kept.released_at.unwrap_or(self.kept.created_at),
            references: to.follows_id.zip(self.follows_domain.as_deref()).map(|(id, domain)| message_id(id, domain)),
            unsubscribe_url: unsubscribe_url.as_deref(),
            is_test: self.is_test,
        };
        let bytes = message::build(config, &head, content)?;
        let sha256 = digest::sha256(&bytes);
        let packer = self.packer(config, &skeleton)?;
        let keep = Message {
            sha256,
            size: bytes.len(),
            body: packer.pack(&bytes)?,
            dictionary: Some(packer.dictionary.clone()),
        };
        Ok(Composed { bytes: bytes.into(), sha256, keep: Some(keep) })
    }

    fn skeleton(&self, config: &Config, view: View) -> Result<Arc<Skeleton>, RenderError> {
        if let Some(skeleton) = self.skeletons.lock().unwrap_or_else(PoisonError::into_inner).get(&view) {
            return Ok(skeleton.clone());
        }
        let skeleton = Arc::new(Skeleton::new(config, &self.notice, &view)?);
        let mut skeletons = self.skeletons.lock().unwrap_or_else(PoisonError::into_inner);
        if skeletons.len() >= MAX_SKELETONS {
            skeletons.clear();
        }
        skeletons.insert(view, skeleton.clone());
        Ok(skeleton)
    }

    /// The compression dictionary of a language: a message to nobody, so that erasing a person never touches it.
    fn packer(&self, config: &Config, skeleton: &Skeleton) -> Result<Arc<Packer>, ComposeError> {
        let mut packers = self.packers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(packer) = packers.get(skeleton.language()) {
            return Ok(packer.clone());
        }
        let bytes = self.to_nobody(config, skeleton)?;
        let prepared = EncoderDictionary::copy(&bytes, LEVEL);
        let sha256 = digest::sha256(&bytes);
        let dictionary = Arc::new(Dictionary { sha256, notice_id: self.kept.id, bytes });
        let packer = Arc::new(Packer { dictionary, prepared });
        packers.insert(skeleton.language().to_owned(), packer.clone());
        Ok(packer)
    }

    fn to_nobody(&self, config: &Config, skeleton: &Skeleton) -> Result<Vec<u8>, ComposeError> {
        let nobody = Address::parse("nobody@example.com").expect("it is an address");
        let content = skeleton.encode(&Values {
            contact_name: "",
            email: nobody.as_str(),
            customer_name: "",
            account_id: "",
            unsubscribe_url: &config.organisation.public_url,
            merged: &BTreeMap::new(),
        });
        let optional = self.class() == Class::Optional;
        let head = Head {
            delivery_id: Uuid::nil(),
            message_domain: &self.kept.message_domain,
            category: self.kept.category,
            language: skeleton.language(),
            to: &nobody,
            to_name: "",
            date: self.kept.released_at.unwrap_or(self.kept.created_at),
            references: None,
            unsubscribe_url: optional.then_some(config.organisation.public_url.as_str()),
            is_test: self.is_test,
        };
        Ok(message::build(config, &head, content)?)
    }
}

fn values<'a>(to: &'a ToSend, unsubscribe_url: Option<&'a str>) -> Values<'a> {
    Values {
        contact_name: &to.contact_name,
        email: to.email.as_str(),
        customer_name: &to.customer_name,
        account_id: &to.account_id,
        unsubscribe_url: unsubscribe_url.unwrap_or_default(),
        merged: &to.merged,
    }
}

/// The envelope sender of a delivery.
#[must_use]
pub fn envelope_sender(config: &Config, key: &TokenKey, delivery_id: Uuid) -> Address {
    key.return_path(delivery_id, &config.sender.bounce_domain)
}
