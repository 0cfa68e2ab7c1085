//! What was logged already, so that each is logged once.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

/// How much is remembered; beyond that, the memory starts over.
const MOST: usize = 10_000;

/// What was logged, by a key.
#[derive(Debug)]
pub struct Logged<K>(Mutex<HashSet<K>>);

impl<K> Default for Logged<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash> Logged<K> {
    /// Returns true the first time that this is to be logged.
    pub fn is_news(&self, key: K) -> bool {
        // A single insertion: nothing can be half done.
        let mut logged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if logged.len() >= MOST {
            logged.clear();
        }
        logged.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_news_once_until_the_memory_is_full() {
        let logged = Logged::default();
        let news = |upto: usize| (0..upto).filter(|n| logged.is_news(*n)).count();
        assert_eq!((news(10), news(10)), (10, 0));
        assert_eq!(news(MOST), MOST - 10);
        assert!(logged.is_news(MOST) && logged.is_news(0), "it starts over");
    }
}
