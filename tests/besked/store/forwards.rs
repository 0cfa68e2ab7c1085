//! Replies on their way to support: each is claimed by one, and what is recorded first counts.

use besked::domain::forward::{Reason, State};
use besked::domain::inbound::{Disposition, Route};
use besked::domain::report::{MatchKind, MessageKind};
use besked::store::inbound::packed::Packed;
use besked::store::inbound::{self, Arrived, Disposed, forwards};
use besked::store::{Conn, StoreError};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::database::Engine;

/// A reply that was recorded with a delivery.
async fn reply(conn: &mut Conn, it: &Fixture, delivery_id: Uuid, at: Timestamp) -> Uuid {
    let id = it.id();
    let arrived = Arrived {
        id,
        digest: besked::domain::digest::sha256(id.as_bytes()),
        route: Route::Lmtp,
        recipient: Some("reply+x@bounces.example.com".to_owned()),
        sender: Some("anna@ett.example".to_owned()),
        at,
        size: 3,
        raw: Packed::of(b"raw").raw.into(),
    };
    assert!(inbound::insert(conn, &arrived).await.unwrap());
    let (disposition, kind, tie) = (Disposition::Recorded, MessageKind::Reply, MatchKind::Token);
    let disposed = Disposed { disposition, kind, tie, delivery_id: Some(delivery_id), erased: false };
    inbound::dispose(conn, id, &disposed).await.unwrap();
    id
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_reply_is_claimed_by_one_and_forwarded_once(#[case] engine: Engine) -> Result<(), StoreError> {
    let it = Fixture::new(engine).await;
    let mut tx = it.store.write().await?;
    let (delivery, now, hour) = (it.id(), it.now, SignedDuration::from_hours(1));
    let first = reply(&mut tx, &it, delivery, now - hour).await;
    let second = reply(&mut tx, &it, delivery, now).await;
    let third = reply(&mut tx, &it, delivery, now).await;
    assert_eq!(forwards::count_since(&mut tx, delivery, now - hour).await?, 0, "nothing is planned");
    forwards::plan(&mut tx, first, now - hour).await?;
    forwards::plan(&mut tx, second, now).await?;
    forwards::withhold(&mut tx, third, Reason::Loop, now).await?;
    assert_eq!(
        (forwards::count_since(&mut tx, delivery, now - hour).await?, forwards::waiting(&mut tx).await?),
        (1, 2)
    );
    let until = now + hour;
    assert!(forwards::claim(&mut tx, now - hour * 2, until).await?.is_none(), "none is due");
    let claimed = forwards::claim(&mut tx, now, until).await?.unwrap();
    assert_eq!((claimed.inbound_id, claimed.claims, &claimed.raw), (first, 1, &Some(Packed::of(b"raw").raw)));
    let other = forwards::claim(&mut tx, now, until).await?.unwrap();
    assert_eq!(other.inbound_id, second);
    assert!(forwards::claim(&mut tx, now, until).await?.is_none(), "both are claimed");
    // A node that is gone leaves its claim behind.
    let again = forwards::claim(&mut tx, until, until + hour).await?.unwrap();
    assert_eq!((again.inbound_id, again.claims), (first, 2));
    assert!(!forwards::postpone(&mut tx, &claimed, now).await?, "another has it");
    assert!(!forwards::fail(&mut tx, &claimed, Reason::Refused, now).await?);
    assert!(forwards::postpone(&mut tx, &again, until + hour).await?);
    assert!(forwards::forwarded(&mut tx, first, now).await?, "what was sent counts, whoever has it");
    assert!(!forwards::forwarded(&mut tx, first, until).await?, "once");
    assert!(forwards::fail(&mut tx, &other, Reason::NotCarried, until).await?);
    let states: Vec<_> = forwards::of_delivery(&mut tx, delivery).await?;
    let seen: Vec<_> = states.iter().map(|it| (it.inbound_id, it.state, it.reason, it.at)).collect();
    assert_eq!(
        seen,
        [
            (first, State::Forwarded, None, now),
            (second, State::Failed, Some(Reason::NotCarried), until),
            (third, State::Withheld, Some(Reason::Loop), now),
        ]
    );
    let found = forwards::of_messages(&mut tx, &[first, it.id()]).await?;
    assert_eq!(found.into_values().collect::<Vec<_>>(), states[..1]);
    let raw = async |conn: &mut Conn, id| inbound::find(conn, id).await.unwrap().unwrap().1;
    assert_eq!((raw(&mut tx, first).await, raw(&mut tx, second).await.as_deref()), (None, Some(&b"raw"[..])));
    Ok(())
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_reply_that_waits_keeps_its_bytes(#[case] engine: Engine) -> Result<(), StoreError> {
    let it = Fixture::new(engine).await;
    let mut tx = it.store.write().await?;
    let (waits, done) = (reply(&mut tx, &it, it.id(), it.now).await, reply(&mut tx, &it, it.id(), it.now).await);
    forwards::plan(&mut tx, waits, it.now).await?;
    let later = it.now + SignedDuration::from_hours(1);
    assert_eq!(inbound::count_raw(&mut tx, later).await?, 1);
    assert_eq!(inbound::delete_raw(&mut tx, later, 10).await?, 1);
    assert_eq!(inbound::find(&mut tx, done).await?.unwrap().1, None);
    assert!(forwards::claim(&mut tx, it.now, later).await?.unwrap().raw.is_some());
    Ok(())
}
