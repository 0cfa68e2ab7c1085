//! Which words were sent: from the messages themselves, as they are kept.

use mail_parser::MessageParser;

use super::Words;
use crate::domain::delivery::damaged_message;
use crate::store::notices::Kept;
use crate::store::sending::messages::Seen;
use crate::store::sending::{deliveries, messages};
use crate::store::{Conn, StoreError};

impl Words {
    /// The words sent to a customer, each text once, and in place of one that is damaged, that it is; of a notice as a whole, the file it was made from.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn of(conn: &mut Conn, notice: &Kept, account_id: Option<&str>) -> Result<Vec<Self>, StoreError> {
        let Some(account_id) = account_id else {
            let title = "The notice as its author wrote it; names were filled in for each recipient".to_owned();
            return Ok(vec![Self { title, text: notice.source.clone() }]);
        };
        let mut words: Vec<Self> = Vec::new();
        for delivery in deliveries::of_customer(conn, notice.id, account_id).await? {
            let seen = messages::see(conn, delivery.id).await?;
            if seen == Seen::Damaged {
                words.push(Self { title: format!("To {}", delivery.email), text: damaged_message(delivery.id) });
            }
            let Some(message) = seen.sent().and_then(|bytes| MessageParser::default().parse(bytes)) else { continue };
            let text = message.body_text(0).unwrap_or_default().replace("\r\n", "\n");
            if words.iter().all(|known| known.text != text) {
                let title = format!("To {}: \"{}\"", delivery.email, message.subject().unwrap_or_default());
                words.push(Self { title, text });
            }
        }
        Ok(words)
    }
}
