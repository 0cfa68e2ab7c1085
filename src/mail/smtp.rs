//! An SMTP session with a relay: lettre's connection, driven step by step, each step under its own deadline.
//!
//! Known faults of lettre 0.11.23 and the ways around them:
//! - It leaves Nagle's algorithm on, which costs 40 ms a message: [`connect`] opens the connection itself.
//! - Its timeouts cover the TCP connect only: every step here has its deadline (RFC 5321 section 4.5.3.2).
//! - It writes the message and the final dot apart and cannot pipeline: [`wire`] and [`transaction`] do both.
//! - It forgets most of the EHLO answer: we ask once more and read it ourselves.
//! - It reads a line to its end however long it is, and gives up over a bare code or a byte that is not UTF-8: what it
//!   reads comes through [`replies`].
//! - Its STARTTLS keeps what the server sent before TLS: [`stream`] does STARTTLS over a connection of its own.

mod connect;
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
use tokio::time::timeout;
pub use transaction::Envelope;
use wire::Wire;

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
    wire: Wire,
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
            wire: opened.wire,
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
}

fn unexpected(response: &Response) -> Failure {
    let reply = reply(response);
    Failure::Unclear(format!("unexpected answer: {} {}", reply.code, reply.text))
}

fn reply(response: &Response) -> Reply {
    Reply { code: response.code().into(), text: response.message().collect::<Vec<_>>().join("\n") }
}

/// The address as lettre wants it.
fn lettre_address(address: &Address) -> lettre::Address {
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
            assert_eq!(lettre_address(&address).to_string(), address.as_str());
        }
    }
}
