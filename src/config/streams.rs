//! Streams: which relays carry which categories. A newsletter then never spoils the reputation that a breach notice needs.
//!
//! A relay carries a category if the category's `relays` name it, or are left out, and the relay's `lanes` name the category's
//! lane, or are left out.

use lettre::message::Mailbox;

use super::sender::{ReturnPath, domain_of};
use super::{Config, Dkim, Relay};
use crate::domain::category::Category;
use crate::domain::category_set::CategorySet;
use crate::domain::domain_name::DomainName;
use crate::domain::problem::nearest;

/// Categories that go through the same relays, in the same order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream<'a> {
    /// The categories.
    pub categories: CategorySet,
    /// Names of the relays, in the order they are tried.
    pub relays: Vec<&'a str>,
}

impl Config {
    /// The relays that carry a category, in the order they are tried: that of the category's `relays`, else that of `[[relay]]`.
    pub fn relays_of(&self, category: Category) -> impl Iterator<Item = &Relay> {
        let named = self.category.get(&category).and_then(|rules| rules.relays.as_ref());
        let all = self.relays.iter().filter(move |_| named.is_none());
        let find = |name: &String| self.relays.iter().find(|relay| relay.name == *name);
        let named = named.into_iter().flatten().filter_map(find);
        named.chain(all).filter(move |relay| relay.takes_lane_of(category))
    }

    /// The categories that a relay carries.
    #[must_use]
    pub fn carried_by(&self, relay: &str) -> CategorySet {
        let carries = |category: &Category| self.relays_of(*category).any(|other| other.name == relay);
        Category::ALL.iter().copied().filter(carries).collect()
    }

    /// The streams, in the order of their first categories: one, unless the configuration keeps categories apart.
    #[must_use]
    pub fn streams(&self) -> Vec<Stream<'_>> {
        let mut streams: Vec<Stream<'_>> = Vec::new();
        for category in Category::ALL.iter().copied() {
            let relays: Vec<_> = self.relays_of(category).map(|relay| relay.name.as_str()).collect();
            let categories: CategorySet = [category].into_iter().collect();
            match streams.iter_mut().find(|stream| stream.relays == relays) {
                Some(stream) => stream.categories = stream.categories.or(categories),
                None => streams.push(Stream { categories, relays }),
            }
        }
        streams
    }

    /// The From header of a category's mail.
    #[must_use]
    pub fn from_of(&self, category: Category) -> &Mailbox {
        let own = self.category.get(&category).and_then(|rules| rules.from.as_ref());
        own.unwrap_or(&self.sender.from)
    }

    /// The domains of all From addresses, each once, that of `[sender]` first.
    #[must_use]
    pub fn from_domains(&self) -> Vec<DomainName> {
        let own = self.category.values().filter_map(|rules| rules.from.as_ref());
        let mut domains: Vec<DomainName> = Vec::new();
        for from in [&self.sender.from].into_iter().chain(own) {
            let domain = domain_of(from);
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        domains
    }

    /// The domains of all return paths, each once: those that SPF is looked up for and reports come back to.
    #[must_use]
    pub fn return_domains(&self) -> Vec<DomainName> {
        match self.sender.return_path {
            ReturnPath::Delivery => vec![self.sender.bounce_domain.clone()],
            ReturnPath::From => self.from_domains(),
        }
    }

    /// The keys that sign mail from this address: those that DMARC counts for its domain, else all.
    #[must_use]
    pub fn keys_for(&self, from: &Mailbox) -> Vec<&Dkim> {
        let domain = domain_of(from);
        let counts = |key: &&Dkim| key.is_aligned(&domain);
        let counted: Vec<&Dkim> = self.dkim.iter().filter(counts).collect();
        if counted.is_empty() { self.dkim.iter().collect() } else { counted }
    }

    /// Keys whose signatures DMARC counts for no mail, and From addresses that no key signs for, in words.
    #[must_use]
    pub fn unaligned_keys(&self) -> Vec<String> {
        let mut froms = self.from_domains();
        let idle = self.dkim.iter().filter(|key| froms.iter().all(|from| key.warning(from).is_some()));
        let mut unaligned: Vec<String> = idle.filter_map(|key| key.warning(&froms[0])).collect();
        froms.sort();
        for from in &froms {
            if !self.dkim.is_empty() && self.dkim.iter().all(|key| key.warning(from).is_some()) {
                unaligned.push(format!("no `[[dkim]]` key signs for mail from `{from}`"));
            }
        }
        unaligned
    }

    /// Each stream in words, if there are several.
    #[must_use]
    pub fn streams_in_words(&self) -> Vec<String> {
        let streams = self.streams();
        if streams.len() < 2 {
            return Vec::new();
        }
        let words = |it: Stream<'_>| format!("{} through {}", it.categories.names().join(", "), it.relays.join(", "));
        streams.into_iter().map(words).collect()
    }

    /// Relays that nothing goes through, which is probably not intended, in words.
    #[must_use]
    pub fn idle_relays(&self) -> Vec<String> {
        let idle = self.relays.iter().filter(|relay| self.carried_by(&relay.name).is_empty());
        idle.map(|relay| format!("relay `{}` carries no category", relay.name)).collect()
    }

    /// Every category whose relays are not valid, by its key.
    pub(super) fn stream_problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for category in Category::ALL.iter().copied() {
            let named = self.category.get(&category).and_then(|rules| rules.relays.as_deref());
            let wrong = named.map_or_else(Vec::new, |named| self.wrong_names(named));
            if wrong.is_empty() && !self.relays.is_empty() && self.relays_of(category).next().is_none() {
                let (key, lane) = (named.map_or("relay".to_owned(), |_| key_of(category)), category.lane());
                let which = named.map_or("no `[[relay]]` carries".to_owned(), |named| match named {
                    [one] => format!("`{one}` does not carry"),
                    _ => "none of its relays carries".to_owned(),
                });
                problems.push(format!("`{key}`: {category} goes through no relay: {which} the lane `{lane}`"));
            }
            problems.extend(wrong.into_iter().map(|problem| format!("`{}` {problem}", key_of(category))));
        }
        problems
    }

    /// What is wrong with a list of relays.
    fn wrong_names(&self, named: &[String]) -> Vec<String> {
        if named.is_empty() {
            return vec!["must name at least one relay; without it, all relays carry the category".to_owned()];
        }
        let known = |name: &str| self.relays.iter().any(|relay| relay.name == name);
        let mut wrong = Vec::new();
        for (index, name) in named.iter().enumerate() {
            let shown = name.escape_debug();
            if named[..index].contains(name) {
                wrong.push(format!("names a relay twice: `{shown}`"));
            } else if !known(name) {
                let near = nearest(name, self.relays.iter().map(|relay| relay.name.as_str()));
                let near = near.map_or_else(String::new, |near| format!(", did you mean `{near}`?"));
                wrong.push(format!("names `{shown}`, and no `[[relay]]` has that name{near}"));
            }
        }
        wrong
    }
}

fn key_of(category: Category) -> String {
    format!("category.{category}.relays")
}

impl Relay {
    /// True if its lanes have that of a category. An empty list is refused at load.
    fn takes_lane_of(&self, category: Category) -> bool {
        self.lanes.as_ref().is_none_or(|lanes| lanes.is_empty() || lanes.contains(&category.lane()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const RELAYS: &str = "[[relay]]\nname = \"kept\"\nurl = \"smtp://k.example\"\nlanes = [\"critical\"]\n[[relay]]\n\
                          name = \"main\"\nurl = \"smtp://m.example\"\n[[relay]]\nname = \"bulk\"\nurl = \"smtp://b.example\"\n";

    fn names(config: &Config, category: Category) -> Vec<&str> {
        config.relays_of(category).map(|relay| relay.name.as_str()).collect()
    }

    #[test]
    fn a_category_goes_through_the_relays_that_it_names_in_its_order_and_whose_lanes_have_it() {
        let text = format!("{RELAYS}[category.news]\nrelays = [\"bulk\", \"main\"]\n");
        let config = parse(&text, "besked.toml", &[]).unwrap();
        assert_eq!(names(&config, Category::SecurityBreach), ["kept", "main", "bulk"]);
        assert_eq!(names(&config, Category::Billing), ["main", "bulk"]);
        assert_eq!(names(&config, Category::News), ["bulk", "main"]);
        let critical: CategorySet = [Category::SecurityBreach, Category::Disruption].into_iter().collect();
        assert_eq!((config.carried_by("kept"), config.carried_by("main")), (critical, CategorySet::ALL));
        assert_eq!(
            config.streams_in_words(),
            [
                "the critical lane through kept, main, bulk",
                "the normal lane, survey through main, bulk",
                "news through bulk, main"
            ]
        );
    }

    #[test]
    fn without_configuration_everything_goes_through_every_relay() {
        let config = parse(&RELAYS.replace("lanes = [\"critical\"]\n", ""), "besked.toml", &[]).unwrap();
        assert_eq!(config.streams().len(), 1);
        assert!(config.streams_in_words().is_empty() && config.idle_relays().is_empty());
        assert_eq!(config.carried_by("bulk"), CategorySet::ALL);
        assert!(Config::default().stream_problems().is_empty());
    }

    #[test]
    fn a_relay_that_carries_nothing_is_a_warning() {
        let text = format!(
            "{RELAYS}[category.security_breach]\nrelays = [\"main\"]\n[category.disruption]\nrelays = [\"main\"]\n"
        );
        let config = parse(&text, "besked.toml", &[]).unwrap();
        assert_eq!(config.warnings()[0], "relay `kept` carries no category");
    }
}
