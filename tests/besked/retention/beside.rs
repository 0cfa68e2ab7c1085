//! What ends beside the persons of notices: what it leaves, and what it does not change.

use std::time::Duration;

use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::domain::preference::Wish;
use besked::domain::records::Records;
use besked::store::people::imports;

use super::DAY;
use crate::app::{CUSTOMERS, NEWS, TestApp, address, alice};
use crate::database::Engine;
use crate::relay::Act;

/// Nobody is left to ask about it, and it would stay "not decided yet" for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_purge_says_what_stays_uncertain() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.relay.on(". ", 1, Act::TakeAndClose);
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.get(&State::Uncertain), Some(&1));
    app.advance(Duration::from_secs(367 * DAY));
    for dry_run in [true, false] {
        let purged = app.purge(dry_run).await.notices;
        assert_eq!(purged.iter().map(|it| (it.notice_id, it.uncertain)).collect::<Vec<_>>(), [(id, 1)], "{dry_run}");
    }
}

/// An import that compares its file meanwhile, or a queue that was compared, need not look again.
#[tokio::test]
async fn what_ends_beside_the_contacts_is_no_change_of_the_contacts() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let gone = address("gone@x.example");
    let wish = Wish::new(Category::News, true).unwrap();
    app.app.preferences.set(&alice(), &gone, &[wish]).await.unwrap();
    let revision = async || {
        let mut conn = app.app.context.store.read().await.unwrap();
        imports::revision(&mut conn).await.unwrap()
    };
    let before = revision().await;
    app.advance(Duration::from_secs(20 * 366 * DAY));
    assert_eq!(app.purge(false).await.records[&Records::Preferences], 1);
    assert_eq!(revision().await, before);
}
