//! Beside the sending of mail: processes that end in the middle, several nodes, and receivers that never answer.

use std::collections::BTreeSet;
use std::time::Duration;

use besked::domain::webhook::HookEvent;
use besked::webhooks::{Names, Sender};
use rstest::rstest;
use tokio_util::sync::CancellationToken;

use super::receiver::{Act, Receiver};
use super::{all, app, types};
use crate::app::{CUSTOMERS, maintenance};
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_ends_before_the_answer_is_recorded_calls_again_with_the_same_id(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    receiver.then([Act::Hold]);
    app.something_happens().await;
    let webhooks = app.app.webhooks.clone();
    let ends = tokio::spawn(async move { webhooks.round().await });
    receiver.asked(1).await;
    ends.abort();
    assert!(ends.await.unwrap_err().is_cancelled());
    let app = app.restart().await;
    app.advance(Duration::from_secs(61));
    assert!(app.call().await, "the hold of the one that ended has run out");
    let requests = receiver.requests();
    let same: BTreeSet<_> = requests.iter().map(|it| (it.header("webhook-id").unwrap(), it.body.clone())).collect();
    assert_eq!((requests.len(), same.len()), (2, 1), "twice, and the receiver can know it");
    assert!(!app.call().await);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn one_node_calls_at_a_time(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    let (one, other) = (app.app.webhooks.of_node("one"), app.app.webhooks.of_node("other"));
    app.something_happens().await;
    assert!(one.round().await.unwrap());
    app.something_happens().await;
    assert!(!other.round().await.unwrap(), "the first has the work");
    one.let_go().await.unwrap();
    assert!(other.round().await.unwrap());
    app.something_happens().await;
    app.advance(Duration::from_secs(59));
    assert!(!one.round().await.unwrap());
    app.advance(Duration::from_secs(2));
    assert!(one.round().await.unwrap(), "the other is gone");
    assert_eq!(receiver.count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_dispatchers_send_everything_once() {
    let (app, receiver) = (app(Engine::Postgres).await, Receiver::start().await);
    app.hook(&receiver.url(), &all()).await;
    let rows: String = (0..60).map(|n| format!("C{n:03},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    app.release(&maintenance("all = true")).await;
    tokio::join!(app.run_until_idle(), app.run_until_idle(), app.run_until_idle());
    app.advance(Duration::from_secs(61));
    app.call().await;
    let ids: BTreeSet<_> = receiver.requests().iter().map(|it| it.header("webhook-id").unwrap()).collect();
    assert_eq!(ids.len(), receiver.count(), "no call twice");
    let ended: Vec<_> = super::said(&receiver, HookEvent::DeliveryFinal)
        .iter()
        .flat_map(|it| it["deliveries"].as_array().unwrap().clone())
        .map(|it| it["id"].to_string())
        .collect();
    assert_eq!((ended.len(), ended.iter().collect::<BTreeSet<_>>().len()), (60, 60));
    assert_eq!(types(&receiver).iter().filter(|it| *it == "notice.closed").count(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_never_answers_delays_neither_mail_nor_other_receivers(#[case] engine: Engine) {
    let app = app(engine).await.calling_by(Names::System, Duration::from_secs(3600));
    let (dead, well) = (Receiver::start().await, Receiver::start().await);
    dead.always("", Act::Hold);
    app.hook(&dead.url(), &all()).await;
    app.hook(&well.url(), &all()).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let (dispatcher, _lock) = app.app.dispatcher(None).unwrap();
    let stop = CancellationToken::new();
    let sees = async {
        dead.asked(1).await;
        // It is asked, and will not answer: all that follows happens meanwhile.
        let second = app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
        while !well.bodies().iter().any(|it| it["type"] == "notice.closed" && it["data"]["id"] == second.to_string()) {
            tokio::task::yield_now().await;
        }
        stop.cancel();
    };
    tokio::join!(dispatcher.run(stop.clone(), None), sees).0.unwrap();
    assert_eq!(app.relay.received().len(), 4);
    assert!(dead.count() <= 4, "no more than four of its calls are under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_is_broken_off_leaves_its_calls_to_the_next() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    receiver.then([Act::Hold]);
    app.something_happens().await;
    let mut sender = Sender::new(app.app.webhooks.of_node("one"));
    sender.step().await.unwrap();
    receiver.asked(1).await;
    sender.step().await.unwrap();
    assert_eq!(receiver.count(), 1, "what is under way is not begun again");
    sender.break_off().await.unwrap();
    let mut next = Sender::new(app.app.webhooks.of_node("two"));
    next.finish().await.unwrap();
    assert_eq!(receiver.count(), 2, "at once");
}

/// A node of a newer version has events of which this one does not know.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_event_of_a_newer_version_stops_no_other_call(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let made = app.hook(&receiver.url(), &all()).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    receiver.then((0..20).map(|_| Act::Status(500)));
    assert!(app.call().await, "all of them are queued, and fail");
    receiver.is_well();
    let sql = async |text: &'static str| {
        let mut tx = app.app.context.store.write().await.unwrap();
        let done = sqlx::query(text).execute(&mut *tx).await.unwrap().rows_affected();
        tx.commit().await.unwrap();
        done
    };
    sql("UPDATE webhooks SET events = events || ',notice.translated'").await;
    let oldest = "UPDATE webhook_calls SET event = 'notice.translated' WHERE id = (SELECT MIN(id) FROM webhook_calls)";
    assert_eq!(sql(oldest).await, 1);
    let failed = receiver.count();
    app.advance(Duration::from_secs(3600));
    while app.call().await {}
    let shown = app.hook_shown(made.shown.id).await;
    assert!(receiver.count() > failed, "the others are sent");
    assert_eq!(shown.shown.queued, 1, "it waits for a node that knows it");
    assert!(!app.call().await, "and nobody is busy with it");
    sql("INSERT INTO webhook_attempts (id, webhook_id, call_id, event, at, attempt, took_ms, problem) SELECT 'ffffffff-ffff-ffff-ffff-ffffffffffff', \
         webhook_id, id, event, 0, 1, 1, NULL FROM webhook_calls").await;
    assert_eq!(app.hook_shown(made.shown.id).await.attempts.len(), shown.attempts.len());
}
