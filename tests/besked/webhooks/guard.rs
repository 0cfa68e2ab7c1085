//! Where calls may go: names that lead elsewhere, now or later, addresses that are not public, and certificates.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use besked::domain::webhook::HookEvent;
use besked::webhooks::{NewWebhook, WebhookError};
use rstest::rstest;

use super::receiver::Receiver;
use super::{app, names};
use crate::app::{TestApp, alice};
use crate::database::Engine;

const DEADLINE: Duration = Duration::from_secs(10);

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// An application whose names lead to these addresses, one list after the other; the last one stays.
async fn leading(allow: &[&str], leads: Vec<Vec<IpAddr>>) -> (TestApp, Arc<AtomicUsize>) {
    let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let lead = {
        let asked = asked.clone();
        move |_: &str| leads[asked.fetch_add(1, Ordering::SeqCst).min(leads.len() - 1)].clone()
    };
    let app = TestApp::with(Engine::Sqlite, |config| config.webhooks.allow = allow).await;
    (app.calling_by(names(lead), DEADLINE), asked)
}

async fn add(app: &TestApp, url: &str) -> Result<besked::webhooks::Made, WebhookError> {
    let new = NewWebhook { url, events: [HookEvent::LedgerStopped].into() };
    app.app.webhooks.add(&alice(), &new).await
}

/// Why the only call failed.
async fn problem(app: &TestApp, id: uuid::Uuid) -> String {
    app.something_happens().await;
    app.call().await;
    let attempts = app.hook_shown(id).await.attempts;
    assert_eq!(attempts.len(), 1, "{attempts:?}");
    attempts[0].problem.clone().unwrap_or_default()
}

#[rstest]
#[case("127.0.0.1")]
#[case("0.0.0.0")]
#[case("10.0.0.1")]
#[case("172.16.0.1")]
#[case("192.168.1.1")]
#[case("100.64.0.1")]
#[case("169.254.169.254")]
#[case("224.0.0.1")]
#[case("255.255.255.255")]
#[case("::1")]
#[case("::")]
#[case("::ffff:127.0.0.1")]
#[case("::ffff:169.254.169.254")]
#[case("64:ff9b::a9fe:a9fe")]
#[case("64:ff9b:1::1")]
#[case("2002:7f00:1::")]
#[case("2001:0:4136:e378:8000:63bf:3fff:fdd2")]
#[case("fe80::1")]
#[case("fd00:ec2::254")]
#[case("ff02::1")]
#[tokio::test]
async fn a_name_that_leads_to_an_inner_address_is_refused_and_one_that_does_so_later_is_not_called(
    #[case] inner: &str,
) {
    let (app, _) = leading(&[], vec![vec![ip(inner)]]).await;
    let refused = add(&app, "https://hooks.example/").await.unwrap_err();
    assert!(matches!(&refused, WebhookError::Astray(why) if why.contains("leads to")), "{refused}");
    // First a public one beside it: one of them is enough.
    let (app, _) = leading(&[], vec![vec![ip("8.8.8.8"), ip(inner)]]).await;
    assert!(matches!(add(&app, "https://hooks.example/").await, Err(WebhookError::Astray(_))));
    // DNS rebinding: when it was added, it led to a public address.
    let (app, asked) = leading(&[], vec![vec![ip("8.8.8.8")], vec![ip(inner)]]).await;
    let id = add(&app, "https://hooks.example/").await.unwrap().shown.id;
    let problem = problem(&app, id).await;
    assert!(problem.contains("its name leads to") && problem.contains("is neither public nor"), "{problem}");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_resolved_once_for_a_connection_which_goes_to_what_was_judged() {
    let good = Receiver::at("127.0.0.1:0").await;
    let bad = Receiver::at(&format!("127.0.0.2:{}", good.address.port())).await;
    let (judged, astray) = (vec![ip("127.0.0.1")], vec![ip("127.0.0.2")]);
    // Added, called, and called again over a new connection.
    let (app, asked) = leading(&["127.0.0.1/32"], vec![judged.clone(), judged.clone(), astray]).await;
    let url = format!("http://hooks.example:{}/", good.address.port());
    let id = add(&app, &url).await.unwrap().shown.id;
    assert_eq!(problem(&app, id).await, "");
    assert_eq!((asked.load(Ordering::SeqCst), good.count(), bad.connections()), (2, 1, 0));
    good.end().await;
    app.something_happens().await;
    app.call().await;
    let last = app.hook_shown(id).await.attempts.remove(0).problem.unwrap();
    assert!(last.contains("leads to 127.0.0.2, which is in no network of `[webhooks] allow`"), "{last}");
    assert_eq!(bad.connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_was_allowed_once_is_not_called_once_it_is_not() {
    let (app, receiver) = (app(Engine::Sqlite).await, Receiver::start().await);
    let id = app.hook(&receiver.url(), &[HookEvent::LedgerStopped]).await.shown.id;
    let app = app.configured(|config| config.webhooks.allow.clear()).await;
    let problem = problem(&app, id).await;
    assert!(problem.contains("it leads to 127.0.0.1, which is in no network"), "{problem}");
    assert_eq!(receiver.connections(), 0);
    let tested = app.app.webhooks.test(&alice(), id).await.unwrap();
    assert!(!tested.ok && receiver.connections() == 0, "a test is no way around it");
}

#[tokio::test]
async fn a_name_without_an_address_is_taken_with_a_warning() {
    let (app, _) = leading(&[], vec![vec![]]).await;
    let made = add(&app, "https://hooks.example/").await.unwrap();
    assert!(made.warning.unwrap().contains("cannot be resolved now"));
    assert!(problem(&app, made.shown.id).await.contains("its name cannot be resolved"));
}

#[tokio::test]
async fn http_and_inner_addresses_need_a_network_that_is_allowed() {
    let (app, _) = leading(&["10.0.0.0/8"], vec![vec![ip("10.1.2.3")], vec![ip("8.8.8.8")], vec![ip("8.8.8.8")]]).await;
    add(&app, "http://inner.example/").await.unwrap();
    let refused = add(&app, "http://public.example/").await.unwrap_err();
    assert!(matches!(&refused, WebhookError::Astray(why) if why.contains("as http:// needs")), "{refused}");
    add(&app, "https://public.example/").await.unwrap();
    for (url, why) in [
        ("http://8.8.8.8/", "as http:// needs"),
        ("https://127.0.0.1/", "neither public nor"),
        ("https://2130706433/", "leads to 127.0.0.1"),
        ("https://[::ffff:a9fe:a9fe]/", "neither public nor"),
        ("ftp://10.0.0.1/", "must begin with https://"),
    ] {
        let refused = add(&app, url).await.unwrap_err();
        assert!(matches!(refused, WebhookError::Target(_)) && refused.to_string().contains(why), "{url}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_proves_who_it_is() {
    let receiver = Receiver::with_tls("hooks.example").await;
    let authority = receiver.authority.as_ref().unwrap().path().to_owned();
    let made = |ca: Option<std::path::PathBuf>, name: &'static str| {
        let port = receiver.address.port();
        async move {
            let app = TestApp::with(Engine::Sqlite, |config| {
                config.webhooks.allow = vec!["127.0.0.1/32".parse().unwrap()];
                config.webhooks.ca_file = ca;
            });
            let app = app.await.calling_by(names(|_| vec!["127.0.0.1".parse().unwrap()]), DEADLINE);
            let id = add(&app, &format!("https://{name}:{port}/")).await.unwrap().shown.id;
            problem(&app, id).await
        }
    };
    for (authority, name, why) in [
        (None, "hooks.example", "of no authority that is trusted"),
        (Some(authority.clone()), "other.example", "is for `hooks.example`"),
    ] {
        let problem = made(authority, name).await;
        assert!(problem.contains(why), "{problem}");
    }
    assert_eq!(receiver.count(), 0, "nothing was said to it");
    assert_eq!(made(Some(authority), "hooks.example").await, "");
    assert_eq!(receiver.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_of_the_environment_is_asked() {
    let (receiver, proxy) = (Receiver::start().await, Receiver::start().await);
    let shell = crate::cli::Shell::new().env("BESKED__WEBHOOKS__ALLOW", "[\"127.0.0.1\"]");
    let shell = ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        .into_iter()
        .fold(shell, |shell, name| shell.env(name, format!("http://{}", proxy.address)));
    let url = receiver.url();
    let added = shell.run(&["--json", "webhooks", "add", &url, "--event", "ping"]).ok().json();
    shell.run(&["webhooks", "test", added["id"].as_str().unwrap()]).ok();
    assert_eq!((receiver.count(), proxy.connections()), (1, 0));
}
