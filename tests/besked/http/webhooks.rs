//! Webhooks over HTTP.

use besked::domain::operator::Role;
use serde_json::json;

use super::{Node, Server};
use crate::app::{TestApp, alice};
use crate::database::Engine;
use crate::operators::person;
use crate::webhooks::receiver::{Act, Receiver};

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_adds_tests_rotates_and_ends_a_webhook() {
    let allow = vec!["127.0.0.0/8".parse().unwrap()];
    let app = TestApp::with(Engine::Sqlite, |config| config.webhooks.allow = allow).await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let node = Node::start(app.app.clone()).await;
    let server = Server { app, node };
    let (root, node) = (server.key("Root").await, &server.node);
    let receiver = Receiver::start().await;

    let new = json!({ "url": receiver.url(), "events": ["notice.closed"] });
    let made = node.once(&root, "/api/v1/webhooks", "w", &new).await.ok(201);
    let (id, secret) = (made["id"].as_str().unwrap(), made["secret"].as_str().unwrap().to_owned());
    assert!(secret.starts_with("whsec_"), "{made}");
    // The secret is shown once: asked for again, the same request makes no second webhook.
    let again = node.once(&root, "/api/v1/webhooks", "w", &new).await.refused(409);
    assert!(again["hint"].as_str().unwrap().contains("rotate"), "{again}");
    let listed = node.get(&root, "/api/v1/webhooks").await.ok(200);
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 1);
    assert!(!listed.to_string().contains(&secret));

    let path = format!("/api/v1/webhooks/{id}");
    assert_eq!(node.post(&root, &format!("{path}/test"), &json!({})).await.ok(200)["ok"], true);
    receiver.then([Act::Status(500)]);
    let tested = node.post(&root, &format!("{path}/test"), &json!({})).await.ok(200);
    assert_eq!((&tested["ok"], &tested["status"]), (&json!(false), &json!(500)));
    let rotated = node.post(&root, &format!("{path}/rotate"), &json!({})).await.ok(200);
    assert_ne!(rotated["secret"], json!(secret));
    let set = node.send(&root, "PUT", &path, &json!({ "events": ["task.opened", "task.done"] })).await.ok(200);
    assert_eq!(set["events"], json!(["task.opened", "task.done"]));
    assert_eq!(node.ask(&root, ("DELETE", &path), &[], b"").await.ok(200)["state"], "disabled");
    assert_eq!(node.send(&root, "PUT", &path, &json!({ "state": "active" })).await.ok(200)["state"], "active");
    assert_eq!(node.get(&root, &path).await.ok(200)["attempts"].as_array().unwrap().len(), 2);

    for (wrong, place) in [
        (json!({ "url": "https://8.8.8.8/", "events": ["notice.sent"] }), Some("/events/0")),
        (json!({ "events": ["ping"] }), Some("/url")),
        (json!({ "url": "https://169.254.169.254/", "events": ["ping"] }), None),
        (json!({ "url": "https://8.8.8.8/", "events": [] }), None),
    ] {
        let refused = node.post(&root, "/api/v1/webhooks", &wrong).await;
        assert_eq!(refused.places(422), place.into_iter().collect::<Vec<_>>(), "{wrong}: {}", refused.text());
    }
    node.get(&root, "/api/v1/webhooks/x").await.refused(404);
    server.node.end().await;
}
