//! What a client may take of the API: nothing without a key, and a body only as long as it comes.

use std::time::Duration;

use besked::domain::operator::Role;
use besked::http::serve::Limits;

use super::{Node, Server};
use crate::app::{TestApp, alice};
use crate::database::Engine;
use crate::operators::person;

fn head(key: &str, path: &str, length: usize) -> String {
    let key = if key.is_empty() { String::new() } else { format!("Authorization: Bearer {key}\r\n") };
    format!(
        "POST {path} HTTP/1.1\r\nHost: x.example\r\n{key}Content-Type: application/json\r\nIdempotency-Key: k\r\nContent-Length: {length}\r\n\r\n"
    )
}

/// None of these bodies comes: each request is answered by its head.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_not_read_of_who_has_no_key_nor_one_that_is_too_large() {
    let server = Server::with(Engine::Sqlite, &[person("Ola", &[Role::Ops])]).await;
    let key = server.key("Ola").await;
    let node = &server.node;
    node.exchange(head("", "/api/v1/notices", 5_000_000).as_bytes()).await.refused(401);
    node.exchange(head(&key, "/api/v1/notices", 8_000_001).as_bytes()).await.refused(413);
    node.exchange(head(&key, "/api/v1/notices/x/submit", 100_000).as_bytes()).await.refused(413);
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_ends_its_request() {
    let server = Server::with(Engine::Sqlite, &[person("Ola", &[Role::Ops])]).await;
    let key = server.key("Ola").await;
    let limits = Limits { body: Duration::from_millis(50), ..Limits::default() };
    let node = Node::limited(server.app.app.clone(), limits).await;
    let half = head(&key, "/api/v1/notices/check", 100) + "{\"source\": ";
    node.exchange(half.as_bytes()).await.refused(400);
    node.end().await;
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_says_who_guesses_keys() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.http.unknown_keys_per_minute = 1;
        config.http.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()];
    })
    .await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let node = Node::start(app.app.clone()).await;
    let guess =
        async |from: &str| node.ask("besked_x", ("GET", "/api/v1/me"), &[("X-Forwarded-For", from)], b"").await.status;
    assert_eq!((guess("192.0.2.1").await, guess("192.0.2.1").await), (401, 429));
    assert_eq!(guess("192.0.2.2").await, 401);
    assert_eq!(guess("192.0.2.9, 192.0.2.1").await, 429, "what is before the proxy's word is the client's own");
    assert_eq!(guess("x, 192.0.2.1").await, 429, "whatever that is");
    node.end().await;
}
