//! Store.
use besked::domain::category::Category;
use besked::domain::delivery::{Level, Outcome};
use besked::domain::entry::{Detail, Entry, Event, Fact};
use besked::domain::notice::State;
use besked::domain::random::Random;
use besked::domain::reply::Stage;
use besked::store::{deliveries, ledger, messages, notices, queue, settle};
use jiff::Timestamp;
use rstest::rstest;

use crate::database::{Database, Engine};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn claim_settle_and_append_commit_together(#[case] engine: Engine) {
    let database = Database::new(engine).await;
    let store = database.open().await;
    let random = Random::seeded(1);
    let now: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    let id = random.id(now);
    let mut tx = store.write().await.unwrap();
    let written = notices::Written {
        category: Category::Maintenance,
        reference: Some("R"),
        subject: "S",
        follows_id: None,
        source: "src",
        digest: [7; 32],
        author: "alice",
        send_at: None,
    };
    notices::insert(&mut tx, id, now, &written).await.unwrap();
    assert!(notices::set_state(&mut tx, id, State::Draft, State::Releasing).await.unwrap());
    let new = |ordinal: u64, email: &str| deliveries::NewDelivery {
        id: random.id(now).to_string(),
        ordinal,
        account_id: "C1".into(),
        customer_name: "Å".into(),
        email: email.into(),
        contact_name: "N".into(),
        role: "service",
        locale: Some("sv".into()),
        time_zone: None,
        merged: Some("{\"row.a\":\"b\"}".into()),
        salt: "00".repeat(32),
        follows_id: None,
    };
    deliveries::insert(&mut tx, id, 1, now, &[new(0, "a@example.com"), new(1, "b@example.com")]).await.unwrap();
    assert!(notices::set_released(&mut tx, id, now, 1, 2, "example.com").await.unwrap());
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    let claimed = queue::claim(&mut tx, id, "me", now, &[], 1).await.unwrap();
    assert_eq!(claimed.len(), 1);
    tx.commit().await.unwrap();

    let mut tx = store.write().await.unwrap();
    let fact = Fact {
        notice: Some((id, Category::Maintenance, [7; 32])),
        event: Event::Accepted,
        ordinal: Some(0),
        level: Some(Level::Relayed),
        at: now,
        attempt: Some(1),
        status_class: Some(2),
        detail: Detail::None,
    };
    let settlement = settle::Settlement {
        delivery_id: claimed[0].delivery_id,
        notice_id: id,
        token: claimed[0].token,
        outcome: Outcome::Accepted,
        level: Some(Level::Relayed),
        reply: Some("250 ok".into()),
        at: now,
        again: None,
        attempt: Some(settle::Attempt {
            number: 1,
            relay: "r".into(),
            host: "h".into(),
            tls: String::new(),
            stage: Stage::Dot,
            code: Some(250),
        }),
        attempts: 1,
        message: Some(messages::Message {
            sha256: [1; 32],
            size: 5,
            body: zstd::bulk::compress(b"hello", 3).unwrap(),
            dictionary: None,
        }),
        entry: Some(Entry::new(&fact, None, &random)),
        dead: None,
    };
    assert!(settle::settle(&mut tx, std::slice::from_ref(&settlement)).await.unwrap().is_empty());
    let more = queue::claim(&mut tx, id, "me", now, &["other.example".into()], 5).await.unwrap();
    assert_eq!(more.len(), 1);
    tx.commit().await.unwrap();

    let mut conn = store.read().await.unwrap();
    let counts = deliveries::counts(&mut conn, id).await.unwrap();
    assert_eq!(format!("{counts:?}"), "{Sending: 1, Accepted: 1}");
    assert_eq!(ledger::sizes(&mut conn).await.unwrap(), (0, 1));
    assert_eq!(messages::find(&mut conn, claimed[0].delivery_id).await.unwrap().unwrap(), b"hello");
    assert_eq!(ledger::of_notice(&mut conn, id).await.unwrap().len(), 1);
    assert_eq!(notices::open(&mut conn).await.unwrap().len(), 1);
    let send = deliveries::to_send(&mut conn, "maintenance", &[more[0].delivery_id.to_string()]).await.unwrap();
    assert_eq!(send[0].merged["row.a"], "b");
    assert_eq!(queue::depth(&mut conn, Some(id), now).await.unwrap().leased, 1);
}
