//! Releases without anybody at a terminal: beside everything else, tried again where that may help, and told where it does not.

use std::time::Duration;

use besked::app::App;
use besked::config::LeadTime;
use besked::dispatch::Finished;
use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::domain::notice::{State as NoticeState, Step};
use besked::domain::random::Random;
use besked::notices::{NoticeError, Release, Task};
use besked::store::Conn;
use besked::store::notices::releases::Releasing;
use rstest::rstest;
use sqlx::{AnyConnection, Connection as _, Executor as _};
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, bo, maintenance};
use crate::circuit::{Running, until_accepted};
use crate::cli::Shell;
use crate::database::Engine;
use crate::lanes::disruption;
use crate::notices::AGREEMENT;
use crate::relay::Relay;

/// A notice that is to be sent half an hour after every test begins.
fn scheduled(notice: &str) -> String {
    notice.replacen("\n+++\n", "\n[schedule]\nsend_at = 2026-11-24T10:30:00Z\n+++\n", 1)
}

const HALF_AN_HOUR: Duration = Duration::from_secs(30 * 60);

/// A newsletter to the customers of a file, scheduled.
async fn newsletter(app: &TestApp) -> Uuid {
    let notice = scheduled(&NEWS.replace("all = true", "file = \"rows.csv\""));
    app.try_release(&app.draft(&notice, "account_id\nC1\nC2\n")).await.unwrap()
}

/// Keeps the release of a newsletter from going on: it needs the rows of its file, and nothing else does.
async fn hold_up(app: &TestApp) -> AnyConnection {
    let mut conn = AnyConnection::connect(&app.app.context.config.database.url.expose()).await.unwrap();
    conn.execute("BEGIN").await.unwrap();
    conn.execute("LOCK TABLE notice_rows IN ACCESS EXCLUSIVE MODE").await.unwrap();
    conn
}

async fn is_releasing(app: &TestApp, id: Uuid) {
    while app.notice(id).await.state != NoticeState::Releasing {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_waits_for_the_release_of_a_newsletter() {
    let app = TestApp::new(Engine::Postgres).await;
    app.import(CUSTOMERS).await;
    let news = newsletter(&app).await;
    let due = app.release(&scheduled(&disruption("C1"))).await;
    let normal = app.release(&scheduled(&maintenance("customers = [\"C2\"]"))).await;
    let held_up = hold_up(&app).await;
    app.advance(HALF_AN_HOUR);
    let running = Running::start(&app);
    is_releasing(&app, news).await;
    // By another process, while the dispatcher is at the newsletter.
    let config = (*app.app.context.config).clone();
    let other = App::open(config, app.app.context.clock.clone(), Random::from_system()).await.unwrap();
    let id = other.notices.create(&app.draft(&disruption("C2"), ""), &alice()).await.unwrap();
    other.notices.submit(id, &alice()).await.unwrap();
    other.notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
    for other in [id, due, normal] {
        until_accepted(&app, other, 1).await;
    }
    assert_eq!(app.notice(news).await.state, NoticeState::Releasing);
    held_up.close().await.unwrap();
    until_accepted(&app, news, 2).await;
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_takes_long_does_not_keep_a_service_from_ending() {
    let app = TestApp::with(Engine::Postgres, |config| config.dispatch.drain = Duration::from_millis(300)).await;
    app.import(CUSTOMERS).await;
    let news = newsletter(&app).await;
    let held_up = hold_up(&app).await;
    app.advance(HALF_AN_HOUR);
    let running = Running::start(&app);
    is_releasing(&app, news).await;
    tokio::time::timeout(Duration::from_secs(240), running.stop())
        .await
        .expect("it ends when the time to drain is over");
    held_up.close().await.unwrap();
    assert_eq!(app.notice(news).await.state, NoticeState::Releasing);
    app.advance(Duration::from_secs(31));
    app.run_until_idle().await;
    assert_eq!(app.counts(news).await, [(State::Accepted, 2)].into(), "the next one takes it up");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_what_it_releases_and_not_for_what_it_cannot(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let well = app.release(&scheduled(&maintenance("all = true"))).await;
    let odd = app.release(&scheduled(NEWS)).await;
    let odd_source = app.notice(odd).await.source;
    write(&app, odd, "not a notice").await;
    app.advance(HALF_AN_HOUR);
    for _ in 0..2 {
        let run = tokio::time::timeout(Duration::from_secs(240), app.run_until_idle());
        let Finished::Left(left) = run.await.expect("it ends") else { panic!("it was released") };
        let undone = left.undone;
        let told: Vec<_> = undone.iter().map(|it| (it.notice, it.task, it.may_pass)).collect();
        assert_eq!(told, [(odd, Task::Release, false)]);
        assert_eq!(app.notice(odd).await.state, NoticeState::Scheduled, "another version may be able to read it");
    }
    assert_eq!(app.counts(well).await, [(State::Accepted, 2)].into());
    write(&app, odd, &odd_source).await;
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(odd).await, [(State::Accepted, 2)].into());
}

async fn write(app: &TestApp, id: Uuid, source: &str) {
    let mut tx = app.app.context.store.write().await.unwrap();
    let conn: &mut Conn = &mut tx;
    sqlx::query("UPDATE notice_sources SET source = $1 WHERE notice_id = $2")
        .bind(source)
        .bind(id.to_string())
        .execute(conn)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

/// What a restarted server has lost of a release is done again later: here a trigger loses it each time.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_does_not_wait_for_a_release_that_fails_each_time() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&scheduled(&maintenance("all = true"))).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let lose = "CREATE TRIGGER lost AFTER INSERT ON deliveries WHEN NEW.ordinal = 1
                BEGIN DELETE FROM deliveries WHERE notice_id = NEW.notice_id AND ordinal = 0; END";
    tx.execute(lose).await.unwrap();
    tx.commit().await.unwrap();
    app.advance(HALF_AN_HOUR);
    let run = tokio::time::timeout(Duration::from_secs(240), app.run_until_idle());
    let Finished::Left(left) = run.await.expect("it ends") else { panic!("it was released") };
    let undone = left.undone;
    assert_eq!((undone[0].notice, undone[0].may_pass), (id, true));
    assert_eq!(app.notice(id).await.state, NoticeState::Releasing);
    let mut tx = app.app.context.store.write().await.unwrap();
    tx.execute("DROP TRIGGER lost").await.unwrap();
    tx.commit().await.unwrap();
    app.advance(Duration::from_secs(31));
    assert!(matches!(app.run_until_idle().await, Finished::Idle(_)));
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_release_of_a_scheduled_notice_does_not_send_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&scheduled(&maintenance("all = true"))).await;
    let again = app.app.notices.release(id, &bo(), Release::default(), &|_| {}).await.unwrap();
    assert_eq!(again.state, NoticeState::Scheduled);
    app.run_until_idle().await;
    assert!(app.relay.received().is_empty(), "its time is still to come");
    let now = Release { now: true, reason: Some("the window moved"), ..Release::default() };
    let released = app.app.notices.release(id, &bo(), now, &|_| {}).await.unwrap();
    assert_eq!(released.state, NoticeState::Released);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let last = app.app.notices.show(&alice(), &id.to_string()).await.unwrap().1.pop().unwrap();
    assert_eq!((last.operator.as_str(), last.reason.as_deref()), ("bo", Some("the window moved")));
}

/// The process that released it early died while it wrote the audience, and so did the next one.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_release_that_was_interrupted_is_taken_over_within_a_minute() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&scheduled(&maintenance("all = true"))).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    let digest = &app.notice(id).await.digest;
    let now = app.app.context.clock.now();
    let reason = Some("the window moved");
    let begun = Releasing { owner: "a killed process", actor: "bo (test)", reason, digest, now };
    assert!(besked::store::notices::releases::begin_release(&mut tx, id, &begun).await.unwrap());
    app.advance(Duration::from_secs(31));
    let now = app.app.context.clock.now();
    let second = Releasing { owner: "another one", actor: "release (system)", reason: None, digest, now };
    assert!(besked::store::notices::releases::begin_release(&mut tx, id, &second).await.unwrap());
    tx.commit().await.unwrap();
    app.advance(Duration::from_secs(31));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let last = app.app.notices.show(&alice(), &id.to_string()).await.unwrap().1.pop().unwrap();
    let reason = "taken over; begun by bo (test): the window moved";
    assert_eq!((last.operator.as_str(), last.reason.as_deref()), ("release", Some(reason)));
}

/// Refused before its time, it stays scheduled: the audience may be complete by then.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_release_that_is_refused_leaves_the_notice_scheduled() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&scheduled(&maintenance("attributes = { region = [\"sto2\"] }"))).await;
    app.import(&CUSTOMERS.replace("sto2", "osl1")).await;
    let now = Release { now: true, reason: None, ..Release::default() };
    app.app.notices.release(id, &bo(), now, &|_| {}).await.unwrap_err();
    assert_eq!(app.notice(id).await.state, NoticeState::Scheduled);
    app.import(CUSTOMERS).await;
    app.advance(HALF_AN_HOUR);
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
}

/// A maintenance that ends at noon of the day on which every test begins.
fn today() -> String {
    let notice = maintenance("all = true").replace("2036-12-01T22:00:00+01:00", "2026-11-24T11:00:00Z");
    notice.replace("2036-12-02T02:00:00+01:00", "2026-11-24T12:00:00Z")
}

/// The dispatcher was down: what would announce a window that is over waits for a person, and a disruption is still reported.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_has_become_too_late_waits_for_a_person(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let late = app.release(&scheduled(&today())).await;
    let urgent = app.release(&scheduled(&disruption("C1"))).await;
    app.advance(HALF_AN_HOUR * 6);
    let Finished::Left(left) = app.run_until_idle().await else { panic!("nothing is left") };
    let over = "`fields.window_end`: is over when the notice is released";
    assert_eq!((left.undone.len(), left.undone[0].notice, left.undone[0].may_pass), (1, late, false));
    assert!(left.undone[0].why.contains(over) && !left.undone[0].why.contains('\n'), "{}", left.undone[0].why);
    assert_eq!(app.counts(urgent).await, [(State::Accepted, 1)].into());
    let notice = app.notice(late).await;
    assert!(notice.state == NoticeState::Approved && notice.is_overdue(app.app.context.clock.now()));

    let refused = app.app.notices.release(late, &bo(), Release::default(), &|_| {}).await;
    assert!(matches!(refused, Err(NoticeError::NotReady(_))), "{refused:?}");
    let steps = app.app.notices.show(&alice(), &late.to_string()).await.unwrap().1;
    let refused: Vec<_> = steps.iter().filter(|it| it.reason.as_ref().is_some_and(|why| why.contains(over))).collect();
    let who: Vec<_> = refused.iter().map(|it| (it.step, it.operator.as_str())).collect();
    assert_eq!(who, [(Step::Release, "release"), (Step::Release, "bo")]);
    let done = app.draft(&today().replace("announced", "completed"), "");
    app.app.notices.edit(late, &done, &alice()).await.unwrap();
    app.app.notices.submit(late, &alice()).await.unwrap();
    app.app.notices.release(late, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(late).await, [(State::Accepted, 2)].into());
}

#[tokio::test(flavor = "multi_thread")]
async fn time_that_an_approval_takes_counts() {
    let lead = Duration::from_secs(5 * 86_400);
    let app = TestApp::with(Engine::Sqlite, |config| {
        let rules = config.category.entry(Category::Maintenance).or_default();
        (rules.lead_time, rules.lead_time_required) = (Some(LeadTime::All(lead)), Some(true));
    })
    .await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let submitted = async |notice: &str| {
        let id = notices.create(&app.draft(notice, ""), &alice()).await.unwrap();
        notices.submit(id, &alice()).await.unwrap();
        id
    };
    let just = maintenance("all = true").replace("2036-12-01T22:00:00+01:00", "2026-11-29T10:30:00Z");
    let (soon, late, terms) = (submitted(&just).await, submitted(&just).await, submitted(AGREEMENT).await);
    app.advance(Duration::from_secs(40 * 60));
    notices.release(soon, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.advance(Duration::from_secs(3600));
    let refused = notices.release(late, &alice(), Release::default(), &|_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("`fields.window_start`") && refused.contains("the lead time is 5 days"), "{refused}");
    app.advance(Duration::from_secs(40 * 86_400));
    notices.approve(terms, &bo(), None).await.unwrap();
    let refused = notices.release(terms, &bo(), Release::default(), &|_| {}).await.unwrap_err().to_string();
    assert!(refused.contains("`fields.right_until`: is over when the notice is released"), "{refused}");
    assert_eq!(app.notice(terms).await.state, NoticeState::Approved);
}

/// A process with a notice scheduled whose time has come.
async fn overdue(customers: &str, notice: &str) -> (Shell, Relay, String) {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", customers);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &notice.replacen("\n+++\n", "\n[schedule]\nsend_at = 2036-01-01T00:00:00Z\n+++\n", 1));
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
    assert_eq!(sent["state"], "scheduled", "{sent}");
    sql(&shell, "UPDATE notices SET send_at = 1").await;
    (shell, relay, sent["id"].as_str().unwrap().to_owned())
}

async fn sql(shell: &Shell, statement: &'static str) {
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    conn.execute(statement).await.unwrap();
    conn.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_notice_that_is_refused_is_logged_without_naming_anybody() {
    let notice = maintenance("all = true").replace("Hello", "{{ customer.attr.plan }}");
    let customers = "account_id,customer_name,email,attr.plan\nACME-77,Acme,a@acme.example,large\n";
    let (shell, relay, id) = overdue(customers, &notice).await;
    shell.write("customers.csv", &customers.replace("large", ""));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let ran = shell.run(&["dispatch", "--until-idle"]).fails(1, &[&id, "ERROR", "lack values", "hint:"]);
    assert!(!ran.err.contains("ACME-77") && !ran.err.contains("acme.example"), "{}", ran.err);
    let status = shell.run(&["notice", "status", &id]).ok().out;
    assert!(status.contains("approved; it was due at") && status.contains("not released"), "{status}");
    let list = shell.run(&["notice", "list"]).ok().out;
    assert!(list.contains("overdue"), "{list}");
    let show = shell.run(&["--json", "notice", "show", &id]).ok().json();
    let why = show["steps"].as_array().unwrap().last().unwrap()["reason"].as_str().unwrap();
    assert!(show["overdue"] == true && why.starts_with("refused: recipients lack values"), "{show}");
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert!(relay.received().is_empty());
    shell.write("customers.csv", customers);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.run(&["notice", "release", &id]).ok();
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_for_which_the_disk_is_full_is_done_later() {
    // More than are written in one transaction: the others wait in a temporary file.
    let rows: String = (0..4_100).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    let customers = format!("account_id,customer_name,email\n{rows}");
    let (shell, _relay, id) = overdue(&customers, &maintenance("all = true")).await;
    let mut dispatch = shell.command(&["dispatch", "--until-idle"]);
    let ran = crate::cli::ran(dispatch.env("TMPDIR", "/nowhere").output().unwrap());
    ran.fails(75, &[&id, "temporary file", "hint:"]);
    let status = shell.run(&["--json", "notice", "status", &id]).ok().json();
    assert_eq!(status["state"], "releasing", "it is taken up again");
    sql(&shell, "UPDATE notices SET release_until = 0").await;
    shell.run(&["notice", "release", &id]).ok();
}
