//! The directory: customers fetched over HTTPS from another system, which here is a real server with an authority of its own.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use besked::domain::task::TaskKind;
use besked::people::directory::{DirectoryError, Synced};
use besked::people::import::ImportError;
use rstest::rstest;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::app::{CUSTOMERS, TestApp, alice};
use crate::cli::Shell;
use crate::database::Engine;
use crate::postfix::eventually;

/// An HTTPS server that answers as it is told, and remembers what it was asked.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    answer: Arc<Mutex<Vec<u8>>>,
    home: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
        let authority = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().unwrap()).unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(home.path().join("token"), "hunter2\n").unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let (acceptor, listener) = (TlsAcceptor::from(Arc::new(tls)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let port = listener.local_addr().unwrap().port();
        let server = Self { port, asked: Arc::default(), answer: Arc::default(), home };
        let (asked, answer) = (server.asked.clone(), server.answer.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, asked, answer) = (acceptor.clone(), asked.clone(), answer.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let (mut request, mut part) = (Vec::new(), [0; 4096]);
                    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
                        match stream.read(&mut part).await {
                            Ok(read @ 1..) => request.extend(&part[..read]),
                            _ => return,
                        }
                    }
                    asked.lock().unwrap().push(String::from_utf8_lossy(&request).to_lowercase());
                    let bytes = answer.lock().unwrap().clone();
                    let _ = stream.write_all(&bytes).await;
                    let _ = stream.shutdown().await;
                });
            }
        });
        server
    }

    /// Answers everything with this from now on.
    fn answers(&self, head: &str, body: &[u8]) {
        let head = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
        *self.answer.lock().unwrap() = [head.as_bytes(), body].concat();
    }

    fn asked(&self) -> String {
        self.asked.lock().unwrap().last().cloned().unwrap_or_default()
    }

    fn url(&self) -> String {
        format!("https://localhost:{}/customers.csv", self.port)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    async fn app(&self, engine: Engine) -> TestApp {
        TestApp::with(engine, |config| {
            config.directory.url = Some(self.url().parse().unwrap());
            config.directory.ca_file = Some(self.file("ca.pem"));
            config.directory.token = Some("hunter2".into());
        })
        .await
    }
}

async fn sync(app: &TestApp) -> Result<Synced, DirectoryError> {
    app.app.directory.sync(&alice()).await
}

async fn count(app: &TestApp) -> u64 {
    let mut conn = app.app.context.store.read().await.unwrap();
    besked::store::people::customers::count_active(&mut conn).await.unwrap()
}

fn refused(synced: Result<Synced, DirectoryError>) -> String {
    match synced {
        Err(DirectoryError::Fetch(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn customers_are_fetched_when_the_file_has_changed(#[case] engine: Engine) {
    let server = Server::start().await;
    let app = server.app(engine).await;
    server.answers("200 OK\r\netag: \"v1\"\r\nlast-modified: Tue, 24 Nov 2026 10:00:00 GMT", CUSTOMERS.as_bytes());
    let Synced::Imported(imported) = sync(&app).await.unwrap() else { panic!("it is new") };
    assert_eq!((imported.customers, count(&app).await), (3, 3));
    assert!(server.asked().contains("authorization: bearer hunter2"), "{}", server.asked());
    assert!(!server.asked().contains("if-none-match"));
    server.answers("304 Not Modified", b"");
    assert!(matches!(sync(&app).await.unwrap(), Synced::Unchanged));
    assert!(
        server.asked().contains("if-none-match: \"v1\"") && server.asked().contains("if-modified-since: tue, 24 nov")
    );
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(format!("{CUSTOMERS}C4,Fyra AB,a@four.example,,service,sv,,\n").as_bytes()).unwrap();
    server.answers("200 OK\r\ncontent-encoding: gzip\r\netag: \"v2\"", &packed.finish().unwrap());
    assert!(matches!(sync(&app).await.unwrap(), Synced::Imported(_)));
    assert_eq!(count(&app).await, 4);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_fetch_changes_nothing_and_after_a_day_is_a_task(#[case] engine: Engine) {
    let server = Server::start().await;
    let app = server.app(engine).await;
    server.answers("200 OK", CUSTOMERS.as_bytes());
    app.app.directory.sync_when_due().await.unwrap().unwrap();
    assert!(app.app.directory.sync_when_due().await.unwrap().is_none(), "it is not due");
    for (answer, body, problem) in [
        ("401 Unauthorized", "", "token_file"),
        ("503 Service Unavailable", "", "503"),
        ("302 Found\r\nlocation: https://other.example/c.csv", "", "redirects to another host"),
        ("302 Found\r\nlocation: http://localhost/c.csv", "", "redirects to another host"),
        ("302 Found\r\nlocation: /customers.csv", "", "redirects too often"),
        ("200 OK\r\ncontent-encoding: br", "x", "in the encoding `br`"),
    ] {
        server.answers(answer, body.as_bytes());
        let found = refused(sync(&app).await);
        assert!(found.contains(problem), "{answer}: {found}");
        assert!(!found.contains("hunter2"), "{found}");
    }
    *server.answer.lock().unwrap() = b"HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\naccount_id,".to_vec();
    refused(sync(&app).await);
    server.answers("200 OK", b"account_id,customer_name,email\nC1,Ett,no address\n");
    assert!(matches!(sync(&app).await, Err(DirectoryError::Import(ImportError::Invalid(_)))));
    assert_eq!(count(&app).await, 3);
    assert!(app.tasks(true).await.is_empty());
    app.advance(Duration::from_hours(25));
    assert!(app.app.directory.sync_when_due().await.is_err());
    app.advance(Duration::from_hours(1));
    assert!(app.app.directory.sync_when_due().await.is_err());
    let tasks = app.tasks(true).await;
    assert_eq!(tasks.iter().map(|it| it.kind).collect::<Vec<_>>(), [TaskKind::StaleDirectory]);
    assert!(tasks[0].reason.contains("rows of the file are wrong: 1") && !tasks[0].reason.contains("no address"));
    server.answers("200 OK", CUSTOMERS.as_bytes());
    sync(&app).await.unwrap();
    assert!(app.tasks(true).await.is_empty(), "the fact closes it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_has_a_limit_as_it_comes_and_unpacked() {
    let server = Server::start().await;
    let app = server.app(Engine::Sqlite).await.configured(|config| config.directory.size = 2_000).await;
    server.answers("200 OK", &[b'x'; 3_000]);
    assert!(refused(sync(&app).await).contains("larger than `[directory] size`"));
    *server.answer.lock().unwrap() = [&b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"[..], &[b'x'; 3_000]].concat();
    assert!(refused(sync(&app).await).contains("larger than `[directory] size`"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(b"account_id,customer_name,email\n").unwrap();
    (0..2_000).for_each(|n| packed.write_all(format!("C{n},Ett,a@ett.example\n").as_bytes()).unwrap());
    let packed = packed.finish().unwrap();
    // Cut to the limit, it would be damaged: it is refused before.
    server.answers("200 OK\r\ncontent-encoding: gzip", &packed);
    assert!(sync(&app).await.is_err());
    assert_eq!(count(&app).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_certificate_is_of_nobody_we_trust_gets_no_token() {
    let server = Server::start().await;
    let app = server.app(Engine::Sqlite).await.configured(|config| config.directory.ca_file = None).await;
    server.answers("200 OK", CUSTOMERS.as_bytes());
    assert!(refused(sync(&app).await).contains("certificate"));
    assert!(server.asked.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_the_doctor_and_a_dispatcher_fetch() {
    let server = Server::start().await;
    let shell = Shell::new();
    shell.run(&["customers", "sync"]).fails(2, &["no `[directory] url` is configured", "hint: set the key"]);
    let shell = shell
        .env("BESKED__DIRECTORY__URL", server.url())
        .env("BESKED__DIRECTORY__CA_FILE", server.file("ca.pem").display())
        .env("BESKED__DIRECTORY__TOKEN_FILE", server.file("token").display());
    server.answers("404 Not Found", b"");
    shell.run(&["customers", "sync"]).fails(75, &["the server answered 404 Not Found", "hint: nothing was changed"]);
    let doctor = shell.run(&["doctor"]);
    assert!(doctor.out.contains("localhost: the server answered 404"), "{}", doctor.out);
    server.answers("200 OK\r\netag: \"v1\"", CUSTOMERS.as_bytes());
    assert!(shell.run(&["doctor"]).out.contains("localhost answers"));
    let synced = shell.run(&["--json", "customers", "sync"]).ok().json();
    assert_eq!((synced["changed"].as_bool(), synced["customers"].as_u64()), (Some(true), Some(3)));
    assert!(server.asked().contains("authorization: bearer hunter2"));
    server.answers("304 Not Modified", b"");
    assert_eq!(shell.run(&["--json", "customers", "sync"]).ok().json()["changed"].as_bool(), Some(false));
    // A dispatcher takes what is due.
    let shell = shell.env("BESKED__DIRECTORY__EVERY", "1m");
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    let mut conn = <sqlx::AnyConnection as sqlx::Connection>::connect(&url).await.unwrap();
    sqlx::query("UPDATE directory SET due_at = 0").execute(&mut conn).await.unwrap();
    server
        .answers("200 OK\r\netag: \"v2\"", format!("{CUSTOMERS}C4,Fyra AB,a@four.example,,service,sv,,\n").as_bytes());
    let before = server.asked.lock().unwrap().len();
    let mut dispatch = shell.command(&["dispatch"]).spawn().unwrap();
    eventually("it is fetched", || server.asked.lock().unwrap().len() > before);
    eventually("it is imported", || {
        shell.run(&["--json", "customers", "list"]).ok().json()["customers"].as_array().unwrap().len() == 4
    });
    dispatch.kill().unwrap();
    dispatch.wait().unwrap();
}
