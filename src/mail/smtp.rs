//! An SMTP session with a relay: lettre's connection, driven step by step, each step under its own deadline.
//!
//! Known faults of lettre 0.11.23 and the ways around them:
//! - It leaves Nagle's algorithm on, which costs 40 ms a message: [`stream`] opens the connection itself.
//! - Its timeouts cover the TCP connect only: every step here has its deadline (RFC 5321 section 4.5.3.2).
//! - It sends bare LF as it stands, which defeats its dot-stuffing: only CRLF-normalised messages come here.
//! - It appends CRLF before the dot: it is handed the message without its last CRLF.
//! - It forgets most of the EHLO answer: we ask once more and read it ourselves.
//! - It does not understand a reply of a bare code: [`spaced`] puts in the space that it wants.
//! - Its STARTTLS keeps what the server sent before TLS: [`stream`] does STARTTLS over a connection of its own.

mod spaced;
mod steps;
mod stream;

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout};

use crate::config::{Relay, Smtp};
use crate::domain::address::Address;
use crate::domain::reply::{Failure, Reply, Stage};
pub use steps::Steps;

/// What the server said it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// RFC 1870: the largest message it takes, in bytes; 0 or absent for no stated limit.
    pub size: Option<usize>,
    /// RFC 6152.
    pub eight_bit_mime: bool,
    /// RFC 6531.
    pub smtputf8: bool,
    /// RFC 2920.
    pub pipelining: bool,
    /// RFC 3461.
    pub dsn: bool,
}

impl Extensions {
    fn read(ehlo: &Response) -> Self {
        let mut extensions = Self::default();
        for line in ehlo.message().skip(1) {
            let mut words = line.split_whitespace();
            match words.next().unwrap_or_default().to_ascii_uppercase().as_str() {
                "SIZE" => extensions.size = words.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0),
                "8BITMIME" => extensions.eight_bit_mime = true,
                "SMTPUTF8" => extensions.smtputf8 = true,
                "PIPELINING" => extensions.pipelining = true,
                "DSN" => extensions.dsn = true,
                _ => {}
            }
        }
        extensions
    }
}

/// A step that did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// How far it had come.
    pub stage: Stage,
    /// Why it ended.
    pub failure: Failure,
    /// True where the connection had completed a transaction before.
    pub reused: bool,
}

/// A connection that is greeted and, where the relay has a user, authenticated.
pub struct Session {
    conn: AsyncSmtpConnection,
    deadlines: Smtp,
    steps: Steps,
    extensions: Extensions,
    /// Host and IP address at the other end.
    pub host: String,
    /// TLS version; empty without TLS.
    pub tls: String,
    /// When the server's certificate expires, where it has shown one that can be read.
    pub certificate_expires: Option<Timestamp>,
    completed: u64,
    usable: bool,
    /// True while a transaction is begun and not ended: another MAIL would be refused as nested.
    begun: bool,
}

impl Session {
    /// Connects, encrypts, greets and authenticates.
    ///
    /// # Errors
    /// The step that failed, always the relay's fault.
    pub async fn open(relay: &Relay, deadlines: &Smtp) -> Result<Self, Failed> {
        Self::open_timed(relay, deadlines, Steps::default()).await
    }

    /// The same, and tells `steps` from now on how long each step takes.
    ///
    /// # Errors
    /// The step that failed, always the relay's fault.
    pub async fn open_timed(relay: &Relay, deadlines: &Smtp, steps: Steps) -> Result<Self, Failed> {
        let hello = hello_name(deadlines);
        let opened = stream::open(relay, deadlines, &hello, &steps).await?;
        let mut session = Self {
            conn: opened.conn,
            deadlines: deadlines.clone(),
            steps,
            extensions: Extensions::default(),
            host: opened.host,
            tls: opened.tls,
            certificate_expires: opened.expires,
            completed: 0,
            usable: true,
            begun: false,
        };
        let ehlo = session.step(Stage::Greeting, Ehlo::new(hello)).await?;
        session.extensions = Extensions::read(&ehlo);
        if let (Some(user), Some(password)) = (&relay.url.user, &relay.password) {
            session.authenticate(Credentials::new(user.clone(), password.expose_secret().to_owned())).await?;
        }
        Ok(session)
    }

    async fn authenticate(&mut self, credentials: Credentials) -> Result<(), Failed> {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let asked = timeout(self.deadlines.auth, self.conn.auth(&mechanisms, &credentials));
        let asked = self.steps.time(Stage::Auth, asked).await;
        self.answered(Stage::Auth, asked).map(drop)
    }

    /// One transaction: a message, CRLF-normalised and ending in CRLF, to one recipient. `before_data` decides, after RCPT
    /// and before DATA, whether it may go on; false ends the transaction with `Ok(None)`. `in_doubt` is set when the final dot is
    /// begun: whoever aborts this future from then on cannot know whether the server took the message.
    ///
    /// # Errors
    /// The step that failed. [`Session::is_usable`] tells whether the connection can still be used.
    pub async fn send(
        &mut self,
        from: &Address,
        to: &Address,
        message: &[u8],
        in_doubt: &AtomicBool,
        before_data: impl FnOnce() -> bool,
    ) -> Result<Option<Reply>, Failed> {
        let parameters = self.parameters(from, to, message)?;
        if self.begun {
            self.step(Stage::Mail, Rset).await?;
        }
        self.step(Stage::Mail, Mail::new(Some(envelope(from)), parameters)).await?;
        self.begun = true;
        self.step(Stage::Rcpt, Rcpt::new(envelope(to), Vec::new())).await?;
        if !before_data() {
            return Ok(None);
        }
        let go_ahead = self.step(Stage::Data, Data).await?;
        if !go_ahead.has_code(354) {
            self.usable = false;
            return Err(self.failed(Stage::Data, unexpected(&go_ahead)));
        }
        // Whatever the answer to the final dot, the transaction is over with it.
        self.begun = false;
        let reply = self.body(message, in_doubt).await?;
        self.completed += 1;
        Ok(Some(reply))
    }

    /// What the server said it can do.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// True while further transactions can be tried on this connection.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Says goodbye, without waiting long for the answer.
    pub async fn quit(mut self) {
        if self.usable {
            // The server may be gone already; we are leaving either way.
            let _ = timeout(Duration::from_secs(1), self.conn.quit()).await;
        }
    }

    fn parameters(&self, from: &Address, to: &Address, message: &[u8]) -> Result<Vec<MailParameter>, Failed> {
        let unsupported = |what: String| self.failed(Stage::Mail, Failure::Unsupported(what));
        let mut parameters = Vec::new();
        if let Some(limit) = self.extensions.size {
            if message.len() > limit {
                return Err(unsupported(format!("the message has {} bytes, the server takes {limit}", message.len())));
            }
            parameters.push(MailParameter::Size(message.len()));
        }
        if !message.is_ascii() {
            if !self.extensions.eight_bit_mime {
                return Err(unsupported("the message needs 8BITMIME, which the server does not offer".to_owned()));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if to.needs_smtputf8() || from.needs_smtputf8() {
            if !self.extensions.smtputf8 {
                return Err(unsupported("the address needs SMTPUTF8, which the server does not offer".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        Ok(parameters)
    }

    /// Sends the message and its final dot. Whether a loss came before or after the dot makes all the difference: before
    /// it, the server cannot have taken the message.
    async fn body(&mut self, message: &[u8], in_doubt: &AtomicBool) -> Result<Reply, Failed> {
        let without_last_crlf = message.strip_suffix(b"\r\n").unwrap_or(message);
        // lettre asks for the next part once the one before is written, and writes the dot when there is none.
        let mut parts = std::iter::once(without_last_crlf);
        let (began, dot) = (Instant::now(), OnceLock::new());
        let parts = std::iter::from_fn(|| {
            let part = parts.next();
            part.is_none().then(|| dot.get_or_init(Instant::now));
            in_doubt.store(part.is_none(), Ordering::Relaxed);
            part
        });
        let mut sending = Box::pin(self.conn.message_iter(parts));
        let mut answer = timeout(self.deadlines.body, &mut sending).await;
        if answer.is_err() && in_doubt.load(Ordering::Relaxed) {
            answer = timeout(self.deadlines.dot, &mut sending).await;
        }
        drop(sending);
        self.steps.message(began, dot.get().copied());
        let stage = if in_doubt.load(Ordering::Relaxed) { Stage::Dot } else { Stage::Body };
        let response = self.answered(stage, answer)?;
        if u16::from(response.code()) / 100 != 2 {
            self.usable = false;
            return Err(self.failed(stage, unexpected(&response)));
        }
        Ok(reply(&response))
    }

    async fn step(&mut self, stage: Stage, command: impl std::fmt::Display) -> Result<Response, Failed> {
        let deadline = self.deadline(stage);
        let answer = self.steps.time(stage, timeout(deadline, self.conn.command(command))).await;
        self.answered(stage, answer)
    }

    fn answered(&mut self, stage: Stage, answer: stream::Answer) -> Result<Response, Failed> {
        let answer = stream::failure_of(answer);
        answer.map_err(|failure| {
            // After a clear refusal other than "closing down" the server waits for the next command.
            self.usable &= failure.code().is_some_and(|code| code != 421);
            self.failed(stage, failure)
        })
    }

    fn failed(&self, stage: Stage, failure: Failure) -> Failed {
        Failed { stage, failure, reused: self.completed > 0 }
    }

    fn deadline(&self, stage: Stage) -> Duration {
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

fn unexpected(response: &Response) -> Failure {
    let reply = reply(response);
    Failure::Unclear(format!("unexpected answer: {} {}", reply.code, reply.text))
}

fn reply(response: &Response) -> Reply {
    Reply { code: response.code().into(), text: response.message().collect::<Vec<_>>().join("\n") }
}

/// The address as lettre wants it.
fn envelope(address: &Address) -> lettre::Address {
    lettre::Address::new(address.local(), address.domain()).expect("our rules for addresses are stricter than lettre's")
}

fn hello_name(smtp: &Smtp) -> ClientId {
    if smtp.hello_name.is_empty() { ClientId::default() } else { ClientId::Domain(smtp.hello_name.clone()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lettre_takes_every_address_that_we_take() {
        for text in
            ["a@example.com", "Åsa.Öberg@räksmörgås.example", "a!#$%&'*+-/=?^_`{|}~b@example.com", "株@例え.example"]
        {
            let address = Address::parse(text).unwrap();
            assert_eq!(envelope(&address).to_string(), address.as_str());
        }
    }
}
