//! Standing notices: released once, and recipients are added as they come.

mod command;
mod escalated;

use std::collections::BTreeMap;

use besked::domain::actor::{Actor, Via};
use besked::domain::address::masked;
use besked::domain::category::Category;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::State;
use besked::domain::entry::Event;
use besked::domain::evidence::verify;
use besked::domain::notice::{Standing, State as NoticeState};
use besked::domain::operator::{OperatorKind, Role as OperatorRole};
use besked::notices::NoticeError;
use besked::notices::recipients::{Added, MOST, NewRow, Shut};
use besked::people::import::ImportOptions;
use rstest::rstest;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, address, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::{events, exported, key, python};
use crate::notices::operated;

/// Invoices of a year, to nobody yet.
pub const INVOICES: &str = "+++\ncategory = \"billing\"\nreference = \"INV-2026\"\nsubject = \"Invoice {{ row.invoice }}\"\n[audience]\n\
    open = true\n[fields]\ninvoice_number = \"{{ row.invoice }}\"\nperiod = \"2026\"\namount = \"{{ row.amount }}\"\n\
    currency = \"SEK\"\ndue_date = 2036-12-31\n+++\nDear {{ customer.name }}.\n";

/// A row of an invoice.
pub fn row(account: &str, key: &str, invoice: &str) -> NewRow {
    let values = [("invoice", invoice), ("amount", "100.00")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    NewRow { account_id: account.to_owned(), key: key.to_owned(), values: BTreeMap::from(values), ..NewRow::default() }
}

impl TestApp {
    pub async fn add(&self, id: Uuid, rows: Vec<NewRow>) -> Added {
        self.app.notices.add(id, rows, &alice()).await.unwrap()
    }
}

fn keys(added: &Added) -> Vec<(&str, &str)> {
    added.deliveries.iter().map(|it| (it.key.as_str(), it.email.as_str())).collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn recipients_are_added_as_they_come_and_it_is_proved_like_any_other(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    app.run_until_idle().await;
    let notice = app.notice(id).await;
    assert_eq!((notice.state, notice.recipients, notice.standing), (NoticeState::Released, 0, Some(Standing::Open)));
    let first = app.add(id, vec![row("C1", "a", "F-1"), row("C3", "b", "F-2")]).await;
    assert_eq!((first.accepted, first.repeated, first.problems.0.len()), (2, 0, 0));
    assert_eq!(keys(&first), [("a", "faktura@ett.example"), ("b", "ap@three.example")]);
    app.run_until_idle().await;
    assert_eq!(app.notice(id).await.state, NoticeState::Released, "it is not closed by itself");
    let second = app.add(id, vec![row("C1", "c", "F-3")]).await;
    app.run_until_idle().await;
    let subjects: Vec<_> = app.relay.received().iter().map(|it| it.header("Subject").unwrap()).collect();
    assert_eq!(subjects.len(), 3);
    assert!(["F-1", "F-2", "F-3"].iter().all(|it| subjects.iter().any(|subject| subject.contains(it))), "{subjects:?}");
    assert_eq!(app.counts(id).await, [(State::Accepted, 3)].into());
    let totals = app.coverage(id).await;
    assert_eq!((totals.customers, totals.informed), (2, 2));
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::Informed);
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::NotAddressed);

    app.app.notices.end(id, &alice(), Some("the year is over")).await.unwrap();
    app.app.notices.end(id, &alice(), None).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    let file = exported(&app, id, Some("C1")).await.unwrap();
    let evidence = verify(&file[..], &key(&app)).unwrap();
    let addressed = events(&evidence).iter().filter(|event| **event == Event::Addressed).count();
    assert_eq!(addressed, 2, "one entry for each batch");
    let (valid, text) = python(&file, &key(&app));
    assert!(valid, "{text}");
    let report = audit(&app).await;
    assert_eq!(report.problem, None);
    assert_ne!(first.deliveries[0].id, second.deliveries[0].id);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_taken_once_and_a_key_is_for_one_row(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    let first = app.add(id, vec![row("C1", "a", "F-1")]).await;
    let again = app.add(id, vec![row("C1", "a", "F-1"), row("C1", "a", "F-1"), row("C3", "b", "F-2")]).await;
    assert_eq!((again.accepted, again.repeated), (3, 2));
    assert_eq!(again.deliveries[0], first.deliveries[0]);
    let mut rows = vec![row("C1", "a", "F-9"), row("C3", "a", "F-1"), row("C3", "c", "F-3")];
    rows.iter_mut().enumerate().for_each(|(n, row)| row.pointer = Some(format!("/rows/{n}")));
    let other = app.add(id, rows).await;
    assert_eq!((other.accepted, other.problems.0.len()), (1, 2));
    assert!(
        other.problems.0.iter().all(|it| it.field == "key" && it.problem.contains("another row")),
        "{:?}",
        other.problems
    );
    // From many at once, too: each row once, whoever commits it.
    let all = (0..40).map(|n| {
        let (notices, rows) =
            (app.app.notices.clone(), vec![row("C1", &format!("k{}", n % 10), &format!("G-{}", n % 10))]);
        tokio::spawn(async move { notices.add(id, rows, &alice()).await.unwrap() })
    });
    let mut ids: BTreeMap<String, String> = BTreeMap::new();
    for added in all.collect::<Vec<_>>() {
        let added = added.await.unwrap();
        assert_eq!((added.accepted, added.deliveries.len()), (1, 1));
        let delivery = &added.deliveries[0];
        assert_eq!(ids.entry(delivery.key.clone()).or_insert_with(|| delivery.id.clone()), &delivery.id);
    }
    assert_eq!(app.notice(id).await.recipients, 13);
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 13);
    assert_eq!(audit(&app).await.problem, None);
}

/// Calls that come together share a transaction: each is judged, and recorded, by itself.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_add_is_refused_beside_those_who_may(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    let actor = |name: &str, role| {
        let via = Via::Cli { os_user: "root".to_owned() };
        Actor::operator(&name.parse().unwrap(), OperatorKind::Person, [role].into_iter().collect(), via)
    };
    let (finance, marketing) = (actor("Fia", OperatorRole::Finance), actor("Mats", OperatorRole::Marketing));
    let all = (0..20).map(|n| {
        let (notices, actor) = (app.app.notices.clone(), if n % 2 == 0 { finance.clone() } else { marketing.clone() });
        tokio::spawn(async move { notices.add(id, vec![row("C1", &format!("k{n}"), &format!("F-{n}"))], &actor).await })
    });
    for (n, added) in all.collect::<Vec<_>>().into_iter().enumerate() {
        match added.await.unwrap() {
            Ok(added) => assert_eq!((n % 2, added.accepted), (0, 1)),
            Err(error) => assert!(n % 2 == 1 && matches!(error, NoticeError::Forbidden(_)), "{error}"),
        }
    }
    assert_eq!(app.notice(id).await.recipients, 10);
    let operated = operated(&app, id).await;
    let adding = operated.iter().filter(|(_, who)| who.contains("Fia")).count();
    assert_eq!((adding, operated.iter().any(|(_, who)| who.contains("Mats"))), (10, false), "{operated:?}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn bad_rows_are_named_and_keep_out_no_good_ones(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    let mut rows = vec![row("C1", "a", "F-1"), row("C9", "b", "F-2"), row("C2", "c", "F-3"), row("C3", "d", "F-4")];
    rows[3].values.remove("amount");
    rows.extend([row("C 1", "", "F-5"), row("C1", "e\n", "F-6"), row("C1", "f", "F\u{7}"), row("C3", "g", "F-8")]);
    rows.iter_mut().enumerate().for_each(|(n, row)| row.pointer = Some(format!("/rows/{n}")));
    let added = app.add(id, rows).await;
    assert_eq!(keys(&added), [("a", "faktura@ett.example"), ("g", "ap@three.example")]);
    let mut problems: Vec<_> =
        added.problems.0.iter().map(|it| (it.pointer.clone().unwrap().to_string(), it.problem.clone())).collect();
    problems.sort();
    let places: Vec<_> = problems.iter().map(|(pointer, _)| pointer.as_str()).collect();
    let wanted = [
        "/rows/1/account_id",
        "/rows/2/account_id",
        "/rows/3",
        "/rows/4/account_id",
        "/rows/4/key",
        "/rows/5/key",
        "/rows/6/invoice",
    ];
    assert_eq!(places, wanted, "{problems:?}");
    assert!(problems[0].1.contains("no customer `C9`") && problems[1].1.contains("no contact"), "{problems:?}");
    assert!(problems[2].1.contains("row.amount"), "{problems:?}");
    assert_eq!(app.notice(id).await.recipients, 2);
    let many = (0..=MOST).map(|n| row("C1", &n.to_string(), "F")).collect();
    assert!(matches!(app.app.notices.add(id, many, &alice()).await, Err(NoticeError::TooManyRows(_))));
    // What was corrected meanwhile is added with the same key.
    app.import(&format!("{CUSTOMERS}C2,Two Ltd,ap@two.example,,billing,en,,\n")).await;
    assert_eq!(keys(&app.add(id, vec![row("C2", "c", "F-3")]).await), [("c", "ap@two.example")]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_takes_nobody_says_what_to_do(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let refused = async |id| match notices.add(id, vec![row("C1", "a", "F-1")], &alice()).await {
        Err(NoticeError::TakesNobody(why)) => why,
        other => panic!("{other:?}"),
    };
    let draft = notices.create(&app.draft(INVOICES, ""), &alice()).await.unwrap();
    assert_eq!(refused(draft).await, Shut::Unreleased(NoticeState::Draft));
    assert!(notices.end(draft, &alice(), None).await.is_err());
    let id = app.release(INVOICES).await;
    notices.pause(id, &alice(), None).await.unwrap();
    assert_eq!(refused(id).await, Shut::Paused);
    notices.resume(id, &alice(), None).await.unwrap();
    app.add(id, vec![row("C1", "a", "F-1")]).await;
    notices.end(id, &alice(), None).await.unwrap();
    assert_eq!(app.notice(id).await.state, NoticeState::Released, "one of it waits");
    assert_eq!(refused(id).await, Shut::Ended);
    app.run_until_idle().await;
    assert_eq!((app.notice(id).await.state, refused(id).await), (NoticeState::Closed, Shut::Ended));
    let id = app.release(INVOICES).await;
    app.add(id, vec![row("C1", "a", "F-1")]).await;
    notices.cancel(id, &alice(), None).await.unwrap();
    assert_eq!(refused(id).await, Shut::Cancelled);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Cancelled, 1)].into());
    let other = app.release(&maintenance("all = true")).await;
    assert!(matches!(notices.add(other, vec![row("C1", "a", "")], &alice()).await, Err(NoticeError::NotStanding)));
    assert!(matches!(notices.end(other, &alice(), None).await, Err(NoticeError::NotStanding)));
    let nobody = Uuid::nil();
    assert!(matches!(notices.add(nobody, Vec::new(), &alice()).await, Err(NoticeError::Unknown(_))));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn some_may_be_there_from_the_release_on_and_objections_hold(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(
        &CUSTOMERS.replace("C3,Three Inc,ap@three.example,Dave,billing", "C3,Three Inc,ap@three.example,Dave,service"),
    )
    .await;
    let news = NEWS.replace("all = true", "customers = [\"C1\"]\nopen = true");
    let id = app.release(&news).await;
    // Nobody knows how many will be added: a second person approves optional ones.
    assert_eq!(app.notice(id).await.approved_by.as_deref(), Some("bo"));
    app.wish("ap@three.example", Category::News, true).await;
    app.app.subjects.restrict(&alice(), &address("hello@two.example")).await.unwrap();
    let added = app.add(id, vec![row("C2", "a", ""), row("C3", "b", "")]).await;
    assert_eq!(keys(&added)[0].1, masked("hello", "two.example"));
    app.run_until_idle().await;
    let counts = app.counts(id).await;
    assert_eq!(counts, [(State::Accepted, 1), (State::OptedOut, 1), (State::Suppressed, 1)].into());
    // A person who was erased is not addressed a second time by the same key.
    app.erase("ap@three.example").await.unwrap();
    let again = app.add(id, vec![row("C3", "b", "")]).await;
    assert_eq!((again.accepted, again.repeated, again.deliveries.len()), (1, 1, 0));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_is_added_in_this_process_is_sent_at_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    let (dispatcher, _lock) = app.app.dispatcher(None).unwrap();
    let stop = CancellationToken::new();
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { dispatcher.run(stop, None).await }
    });
    app.add(id, vec![row("C1", "first", "F-0")]).await;
    app.relay.wait_for(1).await;
    let mut waits = Vec::new();
    for n in 1..=10 {
        let began = std::time::Instant::now();
        app.add(id, vec![row("C1", &n.to_string(), &format!("F-{n}"))]).await;
        app.relay.wait_for(n + 1).await;
        waits.push(began.elapsed());
    }
    waits.sort();
    println!("from the call to the relay: {waits:?}");
    stop.cancel();
    running.await.unwrap().unwrap();
    // No time is asserted: that the dispatcher is woken shows in the store, where nothing waits for a round.
    assert_eq!(app.relay.count(), 11);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_contact_that_changed_is_replaced_row_by_row(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(INVOICES).await;
    app.add(id, vec![row("C3", "a", "F-1")]).await;
    app.run_until_idle().await;
    app.add(id, vec![row("C3", "b", "F-2"), row("C3", "c", "F-3")]).await;
    let changed = CUSTOMERS.replace("ap@three.example", "new@three.example");
    app.try_import(changed.as_bytes(), ImportOptions::default()).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.relay.to("ap@three.example").len(), 1);
    let new: Vec<_> = app.relay.to("new@three.example").iter().map(|it| it.header("Subject").unwrap()).collect();
    assert_eq!(new.len(), 2, "{new:?}");
    assert!(["F-2", "F-3"].iter().all(|it| new.iter().any(|subject| subject.contains(it))), "{new:?}");
    assert_eq!(app.informed("C3", id).await.verdict, Verdict::Informed);
    assert_eq!(audit(&app).await.problem, None);
}
