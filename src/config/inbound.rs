//! `[inbound]`: what comes back by mail (bounces, other reports, complaints, replies), and the ways in which it gets here.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::imap::Imap;
use super::{REPLY_LOCAL, Sender, listen};
use crate::domain::address::{self, Address};
use crate::domain::retention::Period;

/// `[inbound]`: what comes back by mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Inbound {
    /// Addresses that are accepted besides the signed return paths, such as those of feedback loops.
    #[serde(with = "super::text::list")]
    pub addresses: Vec<Address>,
    /// Where the LMTP listener is; `None` for no listener.
    #[serde(with = "super::text::optional")]
    pub lmtp_listen: Option<LmtpListen>,
    /// What becomes of a person's reply.
    pub replies: Replies,
    /// How long raw messages are kept, in days.
    pub keep_days: u32,
    /// The largest message that is accepted, in bytes.
    #[serde(with = "super::size")]
    pub message_size: u64,
    /// The Maildir that is watched.
    pub maildir: Maildir,
    /// The mailbox on an IMAP server that is read.
    pub imap: Imap,
}

/// `[inbound.maildir]`: a Maildir whose new messages are read.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Maildir {
    /// The folder that holds `new`, `cur` and `tmp`; empty for none.
    pub path: PathBuf,
}

/// What becomes of a person's reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Replies {
    /// Replies go to `[sender] reply_to`, past Besked.
    #[default]
    Off,
    /// Replies come here and go on to `[sender] reply_to`, with their context.
    Forward,
}

/// Where the LMTP listener is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LmtpListen {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

impl FromStr for LmtpListen {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        match text.strip_prefix("unix:") {
            Some("") => Err("names no path after `unix:`, such as `unix:/run/besked/lmtp.sock`".to_owned()),
            Some(path) => Ok(Self::Unix(path.into())),
            None if text.starts_with('/') => Err(format!("is a path: write `unix:{}`", text.escape_debug())),
            None => listen::parse(text)
                .map(Self::Tcp)
                .map_err(|problem| format!("{problem}; a Unix socket is written `unix:/run/besked/lmtp.sock`")),
        }
    }
}

impl fmt::Display for LmtpListen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// The most that any message may be allowed to have, in bytes: it is held in memory while it is read.
const LARGEST: u64 = 100_000_000;

/// The least that must be allowed, in bytes: reports with a page of HTML have some 70 kB.
const LEAST: u64 = 1_000_000;

impl Inbound {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if !(1..=3650).contains(&self.keep_days) {
            problems.push("`inbound.keep_days` must be 1 to 3650".to_owned());
        }
        if !(LEAST..=LARGEST).contains(&self.message_size) {
            problems.push("`inbound.message_size` must be `1MB` to `100MB`".to_owned());
        }
        problems.extend(self.imap.problems());
        problems
    }

    /// How long raw messages are kept.
    #[must_use]
    pub fn kept_for(&self) -> Period {
        Period::Days(i64::from(self.keep_days))
    }

    /// Why replies cannot be forwarded, by its key.
    pub(super) fn reply_problems(&self, sender: &Sender) -> Vec<String> {
        if self.replies == Replies::Off {
            return Vec::new();
        }
        let mut problems = Vec::new();
        let longest = address::LONGEST - REPLY_LOCAL - "@".len();
        if sender.bounce_domain.as_str().len() > longest {
            problems.push(format!(
                "`sender.bounce_domain` is longer than {longest} bytes: with `inbound.replies = \"forward\"` an address for replies \
                 would be no address"
            ));
        }
        let to = sender.reply_to.email.to_string();
        if self.addresses.iter().any(|address| address.as_str().eq_ignore_ascii_case(&to)) {
            problems.push(
                "`sender.reply_to` is one of `inbound.addresses`: a reply that is forwarded there comes back here"
                    .to_owned(),
            );
        }
        problems
    }

    /// What is valid, but probably not intended.
    pub(super) fn warning(&self) -> Option<String> {
        (self.replies == Replies::Forward && !self.is_served()).then(|| {
            "`inbound.replies` is `forward`, but `besked serve` reads no mail: set `inbound.lmtp_listen` or `inbound.maildir.path`, \
             unless a mail server runs `besked inbound deliver`; otherwise no reply reaches anybody"
                .to_owned()
        })
    }

    /// True if mail can come back in any way that `besked serve` runs.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.lmtp_listen.is_some() || !self.maildir.path.as_os_str().is_empty() || self.imap.url.is_some()
    }
}

impl Default for Inbound {
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            lmtp_listen: None,
            replies: Replies::default(),
            keep_days: 90,
            message_size: 25_000_000,
            maildir: Maildir::default(),
            imap: Imap::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_is_an_address_or_a_socket() {
        for text in ["127.0.0.1:2424", "[::1]:24", "unix:/run/besked/lmtp.sock"] {
            assert_eq!(text.parse::<LmtpListen>().unwrap().to_string(), text);
        }
        for (bad, said) in [("/run/x", "unix:/run/x"), ("unix:", "names no path"), ("2424", "127.0.0.1:8080")] {
            assert!(bad.parse::<LmtpListen>().unwrap_err().contains(said), "{bad}");
        }
    }

    #[test]
    fn limits_have_ends() {
        assert!(Inbound::default().problems().is_empty());
        let odd = Inbound { keep_days: 0, message_size: 10, ..Inbound::default() };
        assert_eq!(odd.problems().len(), 2);
    }

    #[test]
    fn replies_that_are_forwarded_need_a_way_in_and_a_way_out() {
        let off = Inbound::default();
        let on = Inbound { replies: Replies::Forward, ..Inbound::default() };
        assert_eq!((off.warning(), on.warning().map(|it| it.contains("inbound.lmtp_listen"))), (None, Some(true)));
        let maildir = Maildir { path: "/var/mail/besked".into() };
        assert_eq!(Inbound { maildir, ..on.clone() }.warning(), None);
        let sender = Sender::default();
        assert!(on.reply_problems(&sender).is_empty());
        let circle = Inbound { addresses: vec![Address::parse("Support@example.com").unwrap()], ..on.clone() };
        assert!(circle.reply_problems(&sender)[0].starts_with("`sender.reply_to` is one of"));
        let labels = ["d".repeat(50).as_str(); 4].join(".");
        let domain =
            |tld: &str| Sender { bounce_domain: format!("{labels}.{tld}").parse().unwrap(), ..Sender::default() };
        assert!(on.reply_problems(&domain("test")).is_empty(), "208 bytes");
        assert!(on.reply_problems(&domain("tests"))[0].contains("longer than 208 bytes"));
        assert!(off.reply_problems(&domain("tests")).is_empty(), "a return path is shorter");
    }
}
