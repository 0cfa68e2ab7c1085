//! The API, asked over real HTTP by operators with keys.

mod customers;
mod deliveries;
mod docs;
mod door;
mod generated;
mod killed;
mod limits;
mod notices;
mod once;
mod persons;
mod recipients;
mod staff;
mod tiles;
mod walk;
mod webhooks;

use std::net::SocketAddr;

use besked::app::App;
use besked::domain::operator::Role;
use besked::http::all;
use besked::http::serve::{Limits, serve};
use besked::operators::NewOperator;
use besked::operators::keys::NewKey;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::app::TestApp;
use crate::database::Engine;
use crate::operators::{at, machine, person, with};

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// Reads an answer up to its end, also one in chunks.
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").expect("an answer has a head");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.lines();
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let mut reply = Self { status, headers, body: bytes[end + 4..].to_vec() };
        if reply.header("transfer-encoding") == Some("chunked") {
            reply.body = unchunked(&reply.body);
        }
        reply
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The document of an answer with this status.
    #[track_caller]
    pub fn ok(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// The problem document of an answer with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], status);
        problem
    }

    /// The places of the problems in a refusal.
    #[track_caller]
    pub fn places(&self, status: u16) -> Vec<String> {
        let problem = self.refused(status);
        let problems = problem["problems"].as_array().cloned().unwrap_or_default();
        let place = |it: &Value| it["pointer"].as_str().map_or_else(|| format!("line {}", it["line"]), str::to_owned);
        problems.iter().map(place).collect()
    }
}

fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = rest.windows(2).position(|it| it == b"\r\n").expect("a chunk has a length");
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return whole;
        }
        whole.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

/// A listener with the API.
pub struct Node {
    pub at: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Node {
    pub async fn start(app: App) -> Self {
        Self::limited(app, Limits::default()).await
    }

    /// With other limits of what a client may take.
    pub async fn limited(app: App, limits: Limits) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let (routes, ended) = (all(&app), stop.clone());
        let serving = tokio::spawn(async move { serve(listener, routes, limits, &ended, &ended).await });
        Self { at, stop, serving }
    }

    /// Sends bytes, and reads until the other end closes.
    pub async fn exchange(&self, request: &[u8]) -> Reply {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        // A refusal may come before all of a body is sent.
        let _ = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        Reply::parse(&answer)
    }

    pub async fn ask(&self, key: &str, (method, path): (&str, &str), headers: &[(&str, &str)], body: &[u8]) -> Reply {
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: x.example\r\nConnection: close\r\n");
        if !key.is_empty() {
            head += &format!("Authorization: Bearer {key}\r\n");
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        self.exchange(&[head.as_bytes(), body].concat()).await
    }

    pub async fn get(&self, key: &str, path: &str) -> Reply {
        self.ask(key, ("GET", path), &[], b"").await
    }

    /// Sends JSON.
    pub async fn send(&self, key: &str, method: &str, path: &str, body: &Value) -> Reply {
        self.ask(key, (method, path), &[("Content-Type", "application/json")], body.to_string().as_bytes()).await
    }

    pub async fn post(&self, key: &str, path: &str, body: &Value) -> Reply {
        self.send(key, "POST", path, body).await
    }

    /// The same with an `Idempotency-Key`.
    pub async fn once(&self, key: &str, path: &str, name: &str, body: &Value) -> Reply {
        let headers = [("Content-Type", "application/json"), ("Idempotency-Key", name)];
        self.ask(key, ("POST", path), &headers, body.to_string().as_bytes()).await
    }

    pub async fn end(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
    }
}

/// An application with operators, and a listener before it.
pub struct Server {
    pub app: TestApp,
    pub node: Node,
}

impl Server {
    /// With Root as the admin and these operators.
    pub async fn with(engine: Engine, others: &[NewOperator<'_>]) -> Self {
        let app = with(engine, others).await;
        let node = Node::start(app.app.clone()).await;
        Self { app, node }
    }

    /// With a person for each role, who has its name, and a machine of finance.
    pub async fn staffed(engine: Engine) -> Self {
        let roles: Vec<[Role; 1]> = Role::ALL.iter().map(|role| [*role]).collect();
        let mut all: Vec<NewOperator<'_>> = roles.iter().map(|role| person(role[0].as_str(), role)).collect();
        all.push(machine("billing-run", &[Role::Finance]));
        Self::with(engine, &all).await
    }

    /// A new key of an operator, with all of their roles.
    pub async fn key(&self, operator: &str) -> String {
        let root = at(&self.app, "Root").await;
        let new = NewKey { operator, roles: None, expires_at: None };
        self.app.app.keys.add(&root, &new).await.unwrap().key.reveal().to_owned()
    }

    /// The same over a process that starts after this one ended.
    pub async fn restart(self) -> Self {
        self.node.end().await;
        let app = self.app.restart().await;
        let node = Node::start(app.app.clone()).await;
        Self { app, node }
    }

    /// The rows of the audit log, the newest first: who, what, on what and how it ended.
    pub async fn audited(&self) -> Vec<(String, String, Option<String>, String)> {
        self.app.app.requests.settle().await;
        let request = besked::domain::page::PageRequest { after: None, limit: 500 };
        let filter = besked::operators::audit::Filter::default();
        let page = self.app.app.audit.list(&crate::app::alice(), &filter, &request).await.unwrap();
        page.items.into_iter().map(|it| (it.operator, it.action, it.object, it.result.to_string())).collect()
    }
}
