//! The conversation on one connection: RFC 5321, unless the script differs.

use std::io;
use std::time::Duration;

use besked::domain::clock::Clock;
use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::script::{Act, Encryption, Script, Step, pass};
use super::{Received, Shared};

/// A connection, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Wire for T {}

struct Conversation<'a> {
    wire: BufReader<Box<dyn Wire>>,
    shared: &'a Shared,
    number: usize,
    greeted: bool,
    tls: bool,
    auth: Option<String>,
    envelope: Option<Envelope>,
    closing: bool,
}

/// A transaction that was begun.
struct Envelope {
    from: String,
    to: Vec<String>,
    eight_bit: bool,
    utf8: bool,
}

/// The reply to send.
struct Answer {
    bytes: Vec<u8>,
    /// True if it is positive, so that the command takes effect.
    yes: bool,
    close: bool,
}

/// Talks until either side ends the connection. An error is an end, too.
pub(super) async fn converse(tcp: TcpStream, number: usize, shared: &Shared) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let wire: Box<dyn Wire> = Box::new(tcp);
    let mut conversation = Conversation {
        wire: BufReader::new(wire),
        shared,
        number,
        greeted: false,
        tls: false,
        auth: None,
        envelope: None,
        closing: false,
    };
    if shared.script(|script| script.encryption) == Encryption::Implicit {
        conversation.encrypt().await?;
    }
    conversation.answer(Step::Greeting, "", "220 relay.example ESMTP\r\n").await?;
    while !conversation.closing {
        let Some(line) = conversation.line().await? else { return Ok(()) };
        conversation.command(&line).await?;
    }
    conversation.wire.shutdown().await
}

impl Conversation<'_> {
    /// A command line, recorded; `None` at the end of the connection.
    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        if self.wire.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(line.strip_suffix(b"\r\n").unwrap_or(&line)).into_owned();
        self.shared.record(|state| state.connections[self.number].commands.push(text.clone()));
        if !line.ends_with(b"\r\n") {
            self.wire.write_all(b"500 5.5.2 lines end with CRLF\r\n").await?;
            return Box::pin(self.line()).await;
        }
        Ok(Some(text))
    }

    async fn command(&mut self, line: &str) -> io::Result<()> {
        let (verb, rest) = line.split_once([' ', ':']).unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            verb @ ("EHLO" | "HELO") => {
                let usual = if verb == "EHLO" { self.capabilities() } else { "250 relay.example\r\n".to_owned() };
                self.greeted |= self.answer(Step::Ehlo, line, &usual).await?;
                self.envelope = None;
            }
            "STARTTLS" => self.starttls(line).await?,
            "AUTH" => self.auth(line, rest).await?,
            "MAIL" => self.mail(line).await?,
            "RCPT" => self.rcpt(line).await?,
            "DATA" => self.data().await?,
            "RSET" => {
                self.answer(Step::Other, line, "250 2.0.0 ok\r\n").await?;
                self.envelope = None;
            }
            "NOOP" => drop(self.answer(Step::Other, line, "250 2.0.0 ok\r\n").await?),
            "QUIT" => {
                self.answer(Step::Quit, line, "221 2.0.0 bye\r\n").await?;
                self.closing = true;
            }
            _ => drop(self.answer(Step::Other, line, "500 5.5.1 unknown command\r\n").await?),
        }
        Ok(())
    }

    fn capabilities(&self) -> String {
        let (mut lines, size, encryption) = self.shared.script(|it| (it.extensions.clone(), it.size, it.encryption));
        let size = format!("SIZE {size}");
        lines.insert(0, "relay.example");
        lines.extend((encryption == Encryption::StartTls && !self.tls).then_some("STARTTLS"));
        lines.extend((self.auth.is_none()).then_some("AUTH PLAIN LOGIN"));
        lines.extend((size != "SIZE 0").then_some(size.as_str()));
        let (last, others) = lines.split_last().expect("it has a name");
        let others: String = others.iter().map(|line| format!("250-{line}\r\n")).collect();
        format!("{others}250 {last}\r\n")
    }

    async fn starttls(&mut self, line: &str) -> io::Result<()> {
        let offered = self.shared.script(|script| script.encryption) == Encryption::StartTls && !self.tls;
        let usual = if offered { "220 2.0.0 go ahead\r\n" } else { "503 5.5.1 no TLS here\r\n" };
        if self.answer(Step::StartTls, line, usual).await? && !self.closing {
            self.encrypt().await?;
        }
        Ok(())
    }

    /// Does the handshake. Plain text that was not read yet is discarded (RFC 3207 section 4.2), as is the state so far.
    async fn encrypt(&mut self) -> io::Result<()> {
        let (gate, act) = self.shared.script(|script| script.decide(Step::Tls, ""));
        pass(gate).await;
        match act {
            Act::Stall => self.shared.stall().await,
            Act::Drip(bytes) => self.drip(bytes).await?,
            Act::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
            Act::Bytes(bytes) | Act::ReplyAndClose(bytes) => {
                self.wire.write_all(&bytes).await?;
                self.wire.shutdown().await?;
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            _ => {}
        }
        let nothing: Box<dyn Wire> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.wire, BufReader::new(nothing)).into_inner();
        let encrypted: Box<dyn Wire> = Box::new(self.shared.acceptor.accept(plain).await?);
        self.wire = BufReader::new(encrypted);
        (self.tls, self.greeted, self.envelope) = (true, false, None);
        self.shared.record(|state| state.connections[self.number].tls = true);
        Ok(())
    }

    async fn auth(&mut self, line: &str, rest: &str) -> io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').map_or((rest, None), |(name, value)| (name, Some(value)));
        let initial = initial.map(str::to_owned);
        let (user, password) = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => {
                let response = self.asked("334 \r\n", initial).await?;
                let mut parts = response.split('\0').skip(1).map(str::to_owned);
                (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
            }
            "LOGIN" => {
                (self.asked("334 VXNlcm5hbWU6\r\n", initial).await?, self.asked("334 UGFzc3dvcmQ6\r\n", None).await?)
            }
            _ => return self.answer(Step::Auth, line, "504 5.5.4 unknown mechanism\r\n").await.map(drop),
        };
        let expected = self.shared.script(|script| script.user);
        let usual = match expected {
            _ if self.auth.is_some() => "503 5.5.1 you are signed in\r\n",
            Some(expected) if expected != (user.as_str(), password.as_str()) => "535 5.7.8 wrong user or password\r\n",
            _ => "235 2.7.0 welcome\r\n",
        };
        if self.answer(Step::Auth, line, usual).await? {
            self.auth = Some(user);
        }
        Ok(())
    }

    /// The response of the client to a challenge, unless it was sent already.
    async fn asked(&mut self, question: &str, said: Option<String>) -> io::Result<String> {
        let said = match said {
            Some(said) => said,
            None => {
                self.wire.write_all(question.as_bytes()).await?;
                self.line().await?.ok_or(io::ErrorKind::UnexpectedEof)?
            }
        };
        let decoded = BASE64.decode(said.as_bytes()).unwrap_or_default();
        Ok(String::from_utf8_lossy(&decoded).into_owned())
    }

    async fn mail(&mut self, line: &str) -> io::Result<()> {
        let address = address(line, "MAIL FROM:<");
        let parameters: Vec<String> = parameters(line).map(str::to_ascii_uppercase).collect();
        let has = |parameter: &str| parameters.iter().any(|it| it == parameter);
        let refusal = self.shared.script(|script| {
            if !self.greeted || self.envelope.is_some() {
                Some("503 5.5.1 not now\r\n")
            } else if script.user.is_some() && self.auth.is_none() {
                Some("530 5.7.0 sign in first\r\n")
            } else if address.is_none() {
                Some("501 5.5.4 not an address\r\n")
            } else if !parameters.iter().all(|parameter| known(parameter, script)) {
                Some("555 5.5.4 unknown parameter\r\n")
            } else if size_of(&parameters).is_some_and(|size| script.size > 0 && size > script.size) {
                Some("552 5.3.4 too large\r\n")
            } else if !line.is_ascii() && !has("SMTPUTF8") {
                Some("553 5.6.7 not without SMTPUTF8\r\n")
            } else {
                None
            }
        });
        if self.answer(Step::Mail, line, refusal.unwrap_or("250 2.1.0 ok\r\n")).await? {
            let from = address.unwrap_or_default();
            let (eight_bit, utf8) = (has("BODY=8BITMIME"), has("SMTPUTF8"));
            self.envelope = Some(Envelope { from, to: Vec::new(), eight_bit, utf8 });
        }
        Ok(())
    }

    async fn rcpt(&mut self, line: &str) -> io::Result<()> {
        let address = address(line, "RCPT TO:<");
        let usual = match (&self.envelope, &address) {
            (None, _) => "503 5.5.1 MAIL first\r\n",
            (_, None) => "501 5.5.4 not an address\r\n",
            _ if !self.shared.script(|script| parameters(line).all(|parameter| known(parameter, script))) => {
                "555 5.5.4 unknown parameter\r\n"
            }
            (Some(envelope), Some(to)) if !to.is_ascii() && !envelope.utf8 => "553 5.6.7 not without SMTPUTF8\r\n",
            _ => "250 2.1.5 ok\r\n",
        };
        let yes = self.answer(Step::Rcpt, line, usual).await?;
        if let (true, Some(envelope), Some(to)) = (yes, &mut self.envelope, address) {
            envelope.to.push(to);
        }
        Ok(())
    }

    async fn data(&mut self) -> io::Result<()> {
        let ready = self.envelope.as_ref().is_some_and(|envelope| !envelope.to.is_empty());
        let text = self.envelope.as_ref().map(Envelope::to_string).unwrap_or_default();
        let usual = if ready { "354 go ahead\r\n" } else { "503 5.5.1 RCPT first\r\n" };
        if !self.answer(Step::Data, &text, usual).await? || self.closing {
            return Ok(());
        }
        let limit = self.body_begins(&text).await?;
        let data = self.read_data(limit).await?;
        if !self.wire.buffer().is_empty() {
            self.shared.record(|state| state.connections[self.number].behind += 1);
        }
        let Some(envelope) = self.envelope.take() else { return Ok(()) };
        let refusal = self.shared.script(|script| fault(&data, &envelope, script.size));
        let usual = refusal.unwrap_or("250 2.0.0 taken\r\n");
        let answer = self.plan(Step::Dot, &text, usual).await?;
        if answer.yes {
            let (from, to) = (envelope.from, envelope.to.join(", "));
            let (connection, tls, auth) = (self.number, self.tls, self.auth.clone());
            let (answered, at) = (!answer.bytes.is_empty(), Clock::System.now());
            let message = Received { from, to, data, connection, tls, auth, answered, at };
            // Before the reply: a client that has read it may look for the message.
            self.shared.record(|state| state.received.push(message));
        }
        self.say(answer).await.map(drop)
    }

    /// The act of the script while the message arrives; returns how much of it is read at most.
    async fn body_begins(&mut self, text: &str) -> io::Result<usize> {
        let (gate, act) = self.shared.script(|script| script.decide(Step::Body, text));
        pass(gate).await;
        match act {
            Act::Stall => self.shared.stall().await,
            Act::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
            Act::CloseAfterBytes(limit) => return Ok(limit),
            Act::Bytes(bytes) => self.wire.write_all(&bytes).await?,
            _ => {}
        }
        Ok(usize::MAX)
    }

    /// Reads up to the final dot and undoes dot-stuffing (RFC 5321 section 4.5.2).
    async fn read_data(&mut self, limit: usize) -> io::Result<Vec<u8>> {
        let (mut data, mut read, mut at_start) = (Vec::new(), 0, true);
        loop {
            let mut line = Vec::new();
            let count = self.wire.read_until(b'\n', &mut line).await?;
            read += count;
            if count == 0 || read >= limit {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            if at_start && line == b".\r\n" {
                return Ok(data);
            }
            data.extend_from_slice(if at_start && line.starts_with(b".") { &line[1..] } else { &line });
            at_start = line.ends_with(b"\r\n");
        }
    }

    /// Replies as usual or by the script; true if the reply is positive.
    async fn answer(&mut self, step: Step, text: &str, usual: &str) -> io::Result<bool> {
        let answer = self.plan(step, text, usual).await?;
        self.say(answer).await
    }

    async fn plan(&mut self, step: Step, text: &str, usual: &str) -> io::Result<Answer> {
        let (gate, act) = self.shared.script(|script| script.decide(step, text));
        pass(gate).await;
        let usual = usual.as_bytes().to_vec();
        let says = |bytes: Vec<u8>, close| Answer { yes: says_yes(&bytes), bytes, close };
        Ok(match act {
            Act::Usual | Act::CloseAfterBytes(_) => says(usual, false),
            Act::CloseAfter => says(usual, true),
            Act::Reply(text) => says(text.as_bytes().to_vec(), false),
            Act::Bytes(bytes) => says(bytes, false),
            Act::ReplyAndClose(bytes) => says(bytes, true),
            Act::Inject(bytes) => says([usual, bytes].concat(), false),
            Act::DropBehind => {
                self.drop_behind().await?;
                says(usual, false)
            }
            Act::TakeAndClose => Answer { bytes: Vec::new(), yes: true, close: true },
            Act::Close => return Err(io::ErrorKind::ConnectionAborted.into()),
            Act::Stall => self.shared.stall().await,
            Act::Drip(bytes) => self.drip(bytes).await?,
            Act::Endless(bytes) => loop {
                self.wire.write_all(bytes).await?;
                self.wire.flush().await?;
            },
        })
    }

    async fn drop_behind(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        while !self.wire.buffer().is_empty() && line != b"DATA\r\n" {
            line.clear();
            self.wire.read_until(b'\n', &mut line).await?;
        }
        Ok(())
    }

    async fn drip<T>(&mut self, bytes: &[u8]) -> io::Result<T> {
        let mut every = tokio::time::interval(Duration::from_secs(10));
        for byte in bytes.iter().chain(std::iter::repeat(&b'x')) {
            every.tick().await;
            self.wire.write_all(&[*byte]).await?;
            self.wire.flush().await?;
        }
        unreachable!("it has no end")
    }

    async fn say(&mut self, answer: Answer) -> io::Result<bool> {
        self.closing |= answer.close;
        self.wire.write_all(&answer.bytes).await?;
        self.wire.flush().await?;
        Ok(answer.yes)
    }
}

impl std::fmt::Display for Envelope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "<{}> <{}>", self.from, self.to.join("> <"))
    }
}

impl Shared {
    fn script<T>(&self, ask: impl FnOnce(&mut Script) -> T) -> T {
        ask(&mut self.state.lock().unwrap().script)
    }

    /// Never replies again, and notifies the tests that wait for that.
    async fn stall<T>(&self) -> T {
        self.stalled.notify_one();
        std::future::pending().await
    }
}

/// Half a reply is no reply.
fn says_yes(bytes: &[u8]) -> bool {
    matches!(bytes, [b'2' | b'3', b'0'..=b'9', b'0'..=b'9', ..])
}

fn address(line: &str, before: &str) -> Option<String> {
    let begins = line.get(..before.len()).is_some_and(|start| start.eq_ignore_ascii_case(before));
    let inside = begins.then(|| line[before.len()..].split_once('>')).flatten();
    inside.map(|(address, _)| address.to_owned())
}

fn parameters(line: &str) -> impl Iterator<Item = &str> {
    line.split_once('>').map_or("", |(_, rest)| rest).split_whitespace()
}

fn size_of(parameters: &[String]) -> Option<usize> {
    parameters.iter().find_map(|parameter| parameter.strip_prefix("SIZE=")?.parse().ok())
}

fn known(parameter: &str, script: &Script) -> bool {
    match parameter.split('=').next().unwrap_or_default() {
        "SIZE" => script.size > 0,
        "BODY" => script.offers("8BITMIME"),
        "SMTPUTF8" => script.offers("SMTPUTF8"),
        "RET" | "ENVID" | "NOTIFY" | "ORCPT" => script.offers("DSN"),
        _ => false,
    }
}

/// Why a strict server refuses a message, if it does.
fn fault(data: &[u8], envelope: &Envelope, size: usize) -> Option<&'static str> {
    let lines = || data.split_inclusive(|byte| *byte == b'\n');
    if size > 0 && data.len() > size {
        Some("552 5.3.4 too large\r\n")
    } else if lines().any(|line| !line.ends_with(b"\r\n") || line[..line.len() - 2].contains(&b'\r')) {
        Some("554 5.6.0 bare CR or LF\r\n")
    } else if lines().any(|line| line.len() > 1000) {
        Some("554 5.6.0 a line of more than 998 bytes\r\n")
    } else if !data.is_ascii() && !envelope.eight_bit {
        Some("554 5.6.1 not announced as 8BITMIME\r\n")
    } else {
        None
    }
}
