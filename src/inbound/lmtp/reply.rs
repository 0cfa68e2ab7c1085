//! What the LMTP listener answers: reply codes of RFC 5321, with the enhanced codes of RFC 3463.

use smtp_proto::Error;

pub(super) const BYE: &str = "221 2.0.0 bye\r\n";
pub(super) const OK: &str = "250 2.0.0 ok\r\n";
pub(super) const SENDER_OK: &str = "250 2.1.0 sender ok\r\n";
pub(super) const RECIPIENT_OK: &str = "250 2.1.5 recipient ok\r\n";
pub(super) const STORED: &str = "250 2.0.0 stored\r\n";
pub(super) const NOT_VERIFIED: &str = "252 2.5.2 send the mail, and see\r\n";
pub(super) const HELP: &str =
    "214 2.0.0 this is LMTP (RFC 2033) for return paths and the addresses of [inbound] addresses\r\n";
pub(super) const SEND_DATA: &str = "354 send the message, end with a dot\r\n";
pub(super) const SHUTTING_DOWN: &str = "421 4.3.2 shutting down\r\n";
pub(super) const TOO_MANY_CONNECTIONS: &str = "421 4.7.0 too many connections, try again later\r\n";
pub(super) const TOO_MANY_MISTAKES: &str = "421 4.7.0 too many refused commands\r\n";
pub(super) const LATER: &str = "451 4.3.0 cannot be stored now, try again later\r\n";
pub(super) const NO_ROOM: &str = "452 4.3.1 busy with other large messages, try again later\r\n";
pub(super) const TOO_MANY_RECIPIENTS: &str = "452 4.5.3 too many recipients\r\n";
pub(super) const NOT_SMTP: &str = "500 5.5.1 this is LMTP: begin with LHLO\r\n";
pub(super) const NOT_IMPLEMENTED: &str = "502 5.5.1 not implemented\r\n";
pub(super) const NO_SENDER_ADDRESS: &str = "501 5.1.7 no valid sender address\r\n";
pub(super) const GREET_FIRST: &str = "503 5.5.1 LHLO first\r\n";
pub(super) const MAIL_FIRST: &str = "503 5.5.1 MAIL first\r\n";
pub(super) const NESTED_MAIL: &str = "503 5.5.1 a transaction is open: RSET ends it\r\n";
pub(super) const NO_RECIPIENT: &str = "503 5.5.1 no recipient was accepted\r\n";
pub(super) const NO_SUCH_ADDRESS: &str = "550 5.1.1 no such address here\r\n";
pub(super) const TOO_LARGE: &str = "552 5.3.4 the message is too large\r\n";

pub(super) fn greeting(name: &str) -> String {
    format!("220 {name} LMTP ready\r\n")
}

/// What LHLO is answered: the extensions that are spoken here.
pub(super) fn capabilities(name: &str, largest: usize) -> String {
    format!(
        "250-{name}\r\n250-PIPELINING\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE {largest}\r\n"
    )
}

/// What a line that is no command is answered.
pub(super) const fn of_error(error: &Error) -> &'static str {
    match error {
        Error::InvalidSenderAddress => NO_SENDER_ADDRESS,
        Error::InvalidRecipientAddress => "501 5.1.3 no valid recipient address\r\n",
        Error::InvalidParameter { .. } | Error::SyntaxError { .. } => "501 5.5.4 syntax error\r\n",
        Error::UnsupportedParameter { .. } => "555 5.5.4 unsupported parameter\r\n",
        Error::ResponseTooLong => "500 5.5.2 the line is too long\r\n",
        Error::UnknownCommand | Error::NeedsMoreData { .. } | Error::InvalidResponse { .. } => {
            "500 5.5.1 unknown command\r\n"
        }
    }
}
