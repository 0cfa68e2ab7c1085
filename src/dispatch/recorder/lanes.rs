//! Lanes: critical before normal before bulk, and who may take what.
//!
//! Some connections are reserved for the critical lane, so that a critical message never waits for a slow server to accept
//! a message of another lane. While nothing critical is due, one in [`FLOOR`] places goes to the bulk lane first: a stream of
//! billing and maintenance must not starve it.

use crate::domain::category::{Category, Lane};
use crate::domain::category_set::CategorySet;

/// The bulk lane has the first choice of one in this many places.
const FLOOR: usize = 10;

/// What a connection may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Seat {
    /// The critical lane only.
    Reserved,
    /// Any lane.
    Open,
}

impl Seat {
    /// The seats of a relay with this many connections that carries these categories. One in 32 is reserved, at least one; none
    /// if the relay has too few connections to spare one, or carries nothing critical.
    pub fn of(connections: u32, carried: CategorySet) -> impl Iterator<Item = (Self, u64)> {
        let critical = !carried.and(CategorySet::of_lane(Lane::Critical)).is_empty();
        let reserved = if connections < 4 || !critical { 0 } else { connections.div_ceil(32) };
        let numbered = |seat, count: u32| (0..u64::from(count)).map(move |index| (seat, index));
        numbered(Self::Reserved, reserved).chain(numbered(Self::Open, connections - reserved))
    }
}

/// How many deliveries could be claimed, as far as they were counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Due {
    of: [u64; Category::ALL.len()],
    /// Deliveries that are being sent.
    pub busy: u64,
}

impl Due {
    /// Adds deliveries of a category.
    pub fn add(&mut self, category: Category, count: u64) {
        self.of[category as usize] += count;
    }

    /// How many deliveries of these categories could be claimed.
    pub fn count(self, categories: CategorySet) -> u64 {
        categories.iter().map(|category| self.of[category as usize]).sum()
    }

    /// True if there is work for the seat with this number, of these categories: when there is little to do, the first seats do
    /// it. A seat that sends takes nothing else: the next one does.
    pub fn is_work_for(self, (seat, index): (Seat, u64), categories: CategorySet) -> bool {
        let due = match seat {
            Seat::Reserved => self.count(categories.and(CategorySet::of_lane(Lane::Critical))),
            Seat::Open => self.count(categories),
        };
        due > 0 && due + self.busy > index
    }
}

/// The minimum share of the bulk lane.
#[derive(Debug, Default)]
pub struct Floor {
    /// Places since the last one that was reserved for bulk.
    places: usize,
}

impl Floor {
    /// Starts with this many open places to fill.
    pub fn offer(&mut self, places: usize) {
        self.places += places;
    }

    /// How to fill this many open places once nothing critical is due: lane by lane, each with the most that it may
    /// take.
    pub fn order(&self, places: usize) -> [(Lane, usize); 3] {
        [(Lane::Bulk, self.places / FLOOR), (Lane::Normal, places), (Lane::Bulk, places)]
    }

    /// Records how many reserved places bulk took. What it did not take does not accumulate beyond one.
    pub fn took(&mut self, count: usize) {
        self.places = (self.places - count * FLOOR).min(FLOOR);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_connections_are_reserved_but_never_half_of_them() {
        let all = CategorySet::ALL;
        let reserved =
            |connections, carried| Seat::of(connections, carried).filter(|(seat, _)| *seat == Seat::Reserved).count();
        for (connections, expected) in [(1, 0), (3, 0), (4, 1), (8, 1), (32, 1), (33, 2), (64, 2)] {
            assert_eq!(reserved(connections, all), expected, "of {connections}");
            assert_eq!(Seat::of(connections, all).count(), connections as usize);
        }
        assert_eq!(reserved(8, CategorySet::of_lane(Lane::Bulk)), 0, "nothing critical goes through it");
    }

    #[test]
    fn a_reserved_connection_has_work_only_where_something_critical_is_due() {
        let (mut due, all) = (Due::default(), CategorySet::ALL);
        due.add(Category::Disruption, 1);
        due.add(Category::News, 2);
        assert!(due.is_work_for((Seat::Reserved, 0), all) && !due.is_work_for((Seat::Reserved, 1), all));
        assert!(due.is_work_for((Seat::Open, 2), all) && !due.is_work_for((Seat::Open, 3), all));
        due.busy = 1;
        assert!(due.is_work_for((Seat::Open, 3), all) && !due.is_work_for((Seat::Open, 4), all));
    }

    #[test]
    fn only_what_a_relay_takes_is_work_for_it() {
        let mut due = Due { busy: 7, ..Due::default() };
        due.add(Category::News, 2);
        let (bulk, normal) = (CategorySet::of_lane(Lane::Bulk), CategorySet::of_lane(Lane::Normal));
        assert!(due.is_work_for((Seat::Open, 0), bulk) && !due.is_work_for((Seat::Open, 0), normal));
        assert!(!due.is_work_for((Seat::Reserved, 0), bulk));
    }

    #[test]
    fn bulk_has_its_floor_and_saves_up_no_more_than_one() {
        let mut floor = Floor::default();
        let mut bulk = 0;
        for _ in 0..100 {
            floor.offer(4);
            let [(lane, first), ..] = floor.order(4);
            assert_eq!(lane, Lane::Bulk);
            bulk += first;
            floor.took(first);
        }
        assert_eq!(bulk, 400 / FLOOR);
        for _ in 0..100 {
            floor.offer(4);
            floor.took(0);
        }
        floor.offer(4);
        assert_eq!(floor.order(4)[0].1, 1);
    }
}
