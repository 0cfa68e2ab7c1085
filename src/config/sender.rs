//! `[sender]`: the addresses that mail comes from.

use serde::{Deserialize, Serialize};

use crate::domain::address::parse_domain;

/// `[sender]`: the addresses that mail comes from.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sender {
    /// The From header: `Name <address>`.
    #[serde(with = "super::text")]
    pub from: lettre::message::Mailbox,
    /// The Reply-To header.
    #[serde(with = "super::text")]
    pub reply_to: lettre::message::Mailbox,
    /// The domain of the return paths: each delivery has its own.
    pub bounce_domain: String,
}

impl Sender {
    /// The domain of the From address, which is also that of Message-IDs.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.from.email.domain()
    }
}

impl Default for Sender {
    fn default() -> Self {
        let mailbox = |text: &str| text.parse().expect("the default is a mailbox");
        Self {
            from: mailbox("Example Cloud <notices@example.com>"),
            reply_to: mailbox("support@example.com"),
            bounce_domain: "bounces.example.com".to_owned(),
        }
    }
}

impl Sender {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self) -> Vec<String> {
        let is_domain = parse_domain(&self.bounce_domain).is_some();
        (!is_domain).then(|| "`sender.bounce_domain` is not a domain name".to_owned()).into_iter().collect()
    }
}
