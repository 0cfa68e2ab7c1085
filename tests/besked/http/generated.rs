//! Requests that schemathesis generates from the description of the API: whatever is sent, the answer is one that is described, and
//! nothing fails inside.

use std::process::{Command, Stdio};

use besked::domain::operator::Role;
use rstest::rstest;

use super::{Node, Server};
use crate::app::{CUSTOMERS, TestApp, alice};
use crate::database::Engine;
use crate::operators::{at, person};

/// What is looked at in each answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,\
    response_headers_conformance,ignored_auth";

async fn generate(engine: Engine, roles: &[Role]) {
    // The tool asks without a key as often as with one.
    let app = TestApp::with(engine, |config| config.http.unknown_keys_per_minute = 1_000_000).await;
    app.import(CUSTOMERS).await;
    app.app.operators.add(&alice(), &person("Root", &[Role::Admin])).await.unwrap();
    let root = at(&app, "Root").await;
    app.app.operators.add(&root, &person("Kim", roles)).await.unwrap();
    let node = Node::start(app.app.clone()).await;
    let server = Server { app, node };
    let (key, at) = (server.key("Kim").await, server.node.at);
    let folder = tempfile::tempdir().unwrap();
    let run = tokio::task::spawn_blocking(move || {
        Command::new("python3")
            .args(["-m", "schemathesis.cli", "run", &format!("http://{at}/api/openapi.json")])
            .args(["--url", &format!("http://{at}"), "--checks", CHECKS, "--phases", "coverage,fuzzing"])
            .args(["--header", &format!("Authorization: Bearer {key}")])
            .args(["--max-examples", "5", "--seed", "1", "--no-color", "--workers", "1", "--request-timeout", "60"])
            .env("PYTHONPATH", std::env::var_os("BESKED_TEST_SCHEMATHESIS").unwrap_or_default())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .output()
            .expect("tests/run installs schemathesis")
    });
    let run = run.await.unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}\n{err}");
    assert!(out.contains("Tested: "), "{out}");
    server.node.end().await;
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_may_do_everything_gets_no_answer_that_is_not_described(#[case] engine: Engine) {
    generate(engine, Role::ALL).await;
}

#[rstest]
#[case(Engine::Sqlite, &[Role::Ops, Role::Marketing])]
#[case(Engine::Postgres, &[Role::Auditor, Role::Support])]
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_may_do_little_gets_none_either(#[case] engine: Engine, #[case] roles: &[Role]) {
    generate(engine, roles).await;
}
