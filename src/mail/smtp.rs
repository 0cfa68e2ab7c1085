//! An SMTP session with a relay, driven step by step, each step with its own deadline (RFC 5321 section 4.5.3.2).

mod replies;
mod steps;
mod stream;
mod transaction;
mod wire;

use std::time::Duration;

use data_encoding::BASE64;
use jiff::Timestamp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use secrecy::ExposeSecret as _;
use tokio::time::Instant;
pub use transaction::{Envelope, Group, Reports};
use wire::{Stream, Wire};

use crate::config::{Relay, Smtp, Tls};
use crate::domain::reply::{Failure, Reply, Stage};
use crate::mail::connect::connect;
use replies::Answer;
pub use steps::Steps;
use stream::{encrypt, unclear};

/// A connection that was silent for longer may have been ended by the server.
const IDLE: Duration = Duration::from_secs(1);

/// How long the server may take for its first answer to commands that were written behind a message, once that is answered: it has
/// had them since. The connection ends then, and the delivery is harmed as little as by a server that ends it.
const BEHIND: Duration = Duration::from_secs(2);

/// The most challenges that are answered before a login fails.
const CHALLENGES: usize = 10;

/// The answers to EHLO of servers that may not know it: no such command (500, 502), not with this parameter (504), or any other
/// reason (550).
const WITHOUT_EHLO: [u16; 4] = [500, 502, 504, 550];

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

/// What the reply to EHLO says.
#[derive(Debug, Default)]
struct Offered {
    extensions: Extensions,
    starttls: bool,
    /// The mechanisms of AUTH.
    auth: Vec<String>,
}

impl Offered {
    /// Reads keywords in any case (RFC 5321 section 4.1.1.1), and `AUTH=`, which old servers announce.
    fn read(ehlo: &Reply) -> Self {
        let mut offered = Self::default();
        let extensions = &mut offered.extensions;
        for line in ehlo.text.split('\n').skip(1) {
            let (keyword, values) = line.split_once([' ', '=']).unwrap_or((line, ""));
            let mut values = values.split_whitespace();
            match keyword.to_ascii_uppercase().as_str() {
                "SIZE" => extensions.size = values.next().and_then(|size| size.parse().ok()).filter(|size| *size > 0),
                "8BITMIME" => extensions.eight_bit_mime = true,
                "SMTPUTF8" => extensions.smtputf8 = true,
                "PIPELINING" => extensions.pipelining = true,
                "DSN" => extensions.dsn = true,
                "STARTTLS" => offered.starttls = true,
                "AUTH" => offered.auth.extend(values.map(str::to_ascii_uppercase)),
                _ => {}
            }
        }
        offered
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
    /// True once the commands of the next transaction were written behind a message, until a reply to them is read.
    ahead: bool,
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
        let mut session = Self::connect(relay, deadlines, steps).await?;
        match session.prepare(relay).await {
            Ok(()) => Ok(session),
            Err(failed) => {
                session.quit().await;
                Err(failed)
            }
        }
    }

    async fn prepare(&mut self, relay: &Relay) -> Result<(), Failed> {
        if relay.url.tls == Tls::Implicit {
            self.encrypt(relay, Stage::Connect).await?;
        }
        self.step(Stage::Greeting, "").await?;
        let mut offered = self.greet().await?;
        if relay.url.tls == Tls::Required || (relay.url.tls == Tls::Opportunistic && offered.starttls) {
            self.starttls(relay, &offered).await?;
            offered = self.greet().await?;
        }
        self.extensions = offered.extensions;
        if let (Some(user), Some(password)) = (&relay.url.user, &relay.password) {
            let mechanism = self.may_sign_in(relay, &offered.auth)?;
            self.authenticate(mechanism, &Credentials::new(user.clone(), password.expose_secret().to_owned())).await?;
        }
        Ok(())
    }

    async fn connect(relay: &Relay, deadlines: &Smtp, steps: Steps) -> Result<Self, Failed> {
        let tcp = steps.time(Stage::Connect, connect(&relay.url.host, relay.url.port, deadlines.connect)).await;
        let tcp = tcp.map_err(|error| unclear(Stage::Connect, &error))?;
        let peer = tcp.peer_addr().map_err(|error| unclear(Stage::Connect, &error))?;
        Ok(Self {
            host: format!("{} [{}]:{}", relay.url.host, peer.ip(), peer.port()),
            ..Self::over(Box::new(tcp), deadlines, steps)
        })
    }

    /// A session over a connection to a server that has said nothing yet.
    fn over(stream: Box<dyn Stream>, deadlines: &Smtp, steps: Steps) -> Self {
        Self {
            wire: Wire::new(stream),
            deadlines: deadlines.clone(),
            steps,
            extensions: Extensions::default(),
            host: String::new(),
            tls: String::new(),
            certificate_expires: None,
            completed: 0,
            heard: Instant::now(),
            lay_idle: false,
            usable: true,
            begun: false,
            ahead: false,
        }
    }

    /// Sends EHLO, and HELO to a server that does not know it (RFC 5321 section 3.2): such a server offers nothing.
    async fn greet(&mut self) -> Result<Offered, Failed> {
        let [ehlo, helo] = ["EHLO", "HELO"].map(|verb| format!("{verb} {}\r\n", self.deadlines.hello_name));
        let mut failed = match self.step(Stage::Greeting, &ehlo).await {
            Ok(reply) => return Ok(Offered::read(&reply)),
            Err(failed) => failed,
        };
        if let Failure::Replied(reply) = &mut failed.failure {
            reply.text.push_str(" (in reply to EHLO)");
            // Its answer to EHLO says more than one to HELO, if that is refused as well.
            if WITHOUT_EHLO.contains(&reply.code) && self.step(Stage::Greeting, &helo).await.is_ok() {
                return Ok(Offered::default());
            }
        }
        Err(failed)
    }

    /// Sends STARTTLS and does the handshake. What an attacker injects behind the server's reply would count as said under TLS:
    /// nothing may be there (RFC 3207 section 6).
    async fn starttls(&mut self, relay: &Relay, offered: &Offered) -> Result<(), Failed> {
        if !offered.starttls {
            return Err(unclear(Stage::StartTls, &"the server does not offer STARTTLS, which this relay requires"));
        }
        let answer = self.wire.ask(Instant::now() + self.deadlines.greeting, "STARTTLS\r\n").await;
        self.answered(Stage::StartTls, answer)?;
        self.encrypt(relay, Stage::StartTls).await
    }

    async fn encrypt(&mut self, relay: &Relay, stage: Stage) -> Result<(), Failed> {
        let Some(plain) = self.wire.take() else {
            self.usable = false;
            return Err(unclear(
                stage,
                &"the server sent more than its reply before TLS: somebody may have injected it",
            ));
        };
        let encrypted = encrypt(plain, relay, stage, self.deadlines.connect);
        let encrypted = self.steps.time(Stage::StartTls, encrypted).await?;
        self.wire.set(encrypted.stream);
        (self.tls, self.certificate_expires) = (encrypted.tls, encrypted.expires);
        Ok(())
    }

    /// Chooses a mechanism that we speak, and checks that the password is not sent to a stranger: opportunistic TLS verifies
    /// nobody, so only a server on this host gets one over it.
    fn may_sign_in(&self, relay: &Relay, offered: &[String]) -> Result<Mechanism, Failed> {
        let refused = |what: String| Err(self.failed(Stage::Auth, Failure::Unclear(what)));
        if relay.url.tls == Tls::Opportunistic && !relay.url.is_loopback() {
            return refused("`tls=opportunistic` verifies no server, so no password is sent".to_owned());
        }
        let ours = [Mechanism::Plain, Mechanism::Login];
        match ours.into_iter().find(|ours| offered.contains(&ours.to_string())) {
            Some(mechanism) => Ok(mechanism),
            None if offered.is_empty() => refused("the server offers no AUTH; many do so only over TLS".to_owned()),
            None => refused(format!("the server offers AUTH {}, Besked speaks PLAIN and LOGIN", offered.join(", "))),
        }
    }

    async fn authenticate(&mut self, mechanism: Mechanism, credentials: &Credentials) -> Result<(), Failed> {
        let (wire, by) = (&mut self.wire, Instant::now() + self.deadlines.auth);
        let asked = async {
            let mut command = format!("AUTH {mechanism}");
            if mechanism.supports_initial_response()
                && let Ok(response) = mechanism.response(credentials, None)
            {
                command = format!("{command} {}", BASE64.encode(response.as_bytes()));
            }
            let mut answer = wire.ask(by, &format!("{command}\r\n")).await?;
            for _ in 0..CHALLENGES {
                let Some(response) = response(mechanism, credentials, &answer) else { break };
                answer = wire.ask(by, &format!("{}\r\n", BASE64.encode(response.as_bytes()))).await?;
            }
            Ok(answer)
        };
        let answer = self.steps.time(Stage::Auth, asked).await;
        self.answered(Stage::Auth, answer).map(drop)
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

    /// True while a transaction is begun behind the message before it: [`Session::begin`] must follow, or [`Session::abandon`]. True
    /// after [`Session::begin`] if the server answered none of its commands in time.
    #[must_use]
    pub const fn is_ahead(&self) -> bool {
        self.ahead
    }

    /// Lets the connection be closed as it is. A server drops a message that has no dot.
    pub const fn abandon(&mut self) {
        (self.usable, self.ahead) = (false, false);
    }

    /// Sends QUIT, without waiting long for the reply. Just closes the connection if the server waits for a message.
    pub async fn quit(mut self) {
        if self.usable && !self.ahead {
            // The server may have closed already; the session ends either way.
            let _ = self.wire.ask(Instant::now() + Duration::from_secs(1), "QUIT\r\n").await;
        }
    }

    /// Writes commands, if any, and reads the reply to the first that has none yet.
    async fn step(&mut self, stage: Stage, commands: &str) -> Result<Reply, Failed> {
        self.step_within(deadline(&self.deadlines, stage), stage, commands).await
    }

    async fn step_within(&mut self, within: Duration, stage: Stage, commands: &str) -> Result<Reply, Failed> {
        let asked = self.wire.ask(Instant::now() + within, commands);
        let answer = self.steps.time(stage, asked).await;
        self.answered(stage, answer)
    }

    /// Separates what the step waits for from everything else. What is neither that nor a refusal is unclear: a 354 to RCPT says
    /// nothing about the recipient.
    fn answered(&mut self, stage: Stage, answer: Answer) -> Result<Reply, Failed> {
        self.heard = Instant::now();
        let is_awaited = |code| if stage == Stage::Data { code == 354 } else { code < 300 };
        let failure = match answer {
            Ok(reply) if is_awaited(reply.code) => return Ok(reply),
            Ok(reply) if reply.code >= 400 => Failure::Replied(reply),
            Ok(Reply { code, text }) => Failure::Unclear(format!("unexpected reply: {code} {text}")),
            Err(failure) => failure,
        };
        // After a clear refusal other than 421 the server waits for the next command.
        self.usable &= failure.code().is_some_and(|code| code != 421);
        Err(self.failed(stage, failure))
    }

    fn failed(&self, stage: Stage, failure: Failure) -> Failed {
        Failed { stage, failure, reused: self.completed > 0 || self.lay_idle }
    }
}

/// The response to a challenge; `None` if the server has not asked for anything that we know.
fn response(mechanism: Mechanism, credentials: &Credentials, answer: &Reply) -> Option<String> {
    let challenge = answer.text.split_whitespace().next().filter(|_| answer.code == 334)?;
    let challenge = String::from_utf8(BASE64.decode(challenge.as_bytes()).ok()?).ok()?;
    mechanism.response(credentials, Some(&challenge)).ok()
}

const fn deadline(of: &Smtp, stage: Stage) -> Duration {
    match stage {
        Stage::Connect | Stage::StartTls => of.connect,
        Stage::Greeting => of.greeting,
        Stage::Auth => of.auth,
        Stage::Mail => of.mail,
        Stage::Rcpt => of.rcpt,
        Stage::Data => of.data,
        Stage::Body => of.body,
        Stage::Dot => of.dot,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_understood_in_any_case() {
        let text = "relay.example\nauth plain Login\nAUTH=CRAM-MD5\nstarttls\nSize 1000\n8BitMime\nX-EXPS gssapi\n\n ";
        let offered = Offered::read(&Reply { code: 250, text: text.to_owned() });
        assert!(offered.starttls);
        assert_eq!(offered.auth, ["PLAIN", "LOGIN", "CRAM-MD5"]);
        let extensions = Extensions { size: Some(1000), eight_bit_mime: true, ..Extensions::default() };
        assert_eq!(offered.extensions, extensions);
        let first = Offered::read(&Reply { code: 250, text: "PIPELINING\nSIZE\nsize 0".to_owned() });
        assert_eq!(first.extensions, Extensions::default(), "the first line is a name");
    }
}
