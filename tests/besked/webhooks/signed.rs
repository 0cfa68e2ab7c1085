//! Signatures, checked by the public library of another language.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use besked::domain::clock::Clock;
use besked::domain::webhook::HookEvent;

use super::receiver::{Receiver, Request};
use crate::app::{TestApp, alice};
use crate::database::Engine;

/// Where `tests/run` installs the library.
fn library() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    let library = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(target).join("tools/standardwebhooks");
    assert!(library.is_dir(), "{} is missing: tests/run installs it", library.display());
    library
}

/// Whether the library takes a request for one of somebody who knows this secret.
fn takes(secret: &str, request: &Request, body: &str) -> bool {
    let script = "import json, sys\nfrom standardwebhooks.webhooks import Webhook, WebhookVerificationError\n\
        secret, body, headers = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])\n\
        try:\n    assert Webhook(secret).verify(body, headers) == json.loads(body)\n    print('taken')\n\
        except WebhookVerificationError:\n    print('refused')\n";
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|it| (it, request.header(it).unwrap()));
    let headers = serde_json::to_string(&std::collections::BTreeMap::from(headers)).unwrap();
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", library()).args(["-c", script, secret, body, &headers]);
    let ran = python.output().unwrap();
    let (out, err) = (String::from_utf8(ran.stdout).unwrap(), String::from_utf8(ran.stderr).unwrap());
    match out.trim() {
        "taken" => true,
        "refused" => false,
        _ => panic!("{out}\n{err}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_of_another_language_takes_each_signature_and_no_forged_one() {
    // The library compares the time of the call with its own clock.
    let now = Clock::System.now().to_string();
    let receiver = Receiver::start().await;
    let app = TestApp::starting(Engine::Sqlite, &now, |config| {
        config.webhooks.allow = vec!["127.0.0.1/32".parse().unwrap()];
    })
    .await;
    let made = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await;
    let (id, first) = (made.shown.id, made.secret.reveal());
    app.something_happens().await;
    app.call().await;
    let second = app.app.webhooks.rotate(&alice(), id).await.unwrap().secret.reveal();
    app.something_happens().await;
    app.call().await;
    let requests = receiver.requests();
    assert!(takes(&first, &requests[0], &requests[0].body) && !takes(&second, &requests[0], &requests[0].body));
    for secret in [&first, &second] {
        assert!(takes(secret, &requests[1], &requests[1].body), "both, while it rotates");
    }
    let forged = requests[1].body.replace("ledger.stopped", "ledger.started");
    assert!(!takes(&second, &requests[1], &forged));
    let mut other = requests[1].clone();
    other.head = other.head.replace("webhook-id: 0", "webhook-id: 1");
    assert!(!takes(&second, &other, &other.body));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_secret_signs_for_a_day_and_the_one_before_no_more() {
    let (app, receiver) = (super::app(Engine::Sqlite).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    let signatures = async |expected: usize| {
        app.something_happens().await;
        app.call().await;
        let last = receiver.requests().pop().unwrap().header("webhook-signature").unwrap();
        assert_eq!(last.split(' ').filter(|it| it.starts_with("v1,")).count(), expected, "{last}");
        last
    };
    signatures(1).await;
    let mut secrets = vec![];
    for _ in 0..2 {
        secrets.push(app.app.webhooks.rotate(&alice(), id).await.unwrap().secret.reveal());
        signatures(2).await;
    }
    assert_ne!(secrets[0], secrets[1]);
    let until = app.hook_shown(id).await.shown.former_secret_until.unwrap();
    assert_eq!(until.duration_since(app.app.context.clock.now()).as_hours(), 24);
    app.advance(Duration::from_secs(86_399));
    signatures(2).await;
    app.advance(Duration::from_secs(1));
    signatures(1).await;
    assert_eq!(app.hook_shown(id).await.shown.former_secret_until, None);
}
