//! A relay that ends transactions without an answer: what it does to everybody is its own failure, what it does to one is not.

use std::time::Duration;

use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::domain::notice::State as NoticeState;
use besked::domain::reply::Stage;
use besked::store::sending::settle;
use rstest::rstest;
use serde_json::json;

use super::{Running, import, until, until_accepted, with_second, with_second_over};
use crate::app::{TestApp, maintenance, without_relay};
use crate::database::Engine;
use crate::relay::{Act, Relay, Rule, Script, Step, on};

#[rstest]
#[case::closes_at_rcpt(on(Step::Rcpt).close())]
#[case::stalls_at_rcpt(on(Step::Rcpt).stall())]
#[case::garbage_at_rcpt(on(Step::Rcpt).reply("hello\r\n"))]
#[case::out_of_place_at_rcpt(on(Step::Rcpt).reply("354 go on\r\n"))]
#[case::closes_at_data(on(Step::Data).close())]
#[case::stalls_at_data(on(Step::Data).stall())]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_relay_answers_nobody_goes_by_the_next(
    #[case] rule: Rule,
    #[values(1, 8)] connections: u32,
    #[values(1, 6)] domains: usize,
) {
    let second = Relay::start().await;
    let app = with_second_over(&second, connections).await;
    // The other relay has as long for its answers.
    let app = app
        .configured(|config| (config.smtp.rcpt, config.smtp.data) = (Duration::from_secs(3), Duration::from_secs(3)))
        .await;
    app.relay.add(rule);
    import(&app, (0..6).map(|n| format!("a{n}@d{}.example", n % domains))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 6)].into());
    assert_eq!((app.relay.count(), second.count()), (0, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_another_relay_nothing_comes_nearer_to_its_end() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Rcpt).close());
    import(&app, (0..6).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let (troubles, _) = without_relay(&app.run_until_idle().await);
    assert_eq!((troubles[0].1.stage, troubles[0].1.answered), (Stage::Rcpt, false));
    assert_eq!(app.counts(id).await, [(State::Queued, 6)].into(), "no attempt is used up");
    app.relay.change(Script::default());
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 6)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_one_relay_chokes_on_goes_by_the_next() {
    let second = Relay::start().await;
    let app = with_second(&second).await;
    app.relay.add(on(Step::Rcpt).when("a3@").close());
    import(&app, (0..10).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 10)].into());
    assert_eq!(second.to("a3@d3.example").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_to_the_dot_that_are_lost_stop_the_relay() {
    let second = Relay::start().await;
    let app = with_second_over(&second, 1).await;
    app.relay.add(on(Step::Dot).act(Act::TakeAndClose));
    import(&app, (0..8).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let counts = app.counts(id).await;
    let doubts = counts.get(&State::Uncertain).copied().unwrap_or_default();
    assert!((2..=4).contains(&doubts), "{counts:?}");
    assert_eq!(counts.get(&State::Accepted), Some(&(8 - doubts)), "the others go by the next relay");
}

/// Otherwise the relay would seem unhealthy for as long as there is nothing else to send through it.
#[rstest]
#[case::alone(None, State::Uncertain)]
#[case::beside_another_relay(Some(()), State::Accepted)]
#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_answers_are_lost_leaves_a_relay_in_use_that_takes_others(
    #[case] beside: Option<()>,
    #[case] ends: State,
) {
    let second = Relay::start().await;
    let app = if beside.is_some() { with_second(&second).await } else { TestApp::new(Engine::Sqlite).await };
    app.relay.add(on(Step::Dot).when("a3@").act(Act::TakeAndClose));
    import(&app, (0..4).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let running = Running::start(&app);
    until_accepted(&app, id, 3).await;
    for copies in 2..=3 {
        app.advance(Duration::from_secs(7200));
        until("the next copy", async || app.relay.to("a3@d3.example").len() + second.count() >= copies).await;
    }
    until("its end", async || app.counts(id).await.get(&ends).copied() >= Some(1)).await;
    let state = async |lost| {
        let shown = app.app.relays.show().await.unwrap();
        let report = shown.relays[0].nodes.first().map(|at| at.report.clone());
        report.filter(|it| it.deferred == lost).map(|it| serde_json::to_value(it.state).unwrap())
    };
    let lost = if beside.is_some() { 2 } else { 3 };
    until("the relay's state", async || state(lost).await.is_some()).await;
    let state = state(lost).await;
    running.stop().await;
    assert_eq!((state, second.count()), (Some(json!("closed")), usize::from(beside.is_some())));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_many_copies_of_a_message_whose_answer_is_lost() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.relay.add(on(Step::Dot).act(Act::TakeAndClose));
    import(&app, (0..4).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let mut finished = app.run_until_idle().await;
    for _ in 0..20 {
        if app.notice(id).await.state == NoticeState::Closed {
            break;
        }
        app.advance(Duration::from_secs(7200));
        finished = app.run_until_idle().await;
    }
    assert_eq!(
        (app.notice(id).await.state, app.counts(id).await),
        (NoticeState::Closed, [(State::Uncertain, 4)].into())
    );
    for n in 0..4 {
        assert_eq!(app.relay.to(&format!("a{n}@d{n}.example")).len(), 3);
    }
    assert!(matches!(finished, Finished::Left(left) if left.uninformed > 0));
}

#[rstest]
#[case::greylisting("450 4.7.1 Recipient address rejected: Greylisting in action, please come back later")]
#[case::verification("450 4.1.1 Recipient address rejected: unverified address: Address verification in progress")]
#[tokio::test(flavor = "multi_thread")]
async fn what_each_new_address_is_answered_stops_nobody(#[case] words: &'static str) {
    let app = TestApp::new(Engine::Sqlite).await;
    for n in 0..30 {
        app.relay.add(on(Step::Rcpt).when(&format!("a{n}@")).times(1).reply(format!("{words}\r\n")));
    }
    import(&app, (0..30).map(|n| format!("a{n}@d{n}.example"))).await;
    let id = app.release(&maintenance("all = true")).await;
    let finished = app.run_until_idle().await;
    assert!(matches!(finished, Finished::Idle(depth) if depth.later == 30), "{finished:?}");
    assert_eq!(app.counts(id).await, [(State::Deferred, 30)].into());
    app.advance(Duration::from_secs(120));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 30)].into());
    let delivery = app.informed("C000", id).await.notices[0].deliveries[0].id;
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery).await.unwrap();
    assert_eq!(attempts.len(), 2);
}
