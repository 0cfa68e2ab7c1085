//! Coverage and `informed`: what counts as informed, several notices, the legal clock, and answers in pages.

use std::time::Duration;

use besked::coverage::{About, Counted, CoverageError};
use besked::domain::actor::Actor;
use besked::domain::attestation::Channel;
use besked::domain::category::Category;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::{Level, Outcome, State};
use besked::notices::NoticeError;
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::relay::{Act, Relay};

const REFUSED: Act = Act::Reply("550 5.1.1 no such user\r\n");

async fn asked(app: &TestApp, account: &str, about: About) -> besked::coverage::Informed {
    app.app.coverage.informed(&alice(), account, &about).await.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_missed_one_of_two_notices_is_not_informed_of_them(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, REFUSED);
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let other = app.release(&maintenance("customers = [\"C1\"]").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let category = About::Category { category: Category::Maintenance, since: None, until: None };
    for about in [category, About::Reference("CHG-1".to_owned())] {
        let answer = asked(&app, "C2", about).await;
        let each: Vec<_> = answer.notices.iter().map(|notice| (notice.verdict, notice.level)).collect();
        let informed = (Verdict::Informed, Some(Level::Relayed));
        assert_eq!(each, [informed, (Verdict::NotInformed, None)], "each notice is listed");
        assert_eq!((answer.verdict, answer.level), (Verdict::NotInformed, None), "the worst one counts");
    }
    let nothing = asked(&app, "C2", About::Reference("CHG-2".to_owned())).await;
    assert_eq!((nothing.verdict, nothing.notices.len()), (Verdict::NotAddressed, 0));
    assert_eq!(app.informed("C2", other).await.verdict, Verdict::NotAddressed);
    let nobody = app.app.coverage.informed(&alice(), "C9", &About::Notice(other.to_string())).await;
    assert!(matches!(nobody, Err(CoverageError::UnknownCustomer(_))), "{nobody:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_nobody_to_address_has_a_row_and_can_be_attested() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let (totals, rows) = app.covered(id).await;
    let rows: Vec<_> = rows.iter().map(|row| (row.account_id.as_str(), row.verdict, row.level)).collect();
    let informed = |account| (account, Verdict::Informed, Some(Level::Relayed));
    assert_eq!(rows, [informed("C1"), informed("C2"), ("C3", Verdict::CannotBe, None)]);
    assert_eq!((totals.customers, totals.cannot_be, totals.not_informed), (3, 1, 1));
    app.attest(id, "C3", Channel::Letter, "sent on Monday").await.unwrap();
    let (totals, rows) = app.covered(id).await;
    assert_eq!((rows[2].verdict, rows[2].level), (Verdict::Informed, Some(Level::Attested)));
    assert_eq!((totals.informed, totals.level), (3, Some(Level::Relayed)), "a person's word is not the strongest");
    let two = app.attest(id, "C3", Channel::Letter, "two\nlines").await;
    assert!(matches!(two, Err(CoverageError::Words(_))), "{two:?}");
}

/// What a customer was addressed with later stands in its one row.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_was_addressed_twice_has_one_row(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let customers: String = (0..1203).map(|n| format!("C{n:04},Kund {n},a{n}@d.example\n")).collect();
    app.import(&format!("account_id,customer_name,email\n{customers}")).await;
    let id = app.release(&maintenance("all = true")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    for moved in ["UPDATE deliveries SET account_id = 'C0001' WHERE account_id = 'C1200'"] {
        sqlx::query(moved).execute(&mut *tx).await.unwrap();
    }
    besked::store::notices::releases::insert_unaddressed(&mut tx, id, &[("C0002".to_owned(), "Kund 2".to_owned())])
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let (_, rows) = app.covered(id).await;
    assert_eq!(rows.len(), 1202);
    assert_eq!((rows[1].account_id.as_str(), rows[1].addresses), ("C0001", 2));
    assert!(rows.is_sorted_by_key(|row| row.account_id.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_pages_through_lists_of_deliveries() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    let customers: String = (0..60).map(|n| format!("C{n:04},Kund {n},a{n}@d.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{customers}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    let list = |more: &[&str]| {
        let page = shell.run(&[&["--json", "deliveries", "list", "CHG-1"], more].concat()).ok().json();
        let accounts =
            page["deliveries"].as_array().unwrap().iter().map(|it| it["account_id"].as_str().unwrap().to_owned());
        (accounts.collect::<Vec<_>>(), page["next"].as_str().map(str::to_owned))
    };
    let (first, next) = list(&[]);
    assert_eq!((first.len(), first[49].as_str()), (50, "C0049"));
    let (second, end) = list(&["--after", &next.unwrap()]);
    assert_eq!((second.len(), second[0].as_str(), end), (10, "C0050", None));
    let (all, end) = list(&["--all"]);
    assert_eq!((all, end), ([first, second].concat(), None));
    let (few, next) = list(&["--limit", "2", "--state", "queued"]);
    assert_eq!((few.len(), next.is_some()), (2, true));
    assert_eq!(list(&["--state", "rejected"]), (Vec::new(), None));
    shell.run(&["deliveries", "list", "CHG-1", "--after", "x"]).fails(2, &["`x` is not a cursor"]);
    let table = shell.run(&["deliveries", "list", "CHG-1", "--limit", "1"]).ok().out;
    assert!(table.contains("C0000") && table.contains("more: add `--after=0`"), "{table}");
}

/// The exact bytes for programs, and one form of an answer at a time.
#[tokio::test(flavor = "multi_thread")]
async fn json_is_json_for_messages_and_tables_too() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--wait", "--yes"]).ok();
    let id = shell.run(&["--json", "deliveries", "list", "CHG-1"]).ok().json()["deliveries"][0]["id"].clone();
    let shown = shell.run(&["--json", "deliveries", "show", id.as_str().unwrap(), "--message"]).ok().json();
    let bytes = data_encoding::BASE64.decode(shown["eml"].as_str().unwrap().as_bytes()).unwrap();
    assert_eq!(bytes, relay.to("teknik@ett.example")[0].data);
    let text = shell.run(&["deliveries", "show", id.as_str().unwrap(), "--message"]).ok().out;
    assert_eq!(text.as_bytes(), bytes, "byte for byte");
    shell.run(&["--json", "coverage", "CHG-1", "--csv"]).fails(2, &["two forms of one answer", "hint: "]);
    let csv = shell.run(&["coverage", "CHG-1", "--csv"]).ok().out;
    let header = "account_id,customer_name,verdict,addresses,informed_addresses,deliveries,level,informed_since,late\n";
    assert!(csv.starts_with(header) && csv.contains("C2,Two Ltd,informed,1,1,1 accepted,relayed,20"), "{csv}");
    assert!(csv.contains("Z,false\n"), "{csv}");
}

/// A breach notice to all customers.
pub fn breach(discovered_at: &str) -> String {
    format!(
        "+++\ncategory = \"security_breach\"\nreference = \"INC-1\"\n[audience]\nall = true\n[fields]\nstage = \"confirmed\"\n\
         our_role = \"processor\"\nnature = \"Lost disk.\"\nlikely_consequences = \"None known.\"\n\
         measures_taken = \"Keys replaced.\"\ncontact_point = \"dpo@example.com\"\ndiscovered_at = {discovered_at}\n\
         data_affected = [\"names\"]\n+++\nHello.\n"
    )
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn those_not_informed_of_a_breach_by_its_deadline_are_overdue(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, REFUSED);
    let id = app.release(&breach("2026-11-24T08:00:00Z")).await;
    app.run_until_idle().await;
    let deadline = "2026-11-27T08:00:00Z".parse().unwrap();
    let overdue = || async { (app.coverage(id).await.overdue, app.informed("C2", id).await) };
    let (in_time, answer) = overdue().await;
    assert_eq!((in_time, answer.overdue, answer.notices[0].overdue), (0, 0, false));
    assert_eq!(answer.notices[0].deadline, Some(deadline));
    assert_eq!(answer.notices[0].discovered_at, Some("2026-11-24T08:00:00Z".parse().unwrap()));
    app.advance(Duration::from_secs(72 * 3600));
    let (late, answer) = overdue().await;
    assert_eq!((late, answer.overdue, answer.notices[0].overdue), (2, 1, true), "C3 has nobody to address");
    assert_eq!(app.informed("C1", id).await.overdue, 0);
    app.attest(id, "C2", Channel::Phone, "called").await.unwrap();
    assert_eq!(overdue().await.0, 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_acceptance_below_the_categorys_level_is_pending_and_then_does_not_inform(#[case] engine: Engine) {
    let app = TestApp::with(engine, |config| {
        let rules = "informed_at = \"accepted_by_mx\"\nreport_wait = \"2d\"";
        config.category.insert(Category::Maintenance, toml::from_str(rules).unwrap());
    })
    .await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Pending);
    assert_eq!((app.coverage(id).await.pending, app.coverage(id).await.informed), (2, 0));
    app.advance(Duration::from_secs(2 * 86_400));
    let answer = app.informed("C2", id).await;
    assert_eq!((answer.verdict, answer.level), (Verdict::NotInformed, Some(Level::Relayed)));
    let (_, rows) = app.covered(id).await;
    assert_eq!((rows[1].verdict, rows[1].informed_addresses), (Verdict::NotInformed, 0));
    let delivery: Uuid = answer.notices[0].deliveries[0].id;
    let actor = Actor::cli("bo", "root").unwrap();
    app.app.deliveries.report(&actor, delivery, Outcome::Delivered, "in the log").await.unwrap();
    assert_eq!(app.informed("C2", id).await.verdict, Verdict::Informed, "a finding ranks as the recipient's server");
    assert_eq!(app.informed("C2", id).await.notices[0].deliveries[0].state, State::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_with_nobody_to_address_has_an_answer_after_its_row_was_deleted() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    besked::store::people::retention::delete_customers(&mut tx, &["C3".to_owned()]).await.unwrap();
    tx.commit().await.unwrap();
    let answer = app.informed("C3", id).await;
    assert_eq!((answer.verdict, answer.notices[0].deliveries.len()), (Verdict::CannotBe, 0));
    assert_eq!(serde_json::to_value(&answer).unwrap()["verdict"], "not_informed");
}

#[tokio::test]
async fn a_question_with_a_mistake_is_refused_and_not_answered_with_no() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    let ask = async |about| app.app.coverage.informed(&alice(), "C1", &about).await;
    let mistyped = ask(About::Reference("CHG-l".to_owned())).await;
    assert!(matches!(mistyped, Err(CoverageError::Notice(NoticeError::Unknown(_)))), "{mistyped:?}");
    let now = app.app.context.clock.now();
    let backwards = About::Category { category: Category::Maintenance, since: Some(now), until: Some(now) };
    assert!(matches!(ask(backwards).await, Err(CoverageError::Period)));
}

/// What is counted beside a request is what a request would count, and is shown for a minute.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_count_that_takes_long_goes_on_beside_who_asks(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    let coverage = &app.app.coverage;
    let counted = async || loop {
        match coverage.counted(&alice(), &id.to_string()).await.unwrap() {
            Counted::Done(at, totals) => break (at, totals),
            Counted::Counting => tokio::task::yield_now().await,
        }
    };
    let (at, before) = counted().await;
    assert_eq!((at, before), (app.app.context.clock.now(), app.coverage(id).await));
    app.run_until_idle().await;
    assert_eq!(counted().await, (at, before), "it is shown again for a while");
    app.advance(Duration::from_secs(60));
    let (later, after) = counted().await;
    assert!(later > at && after.informed > before.informed, "{after:?}");
    assert_eq!(after, app.coverage(id).await);
    assert!(coverage.counted(&alice(), "CHG-9").await.is_err(), "there is none");
}
