//! What comes back in the demo: the report of a mailbox that does not exist, and the note of a person who is away.

/// A message that comes back, with its envelope recipient.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The return path of the message that it is about.
    pub to: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Returned {
    /// A delivery report (RFC 3464) on an address that does not exist.
    pub fn bounce(to: &str, address: &str) -> Self {
        let host = host(address);
        let text = format!(
            "Return-Path: <>\r\nFrom: Mail Delivery System <MAILER-DAEMON@{host}>\r\nTo: {to}\r\n\
             Subject: Undelivered Mail Returned to Sender\r\nMessage-ID: <returned@{host}>\r\nAuto-Submitted: auto-replied\r\n\
             MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=\"REPORT\"\r\n\r\n\
             --REPORT\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n\
             The message to <{address}> could not be delivered: there is no such mailbox.\r\n\r\n\
             --REPORT\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; {host}\r\n\r\n\
             Final-Recipient: rfc822; {address}\r\nAction: failed\r\nStatus: 5.1.1\r\n\
             Diagnostic-Code: smtp; 550 5.1.1 <{address}>: there is no such mailbox\r\n\r\n--REPORT--\r\n"
        );
        Self { to: to.to_owned(), bytes: text.into_bytes() }
    }

    /// An automatic answer (RFC 3834) of a person who is away.
    pub fn absence(to: &str, address: &str, message_id: &str) -> Self {
        let text = format!(
            "Return-Path: <>\r\nFrom: <{address}>\r\nTo: {to}\r\nSubject: =?utf-8?Q?Fr=C3=A5nvarande?=\r\n\
             Message-ID: <away@{host}>\r\nIn-Reply-To: {message_id}\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\
             Jag är på semester till och med fredag.\r\n",
            host = host(address)
        );
        Self { to: to.to_owned(), bytes: text.into_bytes() }
    }
}

fn host(address: &str) -> String {
    format!("mx.{}", address.rsplit_once('@').map_or(address, |(_, domain)| domain))
}
