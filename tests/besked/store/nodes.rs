//! Nodes, their relays, and what is put off for a domain's sake.

use besked::store::Conn;
use besked::store::sending::nodes::{Node, RelayState};
use besked::store::sending::queue::PutOff;
use besked::store::sending::{claims, nodes, queue, waiting};
use jiff::SignedDuration;
use rstest::rstest;

use super::Fixture;
use crate::database::Engine;

fn node(id: &str) -> Node {
    Node {
        id: id.to_owned(),
        name: format!("värd-{id}:7"),
        version: "0.1.0".to_owned(),
        started_at: None,
        seen_at: None,
    }
}

/// As if a node had been seen so much earlier.
async fn was_seen_earlier(conn: &mut Conn, id: &str, ms: i64) {
    sqlx::query("UPDATE nodes SET seen_at = seen_at - $1 WHERE id = $2").bind(ms).bind(id).execute(conn).await.unwrap();
}

async fn names(conn: &mut Conn, fixture: &Fixture) -> Vec<String> {
    nodes::live(conn, fixture.now).await.unwrap().into_iter().map(|node| node.id).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_beat_counts_the_others_and_those_who_do_not_know_of_it(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut conn = fixture.store.write().await.unwrap();
    let first = nodes::beat(&mut conn, &node("a"), fixture.now).await.unwrap();
    assert_eq!((first.others, first.unaware, first.started_at), (0, 0, first.joined_at));
    was_seen_earlier(&mut conn, "a", 1).await;
    let second = nodes::beat(&mut conn, &node("b"), fixture.now).await.unwrap();
    assert_eq!(second.others, 1);
    was_seen_earlier(&mut conn, "a", 1000).await;
    let again = nodes::beat(&mut conn, &node("b"), fixture.now).await.unwrap();
    assert_eq!((again.others, again.unaware, again.joined_at), (1, 1, second.joined_at));
    let known = nodes::beat(&mut conn, &node("a"), fixture.now).await.unwrap();
    assert_eq!((known.others, known.joined_at, known.started_at), (1, first.joined_at, first.started_at));
    assert_eq!(nodes::beat(&mut conn, &node("b"), fixture.now).await.unwrap().unaware, 0);
    assert_eq!(names(&mut conn, &fixture).await, ["a", "b"]);

    was_seen_earlier(&mut conn, "a", nodes::GONE_AFTER_MS + 500).await;
    assert_eq!(nodes::beat(&mut conn, &node("b"), fixture.now).await.unwrap().others, 0, "it is gone");
    assert_eq!(names(&mut conn, &fixture).await, ["b"]);
    sqlx::query("UPDATE nodes SET joined_at = 5, started_at = 5 WHERE id = 'a'").execute(&mut *conn).await.unwrap();
    let back = nodes::beat(&mut conn, &node("a"), fixture.now).await.unwrap();
    assert!(back.joined_at.as_millisecond() > 5, "it joins anew");
    assert_eq!(back.started_at.as_millisecond(), 5);
    let live = nodes::live(&mut conn, fixture.now).await.unwrap();
    assert_eq!((live[0].name.as_str(), live[0].started_at), ("värd-a:7", Some(back.started_at)));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_a_node_says_of_its_relays_goes_with_it(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut conn = fixture.store.write().await.unwrap();
    let says = |node: &str, relay: &str, state: &str| RelayState {
        node_id: node.to_owned(),
        relay: relay.to_owned(),
        state: state.to_owned(),
    };
    for id in ["a", "b", "c"] {
        nodes::beat(&mut conn, &node(id), fixture.now).await.unwrap();
        nodes::publish(&mut conn, &[says(id, "r", "{}"), says(id, "s", "{}")]).await.unwrap();
    }
    nodes::publish(&mut conn, &[says("b", "s", "{\"ö\":1}")]).await.unwrap();
    nodes::leave(&mut conn, "a").await.unwrap();
    was_seen_earlier(&mut conn, "c", nodes::GONE_AFTER_MS + 500).await;
    nodes::forget_gone(&mut conn, fixture.now).await.unwrap();
    assert_eq!(nodes::relay_states(&mut conn).await.unwrap(), [says("b", "r", "{}"), says("b", "s", "{\"ö\":1}")]);
    let mut known = node("c");
    known.started_at = Some(fixture.now - SignedDuration::from_hours(1));
    let back = nodes::beat(&mut conn, &known, fixture.now).await.unwrap();
    assert_eq!(Some(back.started_at), known.started_at, "it was forgotten, and knows itself when it began");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn deliveries_to_a_domain_on_pause_are_put_off_some_at_a_time(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut conn = fixture.store.write().await.unwrap();
    let addresses = ["a@slow.example", "b@slow.example", "c@slow.example", "d@quick.example", "e@other.example"];
    let id = fixture.released(&mut conn, &addresses).await;
    let untouched = fixture.released(&mut conn, &["f@slow.example"]).await;
    let claimed = claims::claim(&mut conn, id, "me", fixture.now, &[], 1).await.unwrap();
    assert_eq!(claimed[0].domain, "slow.example");
    let until = |domain: &str, seconds: i64| PutOff {
        domain: domain.to_owned(),
        until: (fixture.now + SignedDuration::from_secs(seconds)).as_millisecond(),
    };
    let held = [until("slow.example", 30), until("other.example", 60)];
    assert_eq!(queue::put_off(&mut conn, id, &held, 2).await.unwrap(), 0, "nothing was stepped over yet");
    let domains: Vec<String> = held.iter().map(|held| held.domain.clone()).collect();
    claims::set_aside(&mut conn, id, fixture.now, &domains).await.unwrap();
    let mut put_off = Vec::new();
    for _ in 0..3 {
        put_off.push(queue::put_off(&mut conn, id, &held, 2).await.unwrap());
    }
    assert_eq!(put_off, [2, 1, 0], "what is claimed stays as it is");
    let depth = waiting::depth(&mut conn, Some(id), fixture.now).await.unwrap();
    assert_eq!((depth.leased, depth.due, depth.later), (1, 1, 3));
    assert_eq!(depth.next_due, Some(fixture.now + SignedDuration::from_secs(30)));
    let later = fixture.now + SignedDuration::from_secs(59);
    assert_eq!(waiting::due(&mut conn, id, later, 9).await.unwrap(), 3);
    assert_eq!(waiting::due(&mut conn, untouched, fixture.now, 9).await.unwrap(), 1);
}
