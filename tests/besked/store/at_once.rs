//! Settling a group in one call: the same as one after the other, or nothing.

use besked::domain::delivery::{Outcome, State};
use besked::store::proof::ledger;
use besked::store::sending::claims::{self, Claimed};
use besked::store::sending::settle::{Settlement, Written};
use besked::store::sending::{deliveries, queue, settle};
use besked::store::{Conn, people::suppressions};
use jiff::SignedDuration;
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use super::queue::settlement;
use crate::app::address;
use crate::database::Engine;

async fn claimed(conn: &mut Conn, fixture: &Fixture, count: usize) -> (Uuid, Vec<Claimed>) {
    let emails: Vec<String> = (0..count).map(|n| format!("a{n}@d{n}.example")).collect();
    let id = fixture.released(conn, &emails.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let claimed = claims::claim(conn, id, "me", fixture.now, &[], count).await.unwrap();
    assert_eq!(claimed.len(), count);
    (id, claimed)
}

fn written(settlements: impl IntoIterator<Item = Settlement>) -> Vec<Written> {
    settlements.into_iter().map(|it| it.try_into().unwrap()).collect()
}

/// More than one call to SQLite takes, with every third deferred and an address that is dead.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_group_of_any_size_is_settled_at_once(#[case] engine: Engine, #[values(1, 3, 64, 131)] count: usize) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert!(settle::settle_at_once(&mut tx, &[]).await.unwrap());
    let (id, all) = claimed(&mut tx, &fixture, count).await;
    let later = fixture.now + SignedDuration::from_secs(60);
    let end = |(nth, claimed): (usize, &Claimed)| match nth % 3 {
        0 => settlement(&fixture, id, claimed, Outcome::Accepted),
        1 => Settlement { again: Some((later, 60_000)), ..settlement(&fixture, id, claimed, Outcome::Deferred) },
        _ => Settlement { dead: Some(address("b@x.example")), ..settlement(&fixture, id, claimed, Outcome::Rejected) },
    };
    let settlements = written(all.iter().enumerate().map(end));
    assert!(settle::settle_at_once(&mut tx, &settlements).await.unwrap());
    let counts = deliveries::counts(&mut tx, id).await.unwrap();
    let wanted = [(State::Accepted, 2), (State::Deferred, 1), (State::Rejected, 0)]
        .map(|(state, n)| (state, (count as u64 + n) / 3));
    assert_eq!(counts, wanted.into_iter().filter(|(_, n)| *n > 0).collect());
    assert_eq!(ledger::of_notice(&mut tx, id).await.unwrap().len(), count);
    assert_eq!(suppressions::list(&mut tx, None, 9).await.unwrap().len(), usize::from(count > 2));
    let shown = deliveries::find(&mut tx, all[0].delivery_id).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.reply.as_deref(), shown.attempts), (State::Accepted, Some("250 ö"), 1));
    let tried = settle::attempts(&mut tx, all[0].delivery_id).await.unwrap();
    assert_eq!((tried.len(), tried[0].tls.as_str(), tried[0].dsn), (1, "TLSv1.3", true));
    let again = claims::claim(&mut tx, id, "me", later, &[], count).await.unwrap();
    let deferred: Vec<_> = all.iter().skip(1).step_by(3).map(|it| it.delivery_id).collect();
    assert_eq!(again.iter().map(|it| it.delivery_id).collect::<Vec<_>>(), deferred);
    assert!(again.iter().all(|it| (it.token, it.attempts, it.waited) == (2, 1, 60_000)));
    assert!(!settle::settle_at_once(&mut tx, &settlements).await.is_ok_and(|done| done), "once");
}

/// What may be amiss with one of three claims.
#[derive(Clone, Copy, Debug)]
enum Amiss {
    /// Another node has it.
    Token,
    /// It was returned.
    Lease,
    /// It left the queue.
    Place,
    /// It ended: a 250 of an earlier claim was recorded.
    Ended,
    /// Another node recorded the attempt of this number.
    Attempt,
}

#[rstest]
#[tokio::test]
async fn a_group_in_which_a_claim_is_lost_is_not_settled_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(Amiss::Token, Amiss::Lease, Amiss::Place, Amiss::Ended, Amiss::Attempt)] amiss: Amiss,
    #[values(0, 2)] nth: usize,
    #[values(Outcome::Accepted, Outcome::Deferred)] outcome: Outcome,
) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (id, all) = claimed(&mut tx, &fixture, 3).await;
    let sql = match amiss {
        Amiss::Token => "UPDATE queue SET token = token + 1 WHERE delivery_id = $1",
        Amiss::Lease => "UPDATE queue SET lease_owner = NULL, lease_until = NULL WHERE delivery_id = $1",
        Amiss::Place => "DELETE FROM queue WHERE delivery_id = $1",
        Amiss::Ended => "UPDATE deliveries SET state = 'accepted' WHERE id = $1",
        Amiss::Attempt => {
            "INSERT INTO attempts (delivery_id, attempt, at, relay, host, tls, stage, outcome, reply)
             VALUES ($1, 1, 1, 'r', 'h', '', 'dot', 'accepted', '')"
        }
    };
    sqlx::query(sql).bind(all[nth].delivery_id.to_string()).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let again = (outcome == Outcome::Deferred).then_some((fixture.now, 60_000));
    let settlements = written(all.iter().map(|it| Settlement { again, ..settlement(&fixture, id, it, outcome) }));
    let mut tx = fixture.store.write().await.unwrap();
    assert!(!settle::settle_at_once(&mut tx, &settlements).await.unwrap());
    tx.rollback().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    assert!(ledger::of_notice(&mut tx, id).await.unwrap().is_empty());
    assert!(queue::holds(&mut tx, id).await.unwrap());
    settle::settle(&mut tx, &settlements).await.unwrap();
    let entries = ledger::of_notice(&mut tx, id).await.unwrap().len();
    assert!(entries >= 2, "the others are recorded: {entries}");
}
