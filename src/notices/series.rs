//! Series of maintenances: a dispatcher makes a draft for each window ahead of its time, and a person gets a task to submit it. A draft
//! is released by the same steps as any other.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::{Draft, NoticeError, Notices, find};
use crate::domain::actor::Actor;
use crate::domain::clock::shown;
use crate::domain::matter::next::of_series;
use crate::domain::notice::Step;
use crate::domain::schedule::instant;
use crate::domain::schedule::series::MAKER;
use crate::domain::task::TaskKind;
use crate::store::notices::series::{self, Next, Series};
use crate::store::notices::{self as kept, Kept};
use crate::store::tasks::{self, NewTask};
use crate::store::{Conn, StoreError};

/// Series that are looked at in one round.
const AT_ONCE: u32 = 20;

/// How long one that this version cannot read rests.
const REST: SignedDuration = SignedDuration::from_hours(1);

/// A series as a notice of it shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = notice::Series)]
pub struct Recurring {
    /// The notice that it began with.
    pub id: Uuid,
    /// The last released notice of it: what the next draft is copied from.
    pub notice: Uuid,
    /// The start of the next window that has no draft yet; none once the series is over.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub next_start: Option<Timestamp>,
    /// When its draft is made.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub draft_at: Option<Timestamp>,
}

impl From<Series> for Recurring {
    fn from(Series { id, notice_id, next }: Series) -> Self {
        let (next_start, draft_at) = (next.map(|next| next.start), next.map(|next| next.look_at));
        Self { id, notice: notice_id, next_start, draft_at }
    }
}

impl Notices {
    /// Makes some of the drafts that are due. Returns true if there were any: there may be more.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn draft_ahead(&self) -> Result<bool, NoticeError> {
        let due = series::due(&mut *self.context.store.read().await?, self.context.clock.now(), AT_ONCE).await?;
        let worked = !due.is_empty();
        for series in due {
            match Box::pin(self.make_draft(&series)).await {
                // One that this version cannot read must not stop all others.
                Err(error) if !error.may_pass() => {
                    self.rest(&series).await?;
                    tracing::warn!(notice = %series.notice_id, why = error.for_logs(), "a series has no draft: retrying in an hour");
                }
                done => done?,
            }
        }
        Ok(worked)
    }

    async fn rest(&self, series: &Series) -> Result<(), StoreError> {
        let look_at = self.context.clock.now().checked_add(REST).unwrap_or(Timestamp::MAX);
        let mut tx = self.context.store.write().await?;
        let later = series.next.map(|next| Next { look_at, ..next });
        series::advance(&mut tx, series, series.notice_id, later).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Makes the draft of the next window, and moves the series on: one transaction, so that there is one draft for each window.
    async fn make_draft(&self, series: &Series) -> Result<(), NoticeError> {
        let Some(next) = series.next else { return Ok(()) };
        let (now, actor) = (self.context.clock.now(), Actor::system(MAKER));
        let last = find(&mut *self.context.store.read().await?, series.notice_id).await?;
        let zone = self.context.config.organisation.default_time_zone.time_zone();
        let rule = last.parsed()?.schedule.series;
        let following = rule.and_then(|rule| rule.next(next.start, &zone)).map(|start| self.planned(start));
        let (Some((start, end)), false) = (last.said.window, next.start <= now) else {
            return self.skip(series, following).await;
        };
        let end = same_end((start, end), next.start, &zone);
        let draft = Draft::of(&of_series(&last.source, (next.start, end), &zone)?, None)?;
        let subject = self.subject(&draft.notice)?;
        let id = self.context.random.id(now);
        let mut tx = self.context.store.write().await?;
        if !series::advance(&mut tx, series, series.notice_id, following).await? {
            return Ok(());
        }
        kept::insert(&mut tx, id, now, &draft.written(&subject, None, actor.name(), &zone)).await?;
        series::add(&mut tx, series.id, id, next.start).await?;
        let notice = find(&mut tx, id).await?;
        let reason = format!("by the series of the notice {}", last.id);
        self.record(&mut tx, &notice, Step::Create, &actor, Some(&reason)).await?;
        self.ask_for_submission(&mut tx, &notice, next.start).await?;
        tx.commit().await?;
        tracing::info!(draft = %id, notice = %last.id, window_start = shown(next.start), "made the draft of a series");
        Ok(())
    }

    /// When the draft of a window is made.
    fn planned(&self, start: Timestamp) -> Next {
        Next::before(start, self.context.config.draft_ahead())
    }

    /// Leaves a window out that began while no dispatcher ran.
    async fn skip(&self, series: &Series, following: Option<Next>) -> Result<(), NoticeError> {
        let mut tx = self.context.store.write().await?;
        let skipped = series::advance(&mut tx, series, series.notice_id, following).await?;
        tx.commit().await?;
        if let (true, Some(next)) = (skipped, series.next) {
            let window_start = shown(next.start);
            tracing::warn!(notice = %series.notice_id, window_start, "a window of a series has no draft: it has begun");
        }
        Ok(())
    }

    async fn ask_for_submission(&self, conn: &mut Conn, draft: &Kept, start: Timestamp) -> Result<(), StoreError> {
        let least = self.context.config.lead_time(draft.category, None).unwrap_or_default();
        let deadline = Next::before(start, least).look_at;
        let reason = format!(
            "the draft for the window at {} waits: read it, add its reference, and submit it, or cancel it",
            shown(start)
        );
        let now = self.context.clock.now();
        let task = NewTask {
            id: self.context.random.id(now),
            kind: TaskKind::Draft,
            notice_id: Some(draft.id),
            account_id: None,
            delivery_id: None,
            inbound_id: None,
            reason: &reason,
            at: now,
            deadline: Some(deadline),
        };
        tasks::open(conn, &task).await.map(drop)
    }
}

/// The end of a window that begins at another time: the same time of day, as many days later. Where the clock changes in between, the window
/// is an hour shorter or longer.
fn same_end((start, end): (Timestamp, Timestamp), next: Timestamp, zone: &TimeZone) -> Timestamp {
    let local = |at: Timestamp| zone.to_datetime(at);
    let days = local(end).date().duration_since(local(start).date());
    let day = local(next).date().checked_add(days);
    match day.map(|day| instant(day.to_datetime(local(end).time()), zone)) {
        Ok(end) if end > next => end,
        _ => next.checked_add(end.duration_since(start)).unwrap_or(Timestamp::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_at_its_time_of_day_although_the_clock_changes() {
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let end = |from: (&str, &str), next: &str| same_end((at(from.0), at(from.1)), at(next), &zone).to_string();
        let february = ("2027-02-28T01:00:00+01:00", "2027-02-28T05:00:00+01:00");
        assert_eq!(end(february, "2027-03-28T01:00:00+01:00"), "2027-03-28T03:00:00Z", "05:00 in summer time");
        let march = ("2027-03-28T01:00:00+01:00", "2027-03-28T05:00:00+02:00");
        assert_eq!(end(march, "2027-04-25T01:00:00+02:00"), "2027-04-25T03:00:00Z");
        assert_eq!(
            end(("2027-01-30T22:00:00+01:00", "2027-02-01T02:00:00+01:00"), "2027-03-27T22:00:00+01:00"),
            "2027-03-29T00:00:00Z"
        );
    }
}
