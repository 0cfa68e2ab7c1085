//! A corrected address and the old one are one person: what is asked for by one of them counts for the other.

use std::time::Duration;

use besked::app::App;
use besked::domain::category::Category;
use besked::domain::clock::Clock;
use besked::domain::delivery::State;
use besked::domain::entry::hmac;
use besked::domain::preference::Reason;
use besked::domain::random::Random;
use besked::domain::records::Records;
use besked::domain::tombstone::{Mark, Tombstone};
use besked::people::import::{Erased, ImportOptions};
use besked::people::link::LinkRequest;
use besked::people::subjects::{Erasure, SubjectError};
use besked::store::people::{preferences, suppressions, tombstones};
use besked::store::secrets;
use rstest::rstest;

use crate::app::{CUSTOMERS, GROUND, NEWS, TestApp, address, alice, key};
use crate::database::Engine;

const DAY: u64 = 24 * 3600;

async fn rectified(app: &TestApp) {
    let (old, new) = (address("hello@two.example"), address("hi@two.example"));
    app.app.subjects.rectify(&alice(), &old, &new).await.unwrap();
}

async fn opted_out(app: &TestApp, email: &str) -> Vec<Category> {
    let mut conn = app.app.context.store.read().await.unwrap();
    preferences::of_address(&mut conn, &key(email)).await.unwrap().into_iter().map(|it| it.category).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_link_of_an_old_mail_opts_out_the_address_that_is_mailed_now(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    app.run_until_idle().await;
    let token = app.app.key().link(app.informed("C2", news).await.notices[0].deliveries[0].id);
    rectified(&app).await;
    let page = app.app.links.change(&alice(), &token, &LinkRequest::OneClick).await.unwrap();
    assert_eq!(page.masked, "h\u{2026}@two.example");
    assert_eq!(opted_out(&app, "hi@two.example").await, [Category::News]);
    let next = app.release(NEWS).await;
    app.run_until_idle().await;
    assert!(app.relay.to("hi@two.example").is_empty());
    assert_eq!(app.counts(next).await, [(State::Accepted, 1), (State::OptedOut, 1)].into());
    app.app.links.change(&alice(), &token, &LinkRequest::Choose(vec![Category::News, Category::Survey])).await.unwrap();
    assert!(opted_out(&app, "hi@two.example").await.is_empty());
}

#[tokio::test]
async fn an_opt_out_by_either_address_holds_for_mail_that_waits_for_the_other() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let waits = app.release(NEWS).await;
    rectified(&app).await;
    app.wish("hi@two.example", Category::News, true).await;
    app.app.subjects.object(&alice(), &address("hello@two.example"), &[Category::Survey], None).await.unwrap();
    for email in ["hello@two.example", "hi@two.example"] {
        assert_eq!(opted_out(&app, email).await, [Category::News, Category::Survey], "{email}");
    }
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty() && app.relay.to("hi@two.example").is_empty());
    assert_eq!(app.counts(waits).await.values().sum::<u64>(), 2);
}

#[tokio::test]
async fn a_restriction_holds_for_every_address_of_the_person() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    rectified(&app).await;
    let restricted = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        let mut count = 0;
        for email in ["hello@two.example", "hi@two.example"] {
            let reasons = suppressions::reasons(&mut conn, &key(email)).await.unwrap();
            count += reasons.iter().filter(|it| it.reason == Reason::Restricted).count();
        }
        count
    };
    assert!(app.app.subjects.restrict(&alice(), &address("hello@two.example")).await.unwrap());
    assert_eq!(restricted().await, 2);
    assert!(!app.app.subjects.restrict(&alice(), &address("hi@two.example")).await.unwrap(), "it is so already");
    app.app.subjects.unrestrict(&alice(), &address("hi@two.example")).await.unwrap();
    assert_eq!(restricted().await, 0);
}

/// The erasure comes between the look at the tombstones and the correction, which must not bring the person back.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_erased_meanwhile_is_not_corrected_to() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.erase("service@ett.example").await.unwrap();
    let mut tx = app.app.context.store.write().await.unwrap();
    let subjects = app.app.subjects.clone();
    let mut correction = tokio::spawn(async move {
        subjects.rectify(&alice(), &address("ap@three.example"), &address("hi@two.example")).await
    });
    // It looks at the tombstones, and then waits for this writer.
    assert!(tokio::time::timeout(Duration::from_millis(300), &mut correction).await.is_err(), "it waits");
    let secret = secrets::find(&mut tx, "tombstones").await.unwrap().unwrap();
    let (at, hash) = (app.app.context.clock.now(), hmac(&secret, b"hi@two.example"));
    let tombstone = Tombstone { id: app.app.context.random.id(at), mark: Mark::Erased, hash, at };
    tombstones::insert(&mut tx, &[tombstone]).await.unwrap();
    tx.commit().await.unwrap();
    assert!(matches!(correction.await.unwrap(), Err(SubjectError::WasErased(_))));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_opt_out_outlives_its_contact(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.wish("hello@two.example", Category::News, true).await;
    app.app.suppressions.add(&alice(), &address("service@ett.example"), Reason::Manual).await.unwrap();
    app.app.subjects.rectify(&alice(), &address("teknik@ett.example"), &address("tek@ett.example")).await.unwrap();
    app.advance(Duration::from_secs(4 * 366 * DAY));
    app.import("account_id,customer_name,email\nC1,Ett AB,new@ett.example\nC2,Two Ltd,new@two.example\n").await;
    app.advance(Duration::from_secs(500 * DAY));
    assert_eq!(app.purge(false).await.records[&Records::DeactivatedContacts], 4);
    let stored = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        let kinds = ["preferences", "suppressions", "rectifications"];
        let counts = kinds.map(|table| format!("SELECT COUNT(*) FROM {table}"));
        let mut found = Vec::new();
        for sql in counts {
            found.push(sqlx::query_scalar::<_, i64>(sqlx::AssertSqlSafe(sql)).fetch_one(&mut *conn).await.unwrap());
        }
        found
    };
    assert_eq!(stored().await, [1, 1, 1], "their time counts from the end of the contact");
    app.import(CUSTOMERS).await;
    let news = app.release(NEWS).await;
    app.run_until_idle().await;
    assert!(app.relay.to("hello@two.example").is_empty() && app.relay.to("service@ett.example").is_empty());
    assert_eq!(app.counts(news).await.values().sum::<u64>(), 2);
    app.import("account_id,customer_name,email\nC1,Ett AB,new@ett.example\nC2,Two Ltd,new@two.example\n").await;
    app.advance(Duration::from_secs(5 * 366 * DAY));
    app.purge(false).await;
    assert_eq!(stored().await, [0, 0, 0]);
}

/// Two nodes whose clocks differ: what was done last counts, whatever the clocks say.
#[tokio::test]
async fn a_revival_and_an_erasure_count_in_their_order_on_nodes_with_different_clocks() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let ahead = Clock::manual(app.app.context.clock.now());
    ahead.advance(Duration::from_secs(600));
    let other = App::open((*app.app.context.config).clone(), ahead, Random::from_system()).await.unwrap();
    let revive = || ImportOptions { erased: Erased::Revive, ..ImportOptions::default() };
    let is_erased =
        async || app.app.subjects.tombstones().await.unwrap().erased_at(&key("hello@two.example")).is_some();
    let address = address("hello@two.example");
    let erasure = Erasure { address: &address, ground: GROUND, waived: &[] };
    other.subjects.erase(&alice(), &erasure).await.unwrap();
    app.try_import(CUSTOMERS.as_bytes(), revive()).await.unwrap();
    assert!(!is_erased().await, "revived by the node whose clock is behind");
    other.subjects.erase(&alice(), &erasure).await.unwrap();
    other.customers.import(&alice(), CUSTOMERS.as_bytes(), &revive(), &|_| {}).await.unwrap();
    app.erase("hello@two.example").await.unwrap();
    assert!(is_erased().await, "erased by the node whose clock is behind");
    assert_eq!(app.app.subjects.exchange(&alice()).await.unwrap().erased, 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_address_of_somebody_else_is_no_correction_unless_both_are_one_person(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let subjects = &app.app.subjects;
    let (dave, carol) = (address("ap@three.example"), address("Hello@two.example"));
    let refused = subjects.rectify(&alice(), &dave, &carol).await.unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("Carol, service contact of customer C2 Two Ltd"), "{said}");
    assert!(matches!(refused, SubjectError::OtherPerson { .. }), "{refused}");
    // One who was a contact, and is none any more.
    app.release(&crate::app::maintenance("all = true")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("DELETE FROM contacts WHERE email_key = 'hello@two.example'").execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let said = subjects.rectify(&alice(), &dave, &carol).await.unwrap_err().to_string();
    assert!(said.contains("addressed before at customer C2"), "{said}");
    assert_eq!(subjects.rectify_as_one(&alice(), &dave, &carol).await.unwrap(), 1);
    // Back to an address of one's own, and to another spelling of it: nobody else.
    subjects.rectify(&alice(), &carol, &dave).await.unwrap();
    subjects.rectify(&alice(), &dave, &address("AP@three.example")).await.unwrap();
}
