//! Whose words came back: erased with the person, exported for the person, deleted when their time is over.

use besked::domain::kind::Kind;
use besked::domain::operator::Role;
use besked::domain::records::Records;
use besked::ledger::audit::Verdict as Audit;
use besked::store::inbound;
use rstest::rstest;
use uuid::Uuid;

use super::{Dsn, bounce, comes_back, listed, notified, reported, take, to_c2};
use crate::app::{TestApp, address, alice};
use crate::audit::audit;
use crate::database::Engine;
use crate::operators::{at, person, with};

/// The messages that are still there as they came.
async fn kept(app: &TestApp) -> usize {
    let mut conn = app.app.context.store.read().await.unwrap();
    let mut kept = 0;
    for stored in inbound::list(&mut conn, false, None, 100).await.unwrap() {
        kept += usize::from(inbound::find(&mut conn, stored.id).await.unwrap().unwrap().1.is_some());
    }
    kept
}

/// Whether the database still has a text anywhere in what came back.
async fn mentions(app: &TestApp, delivery: Uuid, text: &str) -> bool {
    let shown = app.app.deliveries.show(&alice(), delivery).await.unwrap();
    format!("{:?}", shown.reports).contains(text)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_erasure_takes_what_came_back_and_a_later_bounce_names_nobody(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn { action: "delayed", status: "4.4.1", ..Dsn::default() }).await;
    assert!(mentions(&app, delivery.id, "two.example").await && kept(&app).await == 1);
    app.erase("hello@two.example").await.unwrap();
    assert!(!mentions(&app, delivery.id, "two.example").await && kept(&app).await == 0);
    reported(&app, delivery.id, &Dsn { id: "2@mx", ..Dsn::default() }).await;
    assert!(!mentions(&app, delivery.id, "two.example").await);
    assert_eq!(kept(&app).await, 0, "what comes for an erased person is not kept");
    assert_eq!(to_c2(&app, id).await.reply, None);
    let report = audit(&app).await;
    assert_eq!((report.verdict, report.problem), (Audit::Ok, None));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn messages_are_kept_for_their_days_and_what_they_say_for_longer(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| config.inbound.keep_days = 30).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn::default()).await;
    comes_back(&app, "fbl@bounces.example.com", b"Subject: hello\n\nWho are you?\n".to_vec()).await;
    app.advance(std::time::Duration::from_secs(29 * 86_400));
    assert_eq!((app.purge(false).await.records[&Records::InboundMessages], kept(&app).await), (0, 2));
    app.advance(std::time::Duration::from_secs(2 * 86_400));
    assert_eq!((app.purge(true).await.records[&Records::InboundMessages], kept(&app).await), (2, 2), "a dry run");
    assert_eq!((app.purge(false).await.records[&Records::InboundMessages], kept(&app).await), (2, 0));
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(inbound::list(&mut conn, true, None, 9).await.unwrap(), [], "about nothing of ours: gone");
    drop(conn);
    assert_eq!(to_c2(&app, id).await.reports.len(), 1);
}

#[tokio::test]
async fn a_persons_record_holds_what_came_back() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (_, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn::default()).await;
    let exported = app.app.subjects.export(&alice(), &address("hello@two.example")).await.unwrap();
    let record = serde_json::to_value(&exported.record).unwrap();
    assert_eq!(record["deliveries"][0]["reports"][0]["verdict"], "address-dead");
    let returned = record["deliveries"][0]["returned"][0].as_str().unwrap();
    assert!(returned.contains("Final-Recipient: rfc822; hello@two.example"), "{returned}");
}

#[tokio::test]
async fn a_restricted_persons_words_are_masked() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn::default()).await;
    app.app.subjects.restrict(&alice(), &address("hello@two.example")).await.unwrap();
    let shown = format!("{:?}", to_c2(&app, id).await.reports);
    assert!(shown.contains("h…@two.example") && !shown.contains("hello@two.example"), "{shown}");
}

/// The bytes name persons, and the person who keeps the machine going needs none of them.
#[tokio::test]
async fn the_bytes_of_a_message_are_for_those_who_see_addresses() {
    let roles = [Role::Compliance];
    let app = with(Engine::Sqlite, &[person("Cora", &roles)]).await;
    take(&app, None, bounce(1).into_bytes()).await;
    let id = listed(&app).await[0].id;
    let admin = at(&app, "Root").await;
    app.app.inbound.show(&admin, id).await.unwrap();
    let refused = app.app.inbound.message(&admin, id).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Forbidden, "{refused}");
    assert!(app.app.inbound.message(&at(&app, "Cora").await, id).await.unwrap().1.is_some());
}
