//! The public ledger, read over HTTP by somebody else's C2SP client.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use besked::domain::checkpoint::Checkpoint;
use besked::domain::merkle::leaf_hash;
use besked::store::proof::tree;
use tlog_tiles::{
    Error, HashReader, Tile, TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree,
    stored_hash_index,
};

use super::{Node, Reply};
use crate::app::TestApp;
use crate::database::Engine;
use crate::ledger::append;

/// A client that fetches tiles.
struct Client(SocketAddr);

impl Client {
    fn get(&self, path: &str) -> Reply {
        let mut stream = TcpStream::connect(self.0).unwrap();
        write!(stream, "GET /ledger/{path} HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        Reply::parse(&answer)
    }
}

impl TileReader for Client {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        // The client names the height of its tiles in their paths, C2SP does not.
        let fetch = |tile: &Tile| self.get(&tile.path().replacen("tile/8/", "tile/", 1));
        Ok(tiles.iter().map(fetch).inspect(|reply| assert_eq!(reply.status, 200)).map(|reply| reply.body).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn another_client_proves_from_the_tiles_that_it_fetched() {
    let app = TestApp::new(Engine::Sqlite).await;
    let node = Node::start(app.app.clone()).await;
    assert_eq!(node.get("", "/ledger/checkpoint").await.status, 404, "nothing was signed yet");
    let client = Client(node.at);
    let mut before = None;
    for count in [1, 255, 600] {
        append(&app.app, count).await;
        app.app.ledger.checkpoint().await.unwrap();
        let note = node.get("", "/ledger/checkpoint").await;
        let signed = Checkpoint::open(&note.text(), &app.app.ledger.verifier_key().unwrap()).unwrap();
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
            let bytes = client.get(&bundle.path().replacen("tile/8/0/", "tile/entries/", 1)).body;
            let place = usize::try_from(index % 256).unwrap() * 72;
            assert_eq!(leaf_hash(&bytes[place + 2..place + 72]), leaf);
        }
        if let Some((old_size, old_root)) = before.replace((size, root)) {
            let proof = prove_tree(size, old_size, &reader).unwrap();
            check_tree(&proof, size, root, old_size, old_root).unwrap();
        }
    }
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_tile_is_kept_for_ever_and_a_checkpoint_is_asked_for_again() {
    let app = TestApp::new(Engine::Sqlite).await;
    let node = Node::start(app.app.clone()).await;
    append(&app.app, 300).await;
    app.app.ledger.checkpoint().await.unwrap();
    append(&app.app, 10).await;
    for (path, cached) in [
        ("checkpoint", "public, no-cache"),
        ("tile/0/000", "public, max-age=31536000, immutable"),
        ("tile/entries/000", "public, max-age=31536000, immutable"),
        ("tile/0/001.p/44", "public, max-age=3600"),
        ("tile/1/000.p/1", "public, max-age=3600"),
    ] {
        let path = format!("/ledger/{path}");
        let first = node.get("", &path).await;
        assert_eq!((first.status, first.header("cache-control")), (200, Some(cached)), "{path}");
        let tag = first.header("etag").unwrap();
        let again = node.ask("", ("GET", &path), &[("If-None-Match", tag)], b"").await;
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(tag)), "{path}");
    }
    for path in [
        "tile/0/001.p/45",
        "tile/0/001",
        "tile/0/002",
        "tile/0/1",
        "tile/64/000",
        "tile/..%2f..%2fetc/passwd",
        "tile/0/000.p/256",
    ] {
        assert_eq!(node.get("", &format!("/ledger/{path}")).await.status, 404, "{path}");
    }
    node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_address_reads_the_public_ledger_so_often() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        (config.http.rate_per_second, config.http.burst) = (1, 2);
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    append(&app.app, 1).await;
    app.app.ledger.seal().await.unwrap();
    let node = Node::start(app.app.clone()).await;
    let from =
        async |address: &str, path: &str| node.ask("", ("GET", path), &[("X-Forwarded-For", address)], b"").await;
    let (checkpoint, tile) = ("/ledger/checkpoint", "/ledger/tile/0/000.p/1");
    for path in [checkpoint, tile] {
        assert_eq!(from("192.0.2.1", path).await.status, 200, "{path}");
    }
    let refused = from("192.0.2.1", tile).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, Some("1")));
    assert_eq!(from("192.0.2.2", checkpoint).await.status, 200, "another address");
    node.end().await;
}
