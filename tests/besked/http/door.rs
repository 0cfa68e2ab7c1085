//! The way in: keys, rates, what cannot be read, and the description of the API.

use besked::domain::operator::Role;
use besked::operators::keys::NewKey;
use rstest::rstest;
use serde_json::json;

use super::Server;
use crate::app::TestApp;
use crate::database::Engine;
use crate::operators::{at, person};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_who_asks_until_it_is_revoked(#[case] engine: Engine) {
    let server = Server::with(engine, &[person("Ola", &[Role::Ops, Role::Support])]).await;
    let root = at(&server.app, "Root").await;
    let roles = Some([Role::Ops].into_iter().collect());
    let made = server.app.app.keys.add(&root, &NewKey { operator: "Ola", roles, expires_at: None }).await.unwrap();
    let key = made.key.reveal();
    let reply = server.node.get(key, "/api/v1/me").await;
    let me = reply.ok(200);
    assert_eq!((&me["operator"], &me["kind"], &me["roles"]), (&json!("Ola"), &json!("person"), &json!(["ops"])));
    let right = |name: &str| me["rights"].as_array().unwrap().iter().find(|it| it["right"] == name).cloned();
    assert_eq!(right("write notices").unwrap()["categories"], json!(["disruption", "maintenance"]));
    assert_eq!(right("import customers"), None);
    for (name, value) in
        [("cache-control", "no-store"), ("x-content-type-options", "nosniff"), ("ratelimit-limit", "2000")]
    {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    assert_eq!(reply.header("x-request-id").unwrap().len(), 36);

    server.app.app.keys.revoke(&root, made.shown.id).await.unwrap();
    let reply = server.node.get(key, "/api/v1/me").await;
    assert!(reply.refused(401)["detail"].as_str().unwrap().contains("revoked"));
    assert_eq!(reply.header("www-authenticate"), Some("Bearer realm=\"besked\""));
    let unknown = besked::domain::key::Key::new(&besked::domain::random::Random::seeded(1));
    for wrong in ["", "x", "besked_x", unknown.reveal()] {
        server.node.get(wrong, "/api/v1/me").await.refused(401);
    }
    let action = "GET /api/v1/me".to_owned();
    let row = |operator: &str, result: &str| (operator.to_owned(), action.clone(), None, result.to_owned());
    let rows = server.audited().await;
    assert_eq!(rows[..4], std::array::from_fn::<_, 4, _>(|_| row("unknown", "unauthenticated")));
    assert_eq!(rows[4..6], [row("Ola", "unauthenticated"), row("Ola", "ok")]);
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_ends_when_it_was_said_to() {
    let server = Server::with(Engine::Sqlite, &[person("Ola", &[Role::Ops])]).await;
    let root = at(&server.app, "Root").await;
    let end = server.app.app.context.clock.now() + std::time::Duration::from_secs(60);
    let new = NewKey { operator: "Ola", roles: None, expires_at: Some(end) };
    let made = server.app.app.keys.add(&root, &new).await.unwrap();
    server.node.get(made.key.reveal(), "/api/v1/me").await.ok(200);
    server.app.advance(std::time::Duration::from_secs(60));
    server.node.get(made.key.reveal(), "/api/v1/me").await.refused(401);
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_too_often_is_told_when_to_ask_again() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.http.rate_per_second = 1;
        config.http.burst = 3;
        config.http.unknown_keys_per_minute = 2;
    })
    .await;
    app.app.operators.add(&crate::app::alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let node = super::Node::start(app.app.clone()).await;
    let server = Server { app, node };
    let key = server.key("Root").await;
    // One comes back each second, which some of these may take on a busy machine.
    let mut left = 3;
    let reply = loop {
        let reply = server.node.get(&key, "/api/v1/me").await;
        if reply.status == 429 {
            break reply;
        }
        let remaining = reply.header("ratelimit-remaining").unwrap().parse::<u32>().unwrap();
        assert!(remaining >= left - 1 && remaining <= 2, "{remaining} after {left}");
        left = remaining;
    };
    assert_eq!(left, 0);
    reply.refused(429);
    assert_eq!(reply.header("retry-after"), Some("1"));
    let before = server.audited().await.len();
    let mut guessed = 0;
    while server.node.get("besked_guess", "/api/v1/me").await.header("retry-after").is_none() {
        guessed += 1;
    }
    assert!(guessed >= 2);
    assert_eq!(server.audited().await.len(), before + guessed, "nobody fills the log by guessing");
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_describes_itself_without_a_key_and_without_the_world() {
    let server = Server::with(Engine::Sqlite, &[]).await;
    let document = server.node.get("", "/api/openapi.json").await.ok(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        document["paths"]["/api/v1/me"]["get"]["responses"]["401"]["content"]["application/problem+json"].is_object()
    );
    let reply = server.node.get("", "/api/docs").await;
    let page = reply.text();
    assert!(reply.status == 200 && page.contains("/api/v1/me"), "{page}");
    let places = ["src=\"", "href=\"", "url(", "@import "].iter().flat_map(|mark| page.split(mark).skip(1));
    let elsewhere = places
        .map(|it| it.trim_start_matches(['"', '\'']))
        .find(|it| !it.starts_with(['/', '#']) || it.starts_with("//"));
    assert_eq!(elsewhere, None, "the page needs nothing from elsewhere");
    assert!(reply.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
    server.node.get("", "/api/v1/nothing").await.refused(404);
    server.node.get("", "/api/").await.refused(404);
    let reply = server.node.ask("", ("DELETE", "/api/v1/me"), &[], b"").await;
    assert!([401, 405].contains(&reply.refused(reply.status)["status"].as_u64().unwrap()));
    server.node.end().await;
}

/// Every path of the document is there, and wants a key.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_answered_without_a_key() {
    let server = Server::with(Engine::Sqlite, &[]).await;
    let app = server.app.app.clone();
    for (path, item) in besked::http::api::document()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            // An application of its own, since an address may guess a few times only.
            let node = super::Node::start(app.clone()).await;
            let path: String = path
                .split('/')
                .map(|it| {
                    if it.starts_with('{') { "/x" } else { "/" }.to_owned()
                        + it.trim_start_matches('{').trim_end_matches('}')
                })
                .collect();
            let reply = node.ask("", (&method.to_uppercase(), &path[1..]), &[], b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            node.end().await;
        }
    }
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_audit_log_has_one_spelling_of_an_id_and_no_word_of_a_stranger(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(crate::app::CUSTOMERS).await;
    let (security, auditor, compliance) =
        (server.key("security").await, server.key("auditor").await, server.key("compliance").await);
    let node = &server.node;
    let made = node.once(&security, "/api/v1/notices", "k", &super::notices::breach()).await.ok(201);
    let id = made["id"].as_str().unwrap();
    let capitals = id.to_uppercase().replace('-', "");
    node.post(&security, &format!("/api/v1/notices/{capitals}/submit"), &json!({})).await.ok(200);
    node.get("besked_x", &format!("/api/v1/notices/{id}/steps")).await.refused(401);
    server.app.app.requests.settle().await;
    let listed = async |key: &str, query: &str| {
        let rows = node.get(key, &format!("/api/v1/audit?{query}")).await.ok(200)["events"].clone();
        rows.as_array().unwrap_or_else(|| panic!("{rows}")).clone()
    };
    for object in [id, &capitals] {
        let rows = listed(&compliance, &format!("object={object}")).await;
        let actions: Vec<&str> = rows.iter().filter_map(|row| row["action"].as_str()).collect();
        assert_eq!(actions, ["POST /api/v1/notices/{id}/submit", "POST /api/v1/notices"]);
    }
    let rows = listed(&auditor, "limit=50").await;
    assert!(rows.iter().all(|row| row["action"] != "POST /api/v1/notices/{id}/submit"), "it is sealed: {rows:?}");
    let stranger = rows.iter().find(|row| row["action"] == "GET /api/v1/notices/{id}/steps").unwrap();
    assert_eq!((&stranger["operator"], &stranger["object"]), (&json!("unknown"), &json!(null)));
    server.node.end().await;
}
