//! A notice that was sent, with replies coming back.

use besked::deliveries::{Delivery, Forward, Tried};
use besked::domain::forward::{Reason, State};
use besked::domain::inbound::Route;
use besked::domain::task::TaskKind;
use besked::inbound::{Forwards, Incoming};
use besked::store::tasks::{self, Task};
use mail_parser::{MessageParser, MimeHeaders as _};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::relay::Received;

/// Where support is.
pub const SUPPORT: &str = "support@example.com";

/// A notice that was sent, with replies coming back.
pub struct Answered {
    pub app: TestApp,
    /// The delivery to Carol of customer C2.
    pub delivery: Uuid,
    /// The address for replies to it.
    pub to: String,
}

impl Answered {
    pub async fn new(engine: Engine) -> Self {
        Self::with(engine, |_| {}).await
    }

    pub async fn with(engine: Engine, change: impl FnOnce(&mut besked::config::Config)) -> Self {
        let app = TestApp::with(engine, |config| {
            config.inbound.replies = besked::config::Replies::Forward;
            config.sender.reply_to = "Example Support <support@example.com>".parse().unwrap();
            change(config);
        })
        .await;
        app.import(CUSTOMERS).await;
        let id = app.release(&maintenance("all = true")).await;
        app.run_until_idle().await;
        let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
        let to = app.app.key().reply_path(delivery, "bounces.example.com").to_string();
        Self { app, delivery, to }
    }

    /// A message from Carol to the address for replies.
    pub fn reply(&self, body: &str) -> String {
        self.reply_with(&format!("Message-ID: <{}@two.example>\r\n", Uuid::now_v7()), body)
    }

    /// With other fields in its head.
    pub fn reply_with(&self, fields: &str, body: &str) -> String {
        format!(
            "From: Carol Ek <hello@two.example>\r\nTo: Example Support <{}>\r\nSubject: Re: Network maintenance\r\n\
             In-Reply-To: <{}@example.com>\r\n{fields}\r\n{body}",
            self.to, self.delivery
        )
    }

    /// Takes a message as LMTP does, and records it.
    pub async fn comes(&self, message: impl Into<Vec<u8>>) {
        self.comes_from("hello@two.example", &self.to, message).await;
    }

    pub async fn comes_from(&self, sender: &str, recipient: &str, message: impl Into<Vec<u8>>) {
        let (recipient, sender) = (Some(recipient.to_owned()), Some(sender.to_owned()));
        self.take(Incoming { route: Route::Lmtp, recipient, sender, bytes: message.into() }).await;
    }

    pub async fn take(&self, message: Incoming) {
        self.app.app.inbound.deliver(message).await.unwrap();
        self.app.app.inbound.work_once().await.unwrap();
    }

    /// Forwards what is due.
    pub async fn forward(&self) -> Forwards {
        self.app.app.inbound.forward_due(&CancellationToken::new()).await.unwrap()
    }

    /// The mails to support.
    pub fn mails(&self) -> Vec<Received> {
        self.app.relay.to(SUPPORT)
    }

    pub async fn shown(&self) -> Delivery<Vec<Tried>> {
        self.app.app.deliveries.show(&alice(), self.delivery).await.unwrap()
    }

    /// What became of each reply, the first first.
    pub async fn became(&self) -> Vec<(State, Option<Reason>)> {
        self.shown().await.replies.iter().map(|it: &Forward| (it.state, it.reason)).collect()
    }

    pub async fn tasks(&self) -> Vec<Task> {
        let mut conn = self.app.app.context.store.read().await.unwrap();
        let tasks = tasks::list(&mut conn, true, None, 100, tasks::Visible::ALL).await.unwrap();
        // C3 has nobody to address, which is another story.
        tasks.into_iter().filter(|task| task.kind != TaskKind::NotInformed).collect()
    }
}

/// The parts of a mail to support: its text, and the type and bytes of what is attached.
pub fn parts(mail: &Received) -> (String, String, Vec<u8>) {
    let parsed = MessageParser::default().parse(&mail.data).unwrap();
    let text = parsed.body_text(0).unwrap().into_owned();
    let attached = parsed.attachment(0).unwrap();
    assert_eq!(attached.attachment_name(), Some("reply.eml"));
    let kind = attached.content_type().unwrap();
    let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap());
    // The bytes as they stand in the mail, since an attached message has no encoding of its own.
    let bytes = match kind.as_str() {
        "message/rfc822" => {
            let boundary = parsed.content_type().unwrap().attribute("boundary").unwrap();
            let end = memchr::memmem::find(&mail.data, format!("\r\n--{boundary}--").as_bytes()).unwrap();
            mail.data[attached.raw_body_offset() as usize..end].to_vec()
        }
        _ => attached.contents().to_vec(),
    };
    (text, kind, bytes)
}
