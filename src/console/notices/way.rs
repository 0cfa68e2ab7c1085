//! What can be done with a notice now: the steps that its state allows and the actor's roles permit, the next one first.

use crate::domain::actor::Actor;
use crate::domain::notice::writers::has_written;
use crate::domain::notice::{Standing, State, Step};
use crate::notices::{Done, Kept};

/// Steps with a page of their own, in the order in which they are offered.
pub const STEPS: [Step; 8] =
    [Step::Submit, Step::Approve, Step::Release, Step::Resume, Step::Pause, Step::Close, Step::Decline, Step::Cancel];

/// The steps that are offered. The services decide: this only leaves out what they would refuse.
#[must_use]
pub fn offered(notice: &Kept, steps: &[Done], actor: &Actor, has_changed: bool) -> Vec<Step> {
    let is_allowed = |step: &Step| actor.may(step.needs(), notice.category).is_ok();
    let is_useful = |step: &Step| match step {
        // Who would receive it has changed since: a second person decides again.
        Step::Approve if notice.state == State::Approved => has_changed && !is_writer(steps, actor),
        Step::Approve => notice.state == State::Submitted && !is_writer(steps, actor),
        Step::Release => matches!(notice.state, State::Approved | State::Scheduled),
        Step::Pause => notice.state == State::Released && !notice.is_paused(),
        Step::Resume => notice.is_paused(),
        Step::Close => notice.state == State::Released && notice.standing == Some(Standing::Open),
        step => notice.state.after(*step).is_some(),
    };
    STEPS.into_iter().filter(is_useful).filter(is_allowed).collect()
}

/// True if the actor wrote it, and so is no second person.
#[must_use]
pub fn is_writer(steps: &[Done], actor: &Actor) -> bool {
    has_written(actor.name(), &steps.iter().map(Done::taken).collect::<Vec<_>>())
}
