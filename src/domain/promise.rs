//! Promises: when customers are to hear of a matter again. A disruption has the time of its next update, a maintenance the end of its
//! window, a breach the stages of the law.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use crate::domain::clock::{from_millis, millis};
use crate::domain::matter::{Member, Progress, Said};
use crate::domain::words::words;

/// What was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PromiseKind {
    /// The next update of a disruption, at the time that the last one named.
    Update,
    /// That a maintenance is done, by the end of its window.
    Completion,
    /// The next information about a breach, at a stage that the configuration names.
    Stage,
}

words!(PromiseKind, "a kind of promise", {
    Update => "update",
    Completion => "completion",
    Stage => "stage",
});

/// How far a promise is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its time is still to come, and it is not kept.
    Open,
    /// Its time has passed, and it is not kept.
    Overdue,
    /// A notice kept it, or replaced it by another one.
    Kept,
    /// A person settled it with a note.
    Settled,
}

words!(State, "a state of a promise", {
    Open => "open",
    Overdue => "overdue",
    Kept => "kept",
    Settled => "settled",
});

impl State {
    /// True if customers still wait.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::Overdue)
    }
}

/// When a person is warned: some time before, but not before the promise was made.
#[must_use]
pub fn warn_at(due_at: Timestamp, before: Duration, made_at: Timestamp) -> Timestamp {
    let before = SignedDuration::from_millis(millis(before));
    due_at.checked_sub(before).unwrap_or(due_at).max(made_at).min(due_at)
}

/// The times of the stages of a breach.
#[must_use]
pub fn stages(discovered_at: Timestamp, stages: &[Duration]) -> Vec<Timestamp> {
    let at = |stage: &Duration| from_millis(discovered_at.as_millisecond().saturating_add(millis(*stage)));
    stages.iter().map(at).collect()
}

/// A promise of a matter, as the notices that speak for it make and keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    /// What was promised.
    pub kind: PromiseKind,
    /// By when.
    pub due_at: Timestamp,
    /// The notice that promised it first.
    pub notice_id: Uuid,
    /// True if a later notice kept it, or replaced it by another one.
    pub is_kept: bool,
}

/// All that the notices that speak for a matter promise, in the order of their release. `stages` are the times of the stages of a breach,
/// in their order, and `warning` is how long before its time a stage is near.
#[must_use]
pub fn of_matter(speaking: &[Member], stages: &[Timestamp], warning: Duration) -> Vec<Made> {
    let mut all: BTreeMap<(PromiseKind, Timestamp), Made> = BTreeMap::new();
    for member in speaking {
        let own = promised(&member.said);
        all.values_mut().filter(|made| own != Some((made.kind, made.due_at))).for_each(|made| made.is_kept = true);
        if let Some((kind, due_at)) = own {
            let made = Made { kind, due_at, notice_id: member.id, is_kept: false };
            let before = all.entry((kind, due_at)).or_insert(made);
            if before.is_kept {
                *before = made;
            }
        }
    }
    let Some(first) = speaking.first() else { return Vec::new() };
    let staged = stages.iter().enumerate().map(|(place, due_at)| {
        let keeps = |(n, member): (usize, &Member)| keeps_stage(member, n == 0, (place, stages), warning);
        let is_kept = speaking.iter().enumerate().any(keeps);
        Made { kind: PromiseKind::Stage, due_at: *due_at, notice_id: first.id, is_kept }
    });
    let mut made: Vec<Made> = all.values().copied().chain(staged).collect();
    made.sort_by_key(|made| (made.due_at, made.kind));
    made
}

/// What a notice promises itself, beside the stages of a breach.
fn promised(said: &Said) -> Option<(PromiseKind, Timestamp)> {
    match said.progress? {
        end if end.is_end() => None,
        Progress::Status(_) => said.next_update_at.map(|at| (PromiseKind::Update, at)),
        Progress::Phase(_) => said.window.map(|(_, end)| (PromiseKind::Completion, end)),
        Progress::Stage(_) => None,
    }
}

/// True if a notice about a breach keeps a stage: one that has passed or is near. The first notice keeps the first stage, however early it
/// is. The last of several stages is the final report, which only the last notice gives; that one keeps all.
fn keeps_stage(member: &Member, is_first: bool, (place, stages): (usize, &[Timestamp]), warning: Duration) -> bool {
    let is_final = stages.len() > 1 && place + 1 == stages.len();
    let is_near = || {
        let near = stages[place].checked_sub(SignedDuration::from_millis(millis(warning))).unwrap_or(Timestamp::MIN);
        member.released_at.is_some_and(|at| at >= near)
    };
    member.said.progress.is_some_and(Progress::is_end) || !is_final && (is_first && place == 0 || is_near())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::{IncidentStatus, Stage};

    fn hour(hours: i64) -> Timestamp {
        from_millis(hours * 3_600_000)
    }

    fn member(n: u128, at: i64, progress: Progress) -> Member {
        Member {
            id: Uuid::from_u128(n),
            category: progress.category(),
            sequence: None,
            released_at: Some(hour(at)),
            said: Said { progress: Some(progress), ..Said::default() },
            speaks: true,
        }
    }

    /// The times of the stages that are kept after notices at these times, in hours.
    fn kept(notices: &[(i64, Stage)]) -> Vec<i64> {
        let all: Vec<Member> = notices.iter().map(|(at, stage)| member(1, *at, Progress::Stage(*stage))).collect();
        let made = of_matter(&all, &[hour(24), hour(72), hour(720)], Duration::from_secs(4 * 3600));
        made.iter().filter(|made| made.is_kept).map(|made| made.due_at.as_second() / 3600).collect()
    }

    #[test]
    fn a_notice_about_a_breach_keeps_what_has_passed_or_is_near_and_only_the_last_one_the_final_report() {
        use Stage::{Confirmed, Final, Update};
        assert_eq!(kept(&[(2, Confirmed)]), [24]);
        assert_eq!(kept(&[(2, Confirmed), (5, Update), (8, Update)]), [24]);
        assert_eq!(kept(&[(2, Confirmed), (68, Update)]), [24, 72]);
        assert_eq!(kept(&[(80, Confirmed)]), [24, 72]);
        assert_eq!(kept(&[(2, Confirmed), (800, Update)]), [24, 72]);
        assert_eq!(kept(&[(2, Confirmed), (80, Final)]), [24, 72, 720]);
        assert!(kept(&[]).is_empty());
    }

    #[test]
    fn a_promise_is_kept_by_the_next_notice_and_made_again_by_one_that_names_its_time_again() {
        let update = |n, at, due: Option<i64>| {
            let mut member = member(n, at, Progress::Status(IncidentStatus::Identified));
            member.said.next_update_at = due.map(hour);
            member
        };
        let made = |all: &[Member]| {
            let made = of_matter(all, &[], Duration::ZERO);
            made.iter().map(|it| (it.due_at.as_second() / 3600, it.notice_id.as_u128(), it.is_kept)).collect::<Vec<_>>()
        };
        let (one, two, three) = (update(1, 0, Some(5)), update(2, 1, Some(7)), update(3, 2, Some(5)));
        assert_eq!(made(&[one, two]), [(5, 1, true), (7, 2, false)]);
        assert_eq!(made(&[one]), [(5, 1, false)], "as if the second had not been");
        assert_eq!(made(&[one, two, three]), [(5, 3, false), (7, 2, true)]);
        assert_eq!(made(&[one, update(4, 1, Some(5))]), [(5, 1, false)], "the same promise");
    }

    #[test]
    fn a_warning_comes_before_the_time_and_not_before_the_promise() {
        let at = |minutes: i64| from_millis(minutes * 60_000);
        let quarter = Duration::from_secs(15 * 60);
        assert_eq!(warn_at(at(60), quarter, at(0)), at(45));
        assert_eq!(warn_at(at(60), quarter, at(50)), at(50));
        assert_eq!(warn_at(at(60), quarter, at(70)), at(60));
    }
}
