//! What is done with a form that was sent: it is checked, stored, or sent as a test mail. Whatever comes of it, the page has what was typed.

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use uuid::Uuid;

use super::begun;
use super::filled::Filled;
use super::page::{About, Theirs, draw};
use super::read::{self, refused};
use super::rows;
use super::sent::Sent;
use crate::app::{App, StoreError, TestError};
use crate::console::cookies::set_flash;
use crate::console::form::Faults;
use crate::console::once::{self, Once};
use crate::console::places::faults;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::kind::Kind;
use crate::domain::right::Right;
use crate::notices::sample::Wanted;
use crate::notices::shown::Checking;
use crate::notices::{Draft, NoticeError};
use crate::operators::forms::Keeping;

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
    /// The name under which a form is kept.
    fn kept_as(self, category: Category, filled: &Filled) -> String {
        let form = filled.get(once::FORM);
        match self {
            Self::New { .. } => format!("{}{form}", begun::of_new(category, Some(filled.get(begun::FROM)))),
            Self::Stored(id) => format!("{}{form}", begun::of_edit(id)),
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
        sent.filled.get("category").parse().map_err(|error: String| Refusal::english(Kind::Invalid, error))?;
    signed.actor.may(Right::Write, category)?;
    match sent.filled.get("do") {
        "keep" => {
            let status = match keep(app, signed, &sent.filled, &target.kept_as(category, &sent.filled)).await? {
                Keeping::Kept | Keeping::Sent => StatusCode::NO_CONTENT,
                Keeping::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            };
            return Ok(status.into_response());
        }
        "forget" => {
            app.forms.discard(signed.operator.id, sent.filled.get(begun::KEPT)).await?;
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

/// Keeps what was typed so far, unless the form was sent.
async fn keep(app: &App, signed: &Signed, filled: &Filled, kept_as: &str) -> Result<Keeping, Refusal> {
    let fields = filled.iter().filter(|(name, _)| *name != "do");
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let sent_as = once::request(app, signed, filled.get(once::FORM));
    Ok(app.forms.keep(signed.operator.id, kept_as, &fields, sent_as.as_ref()).await?)
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
        let problems = refused(&self.signed.words, draft, error)?;
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

    /// Stores the form, once however often it comes.
    async fn store(self, draft: &Draft) -> Result<Response, Refusal> {
        // Twice: the same form may be stored by another node between the two steps.
        for _ in 0..2 {
            let (actor, _running) = match once::begin(self.app, self.signed, self.filled.get(once::FORM)).await? {
                Once::New(actor, running) => (actor, running),
                Once::Done(before) => return self.stored_before(draft, before).await,
            };
            match (self.write(draft, &actor).await, self.target) {
                (Err(NoticeError::Store(StoreError::Repeated)), _) => {}
                (Ok(id), _) => {
                    self.forget().await;
                    return Ok(self.stored(id));
                }
                (Err(NoticeError::Changed), Target::Stored(id)) => return self.overtaken(id).await,
                (Err(error), Target::Stored(id)) if error.kind() == Kind::Conflict => {
                    return self.too_late(id, error).await;
                }
                (Err(error), _) => return self.refused(draft, error),
            }
        }
        Err(Refusal::new(Kind::Later, ""))
    }

    async fn write(&self, draft: &Draft, actor: &Actor) -> Result<Uuid, NoticeError> {
        let notices = &self.app.notices;
        match self.target {
            Target::New { .. } => notices.create(draft, actor).await,
            Target::Stored(id) => match self.read_digest() {
                Some(read) => notices.edit_read(id, Some(read), draft, actor).await.map(|notice| notice.id),
                None => Err(NoticeError::Changed),
            },
        }
    }

    /// Deletes what was kept of the form. The notice is stored whatever comes of this.
    async fn forget(&self) {
        for name in [&self.target.kept_as(self.category, &self.filled), self.filled.get(begun::KEPT)] {
            if let Err(error) = self.app.forms.discard(self.signed.operator.id, name).await {
                tracing::warn!(error = error.for_logs(), "a form that was sent is still kept as begun");
            }
        }
    }

    /// The answer to a form that was stored before. What was typed since then is shown as the next version.
    async fn stored_before(mut self, draft: &Draft, id: Option<Uuid>) -> Result<Response, Refusal> {
        let Some(id) = id else { return Ok(Redirect::to("/notices").into_response()) };
        let notice = self.app.notices.find(&self.signed.actor, id).await?;
        if notice.digest == draft.digest {
            self.forget().await;
            return Ok(self.stored(id));
        }
        self.target = Target::Stored(id);
        self.filled.set("notice", id.to_string());
        self.filled.set(once::FORM, once::id(self.app));
        // Somebody else has stored another version since: what was read stays what it was.
        if !self.signed.actor.is_named(&notice.author) {
            return self.overtaken(id).await;
        }
        self.filled.set("digest", data_encoding::HEXLOWER.encode(&notice.digest));
        let said = Some(self.signed.words.say("console-write-saved-before"));
        Ok(self.with(Faults::default(), About { said, ..About::default() }))
    }

    /// Keeps the form of a notice that cannot be edited any more; the page of the form says what can be done with it.
    async fn too_late(self, id: Uuid, error: NoticeError) -> Result<Response, Refusal> {
        let kept_as = self.target.kept_as(self.category, &self.filled);
        match keep(self.app, self.signed, &self.filled, &kept_as).await? {
            Keeping::Kept => Ok(Redirect::to(&format!("/notices/{id}/edit")).into_response()),
            Keeping::Sent | Keeping::TooLarge => Err(error.into()),
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
