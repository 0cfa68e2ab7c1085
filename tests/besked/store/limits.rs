//! Limits and locks of the queue: how much is claimed, and by whom.

use besked::domain::delivery::{Outcome, State};
use besked::store::notices;
use besked::store::notices::releases;
use besked::store::sending::claims::{self, Claimed};
use besked::store::sending::leases::{self, Held};
use besked::store::sending::queue::GiveBack;
use besked::store::sending::{deliveries, queue, settle, waiting};
use jiff::SignedDuration;
use rstest::rstest;

use super::Fixture;
use super::queue::{held, settlement};
use crate::database::Engine;

/// What the planner believes of the queue is old: one row, where there are many.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_limit_holds_whatever_the_planner_believes(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["first@x.example"]).await;
    tx.commit().await.unwrap();
    fixture.store.analyze_queue().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    let rows: Vec<_> = (1..20).map(|n| fixture.recipient(n, &format!("a{n}@x.example"))).collect();
    releases::insert(&mut tx, id, 1, fixture.now, &releases::Packed::of(&rows)).await.unwrap();
    assert_eq!(claims::claim(&mut tx, id, "gone", fixture.now, &[], 2).await.unwrap().len(), 2);
    assert_eq!(claims::claim(&mut tx, id, "gone", fixture.now, &[], 10).await.unwrap().len(), 10);
    assert_eq!(leases::take_over(&mut tx, ("me", fixture.now), true, &[], 3).await.unwrap().len(), 3);
    let depth = waiting::depth(&mut tx, None, fixture.now).await.unwrap();
    assert_eq!((depth.leased, depth.due), (12, 8));
}

#[tokio::test]
async fn nodes_that_claim_at_once_get_different_deliveries() {
    let fixture = Fixture::new(Engine::Postgres).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example", "c@x.example"]).await;
    tx.commit().await.unwrap();
    let (mut one, mut two) = (fixture.store.write().await.unwrap(), fixture.store.write().await.unwrap());
    let first = claims::claim(&mut one, id, "one", fixture.now, &[], 2).await.unwrap();
    let second = claims::claim(&mut two, id, "two", fixture.now, &[], 2).await.unwrap();
    assert_eq!((first.len(), second.len()), (2, 1));
    assert!(!first.iter().any(|claimed| claimed.delivery_id == second[0].delivery_id));
    assert!(queue::unclaimed(&mut two, id, 9).await.unwrap().is_empty(), "what another claims is not cancelled");
    one.rollback().await.unwrap();
    two.commit().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    assert_eq!(claims::claim(&mut tx, id, "two", fixture.now, &[], 9).await.unwrap().len(), 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn nothing_is_claimed_of_a_notice_that_rests(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let held = claims::claim(&mut tx, id, "me", fixture.now, &[], 1).await.unwrap().remove(0);
    notices::set_paused(&mut tx, id, Some(fixture.now)).await.unwrap();
    assert!(claims::claim(&mut tx, id, "me", fixture.now, &[], 9).await.unwrap().is_empty());
    assert!(!leases::still_ours(&mut tx, held.delivery_id, held.token).await.unwrap());
    assert_eq!(waiting::depth(&mut tx, None, fixture.now).await.unwrap(), waiting::Depth::default());
    notices::set_paused(&mut tx, id, None).await.unwrap();
    assert!(leases::still_ours(&mut tx, held.delivery_id, held.token).await.unwrap());
    let early = fixture.now - SignedDuration::from_secs(1);
    assert!(claims::claim(&mut tx, id, "me", early, &[], 9).await.unwrap().is_empty(), "it is not due");
    assert!(claims::claim(&mut tx, fixture.id(), "me", fixture.now, &[], 9).await.unwrap().is_empty());
    let skip = ["x.example".to_owned(), "y.example".to_owned()];
    assert!(claims::claim(&mut tx, id, "me", fixture.now, &skip, 9).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_renewed_lease_is_not_stale(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let alive = claims::claim(&mut tx, id, "alive", fixture.now, &[], 1).await.unwrap().remove(0);
    claims::claim(&mut tx, id, "gone", fixture.now, &[], 1).await.unwrap();
    // On PostgreSQL the database's clock counts, whatever the time passed in.
    sqlx::query("UPDATE queue SET lease_until = 1").execute(&mut *tx).await.unwrap();
    let later = fixture.now + SignedDuration::from_millis(queue::LEASE_MS + 1);
    let renewed =
        leases::renew(&mut tx, "alive", later, &[held(&alive), Held { token: 9, ..held(&alive) }]).await.unwrap();
    assert_eq!(renewed, [held(&alive)], "what it has no longer is not renewed");
    assert!(leases::renew(&mut tx, "gone", later, &[held(&alive)]).await.unwrap().is_empty(), "nor another's");
    let stale = leases::take_over(&mut tx, ("me", later), false, &[], 9).await.unwrap();
    assert_eq!((stale.len(), stale[0].notice_id, stale[0].token, stale[0].attempts), (1, id, 2, 0));
    assert!(
        leases::take_over(&mut tx, ("alive", later), false, &[], 9).await.unwrap().is_empty(),
        "it was just taken over"
    );
}

/// What a commit claimed whose answer was lost is leased to its node, and in nobody's hands.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_a_node_does_not_hold_is_given_back(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example", "c@x.example"]).await;
    let mine = claims::claim(&mut tx, id, "me", fixture.now, &[], 2).await.unwrap();
    let other = claims::claim(&mut tx, id, "other", fixture.now, &[], 1).await.unwrap().remove(0);
    let (kept, now) = ([held(&mine[0])], fixture.now);
    assert_eq!(leases::give_back_unheld(&mut tx, "me", now, &kept, false).await.unwrap(), 0, "it may be on its way");
    assert_eq!(leases::give_back_unheld(&mut tx, "me", now, &kept, true).await.unwrap(), 1);
    assert!(leases::still_ours(&mut tx, mine[0].delivery_id, mine[0].token).await.unwrap());
    assert!(!leases::still_ours(&mut tx, mine[1].delivery_id, mine[1].token).await.unwrap());
    assert!(leases::still_ours(&mut tx, other.delivery_id, other.token).await.unwrap(), "another node's is its own");
    let again = claims::claim(&mut tx, id, "me", now, &[], 9).await.unwrap();
    assert_eq!((again.len(), again[0].delivery_id, again[0].token), (1, mine[1].delivery_id, 2));
    sqlx::query("UPDATE queue SET lease_until = 1").execute(&mut *tx).await.unwrap();
    assert_eq!(leases::give_back_unheld(&mut tx, "me", now, &[], false).await.unwrap(), 2, "their leases have run out");
}

/// What a late answer does depends on who has the delivery in hand by then.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_late_answer_counts_only_where_nobody_has_the_delivery_in_hand(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let lost = claims::claim(&mut tx, id, "frozen", fixture.now, &[], 1).await.unwrap().remove(0);
    let stale = leases::take_over(&mut tx, ("me", fixture.now), true, &[], 1).await.unwrap().remove(0);
    let late = || settlement(&fixture, id, &lost, Outcome::Accepted);
    let fenced = settle::settle(&mut tx, &[late().try_into().unwrap()]).await.unwrap();
    assert_eq!(fenced, [settle::Fenced { delivery_id: lost.delivery_id, token: lost.token, recorded: false }]);
    let shown = deliveries::find(&mut tx, lost.delivery_id).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.attempts, shown.reply), (State::Sending, 0, None), "another has it in hand");

    // It is to be sent again, and waits.
    let mine = Claimed { token: stale.token, ..lost.clone() };
    let again = Some((fixture.now + SignedDuration::from_secs(60), 60_000));
    let doubt = settle::Settlement { again, ..settlement(&fixture, id, &mine, Outcome::Uncertain) };
    assert!(settle::settle(&mut tx, &[doubt.try_into().unwrap()]).await.unwrap().is_empty());
    let refused = settlement(&fixture, id, &lost, Outcome::Rejected);
    settle::settle(&mut tx, &[refused.try_into().unwrap()]).await.unwrap();
    assert_eq!(
        deliveries::counts(&mut tx, id).await.unwrap(),
        [(State::Uncertain, 1)].into(),
        "a refusal came too late"
    );
    let fenced = settle::settle(&mut tx, &[late().try_into().unwrap()]).await.unwrap();
    assert_eq!(fenced, [settle::Fenced { delivery_id: lost.delivery_id, token: lost.token, recorded: true }]);
    assert_eq!(deliveries::counts(&mut tx, id).await.unwrap(), [(State::Accepted, 1)].into());
    assert!(!queue::holds(&mut tx, id).await.unwrap(), "it is not sent again");
    settle::settle(&mut tx, &[late().try_into().unwrap()]).await.unwrap();
    let tried = settle::attempts(&mut tx, lost.delivery_id).await.unwrap();
    let tried: Vec<_> = tried.iter().map(|tried| (tried.attempt, tried.outcome.as_str())).collect();
    assert_eq!(tried, [(1, "uncertain"), (2, "accepted")], "both counted from the same number");
    let shown = deliveries::find(&mut tx, lost.delivery_id).await.unwrap().unwrap();
    assert_eq!((shown.attempts, shown.is_found()), (2, false), "a server answered");
    let entries = besked::store::proof::ledger::of_notice(&mut tx, id).await.unwrap();
    let events: Vec<_> = entries.iter().map(|entry| entry.event.as_str()).collect();
    assert_eq!(events.iter().filter(|event| **event == "accepted").count(), 1, "{events:?}");
}

/// What a claim steps over is set aside, and found by its domain.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_stands_before_others_is_set_aside_and_claimed_by_its_domain(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let many: Vec<String> = (0..300).map(|n| format!("a{n}@slow.example")).collect();
    let addresses = many.iter().map(String::as_str).chain(["b@x.example", "c@y.example", "d@y.example"]);
    let id = fixture.released(&mut tx, &addresses.collect::<Vec<_>>()).await;
    let held = claims::claim(&mut tx, id, "me", fixture.now, &[], 1).await.unwrap().remove(0);
    let skip = ["slow.example".to_owned()];
    assert!(claims::claim(&mut tx, id, "me", fixture.now, &skip, 2).await.unwrap().is_empty(), "it looks no further");
    assert!(claims::domains(&mut tx, id, "").await.unwrap().domains.is_empty());
    let early = fixture.now - SignedDuration::from_secs(1);
    assert_eq!(claims::set_aside(&mut tx, id, early, &skip).await.unwrap(), 0, "nothing is due then");
    assert_eq!(
        claims::set_aside(&mut tx, id, fixture.now, &skip).await.unwrap(),
        299,
        "what is claimed stays as it is"
    );
    assert_eq!(claims::set_aside(&mut tx, id, fixture.now, &skip).await.unwrap(), 0, "each of them once");
    assert_eq!(waiting::due(&mut tx, id, fixture.now, 1000).await.unwrap(), 3, "the front; the rest by its domain");
    assert_eq!(waiting::due(&mut tx, id, fixture.now, 1).await.unwrap(), 1);
    assert_eq!(waiting::due(&mut tx, id, early, 100).await.unwrap(), 0);
    let others = claims::claim(&mut tx, id, "me", fixture.now, &[], 2).await.unwrap();
    assert_eq!(others.iter().map(|it| it.domain.as_str()).collect::<Vec<_>>(), ["x.example", "y.example"]);

    assert_eq!(claims::domains(&mut tx, id, "").await.unwrap().domains, skip);
    assert!(claims::domains(&mut tx, id, "slow.example").await.unwrap().domains.is_empty());
    let both = [skip[0].clone(), "y.example".to_owned()];
    let claimed = claims::claim_of(&mut tx, id, "me", fixture.now, &both).await.unwrap();
    let domains: Vec<_> = claimed.iter().map(|it| (it.domain.as_str(), it.token)).collect();
    assert_eq!(domains, [("slow.example", 1)], "one each, and only what was set aside");
    assert!(leases::still_ours(&mut tx, claimed[0].delivery_id, 1).await.unwrap());
    assert!(claimed[0].delivery_id > held.delivery_id, "the oldest of those that wait");
    let back =
        GiveBack { id: claimed[0].delivery_id, token: 1, due_at: Some(fixture.now.as_millisecond()), not_before: None };
    queue::give_back(&mut tx, &[back]).await.unwrap();
    let again = claims::claim(&mut tx, id, "me", fixture.now, &[], 1).await.unwrap();
    assert_eq!(again[0].delivery_id, claimed[0].delivery_id, "it stands in front again");
    notices::set_paused(&mut tx, id, Some(fixture.now)).await.unwrap();
    assert!(claims::claim_of(&mut tx, id, "me", fixture.now, &skip).await.unwrap().is_empty());
}

/// However many domains there are, a look at them is short.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn domains_of_what_was_set_aside_are_listed_a_stretch_at_a_time(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let addresses: Vec<String> = (0..300).map(|n| format!("{}@d{n:04}.example", n % 7)).collect();
    let id = fixture.released(&mut tx, &addresses.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let skip: Vec<String> = (0..300).map(|n| format!("d{n:04}.example")).collect();
    assert_eq!(claims::set_aside(&mut tx, id, fixture.now, &skip).await.unwrap(), 300);
    let first = claims::domains(&mut tx, id, "").await.unwrap();
    assert_eq!((first.domains.len(), first.upto.as_deref()), (256, Some("d0255.example")));
    assert_eq!(first.domains, skip[..256]);
    let second = claims::domains(&mut tx, id, "d0255.example").await.unwrap();
    assert_eq!((&second.domains[..], second.upto), (&skip[256..], None));
}
