//! A browser without a screen: it keeps cookies, follows what it is told to, and reads pages.

use std::collections::BTreeMap;
use std::sync::Arc;

use besked::app::App;
use besked::domain::operator::OperatorName;
use besked::domain::session::{LONGEST, Proof, Token};
use besked::store::operators;
use besked::store::operators::sessions::{self, Session};

use crate::http::{Node, Reply};

/// The host of the console, as `[organisation] public_url` of the example has it.
pub const ORIGIN: &str = "https://notices.example.com";

/// A browser with cookies of its own.
pub struct Browser {
    pub node: Arc<Node>,
    pub app: App,
    pub jar: BTreeMap<String, String>,
    /// Headers that it sends besides.
    pub headers: Vec<(String, String)>,
}

/// A page that a browser got.
#[derive(Clone, Debug)]
pub struct Page {
    pub reply: Reply,
}

impl Page {
    /// The page's HTML, with its entities resolved.
    pub fn text(&self) -> String {
        let mut text = self.reply.text();
        for (entity, character) in [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")] {
            text = text.replace(entity, character);
        }
        text
    }

    /// The HTML as it came.
    pub fn html(&self) -> String {
        self.reply.text()
    }

    pub fn status(&self) -> u16 {
        self.reply.status
    }

    /// Asserts the status.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.reply.status, status, "{}", self.text());
        self
    }

    /// Asserts that the page says this.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.text().contains(text), "`{text}` is not in:\n{}", self.text());
        self
    }

    /// Asserts that the page does not say this.
    #[track_caller]
    pub fn lacks(self, text: &str) -> Self {
        assert!(!self.text().contains(text), "`{text}` is in:\n{}", self.text());
        self
    }

    /// Where a redirection leads.
    #[track_caller]
    pub fn leads_to(&self) -> String {
        assert!((300..400).contains(&self.reply.status), "{}\n{}", self.reply.status, self.text());
        self.reply.header("location").expect("a redirection has a location").to_owned()
    }

    /// The text between two others.
    #[track_caller]
    pub fn between(&self, before: &str, after: &str) -> String {
        let text = self.text();
        let rest = text.split_once(before).unwrap_or_else(|| panic!("`{before}` is not in:\n{text}")).1.to_owned();
        rest.split_once(after).unwrap_or_else(|| panic!("`{after}` is not in:\n{rest}")).0.to_owned()
    }
}

impl Browser {
    /// A browser before a listener of its own.
    pub async fn start(app: &App) -> Self {
        Self::at(Arc::new(Node::start(app.clone()).await), app)
    }

    /// A browser before a listener.
    pub fn at(node: Arc<Node>, app: &App) -> Self {
        Self { node, app: app.clone(), jar: BTreeMap::new(), headers: Vec::new() }
    }

    /// Another browser before the same listener.
    pub fn other(&self) -> Self {
        Self::at(self.node.clone(), &self.app)
    }

    /// Signs an operator in without the forms of the door, with a second factor proved.
    pub async fn sign_in(&mut self, name: &str) {
        let context = &self.app.context;
        let (now, token) = (context.clock.now(), Token::new(&context.random));
        let mut tx = context.store.write().await.unwrap();
        let likeness = OperatorName::parse(name).unwrap().likeness();
        let operator = operators::named(&mut tx, &likeness).await.unwrap().expect("the operator exists");
        let session = Session {
            id: context.random.id(now),
            operator_id: operator.id,
            hash: token.hash(),
            proof: Proof::SecondFactor,
            address: "192.0.2.1".to_owned(),
            agent: "a test".to_owned(),
            created_at: now,
            seen_at: now,
            ends_at: now + LONGEST,
        };
        sessions::insert(&mut tx, &session).await.unwrap();
        tx.commit().await.unwrap();
        let is_secure = context.config.organisation.public_url.as_str().starts_with("https:");
        let cookie = if is_secure { "__Host-besked_session" } else { "besked_session" };
        self.jar.insert(cookie.to_owned(), token.reveal());
    }

    /// Opens a page, without following redirections.
    pub async fn get(&mut self, path: &str) -> Page {
        // The state of a walk of many pages is large.
        Box::pin(self.ask("GET", path, &[], b"")).await
    }

    /// Opens a page, and follows redirections to others of this host.
    pub async fn open(&mut self, path: &str) -> Page {
        let mut page = self.get(path).await;
        for _ in 0..5 {
            if !(300..400).contains(&page.reply.status) {
                break;
            }
            page = self.get(&page.leads_to()).await;
        }
        page
    }

    /// Sends a form, without following redirections.
    pub async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let headers = [
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Origin", ORIGIN),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        Box::pin(self.ask("POST", path, &headers, body.as_bytes())).await
    }

    /// Sends a form, and follows the redirection that comes after it.
    pub async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.post(path, fields).await;
        if (300..400).contains(&page.reply.status) { self.open(&page.leads_to()).await } else { page }
    }

    /// Sends a form with a file.
    pub async fn upload(&mut self, path: &str, fields: &[(&str, &str)], file: (&str, &str, &[u8])) -> Page {
        let (name, file_name, bytes) = file;
        let mut body = Vec::new();
        for (name, value) in fields {
            let part = format!("--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
            body.extend(part.as_bytes());
        }
        let head = format!(
            "--b0undary\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(bytes);
        body.extend(b"\r\n--b0undary--\r\n");
        let headers = [
            ("Content-Type", "multipart/form-data; boundary=b0undary"),
            ("Origin", ORIGIN),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        Box::pin(self.ask("POST", path, &headers, &body)).await
    }

    /// Sends a request with these headers and the cookies, and keeps the cookies of the answer.
    pub async fn ask(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Page {
        let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let cookies = cookies.join("; ");
        let own: Vec<(String, String)> = self.headers.clone();
        let mut all: Vec<(&str, &str)> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        all.extend(headers);
        if !cookies.is_empty() {
            all.push(("Cookie", &cookies));
        }
        let path = path.split('#').next().unwrap();
        let reply = self.node.ask("", (method, path), &all, body).await;
        for (_, value) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let (name, value_and_rest) = value.split_once('=').unwrap();
            let kept = value_and_rest.split(';').next().unwrap();
            if value.contains("Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), kept.to_owned());
            }
        }
        Page { reply }
    }
}
