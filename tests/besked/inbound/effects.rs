//! What a report does to the delivery that it is about.

use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, State};
use besked::domain::evidence::verify;
use besked::domain::preference::Reason;
use besked::domain::task::TaskKind;
use besked::ledger::audit::Verdict as Audit;
use besked::store::people::{preferences, suppressions};
use besked::store::proof::ledger;
use rstest::rstest;
use uuid::Uuid;

use super::{Dsn, comes_back, notified, open_tasks, reported, return_path, take, to_c2};
use crate::app::{CUSTOMERS, NEWS, TestApp, key as key_of, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::relay::{Act, Relay};

/// Why the address of C2 is suppressed.
async fn suppressed(app: &TestApp) -> Vec<Reason> {
    let mut conn = app.app.context.store.read().await.unwrap();
    let found = suppressions::reasons(&mut conn, &key_of("hello@two.example")).await.unwrap();
    found.into_iter().map(|it| it.reason).collect()
}

async fn sound(app: &TestApp) {
    let report = audit(app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

/// How many entries the ledger has of an event of a notice.
async fn entries(app: &TestApp, notice: Uuid, event: &str) -> usize {
    app.app.ledger.seal().await.unwrap();
    let entries = ledger::of_notice(&mut app.app.context.store.read().await.unwrap(), notice).await.unwrap();
    entries.iter().filter(|entry| entry.event.as_str() == event).count()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_bounce_days_after_the_end_turns_the_answer_to_no_and_marks_the_address(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    app.advance(std::time::Duration::from_secs(3 * 86_400));
    let worked = reported(&app, delivery.id, &Dsn::default()).await;
    assert_eq!((worked.recorded, worked.unmatched, worked.waiting), (1, 0, 0));
    let answer = app.informed("C2", id).await;
    assert_eq!(answer.verdict, Verdict::NotInformed);
    let shown = &answer.notices[0].deliveries[0];
    assert_eq!((shown.state, shown.found_by_operator, shown.reports.len()), (State::Bounced, false, 1));
    assert!(shown.reply.as_deref().unwrap().starts_with("550 5.1.1"), "{:?}", shown.reply);
    assert_eq!(suppressed(&app).await, [Reason::Dead]);
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Bounced, 1)].into());
    sound(&app).await;
    let file = exported(&app, id, Some("C2")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let claims: Vec<String> =
        evidence.entries.iter().map(|it| format!("{} {}", it.claim.proves, it.claim.does_not_prove)).collect();
    let bounced = claims.iter().find(|claim| claim.contains("could not be delivered")).unwrap();
    assert!(bounced.contains("hello@two.example") && bounced.contains("550 5.1.1"), "{bounced}");
    assert!(bounced.contains("the recipient of this message could have made it"), "{bounced}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_same_report_twice_by_whatever_route_changes_nothing(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn::default()).await;
    let path = return_path(&app, delivery.id);
    let bytes = Dsn { to: &path, ..Dsn::default() }.bytes();
    assert!(take(&app, Some(&path), bytes.clone()).await.already, "the same bytes");
    let hop = [b"Received: from elsewhere by us; Mon, 1 Dec 2036 10:00:00 +0000\n".as_slice(), &bytes].concat();
    comes_back(&app, &path, hop).await;
    assert_eq!(to_c2(&app, id).await.reports.len(), 1, "the same Message-ID");
    assert_eq!((entries(&app, id, "bounced").await, entries(&app, id, "reported").await), (1, 0));
    sound(&app).await;
}

#[tokio::test]
async fn only_a_dead_address_is_marked_and_only_the_one_that_was_mailed() {
    let refused = "550 5.7.1 Service unavailable; client host blocked using zen.spamhaus.org";
    let cases = [
        (Dsn { status: "5.7.1", diagnostic: refused, ..Dsn::default() }, vec![], "policy"),
        (Dsn { status: "5.2.2", diagnostic: "552 5.2.2 mailbox full", ..Dsn::default() }, vec![], "mailbox-full"),
        (Dsn { status: "5.1.1", diagnostic: "550 5.1.1 over quota", ..Dsn::default() }, vec![], "mailbox-full"),
        (Dsn { recipient: "HELLO@TWO.example", ..Dsn::default() }, vec![Reason::Dead], "address-dead"),
        (
            Dsn { recipient: "carol@else.example", original: Some("hello@two.example"), ..Dsn::default() },
            vec![],
            "address-dead",
        ),
    ];
    for (dsn, reasons, verdict) in cases {
        let app = TestApp::new(Engine::Sqlite).await;
        let (id, delivery) = notified(&app).await;
        reported(&app, delivery.id, &dsn).await;
        let shown = to_c2(&app, id).await;
        assert_eq!((shown.state, shown.reports[0].verdict.as_str()), (State::Bounced, verdict), "{dsn:?}");
        assert_eq!(suppressed(&app).await, reasons, "{dsn:?}");
        let mut conn = app.app.context.store.read().await.unwrap();
        let stranger = suppressions::reasons(&mut conn, &key_of("carol@else.example")).await.unwrap();
        assert!(stranger.is_empty(), "whom we never wrote to");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_success_report_raises_the_level(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    for (action, message) in [("relayed", "1@mx"), ("delayed", "2@mx"), ("expanded", "3@mx")] {
        let dsn = Dsn { action, id: message, status: "2.0.0", diagnostic: "250 2.0.0 ok", ..Dsn::default() };
        reported(&app, delivery.id, &dsn).await;
        let shown = to_c2(&app, id).await;
        assert_eq!((shown.state, shown.level), (State::Accepted, Some(Level::Relayed)), "{action} proves no delivery");
    }
    let dsn = Dsn { action: "delivered", id: "4@mx", status: "2.1.5", diagnostic: "250 2.1.5 ok", ..Dsn::default() };
    reported(&app, delivery.id, &dsn).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.level), (State::Delivered, Some(Level::DsnDelivered)));
    assert_eq!(shown.reports.len(), 4);
    assert_eq!((entries(&app, id, "reported").await, entries(&app, id, "delivered").await), (3, 1));
    sound(&app).await;
    // A failure after that beats it, and somebody looks.
    reported(&app, delivery.id, &Dsn { id: "5@mx", ..Dsn::default() }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    assert_eq!(open_tasks(&app).await, [TaskKind::Contradiction]);
    // The other way round nothing changes.
    reported(&app, delivery.id, &Dsn { id: "6@mx", ..dsn }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced);
    sound(&app).await;
}

#[tokio::test]
async fn a_members_failure_after_expanded_says_nothing_of_the_list() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn { action: "expanded", status: "2.0.0", ..Dsn::default() }).await;
    let member = Dsn { recipient: "bo@two.example", original: Some("hello@two.example"), id: "2@mx", ..Dsn::default() };
    reported(&app, delivery.id, &member).await;
    assert_eq!(to_c2(&app, id).await.state, State::Accepted);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_report_that_overtakes_our_own_commit_is_joined_later(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.relay.on(". hello@two.example", 1, Act::Reply("451 4.3.0 try again\r\n"));
    app.run_until_idle().await;
    let delivery = to_c2(&app, id).await;
    assert_eq!(delivery.state, State::Deferred);
    let worked = reported(&app, delivery.id, &Dsn::default()).await;
    assert_eq!((worked.recorded, worked.waiting), (0, 1));
    assert_eq!(to_c2(&app, id).await.state, State::Deferred);
    app.advance(std::time::Duration::from_secs(3600));
    app.run_until_idle().await;
    app.advance(std::time::Duration::from_secs(60));
    app.run_until_idle().await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced, "accepted, and then joined with its report");
    sound(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_report_settles_a_doubt(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.relay.on(". hello@two.example", 1, Act::TakeAndClose);
    app.run_until_idle().await;
    let delivery = to_c2(&app, id).await;
    assert_eq!(delivery.state, State::Uncertain);
    let dsn = Dsn { action: "delivered", status: "2.1.5", diagnostic: "250 ok", ..Dsn::default() };
    reported(&app, delivery.id, &dsn).await;
    assert_eq!(to_c2(&app, id).await.state, State::Delivered);
    sound(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_every_recipient_knows_changes_nothing_and_is_looked_at(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    let returned = [
        (format!("X-Besked-Delivery: {}\n", delivery.id), "delivery-header"),
        (format!("Message-ID: {}\n", delivery.message_id), "message-id"),
    ];
    for (returned, tie) in &returned {
        let bytes = Dsn { returned, to: "fbl@example.com", id: &format!("{tie}@mx"), ..Dsn::default() }.bytes();
        take(&app, None, bytes).await;
        app.app.inbound.work_once().await.unwrap();
    }
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len()), (State::Accepted, 2));
    for (report, (_, tie)) in shown.reports.iter().zip(&returned) {
        assert_eq!((report.tie.as_str(), report.outcome), (*tie, None));
    }
    assert_eq!(open_tasks(&app).await, [TaskKind::WeakMatch; 2], "one for each message");
    assert_eq!(suppressed(&app).await, []);
    sound(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_complaint_ends_what_is_optional_and_nothing_else(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    let arf = format!(
        "From: fbl@provider.example\nTo: fbl@bounces.example.com\nSubject: FW: Maintenance\nMessage-ID: <fbl1@provider.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/report; report-type=feedback-report; boundary=\"B\"\n\n--B\n\
         Content-Type: text/plain\n\nThis is an abuse report.\n\n--B\nContent-Type: message/feedback-report\n\n\
         Feedback-Type: abuse\nUser-Agent: Provider/1.0\nVersion: 1\nOriginal-Mail-From: <{path}>\n\n--B\n\
         Content-Type: message/rfc822\n\nFrom: notices@example.com\nSubject: Maintenance\n\nHello.\n--B--\n"
    );
    comes_back(&app, "fbl@bounces.example.com", arf.into_bytes()).await;
    assert_eq!(to_c2(&app, id).await.state, State::Accepted, "it was read, after all");
    assert_eq!(suppressed(&app).await, [Reason::Complaint]);
    let mut conn = app.app.context.store.read().await.unwrap();
    let opted_out = preferences::of_address(&mut conn, &key_of("hello@two.example")).await.unwrap();
    drop(conn);
    assert_eq!(opted_out.len(), 2, "news and surveys");
    let (news, next) = (app.release(NEWS).await, app.release(&maintenance("all = true")).await);
    app.run_until_idle().await;
    assert_ne!(to_c2(&app, news).await.state, State::Accepted);
    assert_eq!(to_c2(&app, next).await.state, State::Accepted, "mandatory");
    sound(&app).await;
}

#[tokio::test]
async fn an_absence_note_is_recorded_and_a_departure_is_looked_at() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    let note = |message: &str, text: &str| {
        format!(
            "From: Carol <hello@two.example>\nTo: {path}\nSubject: Automatic reply: Maintenance\nMessage-ID: <{message}>\n\
             Auto-Submitted: auto-replied\nIn-Reply-To: {}\n\n{text}\n",
            delivery.message_id
        )
    };
    comes_back(&app, &path, note("1@two.example", "I am on vacation until Monday.").into_bytes()).await;
    assert_eq!(open_tasks(&app).await, []);
    let left = note("2@two.example", "Carol is no longer with the company.");
    comes_back(&app, &path, left.into_bytes()).await;
    assert_eq!(open_tasks(&app).await, [TaskKind::LeftCompany]);
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len(), shown.reports[0].kind.as_str()), (State::Accepted, 2, "auto-reply"));
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed, "an absence note is no failure");
}

#[tokio::test]
async fn two_nodes_record_a_report_once() {
    let app = TestApp::new(Engine::Postgres).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    for number in 0..20 {
        let id = format!("{number}@mx");
        let dsn = Dsn { to: &path, id: &id, action: "delayed", status: "4.4.1", ..Dsn::default() };
        take(&app, Some(&path), dsn.bytes()).await;
    }
    let other = app.app.inbound.clone();
    let (one, two) = tokio::join!(app.app.inbound.work_once(), other.work_once());
    assert_eq!(one.unwrap().recorded + two.unwrap().recorded, 20);
    assert_eq!((to_c2(&app, id).await.reports.len(), entries(&app, id, "reported").await), (20, 20));
}

/// A person at a shell, with a bounce in a file.
#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_in_a_file_is_examined_then_recorded_and_told() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.run(&["customers", "import", &shell.write("c.csv", CUSTOMERS)]).ok();
    let notice = shell.write("n.md", &maintenance("all = true"));
    let id = shell.run(&["notice", "send", &notice, "--wait", "--yes", "--json"]).ok().json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let sent = relay.received().into_iter().find(|it| it.to == "hello@two.example").unwrap();
    let bounce = String::from_utf8(Dsn { to: &sent.from, ..Dsn::default() }.bytes()).unwrap();
    let file = shell.write("bounce.eml", &bounce);
    let dry = shell.run(&["inbound", "read", "--dry-run", "--json", &file]).ok().json();
    let said = &dry["messages"][0];
    for (field, value) in
        [("kind", "dsn"), ("match", "token"), ("action", "failed"), ("status", "5.1.1"), ("verdict", "address-dead")]
    {
        assert_eq!(said[field], value, "{dry}");
    }
    assert_eq!(said["recipients"][0], "hello@two.example");
    assert_eq!(said["reports"][0]["original_recipient"], serde_json::Value::Null);
    assert_eq!(
        shell.run(&["inbound", "list", "--json"]).ok().json()["inbound"].as_array().unwrap().len(),
        0,
        "nothing is stored"
    );
    let read = shell.run(&["inbound", "read", &file]).ok();
    assert!(read.out.starts_with("1 message stored: 1 recorded with their deliveries"), "{}", read.out);
    let again = shell.run(&["inbound", "read", &file]).ok();
    assert!(again.out.starts_with("0 messages stored, 1 message stored before"), "{}", again.out);
    let delivery = said["delivery"].as_str().unwrap();
    let shown = shell.run(&["deliveries", "show", delivery]).ok();
    assert!(shown.out.contains("bounced") && shown.out.contains("(dsn, failed 5.1.1, address-dead)"), "{}", shown.out);
    let answer = shell.run(&["informed", "--account", "C2", "--notice", &id]).fails(1, &[]).out;
    assert!(answer.starts_with("No. Customer C2 Two Ltd was addressed, but is not informed."), "{answer}");
    assert!(answer.contains("(dsn, failed 5.1.1, address-dead): 550 5.1.1"), "{answer}");
    let listed = shell.run(&["inbound", "list", "--json"]).ok().json();
    let message = listed["inbound"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(shell.run(&["inbound", "show", &message, "--message"]).ok().out, bounce);
    let shown = shell.run(&["inbound", "show", &message]).ok();
    assert!(shown.out.contains("tied to a delivery by the signed return path"), "{}", shown.out);
}
