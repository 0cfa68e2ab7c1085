//! What a form asks for is done to its end, with its row in the audit log, also if nobody waits for the answer; and the door is whole.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::http::serve::Limits;
use besked::public::passage::{FILES, is_file};

use super::browser::{Browser, ORIGIN};
use super::desk::{at, staffed};
use super::sign_in::{PASSWORD, door, set_password};
use crate::app::{TestApp, alice};
use crate::database::Engine;
use crate::http::Node;
use crate::postfix::eventually;

/// A form as a browser sends it.
fn form(path: &str, cookies: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nOrigin: {ORIGIN}\r\nSec-Fetch-Site: same-origin\r\nConnection: close\r\n\
         Cookie: {cookies}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn send(server: SocketAddr, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// True if nothing comes for a while.
fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(Duration::from_millis(1500))).unwrap();
    let silent = stream.peek(&mut [0]).is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    stream.set_read_timeout(None).unwrap();
    silent
}

async fn rows(app: &TestApp) -> Vec<String> {
    app.app.requests.settle().await;
    let request = PageRequest { after: None, limit: 100 };
    let page = app.app.audit.list(&alice(), &besked::operators::audit::Filter::default(), &request).await.unwrap();
    page.items.iter().map(|it| format!("{} | {} | {}", it.operator, it.action, it.result)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_whose_sender_goes_away_is_done_and_noted() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    browser.sign_in("Ola").await;
    let cookies = browser.jar.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
    let writing = app.app.context.store.write().await.unwrap();
    let mut gone = send(browser.node.at, &form("/me/words", &cookies, "language=sv&zone="));
    assert!(is_silent(&mut gone), "it waits for the writer");
    drop(gone);
    // The listener has noticed that by now.
    let mut other = send(browser.node.at, &form("/me/words", "", ""));
    other.read_to_end(&mut Vec::new()).unwrap();
    writing.rollback().await.unwrap();
    let row = "Ola | console POST /me/words | ok".to_owned();
    let handle = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| {
        eventually("it is noted", || handle.block_on(rows(&app)).contains(&row));
    });
    browser.get("/me").await.is(200).says("lang=\"sv\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_under_way_gives_way_to_no_other_connection() {
    let (app, mut browser) = door(Engine::Sqlite).await;
    set_password(&app, &browser, "Ola").await;
    let limits = Limits { connections: 1, ..Limits::default() };
    browser = Browser::at(Arc::new(Node::limited(app.app.clone(), limits).await), &app.app);
    let writing = app.app.context.store.write().await.unwrap();
    let typed = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("name", "Ola"), ("password", PASSWORD)])
        .finish();
    let mut first = send(browser.node.at, &form("/sign-in", "", &typed));
    assert!(is_silent(&mut first), "it waits for the writer");
    let crowd: Vec<TcpStream> = (0..5).map(|_| send(browser.node.at, "POST /sign-in HTTP/1.1\r\n")).collect();
    assert!(is_silent(&mut first), "it is not closed");
    writing.rollback().await.unwrap();
    let mut answer = String::new();
    first.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("__Host-besked_session="), "{answer}");
    drop(crowd);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_at_the_door_is_small() {
    let (_app, mut browser) = door(Engine::Sqlite).await;
    let large = "x".repeat(17 << 10);
    browser.post("/sign-in", &[("name", &large), ("password", "x")]).await.is(422).says("too large");
}

/// Which route each source takes or returns files for.
const SOURCES: [(&str, &str); 9] = [
    ("src/console/customers/import.rs", "/customers/import"),
    ("src/console/customers/upload.rs", "/customers/import"),
    ("src/console/delivery/message.rs", "/deliveries/{id}/message.eml"),
    ("src/console/notices/evidence.rs", "/notices/{id}/evidence/{file}"),
    ("src/console/notices/open.rs", "/notices/{id}/open.csv"),
    ("src/console/people/rights.rs", "/people/export"),
    ("src/console/write/sent.rs", "/notices/new"),
    ("src/http/api/evidence.rs", "/api/v1/evidence"),
    ("src/http/api/notices/coverage.rs", "/api/v1/notices/{id}/coverage"),
];

/// A new route with a file is cut off unless it is listed.
#[test]
fn each_source_of_files_has_its_route_in_the_list() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let (mut waiting, mut found) = (vec![root.join("src/console"), root.join("src/http/api")], Vec::new());
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        // That of the progress is for the customers file.
        let has_file = ["CONTENT_DISPOSITION", "Multipart", "from_stream("].iter().any(|word| text.contains(word));
        if has_file && name != "src/http/api/progress.rs" {
            found.push(name);
        }
    }
    found.sort();
    assert_eq!(found, SOURCES.map(|(source, _)| source));
    for (_, route) in SOURCES {
        assert!(FILES.iter().any(|(_, listed)| *listed == route), "{route}");
    }
}

/// A route with a file that nobody serves any more would be cut off, or let others wait for nothing.
#[tokio::test(flavor = "multi_thread")]
async fn each_route_with_a_file_is_one() {
    let (_app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Ops])).await;
    for (method, route) in FILES {
        let path = route.replace("{id}", "01890a5d-ac96-774b-bcce-b302099a8057").replace("{file}", "evidence.json");
        assert!(is_file(&method.parse::<Method>().unwrap(), &path), "{method} {path}");
        let headers = [("Origin", ORIGIN), ("Sec-Fetch-Site", "same-origin")];
        let page = door.other().ask(method, &path, &headers, b"").await;
        assert!([303, 401].contains(&page.status()), "{method} {path}: {}", page.text());
    }
    at(&door, "ops").await.get("/customers/import").await.is(403);
}
