//! `[category.NAME] escalate_after` and `escalate_to`: what happens when a customer who must be informed is not.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{CategoryRules, Config};
use crate::domain::category::{Category, Class, Role};

/// When the customers of a breach are escalated, if not configured.
const BREACH_AFTER: Duration = Duration::from_secs(60 * 60);

/// When those of the other mandatory categories are, if not configured.
const AFTER: Duration = Duration::from_secs(24 * 60 * 60);

/// The roles addressed by the escalation of a breach, if not configured.
const BREACH_TO: &[Role] = &[Role::Service, Role::Technical];

/// Every value that is not valid, as key and problem.
pub(super) fn problems(rules: &CategoryRules, category: Category) -> Vec<(&'static str, &'static str)> {
    let mut problems = Vec::new();
    if category.class() == Class::Optional {
        let keys = [("escalate_after", rules.escalate_after.is_some()), ("escalate_to", rules.escalate_to.is_some())];
        let set = keys.into_iter().filter(|(_, is_set)| *is_set);
        problems.extend(set.map(|(key, _)| {
            (key, "has no effect on an optional category: nobody must be informed by it, so leave it out")
        }));
    }
    if rules.escalate_after.is_some_and(|after| after.is_zero()) {
        problems.push(("escalate_after", "must not be zero: every delivery needs some time"));
    }
    let roles = rules.escalate_to.as_deref().unwrap_or_default();
    if roles.iter().collect::<BTreeSet<_>>().len() < roles.len() {
        problems.push(("escalate_to", "names a role twice"));
    }
    problems
}

impl Config {
    /// How long after the release, or after another role was addressed, a customer who is not informed is escalated; `None` for
    /// an optional category.
    #[must_use]
    pub fn escalate_after(&self, category: Category) -> Option<Duration> {
        if category.class() == Class::Optional {
            return None;
        }
        let default = if category == Category::SecurityBreach { BREACH_AFTER } else { AFTER };
        Some(self.rule(category, |rules| rules.escalate_after).unwrap_or(default))
    }

    /// The roles that the escalation of a category addresses, one after the other.
    #[must_use]
    pub fn escalate_to(&self, category: Category) -> Vec<Role> {
        let default = if category == Category::SecurityBreach { BREACH_TO } else { &[] };
        self.rule(category, |rules| rules.escalate_to.clone()).unwrap_or_else(|| default.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EXAMPLE, parse};
    use super::*;

    #[test]
    fn a_breach_has_other_roles_by_default_and_every_mandatory_category_a_time() {
        let (example, default) = (parse(EXAMPLE, "example", &[]).unwrap(), Config::default());
        for category in Category::ALL.iter().copied() {
            assert_eq!(example.escalate_after(category), default.escalate_after(category));
            assert_eq!(example.escalate_to(category), default.escalate_to(category));
            assert_eq!(default.escalate_after(category).is_some(), category.class() == Class::Mandatory);
            assert!(!default.escalate_to(category).contains(&Role::Billing), "{category}");
        }
        assert_eq!(default.escalate_after(Category::SecurityBreach), Some(BREACH_AFTER));
        assert_eq!(default.escalate_to(Category::SecurityBreach), BREACH_TO);
        assert_eq!(default.escalate_to(Category::Maintenance), []);
    }

    #[test]
    fn roles_and_times_are_read_and_what_has_no_sense_is_refused() {
        let config = |text: &str| parse(text, "besked.toml", &[]).map_err(|error| error.to_string());
        let read =
            config("[category.billing]\nescalate_after = \"2h\"\nescalate_to = [\"billing\", \"legal\"]").unwrap();
        assert_eq!(read.escalate_after(Category::Billing), Some(Duration::from_secs(7200)));
        assert_eq!(read.escalate_to(Category::Billing), [Role::Billing, Role::Legal]);
        for (text, wanted) in [
            ("[category.news]\nescalate_after = \"1h\"", "`category.news.escalate_after` has no effect on an optional"),
            ("[category.survey]\nescalate_to = []", "`category.survey.escalate_to` has no effect on an optional"),
            ("[category.billing]\nescalate_after = \"0s\"", "`category.billing.escalate_after` must not be zero"),
            (
                "[category.billing]\nescalate_to = [\"legal\", \"legal\"]",
                "`category.billing.escalate_to` names a role twice",
            ),
            ("[category.billing]\nescalate_to = [\"boss\"]", "`category.billing.escalate_to.0`: `boss` is none of"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
