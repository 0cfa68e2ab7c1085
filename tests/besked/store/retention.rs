//! What the store finds and deletes at the end of retention.

use besked::domain::category::Category;
use besked::domain::entry::{Entry, Event, Fact, Person};
use besked::domain::preference::Reason;
use besked::domain::task::TaskKind;
use besked::store::people::expired::{self, Rows};
use besked::store::people::holds::Hold;
use besked::store::people::imports::{ContactRow, CustomerRow};
use besked::store::people::subjects::{Cleared, Read};
use besked::store::people::{
    customers, holds, operations, preferences, retention, sole_traders, subjects, suppressions,
};
use besked::store::proof::ledger;
use besked::store::proof::ledger::Opening;
use besked::store::sending::{deliveries, settle};
use besked::store::tasks::NewTask;
use besked::store::{Conn, notices, tasks};
use jiff::{SignedDuration, Timestamp};
use rstest::rstest;
use uuid::Uuid;

use super::{File, Fixture};
use crate::app::{address, key};
use crate::database::Engine;

fn after(time: Timestamp) -> Timestamp {
    time.checked_add(SignedDuration::from_hours(1)).unwrap()
}

fn contact(account_id: &'static str, email: &'static str) -> ContactRow<'static> {
    let email = address(email);
    ContactRow { account_id, email, role: "service", name: "Åsa", locale: None, time_zone: None, position: 1 }
}

impl Fixture {
    /// Imports customers with their contacts in place of all others.
    async fn customers(&self, conn: &mut Conn, rows: &[(&'static str, &'static str)]) {
        let customers: Vec<_> =
            rows.iter().map(|(account_id, _)| CustomerRow { account_id, name: "Anna Ek" }).collect();
        let contacts: Vec<_> = rows.iter().map(|(account_id, email)| contact(account_id, email)).collect();
        let file = File { customers: &customers, contacts: &contacts, ..File::default() };
        file.import(conn, "i", self.now, true).await;
    }

    async fn hold(&self, conn: &mut Conn, notice_id: Option<Uuid>, account_id: Option<&str>) -> Uuid {
        let hold = Hold {
            id: self.id(),
            notice_id,
            account_id: account_id.map(str::to_owned),
            reason: "lawsuit".to_owned(),
            operator: "bo".to_owned(),
            since: self.now,
        };
        holds::insert(conn, &hold).await.unwrap();
        hold.id
    }

    /// A closed notice with a delivery to each address.
    async fn closed(&self, conn: &mut Conn, addresses: &[&str]) -> Uuid {
        let notice = self.released(conn, addresses).await;
        for delivery in subjects::unpurged(conn, notice, 0, 99).await.unwrap() {
            let entry = self.entry(Event::Cancelled);
            settle::cancel(conn, notice, self.now, &[(delivery.id, entry)]).await.unwrap();
        }
        assert!(notices::set_closed(conn, notice, self.now).await.unwrap());
        notice
    }
}

async fn name(conn: &mut Conn, account: &str) -> String {
    customers::find(conn, account).await.unwrap().unwrap().name
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn rows_expire_by_their_own_time_and_not_while_a_contact_needs_them(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    fixture.customers(&mut tx, &[("C1", "a@x.example"), ("C2", "b@x.example"), ("C3", "c@x.example")]).await;
    // The contact of C1 changes, C3 leaves.
    fixture.customers(&mut tx, &[("C1", "n@x.example"), ("C2", "b@x.example")]).await;
    for email in ["b@x.example", "gone@x.example", "shown@x.example"] {
        preferences::opt_out(&mut tx, &address(email), Category::News, now, "test").await.unwrap();
        suppressions::add(&mut tx, &address(email), Reason::Restricted, now).await.unwrap();
        let read = Read { operator: "bo".to_owned(), what: "export".to_owned(), at: now };
        subjects::insert_read(&mut tx, fixture.id(), &key(email), &read).await.unwrap();
    }
    fixture.released(&mut tx, &["shown@x.example"]).await;
    for n in 0..3 {
        let task = NewTask {
            id: fixture.id(),
            kind: TaskKind::Unread,
            notice_id: None,
            account_id: None,
            delivery_id: None,
            inbound_id: Some(fixture.id()),
            reason: "unreadable",
            at: now,
            deadline: None,
        };
        tasks::open(&mut tx, &task).await.unwrap();
        if n > 0 {
            assert!(tasks::done(&mut tx, task.id, ("bo", "read it"), now).await.unwrap());
        }
    }
    for (rows, expired) in [
        (Rows::DeactivatedContacts, 1),
        (Rows::Preferences, 2),
        (Rows::Suppressions, 1),
        (Rows::Reads, 1),
        (Rows::Tasks, 2),
    ] {
        assert_eq!(expired::count_rows(&mut tx, rows, now).await.unwrap(), 0, "{rows:?} too early");
        assert_eq!(expired::count_rows(&mut tx, rows, later).await.unwrap(), expired, "{rows:?}");
        let hold = fixture.hold(&mut tx, None, Some("C1")).await;
        // A delivery to C1 names the address of one of the opt-outs.
        let held = u64::from(matches!(rows, Rows::DeactivatedContacts | Rows::Preferences));
        assert_eq!(expired::count_rows(&mut tx, rows, later).await.unwrap(), expired - held, "{rows:?} under a hold");
        assert_eq!(expired::count_held_rows(&mut tx, rows, later).await.unwrap(), held, "{rows:?} under a hold");
        holds::remove(&mut tx, hold).await.unwrap();
        assert_eq!(expired::delete_rows(&mut tx, rows, later, 1).await.unwrap(), 1, "in pieces");
        assert_eq!(expired::delete_rows(&mut tx, rows, later, 9).await.unwrap(), expired - 1);
    }
    assert!(subjects::contacts(&mut tx, &key("a@x.example")).await.unwrap().is_empty());
    assert_eq!(subjects::contacts(&mut tx, &key("c@x.example")).await.unwrap().len(), 1, "it left with its customer");
    assert_eq!(suppressions::reasons(&mut tx, &key("shown@x.example")).await.unwrap().len(), 1, "it is masked still");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_customer_that_left_goes_with_its_last_contract_record(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    fixture.customers(&mut tx, &[("C1", "a@x.example"), ("C2", "b@x.example")]).await;
    let notice = fixture.closed(&mut tx, &["a@x.example"]).await;
    let maintenance = [Category::Maintenance];
    assert!(retention::left_customers(&mut tx, later, &[], "", 9).await.unwrap().is_empty());
    assert!(subjects::ended_contracts(&mut tx, Category::Maintenance, later, 9).await.unwrap().is_empty());
    fixture.customers(&mut tx, &[("C2", "b@x.example")]).await;
    assert!(retention::left_customers(&mut tx, now, &[], "", 9).await.unwrap().is_empty(), "too early");
    assert_eq!(retention::left_customers(&mut tx, later, &[], "", 9).await.unwrap(), ["C1"]);
    assert!(retention::left_customers(&mut tx, later, &[], "C1", 9).await.unwrap().is_empty());
    assert!(retention::left_customers(&mut tx, later, &maintenance, "", 9).await.unwrap().is_empty(), "still needed");

    assert_eq!(retention::find(&mut tx, notice).await.unwrap().unwrap().persons, 1);
    let counted = retention::count_ended_contracts(&mut tx, Category::Maintenance, later).await.unwrap();
    assert_eq!(counted, [(notice, 1)]);
    assert!(retention::concluded(&mut tx, Category::Maintenance, later).await.unwrap().is_empty());
    let ended = subjects::ended_contracts(&mut tx, Category::Maintenance, later, 9).await.unwrap();
    let cleared = Cleared { id: ended[0].id, commitment: [0; 32] };
    subjects::clear_deliveries(&mut tx, &[cleared]).await.unwrap();
    assert_eq!(retention::concluded(&mut tx, Category::Maintenance, later).await.unwrap(), [notice]);
    assert_eq!(retention::left_customers(&mut tx, later, &maintenance, "", 9).await.unwrap(), ["C1"]);
    let hold = fixture.hold(&mut tx, None, Some("C1")).await;
    assert!(retention::left_customers(&mut tx, later, &[], "", 9).await.unwrap().is_empty(), "under a hold");
    holds::remove(&mut tx, hold).await.unwrap();
    retention::delete_customers(&mut tx, &["C1".to_owned()]).await.unwrap();
    assert!(customers::find(&mut tx, "C1").await.unwrap().is_none());
    assert!(subjects::contacts(&mut tx, &key("a@x.example")).await.unwrap().is_empty());
    sole_traders::clear_records(&mut tx, &["C1".to_owned()]).await.unwrap();
    assert_eq!(deliveries::of_customer(&mut tx, notice, "C1").await.unwrap()[0].customer_name, "");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_customer_loses_its_name_with_its_last_person(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    fixture.customers(&mut tx, &[("C1", "a@x.example"), ("C2", "b@x.example")]).await;
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    let accounts = ["C1", "C2", "C9"].map(str::to_owned);
    sole_traders::clear(&mut tx, &[]).await.unwrap();
    sole_traders::clear(&mut tx, &accounts).await.unwrap();
    assert_eq!((name(&mut tx, "C1").await, name(&mut tx, "C2").await), ("Anna Ek".to_owned(), "Anna Ek".to_owned()));
    sqlx::query("UPDATE deliveries SET customer_name = 'Anna Ek'").execute(&mut *tx).await.unwrap();
    let delivery = subjects::deliveries(&mut tx, &key("a@x.example")).await.unwrap().remove(0);
    subjects::clear_deliveries(&mut tx, &[Cleared { id: delivery.id, commitment: [0; 32] }]).await.unwrap();
    sole_traders::clear_records(&mut tx, &accounts).await.unwrap();
    let shown = deliveries::of_customer(&mut tx, notice, "C1").await.unwrap();
    assert_ne!(shown[0].customer_name, "", "it has a contact still");
    subjects::clear_address(&mut tx, &key("a@x.example")).await.unwrap();
    sole_traders::clear(&mut tx, &accounts).await.unwrap();
    assert_eq!((name(&mut tx, "C1").await, name(&mut tx, "C2").await), (String::new(), "Anna Ek".to_owned()));
    assert_eq!(deliveries::of_customer(&mut tx, notice, "C1").await.unwrap()[0].customer_name, "");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn drafts_rows_and_attempts_are_deleted_in_pieces(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    let draft = fixture.draft(&mut tx, "OLD").await;
    let notice = fixture.closed(&mut tx, &["a@x.example", "b@x.example"]).await;
    let rows = ["C1", "C2"].map(|account| (account.to_owned(), "{}".to_owned()));
    for id in [draft, notice] {
        notices::rows::insert(&mut tx, id, &rows).await.unwrap();
    }
    assert!(retention::drafts(&mut tx, now, "", 9).await.unwrap().is_empty());
    assert_eq!(retention::drafts(&mut tx, later, "", 9).await.unwrap(), [draft]);
    assert!(retention::drafts(&mut tx, later, &draft.to_string(), 9).await.unwrap().is_empty());
    assert!(!retention::retire_draft(&mut tx, notice, later).await.unwrap(), "it was released");
    assert!(retention::retire_draft(&mut tx, draft, later).await.unwrap());
    assert_eq!(retention::delete_audience_rows(&mut tx, draft, 1).await.unwrap(), 1);
    retention::delete_draft(&mut tx, draft).await.unwrap();
    assert!(notices::find(&mut tx, draft).await.unwrap().is_none());
    assert!(notices::rows::page(&mut tx, draft, "", 9).await.unwrap().is_empty());

    assert_eq!(retention::with_audience_rows(&mut tx, later, "", 9).await.unwrap(), [notice]);
    assert!(retention::with_audience_rows(&mut tx, now, "", 9).await.unwrap().is_empty());
    assert_eq!(retention::count_held_customers(&mut tx, later).await.unwrap(), 0);
    let hold = fixture.hold(&mut tx, None, Some("C1")).await;
    assert!(!retention::is_notice_held(&mut tx, notice).await.unwrap());
    assert_eq!(retention::count_audience_rows(&mut tx, notice).await.unwrap(), (2, 1));
    assert_eq!(retention::delete_audience_rows(&mut tx, notice, 0).await.unwrap(), 0);
    holds::remove(&mut tx, hold).await.unwrap();
    assert_eq!(retention::count_audience_rows(&mut tx, notice).await.unwrap(), (2, 0));
    assert_eq!(retention::delete_audience_rows(&mut tx, notice, 9).await.unwrap(), 2);
    assert!(retention::with_audience_rows(&mut tx, later, "", 9).await.unwrap().is_empty());

    for delivery in subjects::unpurged(&mut tx, notice, 0, 9).await.unwrap() {
        let sql = "INSERT INTO attempts (delivery_id, attempt, at, relay, host, tls, stage, outcome, reply)
             VALUES ($1, 1, 0, 'r', 'h', '', 'dot', 'accepted', '250 ok')";
        sqlx::query(sql).bind(delivery.id.to_string()).execute(&mut *tx).await.unwrap();
    }
    assert_eq!(retention::with_attempts(&mut tx, later, "", 9).await.unwrap(), [notice]);
    assert_eq!(retention::count_attempts(&mut tx, notice, later).await.unwrap(), (2, 0));
    assert_eq!(retention::delete_attempts(&mut tx, notice, (1, 9), later).await.unwrap(), 1);
    assert_eq!(retention::delete_attempts(&mut tx, notice, (0, 1), later).await.unwrap(), 1);
    retention::set_attempts_purged(&mut tx, notice, now).await.unwrap();
    assert!(retention::with_attempts(&mut tx, later, "", 9).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_address_that_only_the_ledger_names_is_found(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    fixture.customers(&mut tx, &[("C1", "a@x.example")]).await;
    for email in ["a@x.example", "gone@x.example"] {
        let entry = Entry::new(&Fact::new(Event::Restricted, now), Some(&Person::default()), &fixture.random);
        ledger::append(&mut tx, &[Opening::of_address(&entry, key(email), now)]).await.unwrap();
    }
    assert!(retention::orphaned_addresses(&mut tx, now, "", 9).await.unwrap().is_empty());
    assert_eq!(retention::orphaned_addresses(&mut tx, later, "", 9).await.unwrap(), [key("gone@x.example")]);
    assert!(retention::orphaned_addresses(&mut tx, later, "gone@x.example", 9).await.unwrap().is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_paused_notice_counts_as_closed_after_a_while(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    let notice = fixture.released(&mut tx, &["a@x.example"]).await;
    sqlx::query("UPDATE notices SET paused_at = $1").bind(now.as_millisecond()).execute(&mut *tx).await.unwrap();
    let found = async |conn: &mut Conn, paused| {
        let found = retention::expirable(conn, Category::Maintenance, later, paused).await.unwrap();
        found.into_iter().map(|notice| notice.id).collect::<Vec<_>>()
    };
    assert!(found(&mut tx, now).await.is_empty());
    assert_eq!(found(&mut tx, later).await, [notice]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_did_what_is_found_once_its_object_is_gone(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (now, later) = (fixture.now, after(fixture.now));
    fixture.customers(&mut tx, &[("C1", "a@x.example")]).await;
    let (kept, purged) =
        (fixture.closed(&mut tx, &["k@x.example"]).await, fixture.closed(&mut tx, &["p@x.example"]).await);
    retention::clear_notice(&mut tx, purged, now).await.unwrap();
    let mut entries = Vec::new();
    for (notice_id, subject) in [(None, None), (Some(kept), None), (Some(purged), None), (None, Some("a@x.example"))] {
        let entry = fixture.entry(Event::Operated);
        let opening = Opening { notice_id, subject: subject.map(key), ..Opening::about_nothing(&entry, now) };
        ledger::append(&mut tx, &[opening]).await.unwrap();
        entries.push(entry.id);
    }
    let [nothing, _, of_purged, of_contact] = entries[..] else { panic!() };
    let found = async |conn: &mut Conn, before, after, limit| {
        let page = operations::ended(conn, before, after, limit).await.unwrap();
        page.into_iter().map(|it| it.entry_id).collect::<Vec<_>>()
    };
    assert!(found(&mut tx, now, None, 9).await.is_empty(), "too early");
    assert_eq!(found(&mut tx, later, None, 9).await, [nothing, of_purged, of_contact]);
    assert_eq!(found(&mut tx, later, None, 1).await, [nothing]);
    assert_eq!(found(&mut tx, later, Some((now, nothing)), 9).await, [of_purged, of_contact]);
    let holds = [fixture.hold(&mut tx, Some(purged), None).await, fixture.hold(&mut tx, None, Some("C1")).await];
    assert_eq!(found(&mut tx, later, None, 9).await, [nothing], "the others are under a hold");
    for hold in holds {
        holds::remove(&mut tx, hold).await.unwrap();
    }
    subjects::clear_openings(&mut tx, &[nothing, of_contact]).await.unwrap();
    assert_eq!(found(&mut tx, later, None, 9).await, [of_purged]);
}
