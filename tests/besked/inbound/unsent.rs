//! Replies that cannot be forwarded at once: relays that are away or refuse, nodes that die, and two nodes at a time.

use std::time::Duration;

use besked::app::App;
use besked::domain::forward::{Reason, State};
use besked::domain::random::Random;
use besked::domain::task::TaskKind;
use besked::inbound::Forwards;
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::{Answered, SUPPORT};
use crate::database::Engine;
use crate::relay::{Act, Gate, Script, Step, on};

const LATER: Forwards = Forwards { forwarded: 0, deferred: 1, failed: 0 };
const FORWARDED: Forwards = Forwards { forwarded: 1, deferred: 0, failed: 0 };

/// As long as a claim holds.
const CLAIM: Duration = Duration::from_secs(15 * 60);

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reply_waits_while_the_relay_is_away(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    it.comes(it.reply("hello")).await;
    it.app.relay.stop().await;
    assert_eq!(it.forward().await, LATER);
    assert_eq!(it.forward().await, Forwards::default(), "it is not tried again at once");
    // However long that takes.
    for _ in 0..10 {
        it.app.advance(Duration::from_secs(24 * 3600));
        assert_eq!(it.forward().await, LATER);
    }
    assert_eq!(it.became().await, [(State::Waiting, None)]);
    it.app.relay.restart().await;
    it.app.advance(Duration::from_secs(2 * 3600));
    assert_eq!(it.forward().await, FORWARDED);
    assert_eq!((it.mails().len(), it.became().await), (1, vec![(State::Forwarded, None)]));
}

#[rstest]
#[case(Act::Reply("550 5.1.1 no such user\r\n"), Reason::Refused)]
#[case(Act::Reply("552 5.3.4 too large\r\n"), Reason::NotCarried)]
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_good_opens_a_task(#[case] act: Act, #[case] reason: Reason) {
    let it = Answered::new(Engine::Sqlite).await;
    it.app.relay.on("RCPT TO:<support@example.com>", 9, act);
    it.comes(it.reply("hello")).await;
    assert_eq!(it.forward().await, Forwards { forwarded: 0, deferred: 0, failed: 1 });
    assert_eq!(it.became().await, [(State::Failed, Some(reason))]);
    let tasks = it.tasks().await;
    let (task, shown) = (&tasks[0], it.shown().await);
    assert_eq!((tasks.len(), task.kind, task.notice_id), (1, TaskKind::Unforwarded, Some(shown.notice)));
    assert_eq!((task.account_id.as_deref(), task.inbound_id), (Some("C2"), Some(shown.replies[0].inbound_id)));
    assert!(task.reason.contains("besked inbound show") && !task.reason.contains('@'), "{}", task.reason);
    // It is still there to be passed on.
    let id = shown.replies[0].inbound_id;
    assert!(it.app.app.inbound.message(&crate::app::alice(), id).await.unwrap().1.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_relay_carries_opens_a_task_at_once() {
    let it = Answered::new(Engine::Sqlite).await;
    it.app.relay.change(Script::default().size(100_000));
    it.comes(it.reply(&"A long line of text.\r\n".repeat(10_000))).await;
    assert_eq!(it.forward().await.failed, 1);
    assert_eq!(it.became().await, [(State::Failed, Some(Reason::NotCarried))]);
    assert_eq!((it.tasks().await.len(), it.mails().len()), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_that_is_full_for_days_opens_a_task() {
    let it = Answered::new(Engine::Sqlite).await;
    it.app.relay.on("RCPT TO:<support@example.com>", 99, Act::Reply("452 4.2.2 mailbox full\r\n"));
    it.comes(it.reply("hello")).await;
    for _ in 0..5 {
        assert_eq!(it.forward().await, LATER);
        it.app.advance(Duration::from_secs(24 * 3600));
    }
    it.app.advance(Duration::from_secs(1));
    assert_eq!(it.forward().await.failed, 1);
    assert_eq!(it.became().await, [(State::Failed, Some(Reason::Expired))]);
    assert_eq!(it.tasks().await.len(), 1);
}

/// Some services take mail from their customers' addresses only.
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_refuses_the_null_sender_gets_ours() {
    let it = Answered::new(Engine::Sqlite).await;
    it.app.relay.on("MAIL FROM:<>", 9, Act::Reply("501 5.1.7 bad sender\r\n"));
    it.comes(it.reply("hello")).await;
    assert_eq!(it.forward().await, FORWARDED);
    assert_eq!(it.mails()[0].from, "notices@example.com");
}

/// A second node on the same database.
async fn node(it: &Answered) -> App {
    let context = &it.app.app.context;
    App::open((*context.config).clone(), context.clock.clone(), Random::from_system()).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_forward_each_reply_once(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    let others: Vec<String> =
        it.app.relay.received().iter().filter_map(|mail| mail.header("X-Besked-Delivery")).collect();
    let mut replies = 0;
    for id in &others {
        let to = it.app.app.key().reply_path(id.parse().unwrap(), "bounces.example.com").to_string();
        for n in 0..3 {
            it.comes_from("a@x.example", &to, it.reply(&format!("Reply {n}")).replace(&it.to, &to)).await;
            replies += 1;
        }
    }
    let other = node(&it).await;
    let ended = CancellationToken::new();
    let mut forwarded = 0;
    // A node that finds what another has just claimed looks again.
    for _ in 0..10 {
        let (one, two) = tokio::join!(it.app.app.inbound.forward_due(&ended), other.inbound.forward_due(&ended));
        forwarded += one.unwrap().forwarded + two.unwrap().forwarded;
    }
    assert_eq!((forwarded, it.mails().len()), (replies, others.len() * 3));
    let mut ids: Vec<_> = it.mails().iter().map(|mail| mail.header("Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), it.mails().len(), "each once");
    other.context.store.close().await;
}

/// Dies while the relay is at a point of the transaction, and begins anew.
async fn dies_at(it: Answered, step: Step) -> Answered {
    let gate = Gate::new();
    it.app.relay.add(on(step).when(SUPPORT).after(&gate).times(1));
    let inbound = it.app.app.inbound.clone();
    let forwarding = tokio::spawn(async move { inbound.forward_due(&CancellationToken::new()).await });
    gate.reached().await;
    forwarding.abort();
    assert!(forwarding.await.unwrap_err().is_cancelled());
    gate.open();
    it.app.relay.wait_until_left().await;
    let Answered { app, delivery, to } = it;
    Answered { app: app.restart().await, delivery, to }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_before_the_end_of_the_message_forwards_it_once(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    it.comes(it.reply("hello")).await;
    let it = dies_at(it, Step::Rcpt).await;
    assert_eq!(it.forward().await, Forwards::default(), "nobody knows yet that the claim's owner is gone");
    it.app.advance(CLAIM);
    assert_eq!((it.forward().await, it.mails().len()), (FORWARDED, 1));
}

/// Between the relay's acceptance and the record of it nothing can be known: the reply is sent once more, with the same bytes, so that
/// support's system can tell.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_sending_and_recording_forwards_it_twice_at_most(#[case] engine: Engine) {
    let it = Answered::new(engine).await;
    it.comes(it.reply("hello")).await;
    let it = dies_at(it, Step::Dot).await;
    assert_eq!(it.mails().len(), 1, "the relay took it");
    it.app.advance(CLAIM);
    assert_eq!(it.forward().await, FORWARDED);
    let mails = it.mails();
    assert_eq!(mails.len(), 2);
    assert_eq!(String::from_utf8_lossy(&mails[0].data), String::from_utf8_lossy(&mails[1].data));
    assert_eq!(it.became().await, [(State::Forwarded, None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_leads_to_no_other_relay() {
    let it = Answered::with(Engine::Sqlite, |config| {
        let mut second = config.relays[0].clone();
        second.name = "second".to_owned();
        config.relays.push(second);
    })
    .await;
    it.comes(it.reply("hello")).await;
    it.app.relay.on(". support@example.com", 1, Act::TakeAndClose);
    assert_eq!(it.forward().await, LATER);
    assert_eq!(it.mails().len(), 1);
    it.app.advance(Duration::from_secs(120));
    assert_eq!((it.forward().await, it.mails().len()), (FORWARDED, 2));
}
