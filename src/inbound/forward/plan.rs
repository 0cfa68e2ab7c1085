//! Decides whether a message goes on to support.

use jiff::{SignedDuration, Timestamp};

use crate::config::Replies;
use crate::domain::address::Address;
use crate::domain::forward::{Reason, State};
use crate::domain::report::MessageKind;
use crate::domain::task::TaskKind;
use crate::inbound::Inbound;
use crate::inbound::reader::read::Message;
use crate::store::inbound::{Waiting, forwards};
use crate::store::sending::deliveries::Shown;
use crate::store::tasks::{self, NewTask};
use crate::store::{Conn, StoreError};

/// How many replies to one delivery are forwarded in [`PERIOD`]: a person writes no more, a loop does.
const MOST: u64 = 3;

/// See [`MOST`].
const PERIOD: SignedDuration = SignedDuration::from_hours(1);

impl Inbound {
    /// Plans to forward a message about this delivery if a person wrote it, in the caller's transaction. The caller holds the
    /// ledger's head, so that messages about a delivery are counted one after another.
    pub(in crate::inbound) async fn plan_forward(
        &self,
        conn: &mut Conn,
        waiting: &Waiting,
        message: &Message,
        delivery: &Shown,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        if self.context.config.inbound.replies == Replies::Off || !self.is_for_support(message, delivery) {
            return Ok(());
        }
        let mut reason = self.against(waiting, message);
        if reason.is_none() && forwards::count_since(conn, delivery.id, at - PERIOD).await? >= MOST {
            reason = Some(Reason::TooOften);
            self.too_often(conn, delivery, at).await?;
        }
        match reason {
            None => forwards::plan(conn, waiting.id, at).await,
            Some(reason) => {
                self.metrics.reply(State::Withheld.as_str());
                forwards::withhold(conn, waiting.id, reason, at).await
            }
        }
    }

    /// Returns true if a message came to this delivery's own address and is a reply, or anything else to the address for replies
    /// that is no report and no automatic answer: a person may begin anew. Only the token decides, whatever a message claims
    /// besides.
    fn is_for_support(&self, message: &Message, delivery: &Shown) -> bool {
        let evidence = &message.evidence;
        if evidence.token != Some(delivery.id) {
            return false;
        }
        let to_reply = || evidence.came_to.as_deref().is_some_and(|local| self.key.read_reply_path(local).is_some());
        match message.kind {
            MessageKind::Reply => true,
            MessageKind::Unknown => message.excess.is_none() && to_reply(),
            MessageKind::Dsn | MessageKind::Arf | MessageKind::AutoReply | MessageKind::Mdn => false,
        }
    }

    /// The reason against forwarding a message, by itself.
    fn against(&self, waiting: &Waiting, message: &Message) -> Option<Reason> {
        let null_sender = message.null_sender || waiting.sender.as_deref().is_some_and(|it| it.trim().is_empty());
        let from = message.from.as_deref().and_then(|from| Address::parse(from).ok());
        match from {
            _ if message.looped => Some(Reason::Loop),
            _ if null_sender || message.from_machine => Some(Reason::Machine),
            None => Some(Reason::NoSender),
            Some(from) if self.is_own(&from) => Some(Reason::Loop),
            Some(_) => None,
        }
    }

    /// Returns true for an address whose mail comes from us or goes to support or back here: to answer it would be a loop.
    pub(super) fn is_own(&self, address: &Address) -> bool {
        let sender = &self.context.config.sender;
        let is = |mailbox: &lettre::Address| address.as_str().eq_ignore_ascii_case(mailbox.as_ref());
        is(&sender.from.email) || is(&sender.reply_to.email) || self.accepts(address.as_str())
    }

    /// A person looks at what comes too often: one task for each delivery, however much comes.
    async fn too_often(&self, conn: &mut Conn, delivery: &Shown, at: Timestamp) -> Result<(), StoreError> {
        let reason = format!(
            "more than {MOST} replies to this delivery came within an hour, and the rest was not forwarded: `besked deliveries show \
             {}` names them, `besked inbound show ID` prints one; pass on what a person wrote",
            delivery.id
        );
        let task = NewTask {
            id: self.context.random.id(at),
            kind: TaskKind::Unforwarded,
            notice_id: Some(delivery.notice_id),
            account_id: Some(&delivery.account_id),
            delivery_id: Some(delivery.id),
            inbound_id: None,
            reason: &reason,
            at,
            deadline: None,
        };
        tasks::open(conn, &task).await.map(drop)
    }
}
