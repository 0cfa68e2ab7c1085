//! One transaction: MAIL, RCPT and DATA, in one write if the server offers PIPELINING (RFC 2920), and the message.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{MailBodyParameter, MailParameter, RcptParameter};
use lettre::transport::smtp::response::Response;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::{Failed, IDLE, Session, lettre_address, reply, unexpected};
use crate::domain::address::Address;
use crate::domain::reply::{Failure, Reply, Stage};
use crate::domain::words::cause;

/// Sender and recipient of a transaction.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The return path; `None` for the null sender, to which nobody reports or answers (RFC 5321 section 4.5.5).
    pub from: Option<&'a Address>,
    /// The one recipient.
    pub to: &'a Address,
    /// What a server that offers DSN (RFC 3461) is asked to report, if the message belongs to a delivery.
    pub reports: Option<Reports>,
}

/// Which reports of a delivery are asked for: of failure and of delay always.
#[derive(Clone, Copy, Debug)]
pub struct Reports {
    /// The delivery. Its id is sent as `ENVID`, in a form that xtext does not change; a report returns it as
    /// `Original-Envelope-Id`, which `Uuid::parse_str` reads.
    pub delivery: Uuid,
    /// Of success too.
    pub success: bool,
}

/// The longest value of `ORCPT`, in octets (RFC 3461 section 4.2).
const LONGEST_ORCPT: usize = 500;

/// The value of `ORCPT`: the recipient as we know it, which a report returns whatever the address became on its way. What xtext
/// has to encode, lettre encodes; an address with other letters than those of ASCII has a form of its own (RFC 6533 section 3).
/// `None` if the value would be too long.
fn original_recipient(to: &Address) -> Option<String> {
    let text = to.as_str();
    let value = if text.is_ascii() {
        format!("rfc822;{text}")
    } else {
        text.chars().fold("utf-8;".to_owned(), |mut value, c| {
            if c.is_ascii_graphic() && !"+=\\".contains(c) {
                value.push(c);
            } else {
                value.push_str(&format!("\\x{{{:X}}}", u32::from(c)));
            }
            value
        })
    };
    let encoded: usize = value.chars().map(|c| if "+=".contains(c) { 3 } else { 1 }).sum();
    (encoded <= LONGEST_ORCPT).then_some(value)
}

impl Session {
    /// Asks the server whether it would take mail from a sender to a recipient: MAIL, RCPT and RSET. Nothing is sent.
    ///
    /// # Errors
    /// The step that was refused. [`Session::is_usable`] says whether the connection can still be used.
    pub async fn ask(&mut self, envelope: Envelope<'_>) -> Result<Reply, Failed> {
        let mail = Mail::new(envelope.from.map(lettre_address), Vec::new());
        let mut answer = self.step(Stage::Mail, mail).await;
        if let (Ok(_), false) = (&answer, envelope.to.needs_smtputf8()) {
            answer = self.step(Stage::Rcpt, Rcpt::new(lettre_address(envelope.to), Vec::new())).await;
        }
        if self.usable {
            self.step(Stage::Mail, Rset).await?;
        }
        answer.map(|response| reply(&response))
    }

    /// Sends a message, CRLF-normalised and ending in CRLF, to one recipient. `before_data` decides whether the transaction
    /// may continue: before DATA is written and, since replies may take long, again before the message; false ends the
    /// transaction with `Ok(None)`. `uncertain` is true from the first byte of the final dot on: if this future is aborted
    /// then, nobody knows whether the server accepted the message.
    ///
    /// # Errors
    /// The step that failed. [`Session::is_usable`] says whether the connection can still be used.
    pub async fn send(
        &mut self,
        envelope: Envelope<'_>,
        message: &[u8],
        uncertain: &AtomicBool,
        before_data: impl Fn() -> bool,
    ) -> Result<Option<Reply>, Failed> {
        self.lay_idle = self.heard.elapsed() > IDLE;
        let mail = Mail::new(envelope.from.map(lettre_address), self.mail_parameters(&envelope, message)?);
        let rcpt = Rcpt::new(lettre_address(envelope.to), self.rcpt_parameters(&envelope));
        if self.wire.is_out_of_step().await {
            return Err(self.out_of_turn(Stage::Mail));
        }
        if self.extensions.pipelining {
            if !before_data() {
                return Ok(None);
            }
            self.pipelined(&mail, &rcpt).await?;
        } else if !self.step_by_step(mail, rcpt, &before_data).await? {
            return Ok(None);
        }
        if self.wire.is_out_of_step().await {
            // A reply that arrives before the message would be read as the reply to the message.
            return Err(self.out_of_turn(Stage::Data));
        }
        if !before_data() {
            // Without its dot a message is incomplete: the server drops it when the connection ends.
            self.usable = false;
            return Ok(None);
        }
        // Whatever the reply to the final dot, it ends the transaction.
        self.begun = false;
        let reply = self.body(message, uncertain).await?;
        self.completed += 1;
        self.heard = Instant::now();
        Ok(Some(reply))
    }

    fn mail_parameters(&self, envelope: &Envelope<'_>, message: &[u8]) -> Result<Vec<MailParameter>, Failed> {
        let unsupported = |what: String| self.failed(Stage::Mail, Failure::Unsupported(what));
        let mut parameters = Vec::new();
        if let Some(limit) = self.extensions.size {
            if message.len() > limit {
                return Err(unsupported(format!(
                    "the message has {} bytes, the server accepts {limit}",
                    message.len()
                )));
            }
            parameters.push(MailParameter::Size(message.len()));
        }
        if !message.is_ascii() {
            if !self.extensions.eight_bit_mime {
                return Err(unsupported("the message needs 8BITMIME, which the server does not offer".to_owned()));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if envelope.to.needs_smtputf8() || envelope.from.is_some_and(Address::needs_smtputf8) {
            if !self.extensions.smtputf8 {
                return Err(unsupported("the address needs SMTPUTF8, which the server does not offer".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if let (true, Some(Reports { delivery, .. })) = (self.extensions.dsn, envelope.reports) {
            let other = |keyword: &str, value| MailParameter::Other { keyword: keyword.to_owned(), value: Some(value) };
            parameters.push(other("RET", "HDRS".to_owned()));
            parameters.push(other("ENVID", delivery.to_string()));
        }
        Ok(parameters)
    }

    fn rcpt_parameters(&self, envelope: &Envelope<'_>) -> Vec<RcptParameter> {
        let Some(reports) = envelope.reports.filter(|_| self.extensions.dsn) else { return Vec::new() };
        let other = |keyword: &str, value| RcptParameter::Other { keyword: keyword.to_owned(), value: Some(value) };
        let notify = if reports.success { "SUCCESS,FAILURE,DELAY" } else { "FAILURE,DELAY" };
        let mut parameters = vec![other("NOTIFY", notify.to_owned())];
        parameters.extend(original_recipient(envelope.to).map(|value| other("ORCPT", value)));
        parameters
    }

    /// Runs up to the 354 reply, each command after the reply to the one before; false if `before_data` refuses.
    async fn step_by_step(&mut self, mail: Mail, rcpt: Rcpt, before_data: impl Fn() -> bool) -> Result<bool, Failed> {
        if self.begun {
            self.step(Stage::Mail, Rset).await?;
        }
        self.step(Stage::Mail, mail).await?;
        self.begun = true;
        self.step(Stage::Rcpt, rcpt).await?;
        if !before_data() {
            return Ok(false);
        }
        let go_ahead = self.step(Stage::Data, Data).await?;
        if go_ahead.has_code(354) { Ok(true) } else { Err(self.out_of_step(Stage::Data, &go_ahead)) }
    }

    /// Runs up to the 354 reply, all commands in one write. Every reply is read, also after a refusal, so that commands and
    /// replies stay in step; the first refusal counts.
    async fn pipelined(&mut self, mail: &Mail, rcpt: &Rcpt) -> Result<(), Failed> {
        let reset = if std::mem::replace(&mut self.begun, true) { Rset.to_string() } else { String::new() };
        let mut answer = self.step(Stage::Mail, format!("{reset}{mail}{rcpt}{Data}")).await;
        let mut refused = None;
        let behind_first = if reset.is_empty() { &[][..] } else { &[Stage::Mail][..] };
        let mut has_recipient = false;
        for stage in behind_first.iter().chain(&[Stage::Rcpt, Stage::Data]) {
            // `answer` is the reply to the previous command.
            has_recipient = *stage == Stage::Data && answer.is_ok();
            self.note(answer, &mut refused)?;
            answer = self.read(*stage).await;
        }
        match (answer, refused) {
            (Ok(go_ahead), None) if go_ahead.has_code(354) => Ok(()),
            (Ok(go_ahead), Some(refused)) if go_ahead.has_code(354) => {
                if has_recipient {
                    // A dot would send the recipient an empty message.
                    self.usable = false;
                } else {
                    self.send_nothing().await;
                }
                Err(refused)
            }
            (Ok(other), refused) => {
                let out_of_step = self.out_of_step(Stage::Data, &other);
                Err(refused.unwrap_or(out_of_step))
            }
            (Err(failed), refused) => Err(refused.unwrap_or(failed)),
        }
    }

    /// Keeps the first refusal; an error if no further reply can arrive.
    fn note(&self, answer: Result<Response, Failed>, refused: &mut Option<Failed>) -> Result<(), Failed> {
        let Err(failed) = answer else { return Ok(()) };
        let first = refused.take().unwrap_or(failed);
        if !self.usable {
            return Err(first);
        }
        *refused = Some(first);
        Ok(())
    }

    /// Ends a transaction that has a 354 reply but no recipient (RFC 2920 section 3.1). The reply to the dot does not matter,
    /// but must be read.
    async fn send_nothing(&mut self) {
        self.begun = false;
        let ended = timeout(self.deadlines.data, self.wire.write_lone_dot()).await;
        if matches!(ended, Ok(Ok(()))) {
            // Reading also records whether the connection can still be used.
            let _ = self.read(Stage::Data).await;
        } else {
            self.usable = false;
        }
    }

    /// Sends the message and its final dot. If the connection is lost before the dot, the server cannot have accepted the
    /// message; after it, the outcome is uncertain.
    async fn body(&mut self, message: &[u8], uncertain: &AtomicBool) -> Result<Reply, Failed> {
        let writing = timeout(self.deadlines.body, self.wire.write_message(message, uncertain));
        let written = self.steps.time(Stage::Body, writing).await;
        let lost = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(cause(&error)),
            Err(_) => Some("the message was not accepted before the deadline".to_owned()),
        };
        if let Some(lost) = lost {
            self.usable = false;
            let stage = if uncertain.load(Ordering::Relaxed) { Stage::Dot } else { Stage::Body };
            return Err(self.failed(stage, Failure::Unclear(lost)));
        }
        let (wire, conn) = (&self.wire, &mut self.conn);
        let answered = async {
            // If this fails, reading returns the cause.
            let _ = wire.flush().await;
            conn.read_response().await
        };
        let answer = self.steps.time(Stage::Dot, timeout(self.deadlines.dot, answered)).await;
        let response = self.answered(Stage::Dot, answer)?;
        if u16::from(response.code()) / 100 != 2 {
            return Err(self.out_of_step(Stage::Dot, &response));
        }
        Ok(reply(&response))
    }

    /// Reads one more reply to what was written.
    async fn read(&mut self, stage: Stage) -> Result<Response, Failed> {
        let reading = timeout(self.deadline(stage), self.conn.read_response());
        let answer = self.steps.time(stage, reading).await;
        self.answered(stage, answer)
    }

    fn out_of_turn(&mut self, stage: Stage) -> Failed {
        self.usable = false;
        self.failed(stage, Failure::Unclear("the server sent a reply that was not requested".to_owned()))
    }

    fn out_of_step(&mut self, stage: Stage, response: &Response) -> Failed {
        self.usable = false;
        self.failed(stage, unexpected(response))
    }

    pub(super) fn deadline(&self, stage: Stage) -> Duration {
        match stage {
            Stage::Connect | Stage::StartTls => self.deadlines.connect,
            Stage::Greeting => self.deadlines.greeting,
            Stage::Auth => self.deadlines.auth,
            Stage::Mail => self.deadlines.mail,
            Stage::Rcpt => self.deadlines.rcpt,
            Stage::Data => self.deadlines.data,
            Stage::Body => self.deadlines.body,
            Stage::Dot => self.deadlines.dot,
        }
    }
}
