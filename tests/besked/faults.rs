//! The table of faults: what a server can do wrong, whose fault that is, and what becomes of the delivery and of the next one.
//!
//! `cargo test --test besked faults -- --nocapture` prints it. Every row runs through our session with PIPELINING and
//! without, with the deadlines of the example on a paused clock, and if it says what happens next, through
//! the dispatcher as well.

mod table;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use besked::config::{EXAMPLE, parse};
use besked::dispatch::Finished;
use besked::domain::address::Address;
use besked::domain::delivery::State;
use besked::domain::reply::{Stage, Verdict, classify};
use besked::mail::smtp::{Envelope, Failed, Session};
use besked::store::sending::{deliveries, settle};
use futures_util::stream::{self, StreamExt as _};
use rstest::rstest;
use tokio::time::Instant;

use crate::app::{TestApp, maintenance, report};
use crate::database::Engine;
use crate::relay::{Relay, Script, Step, on};
use table::{Fault, faults};

/// The result of one message to the fault's address.
async fn attempt(fault: &Fault, script: Script) -> (Result<(), Failed>, Duration, Relay) {
    let relay = Relay::with(script).await;
    let config = parse(EXAMPLE, "example", &[]).unwrap();
    let mut configured = config.relays[0].clone();
    configured.url = fault.url(&relay).parse().unwrap();
    configured.ca_file = (!fault.stranger).then(|| relay.ca_file().to_owned());
    if fault.stage == Stage::Auth {
        configured.url.user = Some("besked".to_owned());
        configured.password = Some("secret".to_owned().into());
    }
    let (from, to) = (Address::parse("a@one.example").unwrap(), Address::parse(fault.to).unwrap());
    let envelope = Envelope { from: Some(&from), to: &to, reports: None };
    let in_doubt = AtomicBool::new(false);
    let begun = Instant::now();
    let sent = async {
        let mut session = Session::open(&configured, &config.smtp).await?;
        for _ in 1..fault.transaction {
            session.send(envelope, b"Subject: before\r\n\r\n", &AtomicBool::new(false), || true).await?;
        }
        let sent = session.send(envelope, fault.message.as_bytes(), &in_doubt, || true).await;
        session.quit().await;
        sent
    };
    let sent = sent.await.map(drop);
    let doubtful = sent.as_ref().is_err_and(|failed| failed.stage == Stage::Dot);
    assert!(sent.is_ok() || in_doubt.load(Ordering::Relaxed) == doubtful, "{}: in doubt from the dot on", fault.what);
    (sent, begun.elapsed(), relay)
}

/// How long a row may take: a step that ends by its deadline takes just that, everything else no time at all.
fn in_time(fault: &Fault, took: Duration) -> bool {
    let smtp = parse(EXAMPLE, "example", &[]).unwrap().smtp;
    let deadline = match fault.waits {
        None => Duration::ZERO,
        Some(Stage::Connect | Stage::StartTls) => smtp.connect,
        Some(Stage::Greeting) => smtp.greeting,
        Some(Stage::Auth) => smtp.auth,
        Some(Stage::Mail) => smtp.mail,
        Some(Stage::Rcpt) => smtp.rcpt,
        Some(Stage::Data) => smtp.data,
        Some(Stage::Body) => smtp.body,
        Some(Stage::Dot) => smtp.dot,
    };
    // QUIT may take a second.
    (deadline..=deadline + Duration::from_secs(2)).contains(&took)
}

#[tokio::test(start_paused = true)]
async fn every_fault_has_its_stage_and_its_verdict_with_pipelining_and_without() {
    let (mut wrong, mut table) = (String::new(), String::new());
    for fault in faults() {
        let mut row = String::new();
        for (mode, script) in [("", fault.script.clone().without("PIPELINING")), ("pipelined", fault.script.clone())] {
            let (sent, took, _relay) = attempt(&fault, script).await;
            let failed = sent.as_ref().err();
            let got = failed.map(|it| (it.stage, classify(it.stage, &it.failure, it.reused)));
            let verdict = got.map_or_else(|| "taken".to_owned(), |(_, verdict)| format!("{verdict:?}"));
            let text: String = failed.map(|it| it.failure.text()).unwrap_or_default().chars().take(50).collect();
            row = line(&fault, &format!("{verdict:<26} | {:>3} s | {text}", took.as_secs()));
            if got != fault.verdict.map(|verdict| (fault.stage, verdict)) || !in_time(&fault, took) {
                writeln!(wrong, "{mode} {got:?} {row}").unwrap();
            }
        }
        table.push_str(&row);
        table.push('\n');
    }
    print!("{table}");
    report("BESKED_TEST_FAULTS", &table);
    assert!(wrong.is_empty(), "{wrong}");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_smtp_reply_is_shown() {
    let greeting = |bytes: &'static str| Script::default().rule(on(Step::Greeting).reply(bytes));
    let rcpt = |bytes: &'static str| Script::default().rule(on(Step::Rcpt).reply(bytes));
    let none = "the server sent something else than an SMTP reply: ";
    for (script, text) in [
        (greeting("SSH-2.0-OpenSSH_9.2\r\n"), format!("{none}SSH-2.0-OpenSSH_9.2")),
        (greeting("+OK POP3 ready\r\n"), format!("{none}+OK POP3 ready")),
        (greeting("* OK IMAP4rev1 ready\r\n"), format!("{none}* OK IMAP4rev1 ready")),
        (rcpt("600 what\r\n"), "the server's reply cannot be read: 600 what".to_owned()),
        (rcpt("250-a\r\n550 b\r\n"), "the server's reply cannot be read: 250-a 550 b".to_owned()),
        (rcpt("354 go on\r\n"), "unexpected reply: 354 go on".to_owned()),
        (rcpt("\r\n"), "the server sent an empty line in place of a reply".to_owned()),
        (rcpt("571 5.7.1 not\u{202e} you\r\n"), "571 5.7.1 not? you".to_owned()),
    ] {
        let fault = faults().into_iter().find(|fault| fault.what == "550 5.7.1 to RCPT: policy").unwrap();
        let (sent, ..) = attempt(&fault, script.without("PIPELINING")).await;
        assert_eq!(sent.unwrap_err().failure.text(), text);
    }
}

/// Runs a dispatcher over one connection with two deliveries, the fault's and the next; returns what became of them.
async fn dispatched(fault: &Fault, engine: Engine) -> String {
    let app = TestApp::with(engine, |config| config.relays[0].connections = 1).await;
    app.relay.change(fault.script.clone());
    app.import(&format!("account_id,customer_name,email\nA,A,{}\nB,B,next@two.example\n", fault.to)).await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    let before = described(&app, id).await;
    let circuit = match &finished {
        Finished::Left(left) if left.no_relay.is_some() => {
            format!("open at {}", left.no_relay.as_ref().unwrap()[0].1.stage)
        }
        _ => "closed".to_owned(),
    };
    let connections = app.relay.connections();
    // With the server healthy again and the back-off over, a deferred delivery arrives.
    app.relay.change(Script::default());
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    let connections = if circuit == "closed" { format!(", {connections} connections") } else { String::new() };
    format!("{before}; circuit {circuit}{connections}; then {}", described(&app, id).await)
}

/// State and attempts of the fault's delivery and of the next.
async fn described(app: &TestApp, notice: uuid::Uuid) -> String {
    let mut conn = app.app.context.store.read().await.unwrap();
    let mut told = Vec::new();
    for delivery in deliveries::of_notice(&mut conn, notice, 0, 9).await.unwrap() {
        let attempts = settle::attempts(&mut conn, delivery.id).await.unwrap();
        assert_eq!(attempts.len() as u64, delivery.attempts, "each attempt is kept");
        told.push(format!("{} {}", delivery.state, attempts.len()));
    }
    told.join(", ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_has_its_outcome_and_leaves_the_next_delivery_alone() {
    let all = faults().into_iter().filter(|fault| !fault.ends.is_empty());
    let each = |fault: Fault| Box::pin(async move { (dispatched(&fault, Engine::Sqlite).await, fault) });
    let mut rows: Vec<_> = stream::iter(all).map(each).buffer_unordered(8).collect().await;
    rows.sort_by_key(|(_, fault)| fault.stage);
    let wrong = rows.iter().filter(|(ends, fault)| ends != fault.ends);
    let wrong: String = wrong.map(|(ends, fault)| format!("{}: {ends:?}\n", fault.what)).collect();
    let table: String = rows.iter().map(|(ends, fault)| line(fault, ends) + "\n").collect();
    print!("{table}");
    report("BESKED_TEST_FAULTS", &table);
    assert!(wrong.is_empty(), "{wrong}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn either_engine_keeps_what_a_server_said(#[case] engine: Engine) {
    let odd = ["NUL in the words to RCPT", "words that are not UTF-8 to RCPT"];
    for fault in faults().into_iter().filter(|fault| odd.contains(&fault.what)) {
        let ends = dispatched(&fault, engine).await;
        assert!(ends.starts_with("rejected 1, accepted 1; circuit closed, 1 connections"), "{}: {ends}", fault.what);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_records_that_reports_were_asked_for() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import("account_id,customer_name,email\nA,A,a@one.example\n").await;
    let mut asked = Vec::new();
    for script in [Script::default(), Script::default().without("DSN")] {
        app.relay.change(script);
        let id = app.release(&maintenance("all = true")).await;
        app.run_until_idle().await;
        assert_eq!(app.counts(id).await, [(State::Accepted, 1)].into());
        let delivery = app.informed("A", id).await.notices[0].deliveries[0].id;
        let mail = app.relay.commands().into_iter().rfind(|line| line.starts_with("MAIL")).unwrap();
        let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap();
        asked.push((attempts[0].dsn, mail.contains(&format!("RET=HDRS ENVID={delivery}"))));
    }
    assert_eq!(asked, [(true, true), (false, false)]);
}

/// A row as it is printed.
fn line(fault: &Fault, rest: &str) -> String {
    format!("{:<9} | {:<58} | {rest}", fault.stage.as_str(), fault.what)
}

/// What a row says of a failure.
const fn rejected(dead: bool) -> Verdict {
    Verdict::Rejected { dead }
}
