//! The page behind the unsubscribe link, asked over real HTTP.

use std::net::SocketAddr;

use besked::domain::category::Category;
use besked::store::preferences;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::app::{CUSTOMERS, NEWS, TestApp, key};
use crate::database::Engine;

async fn ask(server: SocketAddr, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(server).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: notices.example.com\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn opted_out(app: &TestApp, email: &str) -> Vec<(Category, String)> {
    let found = preferences::of_address(&mut app.app.store.read().await.unwrap(), &key(email)).await.unwrap();
    found.into_iter().map(|it| (it.category, it.source)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_a_mail_opts_out_in_one_click_and_looking_changes_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    app.release(NEWS).await;
    app.run_until_idle().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let serving = tokio::spawn(besked::public::serve(listener, app.app.clone(), stop.clone()));

    let email = "service@ett.example";
    let header = app.relay.to(email)[0].header("List-Unsubscribe").unwrap();
    let path = header.trim_matches(['<', '>']).strip_prefix("https://notices.example.com").unwrap().to_owned();
    let page = ask(server, "GET", &path, "").await;
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("lang=\"sv\"") && page.contains("s…@ett.example"),
        "{page}"
    );
    assert!(!page.contains(email) && page.contains("content-security-policy"), "{page}");
    assert!(opted_out(&app, email).await.is_empty(), "a scanner that follows links opts nobody out");

    for _ in 0..2 {
        let done = ask(server, "POST", &path, "List-Unsubscribe=One-Click").await;
        assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    }
    assert_eq!(opted_out(&app, email).await, [(Category::News, "one-click".to_owned())]);
    ask(server, "POST", &path, "wanted=news").await;
    assert_eq!(opted_out(&app, email).await, [(Category::Survey, "preferences page".to_owned())]);

    let mut forged = path.clone();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    for path in [forged.as_str(), "/u/x", "/u/", "/"] {
        let answer = ask(server, "POST", path, "List-Unsubscribe=One-Click").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    stop.cancel();
    serving.await.unwrap().unwrap();
}
