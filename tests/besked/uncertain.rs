//! Uncertain deliveries: an operator sends them again or settles them, and the ledger records it.

use std::time::Duration;

use besked::deliveries::{DeliveryError, Finding, Recorded};
use besked::domain::address::Address;
use besked::domain::category::Category;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, State};
use besked::domain::evidence::verify;
use besked::domain::notice::State as NoticeState;
use besked::domain::page::PageRequest;
use besked::domain::preference::Reason;
use besked::ledger::audit::Verdict as Audit;
use besked::store::people::suppressions;
use besked::store::proof::ledger;
use besked::store::sending::uncertain;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::relay::{Act, Relay};

/// News to C1 and C2; of C2's nobody knows whether it was taken. Gives the notice and that delivery.
async fn doubted(app: &TestApp) -> (Uuid, Uuid) {
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Uncertain, 1)].into());
    (id, app.informed("C2", id).await.notices[0].deliveries[0].id)
}

async fn send_again(app: &TestApp, id: Uuid) -> Result<(), DeliveryError> {
    app.app.deliveries.resend(&alice(), &[id]).await.map(drop)
}

async fn settled(app: &TestApp, id: Uuid, accepted: bool) -> Result<Recorded, DeliveryError> {
    let finding = Finding { accepted, text: "the relay's log says so", by: "Bo" };
    app.app.deliveries.settle(&alice(), id, &finding).await
}

/// What the ledger has about a notice, in order.
async fn events(app: &TestApp, id: Uuid) -> Vec<&'static str> {
    let mut entries = ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), id).await.unwrap();
    entries.sort_by_key(|entry| entry.index.unwrap());
    let events = entries.iter().map(|entry| entry.event.as_str());
    events.filter(|event| *event != "operated").collect()
}

/// The audit finds nothing, and the evidence for C2 verifies; gives what it claims.
async fn proved(app: &TestApp, id: Uuid) -> String {
    let report = audit(app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    let file = exported(app, id, Some("C2")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(app)).unwrap();
    evidence.entries.iter().map(|entry| format!("{}\n", entry.claim.proves)).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_of_a_closed_notice_leaves_it_closed(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, doubt) = doubted(&app).await;
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);
    assert_eq!((app.coverage(id).await.informed, app.coverage(id).await.pending), (1, 1));
    app.advance(Duration::from_secs(60));
    send_again(&app, doubt).await.unwrap();
    let listed = uncertain::list(&mut app.app.context.store.read().await.unwrap(), None, None, 9).await.unwrap();
    assert_eq!((listed[0].relay.as_deref(), listed[0].again_at.is_some()), (Some("primary"), true));
    assert!(matches!(send_again(&app, doubt).await, Err(DeliveryError::InQueue(_))));
    proved(&app, id).await;
    let app = app.restart().await;
    app.run_until_idle().await;

    let received = app.relay.to("hello@two.example");
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].data, received[1].data, "byte for byte");
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    assert_eq!((app.coverage(id).await.informed, app.coverage(id).await.pending), (2, 0));
    let said = events(&app, id).await;
    assert_eq!(said[3..], ["closed", "resent", "accepted"], "{said:?}");
    let open = besked::store::notices::open::list(&mut app.app.context.store.read().await.unwrap()).await.unwrap();
    assert!(open.is_empty(), "nothing is left to do: {open:?}");
    let claims = proved(&app, id).await;
    assert!(claims.contains("an operator decided to send the message to hello@two.example"), "{claims}");
    assert!(claims.contains("decided by alice"), "{claims}");
    assert!(matches!(send_again(&app, doubt).await, Err(DeliveryError::NotFailed { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_can_be_put_off_refused_and_doubted_once_more() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, doubt) = doubted(&app).await;
    send_again(&app, doubt).await.unwrap();
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try later\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Deferred, 1)].into());
    proved(&app, id).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Uncertain, 1)].into(), "an operator decides");
    send_again(&app, doubt).await.unwrap();
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Rejected, 1)].into());
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    proved(&app, id).await;
}

#[rstest]
#[case(Engine::Sqlite, true, State::Accepted, Verdict::Informed)]
#[case(Engine::Postgres, true, State::Accepted, Verdict::Informed)]
#[case(Engine::Sqlite, false, State::Rejected, Verdict::NotInformed)]
#[tokio::test(flavor = "multi_thread")]
async fn an_operator_settles_a_doubt_in_words(
    #[case] engine: Engine,
    #[case] taken: bool,
    #[case] state: State,
    #[case] verdict: Verdict,
) {
    let app = TestApp::new(engine).await;
    let (id, doubt) = doubted(&app).await;
    assert_eq!(settled(&app, doubt, taken).await.unwrap().state, state);
    let answer = app.informed("C2", id).await;
    let delivery = &answer.notices[0].deliveries[0];
    assert_eq!((answer.verdict, delivery.level), (verdict, Some(Level::OperatorFound)));
    assert_eq!(delivery.reply.as_deref(), Some("stated by Bo: the relay's log says so"));
    assert!(delivery.found_by_operator, "no server has answered");
    assert!(!app.informed("C1", id).await.notices[0].deliveries[0].found_by_operator);
    let claims = proved(&app, id).await;
    assert!(claims.contains("found by an operator") && claims.contains("stated by Bo"), "{claims}");
    let again = settled(&app, doubt, taken).await;
    assert!(matches!(again, Err(DeliveryError::NotUncertain { state: it, .. }) if it == state), "{again:?}");
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 1, "it is not sent again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mandatory_doubt_that_was_settled_is_not_sent_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    let doubt = app.informed("C2", id).await.notices[0].deliveries[0].id;
    assert!(matches!(send_again(&app, doubt).await, Err(DeliveryError::InQueue(_))));
    settled(&app, doubt, true).await.unwrap();
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 1);
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(events(&app, id).await, ["manifest", "uncertain", "accepted", "closed"]);
    proved(&app, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_opted_out_or_left_gets_none_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (_, doubt) = doubted(&app).await;
    let (store, clock, random) = (&app.app.context.store, &app.app.context.clock, &app.app.context.random);
    let person = Address::parse("hello@two.example").unwrap();
    app.wish("hello@two.example", Category::News, true).await;
    assert!(matches!(
        send_again(&app, doubt).await,
        Err(DeliveryError::Optional { why: "the person opted out of it", .. })
    ));
    app.wish("hello@two.example", Category::News, false).await;
    let mut tx = store.write().await.unwrap();
    suppressions::add(&mut tx, &person, Reason::Complaint, clock.now()).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(send_again(&app, doubt).await, Err(DeliveryError::Optional { .. })));
    app.erase(person.as_str()).await.unwrap();
    assert!(matches!(send_again(&app, doubt).await, Err(DeliveryError::Erased(_))));
    let unknown = send_again(&app, random.id(clock.now())).await;
    assert!(matches!(unknown, Err(DeliveryError::Unknown(_))));
    assert_eq!(settled(&app, doubt, false).await.unwrap().state, State::Rejected);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_can_be_erased_while_their_message_waits_to_be_sent_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, doubt) = doubted(&app).await;
    send_again(&app, doubt).await.unwrap();
    app.erase("hello@two.example").await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Uncertain, 1)].into(), "it may have been taken");
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

/// Nothing more is sent of a cancelled notice; what may have been sent is not said to be unsent.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_of_a_cancelled_notice_stays_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    app.app.notices.cancel(id, &alice(), Some("wrong window")).await.unwrap();
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Uncertain, 1)].into());
    assert!(app.notice(id).await.closed_at.is_some());
    app.advance(Duration::from_secs(86_400));
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 1, "it is not sent again");
    let answer = app.informed("C2", id).await;
    assert_eq!(answer.verdict, Verdict::Pending);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    let doubt = answer.notices[0].deliveries[0].id;
    assert_eq!(settled(&app, doubt, true).await.unwrap().state, State::Accepted);
    assert!(app.informed("C2", id).await.notices[0].deliveries[0].found_by_operator);
    proved(&app, id).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_are_put_back_or_none() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, doubt) = doubted(&app).await;
    let sure = app.informed("C1", id).await.notices[0].deliveries[0].id;
    app.app.deliveries.resend(&alice(), &[doubt, sure]).await.unwrap_err();
    let listed = uncertain::list(&mut app.app.context.store.read().await.unwrap(), Some(id), None, 9).await.unwrap();
    assert_eq!((listed.len(), listed[0].again_at), (1, None));
    app.app.deliveries.resend(&alice(), &[doubt, doubt]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_decides_on_the_command_line() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("news.md", NEWS);
    relay.on(". ", 2, Act::TakeAndClose);
    let sent = shell.run(&["--json", "notice", "send", "news.md", "--wait", "--yes"]);
    let sent = sent.fails(1, &["2 deliveries ended without an answer", "uncertain list"]).json();
    let notice = sent["id"].as_str().unwrap();
    let list = || shell.run(&["--json", "deliveries", "uncertain", "list", "--notice", notice]).ok().json();
    let doubts = list()["uncertain"].as_array().unwrap().clone();
    let id = |n: usize| doubts[n]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (doubts.len(), doubts[0]["relay"].as_str(), doubts[0]["again_at"].is_null()),
        (2, Some("primary"), true)
    );
    let table = shell.run(&["deliveries", "uncertain", "list"]).ok().out;
    assert!(table.contains("hello@two.example") && table.contains("waits for you"), "{table}");

    let first = id(0);
    shell.run(&["deliveries", "uncertain", "resend", &first]).fails(2, &["gets it twice", "--yes"]);
    let resent = shell.run(&["--json", "deliveries", "uncertain", "resend", &first, "--yes"]).ok().json();
    assert_eq!(resent["resent"][0].as_str(), Some(first.as_str()));
    shell
        .run(&["deliveries", "uncertain", "resend", &first, "--yes"])
        .fails(2, &["is sent again without an operator", "hint: "]);
    let second = id(1);
    let settle = ["deliveries", "uncertain", "settle", &second, "--text", "queued as 4F2", "--by", "Bo"];
    shell.run(&settle).fails(2, &["--accepted"]);
    let done = shell.run(&[&["--json"], settle.as_slice(), &["--accepted"]].concat()).ok().json();
    assert_eq!(done["state"].as_str(), Some("accepted"));
    let found = "found by an operator to have been accepted by the mail server";
    shell.run(&[settle.as_slice(), &["--rejected"]].concat()).fails(2, &["is not uncertain", found, "uncertain list"]);
    let shown = shell.run(&["deliveries", "show", &second]).ok().out;
    assert!(shown.contains(&format!("accepted: {found}\n")), "{shown}");
    let account = shell.run(&["--json", "deliveries", "show", &second]).ok().json();
    assert_eq!(account["found_by_operator"].as_bool(), Some(true));
    let account = account["account_id"].as_str().unwrap();
    let informed = shell.run(&["informed", "--account", account, "--notice", notice]).ok().out;
    assert!(informed.contains(found) && informed.contains("a person's word"), "{informed}");
    assert!(!informed.contains("our relay (accepted"), "no server said so: {informed}");
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(list()["uncertain"].as_array().unwrap().len(), 0);
    assert_eq!(relay.received().len(), 3);
    let status = shell.run(&["--json", "notice", "status", notice]).ok().json();
    assert_eq!(
        (status["state"].as_str(), status["counts"]["accepted"].as_u64()),
        (Some("closed"), Some(2)),
        "{status}"
    );
    shell.run(&["ledger", "audit"]).ok();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn all_of_a_notice_are_sent_again_or_settled_page_by_page(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let deliveries = &app.app.deliveries;
    let one = |after| PageRequest { after, limit: 1 };
    for settle in [false, true] {
        let mut lost = Vec::new();
        for _ in 0..2 {
            app.relay.on(". ", 2, Act::TakeAndClose);
            let id = app.release(NEWS).await;
            app.run_until_idle().await;
            assert_eq!(app.counts(id).await, [(State::Uncertain, 2)].into());
            lost.push(id);
        }
        let (id, name) = (lost[0], lost[0].to_string());
        let doubts = async |id: Uuid| deliveries.doubts(&alice(), &id.to_string()).await.unwrap();
        // One opts out meanwhile: nothing is sent to them again.
        app.wish("hello@two.example", Category::News, true).await;
        let (mut done, mut skipped, mut after) = (0, Vec::new(), None);
        loop {
            let (ids, left, next) = if settle {
                let finding = Finding { accepted: false, text: "not in its log", by: "Bo" };
                let page = deliveries.settle_uncertain(&alice(), &name, &finding, &one(after)).await.unwrap();
                (page.settled, page.skipped, page.next)
            } else {
                let page = deliveries.resend_uncertain(&alice(), &name, &one(after)).await.unwrap();
                (page.resent, page.skipped, page.next)
            };
            assert!(ids.len() + left.len() <= 1);
            done += ids.len() as u64;
            skipped.extend(left);
            after = next;
            if after.is_none() {
                break;
            }
        }
        if settle {
            assert_eq!((done, skipped.len()), (2, 0), "a finding says what happened, to whomever");
            assert_eq!(app.counts(id).await, [(State::Rejected, 2)].into());
        } else {
            assert_eq!((done, skipped.len()), (1, 1));
            assert!(skipped[0].why.contains("opted out"), "{skipped:?}");
            let again = PageRequest { after: None, limit: 9 };
            let again = deliveries.resend_uncertain(&alice(), &name, &again).await.unwrap();
            assert!(again.skipped.iter().any(|it| it.why.contains("without an operator")), "{again:?}");
            app.run_until_idle().await;
            assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Uncertain, 1)].into());
        }
        assert_eq!(doubts(lost[1]).await, 2, "those of another notice stay");
        app.wish("hello@two.example", Category::News, false).await;
        let report = audit(&app).await;
        assert_eq!(report.problem, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_of_a_notice_are_decided_with_one_command_that_asks_first() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let send = |name: &str| {
        relay.on(". ", 2, Act::TakeAndClose);
        shell.write(name, NEWS);
        let sent = shell.run(&["--json", "notice", "send", name, "--wait", "--yes"]);
        sent.fails(1, &["2 deliveries ended without an answer"]).json()["id"].as_str().unwrap().to_owned()
    };
    let (first, second, third) = (send("a.md"), send("b.md"), send("c.md"));
    let uncertain = |more: &[&str]| shell.run(&[&["deliveries", "uncertain"], more].concat());
    uncertain(&["resend"]).fails(2, &["--notice"]);
    uncertain(&["resend", "--notice", &first]).fails(2, &["this sends 2 uncertain deliveries again", "--yes"]);
    let resent = uncertain(&["resend", "--notice", &first, "--yes"]).ok().out;
    assert!(resent.starts_with("2 deliveries put back into the queue"), "{resent}");
    // The same by its state, as one would try it beside `rejected`.
    let by_state = |more: &[&str]| {
        let command = ["--json", "deliveries", "resend", "--notice", &second, "--state", "uncertain"];
        shell.run(&[&command, more].concat())
    };
    by_state(&[]).fails(2, &["this sends 2 uncertain deliveries again"]);
    assert_eq!(by_state(&["--yes"]).ok().json()["resent"].as_array().map(Vec::len), Some(2));
    let wrong = shell.run(&["deliveries", "resend", "--notice", &second, "--state", "lost", "--yes"]);
    wrong.fails(2, &["`lost` is not a failure", "`uncertain`"]);

    let settle = ["settle", "--notice", &third, "--text", "in the log", "--by", "Bo", "--accepted"];
    let asked = "this records 2 uncertain deliveries as accepted by the mail server, for good";
    uncertain(&settle).fails(2, &[asked, "--yes"]);
    uncertain(&["settle", "--text", "x", "--by", "Bo", "--accepted"]).fails(2, &["--notice"]);
    let settled = shell.run(&[&["--json", "deliveries", "uncertain"], &settle[..], &["--yes"]].concat()).ok().json();
    assert_eq!(
        (settled["settled"].as_array().map(Vec::len), settled["skipped"].as_array().map(Vec::len)),
        (Some(2), Some(0))
    );
    let none = uncertain(&[&settle[..], &["--yes"]].concat()).ok().out;
    assert_eq!(none, "no delivery of the notice is uncertain\n");
    assert_eq!(uncertain(&["resend", "--notice", &third]).ok().out, none);
    shell.run(&["dispatch", "--until-idle"]).ok();
    for id in [&first, &second, &third] {
        let status = shell.run(&["--json", "notice", "status", id]).ok().json();
        assert_eq!(status["counts"]["accepted"].as_u64(), Some(2), "{status}");
    }
    shell.run(&["ledger", "audit"]).ok();
}
