//! The exported log, read by somebody else's C2SP client.

use std::path::{Path, PathBuf};

use besked::domain::checkpoint::Checkpoint;
use besked::domain::merkle::leaf_hash;
use besked::ledger::export::{Exported, export};
use besked::store::proof::tree;
use tlog_tiles::{
    Error, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    stored_hash_index,
};

use crate::app::TestApp;
use crate::database::Engine;
use crate::ledger::append;

/// A client of static files.
struct Folder(PathBuf);

impl TileReader for Folder {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // The client names the height of its tiles in their paths, C2SP does not.
        let path = |tile: &Tile| self.0.join(tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(|tile| std::fs::read(path(tile)).unwrap_or_else(|_| panic!("{}", tile.path()))).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

async fn exported(app: &TestApp, folder: &Path) -> Exported {
    let checkpoint = app.app.ledger.checkpoint().await.unwrap();
    let mut conn = app.app.context.store.snapshot().await.unwrap();
    export(&mut conn, &checkpoint, folder, &|_| ()).await.unwrap()
}

fn checkpoint(app: &TestApp, folder: &Path) -> Checkpoint {
    let note = std::fs::read_to_string(folder.join("checkpoint")).unwrap();
    Checkpoint::open(&note, &app.app.ledger.verifier_key().unwrap()).unwrap()
}

#[tokio::test]
async fn another_client_reads_the_log_and_proves_from_it() {
    let app = TestApp::new(Engine::Sqlite).await;
    let folder = app.home.path().join("log");
    let client = Folder(folder.clone());
    let mut before = None;
    for (count, written) in [(1, 3), (255, 4), (1, 3), (70_000, 552)] {
        append(&app.app, count).await;
        let done = exported(&app, &folder).await;
        assert_eq!(done.written, written, "after {count} more: {done:?}");
        let again = exported(&app, &folder).await;
        assert_eq!(again.written, 1, "only the checkpoint is written again");

        let signed = checkpoint(&app, &folder);
        let (size, root) = (signed.size(), tlog_tiles::Hash(signed.root()));
        let reader = TileHashReader::new(size, root, &client);
        let mut conn = app.app.context.store.read().await.unwrap();
        for index in [0, size / 2, size - 1] {
            let leaf = leaf_hash(&tree::leaves(&mut conn, index, 1).await.unwrap()[0]);
            let read = reader.read_hashes(&[stored_hash_index(0, index)]).unwrap();
            assert_eq!(read, [tlog_tiles::Hash(leaf)], "authenticated by the client");
            let proof = prove_record(size, index, &reader).unwrap();
            check_record(&proof, size, root, index, tlog_tiles::Hash(leaf)).unwrap();
            let bundle = Tile::from_index(8, stored_hash_index(0, index)).parent(0, size).unwrap();
            let path = bundle.path().replacen("tile/8/0/", "tile/entries/", 1);
            let bytes = std::fs::read(folder.join(path)).unwrap();
            let place = usize::try_from(index % 256).unwrap() * 72;
            assert_eq!(bytes[place..place + 2], [0, 70]);
            assert_eq!(leaf_hash(&bytes[place + 2..place + 72]), leaf);
        }
        if let Some((old_size, old_root)) = before.replace((size, root)) {
            let proof = prove_tree(size, old_size, &reader).unwrap();
            check_tree(&proof, size, root, old_size, old_root).unwrap();
        }
    }
}

#[tokio::test]
async fn a_log_from_before_a_restore_is_not_mixed_with_the_one_after() {
    let (app, other) = (TestApp::new(Engine::Sqlite).await, TestApp::new(Engine::Sqlite).await);
    let folder = app.home.path().join("log");
    append(&app.app, 300).await;
    exported(&app, &folder).await;
    append(&other.app, 400).await;
    let checkpoint = other.app.ledger.checkpoint().await.unwrap();
    let mut conn = other.app.context.store.snapshot().await.unwrap();
    let refused = export(&mut conn, &checkpoint, &folder, &|_| ()).await;
    assert!(matches!(refused, Err(besked::ledger::export::ExportError::OtherLog(_))), "{refused:?}");
}
