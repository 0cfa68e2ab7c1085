//! Notices over HTTP, as each role sees and takes them.

use rstest::rstest;
use serde_json::{Value, json};

use super::{Reply, Server};
use crate::app::{CUSTOMERS, maintenance};
use crate::database::Engine;

/// A breach notice as a structure.
pub fn breach() -> Value {
    json!({
        "category": "security_breach", "reference": "INC-7", "audience": { "all": true }, "body": "What happened.",
        "fields": {
            "stage": "confirmed", "our_role": "processor", "nature": "A backup was read.", "likely_consequences": "Few.",
            "measures_taken": "Keys were replaced.", "contact_point": "dpo@example.com", "data_affected": ["names"],
            "discovered_at": "2026-11-24T08:00:00Z",
        },
    })
}

async fn create(server: &Server, key: &str, body: &Value) -> Reply {
    let name = format!("create-{}", uuid::Uuid::from_bytes(server.app.app.context.random.bytes()));
    server.node.once(key, "/api/v1/notices", &name, body).await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_goes_from_a_draft_to_its_coverage(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (ops, node) = (server.key("ops").await, &server.node);
    let source = json!({ "source": maintenance("all = true") });
    let checked = node.post(&ops, "/api/v1/notices/check", &source).await.ok(200);
    assert_eq!(
        (&checked["customers"], &checked["recipients"], &checked["unaddressed"]),
        (&json!(3), &json!(2), &json!(1))
    );
    let made = create(&server, &ops, &source).await.ok(201);
    let path = format!("/api/v1/notices/{}", made["id"].as_str().unwrap());
    let shown = node.get(&ops, &path).await;
    assert_eq!(shown.header("etag"), Some(&*format!("\"{}\"", made["digest"].as_str().unwrap())));
    assert_eq!(shown.ok(200)["steps"][0]["operator"], "ops");
    let preview = node.get(&ops, &format!("{path}/preview?format=html&account=C1")).await.ok(200);
    assert!(preview["content"].as_str().unwrap().contains("<html"), "{preview}");

    for _ in 0..2 {
        assert_eq!(node.post(&ops, &format!("{path}/submit"), &json!({})).await.ok(200)["state"], "approved");
    }
    node.post(&ops, &format!("{path}/release"), &json!({})).await.refused(400);
    for name in ["a", "b", "a"] {
        let released = node.once(&ops, &format!("{path}/release"), name, &json!({ "reason": "now" })).await.ok(200);
        assert_eq!((&released["state"], &released["recipients"]), (&json!("released"), &json!(2)));
    }
    for _ in 0..2 {
        assert_eq!(node.post(&ops, &format!("{path}/pause"), &json!({})).await.ok(200)["paused"], true);
    }
    assert_eq!(node.post(&ops, &format!("{path}/resume"), &json!({})).await.ok(200)["paused"], false);
    server.app.run_until_idle().await;
    let status = node.get(&ops, &format!("{path}/status")).await.ok(200);
    assert_eq!((&status["recipients"], &status["counts"]["accepted"]), (&json!(2), &json!(2)));
    let coverage = node.get(&ops, &format!("{path}/coverage")).await.ok(200);
    assert_eq!(
        (&coverage["customers"], &coverage["informed"], &coverage["cannot_be"]),
        (&json!(3), &json!(2), &json!(1))
    );
    assert_eq!(coverage["rows"].as_array().unwrap().len(), 3);
    let open = node.get(&ops, &format!("{path}/coverage?open=true")).await.ok(200);
    assert_eq!((open["rows"].as_array().unwrap().len(), &open["customers"]), (1, &json!(3)));

    let support = server.key("support").await;
    let attestation = json!({ "account_id": "C3", "channel": "phone", "by": "Eva", "note": "called Dave" });
    let attested = node.post(&support, &format!("{path}/attestations"), &attestation).await.ok(201);
    assert_eq!(attested["channel"], "phone");
    node.post(&support, &format!("{path}/attestations"), &attestation).await.ok(200);
    node.post(&ops, &format!("{path}/attestations"), &attestation).await.refused(403);
    let steps = node.get(&ops, &format!("{path}/steps")).await.ok(200);
    let names: Vec<&str> = steps["steps"].as_array().unwrap().iter().filter_map(|it| it["step"].as_str()).collect();
    assert_eq!(names, ["create", "submit", "release", "pause", "resume"]);
    let list = node.get(&ops, "/api/v1/notices?category=maintenance&reference=CHG-1&limit=1").await.ok(200);
    assert_eq!((&list["notices"][0]["id"], &list["next"]), (&made["id"], &Value::Null));
    assert_eq!(node.get(&ops, "/api/v1/notices?state=draft").await.ok(200)["notices"], json!([]));
    let rows = server.audited().await;
    let id = made["id"].as_str().unwrap().to_owned();
    for action in ["POST /api/v1/notices", "POST /api/v1/notices/{id}/release", "GET /api/v1/notices/{id}/coverage"] {
        assert!(
            rows.contains(&("ops".to_owned(), action.to_owned(), Some(id.clone()), "ok".to_owned())),
            "{action}: {rows:?}"
        );
    }
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_breach_is_sealed_and_approved_as_it_was_read(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (security, legal, ops) = (server.key("security").await, server.key("legal").await, server.key("ops").await);
    let node = &server.node;
    let made = create(&server, &security, &breach()).await.ok(201);
    let path = format!("/api/v1/notices/{}", made["id"].as_str().unwrap());
    for role in ["ops", "finance", "marketing", "support", "auditor"] {
        let key = server.key(role).await;
        for path in [path.clone(), format!("{path}/status"), format!("{path}/steps"), format!("{path}/preview")] {
            node.get(&key, &path).await.refused(404);
        }
        assert_eq!(node.get(&key, "/api/v1/notices").await.ok(200)["notices"], json!([]), "{role}");
    }
    node.post(&ops, &format!("{path}/pause"), &json!({})).await.refused(404);
    assert_eq!(node.post(&security, &format!("{path}/submit"), &json!({})).await.ok(200)["state"], "submitted");
    let read = node.get(&legal, &path).await.ok(200)["digest"].clone();

    // It is edited after it was read.
    let mut edited = breach();
    edited["body"] = json!("What happened, in other words.");
    let tag = format!("\"{}\"", read.as_str().unwrap());
    let put = async |tag: &str, body: &Value| {
        let headers = [("Content-Type", "application/json"), ("If-Match", tag)];
        let bytes = body.to_string();
        node.ask(&security, ("PUT", &path), if tag.is_empty() { &headers[..1] } else { &headers }, bytes.as_bytes())
            .await
    };
    put("", &edited).await.refused(428);
    let now = put(&tag, &edited).await.ok(200);
    assert_eq!(now["state"], "draft", "an edit voids what was asked for");
    put(&tag, &breach()).await.refused(412);
    node.post(&security, &format!("{path}/submit"), &json!({})).await.ok(200);
    let approve = format!("{path}/approve");
    node.post(&legal, &approve, &json!({ "digest": read })).await.refused(412);
    assert_eq!(node.post(&legal, &approve, &json!({})).await.places(422), ["/digest"]);
    assert_eq!(node.post(&legal, &approve, &json!({ "digest": "x" })).await.places(422), ["/digest"]);
    let current = json!({ "digest": now["digest"], "reason": "read" });
    node.post(&security, &approve, &current).await.refused(403);
    let two = tokio::join!(node.post(&legal, &approve, &current), node.post(&legal, &approve, &current));
    for reply in [two.0, two.1] {
        assert_eq!(reply.ok(200)["state"], "approved", "two approvals at once are one");
    }
    let steps = node.get(&legal, &format!("{path}/steps")).await.ok(200);
    let approvals =
        steps["steps"].as_array().unwrap().iter().filter(|it| it["step"] == "approve" && it["operator"] == "legal");
    assert_eq!(approvals.count(), 1);
    node.once(&security, &format!("{path}/release"), "r", &json!({})).await.ok(200);
    node.get(&ops, &path).await.ok(200);
    server.node.end().await;
}

/// What a check warns of, the answer to a draft and to its submission says too, and so do the commands.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_draft_answers_with_the_warnings_of_its_check(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (ops, node) = (server.key("ops").await, &server.node);
    let soon = maintenance("all = true").replace("2036-12-01", "2026-11-25").replace("2036-12-02", "2026-11-26");
    let source = json!({ "source": soon });
    let checked = node.post(&ops, "/api/v1/notices/check", &source).await.ok(200);
    assert!(checked["warnings"][0].to_string().contains("5 days"), "{checked}");
    let made = node.once(&ops, "/api/v1/notices", "k1", &source).await.ok(201);
    assert_eq!((&made["warnings"], &made["recipients"]), (&checked["warnings"], &json!(2)));
    let again = node.once(&ops, "/api/v1/notices", "k1", &source).await.ok(201);
    assert_eq!((&again["id"], &again["warnings"]), (&made["id"], &checked["warnings"]));
    let path = format!("/api/v1/notices/{}/submit", made["id"].as_str().unwrap());
    assert_eq!(node.post(&ops, &path, &json!({})).await.ok(200)["warnings"], checked["warnings"]);
    let structure = json!({
        "category": "maintenance", "audience": { "all": true }, "fields": {
            "window_start": "2026-11-25T22:00:00+01:00", "window_end": "2026-11-26T02:00:00+01:00",
            "services": ["Compute"], "impact": "Two minutes.", "phase": "announced" },
    });
    let made = create(&server, &ops, &structure).await.ok(201);
    assert_eq!(made["warnings"][0]["pointer"], "/fields/window_start", "{made}");
    let fine = json!({ "source": maintenance("all = true") });
    assert_eq!(create(&server, &ops, &fine).await.ok(201)["warnings"], json!([]));
    server.node.end().await;
}

#[test]
fn commands_print_the_warnings_of_a_check() {
    let shell = crate::cli::Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let soon = (besked::domain::clock::Clock::System.now() + std::time::Duration::from_secs(7200))
        .strftime("%Y-%m-%dT%H:%M:00Z");
    shell.write("notice.md", &maintenance("all = true").replace("2036-12-01T22:00:00+01:00", &soon.to_string()));
    let checked = shell.run(&["--json", "notice", "check", "notice.md"]).ok();
    let (said, warned) = (checked.err.clone(), checked.json()["warnings"].clone());
    assert!(said.contains("warning: ") && said.contains("window_start"), "{said}");
    let made = shell.run(&["--json", "notice", "create", "notice.md"]).ok();
    let first = |text: &str| text.lines().find(|line| line.contains("window_start")).unwrap_or_default().to_owned();
    assert_eq!((first(&made.err), &made.json()["warnings"]), (first(&said), &warned));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let submitted = shell.run(&["--json", "notice", "submit", &id]).ok();
    assert_eq!((first(&submitted.err), &submitted.json()["warnings"]), (first(&said), &warned));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_approves_nothing_and_marketing_sees_no_address() {
    let server = Server::staffed(Engine::Sqlite).await;
    server.app.import(CUSTOMERS).await;
    let id = server.app.release(crate::app::NEWS).await;
    server.app.run_until_idle().await;
    let marketing = server.key("marketing").await;
    let path = format!("/api/v1/notices/{id}");
    for part in ["coverage", "preview", "status", "steps"] {
        let text = server.node.get(&marketing, &format!("{path}/{part}")).await.text();
        assert!(!text.contains("service@ett.example") && !text.contains("hello@two.example"), "{part}: {text}");
    }
    server.node.get(&marketing, &format!("{path}/preview?account=C1")).await.refused(403);
    let admin = server.key("admin").await;
    let coverage = server.node.get(&admin, &format!("{path}/coverage")).await.ok(200);
    assert_eq!((&coverage["rows"], coverage["customers"].as_u64() > Some(0)), (&json!([]), true), "the counts alone");
    let robot = server.key("billing-run").await;
    let refused = server.node.post(&robot, &format!("{path}/approve"), &json!({ "digest": "00".repeat(32) })).await;
    assert!(refused.refused(403)["detail"].as_str().unwrap().contains("machine"));
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_of_the_input_is_said_at_its_place() {
    let server = Server::staffed(Engine::Sqlite).await;
    server.app.import(CUSTOMERS).await;
    let (ops, node) = (server.key("ops").await, &server.node);
    let mut wrong = json!({
        "category": "maintenance", "subjekt": "x", "audience": { "all": true },
        "fields": { "window_start": "2036-12-01T22:00:00+01:00", "window_end": "2036-12-01T21:00:00+01:00", "services": "Compute",
            "impact": "x", "phase": "soon" },
    });
    let places = create(&server, &ops, &wrong).await.places(422);
    for place in ["/subjekt", "/fields/services", "/fields/phase", "/fields/window_end"] {
        assert!(places.iter().any(|it| it == place), "{place}: {places:?}");
    }
    wrong = json!({ "source": maintenance("all = true").replace("announced", "soon").replace("impact", "inpact") });
    let places = create(&server, &ops, &wrong).await.places(422);
    assert!(places.iter().all(|it| it.starts_with("line ")) && places.len() >= 2, "{places:?}");
    // A file on this machine is never read.
    for name in ["/etc/passwd", "../../besked.toml", "rows.csv"] {
        let source = json!({ "source": maintenance(&format!("file = \"{name}\"")) });
        assert_eq!(create(&server, &ops, &source).await.places(422), ["line 5"]);
        let structure = json!({ "category": "maintenance", "audience": { "file": name } });
        assert!(create(&server, &ops, &structure).await.places(422).contains(&"/audience/file".to_owned()));
    }
    let ask = async |kind: &str, body: &[u8]| {
        node.ask(&ops, ("POST", "/api/v1/notices/check"), &[("Content-Type", kind)], body).await
    };
    ask("text/plain", b"{}").await.refused(415);
    ask("application/json", b"{\"a\": ").await.refused(400);
    ask("application/json", b"{\"body\": \"\xff\"}").await.refused(400);
    ask("application/json", &b"[".repeat(100_000)).await.refused(400);
    assert_eq!(
        ask("application/json", b"{\"category\": \"news\", \"category\": \"news\"}").await.places(422),
        ["/category"]
    );
    ask("application/json", b"[]").await.refused(422);
    let large = node
        .ask(&ops, ("POST", "/api/v1/notices/check"), &[("Content-Type", "application/json")], &vec![b' '; 9_000_000])
        .await;
    large.refused(413);
    for path in ["/api/v1/notices/x", "/api/v1/notices/0190a5a0-0000-7000-8000-000000000000", "/api/v1/notices/%ff"] {
        let status = node.get(&ops, path).await.status;
        assert!([400, 404].contains(&status), "{path}: {status}");
    }
    for query in ["limit=0", "limit=501", "limit=x", "after=x", "colour=red", "state=late"] {
        node.get(&ops, &format!("/api/v1/notices?{query}")).await.refused(422);
    }
    server.node.end().await;
}
