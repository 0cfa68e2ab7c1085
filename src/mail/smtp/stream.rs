//! TLS with a relay, as its URL requires.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::ClientConfig;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;
use x509_cert::der::Decode as _;

use super::Failed;
use super::wire::Stream;
use crate::config::{Relay, Tls};
use crate::domain::reply::{Failure, Stage};
use crate::mail::tls;

/// An encrypted connection, with what is known of the server.
pub(super) struct Encrypted {
    pub(super) stream: Box<dyn Stream>,
    /// The TLS version, and whether the server was verified.
    pub(super) tls: String,
    /// When the server's own certificate expires.
    pub(super) expires: Option<Timestamp>,
}

pub(super) fn unclear(stage: Stage, error: &dyn fmt::Display) -> Failed {
    Failed { stage, failure: Failure::Unclear(error.to_string()), reused: false }
}

/// Does the handshake.
pub(super) async fn encrypt(
    plain: Box<dyn Stream>,
    relay: &Relay,
    stage: Stage,
    deadline: Duration,
) -> Result<Encrypted, Failed> {
    let name = ServerName::try_from(relay.url.host.clone()).map_err(|error| unclear(stage, &error))?;
    let config = relay.shared_tls.get(|| tls_config(relay)).map_err(|error| unclear(stage, &error))?;
    match timeout(deadline, tokio_rustls::TlsConnector::from(config).connect(name, plain)).await {
        Ok(Ok(stream)) => {
            let (mut tls, expires) = (version(&stream), expires(&stream));
            if relay.url.tls == Tls::Opportunistic {
                tls.push_str(", not verified");
            }
            Ok(Encrypted { stream: Box::new(stream), tls, expires })
        }
        Ok(Err(error)) => {
            relay.shared_tls.forget();
            Err(unclear(stage, &format!("TLS: {}", tls::in_words(&error))))
        }
        Err(_) => Err(unclear(stage, &"TLS: no answer before the deadline")),
    }
}

fn version(tls: &TlsStream<Box<dyn Stream>>) -> String {
    let version = tls.get_ref().1.protocol_version().and_then(|version| version.as_str());
    version.unwrap_or("TLS").replace("TLSv1_", "TLSv1.")
}

fn expires(tls: &TlsStream<Box<dyn Stream>>) -> Option<Timestamp> {
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
