//! Customers over HTTP: one at a time, and the whole file.

use besked::domain::operator::Role;
use rstest::rstest;
use serde_json::{Value, json};

use super::Server;
use crate::app::CUSTOMERS;
use crate::database::Engine;
use crate::operators::person;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn one_customer_is_put_shown_and_left(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    let (admin, support, node) = (server.key("admin").await, server.key("support").await, &server.node);
    let customer = json!({
        "name": "Ett AB", "attributes": { "region": ["sto2"] },
        "contacts": [{ "email": "service@ett.example", "name": "Anna" }, { "email": "faktura@ett.example", "role": "billing" }],
    });
    for _ in 0..2 {
        let stored = node.send(&admin, "PUT", "/api/v1/customers/C1", &customer).await.ok(200);
        assert_eq!((&stored["account_id"], stored["contacts"].as_array().unwrap().len()), (&json!("C1"), 2));
        assert_eq!(stored["contacts"][0]["email"], "s…@ett.example", "an admin sees no address");
    }
    let shown = node.get(&support, "/api/v1/customers/C1").await.ok(200);
    assert_eq!((&shown["contacts"][0]["email"], &shown["status"]), (&json!("service@ett.example"), &json!("active")));
    node.send(&support, "PUT", "/api/v1/customers/C1", &customer).await.refused(403);
    node.get(&server.key("auditor").await, "/api/v1/customers/C1").await.refused(403);

    let wrong = json!({ "name": 1, "contact": [], "contacts": [{ "mail": "x", "email": "no address" }] });
    let places = node.send(&admin, "PUT", "/api/v1/customers/C2", &wrong).await.places(422);
    for place in ["/name", "/contact", "/contacts/0/mail"] {
        assert!(places.iter().any(|it| it == place), "{place}: {places:?}");
    }
    let wrong = json!({ "name": "Two", "contacts": [{ "email": "no address", "role": "boss" }] });
    let places = node.send(&admin, "PUT", "/api/v1/customers/C2", &wrong).await.places(422);
    assert_eq!(places, ["/contacts/0/email", "/contacts/0/role"]);
    node.get(&admin, "/api/v1/customers/C2").await.refused(404);

    let left = node.ask(&admin, ("DELETE", "/api/v1/customers/C1"), &[], b"").await.ok(200);
    assert_eq!(left["status"], "left");
    assert_eq!(node.ask(&admin, ("DELETE", "/api/v1/customers/C1"), &[], b"").await.ok(200)["status"], "left");
    node.ask(&admin, ("DELETE", "/api/v1/customers/C9"), &[], b"").await.refused(404);
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_imported_whole_or_not_at_all(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    let (admin, node) = (server.key("admin").await, &server.node);
    let put = async |query: &str, kind: &str, file: &[u8]| {
        node.ask(&admin, ("PUT", &format!("/api/v1/customers{query}")), &[("Content-Type", kind)], file).await
    };
    put("", "application/json", b"{}").await.refused(415);
    let dry = put("?dry_run=true", "text/csv", CUSTOMERS.as_bytes()).await.ok(200);
    assert_eq!((&dry["customers"], &dry["contacts"]), (&json!(3), &json!(5)));
    assert_eq!(node.get(&admin, "/api/v1/customers").await.ok(200)["customers"], json!([]));
    let bad = CUSTOMERS.replace("hello@two.example", "hello at two").replace("technical", "boss");
    let refused = put("", "text/csv; charset=utf-8", bad.as_bytes()).await;
    let lines: Vec<Value> =
        refused.refused(422)["problems"].as_array().unwrap().iter().map(|it| it["line"].clone()).collect();
    assert_eq!(lines, [json!(3), json!(5)]);
    let skipped = put("?skip_invalid=true", "text/csv", bad.as_bytes()).await.ok(200);
    assert_eq!(skipped["invalid"].as_array().unwrap().len(), 2);
    put("", "text/csv", CUSTOMERS.as_bytes()).await.ok(200);
    put("?replace=true", "text/csv", &CUSTOMERS.as_bytes()[..CUSTOMERS.find("C2").unwrap()]).await.refused(409);
    put("?replace=yes", "text/csv", CUSTOMERS.as_bytes()).await.refused(422);

    let first = node.get(&admin, "/api/v1/customers?limit=2").await.ok(200);
    assert_eq!((first["customers"].as_array().unwrap().len(), &first["next"]), (2, &json!("C2")));
    let second = node.get(&admin, "/api/v1/customers?limit=2&after=C2").await.ok(200);
    assert_eq!((&second["customers"][0]["account_id"], &second["next"]), (&json!("C3"), &Value::Null));
    let found = |reply: super::Reply| reply.ok(200)["customers"].as_array().unwrap().len();
    assert_eq!(found(node.get(&admin, "/api/v1/customers?search=two").await), 1, "by name");
    assert_eq!(found(node.get(&admin, "/api/v1/customers?search=hello@").await), 0, "who sees no address finds none");
    let compliance = server.key("compliance").await;
    assert_eq!(found(node.get(&compliance, "/api/v1/customers?search=hello@").await), 1);
    assert!(server.audited().await.iter().all(|row| !format!("{row:?}").contains("hello@")));
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_breaks_off_changes_nothing() {
    let server = Server::with(Engine::Sqlite, &[person("Ada", &[Role::Admin])]).await;
    let (key, node) = (server.key("Ada").await, &server.node);
    let head = format!(
        "PUT /api/v1/customers HTTP/1.1\r\nHost: x.example\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\nContent-Length: 9999\r\n\r\n"
    );
    let mut stream = tokio::net::TcpStream::connect(node.at).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, &[head.as_bytes(), CUSTOMERS.as_bytes()].concat()).await.unwrap();
    tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    assert_eq!(node.get(&key, "/api/v1/customers").await.ok(200)["customers"], json!([]));
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_says_in_lines_how_far_it_is() {
    let server = Server::staffed(Engine::Sqlite).await;
    let (admin, node) = (server.key("admin").await, &server.node);
    let put = async |file: &str| {
        let headers = [("Content-Type", "text/csv"), ("Accept", "application/x-ndjson")];
        node.ask(&admin, ("PUT", "/api/v1/customers"), &headers, file.as_bytes()).await
    };
    let mut file = "account_id,customer_name,email,contact_name,role,locale\n".to_owned();
    (0..20_000).for_each(|n| file += &format!("K{n},Customer {n},a@k{n}.example,Kim,technical,en\n"));
    let reply = put(&file).await;
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("application/x-ndjson")));
    let text = reply.text();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, shares) = lines.split_last().unwrap();
    let shares: Vec<f64> = shares.iter().map(|line| line["progress"].as_f64().unwrap()).collect();
    assert!(!shares.is_empty() && shares.is_sorted() && shares.iter().all(|it| (0.0..1.0).contains(it)), "{shares:?}");
    assert_eq!(last["customers"], 20_000);

    // What ends after the first line: the last one says why, and the audit log how.
    file += "K1,Customer 1,a at k1,Kim,technical,en\n";
    let reply = put(&file).await;
    let text = reply.text();
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!((&last["status"], &last["problems"][0]["line"]), (&json!(422), &json!(20_002)), "{text}");
    let ends = async || {
        let audited = server.audited().await.into_iter().filter(|it| it.1 == "PUT /api/v1/customers");
        audited.map(|it| it.3).collect::<Vec<_>>()
    };
    // They are noted once the work ends, which nobody waits for.
    while ends().await.len() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(ends().await, ["invalid", "ok"]);
    // Before there is a line, it is refused as without lines.
    put("account_id\n").await.refused(422);
    server.node.end().await;
}
