//! Accepts clients on a TCP port or a Unix socket, and ends with the process.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::reply;
use super::session::{Door, serve};
use crate::config::LmtpListen;
use crate::domain::kind::Kind;

/// Clients at once; Postfix opens 20 connections to one destination.
const CONNECTIONS: usize = 64;

/// How long sessions may take to end once the listener ends.
const DRAIN: Duration = Duration::from_secs(5);

/// How long to wait after a client could not be accepted: too many files are open.
const AGAIN: Duration = Duration::from_millis(200);

/// Why the listener did not start.
#[derive(Debug, Error)]
#[error("cannot listen on `{listen}` (`[inbound] lmtp_listen`): {source}")]
pub struct ListenError {
    listen: LmtpListen,
    source: io::Error,
}

impl ListenError {
    /// The kind of this error.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        Kind::Failed
    }
}

/// Serves clients until `ended`.
///
/// # Errors
/// If the address or path cannot be bound.
pub async fn listen<D>(listen: &LmtpListen, door: Arc<D>, ended: &CancellationToken) -> Result<(), ListenError>
where
    D: Door + Send + Sync + 'static,
{
    let failed = |source| ListenError { listen: listen.clone(), source };
    let clients = Clients { door, room: Arc::new(Semaphore::new(CONNECTIONS)), tasks: TaskTracker::new(), ended };
    tracing::info!(%listen, "listening for LMTP");
    match listen {
        LmtpListen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            clients
                .accept(async || {
                    let (stream, _) = listener.accept().await?;
                    stream.set_nodelay(true)?;
                    Ok(stream)
                })
                .await;
        }
        LmtpListen::Unix(path) => {
            remove_stale(path).await.map_err(failed)?;
            let listener = UnixListener::bind(path).map_err(failed)?;
            // The mail server runs as another user. The folder says who may come here, as the port of loopback says nothing at all.
            fs::set_permissions(path, Permissions::from_mode(0o666)).map_err(failed)?;
            clients.accept(async || listener.accept().await.map(|(stream, _)| stream)).await;
            // Whoever starts next binds it anew.
            let _ = fs::remove_file(path);
        }
    }
    Ok(())
}

/// Removes a socket that a process left behind when it was killed: nobody answers on it.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let is_socket = path.symlink_metadata().is_ok_and(|found| found.file_type().is_socket());
    if is_socket && UnixStream::connect(path).await.is_err() {
        fs::remove_file(path)?;
    }
    Ok(())
}

struct Clients<'a, D> {
    door: Arc<D>,
    room: Arc<Semaphore>,
    tasks: TaskTracker,
    ended: &'a CancellationToken,
}

impl<D: Door + Send + Sync + 'static> Clients<'_, D> {
    async fn accept<S>(&self, mut next: impl AsyncFnMut() -> io::Result<S>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        loop {
            let accepted = tokio::select! {
                () = self.ended.cancelled() => break,
                accepted = next() => accepted,
            };
            match accepted {
                Ok(stream) => self.serve(stream),
                Err(error) => {
                    tracing::warn!(%error, "an LMTP client could not be accepted");
                    sleep(AGAIN).await;
                }
            }
        }
        self.tasks.close();
        let _ = timeout(DRAIN, self.tasks.wait()).await;
    }

    /// Serves a client beside the others, or turns it away: it will come again.
    fn serve<S>(&self, mut stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (door, ended) = (self.door.clone(), self.ended.clone());
        let permit = self.room.clone().try_acquire_owned();
        self.tasks.spawn(async move {
            if permit.is_err() {
                let _ = timeout(AGAIN, stream.write_all(reply::TOO_MANY_CONNECTIONS.as_bytes())).await;
                return;
            }
            let mut stream = stream;
            let session = serve(&mut stream, door.as_ref());
            tokio::select! {
                biased;
                // What a client does wrong is no event of this process.
                served = session => if let Err(error) = served { tracing::debug!(%error, "an LMTP session ended early") },
                () = ended.cancelled() => {
                    let _ = timeout(AGAIN, stream.write_all(reply::SHUTTING_DOWN.as_bytes())).await;
                }
            }
        });
    }
}
