//! Making sure: who must be informed and is not gets other roles addressed, and then a person gets a task.

mod kills;
mod overdue;
mod persons;
mod tasks;

use std::time::Duration;

use besked::domain::category::{Category, Role};
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Outcome, State};
use besked::domain::entry::Event;
use besked::domain::evidence::verify;
use besked::domain::notice::State as NoticeState;
use besked::domain::page::PageRequest;
use besked::domain::task::{State as TaskState, TaskKind};
use besked::escalation::Task;
use rstest::rstest;
use uuid::Uuid;

use crate::answers::breach;
use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::{events, exported, key, python};
use crate::relay::{Script, Step, on};

/// The refusal of an address for good.
pub const REFUSED: &str = "550 5.1.1 no such user\r\n";

/// The refusal of an address for now.
pub const LATER: &str = "451 4.3.0 try later\r\n";

pub const HOUR: Duration = Duration::from_secs(3600);

/// One customer with a contact of each role.
pub const ONE: &str = "account_id,customer_name,email,role\n\
    C1,Ett AB,sec@ett.example,security\n\
    C1,Ett AB,service@ett.example,service\n\
    C1,Ett AB,teknik@ett.example,technical\n\
    C1,Ett AB,avtal@ett.example,legal\n\
    C1,Ett AB,faktura@ett.example,billing\n";

/// An app in which a breach is addressed to security contacts, and escalated to service and then technical ones. It has no stages, whose
/// tasks are tested elsewhere.
pub async fn app(engine: Engine) -> TestApp {
    escalating(engine, Category::SecurityBreach, "roles = [\"security\"]\nstages = []\n").await
}

/// An app with these rules for a category.
pub async fn escalating(engine: Engine, category: Category, rules: &str) -> TestApp {
    TestApp::with(engine, |config| drop(config.category.insert(category, toml::from_str(rules).unwrap()))).await
}

impl TestApp {
    /// Refuses addresses for good.
    pub fn refuse(&self, addresses: &[&str]) {
        addresses.iter().for_each(|address| self.relay.add(on(Step::Rcpt).when(address).reply(REFUSED)));
    }

    /// All tasks but those about promises, which have tests of their own; the oldest first.
    pub async fn tasks(&self, open: bool) -> Vec<Task> {
        let page = PageRequest { after: None, limit: 500 };
        let mut tasks = self.app.tasks.list(&alice(), open, &page).await.unwrap().items;
        tasks.reverse();
        tasks.retain(|task| task.kind != TaskKind::Promise);
        tasks
    }

    /// The kind and the customer of each open task.
    pub async fn to_do(&self) -> Vec<(TaskKind, Option<String>)> {
        self.tasks(true).await.into_iter().map(|task| (task.kind, task.account_id)).collect()
    }

    /// The roles addressed at a customer, with the states of the deliveries.
    pub async fn roles(&self, account: &str, id: Uuid) -> Vec<(Role, State)> {
        let answer = self.informed(account, id).await;
        answer.notices[0].deliveries.iter().map(|it| (it.role, it.state)).collect()
    }

    /// Reports that the messages to an address came back.
    pub async fn bounce(&self, account: &str, id: Uuid, email: &str) {
        let answer = self.informed(account, id).await;
        let delivery = answer.notices[0].deliveries.iter().find(|it| it.email == email).unwrap().id;
        self.app.deliveries.report(&alice(), delivery, Outcome::Bounced, "5.1.1 no such user").await.unwrap();
    }
}

/// The open task that C1 is not informed.
pub fn not_informed() -> (TaskKind, Option<String>) {
    (TaskKind::NotInformed, Some("C1".to_owned()))
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn whose_deliveries_all_failed_gets_the_next_role_at_once_and_then_a_person_a_task(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(ONE).await;
    app.refuse(&["sec@ett", "service@ett", "teknik@ett"]);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let failed = [Role::Security, Role::Service, Role::Technical].map(|role| (role, State::Rejected));
    assert_eq!(app.roles("C1", id).await, failed, "one after the other, and never billing or legal");
    let tasks = app.tasks(true).await;
    assert_eq!(tasks.len(), 1, "{tasks:?}");
    let task = &tasks[0];
    assert_eq!((task.kind, task.notice_id, task.account_id.as_deref()), (TaskKind::NotInformed, Some(id), Some("C1")));
    assert_eq!((task.state, task.deadline), (TaskState::Open, Some("2026-11-27T08:00:00Z".parse().unwrap())));
    assert!(task.reason.contains("every delivery to the customer failed") && !task.reason.contains('@'));

    let notice = app.notice(id).await;
    assert_eq!((notice.state, notice.customers, notice.recipients), (NoticeState::Closed, 1, 3));
    let report = audit(&app).await;
    assert_eq!(
        report.problem, None,
        "recipients may be added after the closed entry, whose counts are those before it"
    );
    let file = exported(&app, id, Some("C1")).await.unwrap();
    let evidence = verify(file.as_slice(), &key(&app)).unwrap();
    let all = events(&evidence);
    let count = |event: Event| all.iter().filter(|it| **it == event).count();
    assert_eq!((count(Event::Addressed), count(Event::Closed)), (2, 1), "{all:?}");
    assert_eq!((evidence.recipients.len(), evidence.recipients_in_manifest), (3, Some(3)));
    assert!(python(&file, &key(&app)).0, "another program finds the same");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_informed_by_another_role_needs_no_person(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(ONE).await;
    app.refuse(&["sec@ett"]);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let roles = [(Role::Security, State::Rejected), (Role::Service, State::Accepted)];
    assert_eq!(app.roles("C1", id).await, roles);
    assert_eq!((app.informed("C1", id).await.verdict, app.to_do().await), (Verdict::Informed, vec![]));
    // Neither a second run nor time changes anything.
    app.advance(200 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await, roles);
    assert!(app.tasks(false).await.is_empty() && app.relay.received().len() == 1);
    let status = app.app.coverage.status(&alice(), &id.to_string()).await.unwrap();
    assert_eq!((status.escalated, status.overdue, status.tasks.len()), (1, 0, 0));
    assert_eq!(app.app.coverage.coverage(&alice(), &id.to_string()).await.unwrap().escalated, 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_has_nobody_to_address_is_a_task_at_the_release_unless_a_role_is_named_for_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [(TaskKind::NotInformed, Some("C3".to_owned()))]);
    assert!(app.relay.to("ap@three.example").is_empty(), "a billing contact is not addressed unless it is configured");

    let app = escalating(engine, Category::Maintenance, "escalate_to = [\"billing\"]").await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.relay.to("ap@three.example").len(), 1);
    assert!(app.relay.to("faktura@ett.example").is_empty(), "C1 is informed");
    assert_eq!((app.to_do().await, app.coverage(id).await.informed), (vec![], 3));
    assert_eq!(audit(&app).await.problem, None);
}

/// An outage is no reason to write to others: neither when no relay is up, nor when a server asks to be tried later.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn whose_deliveries_only_wait_is_not_addressed_elsewhere(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(ONE).await;
    app.relay.add(on(Step::Rcpt).when("sec@ett").times(3).reply(LATER));
    let id = app.release(&breach("2026-11-24T09:59:00Z")).await;
    for _ in 0..3 {
        app.run_until_idle().await;
        app.advance(2 * HOUR);
    }
    assert_eq!(app.roles("C1", id).await, [(Role::Security, State::Deferred)]);
    assert_eq!(app.to_do().await, []);
    app.relay.stop().await;
    app.run_until_idle().await;
    app.advance(12 * HOUR);
    app.run_until_idle().await;
    assert_eq!((app.roles("C1", id).await.len(), app.to_do().await), (1, vec![]));
    app.relay.restart().await;
    app.advance(HOUR);
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await, [(Role::Security, State::Accepted)]);
    assert_eq!(app.to_do().await, []);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_failed_at_one_address_and_waits_at_another_gets_each_role_for_a_while(#[case] engine: Engine) {
    let rules =
        "roles = [\"security\", \"legal\"]\nescalate_to = [\"service\", \"technical\"]\nescalate_after = \"3h\"";
    let app = escalating(engine, Category::SecurityBreach, rules).await;
    app.import(ONE).await;
    app.refuse(&["sec@ett"]);
    app.relay.add(on(Step::Rcpt).reply(LATER));
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    let mut count = Vec::new();
    for _ in 0..13 {
        app.run_until_idle().await;
        count.push((app.roles("C1", id).await.len(), app.to_do().await.len()));
        app.advance(HOUR);
    }
    let wanted =
        [(2, 0), (2, 0), (2, 0), (3, 0), (3, 0), (3, 0), (4, 0), (4, 0), (4, 0), (4, 1), (4, 1), (4, 1), (4, 1)];
    assert_eq!(count, wanted, "after three hours each: service, technical, a person");
    assert!(app.tasks(true).await[0].reason.contains("not informed in time"));
    // What waits goes on to be tried, and closes the task by the fact.
    app.relay.change(Script::default());
    app.advance(3 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, []);
    let task = &app.tasks(false).await[0];
    assert_eq!((task.state, task.done_by.as_deref(), task.note.as_deref()), (TaskState::Done, None, None));
    assert_eq!(audit(&app).await.problem, None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_days_after_the_end_opens_the_case_again(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(ONE).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let closed = app.notice(id).await.closed_at;
    app.advance(100 * HOUR);
    app.bounce("C1", id, "sec@ett.example").await;
    app.run_until_idle().await;
    let roles = [(Role::Security, State::Bounced), (Role::Service, State::Accepted)];
    assert_eq!(app.roles("C1", id).await, roles);
    let notice = app.notice(id).await;
    assert_eq!((notice.state, notice.closed_at), (NoticeState::Closed, closed), "the closed entry stays");
    app.bounce("C1", id, "service@ett.example").await;
    app.bounce_nothing_more(id).await;
    assert_eq!(app.roles("C1", id).await.last(), Some(&(Role::Technical, State::Accepted)));
    app.bounce("C1", id, "teknik@ett.example").await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()]);
    assert_eq!(audit(&app).await.problem, None);
}

impl TestApp {
    /// Two more runs, of which the second has nothing to do.
    async fn bounce_nothing_more(&self, id: Uuid) {
        self.run_until_idle().await;
        let before = self.counts(id).await;
        self.run_until_idle().await;
        assert_eq!(self.counts(id).await, before);
        assert!(!self.app.escalation.round().await.unwrap(), "nothing is due");
    }
}

/// One address is one delivery, whatever the number of roles; so it is with another spelling.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_had_the_notice_is_not_addressed_by_another_role(#[case] engine: Engine) {
    let app = app(engine).await;
    app.import(
        "account_id,customer_name,email,role\nC1,Ett AB,Sec@ett.example,security\nC1,Ett AB,sec@ETT.example,service\n\
         C1,Ett AB,sec@ett.example,technical\nC1,Ett AB,teknik@ett.example,technical\n",
    )
    .await;
    app.refuse(&["ec@"]);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let roles = [(Role::Security, State::Rejected), (Role::Technical, State::Accepted)];
    assert_eq!(app.roles("C1", id).await, roles, "service has no other address, so technical has its turn");
}

/// Below the category's level a delivery waits for its report, and then informs nobody.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_reported_as_informed_in_time_gets_the_next_role(#[case] engine: Engine) {
    let rules = "roles = [\"security\"]\ninformed_at = \"accepted_by_mx\"\nreport_wait = \"2d\"";
    let app = escalating(engine, Category::SecurityBreach, rules).await;
    app.import(ONE).await;
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    app.advance(47 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await, [(Role::Security, State::Accepted)], "it may still be reported");
    app.advance(2 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await.len(), 2, "service");
    app.advance(49 * HOUR);
    app.run_until_idle().await;
    assert_eq!(app.roles("C1", id).await.len(), 3, "technical");
    app.advance(49 * HOUR);
    app.run_until_idle().await;
    assert_eq!((app.roles("C1", id).await.len(), app.to_do().await), (3, vec![not_informed()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_must_be_informed_by_an_optional_notice_or_a_cancelled_one() {
    let app = app(Engine::Sqlite).await;
    app.import(ONE).await;
    app.refuse(&["@ett"]);
    app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.tasks(false).await, []);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    app.run_until_idle().await;
    assert_eq!((app.roles("C1", id).await, app.tasks(false).await), (vec![(Role::Security, State::Cancelled)], vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_closes_the_tasks_of_a_notice() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.add(on(Step::Rcpt).reply(LATER));
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await.len(), 1, "C3");
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    assert_eq!(app.to_do().await, []);
    app.run_until_idle().await;
    assert_eq!(app.tasks(false).await.len(), 1);
    assert_eq!(audit(&app).await.problem, None);
}
