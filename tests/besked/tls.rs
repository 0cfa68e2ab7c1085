//! TLS with relays: every mode, with certificates that are trusted and that are not.

use std::path::PathBuf;

use besked::config::{EXAMPLE, Relay as RelayConfig, parse};
use besked::dispatch::Finished;
use besked::domain::delivery::State;
use besked::mail::smtp::Session;
use besked::store::sending::settle;

use crate::app::{CUSTOMERS, TestApp, maintenance, without_relay};
use crate::database::Engine;
use crate::relay::{Act, Encryption, Relay, Script};

/// A relay with a certificate for `localhost`, and the file of the authority behind it.
async fn certified(encryption: Encryption) -> (Relay, PathBuf) {
    let relay = Relay::with(Script::default().encryption(encryption).certified_name("localhost")).await;
    let authority = relay.ca_file().to_owned();
    (relay, authority)
}

/// Sends one notice over a relay with this URL (`PORT` is replaced by its port); returns how the run ended and the TLS version of
/// the attempt, if there was one.
async fn send(relay: &Relay, url: &str, ca_file: Option<PathBuf>) -> (Finished, Option<String>) {
    let url = url.replace("PORT", &relay.address.port().to_string());
    let app = TestApp::with(Engine::Sqlite, |config| {
        config.relays[0].url = url.parse().unwrap();
        config.relays[0].ca_file = ca_file;
        if config.relays[0].url.user.is_some() {
            config.relays[0].password = Some("secret".to_owned().into());
        }
    })
    .await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("customers = [\"C2\"]")).await;
    let finished = app.run_until_idle().await;
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].clone();
    let attempts = settle::attempts(&mut app.app.context.store.read().await.unwrap(), delivery.id).await.unwrap();
    assert_eq!(delivery.state == State::Accepted, matches!(finished, Finished::Idle(_)));
    (finished, attempts.into_iter().next().map(|attempt| attempt.tls))
}

fn failure(finished: &Finished) -> String {
    let (troubles, _) = without_relay(finished);
    format!("{}: {}", troubles[0].1.stage, troubles[0].1.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_sends_and_says_how() {
    for (tls, url, version) in [
        (Encryption::Implicit, "smtps://besked@localhost:PORT", "TLSv1.3"),
        (Encryption::StartTls, "smtp://besked@localhost:PORT?tls=required", "TLSv1.3"),
        (Encryption::StartTls, "smtp://localhost:PORT?tls=opportunistic", "TLSv1.3, not verified"),
        (Encryption::None, "smtp://localhost:PORT?tls=opportunistic", ""),
        (Encryption::None, "smtp://besked@localhost:PORT?tls=none", ""),
    ] {
        let (relay, ca) = certified(tls).await;
        let (_, used) = send(&relay, url, Some(ca)).await;
        assert_eq!(used.as_deref(), Some(version), "{url}");
        let authenticated = relay.commands().iter().any(|line| line.starts_with("AUTH PLAIN "));
        assert_eq!(authenticated, url.contains('@'), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused_unless_tls_is_opportunistic() {
    let (relay, _) = certified(Encryption::Implicit).await;
    let (finished, _) = send(&relay, "smtps://localhost:PORT", None).await;
    assert!(failure(&finished).starts_with("connect: TLS: "), "{}", failure(&finished));
    let (relay, _) = certified(Encryption::StartTls).await;
    let (finished, _) = send(&relay, "smtp://besked@localhost:PORT?tls=required", None).await;
    assert!(failure(&finished).starts_with("starttls: TLS: "), "{}", failure(&finished));
    assert!(!relay.commands().iter().any(|line| line.starts_with("AUTH")), "no password for a stranger");
    let (finished, _) = send(&relay, "smtp://localhost:PORT?tls=opportunistic", None).await;
    assert!(matches!(finished, Finished::Idle(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn required_means_required_and_what_is_injected_before_tls_is_not_believed() {
    let relay = Relay::start().await;
    let (finished, _) = send(&relay, "smtp://localhost:PORT?tls=required", None).await;
    assert!(failure(&finished).contains("does not offer STARTTLS"), "{}", failure(&finished));
    let (relay, ca) = certified(Encryption::StartTls).await;
    relay.on("STARTTLS", 9, Act::Reply("220 go ahead\r\n250-evil\r\n250 AUTH PLAIN\r\n235 welcome\r\n250 taken\r\n"));
    let (finished, _) = send(&relay, "smtp://besked@localhost:PORT?tls=required", Some(ca)).await;
    let refused = "starttls: the server sent more than its reply before TLS: somebody may have injected it";
    assert_eq!(failure(&finished), refused);
    assert!(relay.received().is_empty() && !relay.commands().iter().any(|line| line.starts_with("AUTH")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_connections_of_a_relay_share_what_they_trust_until_a_server_is_not_trusted() {
    let (relay, ca) = certified(Encryption::Implicit).await;
    let (_other, strange) = certified(Encryption::Implicit).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::copy(&ca, file.path()).unwrap();
    let config = parse(EXAMPLE, "example", &[]).unwrap();
    let mut configured = config.relays[0].clone();
    configured.url = format!("smtps://localhost:{}", relay.address.port()).parse().unwrap();
    configured.ca_file = Some(file.path().to_owned());
    let opens = async |relay: &RelayConfig| Session::open(relay, &config.smtp).await.is_ok();
    assert!(opens(&configured).await);
    std::fs::copy(&strange, file.path()).unwrap();
    assert!(opens(&configured).await, "the file was read once");
    let copy = configured.clone();
    assert!(!opens(&copy).await, "a copy reads it itself");
    std::fs::copy(&ca, file.path()).unwrap();
    assert!(opens(&copy).await, "and again after a failure: the authority may have changed");
}
