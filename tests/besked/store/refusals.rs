//! What the database itself refuses, and how a row that cannot be what it says is told.

use besked::domain::entry::Event;
use besked::domain::preference::Reason;
use besked::store::notices::releases;
use besked::store::people::suppressions;
use besked::store::proof::ledger;
use besked::store::sending::deliveries::ToSend;
use besked::store::sending::{claims, deliveries, recipients, waiting};
use besked::store::{Conn, Store, StoreError, notices, secrets};
use rstest::rstest;
use sqlx::AssertSqlSafe;

use super::{Fixture, written};
use crate::app::address;
use crate::database::Engine;

/// Runs a statement; true where it was refused with these words.
async fn refuses(conn: &mut Conn, sql: &str, words: &str) -> bool {
    let error = sqlx::query(AssertSqlSafe(sql.to_owned())).execute(conn).await.err().map(|error| error.to_string());
    error.is_some_and(|error| error.contains(words))
}

/// A store with one entry about a notice in the tree.
async fn with_an_entry(engine: Engine) -> Fixture {
    let fixture = Fixture::new(engine).await;
    let entry = fixture.entry(Event::Attested);
    let mut tx = fixture.store.write().await.unwrap();
    let opening = ledger::Opening::of_notice(&entry, fixture.id(), fixture.now);
    ledger::append(&mut tx, &[opening]).await.unwrap();
    sqlx::query("INSERT INTO ledger_entries (idx, entry_id, leaf) SELECT 0, entry_id, leaf FROM ledger_pending")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    fixture
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_entry_stays_as_it_is_and_an_opening_loses_its_person_only(#[case] engine: Engine) {
    let fixture = with_an_entry(engine).await;
    let mut statements = vec![
        "UPDATE ledger_entries SET leaf = leaf".to_owned(),
        "DELETE FROM ledger_entries".to_owned(),
        "DELETE FROM ledger_openings".to_owned(),
        "UPDATE ledger_openings SET person = person_salt, person_salt = person".to_owned(),
    ];
    for change in [
        "fact = fact_salt",
        "fact_salt = fact",
        "entry_id = 'x'",
        "event = 'accepted'",
        "at = at + 1",
        "notice_id = NULL",
        "delivery_id = 'x'",
    ] {
        // Also where the person is cleared with it.
        statements.push(format!("UPDATE ledger_openings SET {change}"));
        statements.push(format!("UPDATE ledger_openings SET {change}, person = NULL, person_salt = NULL"));
    }
    match engine {
        Engine::Sqlite => statements.extend([
            "INSERT OR REPLACE INTO ledger_entries (idx, entry_id, leaf) VALUES (0, 'other', X'00')".to_owned(),
            "REPLACE INTO ledger_entries (idx, entry_id, leaf) SELECT 1, entry_id, X'00' FROM ledger_entries"
                .to_owned(),
            "REPLACE INTO ledger_openings (entry_id, event, at, fact, fact_salt, person, person_salt)
             SELECT entry_id, event, at, fact, fact_salt, X'00', X'00' FROM ledger_openings"
                .to_owned(),
        ]),
        Engine::Postgres => {
            statements.extend(["TRUNCATE ledger_entries".to_owned(), "TRUNCATE ledger_openings".to_owned()])
        }
    }
    for sql in statements {
        let mut tx = fixture.store.write().await.unwrap();
        assert!(refuses(&mut tx, &sql, "ledger_").await, "{sql}");
    }
    let mut tx = fixture.store.write().await.unwrap();
    let clear = "UPDATE ledger_openings SET person = NULL, person_salt = NULL";
    for _ in 0..2 {
        assert_eq!(sqlx::query(clear).execute(&mut *tx).await.unwrap().rows_affected(), 1, "an erasure may");
    }
    tx.commit().await.unwrap();
    for (column, value) in [("person", "fact"), ("mould", "1"), ("mould_values", "fact")] {
        let sql = format!("UPDATE ledger_openings SET {column} = {value}");
        let mut tx = fixture.store.write().await.unwrap();
        assert!(refuses(&mut tx, &sql, "may be cleared").await, "{column} is never filled again");
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_is_there_already_is_refused(#[case] engine: Engine) {
    let fixture = with_an_entry(engine).await;
    let entry = fixture.entry(Event::Closed);
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    ledger::append(&mut tx, &[]).await.unwrap();
    let opening = ledger::Opening::about_nothing(&entry, fixture.now);
    ledger::append(&mut tx, std::slice::from_ref(&opening)).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    assert!(ledger::append(&mut tx, &[opening]).await.is_err(), "an entry is appended once");
    tx.rollback().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    assert!(notices::insert(&mut tx, id, fixture.now, &written("R")).await.is_err());
    tx.rollback().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    let again = fixture.recipient(0, "b@x.example");
    assert!(
        releases::insert(&mut tx, id, 1, fixture.now, &releases::Packed::of(&[again])).await.is_err(),
        "an ordinal is taken once"
    );
    drop(tx);
    let mut tx = fixture.store.write().await.unwrap();
    let rows = [("C1".to_owned(), "{}".to_owned()), ("C1".to_owned(), "{}".to_owned())];
    assert!(notices::rows::insert(&mut tx, id, &rows).await.is_err(), "one row for a customer");
    tx.rollback().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    let nobody = [("C1".to_owned(), "Ett".to_owned())];
    releases::insert_unaddressed(&mut tx, id, &nobody).await.unwrap();
    assert!(releases::insert_unaddressed(&mut tx, id, &nobody).await.is_err(), "nobody is without an address twice");
}

#[rstest]
#[case("ALTER TABLE unaddressed RENAME TO gone")]
#[case("ALTER TABLE queue RENAME TO gone")]
#[tokio::test]
async fn what_cannot_be_counted_is_not_taken_for_none(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] away: &'static str,
) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    sqlx::query(away).execute(&mut *tx).await.unwrap();
    tx.commit().await.unwrap();
    let mut conn = fixture.store.read().await.unwrap();
    if away.contains("unaddressed") {
        assert!(releases::written(&mut conn, id).await.is_err());
    } else {
        assert!(waiting::due(&mut conn, id, fixture.now, 9).await.is_err());
        assert!(waiting::depth(&mut conn, None, fixture.now).await.is_err());
        assert!(waiting::depth(&mut conn, Some(id), fixture.now).await.is_err());
    }
}

#[rstest]
#[case("UPDATE deliveries SET merged = '{'", "merged")]
#[case("UPDATE deliveries SET merged = '\"nobody knows\"'", "merged")]
#[case("UPDATE deliveries SET email = 'nobody'", "email")]
#[case("UPDATE deliveries SET ordinal = -1", "ordinal")]
#[tokio::test]
async fn a_delivery_that_cannot_be_sent_names_itself(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[case] plant: &'static str,
    #[case] column: &str,
) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example"]).await;
    let delivery = deliveries::of_notice(&mut tx, id, 0, 1).await.unwrap()[0].id.to_string();
    sqlx::query(plant).execute(&mut *tx).await.unwrap();
    let error = deliveries::to_send(&mut tx, std::slice::from_ref(&delivery)).await.unwrap_err();
    let StoreError::Inconsistent { table, column: named, row, problem } = &error else { panic!("{error}") };
    assert_eq!((*table, *named, row.as_str()), ("deliveries", column, delivery.as_str()));
    assert!(!problem.contains("nobody"), "{problem}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_delivery_that_cannot_be_sent_hides_no_other_and_names_its_recipient(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.released(&mut tx, &["a@x.example", "b@x.example"]).await;
    let spoiled = "UPDATE deliveries SET merged = '{', locale = '!', email = 'nobody' WHERE email = 'a@x.example'";
    sqlx::query(spoiled).execute(&mut *tx).await.unwrap();
    let shown = deliveries::of_notice(&mut tx, id, 0, 9).await.unwrap();
    let ids: Vec<String> = shown.iter().map(|it| it.id.to_string()).collect();
    let claimed = claims::claim(&mut tx, id, "me", fixture.now, &[], 9).await.unwrap();
    let unpack = |it: claims::Claimed| ToSend::unpack(it.delivery_id, &it.to.unwrap());
    let (read, unread): (Vec<_>, Vec<_>) = claimed.into_iter().map(unpack).partition(Result::is_ok);
    let sendable = read.into_iter().next().unwrap().unwrap();
    assert_eq!((sendable.id, unread.len()), (shown[1].id, 1));
    let mut found = recipients::find(&mut tx, &ids).await.unwrap();
    found.sort_by_key(|recipient| recipient.ordinal);
    assert_eq!((found[0].id, found[0].email.as_str(), found[0].role.as_str()), (shown[0].id, "nobody", "service"));
    assert_eq!(found[1], sendable.recipient());
    assert_eq!(found[1].clone().into_person().address, "b@x.example");
    sqlx::query("UPDATE deliveries SET email = ''").execute(&mut *tx).await.unwrap();
    assert!(recipients::find(&mut tx, &ids).await.unwrap().is_empty(), "they were erased");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn blobs_of_a_wrong_size_are_reported(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.draft(&mut tx, "R").await;
    sqlx::query("UPDATE notices SET digest = $1").bind(vec![1_u8; 3]).execute(&mut *tx).await.unwrap();
    let error = notices::find(&mut tx, id).await.unwrap_err().to_string();
    assert!(error.contains(&format!("table `notices`, column `digest`, row `{id}`: has 3 bytes, not 32")), "{error}");
    secrets::get_or_insert(&mut tx, "links", &[1; 32]).await.unwrap();
    sqlx::query("UPDATE secrets SET value = $1").bind(vec![1_u8; 33]).execute(&mut *tx).await.unwrap();
    let error = secrets::find(&mut tx, "links").await.unwrap_err().to_string();
    assert!(error.contains("table `secrets`, column `value`, row `links`"), "{error}");
}

/// Pages go by address: all reasons of an address are on one.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn no_suppression_falls_between_two_pages(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    for (email, reasons) in [
        ("a@x.example", &[Reason::Dead][..]),
        ("b@x.example", &[Reason::Dead, Reason::Manual]),
        ("c@x.example", &[Reason::Dead]),
    ] {
        for reason in reasons {
            suppressions::add(&mut tx, &address(email), *reason, fixture.now).await.unwrap();
        }
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = suppressions::list(&mut tx, after.as_ref(), 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.key.clone(), last.reason));
        seen.extend(page.into_iter().map(|it| (it.email, it.reason)));
    }
    assert_eq!(seen.len(), 4, "{seen:?}");
}

#[tokio::test]
async fn sqlite_connections_are_set_up_for_what_is_promised() {
    let fixture = Fixture::new(Engine::Sqlite).await;
    let mut tx = fixture.store.write().await.unwrap();
    for (setting, wanted) in [("synchronous", 2_i64), ("secure_delete", 1), ("busy_timeout", 10_000)] {
        let sql = AssertSqlSafe(format!("SELECT * FROM pragma_{setting}"));
        let value: i64 = sqlx::query_scalar(sql).fetch_one(&mut *tx).await.unwrap();
        assert_eq!(value, wanted, "{setting}");
    }
    let mut reader = fixture.store.read().await.unwrap();
    assert!(refuses(&mut reader, "DELETE FROM notices", "readonly").await);
}

/// Whatever is the default: nothing acknowledged is lost, and a release does not wait for what it does not need.
#[tokio::test]
async fn postgres_commits_are_on_the_disk_whatever_a_database_has_as_its_default() {
    let fixture = Fixture::new(Engine::Postgres).await;
    let of = async |conn: &mut Conn| -> String {
        sqlx::query_scalar("SHOW synchronous_commit").fetch_one(conn).await.unwrap()
    };
    for (default, wanted) in [("off", "on"), ("on", "on"), ("local", "local"), ("remote_apply", "remote_apply")] {
        let name = fixture.database.url.rsplit('/').next().unwrap();
        let sql = format!("ALTER DATABASE {name} SET synchronous_commit = {default}");
        sqlx::query(AssertSqlSafe(sql)).execute(&mut *fixture.store.read().await.unwrap()).await.unwrap();
        let store = Store::open(&fixture.database.url.parse().unwrap(), false).await.unwrap();
        assert_eq!(of(&mut store.write().await.unwrap()).await, wanted, "{default}");
        assert_eq!(of(&mut store.writer().begin().await.unwrap()).await, wanted, "{default}");
        assert_eq!(of(store.import_writer().connection().await.unwrap()).await, wanted, "{default}");
        assert_eq!(of(&mut store.bulk_writer().begin().await.unwrap()).await, "off", "{default}");
    }
}
