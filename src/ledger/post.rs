//! The simplest anchor outside: the checkpoint, mailed daily to somebody who stores it. The owner of one can find out whether the
//! ledger still begins with what it was then.

use jiff::SignedDuration;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};

use super::sign::{self, Known};
use super::state::Last;
use super::{Ledger, LedgerError};
use crate::domain::address::Address;
use crate::domain::reply::for_logs;
use crate::domain::words::count;
use crate::mail::compose::message::{self, MessageError, message_id};
use crate::mail::direct;
use crate::store::StoreError;
use crate::store::proof::tree;
use crate::store::secrets;

/// How often it is mailed.
const PERIOD: SignedDuration = SignedDuration::from_hours(24);

impl Ledger {
    /// Mails the last checkpoint if a day has passed since the last mail; returns to how many. A machine without the key
    /// does not: one of them is enough.
    ///
    /// # Errors
    /// If the database fails, or nobody could be reached; the next call retries it.
    pub async fn mail_checkpoint(&self) -> Result<usize, LedgerError> {
        let to = &self.context.config.ledger.checkpoint_to;
        if to.is_empty() || sign::load_key(&self.context.config.ledger)?.is_none() {
            return Ok(0);
        }
        let now = self.context.clock.now();
        let head = tree::head(&mut *self.context.store.read().await?).await?;
        // A time to come was written by a clock that was wrong.
        let fresh = head.mailed_at.is_some_and(|at| at <= now && now.duration_since(at) < PERIOD);
        // What this machine signed, not what the database says that it did.
        let known = Known::read(&self.context.config.ledger.state_file)?;
        let Some(signed) = known.last().filter(|_| !fresh) else { return Ok(0) };
        // Nothing is mailed while that could not be recorded: it would be mailed again and again.
        let mut tx = self.context.store.write().await?;
        secrets::touch(&mut tx).await?;
        tx.commit().await.map_err(StoreError::from)?;
        let mut reached = 0;
        let (mut troubles, mut advice) = (Vec::new(), String::new());
        for to in to {
            match self.mail_to(to, signed).await {
                Ok(()) => reached += 1,
                Err((trouble, remedy)) => {
                    troubles.push(trouble);
                    advice = remedy;
                }
            }
        }
        if reached == 0 {
            return Err(LedgerError::NotMailed { troubles: troubles.join("; "), advice });
        }
        for trouble in troubles {
            tracing::warn!(trouble = for_logs(&trouble), "the checkpoint did not reach everybody it is mailed to");
        }
        let mut tx = self.context.store.write().await?;
        tree::set_mailed(&mut tx, now).await?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(reached)
    }

    /// Mails it to one address. Returns why that failed, and what to do about it.
    async fn mail_to(&self, to: &str, signed: &Last) -> Result<(), (String, String)> {
        let unfit = |error: &dyn std::fmt::Display| (error.to_string(), String::new());
        let to = Address::parse(to).map_err(|error| unfit(&error))?;
        let from = Address::parse(self.context.config.sender.from.email.as_ref()).map_err(|error| unfit(&error))?;
        let bytes = self.checkpoint_mail(&to, signed).map_err(|error| unfit(&error))?;
        let refused = direct::send(&self.context.config, &from, &to, &bytes).await.err();
        refused.map_or(Ok(()), |refused| {
            let troubles: Vec<String> = refused.iter().map(ToString::to_string).collect();
            Err((troubles.join("; "), direct::advices(&refused)))
        })
    }

    fn checkpoint_mail(&self, to: &Address, signed: &Last) -> Result<Vec<u8>, MessageError> {
        let now = self.context.clock.now();
        let (origin, sender) = (&self.context.config.ledger.origin, &self.context.config.sender);
        let text = format!(
            "This is the state of the ledger {origin}, as it was signed last.\n\n\
             Please keep this mail. Should the ledger ever be changed in what it recorded until now, this shows it:\n\
             save the lines below, from the ledger's name to the end of the signature, as a file, and run\n\n    \
             besked ledger audit --checkpoint FILE\n\n{}",
            signed.note
        );
        let message = message::begin((&sender.from, &sender.reply_to), to, "", now)?
            .subject(format!("Checkpoint of {origin}: {}", count(signed.checkpoint.size(), "entry", "entries")))
            .message_id(Some(message_id(self.context.random.id(now), sender.domain())))
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .raw_header(HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned()))
            .body(text)?;
        message::finish(&message, &self.context.config.keys_for(&sender.from), now)
    }
}
