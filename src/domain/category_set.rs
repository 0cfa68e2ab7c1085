//! Sets of categories: what a relay carries, what a worker may claim, what waits.

use crate::domain::category::{Category, Lane};

/// A set of categories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CategorySet(u16);

impl CategorySet {
    /// Every category.
    pub const ALL: Self = Self((1 << Category::ALL.len()) - 1);

    /// No category.
    pub const NONE: Self = Self(0);

    /// Every category of a lane.
    #[must_use]
    pub fn of_lane(lane: Lane) -> Self {
        Self::ALL.iter().filter(|category| category.lane() == lane).collect()
    }

    /// The set as a number.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// The set with this number.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// True if a category belongs to the set.
    #[must_use]
    pub const fn contains(self, category: Category) -> bool {
        self.0 & (1 << category as u16) != 0
    }

    /// True if nothing belongs to the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The categories of this set or of another.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The categories of this set that are in another too.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The categories of this set that are not in another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The categories of the set, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Category> {
        Category::ALL.iter().copied().filter(move |category| self.contains(*category))
    }

    /// The names of the categories: a lane by its name, if all of it belongs to the set.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let (mut names, mut rest) = (Vec::new(), self);
        for lane in Lane::ALL.iter().copied() {
            let of_lane = Self::of_lane(lane);
            if of_lane.without(self).is_empty() {
                names.push(format!("the {lane} lane"));
                rest = rest.without(of_lane);
            }
        }
        names.extend(rest.iter().map(|category| category.to_string()));
        names
    }
}

impl FromIterator<Category> for CategorySet {
    fn from_iter<T: IntoIterator<Item = Category>>(categories: T) -> Self {
        Self(categories.into_iter().fold(0, |bits, category| bits | (1 << category as u16)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_what_was_put_into_it() {
        let set: CategorySet = [Category::News, Category::Billing].into_iter().collect();
        assert!(set.contains(Category::News) && !set.contains(Category::Survey));
        assert_eq!(set.iter().collect::<Vec<_>>(), [Category::Billing, Category::News]);
        assert_eq!(set.or(CategorySet::ALL.without(set)), CategorySet::ALL);
        assert_eq!(Category::ALL.iter().copied().collect::<CategorySet>(), CategorySet::ALL);
        assert_eq!(CategorySet::from_bits(set.bits()), set);
        assert!(CategorySet::NONE.is_empty() && set.without(set).is_empty());
    }

    #[test]
    fn a_whole_lane_is_named_as_one() {
        let set: CategorySet = [Category::News, Category::Survey, Category::Billing].into_iter().collect();
        assert_eq!(set.names(), ["the bulk lane", "billing"]);
    }
}
