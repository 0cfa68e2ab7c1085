//! Rows that are added to a standing notice.

use besked::domain::notice::{Standing, State};
use besked::store::notices::releases::{self, Packed};
use besked::store::notices::rows::{self, Added};
use besked::store::people::mentions;
use besked::store::sending::{deliveries, queue};
use besked::store::{escalations, notices};
use rstest::rstest;

use super::{Fixture, released};
use crate::app::releasing;
use crate::database::Engine;

fn row(account: &str, key: &str, data: &str) -> Added {
    Added { key: key.to_owned(), account_id: account.to_owned(), data: data.to_owned() }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_row_is_found_by_its_key_and_added_once(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let (id, other) = (fixture.draft(&mut tx, "F").await, fixture.draft(&mut tx, "G").await);
    let added = [row("C1", "a", "{\"mail\":\"a@x.example\"}"), row("C1", "b", "{}"), row("C2", "å", "{}")];
    rows::add(&mut tx, id, &added).await.unwrap();
    rows::add(&mut tx, other, &added[..1]).await.unwrap();
    let mut found = rows::with_keys(&mut tx, id, &["å", "a", "none"]).await.unwrap();
    found.sort_by(|a, b| a.account_id.cmp(&b.account_id));
    assert_eq!(found, [added[0].clone(), added[2].clone()]);
    // They are no rows of an audience file: the digest of the notice does not have them.
    assert!(rows::page(&mut tx, id, "", 9).await.unwrap().is_empty());
    assert!(rows::of(&mut tx, id, &["C1"]).await.unwrap().is_empty());
    // A person in one of them is found, page by page, and the key stays.
    let found = mentions::file_rows(&mut tx, "a@x.example", ("", ""), 1).await.unwrap();
    let after = (found[0].notice_id.to_string(), format!("{} {}", found[0].account_id, found[0].key));
    let next = mentions::file_rows(&mut tx, "a@x.example", (&after.0, &after.1), 9).await.unwrap();
    assert_eq!((found.len(), next.len()), (1, 1));
    mentions::delete_file_row(&mut tx, &found[0]).await.unwrap();
    let left = rows::with_keys(&mut tx, found[0].notice_id, &["a"]).await.unwrap();
    assert_eq!(left, [row("C1", "a", "{}")]);
    tx.commit().await.unwrap();
    let mut tx = fixture.store.write().await.unwrap();
    assert!(rows::add(&mut tx, id, &[row("C9", "a", "{}")]).await.is_err(), "the key is taken");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_standing_notice_is_closed_once_it_was_ended(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.draft(&mut tx, "F").await;
    assert!(notices::set_state(&mut tx, id, State::Draft, State::Approved).await.unwrap());
    assert!(releases::begin_release(&mut tx, id, &releasing("me", fixture.now)).await.unwrap());
    let how = releases::Released { standing: true, ..released(0) };
    assert!(releases::set_released(&mut tx, id, fixture.now, &how).await.unwrap());
    assert!(!notices::set_closed(&mut tx, id, fixture.now).await.unwrap(), "somebody may be added");
    assert!(notices::open::list(&mut tx).await.unwrap()[0].standing);
    let mut first = fixture.recipient(0, "a@x.example");
    first.row_key = Some("a".to_owned());
    releases::insert(&mut tx, id, 1, fixture.now, &Packed::of(&[first, fixture.recipient(1, "b@x.example")]))
        .await
        .unwrap();
    let of_rows = deliveries::of_rows(&mut tx, id, &["C1"], &["a", "b"]).await.unwrap();
    assert_eq!(of_rows.keys().collect::<Vec<_>>(), ["a"]);
    assert_eq!(of_rows["a"][0].email, "a@x.example");
    assert!(deliveries::of_rows(&mut tx, id, &["C2"], &["a"]).await.unwrap().is_empty());
    assert!(notices::end_standing(&mut tx, id).await.unwrap());
    assert!(!notices::end_standing(&mut tx, id).await.unwrap(), "it has ended");
    assert_eq!(notices::find(&mut tx, id).await.unwrap().unwrap().standing, Some(Standing::Ended));
    assert!(!notices::set_closed(&mut tx, id, fixture.now).await.unwrap(), "two wait");
    for waiting in queue::unclaimed(&mut tx, id, 9).await.unwrap() {
        sqlx::query("DELETE FROM queue WHERE delivery_id = $1")
            .bind(waiting.to_string())
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    assert!(notices::set_closed(&mut tx, id, fixture.now).await.unwrap());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_was_settled_about_a_customer_begins_again(#[case] engine: Engine) {
    use besked::domain::escalation::State::{Addressing, Informed, Settled};
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let id = fixture.draft(&mut tx, "F").await;
    let case = |account: &str, state| escalations::Case {
        account_id: account.to_owned(),
        state,
        since: fixture.now,
        due_at: None,
        turns: 1,
    };
    let cases = [case("C1", Settled), case("C2", Informed), case("C3", Addressing), case("C4", Settled)];
    escalations::set(&mut tx, id, &cases).await.unwrap();
    escalations::begin_again(&mut tx, id, &["C1", "C2", "C3"]).await.unwrap();
    let left = escalations::of_customers(&mut tx, id, &["C1", "C2", "C3", "C4"]).await.unwrap();
    assert_eq!(left.into_keys().collect::<Vec<_>>(), ["C3", "C4"]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn one_node_takes_a_look_at_the_directory(#[case] engine: Engine) {
    use besked::domain::task::TaskKind;
    use besked::store::people::directories::{self, Outcome};
    use besked::store::tasks;
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let later = fixture.now + std::time::Duration::from_mins(15);
    assert!(directories::take(&mut tx, fixture.now, later).await.unwrap());
    assert!(!directories::take(&mut tx, fixture.now, later).await.unwrap(), "another node has it");
    assert_eq!(directories::failed(&mut tx, fixture.now, later).await.unwrap(), fixture.now);
    assert_eq!(directories::failed(&mut tx, later, later).await.unwrap(), fixture.now, "since the first time");
    let outcome = Outcome { url: "https://x.example/", etag: Some("\"v\""), modified: None, imported: true };
    directories::succeeded(&mut tx, &outcome, fixture.now, later).await.unwrap();
    directories::succeeded(&mut tx, &Outcome { imported: false, ..outcome }, later, later).await.unwrap();
    let known = directories::find(&mut tx).await.unwrap();
    assert_eq!(
        (known.url.as_str(), known.etag.as_deref(), known.modified),
        ("https://x.example/", Some("\"v\""), None)
    );
    assert_eq!((known.checked_at, known.imported_at, known.failed_since), (Some(later), Some(fixture.now), None));
    assert_eq!(known.due_at, later);
    assert_eq!(tasks::close_kind(&mut tx, TaskKind::StaleDirectory, later).await.unwrap(), 0);
}
