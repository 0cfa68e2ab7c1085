//! Standing notices over HTTP: a program adds invoices, is killed, asks again, and each customer gets exactly one of each.

use besked::domain::random::Random;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Node, Server};
use crate::app::CUSTOMERS;
use crate::database::Engine;
use crate::standing::INVOICES;

/// A released standing notice for invoices, and its path.
async fn standing(server: &Server, key: &str) -> String {
    let made = server.node.once(key, "/api/v1/notices", "standing", &json!({ "source": INVOICES })).await.ok(201);
    let path = format!("/api/v1/notices/{}", made["id"].as_str().unwrap());
    server.node.post(key, &format!("{path}/submit"), &json!({})).await.ok(200);
    server.node.once(key, &format!("{path}/release"), "release", &json!({})).await.ok(200);
    path
}

fn row(account: &str, key: &str) -> Value {
    json!({ "account_id": account, "key": key, "invoice": format!("F-{key}"), "amount": "100.00" })
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn good_rows_are_taken_bad_ones_named_and_a_closed_notice_takes_none(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let finance = server.key("billing-run").await;
    let path = standing(&server, &finance).await;
    let (node, add) = (&server.node, format!("{path}/recipients"));
    let rows = json!({ "rows": [
        row("C1", "1"), row("C9", "2"), { "account_id": "C3", "key": "3", "invoice": "F-3" },
        { "account_id": "C3", "key": "4", "invoice": 4, "amount": "1" }, "x", { "key": "5" }, row("C3", "6"),
    ] });
    node.post(&finance, &add, &rows).await.refused(400);
    let first = node.once(&finance, &add, "a", &rows).await;
    let added = first.ok(202);
    assert_eq!((&added["accepted"], added["deliveries"].as_array().unwrap().len()), (&json!(2), 2));
    let mut places: Vec<&str> =
        added["problems"].as_array().unwrap().iter().filter_map(|it| it["pointer"].as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, ["/rows/1/account_id", "/rows/2", "/rows/3/invoice", "/rows/4", "/rows/5/account_id"]);
    assert_eq!(added["deliveries"][0]["email"], "faktura@ett.example", "finance sees what it addresses");
    for name in ["a", "b"] {
        let again = node.once(&finance, &add, name, &rows).await.ok(202);
        assert_eq!((&again["accepted"], &again["deliveries"]), (&json!(2), &added["deliveries"]), "{name}");
    }
    node.once(&finance, &add, "a", &json!({ "rows": [row("C1", "7")] })).await.refused(409);
    for (body, place) in [
        (json!({ "rows": [row("C9", "8")] }), "/rows/0/account_id"),
        (json!({ "rows": {} }), "/rows"),
        (json!({ "row": [] }), "/row"),
        (json!([]), ""),
    ] {
        let places = node.once(&finance, &add, "c", &body).await.places(422);
        assert!(places.iter().any(|it| it == place), "{place}: {places:?}");
    }
    let many: Vec<Value> = (0..1001).map(|n| row("C1", &format!("m{n}"))).collect();
    node.once(&finance, &add, "d", &json!({ "rows": many })).await.refused(422);
    node.once(&server.key("ops").await, &add, "e", &rows).await.refused(403);

    server.app.run_until_idle().await;
    assert_eq!(node.get(&finance, &format!("{path}/status")).await.ok(200)["counts"]["accepted"], 2);
    node.post(&finance, &format!("{path}/close"), &json!({ "reason": "the year is over" })).await.ok(200);
    let closed = node.once(&finance, &add, "f", &json!({ "rows": [row("C1", "9")] })).await.refused(409);
    assert!(closed["detail"].as_str().unwrap().contains("closed"), "{closed}");
    server.node.end().await;
}

/// Each request is sent one to three times, to either of two nodes, and the first node is replaced on the way.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_three_times_at_random_and_is_killed_adds_each_invoice_once(#[case] engine: Engine) {
    let mut server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let finance = server.key("billing-run").await;
    let path = standing(&server, &finance).await;
    let (random, add) = (Random::seeded(7), format!("{path}/recipients"));
    let mut all: Vec<(String, Value)> = Vec::new();
    for batch in 0..12 {
        let rows: Vec<Value> = (0..5).map(|n| row(["C1", "C3"][n % 2], &format!("{batch}-{n}"))).collect();
        let name = format!("batch-{batch}");
        all.push((name, json!({ "rows": rows })));
        if batch % 4 == 3 {
            server = server.restart().await;
        }
        let app = &server.app.app.context;
        let second =
            besked::app::App::open((*app.config).clone(), app.clock.clone(), app.random.clone()).await.unwrap();
        let other = Node::start(second.clone()).await;
        // Whatever was asked before may be asked again.
        for (name, body) in all.iter().rev().take(3) {
            for _ in 0..=random.bytes::<1>()[0] % 3 {
                let node = if random.bytes::<1>()[0] % 2 == 0 { &server.node } else { &other };
                let one = node.once(&finance, &add, name, body);
                let two = node.once(&finance, &add, name, body);
                let answers = tokio::join!(one, two);
                for reply in [answers.0, answers.1] {
                    assert!(
                        reply.status == 202 && reply.json()["accepted"] == 5 || reply.status == 409,
                        "{}",
                        reply.text()
                    );
                }
            }
        }
        other.end().await;
        second.close().await;
    }
    server.app.run_until_idle().await;
    let status = server.node.get(&finance, &format!("{path}/status")).await.ok(200);
    assert_eq!((&status["recipients"], &status["counts"]["accepted"]), (&json!(60), &json!(60)));
    let mut subjects: Vec<String> =
        server.app.relay.received().iter().map(|it| it.header("Subject").unwrap()).collect();
    subjects.sort();
    subjects.dedup();
    assert_eq!(subjects.len(), 60, "each invoice once");
    server.node.end().await;
}
