//! The name of the ledger, which is in every signature of it.

use besked::domain::entry::{Detail, Event};

use crate::app::{CUSTOMERS, TestApp, bo, maintenance};
use crate::database::Engine;
use crate::ledger::{last_fact, stopped};

#[tokio::test]
async fn another_name_of_the_ledger_is_named_as_what_changed() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("all = true")).await;
    app.app.ledger.checkpoint().await.unwrap();
    let app = app.configured(|config| config.ledger.origin = "norr.example/besked".to_owned()).await;
    let why = stopped(&app).await;
    assert!(why.contains("`[ledger] origin` is `norr.example/besked` now, and the ledger was signed as"), "{why}");
    assert!(!why.contains("the key is not"), "{why}");
    app.app.ledger.resume(&bo(), "the name was that of the example").await.unwrap();
    assert_eq!(app.app.ledger.standing().await.unwrap().stopped, None);
    let said = last_fact(&app, Event::KeyRotated).await.detail;
    let Detail::Keys { old, new } = said else { panic!("{said:?}") };
    assert!(old.starts_with("example.com/besked+") && new.starts_with("norr.example/besked+"), "{old} {new}");
}
