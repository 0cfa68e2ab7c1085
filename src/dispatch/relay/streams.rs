//! Streams: which relay takes which categories now.
//!
//! A relay takes deliveries of the categories that it carries, as long as every relay before it that carries the same category
//! is unhealthy. Nothing opens the way for a category through a relay that does not carry it.

use std::sync::Arc;

use crate::config::Config;
use crate::dispatch::relay::{Relay, Trouble};
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;

/// The relays of every category.
pub struct Streams {
    /// All relays, in the order of the configuration.
    all: Vec<Arc<Relay>>,
    /// The relays of each category, in the order they are tried.
    of: Vec<Vec<Arc<Relay>>>,
}

impl Streams {
    /// The streams of these relays, which are those of the configuration.
    pub fn new(config: &Config, all: &[Arc<Relay>]) -> Self {
        let relay = |name: &str| all.iter().find(|relay| relay.config.name == name).cloned();
        let of = |category: &Category| config.relays_of(*category).filter_map(|it| relay(&it.name)).collect();
        Self { all: all.to_vec(), of: Category::ALL.iter().map(of).collect() }
    }

    /// The relays that carry a category, in the order they are tried.
    pub fn of(&self, category: Category) -> &[Arc<Relay>] {
        &self.of[category as usize]
    }

    /// The relays that carry a category, but for one.
    pub fn others<'a>(&'a self, relay: &'a Relay, category: Category) -> impl Iterator<Item = &'a Arc<Relay>> {
        self.of(category).iter().filter(|other| other.config.name != relay.config.name)
    }

    /// The categories that a relay carries.
    pub fn carried(&self, relay: &Relay) -> CategorySet {
        let carries = |category: &Category| self.of(*category).iter().any(|it| it.config.name == relay.config.name);
        Category::ALL.iter().copied().filter(carries).collect()
    }

    /// The categories that go through the same relays as this one.
    pub fn along(&self, category: Category) -> CategorySet {
        let same = |other: &Category| {
            let (ours, theirs) = (self.of(category), self.of(*other));
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| Arc::ptr_eq(ours, theirs))
        };
        Category::ALL.iter().copied().filter(same).collect()
    }

    /// The categories of which every relay is so.
    pub fn whose_relays_all(&self, is_so: impl Fn(&Relay) -> bool) -> CategorySet {
        let all = |category: &Category| self.of(*category).iter().all(|relay| is_so(relay));
        Category::ALL.iter().copied().filter(all).collect()
    }

    /// What keeps deliveries of these categories from being sent, by the name of the relay.
    pub fn objections(&self, categories: CategorySet) -> Vec<(String, Trouble)> {
        let carries =
            |relay: &Arc<Relay>| categories.iter().any(|it| self.of(it).iter().any(|other| Arc::ptr_eq(other, relay)));
        let relays = self.all.iter().filter(|relay| carries(relay));
        relays.filter_map(|relay| Some((relay.config.name.clone(), relay.objection()?))).collect()
    }

    /// The turns of a relay.
    pub fn turns(&self, relay: &Arc<Relay>) -> Turns {
        let mut turns: Vec<(CategorySet, Vec<Arc<Relay>>)> = Vec::new();
        for category in Category::ALL.iter().copied() {
            let Some(place) = self.of(category).iter().position(|other| Arc::ptr_eq(other, relay)) else { continue };
            let (before, one) = (&self.of(category)[..place], [category].into_iter().collect());
            let same = |(_, other): &&mut (CategorySet, Vec<Arc<Relay>>)| {
                other.len() == before.len() && other.iter().zip(before).all(|(a, b)| Arc::ptr_eq(a, b))
            };
            match turns.iter_mut().find(same) {
                Some((categories, _)) => *categories = categories.or(one),
                None => turns.push((one, before.to_vec())),
            }
        }
        Turns(turns)
    }
}

/// When a relay takes which categories: sets of them, each with the relays before it.
#[derive(Clone)]
pub struct Turns(Vec<(CategorySet, Vec<Arc<Relay>>)>);

impl Turns {
    /// The categories that the relay carries.
    pub fn carried(&self) -> CategorySet {
        self.0.iter().fold(CategorySet::NONE, |all, (categories, _)| all.or(*categories))
    }

    /// The categories that the relay takes now: all relays before it are unhealthy.
    pub fn now(&self) -> CategorySet {
        let is_next = |before: &[Arc<Relay>]| before.iter().all(|relay| relay.trouble().is_some());
        let next = self.0.iter().filter(|(_, before)| is_next(before));
        next.fold(CategorySet::NONE, |all, (categories, _)| all.or(*categories))
    }
}
