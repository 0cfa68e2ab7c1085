//! Calls that fail: when they are repeated, when that ends, and what an admin learns of it.

use std::collections::BTreeSet;
use std::time::Duration;

use besked::domain::task::TaskKind;
use besked::domain::webhook::{Disabled, HookEvent};
use besked::webhooks::{Change, Names};
use rstest::rstest;

use super::receiver::{Act, Receiver};
use super::{app, said};
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::escalation::HOUR;

const SECOND: Duration = Duration::from_secs(1);

const DAY: Duration = Duration::from_secs(86_400);

/// What the log says of the attempts: number, status and problem, the oldest first.
async fn log(app: &TestApp, id: uuid::Uuid) -> Vec<(u32, Option<u16>, Option<String>)> {
    let attempts = app.hook_shown(id).await.attempts.into_iter().rev();
    attempts.map(|it| (it.attempt, it.status, it.problem)).collect()
}

/// Calls every hour for so long.
async fn wait(app: &TestApp, hours: u32) {
    for _ in 0..hours {
        app.advance(HOUR);
        app.call().await;
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_fails_is_repeated_until_it_succeeds(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.then([Act::Status(500), Act::Close, Act::Status(404)]);
    app.something_happens().await;
    assert!(app.call().await && !app.call().await, "it waits");
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.queued), ("failing", 1));
    app.advance(3 * SECOND);
    assert!(!app.call().await, "its wait is 5 s with a fifth of jitter");
    app.advance(4 * SECOND);
    assert!(app.call().await);
    app.advance(40 * SECOND);
    assert!(!app.call().await, "its second wait is a minute");
    app.advance(40 * SECOND);
    assert!(app.call().await);
    app.advance(7 * 60 * SECOND);
    assert!(app.call().await);
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.queued, shown.failing_since), ("active", 0, None));
    let log = log(&app, id).await;
    assert_eq!(
        log.iter().map(|it| (it.0, it.1)).collect::<Vec<_>>(),
        [(1, Some(500)), (2, None), (3, Some(404)), (4, Some(204))]
    );
    assert!(
        log[0].2.as_ref().unwrap().contains("it answered 500") && log[1].2.is_some() && log[3].2.is_none(),
        "{log:?}"
    );
    // The same call, each time: only time and signature differ.
    let requests = receiver.requests();
    let same: BTreeSet<_> = requests.iter().map(|it| (it.header("webhook-id").unwrap(), it.body.clone())).collect();
    let times: BTreeSet<_> = requests.iter().map(|it| it.header("webhook-timestamp").unwrap()).collect();
    assert_eq!((requests.len(), same.len(), times.len()), (4, 1, 4));
}

#[rstest]
#[case("200 OK", true)]
#[case("202 Accepted", true)]
#[case("204 No Content", true)]
#[case("301 Moved Permanently\r\nlocation: http://OTHER/", false)]
#[case("302 Found\r\nlocation: http://OTHER/", false)]
#[case("307 Temporary Redirect\r\nlocation: http://OTHER/", false)]
#[case("308 Permanent Redirect\r\nlocation: http://169.254.169.254/", false)]
#[case("304 Not Modified", false)]
#[case("400 Bad Request", false)]
#[case("401 Unauthorized", false)]
#[case("429 Too Many Requests", false)]
#[case("503 Service Unavailable", false)]
#[tokio::test(flavor = "multi_thread")]
async fn only_2xx_is_success_and_no_redirect_is_followed(#[case] answer: &str, #[case] ok: bool) {
    let app = app(Engine::Sqlite).await;
    let (receiver, other) = (Receiver::start().await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    let head = answer.replace("OTHER", &other.address.to_string());
    receiver.then([Act::Bytes(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").into_bytes())]);
    app.something_happens().await;
    app.call().await;
    let log = log(&app, id).await;
    assert_eq!((log.len(), log[0].2.is_none()), (1, ok), "{log:?}");
    assert_eq!((receiver.count(), other.connections()), (1, 0));
    assert_eq!(log[0].2.as_ref().is_some_and(|it| it.contains("redirects are not followed")), answer.starts_with('3'));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_can_ask_for_more_time() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    receiver.then([Act::Bytes(b"HTTP/1.1 429 X\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n".to_vec())]);
    app.something_happens().await;
    app.call().await;
    app.advance(3599 * SECOND);
    assert!(!app.call().await);
    app.advance(SECOND);
    assert!(app.call().await);
    assert_eq!(receiver.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_its_status_however_long_it_is() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.then([Act::Endless]);
    app.something_happens().await;
    app.call().await;
    assert_eq!(log(&app, id).await, [(1, Some(200), None)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_does_not_come_in_time_is_none() {
    let app = app(Engine::Sqlite).await.calling_by(Names::System, Duration::from_millis(200));
    let receiver = Receiver::start().await;
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.then([Act::Hold]);
    app.something_happens().await;
    app.call().await;
    let log = log(&app, id).await;
    assert_eq!((log.len(), log[0].1), (1, None));
    assert!(log[0].2.as_ref().unwrap().contains("did not answer in time"), "{log:?}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn after_three_days_it_is_disabled_and_a_person_has_a_task(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("", Act::Status(500));
    app.something_happens().await;
    app.call().await;
    wait(&app, 60).await;
    app.something_happens().await;
    wait(&app, 11).await;
    assert_eq!(app.hook_shown(id).await.shown.state, "failing");
    assert!(app.tasks(true).await.is_empty());
    wait(&app, 8).await;
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.disabled_by), ("disabled", Some(Disabled::Failed)));
    // By the jitter of the waits, the first call has had its three days or has not.
    assert!((1..=2).contains(&shown.queued), "{}", shown.queued);
    let tasks = app.tasks(true).await;
    assert_eq!(tasks.iter().map(|it| it.kind).collect::<Vec<_>>(), [TaskKind::WebhookFailed]);
    for word in [id.to_string().as_str(), "have failed for three days", "it answered 500", "besked webhooks enable"] {
        assert!(tasks[0].reason.contains(word), "{word}: {}", tasks[0].reason);
    }
    let tried = receiver.count();
    assert!((15..30).contains(&tried), "{tried} calls in three days");
    app.something_happens().await;
    wait(&app, 1).await;
    assert_eq!(receiver.count(), tried, "nobody calls it");
    // What is queued and has not had its three days is sent once an admin lets it be called again; the fact closes the task.
    receiver.is_well();
    assert!(app.app.webhooks.enable(&alice(), id).await.unwrap());
    assert!(!app.app.webhooks.enable(&alice(), id).await.unwrap(), "a step may be repeated");
    assert!(app.tasks(true).await.is_empty());
    app.call().await;
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.queued), ("active", 0));
    assert!((tried + 1..=tried + 2).contains(&receiver.count()), "{} after {tried}", receiver.count());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_disabled_webhook_goes_after_three_days(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("", Act::Status(500));
    app.something_happens().await;
    app.call().await;
    assert!(app.app.webhooks.disable(&alice(), id).await.unwrap());
    assert!(!app.app.webhooks.disable(&alice(), id).await.unwrap(), "a step may be repeated");
    assert_eq!(app.hook_shown(id).await.shown.disabled_by, Some(Disabled::Operator));
    app.advance(DAY);
    app.call().await;
    assert_eq!(app.hook_shown(id).await.shown.queued, 1);
    app.advance(2 * DAY + SECOND);
    app.call().await;
    assert_eq!((app.hook_shown(id).await.shown.queued, receiver.count()), (0, 1));
    assert!(app.tasks(true).await.is_empty(), "an operator knows");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_called_no_more(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("", Act::Status(410));
    app.something_happens().await;
    app.call().await;
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.disabled_by), ("disabled", Some(Disabled::Gone)));
    assert_eq!(app.tasks(true).await.len(), 1);
    wait(&app, 3).await;
    assert_eq!(receiver.count(), 1);
    // An operator who leaves it so has done the task.
    assert!(app.app.webhooks.disable(&alice(), id).await.unwrap());
    assert!(app.tasks(true).await.is_empty());
    assert_eq!(app.hook_shown(id).await.shown.disabled_by, Some(Disabled::Operator));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_never_accepted_keeps_no_other_back(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.import(CUSTOMERS).await;
    let id = app.hook(&receiver.url(), &[HookEvent::NoticeReleased, HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("notice.released", Act::Status(400));
    app.release(&maintenance("all = true")).await;
    app.something_happens().await;
    app.call().await;
    for _ in 0..80 {
        app.something_happens().await;
        wait(&app, 1).await;
    }
    assert_eq!(said(&receiver, HookEvent::LedgerStopped).len(), 81);
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.disabled_at, shown.queued), (None, 0), "it was dropped after three days");
    let tasks = app.tasks(true).await;
    assert_eq!(tasks.len(), 1);
    assert!(
        tasks[0].reason.contains("was dropped") && tasks[0].reason.contains("notice.released"),
        "{}",
        tasks[0].reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_was_dropped_counts_no_more_for_the_next() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    app.import(CUSTOMERS).await;
    let id = app.hook(&receiver.url(), &[HookEvent::NoticeReleased, HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("notice.released", Act::Status(400));
    app.release(&maintenance("all = true")).await;
    app.call().await;
    wait(&app, 40).await;
    app.something_happens().await;
    wait(&app, 40).await;
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.queued, app.tasks(true).await.len()), ("active", 0, 1));
    receiver.then([Act::Status(500)]);
    app.advance(10 * DAY);
    app.something_happens().await;
    app.call().await;
    assert_eq!(app.hook_shown(id).await.shown.state, "failing", "long after, one failure is one failure");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn many_calls_of_a_dead_receiver_wait_together(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.always("", Act::Close);
    for _ in 0..40 {
        app.something_happens().await;
    }
    wait(&app, 5).await;
    assert!(receiver.count() < 20, "{} calls", receiver.count());
    receiver.is_well();
    let before = receiver.count();
    wait(&app, 8).await;
    assert_eq!(
        (app.hook_shown(id).await.shown.queued, receiver.count() - before),
        (0, 40),
        "one shows that it is well"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_has_the_last_hundred_attempts() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    for _ in 0..120 {
        app.something_happens().await;
    }
    app.call().await;
    assert_eq!((receiver.count(), log(&app, id).await.len()), (120, 100));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_test_calls_once_and_lets_what_waits_go_on(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    receiver.then([Act::Status(500), Act::Status(503)]);
    app.something_happens().await;
    app.call().await;
    let tested = app.app.webhooks.test(&alice(), id).await.unwrap();
    assert_eq!((tested.ok, tested.attempt.status, tested.attempt.event), (false, Some(503), HookEvent::Ping));
    assert!(!app.call().await, "a test that fails is not repeated");
    let tested = app.app.webhooks.test(&alice(), id).await.unwrap();
    assert!(tested.ok && tested.attempt.problem.is_none());
    assert_eq!(said(&receiver, HookEvent::Ping).last().unwrap()["webhook"], id.to_string());
    assert!(app.call().await, "the receiver answers again: nobody waits any longer");
    assert_eq!(app.hook_shown(id).await.shown.queued, 0);
    app.app.webhooks.disable(&alice(), id).await.unwrap();
    assert!(app.app.webhooks.test(&alice(), id).await.unwrap().ok, "before it is enabled, one may find out");
    assert_eq!(app.hook_shown(id).await.shown.state, "disabled");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn many_calls_that_are_refused_keep_another_back_for_a_minute_at_most(#[case] engine: Engine) {
    let (app, receiver) = (app(engine).await, Receiver::start().await);
    app.import(CUSTOMERS).await;
    app.hook(&receiver.url(), &[HookEvent::NoticeReleased, HookEvent::LedgerStopped]).await;
    receiver.always("ledger.stopped", Act::Status(400));
    for _ in 0..10 {
        app.something_happens().await;
    }
    app.release(&maintenance("all = true")).await;
    for _ in 0..9 {
        app.call().await;
        app.advance(7 * SECOND);
    }
    assert_eq!(said(&receiver, HookEvent::NoticeReleased).len(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_corrected_address_is_called_at_once_and_has_its_whole_time(#[case] engine: Engine) {
    let (app, wrong, right) = (app(engine).await, Receiver::start().await, Receiver::start().await);
    let id = app.hook(&wrong.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    wrong.always("", Act::Close);
    app.something_happens().await;
    app.call().await;
    wait(&app, 71).await;
    right.then([Act::Status(500)]);
    let (url, webhooks) = (right.url(), &app.app.webhooks);
    let shown = webhooks.set(&alice(), id, &Change { url: Some(&url), events: None }).await.unwrap();
    assert_eq!((shown.state, shown.failing_since), ("active", None));
    assert!(app.call().await && right.count() == 1, "what waits is due");
    app.advance(8 * HOUR);
    assert!(app.call().await);
    let shown = app.hook_shown(id).await.shown;
    assert_eq!((shown.state, shown.queued, right.count()), ("active", 0, 2));
}
