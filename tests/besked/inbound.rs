//! What comes back by mail, and the ways in which it does.

mod doctor;
mod imap;
mod lmtp;
mod maildir;
mod postfix;

use besked::domain::page::PageRequest;
use besked::inbound::Stored;

use crate::app::{TestApp, alice};

/// A bounce about nobody whom we know; each number is another message.
pub fn bounce(number: u32) -> String {
    format!(
        "From: MAILER-DAEMON@relay.example\nTo: b@bounces.example.com\nSubject: Undelivered Mail\n\
         Message-ID: <{number}@relay.example>\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n--x\n\nNo such user.\n--x\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\n\n\
         Final-Recipient: rfc822; no-such-user@elsewhere.example\nAction: failed\nStatus: 5.1.1\n--x--\n"
    )
}

/// The newest messages, whatever became of them.
pub async fn listed(app: &TestApp) -> Vec<Stored> {
    app.app.inbound.list(&alice(), false, &PageRequest { after: None, limit: 1000 }).await.unwrap().items
}
