//! One mailbox, several spellings: what a person asked for holds for all of them, and mail goes to the one that was written.

use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::domain::preference::Reason;
use besked::people::import::{ImportError, ImportOptions};
use besked::store::people::suppressions;
use rstest::rstest;

use crate::app::{NEWS, TestApp, address, key, maintenance};
use crate::database::Engine;

const HEADER: &str = "account_id,customer_name,email,role\n";

fn anna(spelling: &str) -> String {
    format!("{HEADER}C1,Ett AB,{spelling},service\n")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_opt_out_holds_for_every_spelling_of_the_address(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("anna@ett.example")).await;
    app.wish("Anna@ett.example", Category::News, true).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::OptedOut, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_suppression_holds_for_every_spelling_of_the_address(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("ANNA@ett.example")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    suppressions::add(&mut tx, &address("anna@ett.example"), Reason::Manual, app.app.context.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Suppressed, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_was_erased_in_one_spelling_is_gone_in_all_and_does_not_come_back_in_another(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("Anna@ett.example")).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let erased = app.erase("anna@ETT.example").await.unwrap();
    assert_eq!((erased.contacts, erased.deliveries), (1, 1));
    let imported = app.import(&anna("aNNa@ett.example")).await;
    assert_eq!((imported.contacts, imported.erased.len()), (0, 1));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_spelling_that_changes_in_the_file_is_the_same_contact_and_is_the_one_that_is_sent_to(
    #[case] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    app.import(&anna("anna@ett.example")).await;
    app.import(&anna("Anna@ett.example")).await;
    let mut conn = app.app.context.store.read().await.unwrap();
    let contacts = besked::store::people::subjects::contacts(&mut conn, &key("anna@ett.example")).await.unwrap();
    assert_eq!(contacts.len(), 1);
    drop(conn);
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!((app.relay.to("Anna@ett.example").len(), app.relay.to("anna@ett.example").len()), (1, 0));
}

#[tokio::test]
async fn a_file_with_one_person_in_two_spellings_is_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    let twice = format!("{}C1,Ett AB,ANNA@ett.example,service\n", anna("anna@ett.example"));
    let Err(ImportError::Invalid(problems)) = app.try_import(twice.as_bytes(), ImportOptions::default()).await else {
        panic!("it was imported")
    };
    assert_eq!(problems.to_string().trim(), "line 3: `email`: is in the file already, for the same account and role");
}

#[tokio::test]
async fn a_person_with_two_roles_in_two_spellings_gets_one_mail() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(&format!("{}C1,Ett AB,ANNA@ett.example,legal\n", anna("anna@ett.example"))).await;
    let breach = include_str!("../../config/demo/notices/1-security-breach.md");
    let id = app.release(breach).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.values().sum::<u64>(), 1);
}
