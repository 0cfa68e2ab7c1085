//! Opening a session's connection: TCP, TLS as the relay's URL requires, and the greeting.
//!
//! STARTTLS runs over a connection that is lent to lettre and taken back: anything an attacker injects after the server's
//! reply is dropped with lettre's buffer, and what follows is read under TLS only (RFC 3207 section 6).

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::Starttls;
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::Response;
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::{error::Elapsed, timeout};
use tokio_rustls::client::TlsStream;
use x509_cert::der::Decode as _;

use super::Failed;
use super::replies::Said;
use super::steps::Steps;
use super::wire::Wire;
use crate::config::{Relay, Smtp, Tls};
use crate::domain::reply::{Failure, Reply, Stage};
use crate::mail::connect::connect;
use crate::mail::tls;

/// The result of a command, or the end of its deadline.
pub(super) type Answer = Result<Result<Response, lettre::transport::smtp::Error>, Elapsed>;

/// A connection after the greeting, with what is known of the server.
pub(super) struct Opened {
    pub(super) conn: AsyncSmtpConnection,
    pub(super) wire: Wire,
    pub(super) host: String,
    pub(super) tls: String,
    pub(super) expires: Option<Timestamp>,
}

/// Connects to a relay and encrypts as its URL requires.
pub(super) async fn open(relay: &Relay, deadlines: &Smtp, hello: &ClientId, steps: &Steps) -> Result<Opened, Failed> {
    let tcp = steps.time(Stage::Connect, connect(&relay.url.host, relay.url.port, deadlines.connect)).await;
    let tcp = tcp.map_err(|error| unclear(Stage::Connect, &error))?;
    let peer = tcp.peer_addr().map_err(|error| unclear(Stage::Connect, &error))?;
    let host = format!("{} [{}]:{}", relay.url.host, peer.ip(), peer.port());
    let (plain, stage, greeting): (Box<dyn AsyncTokioStream>, _, &[u8]) = if relay.url.tls == Tls::Implicit {
        (Box::new(tcp), Stage::Connect, b"")
    } else {
        let wire = Wire::new(tcp);
        let mut conn = steps.time(Stage::Greeting, greet(wire.clone(), deadlines, hello)).await?;
        let offered = conn.server_info().supports_feature(Extension::StartTls);
        if relay.url.tls == Tls::None || (relay.url.tls == Tls::Opportunistic && !offered) {
            return Ok(Opened { conn, wire, host, tls: String::new(), expires: None });
        }
        if !offered {
            return Err(unclear(Stage::StartTls, &"the server does not offer STARTTLS, which this relay requires"));
        }
        let answer = timeout(deadlines.greeting, conn.command(Starttls)).await;
        failure_of(answer, &wire).map_err(|failure| Failed { stage: Stage::StartTls, failure, reused: false })?;
        let tcp = wire.take_back().ok_or_else(|| unclear(Stage::StartTls, &"the connection was closed"))?;
        // The server does not greet again after STARTTLS, but lettre waits for a greeting.
        (tcp, Stage::StartTls, b"220 under TLS\r\n")
    };
    let tls = steps.time(Stage::StartTls, encrypt(plain, relay, stage, deadlines.connect)).await?;
    let (mut version, expires) = (version(&tls), expires(&tls));
    if relay.url.tls == Tls::Opportunistic {
        version.push_str(", not verified");
    }
    let wire = Wire::new(Encrypted { tls, greeting, peer });
    let conn = steps.time(Stage::Greeting, greet(wire.clone(), deadlines, hello)).await?;
    Ok(Opened { conn, wire, host, tls: version, expires })
}

/// Separates a positive reply from a failure. Anything that is not a clear reply is unclear.
pub(super) fn failure_of(answer: Answer, wire: &Wire) -> Result<Response, Failure> {
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(refusal(&error, wire)),
        Err(_) => Err(too_late()),
    }
}

fn refusal(error: &lettre::transport::smtp::Error, wire: &Wire) -> Failure {
    let said = wire.said();
    match error.status() {
        Some(code) => {
            let text = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            // lettre was shown another code of the same class if it would not know this one.
            let sent = said.code().filter(|sent| sent / 100 == u16::from(code) / 100);
            Failure::Replied(Reply { code: sent.unwrap_or_else(|| code.into()), text })
        }
        None if error.to_string().contains("incomplete response") => {
            Failure::Unclear("the server closed the connection before replying".to_owned())
        }
        // Also a challenge of AUTH that lettre has no response to.
        None if error.is_response() || (error.is_client() && said.code() == Some(334)) => unreadable(&said),
        None => Failure::Unclear(lost(error)),
    }
}

/// Why a connection was lost, without the words of the library that reports it.
fn lost(error: &lettre::transport::smtp::Error) -> String {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<io::Error>() {
            return format!("the connection was lost: {}", tls::in_words(io));
        }
        source = inner.source();
    }
    "the connection was lost".to_owned()
}

/// A reply that is none, in words that show it.
fn unreadable(said: &Said) -> Failure {
    let text = &said.text;
    Failure::Unclear(match said.code() {
        _ if text.is_empty() => "the server sent an empty line in place of a reply".to_owned(),
        Some(300..=399) => format!("unexpected reply: {text}"),
        Some(_) => format!("the server's reply cannot be read: {text}"),
        None => format!("the server sent something else than an SMTP reply: {text}"),
    })
}

fn too_late() -> Failure {
    Failure::Unclear("no answer before the deadline".to_owned())
}

fn unclear(stage: Stage, error: &dyn fmt::Display) -> Failed {
    Failed { stage, failure: Failure::Unclear(error.to_string()), reused: false }
}

async fn greet(stream: Wire, deadlines: &Smtp, hello: &ClientId) -> Result<AsyncSmtpConnection, Failed> {
    let (hello, ours) = (hello.clone(), stream.clone());
    // In a separate task: lettre panics on some replies to EHLO (RUSTSEC-2026-0562), which counts as the server's failure.
    let mut opening = JoinSet::new();
    opening.spawn(async move { AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello).await });
    let failure = match timeout(deadlines.greeting, opening.join_next()).await {
        Ok(Some(Ok(Ok(conn)))) => return Ok(conn),
        Ok(Some(Ok(Err(error)))) => match refusal(&error, &ours) {
            Failure::Replied(reply) if ours.is_greeted() => {
                Failure::Replied(Reply { text: format!("{} (in reply to EHLO)", reply.text), ..reply })
            }
            failure => failure,
        },
        Ok(_) => Failure::Unclear("the reply to EHLO cannot be read".to_owned()),
        Err(_) => too_late(),
    };
    Err(Failed { stage: Stage::Greeting, failure, reused: false })
}

async fn encrypt(
    plain: Box<dyn AsyncTokioStream>,
    relay: &Relay,
    stage: Stage,
    deadline: Duration,
) -> Result<TlsStream<Box<dyn AsyncTokioStream>>, Failed> {
    let name = ServerName::try_from(relay.url.host.clone()).map_err(|error| unclear(stage, &error))?;
    let config = relay.shared_tls.get(|| tls_config(relay)).map_err(|error| unclear(stage, &error))?;
    match timeout(deadline, tokio_rustls::TlsConnector::from(config).connect(name, plain)).await {
        Ok(Ok(tls)) => Ok(tls),
        Ok(Err(error)) => {
            relay.shared_tls.forget();
            Err(unclear(stage, &format!("TLS: {}", tls::in_words(&error))))
        }
        Err(_) => Err(unclear(stage, &"TLS: no answer before the deadline")),
    }
}

fn version(tls: &TlsStream<Box<dyn AsyncTokioStream>>) -> String {
    let version = tls.get_ref().1.protocol_version().and_then(|version| version.as_str());
    version.unwrap_or("TLS").replace("TLSv1_", "TLSv1.")
}

/// The expiry of the server's own certificate.
fn expires(tls: &TlsStream<Box<dyn AsyncTokioStream>>) -> Option<Timestamp> {
    let certificate = tls.get_ref().1.peer_certificates()?.first()?;
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let end = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    Timestamp::from_second(end.as_secs().try_into().ok()?).ok()
}

fn tls_config(relay: &Relay) -> Result<ClientConfig, String> {
    if relay.url.tls != Tls::Opportunistic {
        return tls::verifying(relay.ca_file.as_deref());
    }
    let provider = Arc::new(ring::default_provider());
    tls::with(Arc::new(AnyCertificate(provider.clone())), provider)
}

/// Accepts any certificate: opportunistic TLS (RFC 7435) protects against passive listeners only.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// An encrypted connection, with a greeting that the server did not send, if any.
struct Encrypted {
    tls: TlsStream<Box<dyn AsyncTokioStream>>,
    greeting: &'static [u8],
    peer: SocketAddr,
}

impl fmt::Debug for Encrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Encrypted({})", self.peer)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.greeting.is_empty() {
            return Pin::new(&mut self.tls).poll_read(cx, buf);
        }
        let (now, later) = self.greeting.split_at(self.greeting.len().min(buf.remaining()));
        buf.put_slice(now);
        self.greeting = later;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.tls).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Encrypted {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
