//! The typed fields of each category: one struct each, read from the `[fields]` table.

mod choices;
mod inputs;
mod read;
mod texts;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::domain::category::Category;
use crate::domain::front_matter::Reader;
use crate::domain::placeholder::Text;

pub use choices::{AgreementKind, ImpactLevel, IncidentStatus, MeasureKind, OurRole, Phase, Stage};
pub use inputs::{Input, Takes};
pub use texts::TextField;

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
    /// The same in a word for programs; an outage if it is not known.
    pub impact_level: Option<ImpactLevel>,
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
}
