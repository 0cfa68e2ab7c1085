//! A day at a provider, over HTTP alone: each person and program does its part under its own name, and that is on record.

use std::collections::BTreeMap;
use std::time::Duration;

use besked::domain::checkpoint::Checkpoint;
use besked::domain::entry::{Detail, Fact, Person};
use besked::domain::evidence::verify;
use serde_json::{Value, json};

use super::Server;
use crate::audit::audit;
use crate::database::Engine;
use crate::evidence::key;
use crate::standing::INVOICES;

/// Customers besides, each with a service, a security and a billing contact.
const CUSTOMERS: usize = 100;

/// Invoices of each of them.
const INVOICES_EACH: usize = 5;

fn customers() -> String {
    let mut file = "account_id,customer_name,email,contact_name,role,locale\n".to_owned();
    for n in 0..CUSTOMERS {
        for role in ["service", "security", "billing"] {
            file += &format!("K{n:03},Customer {n},{role}@k{n}.example,Kim,{role},en\n");
        }
    }
    file
}

/// The keys of everybody who takes part.
async fn keys(server: &Server) -> BTreeMap<&'static str, String> {
    let mut keys = BTreeMap::new();
    for name in
        ["admin", "ops", "security", "legal", "marketing", "compliance", "auditor", "billing-run", "finance", "support"]
    {
        keys.insert(name, server.key(name).await);
    }
    keys
}

/// A step that must succeed.
async fn step(server: &Server, key: &str, path: &str, what: &str, body: &Value) -> Value {
    server.node.once(key, &format!("{path}/{what}"), &format!("{what}-once"), body).await.ok(200)
}

/// Creates a notice, and returns its path.
async fn create(server: &Server, key: &str, name: &str, body: &Value) -> String {
    let made = server.node.once(key, "/api/v1/notices", name, body).await.ok(201);
    format!("/api/v1/notices/{}", made["id"].as_str().unwrap())
}

async fn ops_schedules(server: &Server, keys: &BTreeMap<&str, String>) -> String {
    let notice = json!({
        "category": "maintenance", "reference": "CHG-1", "audience": { "all": true }, "body": "We replace a switch.",
        "fields": { "window_start": "2036-12-01T22:00:00+01:00", "window_end": "2036-12-02T02:00:00+01:00",
            "services": ["Compute"], "impact": "Two minutes without network.", "phase": "announced" },
        "schedule": { "send_at": "2026-11-25T09:00:00+01:00" },
    });
    let path = create(server, &keys["ops"], "CHG-1", &notice).await;
    step(server, &keys["ops"], &path, "submit", &json!({})).await;
    assert_eq!(step(server, &keys["ops"], &path, "release", &json!({})).await["state"], "scheduled");
    path
}

async fn security_informs(server: &Server, keys: &BTreeMap<&str, String>) -> String {
    let path = create(server, &keys["security"], "INC-7", &super::notices::breach()).await;
    step(server, &keys["security"], &path, "submit", &json!({})).await;
    for (name, key) in keys.iter().filter(|(name, _)| !["security", "legal", "compliance", "admin"].contains(*name)) {
        server.node.get(key, &path).await.refused(404);
        let rows = server.node.get(key, "/api/v1/notices").await.ok(200);
        assert!(!rows.to_string().contains("INC-7"), "{name}");
    }
    let digest = server.node.get(&keys["legal"], &path).await.ok(200)["digest"].clone();
    step(server, &keys["legal"], &path, "approve", &json!({ "digest": digest })).await;
    step(server, &keys["security"], &path, "release", &json!({})).await;
    path
}

/// The program is killed twice; it sends its last batch again, and goes on.
async fn finance_bills(mut server: Server, keys: &BTreeMap<&str, String>) -> (Server, String) {
    let robot = &keys["billing-run"];
    let path = create(&server, robot, "INV", &json!({ "source": INVOICES })).await;
    step(&server, robot, &path, "submit", &json!({})).await;
    step(&server, robot, &path, "release", &json!({})).await;
    for batch in 0..INVOICES_EACH {
        let row = |n: usize| {
            let invoice = format!("F-{batch}-{n}");
            json!({ "account_id": format!("K{n:03}"), "key": invoice, "invoice": invoice, "amount": "100.00" })
        };
        let rows = json!({ "rows": (0..CUSTOMERS).map(row).collect::<Vec<_>>() });
        let (add, name) = (format!("{path}/recipients"), format!("batch-{batch}"));
        let added = server.node.once(robot, &add, &name, &rows).await.ok(202);
        assert_eq!(added["accepted"], CUSTOMERS);
        if batch % 2 == 1 {
            server = server.restart().await;
            let again = server.node.once(robot, &add, &name, &rows).await.ok(202);
            assert_eq!(again["deliveries"], added["deliveries"]);
        }
    }
    step(&server, robot, &path, "close", &json!({})).await;
    (server, path)
}

async fn marketing_announces(server: &Server, keys: &BTreeMap<&str, String>) -> String {
    let key = &keys["marketing"];
    let path = create(server, key, "news", &json!({ "source": crate::app::NEWS })).await;
    step(server, key, &path, "submit", &json!({})).await;
    step(server, key, &path, "release", &json!({})).await;
    server.app.run_until_idle().await;
    for part in ["", "/coverage", "/status", "/steps", "/preview"] {
        let text = server.node.get(key, &format!("{path}{part}")).await.text();
        assert!(!text.contains("service@k"), "{part}: {text}");
    }
    let deliveries = server.node.get(key, &format!("/api/v1/deliveries?notice={}", id(&path))).await.text();
    assert!(!deliveries.contains("service@k"), "{deliveries}");
    path
}

fn id(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

async fn compliance_answers(server: &Server, keys: &BTreeMap<&str, String>, breach: &str) {
    let (key_of, node) = (&keys["compliance"], &server.node);
    let informed = node.get(key_of, &format!("/api/v1/informed?account=K007&notice={}", id(breach))).await.ok(200);
    assert_eq!(informed["verdict"], "informed", "{informed}");
    server.app.app.ledger.checkpoint().await.unwrap();
    let evidence = node.get(key_of, &format!("/api/v1/evidence?notice={}&account=K007", id(breach))).await;
    assert_eq!(evidence.status, 200, "{}", evidence.text());
    verify(&evidence.body[..], &key(&server.app)).unwrap();
    let mut erase = json!({ "email": "service@k7.example", "ground": "Art. 17(1)(b): consent withdrawn" });
    let refused = node.once(key_of, "/api/v1/subjects/erase", "k7", &erase).await.refused(409);
    // The duties that stand against it, and no others, are waived by their names.
    let waive: Vec<&str> =
        refused["hint"].as_str().unwrap().split('`').filter(|it| it.starts_with("retention:")).collect();
    erase["waive"] = json!(waive);
    assert_eq!(node.once(key_of, "/api/v1/subjects/erase", "k7", &erase).await.ok(200)["contacts"], 1);
}

/// What is recorded in the ledger: the action, and who did it.
async fn operated(server: &Server) -> Vec<(String, String)> {
    let rows = sqlx::query_as::<_, (Vec<u8>, Vec<u8>)>(
        "SELECT fact, person FROM ledger_openings WHERE event = 'operated' ORDER BY at, entry_id",
    )
    .fetch_all(&mut *server.app.app.context.store.read().await.unwrap())
    .await
    .unwrap();
    let read = rows.iter().map(|(fact, by)| {
        let Detail::Operated { action, .. } = Fact::from_cbor(fact).unwrap().detail else { panic!("{fact:?}") };
        (action.to_string(), Person::from_cbor(by).unwrap().role)
    });
    read.collect()
}

async fn auditor_verifies(server: &Server, keys: &BTreeMap<&str, String>) {
    let node = &server.node;
    server.app.app.ledger.checkpoint().await.unwrap();
    let note = node.get("", "/ledger/checkpoint").await.text();
    let signed = Checkpoint::open(&note, &key(&server.app)).unwrap();
    let tile = node.get("", "/ledger/tile/0/000").await;
    assert_eq!((tile.status, tile.body.len()), (200, 32 * 256), "of {} entries", signed.size());
    assert!(audit(&server.app).await.problem.is_none());

    let mut events = Vec::new();
    let mut after = String::new();
    loop {
        let page = node.get(&keys["auditor"], &format!("/api/v1/audit?limit=500{after}")).await.ok(200);
        events.extend(page["events"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let did = |operator: &str, action: &str| {
        events.iter().any(|it| it["operator"] == operator && it["action"] == action && it["result"] == "ok")
    };
    let recorded = operated(server).await;
    let stands = |operator: &str, action: &str| {
        recorded.iter().any(|(it, by)| it == action && by.starts_with(&format!("{operator} (key ")))
    };
    for (operator, request, action) in [
        ("admin", "PUT /api/v1/customers", "import"),
        ("ops", "POST /api/v1/notices", "create"),
        ("ops", "POST /api/v1/notices/{id}/release", "schedule"),
        ("security", "POST /api/v1/notices", "create"),
        ("legal", "POST /api/v1/notices/{id}/approve", "approve"),
        ("security", "POST /api/v1/notices/{id}/release", "release"),
        ("billing-run", "POST /api/v1/notices/{id}/recipients", "add_recipients"),
        ("billing-run", "POST /api/v1/notices/{id}/close", "close"),
        ("marketing", "POST /api/v1/notices/{id}/release", "release"),
        ("compliance", "POST /api/v1/subjects/erase", "erase"),
    ] {
        assert!(did(operator, request), "the audit log lacks {operator}: {request}");
        assert!(stands(operator, action), "the ledger lacks {operator}: {action}: {recorded:?}");
    }
    assert!(did("compliance", "GET /api/v1/evidence") && did("compliance", "GET /api/v1/informed"));
    assert!(events.iter().any(|it| it["operator"] == "ops" && it["result"] == "not_found"), "whoever tried is named");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_does_their_part_under_their_own_name() {
    let server = Server::staffed(Engine::Sqlite).await;
    let keys = keys(&server).await;
    let file = customers();
    let headers = [("Content-Type", "text/csv")];
    server.node.ask(&keys["admin"], ("PUT", "/api/v1/customers"), &headers, file.as_bytes()).await.ok(200);
    let maintenance = ops_schedules(&server, &keys).await;
    let breach = security_informs(&server, &keys).await;
    let (server, invoices) = finance_bills(server, &keys).await;
    marketing_announces(&server, &keys).await;
    server.app.advance(Duration::from_secs(24 * 3600));
    server.app.run_until_idle().await;
    for (path, recipients) in
        [(&maintenance, CUSTOMERS), (&breach, 2 * CUSTOMERS), (&invoices, INVOICES_EACH * CUSTOMERS)]
    {
        let status = server.node.get(&keys["compliance"], &format!("{path}/status")).await.ok(200);
        let counts = (&status["recipients"], &status["counts"]["accepted"]);
        assert_eq!(counts, (&json!(recipients), &json!(recipients)), "{path}: {status}");
    }
    let mut bills: BTreeMap<String, usize> = BTreeMap::new();
    for mail in server.app.relay.received() {
        let subject = mail.header("Subject").unwrap();
        if subject.contains("F-") {
            *bills.entry(subject).or_default() += 1;
        }
    }
    assert_eq!(bills.len(), INVOICES_EACH * CUSTOMERS);
    assert!(bills.values().all(|count| *count == 1), "each invoice went out once");
    compliance_answers(&server, &keys, &breach).await;
    auditor_verifies(&server, &keys).await;
    server.node.end().await;
}
