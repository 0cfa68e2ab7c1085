//! What came back by mail, and what it says of deliveries.

use besked::domain::delivery::Outcome;
use besked::domain::inbound::{Disposition, Route};
use besked::domain::report::{Action, Dkim, MatchKind, MessageKind, Verdict};
use besked::store::Conn;
use besked::store::inbound::packed::Packed;
use besked::store::inbound::reports::{self, Report};
use besked::store::inbound::{self, Arrived, Disposed};
use besked::store::notices;
use besked::store::sending::deliveries;
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::app::key;
use crate::database::Engine;

fn arrived(number: u8, fixture: &Fixture) -> Arrived {
    Arrived {
        id: Uuid::from_u128(u128::from(number)),
        digest: [number; 32],
        route: Route::Lmtp,
        recipient: Some("b+x@bounces.example.com".to_owned()),
        sender: Some(String::new()),
        at: fixture.now,
        size: 5,
        raw: Packed::of(b"a: b\n").raw.into(),
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn messages_wait_are_postponed_and_end(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let (now, later) = (fixture.now, fixture.now + SignedDuration::from_secs(60));
    let mut tx = fixture.store.write().await.unwrap();
    for number in 1..=3 {
        assert!(inbound::insert(&mut tx, &arrived(number, &fixture)).await.unwrap());
    }
    assert!(!inbound::insert(&mut tx, &Arrived { id: Uuid::from_u128(9), ..arrived(3, &fixture) }).await.unwrap());
    let ids = [1, 2, 3].map(Uuid::from_u128);
    inbound::postpone(&mut tx, ids[0], later).await.unwrap();
    let waiting = inbound::waiting(&mut tx, now, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|it| it.0).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(waiting[0].1.as_ref().unwrap().beginning(99).unwrap().0, b"a: b\n");
    assert_eq!(inbound::waiting(&mut tx, later, 2).await.unwrap().len(), 2);
    let about = Uuid::from_u128(77);
    let recorded = Disposed {
        disposition: Disposition::Recorded,
        kind: MessageKind::Dsn,
        tie: MatchKind::Token,
        delivery_id: Some(about),
        erased: false,
    };
    inbound::dispose(&mut tx, ids[1], &recorded).await.unwrap();
    let nothing = Disposed { disposition: Disposition::Unmatched, tie: MatchKind::None, delivery_id: None, ..recorded };
    inbound::dispose(&mut tx, ids[2], &nothing).await.unwrap();
    inbound::dispose(&mut tx, ids[1], &nothing).await.unwrap();
    assert!(
        inbound::is_waiting(&mut tx, ids[0]).await.unwrap() && !inbound::is_waiting(&mut tx, ids[1]).await.unwrap()
    );
    let listed = inbound::list(&mut tx, false, None, 2).await.unwrap();
    assert_eq!(
        listed.iter().map(|it| (it.id, it.tie)).collect::<Vec<_>>(),
        [(ids[2], Some(MatchKind::None)), (ids[1], Some(MatchKind::Token)),]
    );
    assert_eq!(inbound::list(&mut tx, false, Some(ids[1]), 9).await.unwrap()[0].disposition, Disposition::Waiting);
    assert_eq!(inbound::list(&mut tx, true, None, 9).await.unwrap().len(), 1);
    assert_eq!(inbound::of_delivery(&mut tx, about).await.unwrap()[0].id, ids[1]);
    assert_eq!(inbound::find(&mut tx, Uuid::from_u128(9)).await.unwrap(), None);
    // Their time is over: what waits stays, what is about nothing goes, of the others what was said stays.
    assert_eq!(inbound::count_raw(&mut tx, now).await.unwrap(), 0, "not yet");
    assert_eq!(inbound::count_raw(&mut tx, later).await.unwrap(), 2);
    assert_eq!(inbound::delete_raw(&mut tx, later, 9).await.unwrap(), 2);
    assert_eq!(inbound::delete_raw(&mut tx, later, 9).await.unwrap(), 0);
    assert_eq!(inbound::find(&mut tx, ids[0]).await.unwrap().unwrap().1.as_deref(), Some(b"a: b\n".as_slice()));
    assert_eq!(inbound::find(&mut tx, ids[1]).await.unwrap().unwrap().1, None);
    assert_eq!(inbound::find(&mut tx, ids[2]).await.unwrap(), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_report_is_recorded_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let report = Report {
        inbound_id: Uuid::from_u128(1),
        at: fixture.now,
        kind: MessageKind::Dsn,
        tie: MatchKind::TokenInReturnedPart,
        action: Action::Failed,
        status: Some("5.1.351".parse().unwrap()),
        verdict: Verdict::AddressDead,
        dkim: Dkim::NotChecked,
        outcome: Some(Outcome::Bounced),
        recipient: Some("å@x.example".to_owned()),
        diagnostic: None,
        remote: Some("mx.x.example".to_owned()),
    };
    let (one, two) = (Uuid::from_u128(7), Uuid::from_u128(8));
    assert!(reports::insert(&mut tx, one, [1; 32], &report).await.unwrap());
    assert!(!reports::insert(&mut tx, one, [1; 32], &report).await.unwrap());
    let plain = Report { status: None, outcome: None, ..report.clone() };
    assert!(reports::insert(&mut tx, two, [1; 32], &plain).await.unwrap());
    assert_eq!(reports::of_delivery(&mut tx, one).await.unwrap(), std::slice::from_ref(&report));
    let found = reports::of_deliveries(&mut tx, &[one, two, Uuid::from_u128(9)]).await.unwrap();
    assert_eq!(found, [(one, vec![report.clone()]), (two, vec![plain])].into());
    assert_eq!(
        (reports::count(&mut tx, one, 9).await.unwrap(), reports::count(&mut tx, one, 0).await.unwrap()),
        (1, 0)
    );
    // Only what came with a token says that the message went on.
    let expanded = Report { action: Action::Expanded, ..report };
    let weak = Report { tie: MatchKind::MessageId, ..expanded.clone() };
    assert!(reports::insert(&mut tx, one, [2; 32], &weak).await.unwrap());
    assert!(!reports::was_expanded(&mut tx, one).await.unwrap());
    assert!(reports::insert(&mut tx, one, [3; 32], &expanded).await.unwrap());
    assert!(reports::was_expanded(&mut tx, one).await.unwrap() && !reports::was_expanded(&mut tx, two).await.unwrap());
}

/// A page has as many messages as fit into some memory, and a time that a wrong clock set is not waited for.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_waits_is_returned_in_pages_and_never_for_years(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    for number in 1..=3 {
        let arrived = Arrived { size: 5_000_000, ..arrived(number, &fixture) };
        assert!(inbound::insert(&mut tx, &arrived).await.unwrap());
    }
    let ids = async |tx: &mut Conn| -> Vec<u128> {
        inbound::waiting(tx, fixture.now, 9).await.unwrap().iter().map(|it| it.0.as_u128()).collect()
    };
    assert_eq!(ids(&mut tx).await, [1], "two of them have more than a page");
    let years = fixture.now + SignedDuration::from_hours(30_000);
    inbound::postpone(&mut tx, Uuid::from_u128(1), years).await.unwrap();
    inbound::postpone(&mut tx, Uuid::from_u128(2), fixture.now + SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(ids(&mut tx).await, [3]);
    inbound::postpone(&mut tx, Uuid::from_u128(3), fixture.now + SignedDuration::from_secs(60)).await.unwrap();
    assert_eq!(ids(&mut tx).await, [1]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_newest_delivery_to_an_address_is_found(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let delivery = deliveries::of_notice(&mut tx, notice, 1, 1).await.unwrap().remove(0);
    assert_eq!(deliveries::latest_to(&mut tx, &key("B@x.example")).await.unwrap(), Some(delivery.id));
    assert_eq!(deliveries::latest_to(&mut tx, &key("nobody@x.example")).await.unwrap(), None);
    let mailed = deliveries::mailed(&mut tx, &[Uuid::from_u128(1), delivery.id]).await.unwrap();
    let known = mailed.iter().map(|it| (it.id, it.email.as_str(), it.message_domain.as_str()));
    assert_eq!(known.collect::<Vec<_>>(), [(delivery.id, "b@x.example", "example.com")]);
    assert_eq!(notices::message_domain(&mut tx, notice).await.unwrap().as_deref(), Some("example.com"));
    assert_eq!(notices::message_domain(&mut tx, Uuid::from_u128(1)).await.unwrap(), None);
}
