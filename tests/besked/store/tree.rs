//! The ledger's tree in the store: pending entries, leaves, nodes, head and checkpoints.

use besked::domain::entry::{Entry, Event};
use besked::domain::merkle::{Frontier, Node, leaf_hash};
use besked::store::proof::ledger::Opening;
use besked::store::proof::tree::Signed;
use besked::store::proof::{ledger, tree};
use rstest::rstest;

use super::Fixture;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn the_tree_grows_from_what_waits(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    let entries: Vec<Entry> = (0..5).map(|_| fixture.entry(Event::Attested)).collect();
    let openings: Vec<_> = entries.iter().map(|entry| Opening::about_nothing(entry, fixture.now)).collect();
    ledger::append(&mut tx, &openings).await.unwrap();
    tx.commit().await.unwrap();

    let mut tx = fixture.store.write().await.unwrap();
    let head = tree::lock_head(&mut tx).await.unwrap();
    assert_eq!((head.frontier.size(), head.root), (0, besked::domain::merkle::empty_root()));
    let first = tree::number_pending(&mut tx, 0, 3).await.unwrap();
    assert_eq!(first, entries[..3].iter().map(|it| it.leaf.clone()).collect::<Vec<_>>());
    let mut frontier = Frontier::new();
    first.iter().for_each(|leaf| frontier.push(leaf_hash(leaf)));
    assert!(tree::advance(&mut tx, 0, &frontier).await.unwrap());
    assert!(!tree::advance(&mut tx, 0, &frontier).await.unwrap(), "the size is another now");
    tree::insert_nodes(&mut tx, &[]).await.unwrap();
    let node = |index| Node { level: 8, index };
    tree::insert_nodes(&mut tx, &[(node(0), [1; 32]), (node(1), [2; 32])]).await.unwrap();
    tx.commit().await.unwrap();

    let mut conn = fixture.store.read().await.unwrap();
    let head = tree::head(&mut conn).await.unwrap();
    assert_eq!((head.frontier.clone(), head.root), (frontier.clone(), frontier.root()));
    assert_eq!((head.stopped, head.mailed_at), (None, None));
    assert_eq!(tree::leaves(&mut conn, 1, 9).await.unwrap(), [entries[1].leaf.clone(), entries[2].leaf.clone()]);
    assert_eq!(tree::nodes(&mut conn, 8, 1, 9).await.unwrap(), [[2; 32]]);
    assert!(tree::nodes(&mut conn, 16, 0, 9).await.unwrap().is_empty());
    assert_eq!(ledger::sizes(&mut conn).await.unwrap(), (3, 2));
    let ids = [entries[2].id, entries[0].id, entries[4].id];
    assert_eq!(tree::indexes(&mut conn, &ids).await.unwrap(), [0, 2], "the last one waits");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn checkpoints_are_kept_and_sealing_can_be_stopped(#[case] engine: Engine) {
    let fixture = Fixture::new(engine).await;
    let mut tx = fixture.store.write().await.unwrap();
    assert!(tree::last_checkpoint(&mut tx).await.unwrap().is_none());
    assert!(tree::largest_checkpoint(&mut tx).await.unwrap().is_none());
    let signed = |size, note: &str| Signed { size, note: note.to_owned(), vkey: "k".to_owned(), at: fixture.now };
    for (size, note) in [(5, "a"), (9, "b"), (5, "c"), (9, "b")] {
        tree::insert_checkpoint(&mut tx, &signed(size, note)).await.unwrap();
    }
    assert_eq!(tree::last_checkpoint(&mut tx).await.unwrap(), Some(signed(5, "c")), "signed last, not largest");
    assert_eq!(tree::checkpoints(&mut tx, 0, 8).await.unwrap(), [signed(5, "a"), signed(5, "c")]);
    assert_eq!(tree::checkpoints(&mut tx, 5, 9).await.unwrap(), [signed(9, "b")]);
    assert_eq!(tree::largest_checkpoint(&mut tx).await.unwrap(), Some(9));
    assert_eq!(tree::missing_checkpoints(&mut tx).await.unwrap(), 0);
    assert_eq!(tree::keys(&mut tx).await.unwrap(), ["k"]);
    assert!(tree::set_stopped(&mut tx, Some("because")).await.unwrap());
    assert!(!tree::set_stopped(&mut tx, Some("again")).await.unwrap());
    assert_eq!(tree::head(&mut tx).await.unwrap().stopped.as_deref(), Some("because"));
    assert!(tree::set_stopped(&mut tx, None).await.unwrap());
    tree::set_mailed(&mut tx, fixture.now).await.unwrap();
    assert_eq!(tree::head(&mut tx).await.unwrap().mailed_at, Some(fixture.now));
}
