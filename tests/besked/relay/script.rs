//! What the relay does: a script of rules, each for one step of the conversation.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// A point of the conversation at which a rule can apply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Before the TLS handshake, from the first byte or after STARTTLS.
    Tls,
    /// A connection was made; the greeting is due.
    Greeting,
    Ehlo,
    StartTls,
    /// The AUTH command.
    Auth,
    Mail,
    Rcpt,
    Data,
    /// While the message is read, after the go-ahead.
    Body,
    /// The final dot has come; nothing is taken yet.
    Dot,
    Quit,
    /// RSET, NOOP, and whatever the server does not know.
    Other,
}

/// What is done at a step, instead of the usual.
#[derive(Clone, Debug)]
pub enum Act {
    /// As usual: for rules that only wait.
    Usual,
    /// Replies with exactly this. The code counts: after a 2xx to the dot the message is accepted.
    Reply(&'static str),
    /// The same, of any bytes.
    Bytes(Vec<u8>),
    /// Replies with exactly these bytes, then closes.
    ReplyAndClose(Vec<u8>),
    /// Replies as usual, with these bytes after the reply in the same write.
    Inject(Vec<u8>),
    /// Replies as usual, then closes.
    CloseAfter,
    /// Closes without a reply; at the dot nothing is accepted.
    Close,
    /// At the dot: accepts the message, then closes without a reply.
    TakeAndClose,
    /// At the body: closes when this many bytes of it have come.
    CloseAfterBytes(usize),
    /// At the dot: replies as usual, and drops the commands that came behind the message, if any have come.
    DropBehind,
    /// Never replies, and reads no further.
    Stall,
    /// Replies with these bytes again and again, as long as somebody reads.
    Endless(&'static [u8]),
    /// Replies with these bytes and then others without end, one every ten seconds.
    Drip(&'static [u8]),
}

/// One rule of a script. The first that matches and is not used up applies.
#[derive(Clone, Debug)]
pub struct Rule {
    step: Step,
    when: String,
    skip: usize,
    left: usize,
    rate: Option<Rate>,
    gate: Option<Gate>,
    act: Act,
}

/// How often in a second a step is let through, and when it lately was.
#[derive(Clone, Debug)]
struct Rate {
    per_second: usize,
    passed: VecDeque<Instant>,
}

/// A rule for a step: unless narrowed, for each time it comes.
pub fn on(step: Step) -> Rule {
    Rule { step, when: String::new(), skip: 0, left: usize::MAX, rate: None, gate: None, act: Act::Usual }
}

impl Rule {
    /// A rule for commands that contain some text: see [`super::Relay::on`].
    pub(super) fn of(text: &str) -> Self {
        let verb = text.split([' ', ':']).next().unwrap_or_default();
        let step = match verb {
            "EHLO" => Step::Ehlo,
            "STARTTLS" => Step::StartTls,
            "AUTH" => Step::Auth,
            "MAIL" => Step::Mail,
            "RCPT" => Step::Rcpt,
            "DATA" => Step::Data,
            "." => Step::Dot,
            "QUIT" => Step::Quit,
            _ => Step::Other,
        };
        // The text of a dot is the envelope.
        on(step).when(if matches!(verb, "." | "DATA") { text[verb.len()..].trim_start() } else { text })
    }

    /// Only if the command line contains this; at DATA, body and dot, if the envelope does.
    pub fn when(mut self, text: &str) -> Self {
        self.when = text.to_owned();
        self
    }

    /// Only the first `times` times.
    pub fn times(mut self, times: usize) -> Self {
        self.left = times;
        self
    }

    /// Only the `nth` time, from 1, whichever the connection.
    pub fn nth(mut self, nth: usize) -> Self {
        self.skip = nth - 1;
        self.times(1)
    }

    /// Only what comes more often than this in a second.
    pub fn above(mut self, per_second: usize) -> Self {
        self.rate = Some(Rate { per_second, passed: VecDeque::new() });
        self
    }

    /// Waits until the test opens the gate.
    pub fn after(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    pub fn act(mut self, act: Act) -> Self {
        self.act = act;
        self
    }

    pub fn reply(self, bytes: impl AsRef<[u8]>) -> Self {
        self.act(Act::Bytes(bytes.as_ref().to_vec()))
    }

    pub fn close(self) -> Self {
        self.act(Act::Close)
    }

    pub fn stall(self) -> Self {
        self.act(Act::Stall)
    }

    fn fits(&mut self, step: Step, text: &str) -> bool {
        if self.step != step || self.left == 0 || !text.contains(&self.when) {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.rate.as_mut().is_some_and(Rate::passes) {
            return false;
        }
        self.left = self.left.saturating_sub(usize::from(self.left != usize::MAX));
        true
    }
}

impl Rate {
    fn passes(&mut self) -> bool {
        let now = Instant::now();
        self.passed.retain(|at| now - *at < Duration::from_secs(1));
        let passes = self.passed.len() < self.per_second;
        if passes {
            self.passed.push_back(now);
        }
        passes
    }
}

/// A point at which the server waits until the test lets it continue.
#[derive(Clone, Debug)]
pub struct Gate {
    reached: Arc<Semaphore>,
    open: Arc<Semaphore>,
}

impl Gate {
    pub fn new() -> Self {
        Self { reached: Arc::new(Semaphore::new(0)), open: Arc::new(Semaphore::new(0)) }
    }

    /// Returns once the server waits at the gate; each arrival counts once.
    pub async fn reached(&self) {
        let arrival = super::in_time("the server comes to the gate", self.reached.acquire()).await;
        arrival.expect("nobody closes it").forget();
    }

    /// Lets the server pass, now and from now on.
    pub fn open(&self) {
        self.open.close();
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        // Closing the semaphore is what opens the gate.
        let _ = self.open.acquire().await;
    }
}

/// How the server encrypts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    None,
    StartTls,
    /// From the first byte.
    Implicit,
}

/// The extensions of the server, and how it differs from the usual.
#[derive(Clone, Debug)]
pub struct Script {
    pub(super) extensions: Vec<&'static str>,
    pub(super) size: usize,
    pub(super) encryption: Encryption,
    pub(super) certified_name: &'static str,
    pub(super) user: Option<(&'static str, &'static str)>,
    rules: Vec<Rule>,
}

impl Default for Script {
    /// Accepts everything from everybody, without TLS.
    fn default() -> Self {
        Self {
            extensions: vec!["8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES", "PIPELINING", "DSN"],
            size: 10_000_000,
            encryption: Encryption::None,
            certified_name: "127.0.0.1",
            user: None,
            rules: Vec::new(),
        }
    }
}

impl Script {
    /// Offers these extensions only, beside SIZE, AUTH and STARTTLS, which have functions of their own.
    pub fn extensions(mut self, extensions: &[&'static str]) -> Self {
        self.extensions = extensions.to_vec();
        self
    }

    /// No longer offers an extension.
    pub fn without(mut self, extension: &str) -> Self {
        self.extensions.retain(|it| *it != extension);
        self
    }

    /// Accepts messages up to this size; offers no SIZE for 0.
    pub fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    pub fn encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// Shows a certificate for this name instead of 127.0.0.1. Counts when the server starts.
    pub fn certified_name(mut self, name: &'static str) -> Self {
        self.certified_name = name;
        self
    }

    /// Accepts mail from this user only.
    pub fn user(mut self, name: &'static str, password: &'static str) -> Self {
        self.user = Some((name, password));
        self
    }

    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    pub(super) fn offers(&self, extension: &str) -> bool {
        self.extensions.contains(&extension)
    }

    pub(super) fn add(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// The rule for this moment, used up by one.
    pub(super) fn decide(&mut self, step: Step, text: &str) -> (Option<Gate>, Act) {
        let rule = self.rules.iter_mut().find_map(|rule| rule.fits(step, text).then_some(rule));
        rule.map_or((None, Act::Usual), |rule| (rule.gate.clone(), rule.act.clone()))
    }
}

pub(super) async fn pass(gate: Option<Gate>) {
    if let Some(gate) = gate {
        gate.pass().await;
    }
}
