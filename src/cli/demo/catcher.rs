//! A mail catcher: a real SMTP server on loopback that keeps every message as a file and passes none on. To one message it
//! answers with a bounce, to another with an absence note, as the servers behind a relay do.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mail_parser::MessageParser;
use smtp_proto::request::receiver::{DataReceiver, RequestReceiver};
use smtp_proto::{Error, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::returned::Returned;

/// The catcher, as long as it is kept.
pub struct Catcher {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

/// How the catcher treats some addresses.
pub struct Manners {
    /// It does not exist here.
    pub refused: &'static str,
    /// Its messages about a breach are accepted, and bounce.
    pub bounced: &'static str,
    /// Its messages about a breach are answered by an absence note.
    pub away: &'static str,
}

struct Shared {
    directory: PathBuf,
    manners: Manners,
    caught: AtomicU64,
    returned: Mutex<Vec<Returned>>,
}

/// The envelope of the message that is being sent.
#[derive(Default)]
struct Envelope {
    from: String,
    to: String,
}

impl Catcher {
    /// Listens on a free port. Messages land in `directory`, which is emptied of those of an earlier run.
    pub async fn start(directory: &Path, manners: Manners) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        for entry in std::fs::read_dir(directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "eml") {
                std::fs::remove_file(path)?;
            }
        }
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let shared = Arc::new(Shared {
            directory: directory.to_owned(),
            manners,
            caught: AtomicU64::new(0),
            returned: Mutex::default(),
        });
        let address = listener.local_addr()?;
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What comes back to the senders of what it caught.
    pub fn returned(&self) -> Vec<Returned> {
        self.shared.returned.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many messages it has caught.
    pub fn caught(&self) -> u64 {
        self.shared.caught.load(Ordering::Relaxed)
    }
}

impl Drop for Catcher {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        // A client that disconnects early concerns nobody else.
        tokio::spawn(async move { converse(stream, &shared).await });
    }
}

async fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.write_all(b"220 catcher ESMTP\r\n").await?;
    let mut requests = RequestReceiver::default();
    let mut data: Option<DataReceiver> = None;
    let (mut message, mut buffer, mut envelope) = (Vec::new(), vec![0; 1 << 16], Envelope::default());
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let mut bytes = buffer[..count].iter();
        while !bytes.as_slice().is_empty() {
            if let Some(receiver) = &mut data {
                if receiver.ingest(&mut bytes, &mut message) {
                    data = None;
                    shared.keep(&std::mem::take(&mut message), &envelope)?;
                    stream.write_all(b"250 2.0.0 caught\r\n").await?;
                }
                continue;
            }
            let reply = match requests.ingest(&mut bytes) {
                Ok(Request::Data) => {
                    data = Some(DataReceiver::new());
                    b"354 end with a dot\r\n".as_slice()
                }
                Ok(Request::Quit) => return stream.write_all(b"221 2.0.0 bye\r\n").await,
                Ok(request) => {
                    envelope.note(&request);
                    shared.reply(&request)
                }
                Err(Error::NeedsMoreData { .. }) => break,
                Err(_) => b"500 5.5.2 what?\r\n",
            };
            stream.write_all(reply).await?;
        }
    }
}

impl Envelope {
    fn note(&mut self, request: &Request<std::borrow::Cow<'_, str>>) {
        match request {
            Request::Mail { from } => self.from = from.address.to_string(),
            Request::Rcpt { to } => self.to = to.address.to_string(),
            _ => {}
        }
    }
}

impl Shared {
    /// Answers a message as the server behind a relay would.
    fn answer(&self, Envelope { from, to }: &Envelope, category: &str, message_id: &str) {
        let returned = match category {
            "security_breach" if to == self.manners.bounced => Returned::bounce(from, to),
            "security_breach" if to == self.manners.away => Returned::absence(from, to, message_id),
            _ => return,
        };
        self.returned.lock().unwrap_or_else(PoisonError::into_inner).push(returned);
    }

    fn reply(&self, request: &Request<std::borrow::Cow<'_, str>>) -> &'static [u8] {
        match request {
            Request::Ehlo { .. } => b"250-catcher\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10485760\r\n",
            Request::Rcpt { to } if to.address == self.manners.refused => b"550 5.1.1 there is no such mailbox\r\n",
            _ => b"250 2.0.0 ok\r\n",
        }
    }

    /// Keeps a message under a name that says what it is.
    fn keep(&self, message: &[u8], envelope: &Envelope) -> io::Result<()> {
        let parsed = MessageParser::default().parse(message);
        let header = |name: &str| parsed.as_ref().and_then(|it| it.header_raw(name)).unwrap_or("").trim().to_owned();
        let to = parsed.as_ref().and_then(|it| it.to()?.first()?.address()).unwrap_or("nobody").to_owned();
        self.answer(envelope, &header("X-Besked-Category"), &header("Message-ID"));
        let safe = |text: &str| text.replace(|c: char| !c.is_ascii_alphanumeric() && !"@.-_+".contains(c), "_");
        let number = self.caught.fetch_add(1, Ordering::Relaxed) + 1;
        let name = format!("{number:03}-{}-{}.eml", safe(&header("X-Besked-Category")), safe(&to));
        let mut file =
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(self.directory.join(name))?;
        file.write_all(message)
    }
}
