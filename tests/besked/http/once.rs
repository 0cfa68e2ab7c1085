//! Requests with an `Idempotency-Key` are done once: asked again, on two nodes, and after a crash whenever it came.

use std::time::Duration;

use besked::domain::audit::Ended;
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::domain::request::Request;
use besked::notices::Filter;
use besked::operators::audit::NewRow;
use besked::operators::keys::NewKey;
use besked::operators::requests::{Answer, Begun, PATIENCE};
use besked::store::operators::requests;
use rstest::rstest;
use serde_json::{Value, json};

use super::{Node, Server};
use crate::app::{CUSTOMERS, alice, maintenance};
use crate::database::Engine;
use crate::operators::person;

async fn notices(server: &Server) -> usize {
    let request = PageRequest { after: None, limit: 100 };
    server.app.app.notices.list(&alice(), &Filter::default(), &request).await.unwrap().items.len()
}

fn source() -> Value {
    json!({ "source": maintenance("all = true") })
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_is_done_once_and_answered_as_the_first_time(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (ops, other) = (server.key("ops").await, server.key("ops").await);
    let node = &server.node;
    node.post(&ops, "/api/v1/notices", &source()).await.refused(400);
    let first = node.once(&ops, "/api/v1/notices", "k1", &source()).await;
    assert_eq!(first.ok(201)["recipients"], 2);
    for key in [&ops, &other, &ops] {
        let again = node.once(key, "/api/v1/notices", "k1", &source()).await;
        assert_eq!((again.status, &again.body), (201, &first.body), "also with another key of the operator");
        for name in ["location", "etag", "content-type"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
    }
    let body = json!({ "source": maintenance("customers = [\"C1\"]") });
    node.once(&ops, "/api/v1/notices", "k1", &body).await.refused(409);
    assert_eq!(notices(&server).await, 1);
    // Another operator has other keys.
    let security = server.key("security").await;
    node.once(&security, "/api/v1/notices", "k1", &source()).await.refused(403);
    node.once(&ops, "/api/v1/notices", "k2", &body).await.ok(201);
    assert_eq!(notices(&server).await, 2);
    server.app.advance(Duration::from_secs(24 * 3600));
    node.once(&ops, "/api/v1/notices", "k1", &body).await.ok(201);
    assert_eq!(notices(&server).await, 3, "after a day the key is free");
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_may_be_corrected_under_the_same_key() {
    let server = Server::staffed(Engine::Sqlite).await;
    let ops = server.key("ops").await;
    let wrong = json!({ "source": maintenance("all = true").replace("announced", "soon") });
    server.node.once(&ops, "/api/v1/notices", "k", &wrong).await.refused(422);
    server.node.once(&ops, "/api/v1/notices", "k", &source()).await.ok(201);
    for key in ["", "a b", &"x".repeat(201)] {
        server.node.once(&ops, "/api/v1/notices", key, &source()).await.refused(400);
    }
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn of_two_tries_at_the_same_time_on_two_nodes_one_is_done(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let ops = server.key("ops").await;
    let app = &server.app.app.context;
    let second = besked::app::App::open((*app.config).clone(), app.clock.clone(), app.random.clone()).await.unwrap();
    let other = Node::start(second.clone()).await;
    for round in 0..5 {
        let key = format!("round {round}").replace(' ', "-");
        let body = source();
        let tries = tokio::join!(
            server.node.once(&ops, "/api/v1/notices", &key, &body),
            other.once(&ops, "/api/v1/notices", &key, &body),
            server.node.once(&ops, "/api/v1/notices", &key, &body),
        );
        let all = [tries.0, tries.1, tries.2];
        let done: Vec<&super::Reply> = all.iter().filter(|reply| reply.status == 201).collect();
        assert!(!done.is_empty() && done.iter().all(|reply| reply.body == done[0].body), "{all:?}");
        for refused in all.iter().filter(|reply| reply.status != 201) {
            refused.refused(409);
            assert!(refused.header("retry-after").is_some());
        }
        assert_eq!(notices(&server).await, round + 1);
    }
    other.end().await;
    server.node.end().await;
    second.close().await;
}

/// A process that dies after the commit of what was asked for, before its answer.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_between_the_commit_and_the_answer_repeats_nothing(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let ops = server.key("ops").await;
    // What the first process did before it died: all of the request but its answer.
    let app = &server.app.app;
    let actor = crate::operators::at(&server.app, "ops").await;
    let body = source().to_string();
    let token = app.requests.token();
    let request = Request::new("ops", "POST", "/api/v1/notices", "k", body.as_bytes(), token)
        .with_roles([Role::Ops].into_iter().collect());
    assert!(matches!(app.requests.begin(&request, false).await.unwrap(), Begun::New(_)));
    let draft = besked::notices::Draft::structured(body.as_bytes()).unwrap();
    let id = app.notices.create(&draft, &actor.clone().asked_by(request)).await.unwrap();
    let server = server.restart().await;
    let early = server.node.once(&ops, "/api/v1/notices", "k", &source()).await;
    early.refused(409);
    assert!(early.header("retry-after").is_some(), "another process may still be at it");
    server.app.advance(PATIENCE.unsigned_abs());
    for _ in 0..3 {
        let reply = server.node.once(&ops, "/api/v1/notices", "k", &source()).await;
        assert_eq!(reply.ok(201)["id"], id.to_string());
        assert_eq!(reply.header("location"), Some(&*format!("/api/v1/notices/{id}")));
    }
    assert_eq!(notices(&server).await, 1);
    // A try that lost does nothing: its transaction is rolled back.
    let late = server.app.app.notices.create(&draft, &actor.asked_by(request)).await;
    assert!(late.unwrap_err().to_string().contains("Idempotency-Key"));
    assert_eq!(notices(&server).await, 1);
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_does_not_outlive_a_person_who_is_erased() {
    let server = Server::staffed(Engine::Sqlite).await;
    server.app.import(CUSTOMERS).await;
    let ops = server.key("ops").await;
    let first = server.node.once(&ops, "/api/v1/notices", "k", &source()).await;
    let request = Request::new("ops", "POST", "/api/v1/notices", "k", b"", uuid::Uuid::nil());
    let kept = async || {
        let mut conn = server.app.app.context.store.read().await.unwrap();
        requests::find(&mut conn, &request.scope).await.unwrap().unwrap()
    };
    assert!(kept().await.answer.is_some());
    let root = besked::domain::actor::Actor::cli("root", "root").unwrap();
    let address = crate::app::address("service@ett.example");
    let erasure = besked::people::subjects::Erasure { address: &address, ground: crate::app::GROUND, waived: &[] };
    server.app.app.subjects.erase(&root, &erasure).await.unwrap();
    assert!(kept().await.answer.is_none());
    let again = server.node.once(&ops, "/api/v1/notices", "k", &source()).await;
    assert_eq!((again.ok(201)["id"].clone(), notices(&server).await), (first.json()["id"].clone(), 1));
    server.node.end().await;
}

/// The answer to a step is lost, and somebody else takes another step before it is repeated.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_undoes_nothing_that_others_did_meanwhile(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let (ops, compliance, admin) = (server.key("ops").await, server.key("compliance").await, server.key("admin").await);
    let node = &server.node;
    let forget = async || {
        let mut tx = server.app.app.context.store.write().await.unwrap();
        requests::forget_answers(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    let path = format!("/api/v1/notices/{}", server.app.release(&maintenance("all = true")).await);
    node.post(&ops, &format!("{path}/pause"), &json!({})).await.ok(200);
    let resume = async || node.once(&ops, &format!("{path}/resume"), "k", &json!({})).await.ok(200);
    assert_eq!(resume().await["paused"], false);
    node.post(&compliance, &format!("{path}/pause"), &json!({})).await.ok(200);
    forget().await;
    assert_eq!(resume().await["paused"], true, "it stays paused");

    let email = json!({ "email": "hello@two.example" });
    let restrict = async |name: &str| {
        node.once(&compliance, "/api/v1/subjects/restrict", name, &email).await.ok(200)["changed"].clone()
    };
    assert_eq!(restrict("k").await, true);
    node.post(&compliance, "/api/v1/subjects/unrestrict", &email).await.ok(200);
    forget().await;
    assert_eq!(
        (restrict("k").await, restrict("other").await),
        (json!(true), json!(true)),
        "only the other one restricts"
    );

    let suppression = json!({ "email": "service@ett.example", "reason": "manual" });
    let suppress = async || node.once(&admin, "/api/v1/suppressions", "k", &suppression).await.ok(201);
    let lift = async || node.ask(&admin, ("DELETE", "/api/v1/suppressions/service%40ett.example"), &[], b"").await;
    let first = suppress().await;
    lift().await.ok(200);
    forget().await;
    assert_eq!(suppress().await, first);
    lift().await.refused(404);
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_not_shown_to_a_key_with_other_roles() {
    let server = Server::with(Engine::Sqlite, &[person("Ola", &[Role::Ops, Role::Support])]).await;
    server.app.import(CUSTOMERS).await;
    let root = crate::operators::at(&server.app, "Root").await;
    let roles = Some([Role::Support].into_iter().collect());
    let lesser = server.app.app.keys.add(&root, &NewKey { operator: "Ola", roles, expires_at: None }).await.unwrap();
    let all = server.key("Ola").await;
    let ask = async |key: &str| server.node.once(key, "/api/v1/notices", "k", &source()).await;
    let first = ask(&all).await;
    first.ok(201);
    let refused = ask(lesser.key.reveal()).await;
    assert!(refused.refused(409)["detail"].as_str().unwrap().contains("other roles"));
    assert_eq!(ask(&all).await.body, first.body);
    server.node.end().await;
}

/// A hold that was lifted stays lifted, whoever asks for it once more.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_request_places_no_hold_that_was_lifted(#[case] engine: Engine) {
    let server = Server::staffed(engine).await;
    server.app.import(CUSTOMERS).await;
    let compliance = server.key("compliance").await;
    let node = &server.node;
    let body = json!({ "account": "C1", "reason": "a claim" });
    let place = async || node.once(&compliance, "/api/v1/holds", "k", &body).await;
    let forget = async || {
        let mut tx = server.app.app.context.store.write().await.unwrap();
        requests::forget_answers(&mut tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    let first = place().await.ok(201);
    forget().await;
    assert_eq!(place().await.ok(201), first, "without its answer it is found");
    let path = format!("/api/v1/holds/{}", first["id"].as_str().unwrap());
    node.ask(&compliance, ("DELETE", &path), &[], b"").await.ok(200);
    assert_eq!(place().await.ok(201), first, "the first answer again");
    forget().await;
    let refused = place().await.refused(409);
    assert!(refused["detail"].as_str().unwrap().contains("lifted since"), "{refused}");
    assert_eq!(node.get(&compliance, "/api/v1/holds").await.ok(200)["holds"], json!([]));
    server.node.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_spellings_of_a_path_are_one_request() {
    let server = Server::staffed(Engine::Sqlite).await;
    server.app.import(CUSTOMERS).await;
    let ops = server.key("ops").await;
    let id = server.app.release(&maintenance("all = true")).await.to_string();
    let encoded = id.replace('-', "%2D");
    let pause = async |id: &str| server.node.once(&ops, &format!("/api/v1/notices/{id}/pause"), "k", &json!({})).await;
    let first = pause(&id).await;
    first.ok(200);
    for other in [id.to_uppercase(), id.replace('-', ""), encoded] {
        let again = pause(&other).await;
        assert_eq!((again.header("idempotency-replayed"), &again.body), (Some("true"), &first.body), "{other}");
    }
    assert_eq!(
        server.node.once(&ops, &format!("/api/v1/notices/{id}/pause/"), "k", &json!({})).await.status,
        404,
        "a path with a slash at its end is another one"
    );
    server.node.end().await;
}

/// The handler has read the person, the erasure commits, and then comes the answer.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_answer_that_was_begun_before_an_erasure_is_not_kept(#[case] engine: Engine) {
    let app = crate::app::TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let requests = &app.app.requests;
    let keep = async |name: &str, erased: Option<&str>| {
        let request = Request::new("ops", "POST", "/x", name, b"", requests.token());
        let Begun::New(running) = requests.begin(&request, false).await.unwrap() else { panic!("it is new") };
        if let Some(address) = erased {
            let address = crate::app::address(address);
            let erasure =
                besked::people::subjects::Erasure { address: &address, ground: crate::app::GROUND, waived: &[] };
            app.app.subjects.erase(&alice(), &erasure).await.unwrap();
        }
        let answer = Answer { status: 200, headers: String::new(), body: b"service@ett.example".to_vec() };
        let row = NewRow { operator: "ops", via: "key", action: "POST /x", object: None, result: Ended::Ok };
        requests.finish(&row, Some((running.keeping(request, 0), answer))).await.unwrap();
        drop(running);
        matches!(requests.begin(&request, false).await.unwrap(), Begun::Answered(_))
    };
    assert!(keep("before", None).await);
    assert!(!keep("beside", Some("service@ett.example")).await, "it may show the person");
    assert!(keep("after", None).await);
}
