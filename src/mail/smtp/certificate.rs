//! Why a server's certificate is refused, in words that say what to do.

use std::io;

use rustls::{CertificateError, Error, OtherError};

/// The reason of a failed handshake.
pub(super) fn in_words(error: &io::Error) -> String {
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
                                            certificate as `ca_file` of the relay"
                .to_owned()
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "its certificate has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet: is the clock of this host right?".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "its certificate is for {} and not for `{}`: write the name of the certificate in the relay's `url`",
            if presented.is_empty() { "no name".to_owned() } else { presented.join(", ") },
            expected.to_str()
        ),
        CertificateError::NotValidForName => {
            "its certificate is for another name than that in the relay's `url`".to_owned()
        }
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
