//! Contacts that change while a notice is in the queue: nothing goes to an address that was corrected or removed.

use std::time::Duration;

use besked::domain::delivery::{Reason, State};
use besked::domain::entry::Event;
use besked::domain::notice::State as NoticeState;
use rstest::rstest;

use crate::app::{CUSTOMERS, NEWS, TestApp, address, alice, maintenance};
use crate::audit::audit;
use crate::circuit::{Running, until_accepted};
use crate::database::Engine;
use crate::evidence::{events, exported, key};
use crate::relay::{Act, Gate, Script, Step, on};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_mandatory_notice_in_the_queue_follows_a_contact_that_was_replaced(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.import(&CUSTOMERS.replace("teknik@ett.example,Bo", "drift@ett.example,Bodil")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2), (State::Cancelled, 1)].into());
    let notice = app.notice(id).await;
    assert_eq!((notice.state, notice.recipients, notice.customers), (NoticeState::Closed, 3, 3));
    assert!(app.relay.to("teknik@ett.example").is_empty());
    assert_eq!(app.relay.to("drift@ett.example").len(), 1);
    assert_eq!(app.coverage(id).await.informed, 2, "each customer once");

    let report = audit(&app).await;
    assert_eq!(report.problem, None, "the closed entry counts those that were added");
    for (account, wanted) in [(Some("C1"), 2), (None, 3)] {
        let file = exported(&app, id, account).await.unwrap();
        let evidence = besked::domain::evidence::verify(file.as_slice(), &key(&app)).unwrap();
        assert_eq!((evidence.recipients.len(), evidence.recipients_in_manifest), (wanted, Some(3)));
        assert!(events(&evidence).contains(&Event::Addressed));
        let added: Vec<_> = evidence.recipients.iter().filter(|it| it.added).map(|it| it.address.as_str()).collect();
        assert_eq!(added, ["drift@ett.example"]);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_retry_goes_to_the_address_that_was_corrected_meanwhile(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("451 4.3.0 try later\r\n"));
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    app.run_until_idle().await;
    app.app.subjects.rectify(&alice(), &address("hello@two.example"), &address("carol@two.example")).await.unwrap();
    app.advance(Duration::from_secs(600));
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty());
    assert_eq!(app.relay.to("carol@two.example").len(), 1);
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert_eq!(audit(&app).await.problem, None);
}

/// A server that hangs with the delivery of a contact who is gone must not hold up a breach notice to all others.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_hangs_to_a_contact_that_left_holds_up_no_other(#[case] engine: Engine) {
    // Two of them hang: one delivery of each notice.
    let app = TestApp::with(engine, |config| config.relays[0].connections = 4).await;
    let gate = Gate::new();
    app.relay.change(Script::default().rule(on(Step::Dot).when("@hangs.example").after(&gate)));
    let customers = |first: &str| {
        let others: String = (1..40).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
        format!("account_id,customer_name,email\nC0,Kund 0,{first}\n{others}")
    };
    app.import(&customers("anna@hangs.example")).await;
    let id = app.release(&maintenance("customers = [\"C0\"]")).await;
    let all = app.release(&maintenance("all = true").replace("CHG-2041", "CHG-2042")).await;
    app.relay.add(on(Step::Rcpt).when("@d").times(1).reply("451 4.3.0 try later\r\n"));
    let running = Running::start(&app);
    for _ in 0..2 {
        gate.reached().await;
    }
    app.import(&customers("bo@next.example")).await;
    until_accepted(&app, all, 38).await;
    gate.open();
    until_accepted(&app, id, 1).await;
    running.stop().await;
    assert_eq!(app.relay.to("bo@next.example").len(), 0, "the one to the contact before was on its way");
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_optional_notice_to_a_contact_that_left_is_only_cancelled() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(NEWS).await;
    app.import(&CUSTOMERS.replace("hello@two.example,Carol", "new@two.example,Nils")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
    assert!(app.relay.to("new@two.example").is_empty() && app.relay.to("hello@two.example").is_empty());
    assert_eq!(audit(&app).await.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_customer_of_an_audience_file_keeps_its_values() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let notice = maintenance("file = \"rows.csv\"").replace("Hello", "{{ row.rack }}");
    let id = app.try_release(&app.draft(&notice, "account_id,rack\nC1,A 7\nC2,B 9\n")).await.unwrap();
    app.import(&CUSTOMERS.replace("teknik@ett.example,Bo", "drift@ett.example,Bodil")).await;
    app.run_until_idle().await;
    assert!(app.relay.to("drift@ett.example")[0].text().contains("A 7"));
    assert_eq!(app.counts(id).await, [(State::Accepted, 2), (State::Cancelled, 1)].into());
}

/// Without the name that the text needs there is no mail, and the customer stays in the coverage.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_successor_without_a_value_is_not_sent_a_blank(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]").replace("Hello", "Hello {{ contact.name }}!")).await;
    app.import(&CUSTOMERS.replace("hello@two.example,Carol", "new@two.example,")).await;
    app.run_until_idle().await;
    assert!(app.relay.received().is_empty());
    let (totals, rows) = app.covered(id).await;
    let shown: Vec<_> = rows[0].deliveries.iter().map(|it| (it.email.as_str(), it.state, it.reason)).collect();
    assert_eq!(
        shown,
        [
            ("hello@two.example", State::Cancelled, None),
            ("new@two.example", State::Rejected, Some(Reason::NotComposed))
        ]
    );
    assert_eq!((totals.customers, totals.not_informed), (1, 1));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_without_differences_holds_up_no_queue(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let stale = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        besked::store::notices::open::list(&mut conn).await.unwrap()[0].stale
    };
    app.import(CUSTOMERS).await;
    assert!(!stale().await);
    app.import(&CUSTOMERS.replace("Carol", "Carla")).await;
    assert!(stale().await);
}
