//! The page of one notice: what it is, how it stands, what can be done, and who did what.

use askama::Template;
use axum::Router;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use axum::routing::get;
use jiff::Timestamp;

use super::{asked, id_of, way};
use crate::app::App;
use crate::console::frame::{Frame, Place, page};
use crate::console::mail;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::console::tones;
use crate::console::words::Words;
use crate::coverage::{Counted, Status, Totals};
use crate::domain::actor::Actor;
use crate::domain::audience::Audience;
use crate::domain::delivery::State as DeliveryState;
use crate::domain::notice::writers::REFUSED;
use crate::domain::notice::{Notice, State as NoticeState, Step};
use crate::domain::prints::Changed;
use crate::domain::right::Right;
use crate::notices::shown::Brief;
use crate::notices::{Done, Escalated, Glance, Kept};

/// The routes.
pub fn routes() -> Router<App> {
    Router::new().route("/notices/{id}", get(show))
}

/// Recipients up to which the customers are counted each time that the page is opened: it takes some milliseconds.
const COUNTED: u64 = 2000;

#[derive(Template)]
#[template(path = "console/notices/show.html")]
struct Page {
    frame: Frame,
    brief: Brief,
    digest: String,
    source: String,
    whom: String,
    languages: Vec<String>,
    status: Status,
    /// When the next delivery is due that is not due yet.
    next_due: Option<Timestamp>,
    totals: Option<Totals>,
    /// When they were counted, if that is not now.
    counted_at: Option<Timestamp>,
    /// They are being counted.
    is_counting: bool,
    steps: Vec<Done>,
    offered: Vec<Step>,
    escalation: Option<Escalated>,
    changed: Option<Changed>,
    /// Its recipients may be others than at the approval: that is compared on request.
    may_have_changed: bool,
    /// What whoever decides about it should know of its legal clock.
    lateness: Vec<String>,
    paused: bool,
    is_writer: bool,
    may: May,
}

/// What the page links to, beside the steps.
struct May {
    edit: bool,
    follow: bool,
    copy: bool,
    preview: bool,
    evidence: bool,
    attest: bool,
}

impl Page {
    /// The deliveries by state, without the states that none is in.
    fn counts(&self) -> impl Iterator<Item = (&DeliveryState, &u64)> {
        self.status.counts.iter().filter(|(_, count)| **count > 0)
    }

    /// How many deliveries have no outcome yet.
    fn waiting(&self) -> u64 {
        [DeliveryState::Queued, DeliveryState::Deferred].iter().filter_map(|it| self.status.counts.get(it)).sum()
    }

    fn is_released(&self) -> bool {
        self.brief.released_at.is_some()
    }

    /// The sentence about what it waits for.
    fn waits(&self) -> String {
        let words = &self.frame.words;
        let key = match self.brief.state {
            NoticeState::Submitted if self.is_writer => "submitted-own".to_owned(),
            NoticeState::Approved if self.brief.overdue => "overdue".to_owned(),
            NoticeState::Released if self.paused => "paused".to_owned(),
            state => state.to_string(),
        };
        words.say(&format!("console-notice-waits-{key}"))
    }

    /// The step that was taken, or that it was refused.
    fn taken(&self, done: &Done) -> String {
        let refused = done.reason.as_deref().is_some_and(|reason| reason.starts_with(REFUSED));
        let key = if refused { "console-step-refused" } else { "console-step-done" };
        self.frame.words.word(key, done.step)
    }

    /// The parts of the bar of the coverage: class, begin and width in thousandths.
    fn bar(&self) -> Vec<(&'static str, u64, u64)> {
        let Some(totals) = self.totals else { return Vec::new() };
        let parts = [
            ("good", totals.informed),
            ("busy", totals.pending),
            ("bad", totals.not_informed - totals.cannot_be),
            ("none", totals.cannot_be),
        ];
        let whole = totals.customers.max(1);
        let (mut begin, mut before) = (0, 0);
        let part = |(class, count): (&'static str, u64)| {
            before += count;
            let end = before.saturating_mul(1000) / whole;
            let part = (class, begin, end - begin);
            begin = end;
            part
        };
        parts.into_iter().map(part).collect()
    }

    fn reason<'a>(&self, done: &'a Done) -> &'a str {
        let reason = done.reason.as_deref().unwrap_or_default();
        reason.strip_prefix(REFUSED).unwrap_or(reason)
    }
}

async fn show(
    State(app): State<App>,
    signed: Signed,
    Path(id): Path<String>,
    query: RawQuery,
) -> Result<Response, Refusal> {
    let (id, asked) = (id_of(&id)?, asked(query));
    let (actor, name) = (&signed.actor, id.to_string());
    let (notice, steps) = app.notices.show(actor, &name).await?;
    let status = app.coverage.status(actor, &name).await?;
    // A large audience is compared when that is asked for: the page is opened often.
    let glance = if asked.has("compare") {
        app.notices.changed_since_approval(&notice).await?.map_or(Glance::Same, Glance::Changed)
    } else {
        app.notices.glance(&notice).await?
    };
    let changed = if let Glance::Changed(changed) = glance { Some(changed) } else { None };
    let count = count(&app, actor, &notice, asked.has("count")).await?;
    let next_due = if notice.state == NoticeState::Released { app.notices.next_due(id).await? } else { None };
    let is_large = notice.recipients > COUNTED;
    let parsed = notice.parsed().ok();
    let brief = Brief::of(&notice, app.context.clock.now());
    Ok(page(&Page {
        frame: signed.frame(Place::Notices, brief.subject.clone()),
        digest: data_encoding::HEXLOWER.encode(&notice.digest),
        source: notice.source.clone(),
        whom: parsed.as_ref().map(|it| whom(&signed.words, it)).unwrap_or_default(),
        languages: languages(&app, parsed.as_ref()),
        status,
        next_due,
        is_counting: count == Some(Counted::Counting),
        totals: if let Some(Counted::Done(_, totals)) = count { Some(totals) } else { None },
        counted_at: if let Some(Counted::Done(at, _)) = count { Some(at).filter(|_| is_large) } else { None },
        offered: way::offered(&notice, &steps, actor, changed.is_some()),
        escalation: escalation(&app, &notice),
        changed,
        may_have_changed: glance == Glance::Unknown,
        lateness: lateness(&app, &notice),
        paused: notice.is_paused(),
        is_writer: way::is_writer(&steps, actor),
        may: may(&signed, &notice),
        brief,
        steps,
    }))
}

/// How many are informed: at once of a small notice, of a large one if that is asked for.
async fn count(app: &App, actor: &Actor, notice: &Kept, asked: bool) -> Result<Option<Counted>, Refusal> {
    let name = notice.id.to_string();
    Ok(match (notice.released_at, notice.recipients <= COUNTED) {
        (None, _) => None,
        (Some(at), true) => Some(Counted::Done(at, app.coverage.totals(actor, &name).await?)),
        (Some(_), false) if asked => Some(app.coverage.counted(actor, &name).await?),
        (Some(_), false) => None,
    })
}

fn may(signed: &Signed, notice: &Kept) -> May {
    let (actor, category) = (&signed.actor, notice.category);
    let writes = actor.may(Right::Write, category).is_ok();
    let is_released = notice.released_at.is_some();
    May {
        edit: writes && notice.state.after(Step::Edit).is_some(),
        follow: writes && is_released,
        copy: writes,
        preview: crate::notices::may_prepare(actor, category).is_ok(),
        evidence: is_released && actor.has(Right::Evidence),
        attest: is_released && actor.may(Right::Attest, category).is_ok(),
    }
}

/// What whoever decides about it should know of its legal clock.
pub(super) fn lateness(app: &App, notice: &Kept) -> Vec<String> {
    if notice.released_at.is_some() {
        return Vec::new();
    }
    app.notices.lateness(notice).0.into_iter().map(|it| it.problem).collect()
}

/// What happens to customers who are not informed, as long as something is sent.
fn escalation(app: &App, notice: &Kept) -> Option<Escalated> {
    let ended = matches!(notice.state, NoticeState::Cancelled | NoticeState::Declined);
    Escalated::of(&app.context.config, notice.category).filter(|_| !ended)
}

/// The languages that it is written in.
pub fn languages(app: &App, notice: Option<&Notice>) -> Vec<String> {
    let default = app.context.config.organisation.default_locale.as_str();
    let editions = notice.into_iter().flat_map(|it| &it.editions);
    editions.map(|it| it.locale.as_ref().map_or(default, |locale| locale.as_str()).to_owned()).collect()
}

/// Whom it goes to, in words.
pub(super) fn whom(words: &Words, notice: &Notice) -> String {
    let mut parts = Vec::new();
    match &notice.audience {
        Audience::All { .. } => parts.push(words.say("console-whom-all")),
        Audience::Rows { .. } => parts.push(words.say("console-whom-rows")),
        Audience::Nobody => parts.push(words.say("console-whom-nobody")),
        Audience::Followed { .. } => parts.push(words.say("console-whom-followed")),
        Audience::Select { customers, attributes, .. } => {
            if !customers.is_empty() {
                parts.push(words.counted("console-whom-named", customers.len() as u64));
            }
            for (name, values) in attributes {
                parts.push(format!("{name}: {}", values.join(", ")));
            }
        }
    }
    parts.join("; ")
}
