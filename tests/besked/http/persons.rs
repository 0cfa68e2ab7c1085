//! Persons over HTTP: preferences, suppressions, their rights, and holds.

use rstest::rstest;
use serde_json::json;

use super::Server;
use crate::app::CUSTOMERS;
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn compliance_carries_out_a_persons_rights(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (compliance, ops, node) = (server.key("compliance").await, server.key("ops").await, &server.node);
    let email = json!({ "email": "hello@two.example" });
    node.post(&ops, "/api/v1/subjects/export", &email).await.refused(403);
    let record = node.post(&compliance, "/api/v1/subjects/export", &email).await.ok(200);
    assert_eq!(record["contacts"][0]["account_id"], "C2");
    for (name, changed) in [("a", true), ("a", true), ("b", false)] {
        let restricted = node.once(&compliance, "/api/v1/subjects/restrict", name, &email).await.ok(200);
        assert_eq!((&restricted["restricted"], &restricted["changed"]), (&json!(true), &json!(changed)), "{name}");
    }
    node.post(&compliance, "/api/v1/subjects/unrestrict", &email).await.ok(200);
    node.post(&compliance, "/api/v1/subjects/unrestrict", &email).await.refused(409);
    let objection = json!({ "email": "hello@two.example", "categories": ["news"] });
    assert_eq!(
        node.post(&compliance, "/api/v1/subjects/object", &objection).await.ok(200)["opted_out"],
        json!(["news"])
    );
    let wrong = json!({ "email": "nobody", "to": "new@two.example" });
    assert_eq!(node.post(&compliance, "/api/v1/subjects/rectify", &wrong).await.places(422), ["/email"]);
    let rectify = json!({ "email": "hello@two.example", "to": "new@two.example" });
    let rectified = node.once(&compliance, "/api/v1/subjects/rectify", "r", &rectify).await;
    assert_eq!(rectified.ok(200)["contacts"], 1);
    assert_eq!(node.once(&compliance, "/api/v1/subjects/rectify", "r", &rectify).await.body, rectified.body);

    let erase = json!({ "email": "new@two.example", "ground": "Art. 17(1)(b): consent withdrawn" });
    node.post(&compliance, "/api/v1/subjects/erase", &json!({ "email": "new@two.example" })).await.refused(422);
    let erased = node.once(&compliance, "/api/v1/subjects/erase", "e", &erase).await;
    assert_eq!(erased.ok(200)["contacts"], 1);
    let again = node.once(&compliance, "/api/v1/subjects/erase", "e", &erase).await;
    assert_eq!(again.body, erased.body);
    node.once(&compliance, "/api/v1/subjects/erase", "f", &erase).await.refused(404);
    // What was answered about the person before is not known any more, and is not done again.
    let forgotten = node.once(&compliance, "/api/v1/subjects/rectify", "r", &rectify).await.ok(200);
    assert_eq!(forgotten["contacts"], serde_json::Value::Null);
    assert!(server.audited().await.iter().all(|row| !format!("{row:?}").contains("two.example")));
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn preferences_suppressions_and_holds_are_set_and_lifted(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (support, admin, compliance) =
        (server.key("support").await, server.key("admin").await, server.key("compliance").await);
    let node = &server.node;
    let path = "/api/v1/preferences/hello%40two.example";
    let set = node.send(&support, "PUT", path, &json!({ "opt_out": ["news", "survey"] })).await.ok(200);
    assert_eq!(set["opt_outs"].as_array().unwrap().len(), 2);
    node.send(&support, "PUT", path, &json!({ "opt_in": ["survey"] })).await.ok(200);
    assert_eq!(node.get(&support, path).await.ok(200)["opt_outs"][0]["category"], "news");
    for (wrong, place) in
        [(json!(["news", "billing"]), "/opt_out/1"), (json!(["news", "x"]), "/opt_out/1"), (json!("news"), "/opt_out")]
    {
        assert_eq!(node.send(&support, "PUT", path, &json!({ "opt_out": wrong })).await.places(422), [place]);
    }
    node.get(&admin, path).await.refused(403);
    node.get(&support, "/api/v1/preferences/nobody").await.refused(422);

    let suppression = json!({ "email": "hello@two.example", "reason": "manual" });
    node.post(&admin, "/api/v1/suppressions", &suppression).await.ok(201);
    node.post(&admin, "/api/v1/suppressions", &suppression).await.ok(200);
    let restricted = json!({ "email": "hello@two.example", "reason": "restricted" });
    assert_eq!(node.post(&admin, "/api/v1/suppressions", &restricted).await.places(422), ["/reason"]);
    let listed = node.get(&compliance, "/api/v1/suppressions").await.ok(200);
    assert_eq!(listed["suppressions"][0]["reason"], "manual");
    assert_eq!(listed["suppressions"][0]["email"], "hello@two.example");
    let masked = node.get(&admin, "/api/v1/suppressions").await.ok(200);
    assert_eq!(masked["suppressions"][0]["email"], "h…@two.example");
    node.get(&support, "/api/v1/suppressions").await.refused(403);
    let path = "/api/v1/suppressions/hello%40two.example";
    assert_eq!(node.ask(&admin, ("DELETE", path), &[], b"").await.ok(200)["removed"], 1);
    node.ask(&admin, ("DELETE", path), &[], b"").await.refused(404);

    let hold = json!({ "account": "C2", "reason": "case 7" });
    let placed = node.post(&compliance, "/api/v1/holds", &hold).await.ok(201);
    assert_eq!(node.post(&compliance, "/api/v1/holds", &hold).await.ok(200)["id"], placed["id"]);
    node.post(&compliance, "/api/v1/holds", &json!({ "account": "C9", "reason": "x" })).await.refused(404);
    node.post(&compliance, "/api/v1/holds", &json!({ "reason": "x" })).await.refused(422);
    let erase = json!({ "email": "hello@two.example", "ground": "asked for it" });
    let refused = node.post(&compliance, "/api/v1/subjects/erase", &erase).await.refused(409);
    let waiver = format!("hold:{}", placed["id"].as_str().unwrap());
    assert!(refused["hint"].as_str().unwrap().contains(&waiver), "{refused}");
    assert_eq!(node.get(&compliance, "/api/v1/holds").await.ok(200)["holds"][0]["id"], placed["id"]);
    let path = format!("/api/v1/holds/{}?reason=over", placed["id"].as_str().unwrap());
    assert_eq!(node.ask(&compliance, ("DELETE", &path), &[], b"").await.ok(200)["removed"], true);
    node.ask(&compliance, ("DELETE", &path), &[], b"").await.refused(404);
    node.ask(&compliance, ("DELETE", "/api/v1/holds/x"), &[], b"").await.refused(404);
    server.node.end().await;
}
