//! What a webhook is called for: each event, in the transaction of its fact, with ids, states, counts and times, and nothing else.

use std::collections::BTreeSet;

use besked::domain::delivery::Outcome;
use besked::domain::webhook::HookEvent;
use besked::ledger::Sealed;
use besked::store::sending::nodes::{self, Node, RelayState};
use rstest::rstest;
use serde_json::{Value, json};

use super::{Receiver, all, app, said, types};
use crate::answers::breach;
use crate::app::{CUSTOMERS, TestApp, alice, bo, maintenance};
use crate::database::Engine;
use crate::escalation::{HOUR, LATER};
use crate::relay::{Step, on};

/// The number of facts of which no call was made.
async fn facts(app: &TestApp) -> i64 {
    let mut conn = app.app.context.store.read().await.unwrap();
    sqlx::query_scalar("SELECT COUNT(*) FROM webhook_facts").fetch_one(&mut *conn).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_life_of_a_notice_is_sent_without_addresses_and_content(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &all()).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(crate::notices::AGREEMENT, "account_id\n"), &alice()).await.unwrap();
    assert!(!app.call().await, "a draft is no event");
    notices.submit(id, &alice()).await.unwrap();
    notices.approve(id, &bo(), None).await.unwrap();
    app.call().await;
    assert_eq!(types(&receiver), ["notice.approved", "notice.submitted"]);
    let submitted = json!({ "id": id, "category": "agreement_change", "state": "submitted" });
    assert_eq!(said(&receiver, HookEvent::NoticeSubmitted), [submitted]);
    notices.release(id, &alice(), besked::notices::Release::default(), &|_| {}).await.unwrap();
    // Nobody calls for the dispatcher: it does so itself, up to its end.
    app.run_until_idle().await;
    let recipients = app.notice(id).await.recipients;
    let released = said(&receiver, HookEvent::NoticeReleased);
    assert_eq!(
        released,
        [json!({ "id": id, "category": "agreement_change", "state": "released", "recipients": recipients })]
    );
    let closed = said(&receiver, HookEvent::NoticeClosed);
    assert_eq!(
        (closed.len(), &closed[0]["state"], &closed[0]["recipients"]),
        (1, &json!("closed"), &json!(recipients))
    );
    assert_eq!(closed[0]["counts"]["accepted"], json!(recipients), "{closed:?}");
    let ended: Vec<Value> = said(&receiver, HookEvent::DeliveryFinal)
        .iter()
        .flat_map(|it| it["deliveries"].as_array().unwrap().clone())
        .collect();
    assert_eq!(ended.len() as u64, recipients);
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let of_c2 = ended.iter().find(|it| it["account_id"] == "C2").unwrap();
    assert_eq!(
        (&of_c2["id"], &of_c2["notice"], &of_c2["state"], &of_c2["at"]),
        (&json!(delivery), &json!(id), &json!("accepted"), &json!("2026-11-24T10:00:00Z"))
    );
    app.app.deliveries.report(&alice(), delivery, Outcome::Bounced, "5.1.1 no such user").await.unwrap();
    app.call().await;
    let bounced = said(&receiver, HookEvent::DeliveryBounced);
    assert_eq!((bounced.len(), &bounced[0]["id"], &bounced[0]["state"]), (1, &json!(delivery), &json!("bounced")));
    let last = said(&receiver, HookEvent::DeliveryFinal).pop().unwrap();
    assert_eq!(last["deliveries"][0]["state"], "bounced", "it has another outcome by a report");
    for request in receiver.requests() {
        for hidden in ["@", "example", "Anna", "Terms", "no such user", "alice"] {
            assert!(!request.body.contains(hidden), "{hidden}: {}", request.body);
        }
        assert_eq!(request.header("content-type").as_deref(), Some("application/json"));
        let body: Value = serde_json::from_str(&request.body).unwrap();
        assert_eq!(body["timestamp"], "2026-11-24T10:00:00Z");
    }
    assert_eq!(facts(&app).await, 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_deliveries_are_in_one_call(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::DeliveryFinal, HookEvent::NoticeClosed]).await;
    let rows: String = (0..250).map(|n| format!("C{n:03},Kund {n},a{n}@d{n}.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{rows}")).await;
    let id = app.release(&maintenance("all = true")).await;
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    app.call().await;
    let calls = said(&receiver, HookEvent::DeliveryFinal);
    let mut sizes: Vec<usize> = calls.iter().map(|it| it["deliveries"].as_array().unwrap().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [50, 100, 100]);
    let ended: BTreeSet<String> = calls
        .iter()
        .flat_map(|it| it["deliveries"].as_array().unwrap().clone())
        .map(|it| it["id"].to_string())
        .collect();
    assert_eq!(ended.len(), 250, "each once");
    let closed = said(&receiver, HookEvent::NoticeClosed);
    assert_eq!(
        (closed.len(), &closed[0]["state"], &closed[0]["counts"]["cancelled"]),
        (1, &json!("cancelled"), &json!(250))
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn each_webhook_gets_what_it_wants_and_nothing_is_noted_for_nobody(#[case] engine: Engine) {
    let app = app(engine).await;
    let (one, other) = (Receiver::start().await, Receiver::start().await);
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(facts(&app).await, 0, "nobody wanted to know");
    let id = app.hook(&one.url(), &[HookEvent::NoticeReleased]).await.shown.id;
    app.hook(&other.url(), &[HookEvent::NoticeApproved, HookEvent::NoticeReleased]).await;
    let second = app.release(&maintenance("all = true")).await;
    assert_eq!(facts(&app).await, 2, "approved without a second person, and released");
    app.call().await;
    assert_eq!(
        (types(&one), types(&other)),
        (vec!["notice.released".to_owned()], vec!["notice.approved".to_owned(), "notice.released".to_owned()])
    );
    assert_eq!(one.bodies()[0]["data"]["id"], json!(second), "and not {first}");
    // A disabled one wants nothing.
    app.app.webhooks.disable(&alice(), id).await.unwrap();
    app.release(&maintenance("all = true")).await;
    app.call().await;
    assert_eq!((one.count(), other.count()), (1, 4));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_committed_is_not_sent(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &all()).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.call().await;
    let before = receiver.count();
    let mut tx = app.app.context.store.write().await.unwrap();
    let sql = "UPDATE deliveries SET state = 'cancelled', changed_at = 7 WHERE notice_id = $1";
    sqlx::query(sql).bind(id.to_string()).execute(&mut *tx).await.unwrap();
    let noted: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM webhook_facts").fetch_one(&mut *tx).await.unwrap();
    assert!(noted > 0);
    drop(tx);
    assert_eq!(facts(&app).await, 0);
    assert!(!app.call().await);
    assert_eq!(receiver.count(), before);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_of_a_breach_before_its_release(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &all()).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let draft = app.draft(&breach("2026-11-24T08:00:00Z"), "account_id\n");
    let id = notices.create(&draft, &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    app.call().await;
    notices.approve(id, &bo(), None).await.unwrap();
    app.call().await;
    assert_eq!(receiver.count(), 0);
    notices.release(id, &alice(), besked::notices::Release::default(), &|_| {}).await.unwrap();
    app.call().await;
    assert_eq!(types(&receiver), ["notice.released"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_deadlines_are_sent(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.import(CUSTOMERS).await;
    app.hook(&receiver.url(), &[HookEvent::TaskOpened, HookEvent::TaskDone, HookEvent::CoverageOverdue]).await;
    app.relay.add(on(Step::Rcpt).reply(LATER));
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let task = app.tasks(true).await.remove(0);
    let opened = json!({
        "id": task.id, "kind": "not_informed", "state": "open", "notice": id, "account_id": "C3", "delivery": null,
        "opened_at": task.opened_at, "deadline": "2026-11-27T08:00:00Z", "done_at": null
    });
    assert_eq!(said(&receiver, HookEvent::TaskOpened), [opened]);
    app.app.tasks.done(&alice(), task.id, "called them at a@x.example").await.unwrap();
    app.call().await;
    let done = said(&receiver, HookEvent::TaskDone);
    assert_eq!((done.len(), &done[0]["id"], &done[0]["state"]), (1, &json!(task.id), &json!("done")));
    assert_eq!(done[0]["done_at"], json!(app.app.context.clock.now()));
    app.advance(71 * HOUR);
    app.run_until_idle().await;
    let overdue = said(&receiver, HookEvent::CoverageOverdue);
    let wanted =
        json!({ "notice": id, "category": "security_breach", "overdue": 3, "deadline": "2026-11-27T08:00:00Z" });
    assert_eq!(overdue, [wanted]);
    app.advance(HOUR);
    app.run_until_idle().await;
    assert_eq!(said(&receiver, HookEvent::CoverageOverdue).len(), 1, "there are no more than before");
    assert!(receiver.requests().iter().all(|request| !request.body.contains('@')));
}

/// Publishes the state of a relay at a node, as its heartbeat does.
async fn publish(app: &TestApp, node: &str, relay: &str, state: &str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    let id = node.to_owned();
    let node = Node { id: id.clone(), name: id.clone(), version: "1".to_owned(), started_at: None, seen_at: None };
    nodes::beat(&mut tx, &node, app.app.context.clock.now()).await.unwrap();
    let state = json!({ "state": state }).to_string();
    nodes::publish(&mut tx, &[RelayState { node_id: id, relay: relay.to_owned(), state }]).await.unwrap();
    tx.commit().await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_relay_is_down_when_no_node_can_use_it(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::RelayDown, HookEvent::RelayUp]).await;
    publish(&app, "n1", "primary", "closed").await;
    publish(&app, "n2", "primary", "open").await;
    assert!(!app.call().await, "one of them can");
    publish(&app, "n1", "primary", "open").await;
    publish(&app, "n1", "second", "closed").await;
    app.call().await;
    assert_eq!(said(&receiver, HookEvent::RelayDown), [json!({ "relay": "primary" })]);
    for state in ["half_open", "open"] {
        publish(&app, "n1", "primary", state).await;
        assert!(!app.call().await, "{state}: that is known, and a probe is no use yet");
    }
    publish(&app, "n2", "primary", "closed").await;
    app.call().await;
    assert_eq!(said(&receiver, HookEvent::RelayUp), [json!({ "relay": "primary" })]);
    assert_eq!(receiver.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dispatcher_reports_that_its_relay_is_down() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    let app = app.configured(|config| config.relays[0].url = "smtp://127.0.0.1:1?tls=none".parse().unwrap()).await;
    app.hook(&receiver.url(), &[HookEvent::RelayDown]).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let (dispatcher, _lock) = app.app.dispatcher(None).unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    let run = dispatcher.run(stop.clone(), None);
    let ends = async {
        receiver.asked(1).await;
        stop.cancel();
    };
    tokio::join!(run, ends).0.unwrap();
    assert_eq!(said(&receiver, HookEvent::RelayDown)[0]["relay"], app.app.context.config.relays[0].name.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ledger_that_stops_is_reported_once() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    app.import(CUSTOMERS).await;
    app.run_until_idle().await;
    let (app, yesterday) = app.copy().await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let app = app.put_back(yesterday).await;
    for _ in 0..2 {
        assert!(matches!(app.app.ledger.seal().await.unwrap(), Sealed::Stopped(_)));
        app.call().await;
    }
    assert_eq!(said(&receiver, HookEvent::LedgerStopped), [json!({ "ledger": "example.com/besked" })]);
}
