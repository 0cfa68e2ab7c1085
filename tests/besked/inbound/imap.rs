//! A mailbox on a real Dovecot.

use besked::config::{Config, ImapUrl};
use besked::domain::inbound::Route;
use besked::inbound::imap::{ImapError, Polled, Poller, look};

use super::{bounce, listed};
use crate::app::TestApp;
use crate::cli::Shell;
use crate::database::Engine;
use crate::dovecot::{Dovecot, PASSWORD};
use crate::postfix::eventually;

fn configured(dovecot: &Dovecot, url: &str) -> impl FnOnce(&mut Config) {
    let url = url.replace("TLS", &dovecot.tls_port.to_string()).replace("PLAIN", &dovecot.port.to_string());
    let (url, ca_file) = (url.parse::<ImapUrl>().unwrap(), dovecot.ca_file());
    move |config| {
        let imap = &mut config.inbound.imap;
        (imap.url, imap.ca_file, imap.password) = (Some(url), Some(ca_file), Some(PASSWORD.to_owned().into()));
    }
}

async fn app(dovecot: &Dovecot, url: &str) -> TestApp {
    TestApp::with(Engine::Sqlite, configured(dovecot, url)).await
}

fn polled(stored: u64, already: u64, too_large: u64) -> Polled {
    Polled { stored, already, too_large }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_stored_and_moved_over_each_kind_of_connection() {
    let dovecot = Dovecot::start("");
    let app = app(&dovecot, "imaps://besked@localhost:TLS").await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    assert_eq!(poller.poll().await.unwrap(), polled(0, 0, 0));
    for number in 0..3 {
        dovecot.put(&format!("1.{number}"), bounce(number).as_bytes());
    }
    assert_eq!(poller.poll().await.unwrap(), polled(3, 0, 0));
    assert_eq!((dovecot.files("").len(), dovecot.files("Besked").len()), (0, 3), "moved, none deleted");
    assert!(dovecot.files("Besked").iter().all(|name| !name.contains('S')), "nobody has read them");
    let stored = listed(&app).await;
    assert_eq!(stored.len(), 3);
    assert!(stored.iter().all(|it| it.route == Route::Imap));

    // The same message again, and a new one, by STARTTLS.
    let app = app.configured(configured(&dovecot, "imap://besked@localhost:PLAIN/INBOX")).await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    dovecot.put("2.0", bounce(0).as_bytes());
    dovecot.put("2.1", bounce(9).as_bytes());
    assert_eq!(poller.poll().await.unwrap(), polled(1, 1, 0));
    assert_eq!((dovecot.files("").len(), dovecot.files("Besked").len()), (0, 5));
    assert_eq!(poller.poll().await.unwrap(), polled(0, 0, 0));
    let mut found = Vec::new();
    for stored in listed(&app).await {
        let bytes = app.app.inbound.message(&crate::app::alice(), stored.id).await.unwrap().1.unwrap();
        found.push(String::from_utf8(bytes).unwrap().replace("\r\n", "\n"));
    }
    found.sort();
    assert_eq!(found, [0, 1, 2, 9].map(bounce));
}

#[tokio::test(flavor = "multi_thread")]
async fn in_clear_it_is_read_on_this_host_only_where_the_server_allows_it() {
    let dovecot = Dovecot::start("ssl = yes\ndisable_plaintext_auth = no\nlogin_trusted_networks = 127.0.0.1");
    let app = app(&dovecot, "imap://besked@localhost:PLAIN?tls=none").await;
    dovecot.put("1.0", bounce(0).as_bytes());
    assert_eq!(Poller::new(&app.app.inbound).unwrap().poll().await.unwrap(), polled(1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_server_cannot_move_messages_are_copied_once() {
    let dovecot = Dovecot::start("imap_capability = IMAP4rev1 LITERAL+ UIDPLUS");
    let app = app(&dovecot, "imaps://besked@localhost:TLS").await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    for number in 0..2 {
        dovecot.put(&format!("1.{number}"), bounce(number).as_bytes());
    }
    assert_eq!(poller.poll().await.unwrap(), polled(2, 0, 0));
    assert_eq!((dovecot.files("").len(), dovecot.files("Besked").len()), (2, 2));
    assert!(dovecot.files("").iter().all(|name| name.ends_with('S')), "{:?}", dovecot.files(""));
    dovecot.put("1.2", bounce(2).as_bytes());
    assert_eq!(poller.poll().await.unwrap(), polled(1, 0, 0), "the others are remembered");
    // Another process does not know how far the first came.
    assert_eq!(Poller::new(&app.app.inbound).unwrap().poll().await.unwrap(), polled(0, 3, 0));
    assert_eq!(dovecot.files("Besked").len(), 3, "none is copied twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_large_stays_and_is_reported_once() {
    let dovecot = Dovecot::start("");
    let app = app(&dovecot, "imaps://besked@localhost:TLS").await;
    let app = app.configured(|config| config.inbound.message_size = 1_000_000).await;
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    dovecot.put("1.0", (bounce(0) + &"x\n".repeat(600_000)).as_bytes());
    dovecot.put("1.1", bounce(1).as_bytes());
    assert_eq!(poller.poll().await.unwrap(), polled(1, 0, 1));
    assert_eq!(poller.poll().await.unwrap(), polled(0, 0, 0));
    assert_eq!((dovecot.files("").len(), dovecot.files("Besked").len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_with_what_to_do() {
    let dovecot = Dovecot::start("namespace inbox {\n inbox = yes\n prefix = INBOX.\n separator = .\n}");
    let app = app(&dovecot, "imaps://besked@localhost:TLS").await;
    let failure = async |change: &dyn Fn(&mut Config)| {
        let mut config = (*app.app.context.config).clone();
        change(&mut config);
        let imap = config.inbound.imap.clone();
        look(&imap, &imap.url.clone().unwrap()).await.unwrap_err()
    };
    let wrong = failure(&|config| config.inbound.imap.password = Some("letmein".to_owned().into())).await;
    let text = wrong.to_string();
    assert!(matches!(wrong, ImapError::LogIn { .. }), "{text}");
    assert!(text.contains("`password_file`") && !text.contains("letmein") && !text.contains("besked@"), "{text}");
    let wrong = failure(&|config| config.inbound.imap.password = Some("lösenord".to_owned().into())).await;
    assert!(matches!(wrong, ImapError::LogIn { .. }), "by AUTHENTICATE: {wrong}");
    let wrong = failure(&|config| config.inbound.imap.url.as_mut().unwrap().mailbox = "INBOX.Nope".to_owned()).await;
    assert!(matches!(wrong, ImapError::NoMailbox { .. }) && wrong.to_string().contains("`INBOX.Nope`"), "{wrong}");
    let wrong = failure(&|config| config.inbound.imap.ca_file = None).await;
    assert!(wrong.to_string().contains("TLS: ") && wrong.to_string().contains("`ca_file`"), "{wrong}");
    let wrong = failure(&|config| config.inbound.imap.url.as_mut().unwrap().port = 1).await;
    assert!(wrong.to_string().starts_with("cannot connect to `localhost:1` (`[inbound.imap] url`)"), "{wrong}");

    // The server wants its prefix: nothing is lost, and the folder is named.
    dovecot.put("1.0", bounce(0).as_bytes());
    let mut poller = Poller::new(&app.app.inbound).unwrap();
    for _ in 0..2 {
        let wrong = poller.poll().await.unwrap_err();
        assert!(matches!(wrong, ImapError::NoFolder { .. }) && wrong.to_string().contains("`INBOX.Besked`"), "{wrong}");
    }
    assert_eq!((dovecot.files("").len(), listed(&app).await.len()), (1, 1));
    let app = app.configured(|config| config.inbound.imap.folder = "INBOX.Besked".to_owned()).await;
    assert_eq!(Poller::new(&app.app.inbound).unwrap().poll().await.unwrap(), polled(0, 1, 0));
    assert_eq!((dovecot.files("").len(), dovecot.files("Besked").len()), (0, 1));
}

/// The service itself, over a server that is away at times, with everything that can be logged.
#[test]
fn the_service_reads_on_when_a_server_comes_back_and_logs_no_password_and_no_mail() {
    let dovecot = Dovecot::start("");
    let shell = Shell::new()
        .env("BESKED__INBOUND__IMAP__URL", format!("imaps://besked@localhost:{}", dovecot.tls_port))
        .env("BESKED__INBOUND__IMAP__PASSWORD", PASSWORD)
        .env("BESKED__INBOUND__IMAP__CA_FILE", dovecot.ca_file().display())
        .env("BESKED__INBOUND__IMAP__EVERY", "5s")
        .env("BESKED__LOG__LEVEL", "trace");
    dovecot.stop();
    let log = shell.directory.path().join("log");
    let mut serve = shell.command(&["serve", "--only", "inbound"]);
    let mut serve = serve.stderr(std::fs::File::create(&log).unwrap()).spawn().unwrap();
    let logged = || std::fs::read_to_string(&log).unwrap();
    eventually("the failure is logged", || logged().contains("cannot connect to `localhost:"));
    dovecot.start_again();
    dovecot.put("1.0", bounce(0).as_bytes());
    eventually("it is moved", || dovecot.files("Besked").len() == 1);
    std::process::Command::new("kill").arg(serve.id().to_string()).status().unwrap();
    assert!(serve.wait().unwrap().success());
    let listed = shell.run(&["--json", "inbound", "list"]).ok().json();
    assert_eq!(listed["inbound"][0]["route"], "imap");
    for secret in ["hunter2", "no-such-user@elsewhere.example"] {
        assert!(!logged().contains(secret), "{secret}");
    }
}
