//! `[[relay]]`: an SMTP server that mail is sent through.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::bounded::{self, LARGEST_TEXT};
use super::loopback::is_this_host;
use crate::domain::category::Lane;
use crate::domain::words::cause;

/// An SMTP server, with its limits.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Relay {
    /// Its name in tables, logs and the ledger.
    pub name: String,
    /// Its address and encryption.
    #[serde(with = "super::text")]
    pub url: RelayUrl,
    /// The file with the password; trailing line breaks are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The password, from the environment or `password_file`; never from the configuration file.
    #[serde(default, skip_serializing)]
    pub password: Option<SecretString>,
    /// Sends the password without TLS to a server on another host too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_cleartext_password: bool,
    /// The file with certificates (PEM) of authorities that are trusted in addition to the system's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The number of connections of each node.
    #[serde(default = "default_connections")]
    pub connections: u32,
    /// The messages per second of all nodes together; 0 for no limit.
    #[serde(default)]
    pub rate_per_second: f64,
    /// Begins the next message's transaction right behind a message, if the server offers PIPELINING (RFC 2920
    /// section 3.1): one answer to wait for a message in place of two.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pipeline_messages: bool,
    /// The lanes that it carries; without it, all lanes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lanes: Option<Vec<Lane>>,
    /// What its connections share of TLS.
    #[serde(skip)]
    pub shared_tls: SharedTls,
}

/// The TLS configuration that all connections to a relay share, once the first of them has made it: the authorities are read
/// once, and a session can be resumed. A copy of a relay makes its own.
#[derive(Default)]
pub struct SharedTls(Mutex<Option<Arc<ClientConfig>>>);

impl SharedTls {
    /// The configuration, made now if there is none.
    ///
    /// # Errors
    /// If it cannot be made; the next connection tries again.
    pub fn get<E>(&self, make: impl FnOnce() -> Result<ClientConfig, E>) -> Result<Arc<ClientConfig>, E> {
        let mut made = self.made();
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        let new = Arc::new(make()?);
        *made = Some(new.clone());
        Ok(new)
    }

    /// Lets the next connection make it again, since a server was not trusted: the authorities may have changed.
    pub fn forget(&self) {
        *self.made() = None;
    }

    fn made(&self) -> MutexGuard<'_, Option<Arc<ClientConfig>>> {
        // Each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for SharedTls {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for SharedTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedTls")
    }
}

const fn default_connections() -> u32 {
    8
}

/// Every value that is not valid in the list of relays, by its key.
pub(super) fn problems(relays: &[Relay]) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, relay) in relays.iter().enumerate() {
        problems.extend(relay.problems().into_iter().map(|problem| match problem.strip_prefix('`') {
            Some(of_key) => format!("`relay.{index}.{of_key}"),
            None => format!("`relay.{index}` {problem}"),
        }));
        if relays[..index].iter().any(|other| other.name == relay.name) {
            problems.push(format!("`relay.{index}.name` is used twice: `{}`", relay.name));
        }
    }
    problems
}

impl Relay {
    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !crate::domain::problem::is_line(&self.name) {
            problems.push("needs a `name` of one line".to_owned());
        }
        if !(1..=1000).contains(&self.connections) {
            problems.push("`connections` must be 1 to 1000".to_owned());
        }
        if !self.rate_per_second.is_finite() || self.rate_per_second < 0.0 {
            problems.push("`rate_per_second` must be 0 (no limit) or above".to_owned());
        }
        if self.pipeline_messages && self.rate_per_second > 0.0 && self.rate_per_second <= 1.0 {
            problems.push(
                "`pipeline_messages` needs a `rate_per_second` above 1, or 0: at one message a second or less, the next one is \
                 never ready behind a message"
                    .to_owned(),
            );
        }
        if let Some(lanes) = &self.lanes {
            if lanes.is_empty() {
                problems
                    .push("`lanes` must name at least one lane; without it, the relay carries all lanes".to_owned());
            }
            if lanes.iter().collect::<BTreeSet<_>>().len() < lanes.len() {
                problems.push("`lanes` names a lane twice".to_owned());
            }
        }
        if let Some(problem) = self.ca_file.as_deref().and_then(|path| certificates(path).err()) {
            problems.push(format!("`ca_file` of relay {}: {problem}", self.name));
        }
        if self.url.user.is_none() && (self.password_file.is_some() || self.password.is_some()) {
            problems.push("has a password, but no user in its `url`".to_owned());
        }
        problems.extend(self.exposes_its_password().map(str::to_owned));
        problems
    }
}

impl Relay {
    /// Why the password would be shown to others: a password goes over verified TLS or to this host, unless it is allowed in
    /// clear.
    fn exposes_its_password(&self) -> Option<&'static str> {
        if self.url.user.is_none() || self.url.is_loopback() {
            return None;
        }
        match self.url.tls {
            Tls::Opportunistic => Some(
                "has a user, and `tls=opportunistic` verifies no server: anybody in between could read the password; use \
                 `tls=required` or `smtps://`",
            ),
            Tls::None if !self.allow_cleartext_password => Some(
                "has a user, and `tls=none` sends the password in clear: use `tls=required` or `smtps://`, or write \
                 `allow_cleartext_password = true` if nobody else can read on this network",
            ),
            Tls::Implicit | Tls::Required | Tls::None => None,
        }
    }
}

/// Reads the certificates of a file as PEM.
///
/// # Errors
/// What it holds instead.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let shown = path.display();
    let bytes = bounded::read(path, LARGEST_TEXT);
    let bytes = bytes.map_err(|error| format!("`{shown}` cannot be read: {}", cause(&error)))?;
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    // The first byte of DER is that of an ASN.1 sequence, and no letter of a PEM file before its line.
    if let [0x30, 0x82, _, _, within @ ..] = bytes {
        let (what, tool) = match within {
            [0x02, 0x01, 0x03, ..] => ("PKCS#12", format!("openssl pkcs12 -in {shown} -nokeys -out {shown}.pem")),
            [0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02, ..] => {
                ("PKCS#7", format!("openssl pkcs7 -inform der -in {shown} -print_certs -out {shown}.pem"))
            }
            _ => ("DER", format!("openssl x509 -inform der -in {shown} -out {shown}.pem")),
        };
        return Err(format!("`{shown}` is {what}: turn it into PEM with `{tool}`"));
    }
    match CertificateDer::pem_slice_iter(bytes).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) if PrivateKeyDer::from_pem_slice(bytes).is_ok() => {
            Err(format!("`{shown}` holds a private key and no certificate: name the file with the certificate"))
        }
        Ok(_) => Err(format!("`{shown}` holds no certificate as PEM (`-----BEGIN CERTIFICATE-----`)")),
        Err(_) => Err(format!("`{shown}` holds a certificate that is cut off or damaged")),
    }
}

/// The encryption of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (`smtps://`).
    Implicit,
    /// By STARTTLS, or not at all (`?tls=required`, the default).
    Required,
    /// By STARTTLS if the server offers it, without checking its certificate (`?tls=opportunistic`).
    Opportunistic,
    /// Never (`?tls=none`).
    None,
}

impl Tls {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Implicit => "implicit",
            Self::Required => "required",
            Self::Opportunistic => "opportunistic",
            Self::None => "none",
        }
    }
}

/// `smtps://USER@HOST:PORT` or `smtp://USER@HOST:PORT?tls=required|opportunistic|none`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayUrl {
    /// The host name or IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The encryption.
    pub tls: Tls,
    /// The user for AUTH; without one there is no AUTH.
    pub user: Option<String>,
}

impl RelayUrl {
    /// True if the host is this host.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_this_host(&self.host)
    }

    /// What is probably wrong with its port: by convention 465 speaks TLS from the first byte, 25 and 587 do not.
    #[must_use]
    pub const fn doubtful_port(&self) -> Option<&'static str> {
        match (self.port, self.tls) {
            (465, Tls::Required | Tls::Opportunistic | Tls::None) => {
                Some("port 465 speaks TLS from the first byte: write `smtps://`")
            }
            (25 | 587, Tls::Implicit) => Some("port 25 or 587 begins without TLS: write `smtp://`, or port 465"),
            _ => None,
        }
    }

    /// The host and port, with brackets around an IPv6 address.
    #[must_use]
    pub fn address(&self) -> String {
        host_and_port(&self.host, self.port)
    }
}

impl FromStr for RelayUrl {
    type Err = String;

    /// Errors quote the host and the names of options, and nothing that could be part of a password.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "is not a relay such as `smtps://user@smtp.example.com:465`";
        let text = text.trim();
        let Some((scheme, rest)) = text.split_once("://") else {
            let is_host = !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || ".-:[]".contains(c));
            return Err(if is_host {
                format!("{FORM}: it begins with `smtp://` or `smtps://`, so write `smtp://{text}`")
            } else {
                format!("{FORM}: it begins with `smtp://` or `smtps://`")
            });
        };
        let scheme = scheme.to_ascii_lowercase();
        let encoded = "in a user, `@` is written `%40`, `/` `%2F`, `#` `%23`, `?` `%3F` and `%` `%25`, and the password is no \
                       part of it, but in `password_file` or the environment";
        let url = url::Url::parse(&format!("{scheme}://{rest}")).map_err(|_| format!("{FORM}; {encoded}"))?;
        if url.password().is_some() {
            return Err("must be without the password, which belongs in `password_file` or the environment".to_owned());
        }
        if url.fragment().is_some() || !matches!(url.path(), "" | "/") {
            return Err(format!("{FORM}: nothing stands behind the host and its port; {encoded}"));
        }
        let mode = url.query_pairs().find(|(key, _)| key == "tls").map(|(_, value)| value.into_owned());
        if url.query_pairs().any(|(key, _)| key != "tls") {
            return Err(format!("{FORM}: its only option is `?tls=`; {encoded}"));
        }
        let (tls, default_port) = match (scheme.as_str(), mode.as_deref()) {
            ("smtps", None) => (Tls::Implicit, 465),
            ("smtp", None | Some("required")) => (Tls::Required, 587),
            ("smtp", Some("opportunistic")) => (Tls::Opportunistic, 25),
            ("smtp", Some("none")) => (Tls::None, 25),
            ("smtp", Some(_)) => {
                return Err("must have `tls` as `required`, `opportunistic` or `none`".to_owned());
            }
            ("smtps", Some(_)) => {
                return Err("must be without `tls`: `smtps://` encrypts from the first byte".to_owned());
            }
            _ => return Err(format!("{FORM}: it begins with `smtp://` or `smtps://`")),
        };
        let host = host(url.host_str().unwrap_or_default()).map_err(|why| format!("{FORM}: {why}"))?;
        let port = match url.port() {
            Some(0) => return Err(format!("{FORM}: 0 is no port")),
            port => port.unwrap_or(default_port),
        };
        let user =
            (!url.username().is_empty()).then(|| percent_decode_str(url.username()).decode_utf8_lossy().into_owned());
        Ok(Self { host, port, tls, user })
    }
}

/// A host and a port as a URL writes them, with brackets around an IPv6 address.
pub(super) fn host_and_port(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// The host of a URL: a name as lower-case A-labels, or an IP address without the brackets that only a URL has around it.
pub(super) fn host(text: &str) -> Result<String, String> {
    let text = percent_decode_str(text).decode_utf8_lossy();
    if text.is_empty() {
        return Err("it has no host".to_owned());
    }
    if let Some(literal) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Ok(literal.to_owned());
    }
    let wrong = || format!("`{}` is no name of a host", text.escape_debug());
    let name = idna::domain_to_ascii(&text).map_err(|_| wrong())?;
    let is_label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let labels = name.strip_suffix('.').unwrap_or(&name);
    if labels.split('.').all(is_label) { Ok(labels.to_owned()) } else { Err(wrong()) }
}

/// What is percent-encoded in the user of a URL.
pub(super) const NOT_IN_USERS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'*');

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls == Tls::Implicit { "smtps" } else { "smtp" };
        write!(f, "{scheme}://")?;
        if let Some(user) = &self.user {
            write!(f, "{}@", utf8_percent_encode(user, NOT_IN_USERS))?;
        }
        f.write_str(&self.address())?;
        match self.tls {
            Tls::Implicit => Ok(()),
            tls => write!(f, "?tls={}", tls.as_str()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relay_urls_are_written_as_they_are_read() {
        for text in [
            "smtps://user@smtp.example.com:465",
            "smtp://127.0.0.1:2525?tls=none",
            "smtp://no%40where@[::1]:25?tls=opportunistic",
            "smtp://relay.example.com:587?tls=required",
        ] {
            assert_eq!(text.parse::<RelayUrl>().unwrap().to_string(), text);
        }
        assert_eq!("smtp://r.example.com".parse::<RelayUrl>().unwrap().port, 587);
    }

    #[test]
    fn a_password_goes_over_verified_tls_or_to_this_host() {
        for (url, allowed, refused) in [
            ("smtps://u@r.example", false, false),
            ("smtp://u@r.example?tls=required", false, false),
            ("smtp://u@r.example?tls=none", false, true),
            ("smtp://u@r.example?tls=none", true, false),
            ("smtp://u@r.example?tls=opportunistic", false, true),
            ("smtp://u@r.example?tls=opportunistic", true, true),
            ("smtp://r.example?tls=none", false, false),
            ("smtp://u@localhost?tls=none", false, false),
            ("smtp://u@127.0.0.2?tls=opportunistic", false, false),
            ("smtp://u@[::1]:25?tls=none", false, false),
        ] {
            let text = format!("name = \"r\"\nurl = \"{url}\"\nallow_cleartext_password = {allowed}");
            let relay: Relay = toml::from_str(&text).unwrap();
            assert_eq!(relay.exposes_its_password().is_some(), refused, "{url} {allowed}");
        }
    }

    #[test]
    fn a_host_is_what_is_looked_up() {
        for (text, host) in [
            ("smtp://smtp.räksmörgås.example:25", "smtp.xn--rksmrgs-5wao1o.example"),
            ("SMTP://Relay.Example.COM", "relay.example.com"),
            ("smtp://mail", "mail"),
            ("smtp://smtp_relay:25", "smtp_relay"),
            ("smtp://relay.example.com.", "relay.example.com"),
            ("smtp://[2001:db8::1]:25", "2001:db8::1"),
            ("smtp://192.0.2.1/\n", "192.0.2.1"),
        ] {
            assert_eq!(text.parse::<RelayUrl>().unwrap().host, host, "{text}");
        }
        for text in
            ["smtp://", "smtp://:25", "smtp://a..b", "smtp://a b", "smtp://h:0", "smtp://h:99999", "smtp://h/x", "h"]
        {
            assert!(text.parse::<RelayUrl>().is_err(), "{text}");
        }
        let problem = "smtp.example.com:587".parse::<RelayUrl>().unwrap_err();
        assert!(problem.contains("write `smtp://smtp.example.com:587`"), "{problem}");
    }

    #[test]
    fn a_user_logs_in_as_written() {
        for (text, user) in [
            ("smtp://drift&moln@h", "drift&moln"),
            ("smtp://a%40example.com@h", "a@example.com"),
            ("smtp://a@example.com@h", "a@example.com"),
            ("smtp://a+b=c;d@h", "a+b=c;d"),
            ("smtp://%C3%A5@h", "å"),
        ] {
            let url = text.parse::<RelayUrl>().unwrap();
            assert_eq!(url.user.as_deref(), Some(user), "{text}");
            assert_eq!(url.to_string().parse::<RelayUrl>().unwrap(), url, "{text}");
        }
    }

    #[test]
    fn a_password_in_the_url_and_unknown_options_are_refused() {
        for text in [
            "smtp://u:secret@h.example",
            "smtp://u:se/secret@h.example",
            "smtp://u:1/secret@h.example",
            "smtp://u:1#secret@h.example",
            "smtp://u:1?secret@h.example",
            "u:secret@h.example",
            "smtp://h.example?tls=maybe",
            "smtp://h.example?tsl=none",
            "http://h",
        ] {
            let problem = text.parse::<RelayUrl>().unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
