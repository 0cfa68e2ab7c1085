//! Reminders: made by the dispatcher at their time, once, to the customers of the matter as they are then.

use std::time::Duration;

use besked::dispatch::Until;
use besked::domain::category::Category;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::page::PageRequest;
use besked::notices::{Filter, Kept};
use rstest::rstest;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;

/// A maintenance on Friday at 21:00 UTC, with reminders.
fn announced(reminders: &str) -> String {
    maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-11-27T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-11-28T02:00:00+01:00")
        .replace("[fields]", &format!("[schedule]\nreminders = {reminders}\n[fields]"))
}

/// What follows a notice of the maintenance, in another phase.
fn next(other: Uuid, phase: &str) -> String {
    announced("[]")
        .replace("[schedule]\nreminders = []\n", "")
        .replace("[audience]\nall = true\n", "")
        .replace("reference = \"CHG-1\"", &format!("reference = \"CHG-1\"\nfollows = \"{other}\""))
        .replace("announced", phase)
}

/// The same, a day later.
fn moved(other: Uuid) -> String {
    let (start, end) = ("2026-11-27T22:00:00+01:00", "2026-11-28T02:00:00+01:00");
    next(other, "rescheduled").replace(
        &format!("window_start = {start}\nwindow_end = {end}"),
        &format!(
            "window_start = 2026-11-28T22:00:00+01:00\nwindow_end = 2026-11-29T02:00:00+01:00\n\
             previous_start = {start}\nprevious_end = {end}"
        ),
    )
}

/// The notices that the dispatcher made, the oldest first.
async fn made(app: &TestApp) -> Vec<Kept> {
    let filter = Filter { category: Some(Category::Maintenance), ..Filter::default() };
    let page = app.app.notices.list(&alice(), &filter, &PageRequest { after: None, limit: 500 }).await.unwrap();
    page.items.into_iter().rev().filter(|notice| notice.author == "reminder").collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn customers_are_reminded_once_at_each_time_as_they_are_then(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&announced("[\"-1h\", \"-24h\"]")).await;
    app.run_until_idle().await;
    assert_eq!(app.sent(), ["hello@two.example", "teknik@ett.example"]);
    app.import(&CUSTOMERS.replace("hello@two.example", "ny@two.example")).await;
    app.advance_to("2026-11-26T20:59:59Z");
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), made(&app).await.len()), (2, 0));
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.sent(), ["hello@two.example", "ny@two.example", "teknik@ett.example", "teknik@ett.example"]);
    let app = app.restart().await;
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4);
    let reminders = made(&app).await;
    assert_eq!(reminders.len(), 1);
    assert_eq!((reminders[0].follows_id, reminders[0].state), (Some(id), NoticeState::Closed));
    let (_, steps) = app.app.notices.show(&alice(), &reminders[0].id.to_string()).await.unwrap();
    let reason = steps.iter().find(|done| done.step == Step::Create).unwrap().reason.clone().unwrap();
    assert_eq!(reason, format!("by the schedule of the notice {id}, which alice approved"));
    app.advance_to("2026-11-27T20:00:00Z");
    app.run_until_idle().await;
    app.advance_to("2026-11-28T20:00:00Z");
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), made(&app).await.len()), (6, 2));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_move_drops_the_reminders_of_the_old_window_and_plans_those_of_the_new_one(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&announced("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    app.advance_to("2026-11-27T19:30:00Z");
    app.run_until_idle().await;
    let before = app.relay.count();
    assert_eq!((before, made(&app).await.len()), (2, 0), "the one at 24 hours was missed by more than some minutes");
    app.release(&moved(first)).await;
    app.run_until_idle().await;
    app.advance_to("2026-11-27T20:00:00Z");
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), made(&app).await.len()), (4, 0));
    app.advance_to("2026-11-27T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), made(&app).await.len()), (6, 1), "24 hours before the new window");
    app.advance_to("2026-11-28T20:00:00Z");
    app.run_until_idle().await;
    assert_eq!(made(&app).await.len(), 2);
}

#[rstest]
#[case("cancelled", Engine::Sqlite)]
#[case("cancelled", Engine::Postgres)]
#[case("started", Engine::Sqlite)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_reminded_of_what_was_cancelled_or_has_started(#[case] phase: &str, #[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&announced("[\"-24h\"]")).await;
    app.run_until_idle().await;
    app.release(&next(first, phase)).await;
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!((app.relay.count(), made(&app).await.len()), (4, 0));
}

/// What is queued of a reminder is cancelled by the notice that moves the window.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_move_stops_a_reminder_that_is_being_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&announced("[\"-24h\"]")).await;
    app.run_until_idle().await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, crate::relay::Act::Reply("450 4.2.0 later\r\n"));
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 3, "one of two waits for a retry");
    app.release(&moved(first)).await;
    app.run_until_idle().await;
    let reminder = made(&app).await.remove(0);
    assert_eq!(reminder.state, NoticeState::Cancelled);
    app.advance(Duration::from_secs(7200));
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 2, "the announcement and the move");
    assert_eq!(audit(&app).await.problem, None);
}

/// A mail about a window that has begun is of no use, whatever held it up.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_of_a_reminder_when_the_window_begins_is_not_sent() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&announced("[\"-1h\"]")).await;
    app.run_until_idle().await;
    app.relay.on("RCPT TO:<hello@two.example>", 9, crate::relay::Act::Reply("450 4.2.0 later\r\n"));
    app.advance_to("2026-11-27T20:00:00Z");
    app.run_until_idle().await;
    app.advance_to("2026-11-27T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 1);
    assert_eq!(made(&app).await[0].state, NoticeState::Cancelled);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn two_dispatchers_make_a_reminder_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&announced("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    app.advance_to("2026-11-26T21:00:00Z");
    let (one, other) = (app.app.notices.clone(), app.app.notices.clone());
    let (one, other) = tokio::join!(one.remind(), other.remind());
    one.unwrap();
    other.unwrap();
    let (dispatcher, _lock) = app.app.dispatcher(None).unwrap();
    dispatcher.run(CancellationToken::new(), Some(Until::Idle(None))).await.unwrap();
    assert_eq!((app.relay.count(), made(&app).await.len()), (4, 1));
}

/// No person writes one: who approves a notice would not know that it comes without a lead time.
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_is_made_by_the_dispatcher_alone() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let text = announced("[\"-24h\"]").replace("reminders = [\"-24h\"]", "reminder = \"-24h\"");
    let refused = app.app.notices.create(&app.draft(&text, ""), &alice()).await.unwrap_err().to_string();
    assert!(refused.contains("`schedule.reminder`: is set by the dispatcher alone"), "{refused}");
}

/// Many matters cost no more than what is due of them.
#[tokio::test(flavor = "multi_thread")]
async fn hundreds_of_planned_reminders_wait_by_their_index() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    for _ in 0..200 {
        app.release(&announced("[\"-24h\", \"-2h\", \"-1h\"]").replace("all = true", "customers = [\"C2\"]")).await;
    }
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 200);
    app.advance_to("2026-11-26T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 400);
}

/// A reminder that the night holds back until the window has begun, one that comes before its announcement, and one of which no notice can
/// be made.
#[tokio::test(flavor = "multi_thread")]
async fn a_check_warns_of_reminders_that_are_not_sent_in_time() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        let rules = toml::from_str("quiet_hours = \"22:00-07:00\"\nreminders = [\"-1h\"]").unwrap();
        config.category.insert(Category::Maintenance, rules);
    })
    .await;
    app.import(CUSTOMERS).await;
    let warned = async |text: &str, rows: &str| {
        app.app.notices.check(&alice(), &app.draft(text, rows)).await.unwrap().warnings.to_string()
    };
    let night = |text: &str| {
        text.replace("2026-11-27T22:00", "2026-11-28T02:00")
            .replace("2026-11-28T02:00:00+01:00\nservices", "2026-11-28T06:00:00+01:00\nservices")
    };
    let by_default = |text: String| text.replace("[schedule]\nreminders = [\"-1h\"]\n", "");
    for text in [night(&announced("[\"-1h\"]")), by_default(night(&announced("[\"-1h\"]")))] {
        let found = warned(&text, "").await;
        let text = "the reminder `-1h` would wait for the end of the quiet hours at 2026-11-28 07:00:00 UTC";
        assert!(found.contains(text), "{found}");
    }
    assert!(!warned(&announced("[\"-24h\"]"), "").await.contains("the reminder"));
    let spread = announced("[\"-24h\"]").replace("reminders", "spread = \"60h\"\nreminders");
    let found = warned(&spread, "").await;
    assert!(found.contains("the reminder `-24h` would be sent before the last announcements"), "{found}");
    let found = warned(&spread.replace("60h", "120h"), "").await;
    assert!(found.contains("`schedule.spread`: the last mails go out at"), "{found}");

    let row = by_default(announced("[\"-1h\"]")).replace("all = true", "file = \"rows.csv\"");
    let row = row.replace("Hello from", "{{ row.a }} from");
    let found = warned(&row, "account_id,a\nC2,b\n").await;
    assert!(found.contains("`schedule.reminders`: those of the category are not sent"), "{found}");
    let id = app.try_release(&app.draft(&row, "account_id,a\nC2,b\n")).await.unwrap();
    let planned = app.app.coverage.status(&alice(), &id.to_string()).await.unwrap().planned;
    assert!(planned.reminders.is_empty(), "what cannot be made is not planned");
}
