//! The page behind the unsubscribe link, asked over real HTTP.

use std::net::SocketAddr;

use besked::domain::category::Category;
use besked::http::serve::{Limits, serve};
use besked::store::people::preferences;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::{CUSTOMERS, NEWS, TestApp, key};
use crate::database::Engine;
use crate::mails::narrow;
use crate::preferences::operated;

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
    let found = preferences::of_address(&mut app.app.context.store.read().await.unwrap(), &key(email)).await.unwrap();
    found.into_iter().map(|it| (it.category, it.source)).collect()
}

/// A server of the public pages, over an app that sent the news.
struct Server {
    app: TestApp,
    at: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Server {
    async fn start() -> Self {
        let app = TestApp::new(Engine::Sqlite).await;
        app.import(CUSTOMERS).await;
        app.release(NEWS).await;
        app.run_until_idle().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (routes, ended) = (besked::public::routes(app.app.clone()), stop.clone());
        let serving = tokio::spawn(async move { serve(listener, routes, Limits::default(), &ended, &ended).await });
        Self { app, at, stop, serving }
    }

    /// The path of the link in the mail to an address.
    fn link(&self) -> String {
        let header = self.app.relay.to(EMAIL)[0].header("List-Unsubscribe").unwrap();
        header.trim_matches(['<', '>']).strip_prefix("https://notices.example.com").unwrap().to_owned()
    }

    async fn get(&self, path: &str) -> String {
        ask(self.at, "GET", path, "").await
    }

    async fn post(&self, path: &str, body: &str) -> String {
        ask(self.at, "POST", path, body).await
    }

    async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

const EMAIL: &str = "service@ett.example";

#[tokio::test(flavor = "multi_thread")]
async fn the_link_in_a_mail_opts_out_in_one_click_and_looking_changes_nothing() {
    let server = Server::start().await;
    let path = server.link();
    let page = server.get(&path).await;
    assert!(
        page.starts_with("HTTP/1.1 200") && page.contains("lang=\"sv\"") && page.contains("s…@ett.example"),
        "{page}"
    );
    assert!(!page.contains(EMAIL), "{page}");
    assert!(page.contains("href=\"?language=en\""), "it can be read in the other language: {page}");
    let english = server.get(&format!("{path}?language=en")).await;
    assert!(english.contains("<html lang=\"en\">") && english.contains("href=\"?language=sv\""), "{english}");
    assert!(opted_out(&server.app, EMAIL).await.is_empty(), "a scanner that follows links opts nobody out");

    for _ in 0..2 {
        let done = server.post(&path, "List-Unsubscribe=One-Click").await;
        assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    }
    assert_eq!(opted_out(&server.app, EMAIL).await, [(Category::News, "one-click".to_owned())]);
    server.post(&path, "choices=set&wanted=news").await;
    assert_eq!(opted_out(&server.app, EMAIL).await, [(Category::Survey, "preferences page".to_owned())]);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_with_a_slash_at_its_end_opts_out_as_well() {
    let server = Server::start().await;
    let path = server.link() + "/";
    assert!(server.get(&path).await.starts_with("HTTP/1.1 200"));
    let done = server.post(&path, "List-Unsubscribe=One-Click").await;
    assert!(done.starts_with("HTTP/1.1 200"), "{done}");
    assert_eq!(opted_out(&server.app, EMAIL).await, [(Category::News, "one-click".to_owned())]);
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_asks_for_nothing_changes_nothing() {
    let server = Server::start().await;
    let path = server.link();
    let others = ["choices=bogus", "choices=", "choices=bogus&wanted=news", "List-Unsubscribe=no"];
    let others = others.into_iter().chain(["", " \r\n", "x=y", "wanted=billing", "wanted=nonsense"]);
    for body in others.chain(["choices=set&wanted=nonsense"]) {
        let answer = server.post(&path, body).await;
        assert!(answer.starts_with("HTTP/1.1 400") && answer.contains("Nothing was changed"), "{body}: {answer}");
        assert!(opted_out(&server.app, EMAIL).await.is_empty(), "{body}");
    }
    let none_wanted = server.post(&path, "choices=set").await;
    assert!(none_wanted.starts_with("HTTP/1.1 200"), "{none_wanted}");
    assert_eq!(opted_out(&server.app, EMAIL).await.len(), 2, "the page's own form with no box ticked");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_made_up_or_whose_person_is_gone_says_so_in_both_languages() {
    let server = Server::start().await;
    let path = server.link();
    let mut forged = path.clone();
    let last = if forged.pop() == Some('A') { 'Q' } else { 'A' };
    forged.push(last);
    for path in [forged.as_str(), "/u/x"] {
        for answer in [server.post(path, "List-Unsubscribe=One-Click").await, server.post(path, "").await] {
            assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
            assert!(answer.contains("no longer valid") && answer.contains("gäller inte längre"), "{answer}");
        }
    }
    for path in ["/u/", "/"] {
        let answer = server.post(path, "List-Unsubscribe=One-Click").await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_site_can_frame_the_page_or_learn_its_address() {
    let server = Server::start().await;
    let link = server.link();
    let mut answers = vec![server.post(&link, "").await];
    for path in [link.as_str(), "/u/x", "/", "/favicon.ico"] {
        answers.push(server.get(path).await);
    }
    answers.push(ask(server.at, "DELETE", &link, "").await);
    for answer in answers {
        let head = answer.split("\r\n\r\n").next().unwrap().to_lowercase();
        for wanted in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "x-frame-options: deny",
            "x-content-type-options: nosniff",
            "referrer-policy: no-referrer",
            "cache-control: no-store",
        ] {
            assert!(head.contains(wanted), "{wanted}: {head}");
        }
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_alternates_writes_the_ledger_a_few_times_an_hour_and_can_always_opt_out() {
    let server = Server::start().await;
    let path = server.link();
    let size = async || server.app.app.ledger.standing().await.unwrap().pending;
    let mut refused = 0;
    for _ in 0..30 {
        let out = server.post(&path, "List-Unsubscribe=One-Click").await;
        assert!(out.starts_with("HTTP/1.1 200"), "{out}");
        let again = server.post(&path, "choices=set&wanted=news&wanted=survey").await;
        refused += u32::from(again.starts_with("HTTP/1.1 429") && again.to_lowercase().contains("retry-after: 3600"));
    }
    assert_eq!(refused, 25);
    let before = size().await;
    server.post(&path, "List-Unsubscribe=One-Click").await;
    assert_eq!(size().await, before);
    assert_eq!(opted_out(&server.app, EMAIL).await.len(), 1, "the last word is the opt-out");
    server.app.advance(std::time::Duration::from_secs(3601));
    let later = server.post(&path, "choices=set&wanted=news&wanted=survey").await;
    assert!(later.starts_with("HTTP/1.1 200"), "{later}");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_opts_in_too_often_still_opts_out_of_what_it_does_not_want() {
    let server = Server::start().await;
    let path = server.link();
    let size = async || server.app.app.ledger.standing().await.unwrap().pending;
    let before = size().await;
    for _ in 0..30 {
        server.post(&path, "choices=set&wanted=news").await;
        server.post(&path, "choices=set&wanted=survey").await;
    }
    // Two entries for each change: the change, and who made it.
    assert!(size().await - before <= 2 * 12, "{}", size().await - before);
    let refused = server.post(&path, "choices=set&wanted=survey").await;
    assert!(refused.starts_with("HTTP/1.1 429") && refused.contains("What you declined was saved"), "{refused}");
    assert_eq!(opted_out(&server.app, EMAIL).await.len(), 2, "each was declined last");
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_changes_nothing_waits_for_no_writer() {
    let server = Server::start().await;
    let path = server.link();
    server.post(&path, "List-Unsubscribe=One-Click").await;
    for _ in 0..10 {
        server.post(&path, "choices=set&wanted=news&wanted=survey").await;
        server.post(&path, "List-Unsubscribe=One-Click").await;
    }
    let writing = server.app.app.context.store.write().await.unwrap();
    let repeated = server.post(&path, "List-Unsubscribe=One-Click").await;
    assert!(repeated.starts_with("HTTP/1.1 200"), "{repeated}");
    let refused = server.post(&path, "choices=set&wanted=news&wanted=survey").await;
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    writing.rollback().await.unwrap();
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opt_in_by_the_link_is_recorded_as_such() {
    let server = Server::start().await;
    let path = server.link();
    server.app.wish(EMAIL, Category::News, true).await;
    server.post(&path, "choices=set&wanted=news&wanted=survey").await;
    let mut conn = server.app.app.context.store.read().await.unwrap();
    let recorded: Vec<_> = operated(&mut conn, EMAIL).await;
    assert_eq!(
        recorded,
        [
            ("opt_out".to_owned(), "alice (command line, user root)".to_owned(), "news: operator".to_owned()),
            ("opt_in".to_owned(), "recipient (link in a mail)".to_owned(), "news: preferences page".to_owned()),
        ]
    );
    drop(conn);
    server.end().await;
}

/// How wide each page is, and how high the address on it.
const MEASURE: &str = "<script>addEventListener('load', () => {
  const pages = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument;
    const address = page.querySelector('.address').getBoundingClientRect();
    return `${frame.title} ${page.documentElement.scrollWidth} ${Math.round(address.height)}`;
  });
  document.body.textContent = '[' + pages.join('|') + ']';
})</script>";

#[tokio::test(flavor = "multi_thread")]
async fn a_masked_address_stays_on_one_line_of_a_narrow_page() {
    let server = Server::start().await;
    let answer = server.get(&server.link()).await;
    let html = &answer[answer.find("<!doctype").unwrap()..];
    let pages = |html: &str| {
        let widths = (280..=480).step_by(8);
        let frames: String = widths.map(|width| narrow::frame(&width.to_string(), width, html)).collect();
        let measured = narrow::measured(&format!("<!doctype html><meta charset=utf-8><body>{frames}{MEASURE}"));
        let number = |line: &str| line.split(' ').map(|word| word.parse().unwrap()).collect::<Vec<u32>>();
        measured.split('|').map(number).collect::<Vec<_>>()
    };
    for page in pages(html) {
        assert!(page[1] <= page[0] && page[2] <= 25, "{page:?}: width, width of the page, height of the address");
    }
    let apart = pages(&html.replace(".address { display: inline-block;", ".address {"));
    assert!(apart.iter().any(|page| page[2] > 25), "else it would part at the sign that hides letters: {apart:?}");
    let long = format!("s…@{}.example", "x".repeat(60));
    assert!(pages(&html.replace("s…@ett.example", &long)).iter().all(|page| page[1] <= page[0]), "one too long does");
    server.end().await;
}
