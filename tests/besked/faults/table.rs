//! The rows.

use besked::domain::reply::{Stage, Verdict};

use super::rejected;
use crate::relay::{Act, Encryption, Relay, Rule, Script, Step, on};

/// One thing that a server does wrong.
#[derive(Clone)]
pub struct Fault {
    pub what: &'static str,
    pub script: Script,
    /// The step at which it shows.
    pub stage: Stage,
    /// Whose fault it is; `None` if there is none, and the message is accepted.
    pub verdict: Option<Verdict>,
    /// The result in the dispatcher: state and attempts of this delivery and of the next, the circuit, and the states of both
    /// once the server is healthy again. Empty for rows that do not run through it.
    pub ends: &'static str,
    pub to: &'static str,
    pub message: &'static str,
    /// Which transaction of the connection meets it.
    pub transaction: usize,
    /// It ends by this step's deadline and not before.
    pub waits: Option<Stage>,
    /// The server's certificate is not trusted.
    pub stranger: bool,
    tls: Option<&'static str>,
}

impl Fault {
    pub fn url(&self, relay: &Relay) -> String {
        let url = relay.url();
        match self.tls {
            Some(mode) => format!("{}?tls={mode}", url.split('?').next().unwrap()),
            None => url,
        }
    }

    const fn ends(mut self, ends: &'static str) -> Self {
        self.ends = ends;
        self
    }

    const fn waits(self) -> Self {
        let stage = self.stage;
        self.waits_as_for(stage)
    }

    const fn waits_as_for(mut self, stage: Stage) -> Self {
        self.waits = Some(stage);
        self
    }

    const fn second(mut self) -> Self {
        self.transaction = 2;
        self
    }

    const fn taken(mut self) -> Self {
        self.verdict = None;
        self
    }
}

fn row(stage: Stage, what: &'static str, script: Script, verdict: Verdict) -> Fault {
    Fault {
        what,
        script,
        stage,
        verdict: Some(verdict),
        ends: "",
        to: "b@two.example",
        message: "Subject: Hej\r\n\r\n.\r\n..dots\r\n.\r\n",
        transaction: 1,
        waits: None,
        stranger: false,
        tls: None,
    }
}

fn rule(stage: Stage, what: &'static str, rule: Rule, verdict: Verdict) -> Fault {
    row(stage, what, Script::default().rule(rule), verdict)
}

/// A rule for the transaction with the fault's address.
fn b(step: Step) -> Rule {
    on(step).when("b@two").times(1)
}

pub fn faults() -> Vec<Fault> {
    [opening(), mail(), rcpt(), data(), dot(), replies(), tarpits()].concat()
}

const DOWN_GREETING: &str = "queued 0, queued 0; circuit open at greeting; then accepted 1, accepted 1";
const DOWN_MAIL: &str = "queued 0, queued 0; circuit open at mail; then accepted 1, accepted 1";

fn opening() -> Vec<Fault> {
    use Stage::{Auth, Connect, Greeting, StartTls};
    use Verdict::RelayDown;
    let tls = |encryption| Script::default().encryption(encryption);
    vec![
        rule(Greeting, "421 as greeting", on(Step::Greeting).reply("421 4.3.2 busy\r\n"), RelayDown)
            .ends(DOWN_GREETING),
        rule(Greeting, "554 as greeting", on(Step::Greeting).reply("554 5.7.1 go away\r\n"), RelayDown)
            .ends(DOWN_GREETING),
        rule(Greeting, "closes instead of a greeting", on(Step::Greeting).close(), RelayDown).ends(DOWN_GREETING),
        rule(
            Greeting,
            "HTTP instead of a greeting",
            on(Step::Greeting).reply("HTTP/1.1 400 Bad Request\r\n\r\n"),
            RelayDown,
        ),
        rule(Greeting, "a lone 25 as greeting, then closes", on(Step::Greeting).act(half()), RelayDown),
        row(
            Greeting,
            "closes at the EHLO under TLS",
            tls(Encryption::StartTls).rule(on(Step::Ehlo).nth(2).close()),
            RelayDown,
        ),
        rule(Greeting, "421 to EHLO", on(Step::Ehlo).reply("421 4.3.2 busy\r\n"), RelayDown).ends(DOWN_GREETING),
        rule(Greeting, "550 to EHLO", on(Step::Ehlo).reply("550 5.7.1 not you\r\n"), RelayDown),
        rule(Greeting, "closes at EHLO", on(Step::Ehlo).close(), RelayDown),
        rule(Auth, "421 to AUTH", on(Step::Auth).reply("421 4.7.0 later\r\n"), RelayDown),
        rule(Auth, "535 to AUTH", on(Step::Auth).reply("535 5.7.8 wrong\r\n"), RelayDown),
        rule(Auth, "closes at AUTH", on(Step::Auth).close(), RelayDown),
        Fault { tls: Some("required"), ..row(StartTls, "STARTTLS is missing", tls(Encryption::None), RelayDown) },
        row(
            StartTls,
            "STARTTLS is refused",
            tls(Encryption::StartTls).rule(on(Step::StartTls).reply("454 4.7.0 no TLS now\r\n")),
            RelayDown,
        ),
        row(
            StartTls,
            "plain text behind the reply to STARTTLS, and no TLS",
            tls(Encryption::StartTls)
                .rule(on(Step::StartTls).act(Act::Inject(b"250 AUTH PLAIN\r\n235 in\r\n".to_vec())))
                .rule(on(Step::Tls).reply("250 taken\r\n")),
            RelayDown,
        ),
        row(
            StartTls,
            "plain text behind the reply to STARTTLS, then TLS",
            tls(Encryption::StartTls).rule(on(Step::StartTls).act(Act::Inject(b"250 AUTH PLAIN\r\n".to_vec()))),
            RelayDown,
        ),
        Fault { stranger: true, ..row(StartTls, "a certificate of nobody", tls(Encryption::StartTls), RelayDown) },
        Fault {
            stranger: true,
            ..row(Connect, "a certificate of nobody, smtps", tls(Encryption::Implicit), RelayDown)
        },
        row(
            Connect,
            "a certificate for another name",
            tls(Encryption::Implicit).certified_name("elsewhere.example"),
            RelayDown,
        ),
    ]
}

fn mail() -> Vec<Fault> {
    use Stage::Mail;
    use Verdict::{ConnectionEnded, MessageRefused, NotCarried, RelayDown, RelayRefuses};
    const REFUSED: &str = "queued 0, accepted 1; circuit closed, 1 connections; then accepted 1, accepted 1";
    const AGAIN: &str = "accepted 1, accepted 1; circuit closed, 2 connections; then accepted 1, accepted 1";
    let mail = |what, reply: &str, verdict| rule(Mail, what, on(Step::Mail).times(1).reply(reply), verdict);
    let always = |what, rule: Rule| self::rule(Mail, what, rule, RelayDown);
    let second = |what, rule: Rule| self::rule(Mail, what, rule, ConnectionEnded).second().ends(AGAIN);
    let unsupported = |what, script, message, to| Fault { message, to, ..row(Mail, what, script, NotCarried) };
    vec![
        mail("550 5.7.1 to MAIL", "550 5.7.1 not you\r\n", RelayRefuses).ends(REFUSED),
        mail("450 4.7.1 to MAIL", "450 4.7.1 not now\r\n", RelayRefuses).ends(REFUSED),
        mail("552 5.3.4 to MAIL", "552 5.3.4 too large\r\n", MessageRefused)
            .ends("rejected 1, accepted 1; circuit closed, 1 connections; then rejected 1, accepted 1"),
        mail("555 to MAIL", "555 5.5.4 unknown parameter\r\n", MessageRefused),
        mail("550 5.6.7 to MAIL", "550 5.6.7 no SMTPUTF8\r\n", MessageRefused),
        always("421 to the first MAIL", on(Step::Mail).reply("421 4.3.2 busy\r\n")).ends(DOWN_MAIL),
        always("a lone 25 to the first MAIL, then closes", on(Step::Mail).act(half())),
        always("closes at the first MAIL", on(Step::Mail).close()).ends(DOWN_MAIL),
        second("421 to the second MAIL", on(Step::Mail).nth(2).reply("421 4.3.2 enough\r\n")),
        second("closes at the second MAIL", on(Step::Mail).nth(2).close()),
        second("closes behind the first message", on(Step::Dot).nth(1).act(Act::CloseAfter)),
        mail("550 to the second MAIL", "", RelayRefuses)
            .second()
            .with(on(Step::Mail).nth(2).reply("550 5.7.1 not you\r\n")),
        unsupported("SIZE is too small", Script::default().size(10), "Subject: x\r\n\r\nlong\r\n", "b@two.example"),
        unsupported("8BITMIME is missing", Script::default().without("8BITMIME"), "å\r\n", "b@two.example"),
        unsupported("SMTPUTF8 is missing", Script::default().without("SMTPUTF8"), "x\r\n", "å@two.example")
            .ends("rejected 0, accepted 1; circuit closed, 1 connections; then rejected 0, accepted 1"),
    ]
}

fn rcpt() -> Vec<Fault> {
    use Verdict::{Deferred, MessageRefused, RelayRefuses, Throttled};
    const REFUSED: &str = "queued 0, accepted 1; circuit closed, 1 connections; then accepted 1, accepted 1";
    const DEFERRED: &str = "deferred 1, accepted 1; circuit closed, 1 connections; then accepted 2, accepted 1";
    const LOST: &str = "deferred 1, accepted 1; circuit closed, 2 connections; then accepted 2, accepted 1";
    const REJECTED: &str = "rejected 1, accepted 1; circuit closed, 1 connections; then rejected 1, accepted 1";
    let rcpt = |what, reply: &str, verdict| rule(Stage::Rcpt, what, b(Step::Rcpt).reply(reply), verdict);
    vec![
        rcpt("421 to RCPT", "421 4.3.2 busy\r\n", Deferred).ends(LOST),
        rcpt("450 to RCPT", "450 4.2.0 greylisted\r\n", Deferred).ends(DEFERRED),
        rcpt("451 to RCPT", "451 4.3.0 local error\r\n", Deferred).ends(DEFERRED),
        rcpt("452 to RCPT", "452 4.5.3 too many recipients\r\n", Deferred).ends(DEFERRED),
        rcpt("552 to RCPT, no enhanced code: too many recipients", "552 too many\r\n", Deferred).ends(DEFERRED),
        rcpt("550 to RCPT, no enhanced code", "550 no such user\r\n", rejected(false)).ends(REJECTED),
        rcpt("550 5.1.1 to RCPT: no such user", "550 5.1.1 no such user\r\n", rejected(true)).ends(REJECTED),
        rcpt("550 5.1.8 to RCPT: our domain is bad", "550 5.1.8 bad sender\r\n", RelayRefuses).ends(REFUSED),
        rcpt("530 to RCPT: we are not signed in", "530 5.7.0 Authentication required\r\n", RelayRefuses).ends(REFUSED),
        rcpt("552 5.5.3 to RCPT: too many recipients", "552 5.5.3 too many\r\n", Deferred).ends(DEFERRED),
        rcpt("451 with a rate to RCPT", "451 Maximum sending rate exceeded\r\n", Throttled).ends(DEFERRED),
        rcpt("354 to RCPT", "354 go on\r\n", Deferred).ends(LOST),
        rcpt("552 5.2.2 to RCPT: mailbox full", "552 5.2.2 full\r\n", rejected(false)).ends(REJECTED),
        rcpt("552 5.3.4 to RCPT: too large", "552 5.3.4 too large\r\n", MessageRefused).ends(REJECTED),
        rcpt("571 to RCPT: a code that RFC 5321 does not know", "571 5.7.1 no\r\n", rejected(false)).ends(REJECTED),
        rcpt("499 to RCPT", "499 later\r\n", Deferred).ends(DEFERRED),
        rcpt("550 5.7.1 to RCPT: policy", "550 5.7.1 policy\r\n", rejected(false)).ends(REJECTED),
        rcpt("450 5.1.1 to RCPT: the codes disagree", "450 5.1.1 hm\r\n", Deferred).ends(DEFERRED),
        rule(Stage::Rcpt, "closes at RCPT", b(Step::Rcpt).close(), Deferred).ends(LOST),
        rule(Stage::Rcpt, "closes behind its yes to RCPT", b(Step::Rcpt).act(Act::CloseAfter), Deferred)
            .at(Stage::Data),
    ]
}

fn data() -> Vec<Fault> {
    use Stage::{Body, Data};
    use Verdict::Deferred;
    const LOST: &str = "deferred 1, accepted 1; circuit closed, 2 connections; then accepted 2, accepted 1";
    let data = |what, reply: &str, verdict| rule(Data, what, b(Step::Data).reply(reply), verdict);
    let body = |what, act| Fault { message: large(), ..rule(Body, what, b(Step::Body).act(act), Deferred) };
    vec![
        data("421 to DATA", "421 4.3.2 busy\r\n", Deferred).ends(LOST),
        data("451 to DATA", "451 4.3.0 local error\r\n", Deferred)
            .ends("deferred 1, accepted 1; circuit closed, 1 connections; then accepted 2, accepted 1"),
        data("554 to DATA", "554 5.6.0 no\r\n", rejected(false))
            .ends("rejected 1, accepted 1; circuit closed, 1 connections; then rejected 1, accepted 1"),
        data("250 to DATA", "250 fine\r\n", Deferred).ends(LOST),
        data("250 behind its yes to DATA, before there was a message", "354 go\r\n250 taken\r\n", Deferred).ends(LOST),
        rule(Data, "closes at DATA", b(Step::Data).close(), Deferred).ends(LOST),
        body("closes in the midst of the message", Act::CloseAfterBytes(10)),
        body("reads no more: zero window", Act::Stall).waits(),
    ]
}

/// Larger than what the kernel buffers for a server that does not read.
fn large() -> &'static str {
    static LARGE: std::sync::LazyLock<String> =
        std::sync::LazyLock::new(|| format!("{}\r\n", "x".repeat(900)).repeat(9_000));
    &LARGE
}

fn dot() -> Vec<Fault> {
    use Stage::Dot;
    use Verdict::{Deferred, Uncertain};
    const DEFERRED: &str = "deferred 1, accepted 1; circuit closed, 1 connections; then accepted 2, accepted 1";
    const DOUBT: &str = "uncertain 1, accepted 1; circuit closed, 2 connections; then accepted 2, accepted 1";
    let dot = |what, reply: &str, verdict| rule(Dot, what, b(Step::Dot).reply(reply), verdict);
    let act = |what, act| rule(Dot, what, b(Step::Dot).act(act), Uncertain);
    vec![
        dot("421 to the dot", "421 4.3.2 busy\r\n", Deferred)
            .ends("deferred 1, accepted 1; circuit closed, 2 connections; then accepted 2, accepted 1"),
        dot("450 to the dot", "450 4.2.0 later\r\n", Deferred).ends(DEFERRED),
        dot("451 to the dot", "451 4.3.0 local error\r\n", Deferred).ends(DEFERRED),
        dot("452 to the dot", "452 4.3.1 disk full\r\n", Deferred).ends(DEFERRED),
        dot("552 to the dot", "552 too much\r\n", Verdict::MessageRefused),
        dot("554 to the dot", "554 5.7.1 spam\r\n", rejected(false))
            .ends("rejected 1, accepted 1; circuit closed, 1 connections; then rejected 1, accepted 1"),
        dot("571 to the dot", "571-5.7.1 no\r\n571 5.7.1 mail\r\n", rejected(false))
            .ends("rejected 1, accepted 1; circuit closed, 1 connections; then rejected 1, accepted 1"),
        dot("354 to the dot", "354 go on\r\n", Uncertain).ends(DOUBT),
        act("closes behind the dot", Act::Close).ends(DOUBT),
        act("takes the message and closes behind the dot", Act::TakeAndClose).ends(DOUBT),
        act("a lone 25 to the dot, then closes", half()).ends(DOUBT),
        act("says yes to the dot, then closes", Act::CloseAfter).taken(),
    ]
}

/// Replies that cannot be read, or only just.
fn replies() -> Vec<Fault> {
    use Stage::{Dot, Greeting, Rcpt};
    use Verdict::{Deferred, RelayDown, Uncertain};
    let rcpt = |what, reply: &[u8], verdict| rule(Rcpt, what, b(Step::Rcpt).reply(reply), verdict);
    let dot = |what, reply: &[u8]| rule(Dot, what, b(Step::Dot).reply(reply), Uncertain);
    let endless = |bytes| Act::Endless(bytes);
    vec![
        rule(Rcpt, "a lone 25 to RCPT, then closes", b(Step::Rcpt).act(half()), Deferred),
        rule(Greeting, "a greeting without end", on(Step::Greeting).act(endless(b"220-wait\r\n")), RelayDown),
        rule(Greeting, "an EHLO answer without end", on(Step::Ehlo).act(endless(b"250-X\r\n")), RelayDown),
        rule(Rcpt, "a reply without end to RCPT", b(Step::Rcpt).act(endless(b"550-\r\n")), Deferred),
        rule(Rcpt, "a line without end to RCPT", b(Step::Rcpt).act(endless(b"550 5.1.1 no ")), Deferred),
        rule(Dot, "a reply without end to the dot", b(Step::Dot).act(endless(b"250-\r\n")), Uncertain),
        rule(Dot, "a line without end to the dot", b(Step::Dot).act(endless(b"2")), Uncertain),
        rcpt("a line of 1 MB to RCPT", long("550 5.1.1", 1 << 20).as_bytes(), Deferred),
        rcpt("a line of 2 kB to RCPT", long("550 5.1.1", 2000).as_bytes(), rejected(true)),
        rcpt(
            "a reply of 150 lines to RCPT",
            ("550-5.1.1 no\r\n".repeat(149) + "550 5.1.1 no\r\n").as_bytes(),
            rejected(true),
        ),
        rcpt("several codes in one reply to RCPT", b"550-5.1.1 no\r\n250 ok\r\n", Deferred),
        rcpt("words that are not UTF-8 to RCPT", b"550 5.1.1 anv\xe4ndaren finns inte\r\n", rejected(true)),
        rcpt("NUL in the words to RCPT", b"550 5.1.1 no\0 such user\r\n", rejected(true)),
        rcpt("lines that end with LF to RCPT", b"550-5.1.1 no\n550 5.1.1 no\n", rejected(true)),
        rcpt("an unknown code to RCPT", b"699 5.1.1 what\r\n", Deferred),
        rcpt("a bare code to RCPT", b"550\r\n", rejected(false)),
        rcpt("garbage to RCPT", b"\xff\xfe\0\r\n", Deferred),
        dot("a line of 1 MB to the dot", long("250", 1 << 20).as_bytes()),
        dot("a line of 2 kB to the dot", long("250", 2000).as_bytes()).taken(),
        dot("several codes in one reply to the dot", b"250-2.0.0 ok\r\n550 no\r\n"),
        dot("words that are not UTF-8 to the dot", b"250 mottaget f\xf6r vidare befordran\r\n").taken(),
        dot("garbage to the dot", b"\x7f\0\r\n"),
    ]
}

/// A reply that breaks off.
fn half() -> Act {
    Act::ReplyAndClose(b"25".to_vec())
}

fn long(code: &str, length: usize) -> String {
    format!("{code} {}\r\n", "x".repeat(length))
}

/// One byte every ten seconds: each step ends by its own deadline in all, not by one for each byte.
fn tarpits() -> Vec<Fault> {
    use Stage::{Auth, Connect, Data, Dot, Greeting, Mail, Rcpt, StartTls};
    use Verdict::{Deferred, RelayDown, Uncertain};
    let drip = |stage, what, step, verdict| rule(stage, what, on(step).act(Act::Drip(b"250-")), verdict).waits();
    let stall = |stage, what, step, verdict| rule(stage, what, on(step).stall(), verdict).waits();
    let tls = |stage, what, encryption, rule| {
        row(stage, what, Script::default().encryption(encryption).rule(rule), RelayDown).waits()
    };
    let handshake = || on(Step::Tls).act(Act::Drip(b"\x16\x03\x03\x40\x00"));
    vec![
        tls(Connect, "a tarpit in the TLS handshake, smtps", Encryption::Implicit, handshake()),
        tls(StartTls, "silence in the TLS handshake", Encryption::StartTls, on(Step::Tls).stall()),
        tls(
            StartTls,
            "a tarpit in the reply to STARTTLS",
            Encryption::StartTls,
            on(Step::StartTls).act(Act::Drip(b"220-")),
        )
        .waits_as_for(Greeting),
        tls(StartTls, "silence in reply to STARTTLS", Encryption::StartTls, on(Step::StartTls).stall())
            .waits_as_for(Greeting),
        drip(Greeting, "a tarpit as greeting", Step::Greeting, RelayDown),
        drip(Greeting, "a tarpit at EHLO", Step::Ehlo, RelayDown),
        drip(Auth, "a tarpit at AUTH", Step::Auth, RelayDown),
        drip(Mail, "a tarpit at MAIL", Step::Mail, RelayDown),
        drip(Rcpt, "a tarpit at RCPT", Step::Rcpt, Deferred),
        drip(Data, "a tarpit at DATA", Step::Data, Deferred),
        drip(Dot, "a tarpit at the dot", Step::Dot, Uncertain),
        stall(Greeting, "silence instead of a greeting", Step::Greeting, RelayDown),
        stall(Greeting, "silence at EHLO", Step::Ehlo, RelayDown),
        stall(Auth, "silence at AUTH", Step::Auth, RelayDown),
        stall(Mail, "silence at MAIL", Step::Mail, RelayDown),
        stall(Rcpt, "silence at RCPT", Step::Rcpt, Deferred),
        stall(Data, "silence at DATA", Step::Data, Deferred),
        stall(Dot, "silence at the dot", Step::Dot, Uncertain),
    ]
}

impl Fault {
    fn with(mut self, rule: Rule) -> Self {
        self.script = Script::default().rule(rule);
        self
    }

    const fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }
}
