//! `[inbound.imap]`: a mailbox on an IMAP server whose messages are read.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{percent_decode_str, utf8_percent_encode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::loopback::is_this_host;
use super::relay::{NOT_IN_USERS, certificates, host, host_and_port};

/// The least time between two looks at the mailbox.
const LEAST_EVERY: Duration = Duration::from_secs(5);

/// `[inbound.imap]`: a mailbox whose messages are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Imap {
    /// The server, the user and the mailbox; `None` for none.
    #[serde(with = "super::text::optional")]
    pub url: Option<ImapUrl>,
    /// The file with the password; trailing line breaks are ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// The password, from the environment or `password_file`; never from the configuration file.
    #[serde(skip_serializing)]
    pub password: Option<SecretString>,
    /// The file with certificates (PEM) of authorities that are trusted in addition to the system's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// The mailbox that messages are moved to once they are stored.
    pub folder: String,
    /// How often to look for messages.
    #[serde(with = "super::duration")]
    pub every: Duration,
}

impl Default for Imap {
    fn default() -> Self {
        Self {
            url: None,
            password_file: None,
            password: None,
            ca_file: None,
            folder: "Besked".to_owned(),
            every: Duration::from_secs(60),
        }
    }
}

impl Imap {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.every < LEAST_EVERY {
            problems.push("`inbound.imap.every` must be at least `5s`".to_owned());
        }
        if !is_mailbox(&self.folder) {
            problems.push("`inbound.imap.folder` must be the name of a mailbox in ASCII".to_owned());
        }
        if let Some(problem) = self.ca_file.as_deref().and_then(|path| certificates(path).err()) {
            problems.push(format!("`inbound.imap.ca_file`: {problem}"));
        }
        match &self.url {
            Some(url) if url.mailbox == self.folder => {
                problems.push("`inbound.imap.folder` must differ from the mailbox in `url`".to_owned());
            }
            // A password file that cannot be read is a problem of its own.
            Some(_) if self.password.is_none() && self.password_file.is_none() => problems.push(
                "`inbound.imap.url` needs a password: set `password_file`, or `BESKED__INBOUND__IMAP__PASSWORD` in the \
                 environment"
                    .to_owned(),
            ),
            _ => {}
        }
        problems
    }
}

/// The encryption of a connection to an IMAP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImapTls {
    /// From the first byte (`imaps://`).
    Implicit,
    /// By STARTTLS, or not at all (`imap://`).
    StartTls,
    /// Never (`imap://...?tls=none`), to this host only.
    None,
}

/// `imaps://USER@HOST:PORT/MAILBOX`, or `imap://` with STARTTLS. Without a mailbox it is the INBOX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImapUrl {
    /// The host name or IP address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The encryption.
    pub tls: ImapTls,
    /// The user.
    pub user: String,
    /// The mailbox.
    pub mailbox: String,
}

impl FromStr for ImapUrl {
    type Err = String;

    /// Errors quote nothing that could be part of a password.
    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "is not a mailbox such as `imaps://user@imap.example.com:993/INBOX`";
        let encoded = "in a user, `@` is written `%40`, `/` `%2F`, `#` `%23`, `?` `%3F` and `%` `%25`";
        let (scheme, rest) =
            text.trim().split_once("://").ok_or_else(|| format!("{FORM}: it begins with `imaps://`"))?;
        let scheme = scheme.to_ascii_lowercase();
        let url = url::Url::parse(&format!("{scheme}://{rest}")).map_err(|_| format!("{FORM}; {encoded}"))?;
        if url.password().is_some() {
            return Err("must be without the password, which belongs in `password_file` or the environment".to_owned());
        }
        if url.fragment().is_some() {
            return Err(format!("{FORM}; {encoded}"));
        }
        let host = host(url.host_str().unwrap_or_default()).map_err(|why| format!("{FORM}: {why}"))?;
        let (tls, default_port) = match (scheme.as_str(), url.query()) {
            ("imaps", None) => (ImapTls::Implicit, 993),
            ("imap", None) => (ImapTls::StartTls, 143),
            ("imap", Some("tls=none")) if is_this_host(&host) => (ImapTls::None, 143),
            ("imap", Some("tls=none")) => {
                return Err(
                    "must be without `tls=none`, which sends the password in clear: only a server on this host may \
                            be reached so"
                        .to_owned(),
                );
            }
            ("imap" | "imaps", Some(_)) => return Err(format!("{FORM}: it has no options; {encoded}")),
            _ => return Err(format!("{FORM}: it begins with `imaps://` or `imap://`")),
        };
        let port = match url.port() {
            Some(0) => return Err(format!("{FORM}: 0 is no port")),
            port => port.unwrap_or(default_port),
        };
        let user = percent_decode_str(url.username()).decode_utf8_lossy().into_owned();
        if user.is_empty() || user.contains(['\r', '\n', '\0']) {
            return Err(format!("{FORM}: it names no user; {encoded}"));
        }
        let mailbox = percent_decode_str(url.path().trim_start_matches('/')).decode_utf8_lossy().into_owned();
        let mailbox = if mailbox.is_empty() { "INBOX".to_owned() } else { mailbox };
        if !is_mailbox(&mailbox) {
            return Err("must name a mailbox in ASCII, such as `INBOX`".to_owned());
        }
        Ok(Self { host, port, tls, user, mailbox })
    }
}

/// True for a name that every server reads alike: others would have to be written in modified UTF-7.
fn is_mailbox(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && name.chars().all(|c| c.is_ascii_graphic() || c == ' ')
        && !name.contains('&')
}

impl ImapUrl {
    /// The host and port, with brackets around an IPv6 address.
    #[must_use]
    pub fn address(&self) -> String {
        host_and_port(&self.host, self.port)
    }
}

impl fmt::Display for ImapUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, options) = match self.tls {
            ImapTls::Implicit => ("imaps", ""),
            ImapTls::StartTls => ("imap", ""),
            ImapTls::None => ("imap", "?tls=none"),
        };
        let user = utf8_percent_encode(&self.user, NOT_IN_USERS);
        let mailbox = self.mailbox.split('/').map(|part| utf8_percent_encode(part, NOT_IN_USERS).to_string());
        let mailbox = mailbox.collect::<Vec<_>>().join("/");
        write!(f, "{scheme}://{user}@{}/{mailbox}{options}", self.address())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_written_as_they_are_read() {
        for text in [
            "imaps://user@imap.example.com:993/INBOX",
            "imap://no%40where@[::1]:143/Bounces/2026",
            "imap://besked@127.0.0.1:1143/My%20box?tls=none",
        ] {
            assert_eq!(text.parse::<ImapUrl>().unwrap().to_string(), text);
        }
        let short = "imap://u%2Fx@imap.example.com".parse::<ImapUrl>().unwrap();
        assert_eq!((short.port, short.mailbox.as_str(), short.user.as_str()), (143, "INBOX", "u/x"));
        assert_eq!(short.tls, ImapTls::StartTls);
    }

    #[test]
    fn what_is_no_mailbox_is_refused_without_its_password() {
        for (bad, said) in [
            ("imap.example.com", "begins with `imaps://`"),
            ("smtp://u@imap.example.com", "begins with `imaps://` or `imap://`"),
            ("imaps://imap.example.com", "names no user"),
            ("imaps://u:hunter2@imap.example.com", "password_file"),
            ("imaps://u@imap.example.com?tls=none", "no options"),
            ("imap://u@imap.example.com?tls=none", "in clear"),
            ("imaps://u@imap.example.com:0", "0 is no port"),
            ("imaps://u@imap.example.com/R%C3%A4k", "in ASCII"),
            ("imaps://u@a b/", "imaps://user@"),
        ] {
            let problem = bad.parse::<ImapUrl>().unwrap_err();
            assert!(problem.contains(said) && !problem.contains("hunter2"), "{bad}: {problem}");
        }
    }

    #[test]
    fn a_mailbox_needs_a_password_and_another_folder() {
        let url = "imaps://u@imap.example.com/Besked".parse().ok();
        assert!(Imap::default().problems().is_empty());
        let same = Imap { url: url.clone(), every: Duration::from_secs(1), ..Imap::default() };
        assert_eq!(same.problems().len(), 2, "{:?}", same.problems());
        let bare = Imap { url, folder: "Done".to_owned(), ..Imap::default() };
        assert!(bare.problems()[0].contains("BESKED__INBOUND__IMAP__PASSWORD"));
        assert!(Imap { password: Some("x".to_owned().into()), ..bare }.problems().is_empty());
    }
}
