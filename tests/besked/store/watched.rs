//! Figures for those who watch, and deliveries in doubt.

use besked::domain::delivery::Outcome;
use besked::domain::entry::Event;
use besked::store::proof::figures::{self, Sealing, Waiting};
use besked::store::proof::ledger;
use besked::store::sending::leases;
use besked::store::sending::settle::{Settlement, Written};
use besked::store::sending::uncertain::{self, Doubts};
use besked::store::sending::{claims, settle, waiting};
use besked::store::{Conn, notices};
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use super::queue::settlement;
use crate::database::{Engine, somebody_waits};

/// Lets a delivery end in doubt.
async fn doubt(fixture: &Fixture, conn: &mut Conn, notice: Uuid) -> Uuid {
    let claimed = claims::claim(conn, notice, "me", fixture.now, &[], 1).await.unwrap().remove(0);
    settle::settle(conn, &[settlement(fixture, notice, &claimed, Outcome::Uncertain).try_into().unwrap()])
        .await
        .unwrap();
    claimed.delivery_id
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_waits_is_counted_by_lane(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert_eq!(figures::waiting(&mut tx, fixture.now).await.unwrap(), []);
    assert_eq!(figures::sealing(&mut tx).await.unwrap(), Sealing::default());
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let lane = figures::waiting(&mut tx, fixture.now).await.unwrap()[0].lane;
    let since = Some(fixture.now);
    let waiting = Waiting { lane, deliveries: 2, due_at: since, released_at: since };
    assert_eq!(figures::waiting(&mut tx, fixture.now).await.unwrap(), [waiting]);
    notices::set_paused(&mut tx, id, Some(fixture.now)).await.unwrap();
    assert_eq!(
        figures::waiting(&mut tx, fixture.now).await.unwrap(),
        [Waiting { due_at: None, released_at: None, ..waiting }],
        "a pause is no delay"
    );

    for event in [Event::Attested, Event::Closed] {
        let entry = fixture.entry(event);
        ledger::append(&mut tx, &[ledger::Opening::about_nothing(&entry, fixture.now)]).await.unwrap();
    }
    let sealing = figures::sealing(&mut tx).await.unwrap();
    assert_eq!(sealing, Sealing { entries: 0, pending: 2, oldest: Some(fixture.now), stopped: false });
    besked::store::proof::tree::set_stopped(&mut tx, Some("why")).await.unwrap();
    assert!(figures::sealing(&mut tx).await.unwrap().stopped);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_doubt_is_listed_and_put_back_into_the_queue(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let doubts = [doubt(&fixture, &mut tx, id).await, doubt(&fixture, &mut tx, id).await];
    assert_eq!(uncertain::count(&mut tx).await.unwrap(), Doubts { operator: 2, again: 0 });
    let page = uncertain::list(&mut tx, None, None, 1).await.unwrap();
    assert_eq!((page[0].relay.as_deref(), page[0].again_at, page[0].at), (Some("r"), None, fixture.now));
    let rest = uncertain::list(&mut tx, Some(id), Some((id, page[0].id)), 9).await.unwrap();
    assert_eq!((rest.len(), rest[0].email.as_str()), (1, "b@x.example"));
    assert!(uncertain::list(&mut tx, Some(fixture.id()), None, 9).await.unwrap().is_empty());

    assert!(notices::set_closed(&mut tx, id, fixture.now).await.unwrap());
    assert!(notices::open::list(&mut tx).await.unwrap().is_empty());
    let later = fixture.now + SignedDuration::from_secs(5);
    assert!(uncertain::requeue(&mut tx, doubts[0], "x.example", later).await.unwrap());
    assert!(!uncertain::requeue(&mut tx, doubts[0], "x.example", later).await.unwrap(), "it waits already");
    assert!(!uncertain::requeue(&mut tx, fixture.id(), "x.example", later).await.unwrap());
    assert_eq!(uncertain::count(&mut tx).await.unwrap(), Doubts { operator: 1, again: 1 });
    let open = notices::open::list(&mut tx).await.unwrap();
    assert!(open.len() == 1 && open[0].is_sendable(), "{open:?}");
    assert!(!notices::set_closed(&mut tx, id, later).await.unwrap(), "it is closed once");
    assert_eq!(waiting::depth(&mut tx, Some(id), later).await.unwrap().due, 1);
    assert!(!uncertain::end_resending(&mut tx, id).await.unwrap(), "it waits in the queue");

    // A worker that was taken for dead long ago cannot settle the new claim.
    let claimed = claims::claim(&mut tx, id, "me", later, &[], 9).await.unwrap().remove(0);
    assert!(claimed.token > 1_000_000 && claimed.attempts == 1, "{claimed:?}");
    assert!(leases::still_ours(&mut tx, claimed.delivery_id, claimed.token).await.unwrap());
    settle::settle(&mut tx, &[settlement(&fixture, id, &claimed, Outcome::Accepted).try_into().unwrap()])
        .await
        .unwrap();
    assert!(uncertain::end_resending(&mut tx, id).await.unwrap());
    assert!(notices::open::list(&mut tx).await.unwrap().is_empty());
}

/// The dispatcher looks whether anything of a closed notice waits while a delivery of it is put into the queue.
#[tokio::test]
async fn what_is_sent_again_while_a_resending_ends_keeps_its_notice_open() {
    let fixture = Fixture::new(Engine::Postgres).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let doubts = [doubt(&fixture, &mut tx, id).await, doubt(&fixture, &mut tx, id).await];
    assert!(notices::set_closed(&mut tx, id, fixture.now).await.unwrap());
    tx.commit().await.unwrap();

    let mut resend = fixture.store.write().await.unwrap();
    notices::lock_of(&mut resend, doubts[0]).await.unwrap();
    assert!(uncertain::requeue(&mut resend, doubts[0], "x.example", fixture.now).await.unwrap());
    let mut tx = fixture.store.write().await.unwrap();
    let ends = uncertain::end_resending(&mut tx, id);
    tokio::pin!(ends);
    tokio::select! {
        biased;
        () = somebody_waits(&mut resend) => {}
        _ = &mut ends => panic!("it looked while a delivery was put into the queue"),
    }
    resend.commit().await.unwrap();
    assert!(!ends.await.unwrap(), "one waits by now");
    assert_eq!(notices::open::list(&mut fixture.store.read().await.unwrap()).await.unwrap().len(), 1);
}

/// Whatever statement changes a delivery's state, and whatever becomes of the delivery.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn doubts_come_and_go_with_the_state(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example", "c@x.example"]).await;
    for (statement, doubts) in [
        ("UPDATE deliveries SET state = 'uncertain' WHERE ordinal < 2", 2),
        ("UPDATE deliveries SET state = 'uncertain', attempts = 2", 3),
        ("UPDATE deliveries SET state = 'accepted' WHERE ordinal = 0", 2),
        ("UPDATE deliveries SET reply = 'later'", 2),
        ("DELETE FROM deliveries WHERE ordinal = 1", 1),
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        let counted = uncertain::count(&mut tx).await.unwrap();
        assert_eq!(counted.operator + counted.again, doubts, "after {statement}");
        assert_eq!(
            uncertain::list(&mut tx, Some(id), None, 9).await.unwrap().len() as u64,
            doubts,
            "after {statement}"
        );
    }
}

/// An update that changes no index, where there is room beside the row, is a fifth of the work.
#[tokio::test]
async fn recording_an_outcome_changes_no_index_on_postgres() {
    let fixture = Fixture::new(Engine::Postgres).await;
    let mut tx = fixture.store.write().await.unwrap();
    let addresses: Vec<String> = (0..200).map(|n| format!("person.number.{n}@customer-{n}.example")).collect();
    let id = fixture.released(&mut tx, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let claimed = claims::claim(&mut tx, id, "me", fixture.now, &[], 200).await.unwrap();
    for outcome in [Outcome::Deferred, Outcome::Accepted] {
        let again = (outcome == Outcome::Deferred).then_some((fixture.now, 0));
        let reply = Some("250 2.0.0 OK: queued as 4F1A2B3C4D5E at a server with a long name".to_owned());
        let settled = claimed.iter().map(|claimed| {
            let settlement = settlement(&fixture, id, claimed, outcome);
            Written::try_from(Settlement { again, reply: reply.clone(), attempt: None, ..settlement }).unwrap()
        });
        settle::settle(&mut tx, &settled.collect::<Vec<_>>()).await.unwrap();
        sqlx::query("UPDATE queue SET lease_owner = 'me'").execute(&mut *tx).await.unwrap();
    }
    let counted = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'";
    let (all, hot): (i64, i64) = sqlx::query_as(counted).fetch_one(&mut *tx).await.unwrap();
    assert!(all == 400 && hot >= 200, "{hot} of {all} changed no index");
}
