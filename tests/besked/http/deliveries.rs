//! Deliveries over HTTP, the answers about customers, and evidence.

use besked::domain::evidence::verify;
use besked::domain::note::VerifierKey;
use rstest::rstest;
use serde_json::{Value, json};

use super::Server;
use crate::app::{CUSTOMERS, maintenance};
use crate::database::Engine;
use crate::relay::Act;

/// A maintenance notice that was sent, and refused for one of its recipients.
async fn sent(engine: Engine) -> (Server, String) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    server.app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 <hello@two.example> no such user\r\n"));
    let id = server.app.release(&maintenance("all = true")).await;
    server.app.run_until_idle().await;
    (server, id.to_string())
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_shown_reported_and_sent_again(#[case] engine: Engine) {
    let (server, notice) = sent(engine).await;
    let (ops, support, marketing) =
        (server.key("ops").await, server.key("support").await, server.key("marketing").await);
    let node = &server.node;
    let all = node.get(&ops, &format!("/api/v1/deliveries?notice={notice}")).await.ok(200);
    let all = all["deliveries"].as_array().unwrap();
    let first = node.get(&ops, &format!("/api/v1/deliveries?notice={notice}&limit=1")).await.ok(200);
    let next = first["next"].as_str().unwrap();
    let rest = node.get(&ops, &format!("/api/v1/deliveries?notice={notice}&after={next}")).await.ok(200);
    assert_eq!(rest["deliveries"].as_array().unwrap().len(), all.len() - 1);
    let foreign = format!("/api/v1/deliveries?account=C2&after={next}");
    assert!(node.get(&support, &foreign).await.refused(422)["detail"].as_str().unwrap().contains("cursor"));

    // By customer and by address, for those who may see it.
    let of_customer = node.get(&support, "/api/v1/deliveries?account=C2").await.ok(200);
    let refused = &of_customer["deliveries"][0];
    assert_eq!((&refused["email"], &refused["state"]), (&json!("hello@two.example"), &json!("rejected")));
    let masked = node.get(&marketing, "/api/v1/deliveries?account=C2").await.ok(200);
    assert_eq!(masked["deliveries"][0]["email"], "h…@two.example");
    assert!(!masked.to_string().contains("hello@two.example"), "the reply is masked too: {masked}");
    let by_address = "/api/v1/deliveries?email=HELLO%40two.example";
    assert_eq!(node.get(&support, by_address).await.ok(200)["deliveries"][0]["id"], refused["id"]);
    node.get(&marketing, by_address).await.refused(403);
    let accepted = node.get(&support, "/api/v1/deliveries?account=C2&state=accepted").await.ok(200);
    assert_eq!(accepted["deliveries"], json!([]));
    for wrong in
        ["", "?state=rejected", "?account=C2&state=lost", "?account=C2&x=1", "?email=nobody", "?account=C2&limit=0"]
    {
        node.get(&support, &format!("/api/v1/deliveries{wrong}")).await.refused(422);
    }

    let id = refused["id"].as_str().unwrap();
    let shown = node.get(&support, &format!("/api/v1/deliveries/{id}")).await.ok(200);
    assert_eq!(shown["attempts"][0]["stage"], "rcpt");
    node.get(&support, "/api/v1/deliveries/x").await.refused(404);

    // Sent again once, however often the program asks.
    let path = format!("/api/v1/deliveries/{id}/resend");
    node.post(&ops, &path, &json!({})).await.refused(400);
    node.once(&support, &path, "r", &json!({})).await.refused(403);
    let resent = node.once(&ops, &path, "r", &json!({})).await;
    assert_eq!(resent.ok(200)["state"], "queued");
    assert_eq!(node.once(&ops, &path, "r", &json!({})).await.body, resent.body);
    server.app.run_until_idle().await;
    node.once(&ops, &path, "s", &json!({})).await.refused(409);
    let message = node.get(&ops, &format!("/api/v1/deliveries/{id}/message")).await;
    assert_eq!((message.status, message.header("content-type")), (200, Some("message/rfc822")));
    assert!(message.text().contains(&format!("X-Besked-Delivery: {id}")));
    node.get(&marketing, &format!("/api/v1/deliveries/{id}/message")).await.refused(403);

    let path = format!("/api/v1/deliveries/{id}/reports");
    let finding = json!({ "found": "bounced", "text": "in the log of mx.two.example" });
    assert_eq!(node.post(&support, &path, &finding).await.ok(200)["state"], "bounced");
    assert_eq!(node.post(&support, &path, &finding).await.ok(200)["state"], "bounced");
    let withdrawn = json!({ "found": "withdrawn", "text": "another mail" });
    assert_eq!(node.once(&support, &path, "w", &withdrawn).await.ok(200)["state"], "accepted");
    assert_eq!(node.post(&support, &path, &json!({ "found": "lost", "txt": 1 })).await.places(422).len(), 3);
    let settle = json!({ "accepted": true, "text": "in the log", "by": "Bo" });
    node.post(&support, &format!("/api/v1/deliveries/{id}/settle"), &settle).await.refused(409);
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn compliance_asks_whether_a_customer_is_informed_and_exports_the_proof(#[case] engine: Engine) {
    let (server, notice) = sent(engine).await;
    let (compliance, admin) = (server.key("compliance").await, server.key("admin").await);
    let node = &server.node;
    let answer = async |question: &str| node.get(&compliance, &format!("/api/v1/informed?{question}")).await;
    assert_eq!(answer(&format!("account=C1&notice={notice}")).await.ok(200)["verdict"], "informed");
    assert_eq!(answer("account=C2&notice=CHG-1").await.ok(200)["verdict"], "not_informed");
    assert_eq!(answer("account=C2&reference=CHG-1").await.ok(200)["verdict"], "not_informed");
    let by_category = "account=C1&category=maintenance&since=2026-01-01T00:00:00Z";
    assert_eq!(answer(by_category).await.ok(200)["notices"][0]["id"], json!(notice));
    let later = "account=C1&category=maintenance&since=2027-01-01T00:00:00Z";
    assert_eq!(answer(later).await.ok(200)["verdict"], "not_addressed");
    for (wrong, status) in [
        ("account=C1", 422),
        ("notice=CHG-1", 422),
        ("account=C1&notice=CHG-1&reference=CHG-1", 422),
        ("account=C1&notice=CHG-1&since=2026-01-01T00:00:00Z", 422),
        ("account=C1&category=spam", 422),
        ("account=C1&category=news&since=yesterday", 422),
        ("account=C9&notice=CHG-1", 404),
        ("account=C1&notice=CHG-9", 404),
    ] {
        answer(wrong).await.refused(status);
    }
    node.get(&admin, "/api/v1/informed?account=C1&notice=CHG-1").await.refused(403);

    let path = "/api/v1/evidence?notice=CHG-1&account=C1&with_message=true";
    let evidence = node.get(&compliance, path).await;
    assert_eq!((evidence.status, evidence.header("content-type")), (200, Some("application/json")));
    let key: VerifierKey = server.app.app.ledger.verifier_key().unwrap();
    let verified = verify(evidence.body.as_slice(), &key).unwrap();
    assert!(!verified.entries.is_empty() && !evidence.text().contains("two.example"));
    let pdf = node.ask(&compliance, ("GET", path), &[("Accept", "application/pdf")], b"").await;
    assert_eq!((pdf.status, pdf.header("content-type")), (200, Some("application/pdf")));
    assert!(pdf.body.starts_with(b"%PDF-"));
    node.ask(&compliance, ("GET", path), &[("Accept", "text/html")], b"").await.refused(406);
    node.get(&compliance, "/api/v1/evidence?notice=CHG-1").await.refused(422);
    node.get(&compliance, "/api/v1/evidence?notice=CHG-1&account=C1&everyone=true").await.refused(422);
    let path = "/api/v1/evidence?notice=CHG-1&everyone=true";
    // One at a time; the others ask again.
    let ask = || node.get(&compliance, path);
    let all = tokio::join!(ask(), ask(), ask(), ask(), ask(), ask());
    for reply in [&all.0, &all.1, &all.2, &all.3, &all.4, &all.5] {
        assert!(reply.status == 200 || reply.header("retry-after").is_some(), "{}", reply.text());
    }
    assert_eq!(node.get(&compliance, path).await.status, 200);
    node.get(&compliance, "/api/v1/evidence?notice=CHG-9&account=C1").await.refused(404);
    node.get(&admin, path).await.refused(403);

    // What was asked stands in the audit log, under the right name and without an address.
    let audited = server.audited().await;
    let asked = |action: &str| {
        audited
            .iter()
            .any(|(who, what, _, how)| (who.as_str(), what.as_str(), how.as_str()) == ("compliance", action, "ok"))
    };
    assert!(asked("GET /api/v1/informed") && asked("GET /api/v1/evidence"), "{audited:?}");
    server.node.end().await;
}

/// Each list can be read by those who may, in pages, and by nobody else.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_read_only_is_read_by_those_who_may() {
    let (server, _) = sent(Engine::Sqlite).await;
    let node = &server.node;
    for (path, member, may, may_not) in [
        ("/api/v1/tasks", "tasks", "support", "admin"),
        ("/api/v1/inbound", "inbound", "admin", "support"),
        ("/api/v1/relays", "relays", "ops", "marketing"),
        ("/api/v1/ledger/status", "root", "auditor", "ops"),
        ("/api/v1/ledger/checkpoint", "note", "auditor", "ops"),
        ("/api/v1/audit", "events", "auditor", "admin"),
        ("/api/v1/operators", "operators", "admin", "ops"),
        ("/api/v1/keys", "keys", "compliance", "ops"),
    ] {
        let read = node.get(&server.key(may).await, path).await.ok(200);
        assert_ne!(read[member], Value::Null, "{path}: {read}");
        if path != "/api/v1/tasks" {
            node.get(&server.key(may_not).await, path).await.refused(403);
        }
        node.get("", path).await.refused(401);
    }
    let support = server.key("support").await;
    let task = node.get(&support, "/api/v1/tasks?open=true").await.ok(200)["tasks"][0].clone();
    assert_eq!(task["account_id"], "C2", "nobody else is addressed for a maintenance: {task}");
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().unwrap());
    assert_eq!(node.get(&support, &path).await.ok(200), task);
    for (name, sees) in [("ops", true), ("compliance", true), ("auditor", true), ("marketing", false), ("admin", false)]
    {
        let key = server.key(name).await;
        let listed = node.get(&key, "/api/v1/tasks?open=true").await.ok(200)["tasks"].clone();
        assert_eq!(listed.as_array().unwrap().contains(&task), sees, "{name}: {listed}");
        assert_eq!(node.get(&key, &path).await.status, if sees { 200 } else { 404 }, "{name}");
    }
    let done = node.once(&support, &format!("{path}/done"), "d", &json!({ "note": "called them" })).await.ok(200);
    assert_eq!((&done["state"], &done["done_by"]), (&json!("done"), &json!("support")));
    node.post(&support, &format!("{path}/done"), &json!({ "note": "again" })).await.refused(409);
    node.get(&support, "/api/v1/tasks/x").await.refused(404);
    server.node.end().await;
}
