//! Persons in escalations: restricted, dead, opted out, erased, left; and the end of their retention.

use besked::domain::category::{Category, Role};
use besked::domain::delivery::State;
use besked::domain::preference::Reason;
use besked::people::import::ImportOptions;
use rstest::rstest;

use super::{HOUR, ONE, app, escalating, not_informed};
use crate::answers::breach;
use crate::app::{address, alice};
use crate::audit::audit;
use crate::database::Engine;

/// A duty to inform outweighs what stands against mail.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn suppressions_and_restrictions_do_not_keep_an_escalation_from_anybody(#[case] engine: Engine) {
    for reason in [Reason::Dead, Reason::Complaint, Reason::Manual, Reason::Restricted] {
        let app = app(engine).await;
        app.import(ONE).await;
        app.refuse(&["sec@ett"]);
        match reason {
            Reason::Restricted => {
                app.app.subjects.restrict(&alice(), &address("service@ett.example")).await.unwrap();
            }
            reason => {
                app.app.suppressions.add(&alice(), &address("service@ett.example"), reason).await.unwrap();
            }
        }
        app.wish("service@ett.example", Category::News, true).await;
        let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
        app.run_until_idle().await;
        assert_eq!(app.relay.to("service@ett.example").len(), 1, "{reason}");
        assert_eq!(app.roles("C1", id).await.len(), 2, "{reason}");
    }
}

/// The duty to inform does not end with the contract.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_left_is_addressed_at_the_contacts_that_it_had(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(ONE).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let others = "account_id,customer_name,email\nC9,Nio AB,nio@nio.example\n";
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(others.as_bytes(), replace).await.unwrap();
    app.bounce("C1", id, "sec@ett.example").await;
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await, [(Role::Security, State::Bounced), (Role::Service, State::Accepted)]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_erased_person_is_not_addressed_and_the_task_about_the_customer_stays(#[case] engine: Engine) {
    let rules = "roles = [\"security\"]\nescalate_to = [\"service\", \"technical\"]\nretention_duty = false";
    let app = escalating(engine, Category::SecurityBreach, rules).await;
    app.import(ONE).await;
    app.refuse(&["sec@ett", "service@ett"]);
    app.erase("teknik@ett.example").await.unwrap();
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    assert!(app.relay.commands().iter().all(|command| !command.contains("teknik@")));
    assert_eq!(app.to_do().await, [not_informed()]);
    app.erase("service@ett.example").await.unwrap();
    app.erase("sec@ett.example").await.unwrap();
    app.advance(100 * HOUR);
    app.run_until_idle().await;
    assert_eq!((app.to_do().await, app.roles("C1", id).await.len()), (vec![not_informed()], 2));
    // The note of the person who closes it goes with whom it mentions.
    let task = app.tasks(true).await.pop().unwrap();
    app.app.tasks.done(&alice(), task.id, "wrote to avtal@ett.example by letter").await.unwrap();
    let export = app.app.subjects.export(&alice(), &address("avtal@ett.example")).await.unwrap();
    let export = serde_json::to_string(&export.record).unwrap();
    assert!(export.contains("by letter"), "{export}");
    app.erase("avtal@ett.example").await.unwrap();
    let task = app.app.tasks.find(&alice(), task.id).await.unwrap();
    assert_eq!((task.note.as_deref(), task.done_by.as_deref()), (Some(""), Some("alice")));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn tasks_and_cases_go_with_the_record_of_their_notice(#[case] engine: Engine) {
    let rules = "roles = [\"security\"]\nretention = \"30d\"";
    let app = escalating(engine, Category::SecurityBreach, rules).await;
    app.import(ONE).await;
    app.refuse(&["@ett"]);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()]);
    app.advance(24 * 31 * HOUR);
    app.purge(false).await;
    app.run_until_idle().await;
    assert_eq!(app.tasks(false).await, []);
    let status = app.app.coverage.status(&alice(), &id.to_string()).await.unwrap();
    assert_eq!((status.escalated, status.overdue), (0, 0));
    assert!(!app.app.escalation.round().await.unwrap());
}
