//! Escalations and tasks.

use besked::domain::category::Category;
use besked::domain::category_set::CategorySet;
use besked::domain::entry::Event;
use besked::domain::escalation::State;
use besked::domain::task::{State as TaskState, TaskKind};
use besked::store::abouts::{self, About};
use besked::store::escalations::{self, Case, Watch};
use besked::store::proof::ledger::{self, Opening};
use besked::store::sending::deliveries;
use besked::store::tasks::{self, NewTask};
use besked::store::{Conn, notices};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::Fixture;
use crate::database::Engine;

fn hours(time: Timestamp, hours: i64) -> Timestamp {
    time + SignedDuration::from_hours(hours)
}

/// Changes the state of all deliveries of a notice.
async fn all(conn: &mut Conn, notice: Uuid, state: &str) {
    let sql = "UPDATE deliveries SET state = $2 WHERE notice_id = $1";
    sqlx::query(sql).bind(notice.to_string()).bind(state).execute(conn).await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn only_watched_notices_have_events_and_each_is_taken_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    all(&mut tx, id, "rejected").await;
    assert_eq!(escalations::events(&mut tx, 9).await.unwrap(), None, "nobody watches it");
    all(&mut tx, id, "queued").await;
    escalations::watch(&mut tx, id, fixture.now).await.unwrap();
    escalations::watch(&mut tx, id, hours(fixture.now, 1)).await.unwrap();
    all(&mut tx, id, "accepted").await;
    assert_eq!(escalations::events(&mut tx, 9).await.unwrap(), None, "there is no case");
    all(&mut tx, id, "bounced").await;
    let (notice, events) = escalations::events(&mut tx, 9).await.unwrap().unwrap();
    assert_eq!((notice, events.len()), (id, 2), "the changes of a state, one for each delivery");
    assert_eq!(escalations::events(&mut tx, 1).await.unwrap().unwrap().1, events[..1]);
    let other = fixture.id();
    assert!(escalations::take(&mut tx, other, &events).await.unwrap().is_empty(), "of another notice");
    assert_eq!(escalations::take(&mut tx, id, &events).await.unwrap(), ["C1"]);
    assert!(escalations::take(&mut tx, id, &events).await.unwrap().is_empty());
    let case = Case { account_id: "C1".to_owned(), state: State::Task, since: fixture.now, due_at: None, turns: 0 };
    escalations::set(&mut tx, id, &[case]).await.unwrap();
    all(&mut tx, id, "accepted").await;
    assert_eq!(escalations::events(&mut tx, 9).await.unwrap().unwrap().1.len(), 2, "an arrival, of an open case");
    escalations::unwatch(&mut tx, id).await.unwrap();
    assert_eq!(escalations::events(&mut tx, 9).await.unwrap(), None);
    assert_eq!(escalations::watched(&mut tx, id).await.unwrap(), None);
    assert!(escalations::of_customers(&mut tx, id, &["C1"]).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn cases_are_due_at_their_time_and_end(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let case = |n: u64, due_at: Option<i64>| Case {
        account_id: format!("C{n}"),
        state: State::Addressing,
        since: fixture.now,
        due_at: due_at.map(|due| hours(fixture.now, due)),
        turns: n,
    };
    escalations::set(&mut tx, id, &[]).await.unwrap();
    escalations::set(&mut tx, id, &[case(0, Some(1)), case(1, Some(2)), case(2, None)]).await.unwrap();
    assert_eq!(escalations::due(&mut tx, fixture.now, 9).await.unwrap(), None);
    let due = escalations::due(&mut tx, hours(fixture.now, 2), 9).await.unwrap();
    assert_eq!(due, Some((id, vec!["C0".to_owned(), "C1".to_owned()])));
    assert_eq!(escalations::due(&mut tx, hours(fixture.now, 2), 1).await.unwrap().unwrap().1, ["C0"]);
    assert_eq!(escalations::escalated(&mut tx, id).await.unwrap(), 2);
    let found = escalations::of_customers(&mut tx, id, &["C1", "C2", "C9"]).await.unwrap();
    assert_eq!(found.into_values().collect::<Vec<_>>(), [case(1, Some(2)), case(2, None)]);
    escalations::set(&mut tx, id, &[Case { state: State::Task, ..case(0, None) }]).await.unwrap();
    escalations::note(&mut tx, id, "C1").await.unwrap();
    escalations::end(&mut tx, id, "C1", State::Settled).await.unwrap();
    escalations::end(&mut tx, id, "C9", State::Settled).await.unwrap();
    assert_eq!(escalations::due(&mut tx, hours(fixture.now, 2), 9).await.unwrap(), None);
    let found = escalations::of_customers(&mut tx, id, &["C0", "C1", "C9"]).await.unwrap();
    assert_eq!(found.into_values().map(|case| case.state).collect::<Vec<_>>(), [State::Task, State::Settled]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_watched_notice_is_looked_at_when_it_is_due(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    escalations::watch(&mut tx, id, fixture.now).await.unwrap();
    let first = Watch { notice_id: id, seen: None, overdue: 0 };
    assert_eq!(escalations::due_watch(&mut tx, fixture.now).await.unwrap(), Some(first));
    let seen = escalations::seen(&mut tx, id).await.unwrap();
    let looked = Watch { notice_id: id, seen: Some(seen.clone()), overdue: 3 };
    escalations::set_looked(&mut tx, &looked, None).await.unwrap();
    assert_eq!(escalations::due_watch(&mut tx, hours(fixture.now, 9)).await.unwrap(), None);
    assert_eq!(escalations::watched(&mut tx, id).await.unwrap(), Some(looked.clone()));
    assert_eq!(escalations::overdue(&mut tx).await.unwrap(), 3);
    escalations::bring_forward(&mut tx, id, hours(fixture.now, 2)).await.unwrap();
    escalations::bring_forward(&mut tx, id, hours(fixture.now, 3)).await.unwrap();
    assert_eq!(escalations::due_watch(&mut tx, hours(fixture.now, 1)).await.unwrap(), None);
    assert_eq!(escalations::due_watch(&mut tx, hours(fixture.now, 2)).await.unwrap(), Some(looked));
    all(&mut tx, id, "rejected").await;
    assert_ne!(escalations::seen(&mut tx, id).await.unwrap(), seen);
    escalations::put_off(&mut tx, id, hours(fixture.now, 5)).await.unwrap();
    assert_eq!(escalations::events(&mut tx, 9).await.unwrap(), None);
    assert_eq!(escalations::due_watch(&mut tx, hours(fixture.now, 4)).await.unwrap(), None);
    assert!(escalations::due_watch(&mut tx, hours(fixture.now, 5)).await.unwrap().is_some());
    // Whom something happened to is looked at then.
    assert_eq!(escalations::due(&mut tx, hours(fixture.now, 4), 9).await.unwrap(), None);
    let due = escalations::due(&mut tx, hours(fixture.now, 5), 9).await.unwrap().unwrap();
    assert_eq!((due.0, due.1.as_slice()), (id, ["C1".to_owned()].as_slice()));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn one_node_has_the_hold_until_it_ends_or_runs_out(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert!(escalations::hold(&mut tx, "a", fixture.now).await.unwrap());
    assert!(escalations::hold(&mut tx, "a", fixture.now).await.unwrap(), "renewed");
    assert!(!escalations::hold(&mut tx, "b", fixture.now).await.unwrap());
    escalations::let_go(&mut tx, "b").await.unwrap();
    assert!(
        escalations::is_held_by(&mut tx, "a").await.unwrap() && !escalations::is_held_by(&mut tx, "b").await.unwrap()
    );
    escalations::let_go(&mut tx, "a").await.unwrap();
    assert!(!escalations::is_held_by(&mut tx, "a").await.unwrap());
    assert!(escalations::hold(&mut tx, "b", fixture.now).await.unwrap());
    assert!(escalations::hold(&mut tx, "a", hours(fixture.now, 1)).await.unwrap(), "b was gone");
    // A node whose clock was a day ahead ended.
    assert!(escalations::hold(&mut tx, "c", hours(fixture.now, 24)).await.unwrap());
    assert!(escalations::hold(&mut tx, "a", hours(fixture.now, 2)).await.unwrap());
    assert!(!escalations::hold(&mut tx, "b", hours(fixture.now, 2)).await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_closed_notice_is_sent_again_where_recipients_were_added(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let is_listed = async |tx: &mut Conn| notices::open::list(tx).await.unwrap().iter().any(|open| open.id == id);
    sqlx::query("DELETE FROM queue").execute(&mut *tx).await.unwrap();
    assert!(notices::set_closed(&mut tx, id, fixture.now).await.unwrap());
    assert!(!is_listed(&mut tx).await);
    escalations::reopen(&mut tx, id, fixture.now).await.unwrap();
    assert!(is_listed(&mut tx).await);
    assert_eq!(notices::find(&mut tx, id).await.unwrap().unwrap().category, Category::Maintenance);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_task_is_open_once_for_its_kind_and_objects(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (notice, delivery, inbound) = (fixture.id(), fixture.id(), fixture.id());
    let new = || NewTask {
        id: fixture.id(),
        kind: TaskKind::NotInformed,
        notice_id: Some(notice),
        account_id: Some("C1"),
        delivery_id: None,
        inbound_id: None,
        reason: "nobody to address",
        at: fixture.now,
        deadline: Some(hours(fixture.now, 72)),
    };
    assert!(tasks::open(&mut tx, &new()).await.unwrap());
    assert!(!tasks::open(&mut tx, &new()).await.unwrap());
    let others = [
        NewTask { account_id: Some("C2"), ..new() },
        NewTask { kind: TaskKind::Contradiction, delivery_id: Some(delivery), ..new() },
        NewTask { kind: TaskKind::Unread, notice_id: None, account_id: None, inbound_id: Some(inbound), ..new() },
        NewTask { kind: TaskKind::Overdue, account_id: None, ..new() },
    ];
    for task in &others {
        assert!(tasks::open(&mut tx, task).await.unwrap(), "{task:?}");
        assert!(!tasks::open(&mut tx, &NewTask { id: fixture.id(), ..*task }).await.unwrap(), "{task:?}");
    }
    let list = tasks::list(&mut tx, true, None, 9, tasks::Visible::ALL).await.unwrap();
    let ids: Vec<_> = list.iter().map(|task| task.id).collect();
    let abouts = abouts::of_tasks(&mut tx, &ids).await.unwrap();
    assert_eq!(abouts.len(), list.len());
    assert!(abouts.values().all(|about| *about == About::default()), "neither notice nor customer is known: {abouts:?}");
    assert!(abouts::of_tasks(&mut tx, &[]).await.unwrap().is_empty());
    assert_eq!((list.len(), list[0].kind), (5, TaskKind::Overdue), "the newest first");
    let due = tasks::next_due(&mut tx, 9, tasks::Visible::ALL).await.unwrap();
    assert_eq!((due.len(), due.iter().filter(|it| it.deadline.is_some()).count()), (5, 5));
    assert_eq!(tasks::next_due(&mut tx, 2, tasks::Visible::ALL).await.unwrap(), due[..2]);
    assert_eq!(tasks::list(&mut tx, false, Some(list[1].id), 9, tasks::Visible::ALL).await.unwrap(), list[2..]);
    assert_eq!(tasks::find(&mut tx, list[0].id).await.unwrap().as_ref(), Some(&list[0]));
    assert_eq!(tasks::last(&mut tx, TaskKind::Overdue, notice).await.unwrap().as_ref(), Some(&list[0]));
    assert_eq!(tasks::of_customer(&mut tx, "C1").await.unwrap().len(), 2);
    let of_notice = [(TaskKind::Contradiction, 1), (TaskKind::NotInformed, 2), (TaskKind::Overdue, 1)];
    assert_eq!(tasks::open_of_notice(&mut tx, notice).await.unwrap(), of_notice);
    let all = [&of_notice[..], &[(TaskKind::Unread, 1)]].concat();
    assert_eq!(tasks::open_by_kind(&mut tx).await.unwrap(), all);

    assert_eq!(tasks::close(&mut tx, TaskKind::NotInformed, notice, &["C1", "C9"], fixture.now).await.unwrap(), 1);
    assert_eq!(tasks::close(&mut tx, TaskKind::NotInformed, notice, &["C1"], fixture.now).await.unwrap(), 0);
    assert!(tasks::open(&mut tx, &new()).await.unwrap(), "another one, since none is open");
    assert_eq!(tasks::close_all(&mut tx, TaskKind::NotInformed, notice, fixture.now).await.unwrap(), 2);
    let unread = list.iter().find(|task| task.kind == TaskKind::Unread).unwrap().id;
    let note = ("alice", "wrote to a@x.example");
    assert!(tasks::done(&mut tx, unread, note, fixture.now).await.unwrap());
    assert!(!tasks::done(&mut tx, unread, note, fixture.now).await.unwrap());
    let done = tasks::find(&mut tx, unread).await.unwrap().unwrap();
    assert!(done.is_settled() && done.state == TaskState::Done && done.done_at == Some(fixture.now));
    let noted = tasks::with_mentions(&mut tx, "", 9).await.unwrap();
    assert_eq!(noted, [done]);
    assert!(tasks::with_mentions(&mut tx, &unread.to_string(), 9).await.unwrap().is_empty());
    tasks::clear_note(&mut tx, unread).await.unwrap();
    assert!(tasks::with_mentions(&mut tx, "", 9).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn tasks_about_a_delivery_are_counted_and_closed(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
    for (delivery, message) in [(one, 7), (one, 8), (two, 9)] {
        let task = NewTask {
            id: fixture.id(),
            kind: TaskKind::Contradiction,
            notice_id: Some(notice),
            account_id: Some("C1"),
            delivery_id: Some(delivery),
            inbound_id: Some(Uuid::from_u128(message)),
            reason: "look at it",
            at: fixture.now,
            deadline: None,
        };
        assert!(tasks::open(&mut tx, &task).await.unwrap());
    }
    let due = |message, deadline| NewTask {
        id: fixture.id(),
        kind: TaskKind::WeakMatch,
        notice_id: None,
        account_id: None,
        delivery_id: None,
        inbound_id: Some(Uuid::from_u128(message)),
        reason: "look at it",
        at: fixture.now,
        deadline,
    };
    for task in [due(1, None), due(2, Some(hours(fixture.now, 2))), due(3, Some(hours(fixture.now, 1)))] {
        assert!(tasks::open(&mut tx, &task).await.unwrap());
    }
    let first = tasks::next_due(&mut tx, 2, tasks::Visible::ALL).await.unwrap();
    let first: Vec<_> = first.iter().map(|it| it.inbound_id.unwrap().as_u128()).collect();
    assert_eq!(first, [3, 2], "the next deadline first, however new the task");
    let unseen = tasks::Visible { categories: CategorySet::NONE, sealed: true };
    let about_nothing = tasks::next_due(&mut tx, 9, unseen).await.unwrap();
    assert_eq!((about_nothing.len(), tasks::next_due(&mut tx, 9, tasks::Visible::ALL).await.unwrap().len()), (3, 6));
    let kind = TaskKind::Contradiction;
    assert_eq!(tasks::open_about(&mut tx, kind, (notice, "C1", one)).await.unwrap(), 2);
    assert_eq!(tasks::open_about(&mut tx, TaskKind::WeakMatch, (notice, "C1", one)).await.unwrap(), 0);
    assert_eq!(tasks::close_about(&mut tx, kind, (notice, "C1", one), fixture.now).await.unwrap(), 2);
    assert_eq!(tasks::close_about(&mut tx, kind, (notice, "C2", two), fixture.now).await.unwrap(), 0);
    assert_eq!(tasks::open_about(&mut tx, kind, (notice, "C1", one)).await.unwrap(), 0);
    assert_eq!(tasks::open_about(&mut tx, kind, (notice, "C1", two)).await.unwrap(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_last_time_that_a_delivery_was_sent_again_is_found(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let delivery = deliveries::of_notice(&mut tx, notice, 0, 1).await.unwrap()[0].id;
    assert_eq!(ledger::last_resent(&mut tx, delivery).await.unwrap(), None);
    for (event, hour) in [(Event::Resent, 1), (Event::Resent, 3), (Event::Accepted, 4)] {
        let at = hours(fixture.now, hour);
        let entry = fixture.entry(event);
        let opening = Opening::of_delivery(&entry, notice, delivery, at);
        ledger::append(&mut tx, &[opening]).await.unwrap();
    }
    assert_eq!(ledger::last_resent(&mut tx, delivery).await.unwrap(), Some(hours(fixture.now, 3)));
}
