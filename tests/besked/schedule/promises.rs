//! Promises: a person gets a task before and at the time by which customers are to hear of a matter again.

use besked::config::Config;
use besked::domain::category::Category;
use besked::domain::task::TaskKind;
use besked::escalation::Task;
use besked::store::promises;
use rstest::rstest;
use uuid::Uuid;

use super::at;
use crate::answers::breach;
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::lanes::disruption;

impl TestApp {
    /// The tasks about promises, the oldest first.
    async fn promised(&self, open: bool) -> Vec<Task> {
        let page = besked::domain::page::PageRequest { after: None, limit: 500 };
        let mut tasks = self.app.tasks.list(&alice(), open, &page).await.unwrap().items;
        tasks.reverse();
        tasks.retain(|task| task.kind == TaskKind::Promise);
        tasks
    }

    async fn overdue_promises(&self) -> u64 {
        promises::overdue(&mut self.app.context.store.read().await.unwrap()).await.unwrap()
    }

    /// Whether a task is open, and how many promises are overdue, after all that is due was done.
    async fn standing_at(&self, time: &str) -> (usize, u64) {
        self.advance_to(time);
        self.run_until_idle().await;
        (self.promised(true).await.len(), self.overdue_promises().await)
    }
}

/// An update of a disruption, with the promise of the next one.
fn update(other: Uuid, status: &str, fields: &str) -> String {
    disruption("C2")
        .replace("[audience]\ncustomers = [\"C2\"]\n", &format!("follows = \"{other}\"\n"))
        .replace("status = \"investigating\"", &format!("status = \"{status}\""))
        .replace("next_update_at = 2026-11-24T12:00:00+01:00", fields)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_does_not_come_is_a_task_and_one_that_comes_closes_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&disruption("C2")).await;
    assert_eq!(app.standing_at("2026-11-24T10:44:59Z").await, (0, 0));
    assert_eq!(app.standing_at("2026-11-24T10:45:00Z").await, (1, 0), "a quarter of an hour before");
    let task = app.promised(true).await.remove(0);
    assert_eq!((task.notice_id, task.deadline), (Some(first), Some(at("2026-11-24T11:00:00Z"))));
    let app = app.restart().await;
    assert_eq!(app.standing_at("2026-11-24T11:00:00Z").await, (1, 1));
    let second = app.release(&update(first, "identified", "next_update_at = 2026-11-24T13:00:00+01:00")).await;
    app.run_until_idle().await;
    assert_eq!((app.promised(true).await.len(), app.overdue_promises().await), (0, 0));
    assert_eq!(app.promised(false).await[0].done_by, None, "a fact closed it");
    assert_eq!(app.standing_at("2026-11-24T11:45:00Z").await, (1, 0), "the next promise");
    app.release(&update(second, "resolved", "resolved_at = 2026-11-24T12:00:00+01:00")).await;
    assert_eq!(app.standing_at("2026-11-25T11:45:00Z").await, (0, 0));
    assert_eq!(app.promised(false).await.len(), 2);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_promise_that_a_person_settled_opens_no_second_task(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&disruption("C2")).await;
    assert_eq!(app.standing_at("2026-11-24T10:45:00Z").await, (1, 0));
    let task = app.promised(true).await.remove(0);
    app.app.tasks.done(&alice(), task.id, "told by phone that it takes until noon").await.unwrap();
    assert_eq!(app.standing_at("2026-11-24T12:00:00Z").await, (0, 0));
    assert_eq!(app.promised(false).await.len(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_ends_without_word_is_a_task(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let text = maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-11-27T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-11-28T02:00:00+01:00");
    let first = app.release(&text).await;
    assert_eq!(app.standing_at("2026-11-28T00:44:00Z").await, (0, 0));
    assert_eq!(app.standing_at("2026-11-28T00:45:00Z").await, (1, 0));
    assert_eq!(app.standing_at("2026-11-28T01:00:00Z").await, (1, 1));
    let done =
        text.replace("[audience]\nall = true\n", &format!("follows = \"{first}\"\n")).replace("announced", "completed");
    app.release(&done).await;
    assert_eq!(app.standing_at("2026-11-28T02:00:00Z").await, (0, 0));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_stages_of_a_breach_are_promises_of_their_own(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&breach("2026-11-24T08:00:00Z")).await;
    assert_eq!(app.standing_at("2026-11-25T08:00:00Z").await, (0, 0), "the first notice keeps the first stage");
    assert_eq!(app.standing_at("2026-11-27T04:00:00Z").await, (1, 0), "four hours before the second");
    assert_eq!(app.standing_at("2026-11-27T08:00:00Z").await, (1, 1));
    let audience = "[audience]\nall = true\n";
    let next = |other: Uuid, stage: &str| {
        let text = breach("2026-11-24T08:00:00Z").replace(audience, &format!("follows = \"{other}\"\n"));
        text.replace("stage = \"confirmed\"", &format!("stage = \"{stage}\""))
    };
    let second = app.release(&next(first, "update")).await;
    app.run_until_idle().await;
    assert_eq!((app.promised(true).await.len(), app.overdue_promises().await), (0, 0));
    assert_eq!(app.standing_at("2026-12-24T08:00:00Z").await, (1, 1), "the final report");
    app.release(&next(second, "final")).await;
    app.run_until_idle().await;
    assert_eq!((app.promised(true).await.len(), app.overdue_promises().await), (0, 0));
}

/// Three notices within hours are no final report, and an overdue promise is still on the start page.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn quick_updates_about_a_breach_leave_the_later_stages_open(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&breach("2026-11-24T08:00:00Z")).await;
    let mut last = first;
    for hour in ["2026-11-24T13:00:00Z", "2026-11-24T16:00:00Z"] {
        app.standing_at(hour).await;
        let text =
            breach("2026-11-24T08:00:00Z").replace("[audience]\nall = true\n", &format!("follows = \"{last}\"\n"));
        last = app.release(&text.replace("stage = \"confirmed\"", "stage = \"update\"")).await;
    }
    let ahead = async || {
        let promised = app.app.notices.promised(&alice()).await.unwrap();
        promised.iter().map(|it| it.promise.due_at.to_string()).collect::<Vec<_>>()
    };
    let open = ["2026-11-27T08:00:00Z", "2026-12-24T08:00:00Z"];
    assert_eq!(ahead().await, open);
    assert_eq!(app.standing_at("2026-11-27T08:00:00Z").await, (1, 1));
    assert_eq!(ahead().await, open, "also what is overdue");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_configuration_says_of_stages_and_warnings_holds() {
    let rules = |config: &mut Config| {
        let rules = "stages = [\"1h\", \"3h\"]\npromise_warning = \"10m\"\nroles = [\"service\"]";
        config.category.insert(Category::SecurityBreach, toml::from_str(rules).unwrap());
    };
    let app = TestApp::with(Engine::Sqlite, rules).await;
    app.import(CUSTOMERS).await;
    app.release(&breach("2026-11-24T09:30:00Z")).await;
    assert_eq!(app.standing_at("2026-11-24T12:19:00Z").await, (0, 0));
    assert_eq!(app.standing_at("2026-11-24T12:20:00Z").await, (1, 0));
    assert_eq!(app.standing_at("2026-11-24T12:30:00Z").await, (1, 1));
}
