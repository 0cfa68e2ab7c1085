//! What coverage, status and lists ask of the database.

use besked::domain::address::AddressKey;
use besked::domain::attestation::Channel;
use besked::domain::delivery::{Failure, Outcome, Reason, State};
use besked::store::Conn;
use besked::store::notices::attestations::{self, Attestation};
use besked::store::sending::deliveries::To;
use besked::store::sending::{claims, settle, shown, tally, uncertain};
use rstest::rstest;

use super::Fixture;
use super::queue::settlement;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn counts_follow_every_change_of_a_state(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example", "c@x.example"]).await;
    let other = fixture.released(&mut tx, &["a@x.example"]).await;
    let claimed = claims::claim(&mut tx, id, "me", fixture.now, &[], 2).await.unwrap();
    let both = [(State::Queued, 1), (State::Sending, 2)].into();
    assert_eq!(tally::tally(&mut tx, id, 3).await.unwrap(), both);
    let outcomes = [Outcome::Rejected, Outcome::Uncertain];
    for (claimed, outcome) in claimed.iter().zip(outcomes) {
        settle::settle(&mut tx, &[settlement(&fixture, id, claimed, outcome).try_into().unwrap()]).await.unwrap();
    }
    for statement in [
        "UPDATE deliveries SET reply = 'later'",
        "UPDATE deliveries SET state = 'accepted' WHERE state = 'rejected'",
        "UPDATE deliveries SET state = 'bounced' WHERE state IN ('accepted', 'uncertain')",
        "UPDATE deliveries SET state = 'queued' WHERE state = 'bounced' AND ordinal = 0",
    ] {
        sqlx::query(statement).execute(&mut *tx).await.unwrap();
        let counted = tally::counts(&mut tx, id).await.unwrap();
        assert_eq!(tally::tally(&mut tx, id, 3).await.unwrap(), counted, "after {statement}");
        tally::add_up(&mut tx, id).await.unwrap();
        let mut maintained = tally::maintained(&mut tx, id).await.unwrap();
        maintained.insert(State::Queued, 3 - maintained.values().sum::<i64>());
        maintained.retain(|_, n| *n > 0);
        assert_eq!(maintained.values().sum::<i64>(), 3, "after {statement}");
        assert_eq!(tally::tally(&mut tx, id, 3).await.unwrap(), counted, "added up after {statement}");
    }
    assert_eq!(tally::tally(&mut tx, other, 1).await.unwrap(), [(State::Queued, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn deliveries_are_found_by_state_by_failure_and_by_customer(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example", "c@x.example"]).await;
    let claimed = claims::claim(&mut tx, id, "me", fixture.now, &[], 1).await.unwrap().remove(0);
    let sending = shown::in_state(&mut tx, id, State::Sending, 0, 9).await.unwrap();
    assert_eq!(sending.iter().map(|it| it.id).collect::<Vec<_>>(), [claimed.delivery_id]);
    // To somebody: the newest first, of one notice or of all, page by page.
    let other = fixture.released(&mut tx, &["a@x.example"]).await;
    let key = AddressKey::of("A@X.example").unwrap();
    let to_a = async |conn: &mut Conn, which, before| {
        let found = shown::to(conn, To::Address(&key), which, before, 9).await.unwrap();
        found.iter().map(|it| it.id).collect::<Vec<_>>()
    };
    let all = to_a(&mut tx, (None, None), None).await;
    assert!(all.len() == 2 && all[0] > all[1], "{all:?}");
    assert_eq!(to_a(&mut tx, (None, None), Some(all[0])).await, all[1..]);
    assert_eq!(to_a(&mut tx, (Some(other), None), None).await.len(), 1);
    assert!(to_a(&mut tx, (Some(other), Some(State::Bounced)), None).await.is_empty());
    let account = shown::find(&mut tx, all[0]).await.unwrap().unwrap().account_id;
    let to_customer = shown::to(&mut tx, To::Customer(&account, Some(&key)), (None, None), None, 9).await.unwrap();
    assert!(to_customer.iter().all(|it| it.account_id == account) && !to_customer.is_empty(), "{to_customer:?}");
    let nobody = AddressKey::of("z@x.example").unwrap();
    assert!(shown::to(&mut tx, To::Customer(&account, Some(&nobody)), (None, None), None, 9).await.unwrap().is_empty());
    let queued = shown::in_state(&mut tx, id, State::Queued, sending[0].ordinal + 1, 9).await.unwrap();
    assert!(queued.iter().all(|it| it.state == State::Queued) && queued.len() < 3, "{queued:?}");
    settle::settle(&mut tx, &[settlement(&fixture, id, &claimed, Outcome::Rejected).try_into().unwrap()])
        .await
        .unwrap();

    let rejected = shown::failed(&mut tx, id, Failure::Rejected, 0, 9).await.unwrap();
    assert_eq!(rejected, [(claimed.delivery_id, sending[0].ordinal)]);
    assert!(shown::failed(&mut tx, id, Failure::Expired, 0, 9).await.unwrap().is_empty());
    for (reason, failure) in [(Reason::NotCarried, Failure::NotCarried), (Reason::NotComposed, Failure::NotComposed)] {
        assert!(shown::failed(&mut tx, id, failure, 0, 9).await.unwrap().is_empty());
        let update = sqlx::query("UPDATE deliveries SET reason = $1 WHERE state = 'rejected'").bind(reason.as_str());
        update.execute(&mut *tx).await.unwrap();
        assert_eq!(shown::failed(&mut tx, id, failure, 0, 9).await.unwrap().len(), 1);
    }
    assert!(uncertain::requeue(&mut tx, claimed.delivery_id, "x.example", fixture.now).await.unwrap());
    let again = shown::find(&mut tx, claimed.delivery_id).await.unwrap().unwrap();
    assert_eq!((again.state, again.level, again.reason, again.attempts), (State::Queued, None, None, 1));

    sqlx::query("UPDATE deliveries SET account_id = 'C2' WHERE ordinal = 1").execute(&mut *tx).await.unwrap();
    let found = shown::of_customers(&mut tx, id, &["C1", "C2", "C9"]).await.unwrap();
    assert_eq!(shown::of_notice(&mut tx, id, 1, 9).await.unwrap().len(), 2);
    assert_eq!(shown::of_customer(&mut tx, id, "C2").await.unwrap()[0].ordinal, 1);
    let ordinals = |account: &str| found[account].iter().map(|it| it.ordinal).collect::<Vec<_>>();
    assert_eq!((found.len(), ordinals("C1"), ordinals("C2")), (2, vec![0, 2], vec![1]));

    let attestation = Attestation {
        id: fixture.id(),
        account_id: "C2".to_owned(),
        channel: Channel::InPerson,
        witness: "Bo".to_owned(),
        note: "met".to_owned(),
        operator: "alice".to_owned(),
        told_at: fixture.now,
        at: fixture.now,
        withdrawn: None,
    };
    attestations::insert(&mut tx, id, &attestation).await.unwrap();
    let attested = attestations::of_customers(&mut tx, id, &["C1", "C2"]).await.unwrap();
    assert_eq!((attested.len(), attested[0].channel), (1, Channel::InPerson));
    assert!(attestations::of_customers(&mut tx, id, &["C1"]).await.unwrap().is_empty());
}
