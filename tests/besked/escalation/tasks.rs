//! Tasks: shown to people, closed by facts, attestations and notes.

use besked::domain::attestation::Channel;
use besked::domain::delivery::State;
use besked::domain::task::State as TaskState;
use besked::escalation::TaskError;
use rstest::rstest;
use serde_json::json;

use super::{HOUR, ONE, app, not_informed};
use crate::answers::breach;
use crate::app::{CUSTOMERS, TestApp, alice, bo, maintenance};
use crate::audit::audit;
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Relay, Script};

/// A breach of which C1 is not informed by anybody.
async fn with_task(engine: Engine) -> (TestApp, uuid::Uuid) {
    let app = app(engine).await;
    app.import(ONE).await;
    app.refuse(&["@ett"]);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()]);
    (app, id)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_attestation_closes_the_task_at_once(#[case] engine: Engine) {
    let (app, id) = with_task(engine).await;
    app.attest(id, "C1", Channel::Phone, "called").await.unwrap();
    assert_eq!(app.to_do().await, [], "without a dispatcher");
    app.advance(100 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.tasks(false).await.len(), 1, "and for good");
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_arrives_at_last_closes_the_task(#[case] engine: Engine) {
    let (app, id) = with_task(engine).await;
    app.relay.change(Script::default());
    let delivery = app.informed("C1", id).await.notices[0].deliveries[0].id;
    app.app.deliveries.resend(&alice(), &[delivery]).await.unwrap();
    assert_eq!(app.to_do().await, [not_informed()], "it waits");
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, []);
    assert_eq!(app.tasks(false).await[0].done_by, None);
    // What comes back opens another.
    app.bounce("C1", id, "sec@ett.example").await;
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, app.tasks(false).await.len()), (vec![not_informed()], 2));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_note_settles_a_customer_for_good_and_is_in_the_ledger(#[case] engine: Engine) {
    let (app, id) = with_task(engine).await;
    let task = app.tasks(true).await.pop().unwrap();
    let done = |actor, note: &'static str| {
        let app = &app;
        async move { app.app.tasks.done(&actor, task.id, note).await }
    };
    assert!(matches!(done(alice(), "two\nlines").await, Err(TaskError::Words(_))));
    let closed = done(alice(), "the contract ended, see ticket 7").await.unwrap();
    assert_eq!((closed.state, closed.done_by.as_deref()), (TaskState::Done, Some("alice")));
    assert_eq!(done(alice(), "the contract ended, see ticket 7").await.unwrap(), closed, "twice is once");
    let refused = done(bo(), "I did it").await.unwrap_err();
    assert!(matches!(refused, TaskError::Done { .. }), "{refused}");
    let unknown = app.app.tasks.done(&alice(), id, "what?").await;
    assert!(matches!(unknown, Err(TaskError::Unknown(_))));
    let operated = audit(&app).await;
    assert_eq!(operated.problem, None);
    // Nothing of that notice reopens it.
    app.relay.change(Script::default());
    let delivery = app.informed("C1", id).await.notices[0].deliveries[0].id;
    app.app.deliveries.resend(&alice(), &[delivery]).await.unwrap();
    app.run_until_idle().await;
    app.bounce("C1", id, "sec@ett.example").await;
    app.advance(100 * HOUR);
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, app.tasks(false).await.len()), (vec![], 1));
    assert_eq!(app.roles("C1", id).await.iter().filter(|(_, state)| *state == State::Bounced).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_shown_and_done_on_the_command_line() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let check = shell.run(&["notice", "check", "notice.md"]).ok().out;
    assert!(check.contains("a customer who is not informed is a task for a person"), "{check}");
    shell.write("breach.md", &breach("2026-11-24T08:00:00Z"));
    let check = shell.run(&["notice", "check", "breach.md"]).ok().out;
    assert!(check.contains("contacts for service, then technical, each 1h after the one before"), "{check}");
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes", "--wait"]).ok().json();
    let list = shell.run(&["--json", "tasks", "list", "--open"]).ok().json();
    let task = list["tasks"][0].clone();
    assert_eq!((&list["next"], list["tasks"].as_array().unwrap().len()), (&json!(null), 1));
    assert_eq!((&task["kind"], &task["state"]), (&json!("not_informed"), &json!("open")));
    assert_eq!((&task["notice"], &task["account_id"]), (&sent["id"], &json!("C3")));
    assert!(task["opened_at"].is_string() && task["deadline"].is_null() && task["reason"].is_string(), "{task}");
    let id = task["id"].as_str().unwrap();
    let shown = shell.run(&["tasks", "show", id]).ok().out;
    assert!(shown.contains("kind      not_informed") && shown.contains("account   C3"), "{shown}");
    let status = shell.run(&["--json", "notice", "status", "CHG-1"]).ok().json();
    assert_eq!(status["tasks"], json!({ "not_informed": 1 }));
    let customer = shell.run(&["--json", "customers", "show", "C3"]).ok().json();
    assert_eq!(customer["tasks"][0]["id"], task["id"]);
    assert!(shell.run(&["customers", "show", "C3"]).ok().out.contains("not_informed"));
    assert!(shell.run(&["notice", "status", "CHG-1"]).ok().out.contains("1 task for a person"));
    shell.run(&["tasks", "done", id, "--note", ""]).fails(2, &["note"]);
    shell.run(&["tasks", "done", id, "--note", "called them"]).ok();
    shell.run(&["tasks", "done", id, "--note", "again"]).fails(2, &["is done since", "by alice", "hint: "]);
    shell.run(&["tasks", "show", sent["id"].as_str().unwrap()]).fails(2, &["there is no task", "hint: "]);
    assert_eq!(shell.run(&["--json", "tasks", "list", "--open"]).ok().json()["tasks"], json!([]));
    let all = shell.run(&["--json", "tasks", "list"]).ok().json();
    assert_eq!((&all["tasks"][0]["state"], &all["tasks"][0]["note"]), (&json!("done"), &json!("called them")));
}
