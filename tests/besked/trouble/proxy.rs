//! A proxy between Besked and PostgreSQL: it cuts a connection right after a COMMIT was executed, stops answering,
//! or refuses.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A commit to cut: of a transaction whose bytes contain `with` and not `without`.
#[derive(Clone, Debug)]
struct Cut {
    with: String,
    without: String,
    times: usize,
}

#[derive(Default)]
struct State {
    cuts: Vec<Cut>,
    done: usize,
}

/// The proxy. It ends when it is dropped.
pub struct Proxy {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    /// Connections of a number below this one are silent for good, as after a peer that vanished.
    silent_below: Arc<watch::Sender<usize>>,
    turned_away: Arc<watch::Sender<bool>>,
    made: Arc<Mutex<usize>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the server of a database URL.
    pub async fn before(url: &str) -> Self {
        let url = url::Url::parse(url).unwrap();
        let server = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap_or(5432));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, made) = (Arc::default(), Arc::default());
        let (silent_below, turned_away) = (Arc::new(watch::channel(0).0), Arc::new(watch::channel(false).0));
        let parts = (server, Arc::clone(&state), Arc::clone(&made));
        let task = tokio::spawn(accept(listener, parts, silent_below.clone(), turned_away.clone()));
        Self { address, state, silent_below, turned_away, made, task }
    }

    /// The same database, through this proxy.
    pub fn url(&self, url: &str) -> String {
        let mut url = url::Url::parse(url).unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(self.address.port())).unwrap();
        // It reads along.
        url.query_pairs_mut().append_pair("sslmode", "disable");
        url.to_string()
    }

    /// The next `times` commits of a transaction that contains `with` and not `without` are executed, and never answered.
    pub fn cut_commits(&self, times: usize, with: &str, without: &str) {
        let cut = Cut { with: with.to_owned(), without: without.to_owned(), times };
        self.state.lock().unwrap().cuts.push(cut);
    }

    /// How many commits were cut.
    pub fn cut(&self) -> usize {
        self.state.lock().unwrap().done
    }

    /// From now on nothing passes over the existing connections, silently; new ones work.
    pub fn vanish(&self) {
        let made = *self.made.lock().unwrap();
        self.silent_below.send_replace(made);
    }

    /// From now on nothing passes over any connection, old or new.
    pub fn fall_silent(&self) {
        self.silent_below.send_replace(usize::MAX);
    }

    /// New connections work again; those of before stay silent.
    pub fn speak(&self) {
        self.vanish();
    }

    /// Closes all connections, and new ones at once.
    pub fn turn_away(&self) {
        self.turned_away.send_replace(true);
    }

    /// New connections work again.
    pub fn let_in(&self) {
        self.turned_away.send_replace(false);
    }

    /// How often somebody connected.
    pub fn tried(&self) -> usize {
        *self.made.lock().unwrap()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(
    listener: TcpListener,
    (server, state, made): (String, Arc<Mutex<State>>, Arc<Mutex<usize>>),
    silent_below: Arc<watch::Sender<usize>>,
    turned_away: Arc<watch::Sender<bool>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let number = {
            let mut made = made.lock().unwrap();
            *made += 1;
            *made - 1
        };
        let (server, state, silent) = (server.clone(), state.clone(), silent_below.subscribe());
        let mut turned_away = turned_away.subscribe();
        connections.spawn(async move {
            tokio::select! {
                biased;
                () = async { drop(turned_away.wait_for(|turned_away| *turned_away).await) } => {}
                _ = pass(client, &server, &state, number, silent) => {}
            }
        });
    }
}

/// Carries bytes both ways until the connection ends or is cut.
async fn pass(
    mut client: TcpStream,
    server: &str,
    state: &Mutex<State>,
    number: usize,
    mut silent: watch::Receiver<usize>,
) -> std::io::Result<()> {
    client.set_nodelay(true)?;
    let mut server = TcpStream::connect(server).await?;
    server.set_nodelay(true)?;
    let (mut up, mut down) = ([0; 16_384], [0; 16_384]);
    let mut transaction = Vec::new();
    loop {
        tokio::select! {
            biased;
            () = async { drop(silent.wait_for(|below| number < *below).await) } => {
                // The server learns that its client is gone, as it would in time by itself; the client does not.
                drop(server);
                return swallow(client).await;
            }
            read = client.read(&mut up) => {
                let bytes = &up[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                let commits = ends_transaction(&mut transaction, bytes, state);
                server.write_all(bytes).await?;
                if commits {
                    // It is committed once the server answers.
                    return server.read(&mut down).await.map(|_| ());
                }
            }
            read = server.read(&mut down) => {
                let bytes = &down[..read?];
                if bytes.is_empty() {
                    return Ok(());
                }
                client.write_all(bytes).await?;
            }
        }
    }
}

/// Takes what comes and answers nothing, until the client goes.
async fn swallow(mut client: TcpStream) -> std::io::Result<()> {
    let mut bytes = [0; 16_384];
    while client.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// Records what a client sends; true if it commits what is to be cut.
fn ends_transaction(transaction: &mut Vec<u8>, bytes: &[u8], state: &Mutex<State>) -> bool {
    let holds = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    if holds(bytes, "BEGIN\0") {
        transaction.clear();
    }
    transaction.extend_from_slice(bytes);
    if !holds(bytes, "COMMIT\0") {
        return false;
    }
    let mut state = state.lock().unwrap();
    let cut = state.cuts.iter_mut().find(|cut| {
        cut.times > 0 && holds(transaction, &cut.with) && (cut.without.is_empty() || !holds(transaction, &cut.without))
    });
    let Some(cut) = cut else { return false };
    cut.times -= 1;
    state.done += 1;
    true
}
