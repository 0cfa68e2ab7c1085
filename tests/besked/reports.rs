//! What an operator finds out after a server accepted a message: it adds to what is known, and removes nothing.

use besked::deliveries::DeliveryError;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Failure, Level, Outcome, State};
use besked::domain::evidence::verify;
use besked::domain::page::PageRequest;
use besked::ledger::audit::Verdict as Audit;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::evidence::{exported, key};
use crate::relay::Relay;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_return_beats_an_acceptance_and_the_closed_entry_stays(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let delivery = |account: &'static str| {
        let app = &app;
        async move { app.informed(account, id).await.notices[0].deliveries[0].clone() }
    };
    let report = |delivery: Uuid, outcome, text: &'static str| {
        let app = &app;
        async move { app.app.deliveries.report(&alice(), delivery, outcome, text).await }
    };
    let (first, second) = (delivery("C1").await.id, delivery("C2").await.id);
    report(first, Outcome::Delivered, "seen in the portal").await.unwrap();
    report(second, Outcome::Bounced, "5.1.1 no such user").await.unwrap();
    let answer = app.informed("C2", id).await;
    assert_eq!(answer.verdict, Verdict::NotInformed);
    assert_eq!(answer.notices[0].deliveries[0].reply.as_deref(), Some("stated by alice: 5.1.1 no such user"));
    assert_eq!(app.counts(id).await, [(State::Delivered, 1), (State::Bounced, 1)].into());
    let again = report(second, Outcome::Delivered, "?").await;
    assert!(matches!(again, Err(DeliveryError::Impossible { state: State::Bounced, .. })));
    let nobody = report(id, Outcome::Bounced, "?").await;
    assert!(matches!(nobody, Err(DeliveryError::Unknown(_))));
    let lines = report(first, Outcome::Bounced, "two\nlines").await;
    assert!(matches!(lines, Err(DeliveryError::Words(_))), "nothing is signed that is not one line");
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

/// A keyboard makes no delivery report: the level, the evidence and the answer name an operator.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_an_operator_reports_is_never_a_delivery_report(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let recorded =
        app.app.deliveries.report(&alice(), delivery, Outcome::Delivered, "seen in the portal").await.unwrap();
    assert_eq!((recorded.state, recorded.level), (State::Delivered, Some(Level::OperatorFound)));
    let answer = app.informed("C2", id).await;
    let shown = &answer.notices[0].deliveries[0];
    assert_eq!((shown.level, shown.found_by_operator), (Some(Level::OperatorFound), true));
    assert_eq!((answer.level, answer.notices[0].level), (Some(Level::OperatorFound), Some(Level::OperatorFound)));
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    let file = exported(&app, id, Some("C2")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let claims: String = evidence.entries.iter().map(|entry| format!("{}\n", entry.claim.proves)).collect();
    assert!(
        claims.contains("found by an operator") && claims.contains("stated by alice: seen in the portal"),
        "{claims}"
    );
    assert!(!claims.contains("a delivery report said"), "{claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_on_the_command_line_names_the_operator() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("customers = [\"C2\"]"));
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).ok();
    let listed = shell.run(&["--json", "deliveries", "list", "CHG-1"]).ok().json();
    let id = listed["deliveries"][0]["id"].as_str().unwrap();
    let recorded = ["--json", "--as", "bo", "deliveries", "report", id, "--delivered", "--text", "seen in the portal"];
    let recorded = shell.run(&recorded).ok().json();
    assert_eq!((recorded["state"].as_str(), recorded["level"].as_str()), (Some("delivered"), Some("operator_found")));
    let shown = shell.run(&["deliveries", "show", id]).ok().out;
    assert!(shown.contains("found by an operator to have been delivered\nstated by bo: seen in the portal"), "{shown}");
    let informed = shell.run(&["informed", "--account", "C2", "--notice", "CHG-1"]).ok().out;
    assert!(informed.contains("found by an operator to have been delivered"), "{informed}");
    assert!(informed.contains("finding: stated by bo: seen in the portal"), "{informed}");
    let withdrawn = shell.run(&["deliveries", "report", id, "--withdraw", "--text", "it was another"]).ok().out;
    assert!(withdrawn.contains("withdrawn: it is handed to our relay"), "{withdrawn}");
    shell
        .run(&["deliveries", "report", id, "--withdraw", "--text", "again"])
        .fails(2, &["no finding to withdraw", "hint: "]);
    shell.run(&["ledger", "audit"]).ok();
}

/// A wrong finding must not stand for ever: the customer would count as not informed.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_finding_is_withdrawn_and_what_was_before_it_counts_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let before = app.informed("C2", id).await.notices[0].deliveries[0].clone();
    let (delivery, deliveries) = (before.id, &app.app.deliveries);
    let nothing = deliveries.withdraw(&alice(), delivery, "typed by mistake").await;
    assert!(matches!(nothing, Err(DeliveryError::NoFinding { .. })), "{nothing:?}");
    for found in [Outcome::Bounced, Outcome::Delivered, Outcome::Bounced] {
        deliveries.report(&alice(), delivery, found, "seen in the portal").await.unwrap();
        assert_eq!(app.counts(id).await.get(&found.state()), Some(&1));
        let recorded = deliveries.withdraw(&alice(), delivery, "it was another message").await.unwrap();
        assert_eq!((recorded.state, recorded.level), (State::Accepted, before.level));
        let answer = app.informed("C2", id).await;
        let shown = &answer.notices[0].deliveries[0];
        assert_eq!((answer.verdict, shown.level, shown.found_by_operator), (Verdict::Informed, before.level, false));
        assert_eq!(shown.reply.as_deref(), Some("stated by alice: it was another message"));
    }
    let nothing = deliveries.withdraw(&alice(), delivery, "again").await;
    assert!(matches!(nothing, Err(DeliveryError::NoFinding { .. })), "{nothing:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    let file = exported(&app, id, Some("C2")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let claims: String = evidence.entries.iter().map(|entry| format!("{}\n", entry.claim.proves)).collect();
    let told =
        "was bounced; accepted counts again, which an earlier entry records: stated by alice: it was another message";
    assert!(
        claims.contains("withdrawn by an operator: the finding that the message to") && claims.contains(told),
        "{claims}"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_came_back_of_a_mandatory_notice_is_sent_again(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    app.app.deliveries.report(&alice(), delivery, Outcome::Bounced, "seen in the portal").await.unwrap();
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotInformed);
    let request = PageRequest { after: None, limit: 9 };
    let resent = app.app.deliveries.resend_failed(&alice(), &id.to_string(), Failure::Bounced, &request).await.unwrap();
    assert_eq!(resent.resent, [delivery]);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed);
    assert_eq!(app.relay.to("hello@two.example").len(), 2);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}
