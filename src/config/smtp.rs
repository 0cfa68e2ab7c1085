//! `[smtp]`: the deadline of each step of an SMTP session, and the name that Besked uses in EHLO.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::duration;

/// `[smtp]`: the deadline of each step (RFC 5321 section 4.5.3.2), and the name in EHLO.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Smtp {
    /// The name in EHLO; the host name if empty.
    pub hello_name: String,
    /// TCP connect, and TLS.
    #[serde(with = "duration")]
    pub connect: Duration,
    /// The greeting and EHLO.
    #[serde(with = "duration")]
    pub greeting: Duration,
    /// AUTH.
    #[serde(with = "duration")]
    pub auth: Duration,
    /// MAIL FROM.
    #[serde(with = "duration")]
    pub mail: Duration,
    /// RCPT TO.
    #[serde(with = "duration")]
    pub rcpt: Duration,
    /// DATA.
    #[serde(with = "duration")]
    pub data: Duration,
    /// Writing the message.
    #[serde(with = "duration")]
    pub body: Duration,
    /// The answer to the final dot.
    #[serde(with = "duration")]
    pub dot: Duration,
}

impl Default for Smtp {
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        Self {
            hello_name: String::new(),
            connect: Duration::from_secs(30),
            greeting: minutes(5),
            auth: minutes(2),
            mail: minutes(5),
            rcpt: minutes(5),
            data: minutes(2),
            body: minutes(3),
            dot: minutes(10),
        }
    }
}
