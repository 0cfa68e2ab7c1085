//! Which notice a reference means: a matter has several notices, and all of them may have its reference.

use jiff::Timestamp;
use uuid::Uuid;

use super::{State, Step};
use crate::domain::category::Category;

/// A notice with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// Its id.
    pub id: Uuid,
    /// Its category.
    pub category: Category,
    /// Its state.
    pub state: State,
    /// When it was released.
    pub released_at: Option<Timestamp>,
    /// Its recipients, once released.
    pub recipients: u64,
}

/// What a notice is named for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be read, followed or proved: a notice that has reached somebody is meant.
    Read,
    /// To take a step on it: a notice on which the step is possible is meant.
    Take(Step),
}

impl Purpose {
    /// How far a notice is from what is meant; 0 for what is meant.
    fn distance(self, bearer: &Bearer) -> u8 {
        let is_released = bearer.released_at.is_some();
        let is_stopped = matches!(bearer.state, State::Cancelled | State::Declined);
        match self {
            Self::Read => match (is_released, is_stopped) {
                (true, false) => 0,
                (true, true) => 1,
                (false, false) => 2,
                (false, true) => 3,
            },
            Self::Take(step) => {
                let after_release = matches!(step, Step::Pause | Step::Resume | Step::Cancel | Step::Close);
                match bearer.state.after(step) {
                    Some(_) if bearer.state != State::Declined => 0,
                    _ if is_stopped => 3,
                    _ if is_released == after_release => 1,
                    _ => 2,
                }
            }
        }
    }
}

/// The notice that a reference means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meant {
    /// No notice has the reference.
    None,
    /// One notice, and how many others have the reference.
    One {
        /// The notice.
        id: Uuid,
        /// The others.
        others: usize,
    },
    /// Several notices are meant equally: their ids.
    Several(Vec<Uuid>),
}

/// Returns which of the notices with a reference is meant.
#[must_use]
pub fn meant(bearers: &[Bearer], purpose: Purpose) -> Meant {
    let Some(least) = bearers.iter().map(|bearer| purpose.distance(bearer)).min() else { return Meant::None };
    let nearest = bearers.iter().filter(|bearer| purpose.distance(bearer) == least).map(|bearer| bearer.id);
    match nearest.collect::<Vec<_>>()[..] {
        [id] => Meant::One { id, others: bearers.len() - 1 },
        ref several => Meant::Several(several.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notices in these states, with the number of each as its id.
    fn bearers(states: &[(State, bool)]) -> Vec<Bearer> {
        let bearer = |(n, (state, released)): (u128, &(State, bool))| Bearer {
            id: Uuid::from_u128(n),
            category: Category::Maintenance,
            state: *state,
            released_at: released.then_some(Timestamp::UNIX_EPOCH),
            recipients: 0,
        };
        (0..).zip(states).map(bearer).collect()
    }

    fn found(states: &[(State, bool)], purpose: Purpose) -> Meant {
        meant(&bearers(states), purpose)
    }

    fn one(n: u128, others: usize) -> Meant {
        Meant::One { id: Uuid::from_u128(n), others }
    }

    #[test]
    fn what_is_read_or_followed_is_the_released_one() {
        let states =
            [(State::Draft, false), (State::Cancelled, false), (State::Closed, true), (State::Cancelled, true)];
        assert_eq!(found(&states, Purpose::Read), one(2, 3));
        assert_eq!(found(&states[..2], Purpose::Read), one(0, 1));
        assert_eq!(found(&states[1..2], Purpose::Read), one(0, 0));
        assert_eq!(found(&[], Purpose::Read), Meant::None);
        let both = [(State::Released, true), (State::Closed, true), (State::Draft, false)];
        assert_eq!(found(&both, Purpose::Read), Meant::Several(vec![Uuid::from_u128(0), Uuid::from_u128(1)]));
    }

    #[test]
    fn a_step_is_taken_on_the_one_that_is_ready_for_it() {
        let states = [(State::Released, true), (State::Approved, false), (State::Cancelled, false)];
        assert_eq!(found(&states, Purpose::Take(Step::Release)), one(1, 2));
        assert_eq!(found(&states, Purpose::Take(Step::Edit)), one(1, 2));
        assert_eq!(found(&states, Purpose::Take(Step::Submit)), one(1, 2), "it was submitted before");
        assert_eq!(found(&states, Purpose::Take(Step::Pause)), one(0, 2));
        // What ends a notice for good is not left to a guess.
        let both = Meant::Several(vec![Uuid::from_u128(0), Uuid::from_u128(1)]);
        assert_eq!(found(&states, Purpose::Take(Step::Cancel)), both);
        assert_eq!(found(&states[2..], Purpose::Take(Step::Cancel)), one(0, 0), "a step may be repeated");
    }
}
