//! `[category.NAME]`: the rules of a category that are data, not code, and the defaults that apply without them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Config, duration, escalation, promises};
use crate::domain::category::{Addressing, Category, Class, Lane, Role};
use crate::domain::delivery::Level;
use crate::domain::fields::AgreementKind;
use crate::domain::reminder::Reminders;
use crate::domain::retention::Retention;
use crate::domain::schedule::QuietHours;

/// `[category.NAME]`: every key is optional.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CategoryRules {
    /// Whether a second person must approve.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_persons: Option<bool>,
    /// The number of customers above which a second person must approve (optional categories only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub two_persons_above: Option<u64>,
    /// How long the persons in its record are stored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// The key that `retention` replaced.
    #[serde(skip_serializing)]
    retention_days: Replaced,
    /// Whether storing them that long is a duty: an erasure then has to waive it by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retention_duty: Option<bool>,
    /// Roles addressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<Role>>,
    /// Roles addressed if a customer has none of `roles`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or_else: Option<Vec<Role>>,
    /// The From header of its mail; without it, that of `[sender]`.
    #[serde(skip_serializing_if = "Option::is_none", with = "super::sender::maybe")]
    pub from: Option<lettre::message::Mailbox>,
    /// Names of the relays that carry it, in the order they are tried; without it, all relays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relays: Option<Vec<String>>,
    /// The least level that counts as informed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub informed_at: Option<LeastLevel>,
    /// Whether success reports are requested (`NOTIFY=SUCCESS`) from servers that offer them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ask_delivery_reports: Option<bool>,
    /// The time within which customers must be informed: from the discovery of a breach, else from the release.
    #[serde(skip_serializing_if = "Option::is_none", with = "maybe")]
    pub deadline: Option<Duration>,
    /// How long a delivery below `informed_at`, but without a failure, counts as pending.
    #[serde(skip_serializing_if = "Option::is_none", with = "maybe")]
    pub report_wait: Option<Duration>,
    /// How long after the release a customer who is not informed is escalated (mandatory categories only).
    #[serde(skip_serializing_if = "Option::is_none", with = "maybe")]
    pub escalate_after: Option<Duration>,
    /// The roles that are addressed then, one after the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<Vec<Role>>,
    /// The least time between the release and what the notice announces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_time: Option<LeadTime>,
    /// Whether a notice below its lead time is refused; without it there is a warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lead_time_required: Option<bool>,
    /// The hours in which nothing of it is sent, in the recipient's zone (never of the critical lane).
    #[serde(skip_serializing_if = "Option::is_none", with = "quiet")]
    pub quiet_hours: Option<QuietHours>,
    /// When customers are reminded of a maintenance, before its window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reminders: Option<Reminders>,
    /// When customers must hear of a breach again, from its discovery.
    #[serde(skip_serializing_if = "Option::is_none", with = "duration::maybe_list")]
    pub stages: Option<Vec<Duration>>,
    /// How long before the time of a promise a person gets the task to keep it.
    #[serde(skip_serializing_if = "Option::is_none", with = "maybe")]
    pub promise_warning: Option<Duration>,
    /// How long before a window of a series its draft is made.
    #[serde(skip_serializing_if = "Option::is_none", with = "maybe")]
    pub draft_ahead: Option<Duration>,
}

/// The least level that counts as informed: one of those that a server alone can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeastLevel {
    /// The relay accepted the message.
    Relayed,
    /// The recipient domain's own mail server accepted it.
    AcceptedByMx,
    /// That server reported the delivery to the mailbox.
    DsnDelivered,
}

impl LeastLevel {
    /// The level itself.
    #[must_use]
    pub const fn level(self) -> Level {
        match self {
            Self::Relayed => Level::Relayed,
            Self::AcceptedByMx => Level::AcceptedByMx,
            Self::DsnDelivered => Level::DsnDelivered,
        }
    }
}

/// A lead time: one for the category, or one for each kind of agreement change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeadTime {
    /// `"5d"`.
    All(Duration),
    /// `{ price = "30d", terms = "30d" }`; a kind that is not listed has no lead time.
    ByKind(BTreeMap<AgreementKind, Duration>),
}

impl LeadTime {
    /// The lead time of a notice; `kind` is that of an agreement change.
    #[must_use]
    pub fn of(&self, kind: Option<AgreementKind>) -> Option<Duration> {
        let least = match self {
            Self::All(least) => Some(*least),
            Self::ByKind(kinds) => kinds.get(&kind?).copied(),
        };
        least.filter(|least| !least.is_zero())
    }

    /// The lead time of a category without configuration: none by law for most, so those that customers plan with.
    pub(super) fn default_of(category: Category) -> Option<Self> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        match category {
            Category::Maintenance => Some(Self::All(5 * DAY)),
            Category::AgreementChange => {
                let kinds = AgreementKind::ALL.iter().copied().filter(|kind| *kind != AgreementKind::Other);
                Some(Self::ByKind(kinds.map(|kind| (kind, 30 * DAY)).collect()))
            }
            _ => None,
        }
    }
}

impl Serialize for LeadTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All(least) => duration::serialize(least, serializer),
            Self::ByKind(kinds) => serializer.collect_map(kinds.iter().map(|(kind, least)| (kind, Text(*least)))),
        }
    }
}

impl<'de> Deserialize<'de> for LeadTime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> de::Visitor<'de> for Visitor {
            type Value = LeadTime;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"5d\", or a table of them by kind such as { price = \"30d\" }")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<LeadTime, E> {
                duration::parse(text).map(LeadTime::All).map_err(E::custom)
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<LeadTime, A::Error> {
                let mut kinds = BTreeMap::new();
                while let Some((kind, Text(least))) = map.next_entry()? {
                    kinds.insert(kind, least);
                }
                Ok(LeadTime::ByKind(kinds))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

/// A duration in its text form.
#[derive(Serialize, Deserialize)]
struct Text(#[serde(with = "duration")] Duration);

/// (De)serialises an optional duration in its text form.
mod maybe {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Text;

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(Text).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<Text>::deserialize(deserializer)?.map(|Text(duration)| duration))
    }
}

/// (De)serialises quiet hours; an empty text is none.
mod quiet {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::QuietHours;

    pub fn serialize<S: Serializer>(value: &Option<QuietHours>, serializer: S) -> Result<S::Ok, S::Error> {
        value.map(|hours| hours.to_string()).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<QuietHours>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() { Ok(None) } else { text.parse().map(Some).map_err(de::Error::custom) }
    }
}

/// The value of `retention_days`, which is refused with what replaced it.
#[derive(Clone, Copy, Debug, Default)]
struct Replaced;

impl<'de> Deserialize<'de> for Replaced {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(de::Error::custom(
            "`retention_days` was replaced by `retention`: write for example `retention = \"2555d\"`, `\"7y\"`, \
             `\"end_of_year+7y\"` or `\"contract_end+3y\"`",
        ))
    }
}

/// The number of customers above which an optional notice needs a second person, if not configured.
const TWO_PERSONS_ABOVE: u64 = 10_000;

/// How long a delivery without an answer counts as pending, if not configured: as long as relays retry.
const REPORT_WAIT: Duration = Duration::from_secs(5 * 24 * 60 * 60);

/// The deadline of a breach, if not configured (GDPR Art. 33(1)).
const BREACH_DEADLINE: Duration = Duration::from_secs(72 * 60 * 60);

impl CategoryRules {
    /// Every value that is not valid, by its key.
    pub(super) fn problems(&self, category: Category) -> Vec<String> {
        let mut problems = Vec::new();
        let mut problem = |key: &str, problem: &str| problems.push(format!("`category.{category}.{key}` {problem}"));
        if self.roles.as_ref().is_some_and(Vec::is_empty) {
            problem("roles", "must name at least one role: otherwise nobody is informed");
        }
        for (key, roles) in [("roles", &self.roles), ("or_else", &self.or_else)] {
            let roles = roles.as_deref().unwrap_or_default();
            if roles.iter().collect::<BTreeSet<_>>().len() < roles.len() {
                problem(key, "names a role twice");
            }
        }
        if self.two_persons_above.is_some() && category.class() == Class::Mandatory {
            problem("two_persons_above", "has no effect on a mandatory category: use `two_persons`");
        }
        if matches!(self.lead_time, Some(LeadTime::ByKind(_))) && category != Category::AgreementChange {
            problem(
                "lead_time",
                "must be one duration: only `agreement_change` has kinds with lead times of their own",
            );
        }
        if self.lead_time_required == Some(true) && self.lead_time.is_none() && LeadTime::default_of(category).is_none()
        {
            problem("lead_time_required", "has no effect without `lead_time`");
        }
        if self.quiet_hours.is_some() && category.lane() == Lane::Critical {
            problem("quiet_hours", "must be left out: mail of the critical lane never waits for the morning");
        }
        if self.deadline.is_some_and(|deadline| deadline.is_zero()) {
            problem("deadline", "must not be zero");
        }
        promises::problems(self, category).into_iter().for_each(|(key, text)| problem(key, text));
        escalation::problems(self, category).into_iter().for_each(|(key, text)| problem(key, text));
        problems
    }
}

impl Config {
    /// The roles that a category addresses.
    #[must_use]
    pub fn addressing(&self, category: Category) -> Addressing {
        let default = category.default_addressing();
        let rules = self.category.get(&category);
        match rules.and_then(|rules| rules.roles.clone()) {
            Some(roles) => {
                Addressing { roles, or_else: rules.and_then(|rules| rules.or_else.clone()).unwrap_or_default() }
            }
            None => Addressing {
                or_else: rules.and_then(|rules| rules.or_else.clone()).unwrap_or(default.or_else),
                roles: default.roles,
            },
        }
    }

    /// Whether a notice of a category to this many customers needs a second person.
    #[must_use]
    pub fn needs_second_person(&self, category: Category, customers: u64) -> bool {
        let always = self.rule(category, |rules| rules.two_persons).unwrap_or(category.default_two_persons());
        let above = self.rule(category, |rules| rules.two_persons_above).unwrap_or(TWO_PERSONS_ABOVE);
        always || (category.class() == Class::Optional && customers > above)
    }

    /// How long the persons in a category's record are stored.
    #[must_use]
    pub fn retention(&self, category: Category) -> Retention {
        self.rule(category, |rules| rules.retention).unwrap_or(category.default_retention())
    }

    /// Whether storing the persons in a category's record that long is a duty.
    #[must_use]
    pub fn retention_duty(&self, category: Category) -> bool {
        self.rule(category, |rules| rules.retention_duty).unwrap_or(category.default_retention_duty())
    }

    /// The least level at which a customer counts as informed by a notice of a category.
    #[must_use]
    pub fn informed_at(&self, category: Category) -> Level {
        self.rule(category, |rules| rules.informed_at).unwrap_or(LeastLevel::Relayed).level()
    }

    /// Whether success reports are requested for the deliveries of a category: for mandatory ones, if not configured.
    #[must_use]
    pub fn ask_delivery_reports(&self, category: Category) -> bool {
        let default = category.class() == Class::Mandatory;
        self.rule(category, |rules| rules.ask_delivery_reports).unwrap_or(default)
    }

    /// The time within which customers must be informed: from the discovery of a breach, else from the release. `None` for a
    /// category without a deadline.
    #[must_use]
    pub fn deadline(&self, category: Category) -> Option<Duration> {
        let default = (category == Category::SecurityBreach).then_some(BREACH_DEADLINE);
        self.rule(category, |rules| rules.deadline).or(default)
    }

    /// Categories by which no customer can ever be informed: they count success reports that no server is asked for.
    pub(super) fn unreachable_levels(&self) -> Vec<String> {
        let never = |it: &Category| self.informed_at(*it) >= Level::DsnDelivered && !self.ask_delivery_reports(*it);
        let warning = |it: Category| {
            format!(
                "`category.{it}.informed_at` needs success reports, and `ask_delivery_reports` is off: no customer will count as informed"
            )
        };
        Category::ALL.iter().copied().filter(never).map(warning).collect()
    }

    /// How long a delivery below [`Config::informed_at`], but without a failure, counts as pending.
    #[must_use]
    pub fn report_wait(&self, category: Category) -> Duration {
        self.rule(category, |rules| rules.report_wait).unwrap_or(REPORT_WAIT)
    }

    /// The least time between the release of a notice and what it announces; `kind` is that of an agreement change.
    #[must_use]
    pub fn lead_time(&self, category: Category, kind: Option<AgreementKind>) -> Option<Duration> {
        let configured = self.rule(category, |rules| rules.lead_time.clone());
        configured.or_else(|| LeadTime::default_of(category))?.of(kind)
    }

    /// Whether a notice below its lead time is refused.
    #[must_use]
    pub fn lead_time_required(&self, category: Category) -> bool {
        self.rule(category, |rules| rules.lead_time_required).unwrap_or(false)
    }

    /// The hours in which nothing of a category is sent, in the recipient's zone.
    #[must_use]
    pub fn quiet_hours(&self, category: Category) -> Option<QuietHours> {
        self.rule(category, |rules| rules.quiet_hours).filter(|_| category.lane() != Lane::Critical)
    }

    /// The value of an optional key of a category.
    pub(super) fn rule<T>(&self, category: Category, key: impl Fn(&CategoryRules) -> Option<T>) -> Option<T> {
        self.category.get(&category).and_then(key)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{EXAMPLE, parse};
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn config(text: &str) -> Result<Config, String> {
        parse(text, "besked.toml", &[]).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_and_no_configuration_at_all_have_the_same_rules() {
        let (example, default) = (config(EXAMPLE).unwrap(), Config::default());
        for category in Category::ALL.iter().copied() {
            assert_eq!(example.addressing(category), default.addressing(category));
            assert_eq!(example.retention(category), default.retention(category));
            assert_eq!(example.retention_duty(category), default.retention_duty(category));
            assert_eq!(example.informed_at(category), default.informed_at(category));
            assert_eq!(example.ask_delivery_reports(category), default.ask_delivery_reports(category));
            assert_eq!(example.deadline(category), default.deadline(category));
            assert_eq!(example.report_wait(category), default.report_wait(category));
            assert_eq!(example.lead_time_required(category), default.lead_time_required(category));
            for customers in [0, TWO_PERSONS_ABOVE + 1] {
                let needed = default.needs_second_person(category, customers);
                assert_eq!(example.needs_second_person(category, customers), needed);
            }
            for kind in AgreementKind::ALL.iter().copied().map(Some).chain([None]) {
                assert_eq!(example.lead_time(category, kind), default.lead_time(category, kind));
            }
        }
    }

    #[test]
    fn a_level_that_no_delivery_reaches_is_a_warning() {
        let warnings = |reports: Option<bool>| {
            let mut config = parse(EXAMPLE, "example", &[]).unwrap();
            let rules = config.category.entry(Category::Maintenance).or_default();
            (rules.informed_at, rules.ask_delivery_reports) = (Some(LeastLevel::DsnDelivered), reports);
            config.warnings()
        };
        assert!(!warnings(Some(true)).iter().any(|it| it.contains("informed_at")), "{:?}", warnings(Some(true)));
        let warnings = warnings(Some(false));
        assert!(warnings.iter().any(|it| it.starts_with("`category.maintenance.informed_at`")), "{warnings:?}");
    }

    #[test]
    fn a_lead_time_is_one_duration_or_one_for_each_kind() {
        let text = "[category.maintenance]\nlead_time = \"2d\"\nlead_time_required = true\n\
                    [category.agreement_change]\nlead_time = { price = \"60d\", terms = \"0s\" }\n";
        let config = config(text).unwrap();
        assert_eq!(config.lead_time(Category::Maintenance, None), Some(2 * DAY));
        assert!(config.lead_time_required(Category::Maintenance));
        let lead_time = |kind| config.lead_time(Category::AgreementChange, Some(kind));
        assert_eq!(lead_time(AgreementKind::Price), Some(60 * DAY));
        assert_eq!((lead_time(AgreementKind::Terms), lead_time(AgreementKind::SubProcessor)), (None, None));
        assert_eq!(config.lead_time(Category::News, None), None);
        let shown = toml::to_string(&config).unwrap();
        assert!(shown.contains("price = \"60d\""), "{shown}");
        parse(&shown, "shown", &[]).unwrap();
    }

    #[test]
    fn rules_without_sense_are_refused_with_their_key() {
        for (text, wanted) in [
            ("[category.news]\nroles = []", "`category.news.roles` must name at least one"),
            ("[category.news]\nroles = [\"legal\", \"legal\"]", "`category.news.roles` names a role twice"),
            ("[category.billing]\ntwo_persons_above = 5", "`category.billing.two_persons_above` has no effect"),
            ("[category.maintenance]\nlead_time = { price = \"5d\" }", "`category.maintenance.lead_time` must be one"),
            ("[category.agreement_change]\nlead_time = { prize = \"5d\" }", "line 2: `prize` is none of"),
            (
                "[category.agreement_change]\nlead_time = 5",
                "line 2: `category.agreement_change.lead_time`: must be a duration",
            ),
            ("[category.news]\nlead_time_required = true", "has no effect without `lead_time`"),
            ("[category.security_breach]\ndeadline = \"0s\"", "`category.security_breach.deadline` must not be zero"),
            (
                "[category.disruption]\nquiet_hours = \"22:00-07:00\"",
                "`category.disruption.quiet_hours` must be left out",
            ),
            (
                "[category.news]\nquiet_hours = \"22-7\"",
                "`category.news.quiet_hours`: `22-7` is not a range of the day",
            ),
            ("[category.billing]\nretention = \"0d\"", "`category.billing.retention`: `0d` stores nothing"),
            ("[category.billing]\nretention = \"soon\"", "`category.billing.retention`: `soon` is not a period"),
            ("[category.billing]\nretention_days = 2555", "`retention_days` was replaced by `retention`"),
            ("[category.billing]\ninformed_at = \"read\"", "line 2: `category.billing.informed_at`: `read` is none of"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
