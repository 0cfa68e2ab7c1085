//! The connection to an IMAP server, encrypted as its URL requires, which reads no more than it was allowed to: the library's own
//! buffer would grow to half a gigabyte.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_imap::Client;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::timeout;

use super::ImapError;
use super::answer::command;
use crate::config::{Imap, ImapTls, ImapUrl};
use crate::mail::connect::connect;
use crate::mail::tls;

/// How long the connection, and TLS, may take.
const CONNECT: Duration = Duration::from_secs(30);

/// What a connection runs over.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + fmt::Debug> Bytes for T {}

/// How much may still be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Allowance(Arc<AtomicU64>);

impl Allowance {
    /// Allows this many bytes from now on.
    pub(super) fn allow(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn take(&self, bytes: usize) -> io::Result<()> {
        let left = self.0.load(Ordering::Relaxed).checked_sub(bytes as u64);
        let left =
            left.ok_or_else(|| io::Error::new(io::ErrorKind::FileTooLarge, "the server's answer is too long"))?;
        self.0.store(left, Ordering::Relaxed);
        Ok(())
    }
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    bytes: Box<dyn Bytes>,
    allowance: Allowance,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.bytes).poll_read(cx, buf))?;
        Poll::Ready(self.allowance.take(buf.filled().len() - before))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.bytes).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.bytes).poll_shutdown(cx)
    }
}

/// Connects, encrypts and reads the greeting.
pub(super) async fn open(imap: &Imap, url: &ImapUrl, allowance: Allowance) -> Result<Client<Connection>, ImapError> {
    let failed = |error: &dyn fmt::Display| ImapError::Connect { server: url.address(), why: error.to_string() };
    let tcp = connect(&url.host, url.port, CONNECT).await.map_err(|error| failed(&error))?;
    let over = |bytes: Box<dyn Bytes>| Client::new(Connection { bytes, allowance: allowance.clone() });
    match url.tls {
        ImapTls::None => greeted(over(Box::new(tcp))).await,
        ImapTls::Implicit => greeted(over(encrypt(imap, url, Box::new(tcp)).await?)).await,
        ImapTls::StartTls => {
            let mut client = greeted(over(Box::new(tcp))).await?;
            command("STARTTLS", client.run_command_and_check_ok("STARTTLS", None)).await.map_err(|error| {
                failed(&format!(
                    "it does not offer STARTTLS, which `imap://` requires (use `imaps://` if it does): {error}"
                ))
            })?;
            // What was sent before TLS and not read yet, perhaps by somebody else, is dropped with the library's buffer.
            let Connection { bytes, .. } = client.into_inner();
            Ok(over(encrypt(imap, url, bytes).await?))
        }
    }
}

async fn greeted(mut client: Client<Connection>) -> Result<Client<Connection>, ImapError> {
    let greeting = command("greeting", async { Ok(client.read_response().await?) }).await?;
    greeting.ok_or(ImapError::Lost { step: "greeting" })?;
    Ok(client)
}

async fn encrypt(imap: &Imap, url: &ImapUrl, bytes: Box<dyn Bytes>) -> Result<Box<dyn Bytes>, ImapError> {
    let failed = |why: String| ImapError::Connect { server: url.address(), why: format!("TLS: {why}") };
    let name = ServerName::try_from(url.host.clone()).map_err(|error| failed(error.to_string()))?;
    let config = tls::verifying(imap.ca_file.as_deref()).map_err(failed)?;
    let connecting = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, bytes);
    match timeout(CONNECT, connecting).await {
        Ok(Ok(tls)) => Ok(Box::new(tls)),
        Ok(Err(error)) => Err(failed(tls::in_words(&error))),
        Err(_) => Err(failed("no answer before the deadline".to_owned())),
    }
}
