//! What is done with a form that was sent: it is checked, stored, or sent as a test mail. Whatever comes of it, the page has what was typed.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use uuid::Uuid;

use super::filled::Filled;
use super::page::{About, Theirs, draw};
use super::read::{self, refused};
use super::rows;
use super::sent::Sent;
use crate::app::{App, TestError};
use crate::console::cookies::set_flash;
use crate::console::form::Faults;
use crate::console::places::faults;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::right::Right;
use crate::notices::sample::Wanted;
use crate::notices::shown::Checking;
use crate::notices::{Draft, NoticeError};

/// Where a form is stored.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// As a new notice.
    New {
        /// The address of the form.
        path: &'static str,
    },
    /// In place of the content of this notice.
    Stored(Uuid),
}

impl Target {
    /// What the form is called under which what was typed is kept.
    pub fn kept_as(self, category: Category) -> String {
        match self {
            Self::New { .. } => format!("new:{category}"),
            Self::Stored(id) => format!("edit:{id}"),
        }
    }

    fn path(self) -> String {
        match self {
            Self::New { path } => path.to_owned(),
            Self::Stored(id) => format!("/notices/{id}/edit"),
        }
    }
}

/// Receives a form.
///
/// # Errors
/// What is no problem of the form.
pub async fn receive(app: &App, signed: &Signed, mut sent: Sent, target: Target) -> Result<Response, Refusal> {
    let category: Category =
        sent.filled.get("category").parse().map_err(|error: String| Refusal::new(Kind::Invalid, error))?;
    signed.actor.may(Right::Write, category)?;
    let (operator, kept_as) = (signed.operator.id, target.kept_as(category));
    match sent.filled.get("do") {
        "keep" => {
            let fields = sent.filled.iter().filter(|(name, _)| *name != "do");
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let is_kept = app.forms.keep(operator, &kept_as, &fields).await?;
            let status = if is_kept { StatusCode::NO_CONTENT } else { StatusCode::PAYLOAD_TOO_LARGE };
            return Ok(status.into_response());
        }
        "forget" => {
            app.forms.discard(operator, &kept_as).await?;
            let query =
                if matches!(target, Target::New { .. }) { format!("?category={category}") } else { String::new() };
            return Ok(Redirect::to(&format!("{}{query}", target.path())).into_response());
        }
        _ => {}
    }
    let rows = rows::meant(app, signed, &mut sent).await?;
    let zone = read::zone(&sent.filled, &signed.words);
    let read = read::draft(&sent.filled, category, &zone, rows);
    let form = Received { app, signed, category, target, filled: sent.filled };
    let draft = match read {
        Ok(draft) => draft,
        Err(problems) => return Ok(form.with(faults(&signed.words, &problems), About::default())),
    };
    match form.filled.get("do") {
        "check" => form.check(&draft).await,
        "test" => form.test(&draft).await,
        _ => form.store(&draft).await,
    }
}

/// A form that was received and can be shown again.
struct Received<'a> {
    app: &'a App,
    signed: &'a Signed,
    category: Category,
    target: Target,
    filled: Filled,
}

impl Received<'_> {
    /// The page with the form as it was sent.
    fn with(self, faults: Faults, about: About) -> Response {
        let about = About { path: self.target.path(), digest: self.filled.get("digest").to_owned(), ..about };
        draw(self.app, self.signed, (self.category, self.filled), (about, faults))
    }

    /// The page with what a service has refused.
    fn refused(self, draft: &Draft, error: NoticeError) -> Result<Response, Refusal> {
        let problems = refused(draft, error)?;
        let faults = faults(&self.signed.words, &problems);
        Ok(self.with(faults, About::default()))
    }

    async fn check(self, draft: &Draft) -> Result<Response, Refusal> {
        match self.app.notices.check(&self.signed.actor, draft).await {
            Ok(checked) => {
                let checked = Some(Checking::of(draft, &checked));
                Ok(self.with(Faults::default(), About { checked, ..About::default() }))
            }
            Err(error) => self.refused(draft, error),
        }
    }

    /// Sends a test mail to the operator's own address.
    async fn test(self, draft: &Draft) -> Result<Response, Refusal> {
        let words = &self.signed.words;
        let own = self.signed.operator.email.as_deref().and_then(|it| Address::parse(it).ok());
        let mut wrong = Faults::default();
        let Some(to) = own else {
            wrong.add("", words.say("console-write-test-no-address"));
            return Ok(self.with(wrong, About::default()));
        };
        let locale = self.filled.text("view.locale").and_then(|it| it.parse().ok());
        let wanted = Wanted { locale, ..Wanted::default() };
        match self.app.send_test(&self.signed.actor, draft, (&to, wanted)).await {
            Ok(taken) => {
                let values = [("address", to.to_string()), ("reply", taken.reply)];
                let said = Some(words.say_with("console-write-test-sent", &values));
                Ok(self.with(Faults::default(), About { said, ..About::default() }))
            }
            Err(TestError::Notice(error)) => self.refused(draft, error),
            Err(error) => {
                wrong.add("", error.to_string());
                Ok(self.with(wrong, About::default()))
            }
        }
    }

    async fn store(self, draft: &Draft) -> Result<Response, Refusal> {
        let (notices, actor) = (&self.app.notices, &self.signed.actor);
        let stored = match self.target {
            Target::New { .. } => notices.create(draft, actor).await,
            Target::Stored(id) => match self.read_digest() {
                Some(read) => notices.edit_read(id, Some(read), draft, actor).await.map(|notice| notice.id),
                None => Err(NoticeError::Changed),
            },
        };
        match (stored, self.target) {
            (Ok(id), _) => {
                let kept_as = self.target.kept_as(self.category);
                self.app.forms.discard(self.signed.operator.id, &kept_as).await?;
                Ok(self.stored(id))
            }
            (Err(NoticeError::Changed), Target::Stored(id)) => self.overtaken(id).await,
            (Err(error), _) => self.refused(draft, error),
        }
    }

    /// The digest of the content that was read: where it began, or the other's version that is to be replaced.
    fn read_digest(&self) -> Option<[u8; 32]> {
        let name = if self.filled.get("do") == "replace" { "theirs" } else { "digest" };
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(self.filled.get(name).as_bytes()).ok()?;
        bytes.try_into().ok()
    }

    fn stored(&self, id: Uuid) -> Response {
        let submits = self.filled.get("do") == "submit";
        let to = if submits { format!("/notices/{id}/submit") } else { format!("/notices/{id}") };
        let mut response = Redirect::to(&to).into_response();
        set_flash(self.app, &mut response, "console-write-saved");
        response
    }

    /// The page for somebody whose colleague stored another version first. Nothing that was typed is lost.
    async fn overtaken(self, id: Uuid) -> Result<Response, Refusal> {
        let notice = self.app.notices.find(&self.signed.actor, id).await?;
        let theirs = Theirs { by: notice.author.clone(), digest: data_encoding::HEXLOWER.encode(&notice.digest) };
        let mut wrong = Faults::default();
        let values = [("name", theirs.by.clone())];
        wrong.add("", self.signed.words.say_with("console-write-overtaken", &values));
        Ok(self.with(wrong, About { theirs: Some(theirs), ..About::default() }))
    }
}
