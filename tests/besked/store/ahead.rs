//! What matters have ahead: reminders, promises, and notices at the same time.

use std::time::Duration;

use besked::domain::promise::{PromiseKind, State as PromiseState};
use besked::domain::reminder::{Before, State};
use besked::store::notices::reminders::Reminder;
use besked::store::notices::series::{Next, Series};
use besked::store::notices::{self, nearby, reminders, series};
use besked::store::promises::Promise;
use besked::store::sending::waiting;
use besked::store::{promises, tasks};
use jiff::SignedDuration;
use rstest::rstest;

use super::Fixture;
use crate::database::Engine;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_reminder_is_made_once_and_looked_at_when_its_window_begins(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let (window_start, before) = (fixture.now + HOUR * 2, Before(Duration::from_secs(3600)));
    let reminder = Reminder {
        matter_id: notice,
        window_start,
        before,
        notice_id: notice,
        state: State::Planned,
        reminder_id: None,
    };
    reminders::plan(&mut tx, &reminder).await.unwrap();
    assert_eq!(reminders::due(&mut tx, fixture.now, 9).await.unwrap(), []);
    assert_eq!(reminders::due(&mut tx, fixture.now + HOUR, 9).await.unwrap(), [reminder]);
    assert_eq!(reminders::planned(&mut tx, notice).await.unwrap(), [reminder]);
    assert_eq!(reminders::drop_planned(&mut tx, notice).await.unwrap(), 1);
    assert_eq!(reminders::due(&mut tx, fixture.now + HOUR, 9).await.unwrap(), []);
    reminders::plan(&mut tx, &reminder).await.unwrap();
    let other = fixture.id();
    assert!(reminders::set_state(&mut tx, &reminder, State::Made, Some(other)).await.unwrap());
    assert!(!reminders::set_state(&mut tx, &reminder, State::Made, Some(fixture.id())).await.unwrap(), "once");
    let made = Reminder { state: State::Made, reminder_id: Some(other), ..reminder };
    assert_eq!(reminders::of_notice(&mut tx, other).await.unwrap(), Some(made));
    assert_eq!(reminders::under_way(&mut tx, notice, None).await.unwrap(), [other]);
    assert!(reminders::under_way(&mut tx, notice, Some(window_start)).await.unwrap().is_empty());
    reminders::plan(&mut tx, &reminder).await.unwrap();
    assert_eq!(reminders::due(&mut tx, fixture.now + HOUR, 9).await.unwrap(), [], "not a second time");
    assert_eq!(reminders::due(&mut tx, window_start, 9).await.unwrap(), [made]);
    assert!(reminders::set_state(&mut tx, &made, State::Done, None).await.unwrap());
    assert_eq!(reminders::due(&mut tx, window_start, 9).await.unwrap(), []);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_promise_is_looked_at_twice_and_ends_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let (kind, due_at) = (PromiseKind::Update, fixture.now + HOUR * 2);
    let promise = Promise { matter_id: notice, kind, due_at, notice_id: notice, state: PromiseState::Open };
    promises::make(&mut tx, &promise, fixture.now + HOUR).await.unwrap();
    assert_eq!(promises::due(&mut tx, fixture.now).await.unwrap(), None);
    assert_eq!(promises::ahead(&mut tx, 9).await.unwrap(), [promise], "whenever it is looked at");
    assert_eq!(promises::due(&mut tx, fixture.now + HOUR).await.unwrap(), Some(promise));
    assert!(promises::set_state(&mut tx, &promise, PromiseState::Open, Some(due_at)).await.unwrap());
    assert_eq!(promises::due(&mut tx, fixture.now + HOUR).await.unwrap(), None);
    assert!(promises::set_state(&mut tx, &promise, PromiseState::Overdue, None).await.unwrap());
    assert!(!promises::set_state(&mut tx, &promise, PromiseState::Kept, None).await.unwrap(), "it was read before");
    assert_eq!(promises::overdue(&mut tx).await.unwrap(), 1);
    promises::make(&mut tx, &promise, fixture.now).await.unwrap();
    let overdue = Promise { state: PromiseState::Overdue, ..promise };
    assert_eq!(promises::of_matter(&mut tx, notice).await.unwrap(), [overdue], "the same promise again");
    assert_eq!(promises::of_matters(&mut tx, &[notice, fixture.id()]).await.unwrap(), [overdue]);
    assert_eq!(promises::ahead(&mut tx, 9).await.unwrap(), [overdue], "customers still wait");
    assert!(promises::keep(&mut tx, &promise).await.unwrap(), "it was read before its time came");
    assert!(!promises::keep(&mut tx, &promise).await.unwrap());
    assert!(promises::ahead(&mut tx, 9).await.unwrap().is_empty());
    promises::make(&mut tx, &promise, fixture.now).await.unwrap();
    promises::put_off(&mut tx, &promise, due_at).await.unwrap();
    assert_eq!(promises::due(&mut tx, fixture.now + HOUR).await.unwrap(), None);
    assert_eq!(promises::due(&mut tx, due_at).await.unwrap(), Some(promise));
    let other = Promise { kind: PromiseKind::Stage, ..promise };
    promises::make(&mut tx, &other, due_at).await.unwrap();
    promises::remove(&mut tx, &other).await.unwrap();
    assert_eq!(promises::of_matter(&mut tx, notice).await.unwrap(), [promise]);
    assert!(promises::set_state(&mut tx, &promise, PromiseState::Overdue, None).await.unwrap());
    promises::settle(&mut tx, notice, notice, due_at).await.unwrap();
    assert_eq!(promises::overdue(&mut tx).await.unwrap(), 0);
    let closed =
        tasks::close_due(&mut tx, besked::domain::task::TaskKind::Promise, (notice, due_at), fixture.now).await;
    assert_eq!(closed.unwrap(), 0, "it had no task");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_series_has_one_notice_for_each_window(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (first, second) = (fixture.id(), fixture.id());
    let next = |hours: i32| Next::before(fixture.now + HOUR * hours, Duration::from_secs(3600));
    let begun = Series { id: first, notice_id: first, next: Some(next(2)) };
    assert!(series::begin(&mut tx, &begun, fixture.now).await.unwrap());
    assert!(!series::begin(&mut tx, &begun, fixture.now).await.unwrap());
    assert_eq!(series::due(&mut tx, fixture.now, 9).await.unwrap(), []);
    assert_eq!(series::due(&mut tx, fixture.now + HOUR, 9).await.unwrap(), [begun]);
    series::lock(&mut tx, first).await.unwrap();
    assert!(series::advance(&mut tx, &begun, first, Some(next(4))).await.unwrap());
    assert!(!series::advance(&mut tx, &begun, first, Some(next(4))).await.unwrap(), "it was moved on");
    series::add(&mut tx, first, second, fixture.now + HOUR * 2).await.unwrap();
    assert_eq!(series::last_start(&mut tx, first).await.unwrap(), Some(fixture.now + HOUR * 2));
    let moved = Series { next: Some(next(4)), ..begun };
    for notice in [first, second] {
        assert_eq!(series::of_notice(&mut tx, notice).await.unwrap(), Some(moved));
    }
    assert_eq!(series::of_notice(&mut tx, fixture.id()).await.unwrap(), None);
    assert_eq!(series::of_notices(&mut tx, &[second, fixture.id()]).await.unwrap(), [(second, moved)].into());
    assert!(series::end(&mut tx, first).await.unwrap());
    assert!(!series::end(&mut tx, first).await.unwrap());
    assert_eq!(series::of_notice(&mut tx, second).await.unwrap(), Some(Series { next: None, ..begun }));
    let twice = series::add(&mut tx, first, fixture.id(), fixture.now + HOUR * 2).await;
    assert!(twice.is_err(), "a window has one notice");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn notices_nearby_are_found_by_time_and_customer(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let recent = nearby::released_since(&mut tx, fixture.now, None, 9).await.unwrap();
    assert_eq!(recent.iter().map(|it| it.id).collect::<Vec<_>>(), [notice]);
    assert!(nearby::released_since(&mut tx, fixture.now, Some(notice), 9).await.unwrap().is_empty());
    assert!(nearby::released_since(&mut tx, fixture.now + HOUR, None, 9).await.unwrap().is_empty());
    let window = (fixture.now, fixture.now + HOUR);
    assert!(nearby::windows(&mut tx, window, None, 9).await.unwrap().is_empty());
    let later = fixture.now + HOUR;
    notices::set_send_at(&mut tx, notice, besked::domain::notice::State::Released, Some(later)).await.unwrap();
    assert_eq!(notices::find(&mut tx, notice).await.unwrap().unwrap().send_at, Some(later));
    assert_eq!(waiting::scheduled(&mut tx, notice, fixture.now).await.unwrap(), (0, None));
    let shared = nearby::addressed(&mut tx, &["nobody"], &[notice]).await.unwrap();
    assert!(shared.is_empty());
}
