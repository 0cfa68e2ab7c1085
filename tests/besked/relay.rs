//! A relay of the tests' own: a real SMTP server on loopback that does what it is told and remembers everything.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A message that was accepted, as a server stores it.
#[derive(Clone, Debug)]
pub struct Received {
    pub from: String,
    pub to: String,
    pub data: Vec<u8>,
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

/// What the relay does when a command that contains some text comes.
#[derive(Clone, Debug)]
pub enum Act {
    /// Answers with these bytes.
    Reply(&'static str),
    /// Closes the connection without an answer.
    Close,
    /// Takes the message, then closes the connection without an answer.
    TakeAndClose,
    /// Never answers.
    Stall,
}

#[derive(Clone, Debug)]
struct Rule {
    when: String,
    act: Act,
    times: usize,
}

#[derive(Default)]
struct State {
    rules: Vec<Rule>,
    received: Vec<Received>,
    commands: Vec<String>,
    connections: usize,
    stalled: Arc<Notify>,
}

/// How the relay encrypts.
#[derive(Clone)]
pub enum Encryption {
    Never,
    StartTls(TlsAcceptor),
    Implicit(TlsAcceptor),
}

/// Both directions of a connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// The relay. It ends when it is dropped.
pub struct Relay {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    task: Mutex<Option<JoinHandle<()>>>,
    tls: Encryption,
}

impl Relay {
    pub async fn start() -> Self {
        Self::start_with(Encryption::Never).await
    }

    pub async fn start_with(tls: Encryption) -> Self {
        let state = Arc::<Mutex<State>>::default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = Mutex::new(Some(tokio::spawn(accept(listener, state.clone(), tls.clone()))));
        Self { address, state, task, tls }
    }

    pub fn url(&self) -> String {
        format!("smtp://{}?tls=none", self.address)
    }

    /// From now on, does `act` for the next `times` commands that contain `when` (`DATA` and `.` among them).
    pub fn on(&self, when: &str, times: usize, act: Act) {
        self.state.lock().unwrap().rules.push(Rule { when: when.to_owned(), act, times });
    }

    /// Refuses connections.
    pub async fn stop(&self) {
        let task = self.task.lock().unwrap().take();
        if let Some(task) = task {
            task.abort();
            // The listener is closed once its task is gone.
            let _ = task.await;
        }
    }

    /// Listens again, on the same port.
    pub async fn restart(&self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        *self.task.lock().unwrap() = Some(tokio::spawn(accept(listener, self.state.clone(), self.tls.clone())));
    }

    /// Waits until it stalls.
    pub async fn stalled(&self) {
        let stalled = self.state.lock().unwrap().stalled.clone();
        stalled.notified().await;
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    pub fn to(&self, address: &str) -> Vec<Received> {
        self.received().into_iter().filter(|it| it.to == address).collect()
    }

    pub fn commands(&self) -> Vec<String> {
        self.state.lock().unwrap().commands.clone()
    }

    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        if let Some(task) = self.task.lock().unwrap().take() {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, state: Arc<Mutex<State>>, tls: Encryption) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        state.lock().unwrap().connections += 1;
        let (state, tls) = (state.clone(), tls.clone());
        connections.spawn(async move { meet(stream, state, tls).await });
    }
}

/// Greets, encrypts as told, and speaks until the connection ends; errors are those of a client that went away.
async fn meet(stream: TcpStream, state: Arc<Mutex<State>>, tls: Encryption) -> std::io::Result<()> {
    const GREETING: &[u8] = b"220 relay.example ESMTP\r\n";
    stream.set_nodelay(true)?;
    let mut stream: Box<dyn Stream> = match &tls {
        Encryption::Implicit(acceptor) => Box::new(acceptor.accept(stream).await?),
        _ => Box::new(stream),
    };
    stream.write_all(GREETING).await?;
    if let Encryption::StartTls(acceptor) = tls {
        let (mut buffered, mut line) = (BufReader::new(stream), String::new());
        while !line.starts_with("STARTTLS") {
            let reply: &[u8] = if line.starts_with("EHLO") { b"250-relay.example\r\n250 STARTTLS\r\n" } else { b"" };
            buffered.write_all(reply).await?;
            line.clear();
            if buffered.read_line(&mut line).await? == 0 {
                return Ok(());
            }
        }
        let told = decide(&state, &line);
        let reply = if let Some(Act::Reply(reply)) = told { reply } else { "220 go ahead\r\n" };
        buffered.write_all(reply.as_bytes()).await?;
        stream = Box::new(acceptor.accept(buffered.into_inner()).await?);
    }
    converse(stream, state).await
}

async fn converse(stream: Box<dyn Stream>, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut from, mut to) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        let act = decide(&state, &line);
        match act {
            Some(Act::Reply(reply)) => {
                stream.write_all(reply.as_bytes()).await?;
                continue;
            }
            Some(Act::Close | Act::TakeAndClose) => return Ok(()),
            Some(Act::Stall) => return stall(&state).await,
            None => {}
        }
        let reply: &[u8] = match line.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" => {
                b"250-relay.example\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250-AUTH PLAIN LOGIN\r\n250 SIZE 10000000\r\n"
            }
            "MAIL" if !from.is_empty() => b"503 5.5.1 nested MAIL command\r\n",
            "RSET" => {
                from.clear();
                b"250 2.0.0 ok\r\n"
            }
            "MAIL" => {
                from = between(&line);
                b"250 2.1.0 ok\r\n"
            }
            "RCPT" => {
                to = between(&line);
                b"250 2.1.5 ok\r\n"
            }
            "DATA" => {
                stream.write_all(b"354 go ahead\r\n").await?;
                let data = read_data(&mut stream).await?;
                let received = Received { from: std::mem::take(&mut from), to: to.clone(), data };
                match decide(&state, &format!(". {to}")) {
                    None => state.lock().unwrap().received.push(received),
                    Some(Act::Reply(reply)) => {
                        stream.write_all(reply.as_bytes()).await?;
                        continue;
                    }
                    Some(Act::Close) => return Ok(()),
                    Some(Act::Stall) => return stall(&state).await,
                    Some(Act::TakeAndClose) => {
                        state.lock().unwrap().received.push(received);
                        return Ok(());
                    }
                }
                b"250 2.0.0 taken\r\n"
            }
            "AUTH" => b"235 2.7.0 welcome\r\n",
            "QUIT" => {
                stream.write_all(b"221 2.0.0 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 2.0.0 ok\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Lets those know who wait for it that it stalls, and then says nothing more.
async fn stall(state: &Mutex<State>) -> std::io::Result<()> {
    let stalled = state.lock().unwrap().stalled.clone();
    stalled.notify_one();
    std::future::pending().await
}

fn decide(state: &Mutex<State>, line: &str) -> Option<Act> {
    let mut state = state.lock().unwrap();
    state.commands.push(line.to_owned());
    let rule = state.rules.iter_mut().find(|rule| rule.times > 0 && line.contains(&rule.when))?;
    rule.times -= 1;
    Some(rule.act.clone())
}

fn between(line: &str) -> String {
    let inside = line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    inside.unwrap_or_default().to_owned()
}

/// Reads up to the final dot and undoes dot-stuffing (RFC 5321 section 4.5.2).
async fn read_data(stream: &mut BufReader<Box<dyn Stream>>) -> std::io::Result<Vec<u8>> {
    let mut data = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            // Whoever reads on finds the end of the connection.
            stream.read_u8().await?;
        }
        if line == b".\r\n" {
            return Ok(data);
        }
        data.extend_from_slice(if line.starts_with(b".") { &line[1..] } else { &line });
    }
}
