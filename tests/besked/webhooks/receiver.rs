//! A receiver of webhooks: a real HTTP server on loopback that answers by a script, and remembers what it was asked.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::relay::certify;

/// What it does with a request.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with a status and no body.
    Status(u16),
    /// Answers with these bytes, and closes the connection.
    Bytes(Vec<u8>),
    /// Never answers.
    Hold,
    /// Closes the connection.
    Close,
    /// Answers 200 with a body that does not end.
    Endless,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<String> {
        let of_line = |line: &str| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        };
        self.head.lines().find_map(of_line)
    }
}

#[derive(Default)]
struct State {
    requests: Vec<Request>,
    connections: usize,
    acts: VecDeque<Act>,
    /// For each other request, by a text in its body.
    always: Vec<(String, Act)>,
}

/// The receiver. Dropping it closes its port and all connections.
pub struct Receiver {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    asked: Arc<Notify>,
    running: JoinHandle<()>,
    stop: CancellationToken,
    /// The certificate of the authority that it is trusted by, if it speaks TLS.
    pub authority: Option<tempfile::NamedTempFile>,
}

impl Receiver {
    /// One that takes everything.
    pub async fn start() -> Self {
        Self::at("127.0.0.1:0").await
    }

    pub async fn at(address: &str) -> Self {
        Self::with(address, None).await
    }

    /// One that speaks TLS with a certificate for this name.
    pub async fn with_tls(name: &str) -> Self {
        Self::with("127.0.0.1:0", Some(name)).await
    }

    async fn with(address: &str, certified: Option<&str>) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let (state, asked) = (Arc::<Mutex<State>>::default(), Arc::new(Notify::new()));
        let address = listener.local_addr().unwrap();
        let (acceptor, authority) = certified.map(certify).unzip();
        let stop = CancellationToken::new();
        let running = tokio::spawn({
            let (state, asked, stop) = (state.clone(), asked.clone(), stop.clone());
            async move {
                let mut open = JoinSet::new();
                while let Some(Ok((stream, _))) = stop.run_until_cancelled(listener.accept()).await {
                    state.lock().unwrap().connections += 1;
                    let (state, asked, acceptor) = (state.clone(), asked.clone(), acceptor.clone());
                    open.spawn(async move {
                        match acceptor {
                            None => converse(stream, &state, &asked).await,
                            Some(acceptor) => {
                                if let Ok(stream) = acceptor.accept(stream).await {
                                    converse(stream, &state, &asked).await;
                                }
                            }
                        }
                    });
                }
                drop(listener);
                open.shutdown().await;
            }
        });
        Self { address, state, asked, running, stop, authority }
    }

    pub fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    /// Does this with the next requests, one after the other.
    pub fn then(&self, acts: impl IntoIterator<Item = Act>) {
        self.state.lock().unwrap().acts.extend(acts);
    }

    /// Does this with every other request whose body has this text.
    pub fn always(&self, text: &str, act: Act) {
        self.state.lock().unwrap().always.push((text.to_owned(), act));
    }

    /// Takes everything again.
    pub fn is_well(&self) {
        let mut state = self.state.lock().unwrap();
        state.acts.clear();
        state.always.clear();
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.lock().unwrap().requests.clone()
    }

    pub fn count(&self) -> usize {
        self.state.lock().unwrap().requests.len()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    pub fn bodies(&self) -> Vec<Value> {
        self.requests().iter().map(|request| serde_json::from_str(&request.body).unwrap()).collect()
    }

    /// Returns once it was asked so often.
    pub async fn asked(&self, count: usize) {
        loop {
            let asked = self.asked.notified();
            if self.count() >= count {
                return;
            }
            asked.await;
        }
    }

    /// Closes its port and all connections.
    pub async fn end(self) {
        self.stop.cancel();
        self.running.await.unwrap();
    }
}

async fn converse<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, state: &Mutex<State>, asked: &Notify) {
    let mut buffer = Vec::new();
    while let Some(request) = read(&mut stream, &mut buffer).await {
        let act = {
            let mut state = state.lock().unwrap();
            let always = state.always.iter().find(|(text, _)| request.body.contains(text)).map(|(_, act)| act.clone());
            state.requests.push(request);
            state.acts.pop_front().or(always).unwrap_or(Act::Status(204))
        };
        asked.notify_waiters();
        let bytes = match act {
            Act::Status(204) => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            Act::Status(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n").into_bytes(),
            Act::Close => return,
            Act::Hold => std::future::pending().await,
            Act::Bytes(bytes) => {
                let _ = stream.write_all(&bytes).await;
                return drop(stream.shutdown().await);
            }
            Act::Endless => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n").await;
                while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
                return;
            }
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Reads one request; what follows it stays in the buffer.
async fn read<S: AsyncRead + Unpin>(stream: &mut S, buffer: &mut Vec<u8>) -> Option<Request> {
    let mut part = [0; 8192];
    loop {
        if let Some(end) = buffer.windows(4).position(|it| it == b"\r\n\r\n") {
            let mut request = Request { head: String::from_utf8(buffer[..end].to_vec()).unwrap(), body: String::new() };
            let length: usize = request.header("content-length").map_or(0, |length| length.parse().unwrap());
            let whole = end + 4 + length;
            if buffer.len() >= whole {
                request.body = String::from_utf8(buffer[end + 4..whole].to_vec()).unwrap();
                buffer.drain(..whole);
                return Some(request);
            }
        }
        match stream.read(&mut part).await {
            Ok(read @ 1..) => buffer.extend(&part[..read]),
            _ => return None,
        }
    }
}
