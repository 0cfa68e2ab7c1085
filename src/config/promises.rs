//! `[category.NAME] reminders`, `draft_ahead`, `stages` and `promise_warning`: what is sent before a maintenance, when its series has a
//! draft, and when a person is warned that customers wait for news.

use std::time::Duration;

use super::{CategoryRules, Config, LeadTime};
use crate::domain::category::Category;
use crate::domain::reminder::Reminders;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// When customers must hear of a breach again, if not configured: an early warning and a notification (NIS2 Art. 23(4), GDPR
/// Art. 33(1)), and the final report a month later.
const STAGES: [Duration; 3] = [HOUR.saturating_mul(24), HOUR.saturating_mul(72), HOUR.saturating_mul(30 * 24)];

/// How long before a stage of a breach a person is warned, if not configured.
const BREACH_WARNING: Duration = HOUR.saturating_mul(4);

/// How long before other promises, if not configured.
const WARNING: Duration = Duration::from_secs(15 * 60);

/// How long before a window of a series its draft is made, if not configured.
const DRAFT_AHEAD: Duration = HOUR.saturating_mul(30 * 24);

/// True if notices of a category promise something.
const fn promises(category: Category) -> bool {
    matches!(category, Category::SecurityBreach | Category::Disruption | Category::Maintenance)
}

/// Every value that is not valid, as key and problem.
pub(super) fn problems(rules: &CategoryRules, category: Category) -> Vec<(&'static str, &'static str)> {
    let mut problems = Vec::new();
    if rules.reminders.is_some() && category != Category::Maintenance {
        problems.push(("reminders", "has an effect only on `maintenance`: leave it out"));
    }
    if rules.stages.is_some() && category != Category::SecurityBreach {
        problems.push(("stages", "has an effect only on `security_breach`: leave it out"));
    }
    let stages = rules.stages.as_deref().unwrap_or_default();
    if stages.iter().any(Duration::is_zero) || stages.windows(2).any(|pair| pair[0] >= pair[1]) {
        problems.push(("stages", "must rise from one to the next, and none may be zero"));
    }
    if rules.promise_warning.is_some() && !promises(category) {
        problems.push(("promise_warning", "has no effect on a category whose notices promise nothing: leave it out"));
    }
    if rules.draft_ahead.is_some() && category != Category::Maintenance {
        problems.push(("draft_ahead", "has an effect only on `maintenance`: leave it out"));
    }
    let lead_time = rules.lead_time.clone().or_else(|| LeadTime::default_of(category)).and_then(|it| it.of(None));
    if category == Category::Maintenance && lead_time.is_some_and(|least| draft_ahead(rules) <= least) {
        problems.push(("draft_ahead", "must be more than `lead_time`: a draft would be too late when it is made"));
    }
    problems
}

fn draft_ahead(rules: &CategoryRules) -> Duration {
    rules.draft_ahead.unwrap_or(DRAFT_AHEAD)
}

impl Config {
    /// When customers are reminded of a maintenance whose notices do not say so: never, if not configured.
    #[must_use]
    pub fn reminders(&self) -> Reminders {
        self.rule(Category::Maintenance, |rules| rules.reminders.clone()).unwrap_or_default()
    }

    /// How long before a window of a series its draft is made.
    #[must_use]
    pub fn draft_ahead(&self) -> Duration {
        self.category.get(&Category::Maintenance).map_or(DRAFT_AHEAD, draft_ahead)
    }

    /// When customers must hear of a breach again, from its discovery.
    #[must_use]
    pub fn stages(&self) -> Vec<Duration> {
        self.rule(Category::SecurityBreach, |rules| rules.stages.clone()).unwrap_or_else(|| STAGES.to_vec())
    }

    /// How long before the time of a promise of a category a person gets the task to keep it.
    #[must_use]
    pub fn promise_warning(&self, category: Category) -> Duration {
        let default = if category == Category::SecurityBreach { BREACH_WARNING } else { WARNING };
        self.rule(category, |rules| rules.promise_warning).unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EXAMPLE, parse};
    use super::*;

    #[test]
    fn the_example_has_the_defaults() {
        let (example, default) = (parse(EXAMPLE, "example", &[]).unwrap(), Config::default());
        assert_eq!((example.reminders(), example.stages()), (default.reminders(), default.stages()));
        assert_eq!(example.draft_ahead(), default.draft_ahead());
        for category in Category::ALL {
            assert_eq!(example.promise_warning(*category), default.promise_warning(*category));
        }
    }

    #[test]
    fn what_has_no_sense_is_refused_with_its_key() {
        for (text, wanted) in [
            ("[category.news]\nreminders = [\"-1h\"]", "`category.news.reminders` has an effect only on `maintenance`"),
            ("[category.maintenance]\nreminders = [\"1m\"]", "is less than 5 minutes before `window_start`"),
            ("[category.maintenance]\nstages = [\"1h\"]", "`category.maintenance.stages` has an effect only on"),
            ("[category.security_breach]\nstages = [\"72h\", \"24h\"]", "`category.security_breach.stages` must rise"),
            ("[category.news]\ndraft_ahead = \"9d\"", "`category.news.draft_ahead` has an effect only on"),
            ("[category.maintenance]\ndraft_ahead = \"5d\"", "`category.maintenance.draft_ahead` must be more than"),
            ("[category.maintenance]\nlead_time = \"40d\"", "`category.maintenance.draft_ahead` must be more than"),
            ("[category.billing]\npromise_warning = \"1h\"", "`category.billing.promise_warning` has no effect"),
            ("[organisation]\nholidays = [\"2026-02-30\"]", "organisation.holidays"),
        ] {
            let error = parse(text, "besked.toml", &[]).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
        let text =
            "[category.maintenance]\nreminders = [\"-1h\", \"-24h\"]\n[organisation]\nholidays = [\"2026-12-24\"]";
        let config = parse(text, "besked.toml", &[]).unwrap();
        assert_eq!(Vec::<String>::from(config.reminders()), ["-24h", "-1h"]);
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("-24h") && shown.contains("2026-12-24"), "{shown}");
        parse(&shown, "shown", &[]).unwrap();
    }
}
