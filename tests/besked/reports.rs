//! What an operator finds out after a server accepted a message: it adds to what is known, and removes nothing.

use besked::deliveries::DeliveryError;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome, State};
use besked::domain::evidence::verify;
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
    shell.run(&["ledger", "audit"]).ok();
}
