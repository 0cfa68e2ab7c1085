//! An SMTP session with a relay: lettre's connection, driven step by step, each step with its own deadline.
//!
//! Known faults of lettre 0.11.23 and their workarounds:
//! - It leaves Nagle's algorithm on, which costs 40 ms per message: [`super::connect`] opens the connection itself.
//! - Its timeouts cover only the TCP connect: every step here has its own deadline (RFC 5321 section 4.5.3.2).
//! - It writes the message and the final dot separately and cannot pipeline: [`wire`] and [`transaction`] do both.
//! - It discards most of the EHLO reply: we send EHLO once more and parse the reply ourselves.
//! - It reads a line to its end however long it is, and fails on a bare code or a byte that is not UTF-8: what it reads is
//!   filtered by [`replies`].
//! - Its STARTTLS keeps what the server sent before TLS: [`stream`] does STARTTLS over a separate connection.

mod replies;
mod steps;
mod stream;
mod transaction;
mod wire;

use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::Ehlo;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use secrecy::ExposeSecret as _;
use tokio::time::{Instant, timeout};
pub use transaction::{Envelope, Reports};
use wire::Wire;

use crate::config::{Relay, Smtp, Tls};
use crate::domain::address::Address;
use crate::domain::reply::{Failure, Reply, Stage};
pub use steps::Steps;

/// A connection that was silent for longer may have been ended by the server.
const IDLE: Duration = Duration::from_secs(1);

/// The extensions that the server offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// RFC 1870: the largest message it accepts, in bytes; `None` if it states no limit.
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

/// A failed step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The step.
    pub stage: Stage,
    /// The cause.
    pub failure: Failure,
    /// True if the connection had completed a transaction before, or lay idle: its end is nobody's fault.
    pub reused: bool,
}

/// A connection after the greeting and, if the relay has a user, authentication.
pub struct Session {
    conn: AsyncSmtpConnection,
    wire: Wire,
    deadlines: Smtp,
    steps: Steps,
    extensions: Extensions,
    /// The host and IP address of the server.
    pub host: String,
    /// The TLS version, and whether the server was verified; empty without TLS.
    pub tls: String,
    /// The expiry of the server's certificate, if it presented a readable one.
    pub certificate_expires: Option<Timestamp>,
    completed: u64,
    /// When the server last heard from us.
    heard: Instant,
    /// It had not for a while when the present transaction began: servers end such connections.
    lay_idle: bool,
    usable: bool,
    /// True while a transaction is open: another MAIL would be refused as nested.
    begun: bool,
}

impl Session {
    /// Connects, encrypts, greets and authenticates.
    ///
    /// # Errors
    /// The step that failed; always the relay's fault.
    pub async fn open(relay: &Relay, deadlines: &Smtp) -> Result<Self, Failed> {
        Self::open_timed(relay, deadlines, Steps::default()).await
    }

    /// Opens a session and reports to `steps`, from now on, how long each step takes.
    ///
    /// # Errors
    /// The step that failed; always the relay's fault.
    pub async fn open_timed(relay: &Relay, deadlines: &Smtp, steps: Steps) -> Result<Self, Failed> {
        let hello = ClientId::Domain(deadlines.hello_name.to_string());
        let opened = stream::open(relay, deadlines, &hello, &steps).await?;
        let mut session = Self {
            conn: opened.conn,
            wire: opened.wire,
            deadlines: deadlines.clone(),
            steps,
            extensions: Extensions::default(),
            host: opened.host,
            tls: opened.tls,
            certificate_expires: opened.expires,
            completed: 0,
            heard: Instant::now(),
            lay_idle: false,
            usable: true,
            begun: false,
        };
        let ehlo = session.step(Stage::Greeting, Ehlo::new(hello)).await?;
        session.extensions = Extensions::read(&ehlo);
        if let (Some(user), Some(password)) = (&relay.url.user, &relay.password) {
            session.may_sign_in(relay, &ehlo)?;
            session.authenticate(Credentials::new(user.clone(), password.expose_secret().to_owned())).await?;
        }
        Ok(session)
    }

    /// Checks that the server offers a mechanism that we speak, and that the password is not sent to a stranger: opportunistic
    /// TLS verifies nobody, so only a server on this host gets one over it.
    fn may_sign_in(&self, relay: &Relay, ehlo: &Response) -> Result<(), Failed> {
        let refused = |what: String| Err(self.failed(Stage::Auth, Failure::Unclear(what)));
        if relay.url.tls == Tls::Opportunistic && !relay.url.is_loopback() {
            return refused("`tls=opportunistic` verifies no server, so no password is sent".to_owned());
        }
        let offered: Vec<&str> =
            ehlo.message().filter_map(|line| line.strip_prefix("AUTH ")).flat_map(str::split_whitespace).collect();
        match offered.as_slice() {
            [] => refused("the server offers no AUTH; many do so only over TLS".to_owned()),
            _ if offered.iter().any(|it| ["PLAIN", "LOGIN"].contains(it)) => Ok(()),
            _ => refused(format!("the server offers AUTH {}, Besked speaks PLAIN and LOGIN", offered.join(", "))),
        }
    }

    async fn authenticate(&mut self, credentials: Credentials) -> Result<(), Failed> {
        let mechanisms = [Mechanism::Plain, Mechanism::Login];
        let asked = timeout(self.deadlines.auth, self.conn.auth(&mechanisms, &credentials));
        let asked = self.steps.time(Stage::Auth, asked).await;
        self.answered(Stage::Auth, asked).map(drop)
    }

    /// The extensions that the server offers.
    #[must_use]
    pub fn extensions(&self) -> Extensions {
        self.extensions
    }

    /// True if further transactions can be tried on this connection.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Sends QUIT, without waiting long for the reply.
    pub async fn quit(mut self) {
        if self.usable {
            // The server may have closed already; the session ends either way.
            let _ = timeout(Duration::from_secs(1), self.conn.quit()).await;
        }
    }

    async fn step(&mut self, stage: Stage, command: impl std::fmt::Display) -> Result<Response, Failed> {
        let deadline = self.deadline(stage);
        let answer = self.steps.time(stage, timeout(deadline, self.conn.command(command))).await;
        self.answered(stage, answer)
    }

    /// A reply that is neither a refusal nor what the step waits for: a 354 to RCPT says nothing about the recipient.
    fn is_out_of_place(stage: Stage, response: &Response) -> bool {
        matches!(stage, Stage::Greeting | Stage::Mail | Stage::Rcpt) && u16::from(response.code()) / 100 != 2
    }

    fn answered(&mut self, stage: Stage, answer: stream::Answer) -> Result<Response, Failed> {
        let answer = stream::failure_of(answer, &self.wire);
        self.heard = Instant::now();
        if let Ok(response) = &answer
            && Self::is_out_of_place(stage, response)
        {
            self.usable = false;
            return Err(self.failed(stage, unexpected(response)));
        }
        answer.map_err(|failure| {
            // After a clear refusal other than 421 the server waits for the next command.
            self.usable &= failure.code().is_some_and(|code| code != 421);
            self.failed(stage, failure)
        })
    }

    fn failed(&self, stage: Stage, failure: Failure) -> Failed {
        Failed { stage, failure, reused: self.completed > 0 || self.lay_idle }
    }
}

fn unexpected(response: &Response) -> Failure {
    let reply = reply(response);
    Failure::Unclear(format!("unexpected reply: {} {}", reply.code, reply.text))
}

fn reply(response: &Response) -> Reply {
    Reply { code: response.code().into(), text: response.message().collect::<Vec<_>>().join("\n") }
}

/// The address in lettre's type. What an address is, is decided once, in [`Address::parse`]: lettre's own rule refuses local parts
/// that RFC 6531 allows.
fn lettre_address(address: &Address) -> lettre::Address {
    lettre::Address::new_dangerous(address.local(), address.domain())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lettre_accepts_every_address_that_we_accept() {
        for text in
            ["a@example.com", "Åsa.Öberg@räksmörgås.example", "a!#$%&'*+-/=?^_`{|}~b@example.com", "株@例え.example"]
        {
            let address = Address::parse(text).unwrap();
            assert_eq!(lettre_address(&address).to_string(), address.as_str());
        }
    }
}
