//! TLS with servers that must prove who they are, and why a certificate is refused, in words that say what to do.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::{AlertDescription, CertificateError, ClientConfig, Error, OtherError};

use crate::config::certificates;
use crate::domain::words::cause;

/// A configuration that trusts the system's authorities and those of `ca_file`.
///
/// # Errors
/// If the authorities cannot be read.
pub fn verifying(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let roots = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(roots, provider.clone());
    with(Arc::new(verifier.map_err(|error| error.to_string())?), provider)
}

/// A configuration with this verifier.
pub(super) fn with(
    verifier: Arc<dyn ServerCertVerifier>,
    provider: Arc<CryptoProvider>,
) -> Result<ClientConfig, String> {
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok(config)
}

/// The reason of a failed handshake.
#[must_use]
pub fn in_words(error: &io::Error) -> String {
    // An HTTP client wraps it once more.
    if let Some(inner) = error.get_ref().and_then(|error| error.downcast_ref::<io::Error>()) {
        return in_words(inner);
    }
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(problem)) => refused(problem),
        Some(Error::InvalidMessage(_)) => "the server answered with something else than TLS".to_owned(),
        Some(Error::AlertReceived(alert)) => by_alert(*alert),
        Some(Error::PeerIncompatible(_)) => NO_COMMON_TLS.to_owned(),
        Some(_) => "the handshake failed: the server's side cannot be understood".to_owned(),
        None if error.kind() == io::ErrorKind::UnexpectedEof => "the server closed the connection".to_owned(),
        None => cause(error),
    }
}

const NO_COMMON_TLS: &str = "the server speaks no TLS that is safe today: it needs TLS 1.2 or 1.3";

/// Why the server ended the handshake.
fn by_alert(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::ProtocolVersion
        | AlertDescription::HandshakeFailure
        | AlertDescription::InsufficientSecurity => NO_COMMON_TLS.to_owned(),
        AlertDescription::UnrecognisedName => {
            "the server does not know the name in the relay's `url`: write the name of its certificate".to_owned()
        }
        AlertDescription::CertificateRequired => {
            "the server wants a certificate of ours, and Besked has none: log in with a user".to_owned()
        }
        other => format!("the server ended the handshake, with alert {}", u8::from(other)),
    }
}

fn refused(problem: &CertificateError) -> String {
    match problem {
        CertificateError::UnknownIssuer => {
            "its certificate is of no authority that is trusted here: name that authority's \
                                            certificate as `ca_file`"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock of this host right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {} and not for `{}`: write the name of the certificate in the `url`",
            if presented.is_empty() { "no name".to_owned() } else { bare_names(presented) },
            expected.to_str()
        ),
        CertificateError::NotValidForName => "its certificate is for another name than that in the `url`".to_owned(),
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        CertificateError::Other(other) => by_verifier(other),
        CertificateError::BadEncoding | CertificateError::BadSignature => {
            "its certificate is damaged, or not signed by who it names: ask the relay's operator for another".to_owned()
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not one for servers".to_owned()
        }
        _ => "its certificate is not accepted: ask the relay's operator for another".to_owned(),
    }
}

/// The names of a certificate, as rustls shows them: `DnsName("a.example")`.
fn bare_names(presented: &[String]) -> String {
    let bare = |name: &String| match name.split_once('(') {
        Some((_, rest)) => rest.trim_end_matches(')').trim_matches('"').to_owned(),
        None => name.clone(),
    };
    presented.iter().map(|name| format!("`{}`", bare(name))).collect::<Vec<_>>().join(", ")
}

/// What the verifier beneath says by the name of its error alone.
fn by_verifier(error: &OtherError) -> String {
    let name = error.0.to_string();
    if name.contains("CaUsedAsEndEntity") {
        return "its certificate is that of an authority (CA:TRUE), which no server may use: make one for the server with \
                `openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE`, or one that the authority signs"
            .to_owned();
    }
    "its certificate is not accepted: ask the relay's operator for another".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_says_what_to_do() {
        let words = |problem| in_words(&io::Error::new(io::ErrorKind::InvalidData, Error::InvalidCertificate(problem)));
        assert!(words(CertificateError::UnknownIssuer).contains("`ca_file`"));
        let wrapped = io::Error::other(io::Error::other(Error::InvalidCertificate(CertificateError::UnknownIssuer)));
        assert!(in_words(&wrapped).contains("`ca_file`"));
        let expected = rustls::pki_types::ServerName::try_from("mail.example.com").unwrap();
        let presented = vec!["DnsName(\"smtp.example.com\")".to_owned()];
        let name = words(CertificateError::NotValidForNameContext { expected, presented });
        assert!(name.contains("`mail.example.com`") && name.contains("smtp.example.com"), "{name}");
        assert!(name.contains("is for `smtp.example.com` and"), "{name}");
        assert!(words(CertificateError::BadEncoding).contains("damaged"));
        let alert = |alert| in_words(&io::Error::new(io::ErrorKind::InvalidData, Error::AlertReceived(alert)));
        assert!(alert(AlertDescription::ProtocolVersion).contains("TLS 1.2 or 1.3"));
        assert!(alert(AlertDescription::BadRecordMac).ends_with("alert 20"));
        let expired = words(CertificateError::Expired);
        assert!(expired.contains("has expired"), "{expired}");
    }
}
