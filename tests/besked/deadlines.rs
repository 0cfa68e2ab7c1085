//! The legal clock, what has stopped a notice, and a person's word: what `informed` and `coverage` say of them.

use std::time::Duration;

use besked::audience::AudienceError;
use besked::config::Config;
use besked::coverage::{About, CoverageError, NewAttestation};
use besked::domain::attestation::Channel;
use besked::domain::category::Category;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome};
use besked::domain::notice::State as NoticeState;
use jiff::Timestamp;
use rstest::rstest;

use crate::answers::breach;
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay};

const HOUR: Duration = Duration::from_secs(3600);

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_was_informed_after_the_deadline_is_late(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("450 4.2.0 later\r\n"));
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    assert_eq!(app.coverage(id).await.late, 0);
    app.advance(HOUR * 71);
    app.run_until_idle().await;
    let (totals, rows) = app.covered(id).await;
    assert_eq!((totals.informed, totals.late, totals.overdue), (2, 1, 1), "C3 has nobody to address");
    let rows: Vec<_> = rows.iter().map(|row| (row.account_id.as_str(), row.late, row.informed_since)).collect();
    let (in_time, late) = (time("2026-11-24T10:00:00Z"), time("2026-11-27T09:00:00Z"));
    assert_eq!(rows, [("C1", false, Some(in_time)), ("C2", true, Some(late)), ("C3", false, None)]);
    let answer = app.informed("C2", id).await;
    assert_eq!((answer.verdict, answer.late, answer.overdue), (Verdict::Informed, 1, 0));
    assert_eq!((answer.notices[0].late, answer.notices[0].informed_since), (true, Some(late)));
    assert_eq!(app.informed("C1", id).await.late, 0);
    // A report that comes later does not make late what was accepted in time.
    let delivery = app.informed("C1", id).await.notices[0].deliveries[0].id;
    app.app.deliveries.report(&alice(), delivery, Outcome::Delivered, "in the log").await.unwrap();
    assert_eq!(app.informed("C1", id).await.notices[0].informed_since, Some(in_time));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_held_to_what_was_configured_at_its_release(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let stricter = |config: &mut Config| {
        let rules = "informed_at = \"dsn_delivered\"\ndeadline = \"1h\"";
        config.category.insert(Category::SecurityBreach, toml::from_str(rules).unwrap());
    };
    let app = app.configured(stricter).await;
    app.advance(HOUR * 300);
    let answer = app.informed("C1", id).await;
    assert_eq!((answer.verdict, answer.late), (Verdict::Informed, 0));
    let notice = &answer.notices[0];
    assert_eq!((notice.deadline, notice.informed_at), (Some(time("2026-11-27T08:00:00Z")), Level::Relayed));
    assert_eq!(app.coverage(id).await.informed, 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_says_when_stands_once_and_can_be_withdrawn(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    app.advance(HOUR * 90);
    let coverage = &app.app.coverage;
    let (name, told) = (id.to_string(), time("2026-11-25T10:30:00Z"));
    let called = |told_at: Option<Timestamp>| NewAttestation {
        account_id: "C3",
        channel: Channel::Phone,
        witness: "Bo",
        note: "called",
        told_at,
    };
    let future = coverage.attest(&alice(), &name, &called(Some(time("2026-12-25T10:30:00Z")))).await;
    assert!(matches!(future, Err(CoverageError::Future { .. })), "{future:?}");
    // Nobody can be told of it before it is known; before it is written, they can.
    for early in ["2020-01-01T10:30:00Z", "2026-11-24T07:58:00Z"] {
        let early = coverage.attest(&alice(), &name, &called(Some(time(early)))).await;
        assert!(matches!(early, Err(CoverageError::TooEarly { .. })), "{early:?}");
    }
    assert_eq!(app.informed("C3", id).await.notices[0].attested.len(), 0);
    let first = coverage.attest(&alice(), &name, &called(Some(told))).await.unwrap();
    assert!(!first.already);
    let answer = app.informed("C3", id).await;
    assert_eq!((answer.verdict, answer.late), (Verdict::Informed, 0), "recorded late, informed in time");
    assert_eq!(answer.notices[0].informed_since, Some(told));
    for again in [called(Some(told)), called(None)] {
        let again = coverage.attest(&alice(), &name, &again).await.unwrap();
        assert!(again.already && again.attestation == first.attestation, "{again:?}");
    }
    assert_eq!(app.informed("C3", id).await.notices[0].attested.len(), 1);

    let (which, why) = (first.attestation.id, "it was C2 whom Bo called");
    let other = coverage.withdraw(&alice(), &name, ("C1", which), why).await;
    assert!(matches!(other, Err(CoverageError::NoAttestation(..))), "{other:?}");
    coverage.withdraw(&alice(), &name, ("C3", which), why).await.unwrap();
    let twice = coverage.withdraw(&alice(), &name, ("C3", which), why).await;
    assert!(matches!(twice, Err(CoverageError::Withdrawn(_))), "{twice:?}");
    let answer = app.informed("C3", id).await;
    assert_eq!((answer.verdict, answer.level, answer.overdue), (Verdict::CannotBe, None, 1));
    let withdrawn = answer.notices[0].attested[0].withdrawn.as_ref().unwrap();
    assert_eq!((withdrawn.reason.as_str(), withdrawn.operator.as_str()), (why, "alice"));
    assert_eq!(app.coverage(id).await.cannot_be, 1);
    assert!(!coverage.attest(&alice(), &name, &called(Some(told))).await.unwrap().already, "it may be right after all");
    let report = audit(&app).await;
    assert_eq!(report.problem, None);
    // A customer who has the relay's answer, too, is not shown with a stronger level.
    app.attest(id, "C1", Channel::Letter, "sent on Monday").await.unwrap();
    assert_eq!(app.informed("C1", id).await.level, Some(Level::Relayed));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn answers_say_that_a_notice_is_paused_or_cancelled_and_what_was_never_sent_decides_nothing(
    #[case] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let wrong = app.release(&maintenance("all = true")).await;
    notices.pause(wrong, &alice(), Some("a wrong window")).await.unwrap();
    let stopped = app.informed("C2", wrong).await.notices[0].stopped.clone().unwrap();
    let said = (stopped.what, stopped.operator.as_str(), stopped.reason.as_deref(), stopped.at);
    assert_eq!(said, ("paused", "alice", Some("a wrong window"), Some(time("2026-11-24T10:00:00Z"))));
    let covering = app.app.coverage.coverage(&alice(), &wrong.to_string()).await.unwrap();
    assert_eq!(covering.stopped, Some(stopped));
    notices.cancel(wrong, &alice(), Some("sent again with the right one")).await.unwrap();
    app.run_until_idle().await;
    let right = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let stopped = app.informed("C2", wrong).await.notices[0].stopped.clone().unwrap();
    assert_eq!((stopped.what, stopped.reason.as_deref()), ("cancelled", Some("sent again with the right one")));
    assert_eq!(app.informed("C2", wrong).await.verdict, Verdict::NotInformed);
    assert_eq!(app.informed("C2", right).await.notices[0].stopped, None);
    let about = About::Reference("CHG-1".to_owned());
    let matter = app.app.coverage.informed(&alice(), "C2", &about).await.unwrap();
    assert_eq!((matter.verdict, matter.level), (Verdict::Informed, Some(Level::Relayed)), "by the right one");
    assert_eq!(matter.notices.len(), 2, "both are listed");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn of_a_notice_that_is_not_released_nobody_is_said_to_be_outside_its_audience(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.app.notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    let answer = app.informed("C1", id).await;
    assert_eq!((answer.verdict, answer.notices[0].state), (Verdict::NotReleased, NoticeState::Draft));
    let early = app.attest(id, "C1", Channel::Phone, "called").await;
    assert!(matches!(early, Err(CoverageError::NotReleased(NoticeState::Draft))), "{early:?}");
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    let never = app.attest(id, "C1", Channel::Phone, "called").await.unwrap_err().to_string();
    assert!(never.ends_with("it was never released and has addressed nobody"), "{never}");
    let empty = app.try_release(&app.draft(&maintenance("attributes = { region = [\"x\"] }"), "")).await;
    assert!(matches!(empty, Err(besked::notices::NoticeError::Audience(AudienceError::Empty { .. }))), "{empty:?}");
}

/// With the real clock: what was discovered four days ago is late now.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_checks_approves_releases_or_asks_is_told_of_the_deadline() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let days = |days: i64| {
        (besked::domain::clock::Clock::System.now() - jiff::SignedDuration::from_hours(days * 24)).to_string()
    };
    shell.write("late.md", &breach(&days(4)));
    let passed = "`fields.discovered_at`: the deadline has passed: customers must be informed by";
    let warned = |ran: crate::cli::Ran, text: &str| {
        let ran = ran.ok();
        assert!(ran.err.contains(text), "{text}: {}", ran.err);
        ran
    };
    warned(shell.run(&["notice", "check", "late.md"]), passed);
    let id = shell.run(&["notice", "create", "late.md", "--as", "A"]).ok().out.trim().to_owned();
    warned(shell.run(&["notice", "submit", &id, "--as", "A"]), passed);
    warned(shell.run(&["notice", "approve", &id, "--as", "B"]), passed);
    let asked = shell.run(&["informed", "--account", "C1", "--notice", &id]);
    assert_eq!(asked.code, 1, "{}", asked.err);
    assert!(asked.out.contains("is not informed: the notice is not released"), "{}", asked.out);
    assert!(asked.out.contains("it is approved: nobody is addressed yet"), "{}", asked.out);
    let evidence = shell.run(&["evidence", "export", "--notice", &id, "--account", "C1", "-o", "e.json"]);
    evidence.fails(2, &["besked notice show ID"]);
    warned(shell.run(&["notice", "release", &id]), passed);
    shell.run(&["dispatch", "--until-idle"]).ok();
    let asked = shell.run(&["informed", "--account", "C1", "--notice", &id]).ok().out;
    assert!(asked.starts_with("Yes, but too late. Customer C1 Ett AB was informed."), "{asked}");
    assert!(asked.contains(", after the deadline\n"), "{asked}");
    let table = shell.run(&["coverage", &id, "--late"]).ok().out;
    assert!(
        table.contains("informed, too late") && table.contains("2 customers were informed after the deadline"),
        "{table}"
    );
    for question in [["coverage", &id].as_slice(), &["informed", "--account", "C1", "--notice", &id]] {
        let json = shell.run(&[&["--json"], question].concat()).ok().json();
        let clock = if json["deadline"].is_null() { &json["notices"][0] } else { &json };
        let time = |name: &str| time(clock[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {json}")));
        assert_eq!(time("deadline"), time("discovered_at") + HOUR * 72, "{question:?}");
    }

    let scheduled = |discovered: &str, at: &str| {
        breach(discovered)
            .replace("INC-1", "INC-2")
            .replace("[audience]", &format!("[schedule]\nsend_at = {at}\n[audience]"))
    };
    shell.write("then.md", &scheduled(&days(1), &days(-9)));
    warned(shell.run(&["notice", "check", "then.md"]), "`schedule.send_at`: is after the deadline: customers must be");
    shell.write("old.md", &breach("1990-01-01T00:00:00Z"));
    warned(shell.run(&["notice", "check", "old.md"]), "days ago: is the year right?");
    let other = breach(&days(2))
        .replace("\"confirmed\"", "\"update\"")
        .replace("[audience]\nall = true\n", "follows = \"INC-1\"\n");
    shell.write("next.md", &other);
    let ran = warned(shell.run(&["notice", "check", "next.md"]), "in the notice that it follows");
    assert!(!ran.err.contains("deadline"), "the clock of a follow-up starts at its release: {}", ran.err);

    let attest = ["attest", &id, "--account", "C3", "--channel", "in-person", "--by", "Bo", "--note", "met"];
    let said = shell.run(&attest).ok();
    assert!(said.out.starts_with("recorded: customer C3 was informed in person by Bo at"), "{}", said.out);
    let again = shell.run(&attest).ok();
    assert!(again.err.contains("this attestation stands already"), "{}", again.err);
    let attested = shell.run(&[
        "--json",
        "attest",
        &id,
        "--account",
        "C3",
        "--channel",
        "in-person",
        "--by",
        "Bo",
        "--note",
        "met",
    ]);
    let which = attested.ok().json()["id"].as_str().unwrap().to_owned();
    shell.run(&["attest", &id, "--account", "C3", "--withdraw", &which, "--note", "it was C2"]).ok();
    let asked = shell.run(&["informed", "--account", "C3", "--notice", &id]).out;
    assert!(asked.contains("and does not count: it was C2"), "{asked}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_release_to_others_than_were_approved_is_said(#[case] engine: Engine) {
    use besked::domain::prints::Changed;
    // Said, and not refused.
    let app = TestApp::with(engine, |config| config.approval.audience_change = 1.0).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let in_lon = crate::notices::AGREEMENT.replace("all = true", "attributes = { region = [\"lon1\"] }");
    let id = notices.create(&app.draft(&in_lon, ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    notices.approve(id, &crate::app::bo(), None).await.unwrap();
    let changed = async || notices.changed_since_approval(&app.notice(id).await).await.unwrap();
    assert_eq!(changed().await, None);
    // The regions are exchanged: as many recipients, and others.
    app.import(&CUSTOMERS.replace("sto2", "x").replace("lon1", "sto2").replace("x\n", "lon1\n")).await;
    let other = changed().await.unwrap();
    assert!(other.others.unwrap() > 0, "{other:?}");
    app.import(CUSTOMERS).await;
    assert_eq!(changed().await, None, "as it was");
    app.import(&format!("{CUSTOMERS}C2,Two Ltd,more@two.example,Eve,service,en,Europe/London,lon1;sto2\n")).await;
    let Changed { then, now, others } = changed().await.unwrap();
    assert_eq!((now - then, others), (1, Some(1)));
    notices.release(id, &alice(), besked::notices::Release::default(), &|_| {}).await.unwrap();
    assert_eq!(changed().await, None, "what was compared is deleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_operators_and_ids_that_begin_with_a_dash_are_met_with_what_is_meant() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", &format!("{CUSTOMERS}-5,Minus AB,-m@minus.example,,service,sv,Europe/Stockholm,x\n"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true").replace("CHG-1", "-R1"));
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).ok();
    for command in [
        &["informed", "--account", "-5", "--notice", "-R1"][..],
        &["informed", "--account", "-5", "--reference", "-R1"],
        &["evidence", "export", "--account", "-5", "--notice", "-R1", "-o", "e.json"],
        &["notice", "preview", "notice.md", "--account", "-5"],
        &["hold", "add", "--account", "-5", "--reason", "lawsuit"],
        &["customers", "list", "--limit", "1", "--after", "-5"],
    ] {
        shell.run(command).ok();
    }
    let checked = shell.run(&["notice", "check", "notice.md"]).ok().out;
    assert!(checked.contains("1 of these customers has nobody to address: C3 Three Inc"), "{checked}");
    let attest = |note: &str| {
        shell.run(&["attest", "--account", "C3", "--channel", "phone", "--by", "Bo", "--note", note, "--", "-R1"])
    };
    attest("two\nlines").fails(2, &["must be one line, without U+000A"]);
    attest(&"å".repeat(501)).fails(2, &["has 501 letters, 1002 bytes: at most 1000 bytes"]);
    let table = shell.run(&["coverage", "--", "-R1"]).ok().out;
    let at = |line: &str, word: &str| line.find(word).unwrap_or_else(|| panic!("{word} in {table}"));
    let (head, last) =
        (table.lines().find(|it| it.starts_with("ACCOUNT")), table.lines().find(|it| it.starts_with("C3")));
    assert_eq!(at(head.unwrap(), "VERDICT"), at(last.unwrap(), "nobody to address"), "{table}");

    shell.write("terms.md", crate::notices::AGREEMENT);
    let id = shell.run(&["notice", "create", "terms.md", "--as", "A"]).ok().out.trim().to_owned();
    shell.run(&["notice", "submit", &id, "--as", "A"]).ok();
    shell.run(&["notice", "approve", &id, "--as", "B"]).ok();
    let second = shell.run(&["notice", "approve", &id, "--as", "C"]).ok();
    assert!(second.err.contains("it was approved already, by B"), "{}", second.err);
    let edited = shell.run(&["notice", "edit", &id, "terms.md", "--as", "A"]).ok();
    assert!(edited.err.contains("the approval by B is void"), "{}", edited.err);
}
