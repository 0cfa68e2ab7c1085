//! Operators and keys over HTTP.

use rstest::rstest;
use serde_json::{Value, json};

use super::Server;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_admin_adds_operators_and_keys_and_ends_them(#[case] engine: Engine) {
    let server = Server::with(engine, &[]).await;
    let (root, node) = (server.key("Root").await, &server.node);
    let robot = json!({ "name": "deploy-run", "kind": "machine", "roles": ["admin"] });
    let added = node.once(&root, "/api/v1/operators", "a", &robot).await;
    assert_eq!(added.ok(201)["kind"], "machine");
    assert_eq!(node.once(&root, "/api/v1/operators", "a", &robot).await.body, added.body);
    node.post(&root, "/api/v1/operators", &robot).await.refused(409);
    let wrong = json!({ "name": "x", "kind": "robot", "roles": ["boss"], "mail": "x" });
    assert_eq!(node.post(&root, "/api/v1/operators", &wrong).await.places(422).len(), 3);

    // Shown once: a second request with the same key has nothing to show, and makes none.
    let wanted = json!({ "operator": "deploy-run" });
    let made = node.once(&root, "/api/v1/keys", "k", &wanted).await.ok(201);
    let (id, key) = (made["id"].as_str().unwrap().to_owned(), made["key"].as_str().unwrap().to_owned());
    let again = node.once(&root, "/api/v1/keys", "k", &wanted).await.refused(409);
    assert!(again["hint"].as_str().unwrap().contains(&id), "{again}");
    let listed = node.get(&root, "/api/v1/keys?operator=deploy-run").await.ok(200);
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(&key));
    assert_eq!(node.get(&key, "/api/v1/me").await.ok(200)["roles"], json!(["admin"]));

    // No key makes one with more roles than it has.
    node.post(&root, "/api/v1/operators", &json!({ "name": "fin", "roles": ["finance"] })).await.ok(201);
    node.post(&key, "/api/v1/keys", &json!({ "operator": "fin" })).await.refused(403);
    let more = json!({ "operator": "deploy-run", "roles": ["admin", "finance"] });
    node.post(&root, "/api/v1/keys", &more).await.refused(422);
    for (wrong, place) in [
        (json!({ "operator": "deploy-run", "expires_at": "tomorrow" }), "/expires_at"),
        (json!({ "operator": "deploy-run", "roles": ["boss"] }), "/roles/0"),
        (json!({}), "/operator"),
    ] {
        assert_eq!(node.post(&root, "/api/v1/keys", &wrong).await.places(422), [place]);
    }

    let path = format!("/api/v1/keys/{id}");
    let revoke = async |path: &str| node.ask(&root, ("DELETE", path), &[], b"").await;
    assert_eq!(revoke(&path).await.ok(200)["revoked"], true);
    assert_eq!(revoke(&path).await.ok(200)["revoked"], false);
    revoke("/api/v1/keys/x").await.refused(404);
    node.get(&key, "/api/v1/me").await.refused(401);

    let path = "/api/v1/operators/deploy-run";
    let set =
        node.send(&root, "PUT", path, &json!({ "roles": ["admin", "support"], "email": "run@example.com" })).await;
    assert_eq!(set.ok(200)["roles"], json!(["support", "admin"]));
    assert_eq!(node.send(&root, "PUT", path, &json!({ "state": "disabled" })).await.ok(200)["state"], "disabled");
    assert_eq!(node.send(&root, "PUT", path, &json!({ "state": "active" })).await.ok(200)["state"], "active");
    assert_eq!(node.send(&root, "PUT", path, &json!({ "email": "nobody" })).await.places(422), ["/email"]);
    let last = node.send(&root, "PUT", "/api/v1/operators/Root", &json!({ "state": "disabled" })).await;
    assert_ne!(last.status, 200, "nobody would be left: {}", last.text());
    node.get(&root, "/api/v1/operators/nobody").await.refused(404);
    let audited = server.audited().await;
    let kept = |action: &str, object: &str| {
        audited.iter().any(|(_, what, on, _)| what == action && on.as_deref() == Some(object))
    };
    assert!(kept("POST /api/v1/keys", &id) && kept("DELETE /api/v1/keys/{id}", &id), "{audited:?}");
    assert!(kept("PUT /api/v1/operators/{name}", "deploy-run"));
    assert_eq!(node.get(&root, "/api/v1/operators").await.ok(200)["next"], Value::Null);
    server.node.end().await;
}
