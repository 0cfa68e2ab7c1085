//! TLS with servers that must prove who they are, and why a certificate is refused, in words that say what to do.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{CertificateError, ClientConfig, Error, OtherError};

/// A configuration that trusts the system's authorities and those of `ca_file`.
///
/// # Errors
/// If the authorities cannot be read.
pub fn verifying(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(ring::default_provider());
    let roots = match ca_file {
        Some(path) => CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|_| format!("cannot read certificates from `{}`: it must hold them as PEM", path.display()))?,
        None => Vec::new(),
    };
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
    match error.get_ref().and_then(|error| error.downcast_ref::<Error>()) {
        Some(Error::InvalidCertificate(problem)) => refused(problem),
        Some(Error::InvalidMessage(_)) => "the server answered with something else than TLS".to_owned(),
        Some(error) => error.to_string(),
        None => error.to_string(),
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
            if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") },
            expected.to_str()
        ),
        CertificateError::NotValidForName => "its certificate is for another name than that in the `url`".to_owned(),
        CertificateError::Revoked => "its certificate was revoked".to_owned(),
        CertificateError::Other(other) => by_verifier(other),
        other => format!("its certificate is not accepted: {other:?}"),
    }
}

/// What the verifier beneath says by the name of its error alone.
fn by_verifier(error: &OtherError) -> String {
    let name = error.0.to_string();
    if name.contains("CaUsedAsEndEntity") {
        return "its certificate is that of an authority (CA:TRUE), which no server may use: make one for the server with \
                `openssl req -x509 ... -addext basicConstraints=critical,CA:FALSE`, or one that the authority signs"
            .to_owned();
    }
    format!("its certificate is not accepted: {name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_says_what_to_do() {
        let words = |problem| in_words(&io::Error::new(io::ErrorKind::InvalidData, Error::InvalidCertificate(problem)));
        assert!(words(CertificateError::UnknownIssuer).contains("`ca_file`"));
        let expected = rustls::pki_types::ServerName::try_from("mail.example.com").unwrap();
        let presented = vec!["DnsName(\"smtp.example.com\")".to_owned()];
        let name = words(CertificateError::NotValidForNameContext { expected, presented });
        assert!(name.contains("`mail.example.com`") && name.contains("smtp.example.com"), "{name}");
        let expired = words(CertificateError::Expired);
        assert!(expired.contains("has expired"), "{expired}");
    }
}
