//! The tests' own relay: a real SMTP server on loopback, with TLS, exact bytes, and a record of everything.
//!
//! It is stricter than servers in the field: commands out of order, parameters it did not offer and lines without CRLF are
//! refused, and a message ends with CRLF `.` CRLF only. [`Relay::on`] or a whole [`Script`] make it misbehave at any point.

mod conversation;
mod script;
mod tests;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

pub use script::{Act, Encryption, Gate, Rule, Script, Step, on};

/// An accepted message, as a server stores it: dot-stuffing undone, its last CRLF included.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    /// The recipient; of several, with commas between them.
    pub to: String,
    pub data: Vec<u8>,
    /// Which connection it came by, from 0.
    pub connection: usize,
    pub tls: bool,
    /// The authenticated user, if any.
    pub auth: Option<String>,
    /// False if it was accepted without a reply to the final dot.
    pub answered: bool,
    /// When, by the machine's clock.
    pub at: Timestamp,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<String> {
        let message = mail_parser::MessageParser::default().parse(&self.data).unwrap();
        message.header_raw(name).map(|value| value.trim().to_owned())
    }

    pub fn text(&self) -> String {
        let message = mail_parser::MessageParser::default().parse(&self.data).unwrap();
        message.body_text(0).unwrap().into_owned()
    }
}

/// The commands of one connection.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    /// Command lines in order, without CRLF; the responses of a client to AUTH included.
    pub commands: Vec<String>,
    pub tls: bool,
    /// How many messages had the next commands behind them, before the reply to their dot.
    pub behind: usize,
    /// True once either side has ended it.
    pub ended: bool,
}

/// What a server and its conversations share.
struct Shared {
    state: Mutex<State>,
    /// Rung whenever something was recorded.
    changed: Notify,
    /// Notified when a conversation stalls; kept for a test that does not listen yet.
    stalled: Notify,
    acceptor: tokio_rustls::TlsAcceptor,
}

struct State {
    script: Script,
    connections: Vec<Connection>,
    /// The most connections that were open at a time.
    at_once: usize,
    received: Vec<Received>,
}

/// The relay. Its port is open while it runs; dropping it ends all its connections.
pub struct Relay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    running: Mutex<Option<(JoinHandle<()>, CancellationToken)>>,
    authority: tempfile::NamedTempFile,
}

impl Relay {
    /// One that accepts everything from everybody, without TLS.
    pub async fn start() -> Self {
        Self::with(Script::default()).await
    }

    pub async fn with(script: Script) -> Self {
        let (acceptor, authority) = certify(script.certified_name);
        let state = Mutex::new(State { script, connections: Vec::new(), at_once: 0, received: Vec::new() });
        let shared = Arc::new(Shared { state, changed: Notify::new(), stalled: Notify::new(), acceptor });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let running = Mutex::new(Some(start(listener, &shared)));
        Self { address, shared, running, authority }
    }

    /// The server as a relay of a configuration.
    pub fn url(&self) -> String {
        let encryption = self.shared.state.lock().unwrap().script.encryption;
        match encryption {
            Encryption::None => format!("smtp://{}?tls=none", self.address),
            Encryption::StartTls => format!("smtp://{}?tls=required", self.address),
            Encryption::Implicit => format!("smtps://{}", self.address),
        }
    }

    /// Certificate (PEM) of the authority that signed the server's certificate.
    pub fn ca_file(&self) -> &Path {
        self.authority.path()
    }

    /// From now on, does `act` for the next `times` commands that contain `when`. `.` means the final dot, with the
    /// recipient after it: `. hello@two.example`.
    pub fn on(&self, when: &str, times: usize, act: Act) {
        self.add(Rule::of(when).times(times).act(act));
    }

    /// Follows another script from now on. What was recorded stays.
    pub fn change(&self, script: Script) {
        self.shared.state.lock().unwrap().script = script;
    }

    /// Follows one more rule from now on, behind those there are.
    pub fn add(&self, rule: Rule) {
        self.shared.state.lock().unwrap().script.add(rule);
    }

    /// Waits until a conversation stalls.
    pub async fn stalled(&self) {
        in_time("the relay stalls", self.shared.stalled.notified()).await;
    }

    /// Ends all connections and refuses new ones.
    pub async fn stop(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some((running, stop)) = running {
            stop.cancel();
            running.await.unwrap();
        }
    }

    /// Listens again, on the same port.
    pub async fn restart(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.running.lock().unwrap() = Some(start(listener, &self.shared));
    }

    /// All accepted messages, first to last.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state.lock().unwrap().received.clone()
    }

    /// How many messages were accepted.
    pub fn count(&self) -> usize {
        self.shared.state.lock().unwrap().received.len()
    }

    /// Waits until nobody is connected: everything that dead clients had sent has then arrived.
    pub async fn wait_until_left(&self) {
        self.wait_until("all connections end", |state| state.connections.iter().all(|it| it.ended)).await;
    }

    /// The messages to one recipient.
    pub fn to(&self, address: &str) -> Vec<Received> {
        self.received().into_iter().filter(|message| message.to == address).collect()
    }

    /// All messages, once there are at least `count`.
    pub async fn wait_for(&self, count: usize) -> Vec<Received> {
        self.wait_until(&format!("{count} messages are taken"), |state| state.received.len() >= count).await;
        self.received()
    }

    /// All connections, once at least `count` have ended.
    pub async fn wait_for_ends(&self, count: usize) -> Vec<Connection> {
        let ended = |state: &State| state.connections.iter().filter(|it| it.ended).count() >= count;
        self.wait_until(&format!("{count} connections end"), ended).await;
        self.conversations()
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.state.lock().unwrap().connections.len()
    }

    /// The most connections that were open at a time.
    pub fn at_once(&self) -> usize {
        self.shared.state.lock().unwrap().at_once
    }

    pub fn conversations(&self) -> Vec<Connection> {
        self.shared.state.lock().unwrap().connections.clone()
    }

    /// The commands of all connections, connection by connection.
    pub fn commands(&self) -> Vec<String> {
        self.conversations().into_iter().flat_map(|connection| connection.commands).collect()
    }

    async fn wait_until(&self, what: &str, is_so: impl Fn(&State) -> bool) {
        let waiting = async {
            loop {
                // Armed before looking, so that no change is missed.
                let changed = self.shared.changed.notified();
                if is_so(&self.shared.state.lock().unwrap()) {
                    return;
                }
                changed.await;
            }
        };
        in_time(what, waiting).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some((running, _)) = self.running.lock().unwrap().take() {
            running.abort();
        }
    }
}

impl Shared {
    fn record<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap());
        self.changed.notify_waiters();
        changed
    }
}

/// Serves until the token is cancelled.
fn start(listener: TcpListener, shared: &Arc<Shared>) -> (JoinHandle<()>, CancellationToken) {
    let stop = CancellationToken::new();
    (tokio::spawn(serve(listener, shared.clone(), stop.clone())), stop)
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    // Dropped with this task, and all conversations with it.
    let mut conversations = JoinSet::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let (stream, _) = accepted.unwrap();
        let number = shared.record(|state| {
            state.connections.push(Connection::default());
            state.at_once = state.at_once.max(state.connections.iter().filter(|it| !it.ended).count());
            state.connections.len() - 1
        });
        let shared = shared.clone();
        conversations.spawn(async move {
            let ends = Ends { shared, number };
            // An error is a client that went away.
            let _ = conversation::converse(stream, number, &ends.shared).await;
        });
    }
    // Whoever stopped it finds its port and all connections closed.
    drop(listener);
    conversations.shutdown().await;
}

/// Records the end of a connection, whatever its cause.
struct Ends {
    shared: Arc<Shared>,
    number: usize,
}

impl Drop for Ends {
    fn drop(&mut self) {
        self.shared.record(|state| state.connections[self.number].ended = true);
    }
}

/// The awaited value, or a failure that names it: a hanging test says nothing.
async fn in_time<T>(what: &str, awaited: impl Future<Output = T>) -> T {
    let limit = Duration::from_secs(240);
    tokio::time::timeout(limit, awaited).await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
}

/// A certificate for `name`, and the certificate of its authority in a file.
pub fn certify(name: &str) -> (tokio_rustls::TlsAcceptor, tempfile::NamedTempFile) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.into())
        .unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), authority.pem()).unwrap();
    (Arc::new(config).into(), file)
}
