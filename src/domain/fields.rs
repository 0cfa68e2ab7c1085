//! The typed fields of each category: one struct each, read from the `[fields]` table.

mod read;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::domain::category::Category;
use crate::domain::front_matter::Reader;
use crate::domain::placeholder::Text;
use crate::domain::words::words;

/// The fields of a notice, by category.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fields {
    /// See [`SecurityBreach`].
    SecurityBreach(SecurityBreach),
    /// See [`Disruption`].
    Disruption(Disruption),
    /// See [`Maintenance`].
    Maintenance(Maintenance),
    /// See [`AgreementChange`].
    AgreementChange(AgreementChange),
    /// See [`SecurityMeasuresChange`].
    SecurityMeasuresChange(SecurityMeasuresChange),
    /// See [`Billing`].
    Billing(Billing),
    /// See [`News`].
    News(News),
    /// See [`Survey`].
    Survey(Survey),
}

/// The content of a breach notice, as GDPR Art. 34(2) (with 33(3) b, c and d) requires it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityBreach {
    /// How far the investigation is.
    pub stage: Stage,
    /// The provider's role for the data affected: it decides who has which duty.
    pub our_role: OurRole,
    /// The nature of the breach, in clear and plain language.
    pub nature: Text,
    /// The likely consequences for the persons concerned.
    pub likely_consequences: Text,
    /// The measures taken or planned.
    pub measures_taken: Text,
    /// Where to get more information: the data protection officer or another contact.
    pub contact_point: Text,
    /// When the provider became aware of it: the legal deadlines count from here.
    pub discovered_at: Timestamp,
    /// The kinds of personal data affected.
    pub data_affected: Vec<Text>,
    /// When it began, if known.
    pub occurred_from: Option<Timestamp>,
    /// When it ended, if known.
    pub occurred_until: Option<Timestamp>,
    /// The actions that the customer should take.
    pub recommended_actions: Option<Vec<Text>>,
}

/// A disruption of services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disruption {
    /// The services affected.
    pub services: Vec<Text>,
    /// When it began.
    pub started_at: Timestamp,
    /// What customers notice.
    pub impact: Text,
    /// The state of the disruption.
    pub status: IncidentStatus,
    /// When the next update follows; always there unless resolved.
    pub next_update_at: Option<Timestamp>,
    /// When it ended; always there if resolved.
    pub resolved_at: Option<Timestamp>,
    /// What customers can do until then.
    pub workaround: Option<Text>,
}

/// A maintenance window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Maintenance {
    /// The start of the window.
    pub window_start: Timestamp,
    /// The end of the window, after its start.
    pub window_end: Timestamp,
    /// The services affected.
    pub services: Vec<Text>,
    /// What customers will notice.
    pub impact: Text,
    /// The phase of the work.
    pub phase: Phase,
    /// The start of the window announced before; always there if rescheduled.
    pub previous_start: Option<Timestamp>,
    /// The end of the window announced before; always there if rescheduled.
    pub previous_end: Option<Timestamp>,
    /// The actions that the customer must take.
    pub action_needed: Option<Text>,
}

/// A new version of an agreement; its full text is the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementChange {
    /// What changes.
    pub kind: AgreementKind,
    /// The name of the document.
    pub document: Text,
    /// Its new version.
    pub version: Text,
    /// When it takes effect.
    pub effective_date: Date,
    /// What changes, point by point.
    pub summary: Vec<Text>,
    /// The customer's right to object or terminate.
    pub right: Text,
    /// The last day on which the right can be used.
    pub right_until: Date,
}

/// A change of a security measure (GDPR Art. 32(1)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityMeasuresChange {
    /// The name of the measure.
    pub measure: Text,
    /// Whether it is technical or organisational.
    pub kind: MeasureKind,
    /// What changes.
    pub change: Text,
    /// When it takes effect.
    pub effective_date: Date,
    /// What it means for the customer.
    pub effect: Text,
}

/// An invoice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billing {
    /// The number of the invoice.
    pub invoice_number: Text,
    /// The period that it covers.
    pub period: Text,
    /// The amount, as it is to be shown.
    pub amount: Text,
    /// The currency code.
    pub currency: Text,
    /// When it is due.
    pub due_date: Date,
    /// The reference to state with the payment.
    pub payment_reference: Option<Text>,
}

/// News; the text is the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// The headline.
    pub title: Text,
}

/// An invitation to a survey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// The question.
    pub question: Text,
    /// The https address of the survey.
    pub link: String,
    /// When the survey closes.
    pub closes_at: Timestamp,
}

/// How far the investigation of a breach is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A breach is possible, but not confirmed.
    Suspected,
    /// The breach is confirmed.
    Confirmed,
    /// New information about a breach of which customers were informed before.
    Update,
    /// The investigation is complete.
    Final,
}

words!(Stage, "a stage", {
    Suspected => "suspected",
    Confirmed => "confirmed",
    Update => "update",
    Final => "final",
});

/// The provider's role for the personal data affected by a breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OurRole {
    /// The provider decides about the data, and informs the persons concerned (GDPR Art. 34).
    Controller,
    /// The customer decides about the data, and the provider informs the customer (GDPR Art. 33(2)).
    Processor,
}

words!(OurRole, "a role of ours", { Controller => "controller", Processor => "processor" });

/// What an agreement change concerns; each kind has its own notice period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgreementKind {
    /// General terms.
    Terms,
    /// Prices.
    Price,
    /// The data processing agreement.
    DataProcessing,
    /// A sub-processor is added or replaced (GDPR Art. 28(2)).
    SubProcessor,
    /// Anything else.
    Other,
}

words!(AgreementKind, "a kind of agreement change", {
    Terms => "terms",
    Price => "price",
    DataProcessing => "data_processing",
    SubProcessor => "sub_processor",
    Other => "other",
});

/// The state of a disruption.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentStatus {
    /// A disruption may come; nothing has failed yet.
    Possible,
    /// The cause is not known yet.
    Investigating,
    /// The cause is known, and the repair is in progress.
    Identified,
    /// The repair is complete and is being monitored.
    Monitoring,
    /// It is over.
    Resolved,
}

words!(IncidentStatus, "a status", {
    Possible => "possible",
    Investigating => "investigating",
    Identified => "identified",
    Monitoring => "monitoring",
    Resolved => "resolved",
});

/// The phase of planned work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It will happen.
    Announced,
    /// It will happen at another time than announced.
    Rescheduled,
    /// It will not happen.
    Cancelled,
    /// It is in progress.
    Started,
    /// It is done.
    Completed,
}

words!(Phase, "a phase", {
    Announced => "announced",
    Rescheduled => "rescheduled",
    Cancelled => "cancelled",
    Started => "started",
    Completed => "completed",
});

/// The kind of a security measure (GDPR Art. 32(1)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MeasureKind {
    /// Part of the systems.
    Technical,
    /// Part of how people work.
    Organisational,
}

words!(MeasureKind, "a kind of measure", { Technical => "technical", Organisational => "organisational" });

/// A text field that the section of a locale may translate.
pub enum TextField<'a> {
    /// One text.
    One(&'a mut Text),
    /// One optional text.
    Maybe(&'a mut Option<Text>),
    /// A list of texts.
    Many(&'a mut Vec<Text>),
    /// An optional list of texts.
    MaybeMany(&'a mut Option<Vec<Text>>),
}

impl Fields {
    /// Reads the fields of a category. Returns `None` if one is missing or wrong; the reader has then recorded the problems.
    pub fn read(category: Category, fields: &Reader<'_, '_>) -> Option<Self> {
        let read = match category {
            Category::SecurityBreach => read::security_breach(fields).map(Self::SecurityBreach),
            Category::Disruption => read::disruption(fields).map(Self::Disruption),
            Category::Maintenance => read::maintenance(fields).map(Self::Maintenance),
            Category::AgreementChange => read::agreement_change(fields).map(Self::AgreementChange),
            Category::SecurityMeasuresChange => {
                read::security_measures_change(fields).map(Self::SecurityMeasuresChange)
            }
            Category::Billing => read::billing(fields).map(Self::Billing),
            Category::News => read::news(fields).map(Self::News),
            Category::Survey => read::survey(fields).map(Self::Survey),
        };
        fields.finish();
        read
    }

    /// The keys that a category requires.
    #[must_use]
    pub const fn required_keys(category: Category) -> &'static [&'static str] {
        match category {
            Category::SecurityBreach => &[
                "stage",
                "our_role",
                "nature",
                "likely_consequences",
                "measures_taken",
                "contact_point",
                "discovered_at",
                "data_affected",
            ],
            Category::Disruption => &["services", "started_at", "impact", "status"],
            Category::Maintenance => &["window_start", "window_end", "services", "impact", "phase"],
            Category::AgreementChange => {
                &["kind", "document", "version", "effective_date", "summary", "right", "right_until"]
            }
            Category::SecurityMeasuresChange => &["measure", "kind", "change", "effective_date", "effect"],
            Category::Billing => &["invoice_number", "period", "amount", "currency", "due_date"],
            Category::News => &["title"],
            Category::Survey => &["question", "link", "closes_at"],
        }
    }

    /// The text fields by key. The section of a locale may translate them, and they may contain placeholders.
    pub fn text_fields(&mut self) -> Vec<(&'static str, TextField<'_>)> {
        use TextField::{Many, Maybe, MaybeMany, One};
        match self {
            Self::SecurityBreach(it) => vec![
                ("nature", One(&mut it.nature)),
                ("likely_consequences", One(&mut it.likely_consequences)),
                ("measures_taken", One(&mut it.measures_taken)),
                ("contact_point", One(&mut it.contact_point)),
                ("data_affected", Many(&mut it.data_affected)),
                ("recommended_actions", MaybeMany(&mut it.recommended_actions)),
            ],
            Self::Disruption(it) => vec![
                ("services", Many(&mut it.services)),
                ("impact", One(&mut it.impact)),
                ("workaround", Maybe(&mut it.workaround)),
            ],
            Self::Maintenance(it) => vec![
                ("services", Many(&mut it.services)),
                ("impact", One(&mut it.impact)),
                ("action_needed", Maybe(&mut it.action_needed)),
            ],
            Self::AgreementChange(it) => vec![
                ("document", One(&mut it.document)),
                ("version", One(&mut it.version)),
                ("summary", Many(&mut it.summary)),
                ("right", One(&mut it.right)),
            ],
            Self::SecurityMeasuresChange(it) => vec![
                ("measure", One(&mut it.measure)),
                ("change", One(&mut it.change)),
                ("effect", One(&mut it.effect)),
            ],
            Self::Billing(it) => vec![
                ("invoice_number", One(&mut it.invoice_number)),
                ("period", One(&mut it.period)),
                ("amount", One(&mut it.amount)),
                ("currency", One(&mut it.currency)),
                ("payment_reference", Maybe(&mut it.payment_reference)),
            ],
            Self::News(it) => vec![("title", One(&mut it.title))],
            Self::Survey(it) => vec![("question", One(&mut it.question))],
        }
    }

    /// The keys of [`Self::text_fields`].
    const fn text_keys(category: Category) -> &'static [&'static str] {
        match category {
            Category::SecurityBreach => &[
                "nature",
                "likely_consequences",
                "measures_taken",
                "contact_point",
                "data_affected",
                "recommended_actions",
            ],
            Category::Disruption => &["services", "impact", "workaround"],
            Category::Maintenance => &["services", "impact", "action_needed"],
            Category::AgreementChange => &["document", "version", "summary", "right"],
            Category::SecurityMeasuresChange => &["measure", "change", "effect"],
            Category::Billing => &["invoice_number", "period", "amount", "currency", "payment_reference"],
            Category::News => &["title"],
            Category::Survey => &["question"],
        }
    }

    /// Records the problems of a section that translates fields which could not be read.
    pub fn check_translated(category: Category, section: &Reader<'_, '_>) {
        for key in Self::text_keys(category) {
            if section.is_list(key) { drop(section.texts(key)) } else { drop(section.text(key)) }
        }
        section.finish();
    }

    /// Returns these fields with the texts that the section of a locale translates.
    #[must_use]
    pub fn translated(&self, section: &Reader<'_, '_>) -> Self {
        let mut fields = self.clone();
        for (key, field) in fields.text_fields() {
            match field {
                TextField::One(text) => section.text(key).into_iter().for_each(|new| *text = new),
                TextField::Maybe(text) => section.text(key).into_iter().for_each(|new| *text = Some(new)),
                TextField::Many(texts) => section.texts(key).into_iter().for_each(|new| *texts = new),
                TextField::MaybeMany(texts) => section.texts(key).into_iter().for_each(|new| *texts = Some(new)),
            }
        }
        section.finish();
        fields
    }

    /// Every text in the fields.
    #[must_use]
    pub fn texts(&self) -> Vec<Text> {
        let mut fields = self.clone();
        let texts = fields.text_fields().into_iter().flat_map(|(_, field)| match field {
            TextField::One(text) => vec![text.clone()],
            TextField::Maybe(text) => text.clone().into_iter().collect(),
            TextField::Many(texts) => texts.clone(),
            TextField::MaybeMany(texts) => texts.clone().unwrap_or_default(),
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::notice::Notice;

    #[test]
    fn the_keys_of_the_text_fields_are_listed_once_more() {
        for source in [
            include_str!("../../config/demo/notices/1-security-breach.md"),
            include_str!("../../config/demo/notices/2-disruption.md"),
            include_str!("../../config/demo/notices/3-maintenance.md"),
            include_str!("../../config/demo/notices/4-agreement-change.md"),
            include_str!("../../config/demo/notices/5-security-measures-change.md"),
            include_str!("../../config/demo/notices/6-billing.md"),
            include_str!("../../config/demo/notices/7-news.md"),
            include_str!("../../config/demo/notices/8-survey.md"),
        ] {
            let mut notice = Notice::parse(source).unwrap();
            let keys: Vec<_> = notice.editions[0].fields.text_fields().into_iter().map(|(key, _)| key).collect();
            assert_eq!(Fields::text_keys(notice.category), keys);
        }
    }
}
