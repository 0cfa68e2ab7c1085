//! Who speaks for a matter, and to whom: a reminder and a notice that nobody got say nothing, and all that follows goes to all customers of
//! the matter.

use std::time::Duration;

use besked::coverage::About;
use besked::domain::delivery::State;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::page::PageRequest;
use besked::domain::promise::State as PromiseState;
use besked::domain::task::TaskKind;
use besked::notices::{NoticeError, Release};
use rstest::rstest;
use uuid::Uuid;

use super::course::soon;
use crate::app::{CUSTOMERS, TestApp, alice};
use crate::audit::audit;
use crate::database::Engine;
use crate::relay::Act;

const FIRST: &str = "teknik@ett.example";
const SECOND: &str = "hello@two.example";

/// The maintenance for one customer, and what follows a notice with an audience of its own.
fn to(account: &str, follows: Option<Uuid>) -> String {
    let follows = follows.map(|id| format!("follows = \"{id}\"\n")).unwrap_or_default();
    soon("[\"-24h\"]")
        .replace("[audience]\nall = true\n", &format!("{follows}[audience]\ncustomers = [\"{account}\"]\n"))
}

/// A follow-up whose window is a day later.
fn later(text: &str) -> String {
    text.replace("\nwindow_start = 2026-11-27", "\nwindow_start = 2026-11-28")
        .replace("\nwindow_end = 2026-11-28", "\nwindow_end = 2026-11-29")
}

impl TestApp {
    async fn next(&self, word: &str) -> String {
        self.app.notices.follow_up(&alice(), "CHG-1", Some(word)).await.unwrap()
    }

    /// The phase of each open matter.
    async fn open(&self) -> Vec<Option<String>> {
        let page = PageRequest { after: None, limit: 9 };
        let open = self.app.notices.matters(&alice(), true, &page).await.unwrap().items;
        assert!(open.iter().all(|matter| matter.open));
        open.into_iter().map(|matter| matter.phase).collect()
    }

    /// What a notice and its matter plan: how many reminders, and each promise.
    async fn ahead(&self, id: Uuid) -> (usize, Vec<PromiseState>) {
        let planned = self.app.coverage.status(&alice(), &id.to_string()).await.unwrap().planned;
        (planned.reminders.len(), planned.promises.iter().map(|it| it.state).collect())
    }

    async fn by_hand(&self, statements: &[&'static str]) {
        let mut tx = self.app.context.store.write().await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut *tx).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    fn got(&self) -> (usize, usize) {
        (self.relay.to(FIRST).len(), self.relay.to(SECOND).len())
    }

    async fn idle_at(&self, time: &str) {
        self.advance_to(time);
        self.run_until_idle().await;
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_was_forgotten_and_told_later_and_all_others_hear_of_what_follows(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&to("C1", None)).await;
    app.run_until_idle().await;
    app.release(&to("C2", Some(first))).await;
    app.run_until_idle().await;
    // Another one that follows the first as well: the matter has a branch.
    app.import("account_id,customer_name,email,role\nC4,Four KK,ops@four.example,technical\n").await;
    app.release(&to("C4", Some(first))).await;
    app.run_until_idle().await;
    assert_eq!((app.got(), app.relay.to("ops@four.example").len()), ((1, 1), 1));
    let opening = String::from_utf8_lossy(&app.relay.to(SECOND)[0].data).replace("=\r\n", "");
    assert!(!opening.contains("Reminder"), "it is the first that this customer hears: {opening}");
    app.idle_at("2026-11-26T21:00:00Z").await;
    assert_eq!(app.got(), (2, 2), "both are reminded");
    let reminded = String::from_utf8_lossy(&app.relay.to(SECOND)[1].data).replace("=\r\n", "");
    assert!(reminded.contains("Reminder"), "{reminded}");

    let text = later(&app.next("rescheduled").await);
    assert!(!text.contains("[audience]"), "{text}");
    app.release(&text).await;
    app.run_until_idle().await;
    assert_eq!(app.got(), (3, 3));
    let started = app.release(&app.next("started").await).await;
    app.run_until_idle().await;
    assert_eq!((app.got(), app.relay.to("ops@four.example").len()), ((4, 4), 4));
    assert_eq!(app.notice(started).await.customers, 3, "each once");
    audit(&app).await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_move_supersedes_all_announcements_that_are_still_sent(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on(&format!(". {FIRST}"), 1, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&to("C1", None)).await;
    app.run_until_idle().await;
    app.release(&to("C2", Some(first))).await;
    app.run_until_idle().await;
    assert_eq!(app.got(), (0, 1));
    app.release(&later(&app.next("rescheduled").await)).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(7200));
    app.run_until_idle().await;
    assert_eq!(app.got(), (1, 2), "the new date alone");
    assert_eq!(app.counts(first).await, [(State::Cancelled, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_to_fewer_customers_than_the_matter_has_is_warned_of(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&soon("[]")).await;
    app.run_until_idle().await;
    let warned =
        async |text: &str| app.app.notices.check(&alice(), &app.draft(text, "")).await.unwrap().warnings.to_string();
    let moved = later(&app.next("rescheduled").await);
    let fewer = moved.replace("[fields]", "[audience]\ncustomers = [\"C2\"]\n[fields]");
    let text = warned(&fewer).await;
    assert!(text.contains(&format!("has 1 customer, and 3 have the notice {first} of the same matter")), "{text}");
    assert!(!warned(&moved).await.contains("of the same matter"));
    assert!(!warned(&to("C2", Some(first))).await.contains("of the same matter"), "one that was forgotten");
    // It says from when the window is moved.
    assert!(!warned(&moved).await.contains("previous_start"));
    let wrong = moved.replace("previous_start = 2026-11-27T22", "previous_start = 2026-11-27T21");
    let text = warned(&wrong).await;
    assert!(text.contains("`fields.previous_start`: is the window from 2026-11-27 20:00:00 UTC"), "{text}");
    // The subject is made of services and reference.
    let text = warned(&moved.replace("reference = \"CHG-1\"\n", "")).await;
    assert!(text.contains("`subject`: is another than that of the notice that it follows"), "{text}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_is_cut_off_does_not_end_the_matter(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[\"-1h\"]")).await;
    app.run_until_idle().await;
    app.relay.on(&format!("RCPT TO:<{SECOND}>"), 9, Act::Reply("450 4.2.0 later\r\n"));
    app.idle_at("2026-11-27T20:00:00Z").await;
    app.idle_at("2026-11-27T21:00:00Z").await;
    assert_eq!(app.got(), (2, 1));
    assert_eq!(app.open().await, [Some("announced".to_owned())], "the work begins");
    let about = About::Reference("CHG-1".to_owned());
    let last = app.app.coverage.informed(&alice(), "C2", &about).await.unwrap().last.unwrap();
    assert!(last.newer.is_none(), "nothing that counts is missing: {last:?}");
}

#[rstest]
#[case("cancelled", Engine::Sqlite)]
#[case("cancelled", Engine::Postgres)]
#[case("completed", Engine::Sqlite)]
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_that_nobody_got_is_as_if_it_had_not_been(#[case] word: &str, #[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&soon("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    let wrong = app.release(&app.next(word).await).await;
    assert_eq!((app.open().await.len(), app.ahead(first).await), (0, (0, vec![PromiseState::Kept])));
    app.app.notices.cancel(wrong, &alice(), Some("the wrong reference")).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.got(), (1, 1));
    assert_eq!(app.open().await, [Some("announced".to_owned())]);
    assert_eq!(app.ahead(first).await, (2, vec![PromiseState::Open]));
    app.idle_at("2026-11-26T21:00:00Z").await;
    assert_eq!(app.got(), (2, 2), "reminded");
    app.idle_at("2026-11-28T01:00:00Z").await;
    assert_eq!(app.ahead(first).await, (0, vec![PromiseState::Overdue]));
    app.release(&app.next("started").await).await;
    app.run_until_idle().await;
    assert_eq!(app.got(), (3, 3), "the start; the time of the other reminder was missed");
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_that_was_due_while_a_wrong_notice_spoke_is_made_late_but_not_too_late(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[\"-24h\", \"-1h\"]")).await;
    app.run_until_idle().await;
    for (released, cancelled, mails) in
        [("2026-11-26T20:55:00Z", "2026-11-26T21:10:00Z", 2), ("2026-11-27T19:55:00Z", "2026-11-27T20:40:00Z", 2)]
    {
        app.advance_to(released);
        let wrong = app.release(&app.next("cancelled").await).await;
        app.advance_to(cancelled);
        app.app.notices.cancel(wrong, &alice(), Some("the wrong reference")).await.unwrap();
        app.run_until_idle().await;
        assert_eq!(app.got(), (mails, mails), "{cancelled}");
    }
}

/// On PostgreSQL a worker may take a delivery while a cancellation does not see it yet, and the notice counts as unsent.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_a_worker_took_at_the_moment_of_a_cancellation_counts_once_it_is_closed(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on(&format!(". {SECOND}"), 9, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&soon("[\"-24h\"]")).await;
    app.run_until_idle().await;
    // A lease keeps it from being closed at once.
    app.by_hand(&["UPDATE queue SET lease_owner = 'gone', lease_until = 0"]).await;
    app.app.notices.cancel(first, &alice(), None).await.unwrap();
    app.by_hand(&["UPDATE notices SET speaks = 0", "DELETE FROM open_matters", "DELETE FROM promises"]).await;
    app.run_until_idle().await;
    assert_eq!(app.got(), (1, 0));
    assert_eq!(app.open().await, [Some("announced".to_owned())]);
    assert_eq!(app.ahead(first).await, (0, vec![PromiseState::Open]));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_that_nobody_got_promises_nothing_and_one_that_some_got_does(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let stopped = app.release(&soon("[\"-24h\"]")).await;
    assert_eq!(app.ahead(stopped).await, (1, vec![PromiseState::Open]));
    app.app.notices.cancel(stopped, &alice(), None).await.unwrap();
    assert_eq!((app.ahead(stopped).await, app.open().await.len()), ((0, vec![]), 0));

    app.relay.on(&format!(". {SECOND}"), 9, Act::Reply("451 4.3.0 try later\r\n"));
    let half = app.release(&soon("[\"-24h\"]").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    app.app.notices.cancel(half, &alice(), None).await.unwrap();
    app.run_until_idle().await;
    assert_eq!((app.ahead(half).await, app.open().await.len()), ((0, vec![PromiseState::Open]), 1));
    app.idle_at("2026-11-28T01:00:00Z").await;
    let page = PageRequest { after: None, limit: 9 };
    let tasks = app.app.tasks.list(&alice(), true, &page).await.unwrap().items;
    let task = tasks.iter().find(|task| task.kind == TaskKind::Promise).unwrap();
    assert_eq!(task.notice_id, Some(half));
    assert!(task.reason.ends_with("the notice was cancelled after some customers had got it"), "{}", task.reason);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_that_is_refused_stops_nothing(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let customers = |circuit: &str| format!("{},attr.circuit\n{}", CUSTOMERS.lines().next().unwrap(), rows(circuit));
    app.import(&customers("K-1")).await;
    app.relay.on(&format!(". {SECOND}"), 9, Act::Reply("451 4.3.0 try later\r\n"));
    let first = app.release(&soon("[\"-24h\"]")).await;
    app.run_until_idle().await;
    let text = app.next("cancelled").await.replace("impact = \"", "impact = \"{{ customer.attr.circuit }}: ");
    let id = app.app.notices.create(&app.draft(&text, ""), &alice()).await.unwrap();
    app.app.notices.submit(id, &alice()).await.unwrap();
    app.import(&customers("")).await;
    let refused = app.app.notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("recipients without a value"), "{refused}");
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Deferred, 1)].into());
    let (notice, steps) = app.app.notices.show(&alice(), &first.to_string()).await.unwrap();
    assert_eq!(notice.state, NoticeState::Released);
    assert!(steps.iter().all(|done| done.step != Step::Cancel));
    assert_eq!((app.ahead(first).await.0, app.open().await.len()), (1, 1));
    app.import(&customers("K-1")).await;
    match app.app.notices.release(id, &alice(), Release::default(), &|_| {}).await {
        Ok(_) | Err(NoticeError::Conflict) => {}
        Err(error) => panic!("{error}"),
    }
    app.run_until_idle().await;
    assert_eq!(app.counts(first).await, [(State::Accepted, 1), (State::Cancelled, 1)].into());
}

/// The rows of the customers with a value in a further column.
fn rows(circuit: &str) -> String {
    CUSTOMERS.lines().skip(1).map(|row| format!("{row},{circuit}\n")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_id_of_a_maintenance_is_the_reference_of_its_first_notice() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&soon("[]")).await;
    app.run_until_idle().await;
    let text = app.next("started").await;
    app.release(&text.replace("reference = \"CHG-1\"", "reference = \"TICKET-7\"")).await;
    app.run_until_idle().await;
    let mails = app.relay.to(FIRST);
    assert_eq!(mails.len(), 2);
    for mail in mails {
        let text = String::from_utf8_lossy(&mail.data).replace("=\r\n", "").replace("=3D", "=");
        assert!(text.contains("X-MAINTNOTE-MAINTENANCE-ID:CHG-1"), "{text}");
    }
}
