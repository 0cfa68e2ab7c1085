//! What comes back by mail: the ways in which it gets here, and what becomes of it.

use serde::Serialize;

use crate::domain::words::words;

/// The way in which a message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The LMTP listener.
    Lmtp,
    /// `besked inbound deliver`, run by a mail server for each message.
    Pipe,
    /// `besked inbound read`: files that an operator named.
    File,
    /// The Maildir of `[inbound.maildir]`.
    Maildir,
    /// The mailbox of `[inbound.imap]`.
    Imap,
}

words!(Route, "a route", {
    Lmtp => "lmtp",
    Pipe => "pipe",
    File => "file",
    Maildir => "maildir",
    Imap => "imap",
});

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Disposition {
    /// It is stored, and waits to be read.
    Waiting,
    /// It is about a delivery, and recorded there.
    Recorded,
    /// It is not known which delivery it is about.
    Unmatched,
}

words!(Disposition, "a disposition", {
    Waiting => "waiting",
    Recorded => "recorded",
    Unmatched => "unmatched",
});
