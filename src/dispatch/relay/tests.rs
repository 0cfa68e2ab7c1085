//! The circuit of a relay, and whose fault its refusals are.

use super::circuit::{AUTH_PAUSE, FIRST_PAUSE, LONGEST_PAUSE};
use super::*;
use crate::dispatch::relay::refusals::{Refusal, VICTIM_WAIT};
use crate::domain::clock::Clock;
use crate::domain::reply::{Failure, Reply, Stage};

fn relay() -> Arc<Relay> {
    let config = toml::from_str("name = \"r\"\nurl = \"smtp://r.example\"").unwrap();
    Arc::new(Relay::new(config, &Arc::new(Share::sole(Clock::System)), &Metrics::new()))
}

fn failed(stage: Stage, code: u16) -> Failed {
    let reply = Reply { code, text: "5.7.1 <b+token@bounces.example>: no".to_owned() };
    Failed { stage, failure: Failure::Replied(reply), reused: false }
}

fn probe(relay: &Arc<Relay>) -> Option<Probe> {
    match relay.permit() {
        Permit::Probe(probe) => Some(probe),
        Permit::Go | Permit::Wait(_) => None,
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_lets_one_probe_through_after_its_pause() {
    let relay = relay();
    relay.is_down(&failed(Stage::Connect, 554), false);
    assert!(matches!(relay.permit(), Permit::Wait(_)));
    tokio::time::advance(FIRST_PAUSE).await;
    let first = probe(&relay).expect("the pause is over");
    assert!(probe(&relay).is_none(), "a second worker waits for the first one's probe");
    relay.is_down(&failed(Stage::Connect, 554), false);
    assert_eq!(relay.standing(), Standing::HalfOpen, "a worker from before says nothing new");
    drop(first);
    let second = probe(&relay).expect("the first came to nothing, as when its worker panicked");
    relay.is_down(&failed(Stage::Greeting, 554), true);
    drop(second);
    assert_eq!(relay.standing(), Standing::Open(FIRST_PAUSE * 2));
    tokio::time::advance(FIRST_PAUSE * 2).await;
    let third = probe(&relay).unwrap();
    drop(relay.reached(Reached::Connection));
    assert!(matches!(relay.permit(), Permit::Go));
    drop(third);
}

#[tokio::test(start_paused = true)]
async fn it_takes_three_deliveries_to_blame_the_relay_for_a_refused_sender() {
    let relay = relay();
    let id = |n| Uuid::from_u128(n);
    let refused = failed(Stage::Mail, 550);
    for n in [1, 1, 2] {
        assert_eq!(relay.refused_us(id(n), &refused, false), Refusal::Waits(VICTIM_WAIT), "delivery {n}");
        assert_eq!(relay.trouble(), None);
    }
    relay.refused_us(id(3), &refused, false);
    let trouble = relay.trouble().unwrap();
    assert_eq!((trouble.refused, trouble.text.as_str()), (true, "550 5.7.1 (address) no"));
    tokio::time::advance(FIRST_PAUSE).await;
    let _probe = probe(&relay).unwrap();
    drop(relay.reached(Reached::Connection));
    assert!(relay.trouble().is_some(), "a connection alone does not cure a refused sender");
    assert!(relay.allows(true) && !relay.allows(false));
    drop((relay.reached(Reached::Accepted), relay.accepted(Uuid::nil(), "a.example")));
    assert!(relay.trouble().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_delivery_is_enough_where_nothing_else_is_taken() {
    let (relay, refused) = (relay(), failed(Stage::Mail, 550));
    let only = Uuid::from_u128(1);
    for _ in 0..2 {
        assert_eq!(relay.refused_us(only, &refused, false), Refusal::Waits(VICTIM_WAIT));
        assert!(relay.trouble().is_none() && relay.refuses(only));
    }
    relay.refused_us(only, &refused, false);
    assert!(relay.trouble().is_some_and(|trouble| trouble.refused));
}

#[tokio::test(start_paused = true)]
async fn a_sender_that_is_refused_while_others_pass_is_the_deliverys_own_trouble() {
    let (relay, refused) = (relay(), failed(Stage::Mail, 550));
    let odd = Uuid::from_u128(1);
    let mut came = Vec::new();
    for _ in 0..5 {
        came.push(relay.refused_us(odd, &refused, false) == Refusal::Own);
        drop((relay.reached(Reached::Accepted), relay.accepted(Uuid::nil(), "a.example")));
    }
    assert_eq!(came, [false, false, true, true, true], "by its schedule from the third time on");
    for _ in 0..5 {
        assert_eq!(relay.refused_us(odd, &refused, false), Refusal::Own, "nor is it when nothing else is due");
    }
    assert!(relay.trouble().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_ends_late_does_not_end_the_next_one() {
    let relay = relay();
    relay.is_down(&failed(Stage::Connect, 554), false);
    tokio::time::advance(FIRST_PAUSE).await;
    let late = probe(&relay).unwrap();
    drop(relay.reached(Reached::Connection));
    relay.is_down(&failed(Stage::Connect, 554), false);
    tokio::time::advance(FIRST_PAUSE).await;
    let _next = probe(&relay).unwrap();
    drop(late);
    assert!(probe(&relay).is_none());
}

#[tokio::test(start_paused = true)]
async fn a_victim_waits_longer_than_the_pause() {
    let relay = relay();
    for failures in 1..12 {
        let waits = relay.is_down(&failed(Stage::Mail, 421), true);
        let Standing::Open(pause) = relay.standing() else { panic!("it is open") };
        assert!(waits > pause && pause <= LONGEST_PAUSE, "{failures}: {waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_pauses_for_long_and_a_temporary_failure_does_not() {
    let relay = relay();
    relay.is_down(&failed(Stage::Auth, 454), false);
    assert_eq!((relay.standing(), relay.is_hopeless()), (Standing::Open(FIRST_PAUSE), false));
    relay.is_down(&failed(Stage::Auth, 535), true);
    assert_eq!((relay.standing(), relay.is_hopeless()), (Standing::Open(AUTH_PAUSE), true));
}

#[tokio::test(start_paused = true)]
async fn one_delivery_whose_answers_are_lost_is_no_failure_of_the_relay() {
    let relay = relay();
    let lost = Failed {
        stage: Stage::Dot,
        failure: Failure::Unclear("the connection was lost: reset".to_owned()),
        reused: true,
    };
    let (victim, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    (0..3).for_each(|_| relay.lost(victim, &lost, false));
    assert_eq!((relay.standing(), relay.loses(victim)), (Standing::Closed, true));
    assert!(!relay.refuses(victim), "it may have taken it");
    relay.lost(other, &lost, false);
    assert!(matches!(relay.standing(), Standing::Open(_)), "two deliveries in a row");
}
