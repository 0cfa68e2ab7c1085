//! One transaction: MAIL, RCPT and DATA, in one write if the server offers PIPELINING (RFC 2920), and the message. The commands
//! of the next transaction can go right behind the message (section 3.1).

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::time::Instant;
use uuid::Uuid;

use super::{BEHIND, Failed, IDLE, Session, deadline};
use crate::domain::address::Address;
use crate::domain::reply::{Failure, Reply, Stage};

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

/// The commands of a transaction that are written behind the message before it.
#[derive(Debug)]
pub struct Group(String);

/// The longest value of `ORCPT`, in octets (RFC 3461 section 4.2).
const LONGEST_ORCPT: usize = 500;

/// The room for the commands of a transaction, in bytes.
const ROOM: usize = 512;

const RSET: &str = "RSET\r\n";

/// The steps of a group of commands: RSET or not, MAIL, RCPT, DATA.
const RESET_FIRST: [Stage; 4] = [Stage::Mail, Stage::Mail, Stage::Rcpt, Stage::Data];

/// Adds `ORCPT`: the recipient as we know it, which a report returns whatever the address became on its way, in xtext (RFC 3461
/// section 4). An address with other letters than those of ASCII has a form of its own (RFC 6533 section 3). Adds nothing if
/// that would be too long.
fn push_original_recipient(commands: &mut String, to: &Address) {
    let (before, text) = (commands.len(), to.as_str());
    let is_ascii = text.is_ascii();
    commands.push_str(" ORCPT=");
    let value = commands.len();
    commands.push_str(if is_ascii { "rfc822;" } else { "utf-8;" });
    for c in text.chars() {
        let _ = match (c.is_ascii_graphic() && !"+=".contains(c), is_ascii) {
            (true, true) => commands.write_char(c),
            (true, false) if c != '\\' => commands.write_char(c),
            (_, true) => write!(commands, "+{:02X}", u32::from(c)),
            (_, false) => write!(commands, "\\x{{{:X}}}", u32::from(c)),
        };
    }
    if commands.len() - value > LONGEST_ORCPT {
        commands.truncate(before);
    }
}

impl Session {
    /// Asks the server whether it would take mail from a sender to a recipient: MAIL, RCPT and RSET. Nothing is sent.
    ///
    /// # Errors
    /// The step that was refused. [`Session::is_usable`] says whether the connection can still be used.
    pub async fn ask(&mut self, envelope: Envelope<'_>) -> Result<Reply, Failed> {
        let from = envelope.from.map_or("", Address::as_str);
        let mut answer = self.step(Stage::Mail, &format!("MAIL FROM:<{from}>\r\n")).await;
        if let (Ok(_), false) = (&answer, envelope.to.needs_smtputf8()) {
            answer = self.step(Stage::Rcpt, &format!("RCPT TO:<{}>\r\n", envelope.to.as_str())).await;
        }
        if self.usable {
            self.step(Stage::Mail, RSET).await?;
        }
        answer
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
        if !self.begin(envelope, message, before_data).await? {
            return Ok(None);
        }
        self.finish(message, uncertain, None).await.map(Some)
    }

    /// Begins a transaction, up to the server's go-ahead for the message: see [`Session::send`]. If its commands were written
    /// behind the message before, reads the replies to them. Returns false if `before_data` ended it.
    ///
    /// # Errors
    /// The step that failed. [`Session::is_usable`] says whether the connection can still be used.
    pub async fn begin(
        &mut self,
        envelope: Envelope<'_>,
        message: &[u8],
        before_data: impl Fn() -> bool,
    ) -> Result<bool, Failed> {
        self.lay_idle = self.ahead || self.heard.elapsed() > IDLE;
        if self.ahead {
            self.pipelined("").await?;
        } else {
            let commands = self.commands(&envelope, message, self.begun)?;
            if self.wire.is_out_of_step() {
                return Err(self.out_of_turn(Stage::Mail));
            }
            if self.extensions.pipelining {
                if !before_data() {
                    return Ok(false);
                }
                self.pipelined(&commands).await?;
            } else if !self.step_by_step(&commands, &before_data).await? {
                return Ok(false);
            }
        }
        if self.wire.is_out_of_step() {
            // A reply that arrives before the message would be read as the reply to the message.
            return Err(self.out_of_turn(Stage::Data));
        }
        if !before_data() {
            // Without its dot a message is incomplete: the server drops it when the connection ends.
            self.usable = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// The commands of a transaction that is to begin behind the message of the present one. The server must offer PIPELINING.
    ///
    /// # Errors
    /// What the message needs and the server does not offer.
    pub fn group(&self, envelope: Envelope<'_>, message: &[u8]) -> Result<Group, Failed> {
        self.commands(&envelope, message, false).map(Group)
    }

    /// MAIL, RCPT and DATA, with RSET before them if a transaction is open.
    fn commands(&self, envelope: &Envelope<'_>, message: &[u8], reset: bool) -> Result<String, Failed> {
        let unsupported = |what: String| Err(self.failed(Stage::Mail, Failure::Unsupported(what)));
        let offered = &self.extensions;
        let mut commands = String::with_capacity(ROOM);
        if reset {
            commands.push_str(RSET);
        }
        // Writing to a string does not fail.
        let _ = write!(commands, "MAIL FROM:<{}>", envelope.from.map_or("", Address::as_str));
        if let Some(limit) = offered.size {
            let size = message.len();
            if size > limit {
                return unsupported(format!("the message has {size} bytes, the server accepts {limit}"));
            }
            let _ = write!(commands, " SIZE={size}");
        }
        if !message.is_ascii() {
            if !offered.eight_bit_mime {
                return unsupported("the message needs 8BITMIME, which the server does not offer".to_owned());
            }
            commands.push_str(" BODY=8BITMIME");
        }
        if envelope.to.needs_smtputf8() || envelope.from.is_some_and(Address::needs_smtputf8) {
            if !offered.smtputf8 {
                return unsupported("the address needs SMTPUTF8, which the server does not offer".to_owned());
            }
            commands.push_str(" SMTPUTF8");
        }
        let reports = envelope.reports.filter(|_| offered.dsn);
        if let Some(Reports { delivery, .. }) = reports {
            let _ = write!(commands, " RET=HDRS ENVID={delivery}");
        }
        let _ = write!(commands, "\r\nRCPT TO:<{}>", envelope.to.as_str());
        if let Some(Reports { success, .. }) = reports {
            commands.push_str(if success { " NOTIFY=SUCCESS,FAILURE,DELAY" } else { " NOTIFY=FAILURE,DELAY" });
            push_original_recipient(&mut commands, envelope.to);
        }
        commands.push_str("\r\nDATA\r\n");
        Ok(commands)
    }

    /// The steps of a group of commands.
    fn stages(commands: &str) -> &'static [Stage] {
        if commands.starts_with(RSET) { &RESET_FIRST } else { &RESET_FIRST[1..] }
    }

    /// Runs up to the 354 reply, each command after the reply to the one before; false if `before_data` refuses.
    async fn step_by_step(&mut self, commands: &str, before_data: impl Fn() -> bool) -> Result<bool, Failed> {
        for (command, stage) in commands.split_inclusive('\n').zip(Self::stages(commands)) {
            if *stage == Stage::Data && !before_data() {
                return Ok(false);
            }
            self.step(*stage, command).await?;
            self.begun |= *stage == Stage::Mail && command != RSET;
        }
        Ok(true)
    }

    /// Runs up to the 354 reply, all commands in one write; none if they were written before. Every reply is read, also after a
    /// refusal, so that commands and replies stay in step; the first refusal counts.
    async fn pipelined(&mut self, commands: &str) -> Result<(), Failed> {
        self.begun = true;
        let (mut refused, mut recipient, mut go_ahead, mut unwritten) = (None, false, false, commands);
        for stage in Self::stages(commands) {
            let within = deadline(&self.deadlines, *stage);
            let within = if self.ahead { within.min(BEHIND) } else { within };
            let answer = self.step_within(within, *stage, std::mem::take(&mut unwritten)).await;
            self.ahead &= self.wire.is_late();
            match stage {
                Stage::Rcpt => recipient = answer.is_ok(),
                _ => go_ahead = answer.is_ok(),
            }
            if let Err(failed) = answer {
                let first = refused.take().unwrap_or(failed);
                if !self.usable {
                    return Err(first);
                }
                refused = Some(first);
            }
        }
        let Some(refused) = refused else { return Ok(()) };
        if go_ahead && recipient {
            // A dot would send the recipient an empty message.
            self.usable = false;
        } else if go_ahead {
            self.send_nothing().await;
        }
        Err(refused)
    }

    /// Ends a transaction that has a 354 reply but no recipient (RFC 2920 section 3.1). The reply to the dot does not matter,
    /// but must be read.
    async fn send_nothing(&mut self) {
        self.begun = false;
        let asked = self.wire.ask(Instant::now() + deadline(&self.deadlines, Stage::Data), ".\r\n");
        let answer = self.steps.time(Stage::Data, asked).await;
        // This also records whether the connection can still be used.
        let _ = self.answered(Stage::Dot, answer);
    }

    /// Sends the message of a transaction that [`Session::begin`] began, its final dot, and the next transaction's commands. If
    /// the connection is lost before the dot, the server cannot have accepted the message; after it, the outcome is uncertain.
    ///
    /// # Errors
    /// The step that failed. [`Session::is_usable`] says whether the connection can still be used.
    pub async fn finish(
        &mut self,
        message: &[u8],
        uncertain: &AtomicBool,
        behind: Option<&Group>,
    ) -> Result<Reply, Failed> {
        // Whatever the reply to the final dot, it ends the transaction.
        (self.begun, self.ahead) = (false, behind.is_some());
        let behind = behind.map_or("", |group| &group.0);
        let by = Instant::now() + deadline(&self.deadlines, Stage::Body);
        let writing = self.wire.write_message(by, (message, behind), uncertain);
        match self.steps.time(Stage::Body, writing).await {
            Ok(true) => {}
            // Only the answer to the dot is left to read.
            Ok(false) => self.abandon(),
            Err(lost) => {
                self.usable = false;
                let stage = if uncertain.load(Ordering::Relaxed) { Stage::Dot } else { Stage::Body };
                return Err(self.failed(stage, Failure::Unclear(lost)));
            }
        }
        let reply = self.step(Stage::Dot, "").await?;
        self.completed += 1;
        Ok(reply)
    }

    fn out_of_turn(&mut self, stage: Stage) -> Failed {
        self.usable = false;
        self.failed(stage, Failure::Unclear("the server sent a reply that was not requested".to_owned()))
    }
}
