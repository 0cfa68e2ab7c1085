//! The content of each category's mail: from a notice's fields to the data of its templates.

use jiff::Timestamp;

use crate::domain::fields::{self, AgreementKind, Fields, IncidentStatus, MeasureKind, OurRole, Phase, Stage};
use crate::domain::placeholder::Text;
use crate::domain::words::capitalised;
use crate::mail::compose::course::{Course, Opening};
use crate::mail::compose::dates::Dates;
use crate::mail::compose::parts::{Fact, Prose};
use crate::mail::compose::slots::Marks;
use crate::mail::compose::templates::{
    Accent, AgreementChange, Billing, Disruption, Maintenance, News, Parts, SecurityBreach, SecurityMeasuresChange,
    Survey,
};
use crate::mail::locale::Language;

/// The means to make a view.
pub struct Maker<'a> {
    /// The fixed strings.
    pub language: &'static Language,
    /// The contact's clock.
    pub dates: Dates,
    /// The marks of this rendering.
    pub marks: &'a Marks,
    /// The author's reference for the matter.
    pub reference: Option<&'a str>,
    /// Where the notice stands in its matter.
    pub course: Course<'a>,
}

/// A category's own part of a mail, and the data the layout needs from it.
pub struct View {
    /// The templates with their data.
    pub parts: Box<dyn Parts>,
    /// The kind of notice, in words.
    pub label: String,
    /// Its colour.
    pub accent: Accent,
    /// What is new.
    pub opening: Opening,
    /// The text an inbox shows after the subject and what is new; empty for the beginning of the body.
    pub preheader: String,
    /// The headline.
    pub heading: Heading,
}

/// The headline.
pub enum Heading {
    /// The subject.
    Subject,
    /// These words, unless the author wrote a subject: that is the same in all notices of a matter, and this is not.
    UnlessAuthored(String),
    /// These words of the author's.
    Authored(String),
    /// These words of ours.
    Ours(String),
}

impl Maker<'_> {
    /// Makes the view of a notice's fields.
    pub fn view(&self, fields: &Fields) -> View {
        match fields {
            Fields::SecurityBreach(it) => self.security_breach(it),
            Fields::Disruption(it) => self.disruption(it),
            Fields::Maintenance(it) => self.maintenance(it),
            Fields::AgreementChange(it) => self.agreement_change(it),
            Fields::SecurityMeasuresChange(it) => self.security_measures_change(it),
            Fields::Billing(it) => self.billing(it),
            Fields::News(it) => self.news(it),
            Fields::Survey(it) => self.survey(it),
        }
    }

    fn security_breach(&self, it: &fields::SecurityBreach) -> View {
        let stage = it.stage.as_str();
        let suspected = it.stage == Stage::Suspected;
        let reference = self.reference.unwrap_or_default();
        let unless_suspected = |key: &str| self.t(&if suspected { format!("{key}-suspected") } else { key.to_owned() });
        let mut facts = self.reference_fact();
        facts.push(self.ours("security_breach-stage", self.t(&format!("security_breach-stage-{stage}"))));
        facts.push(self.moment("security_breach-discovered", it.discovered_at));
        facts.extend(it.occurred_from.map(|time| self.moment("security_breach-occurred-from", time)));
        facts.extend(it.occurred_until.map(|time| self.moment("security_breach-occurred-until", time)));
        facts.push(Fact::authored_lines(unless_suspected("security_breach-data"), self.lines(&it.data_affected)));
        // A later notice does not repeat what the customer has to do with the first.
        let duties = match (it.our_role, it.stage) {
            (OurRole::Processor, Stage::Suspected | Stage::Confirmed) => {
                Some(self.t(&format!("security_breach-duties-{stage}")))
            }
            _ => None,
        };
        View {
            label: self.t(&format!("security_breach-label-{stage}")),
            accent: if suspected { Accent::AMBER } else { Accent::RED },
            opening: Opening::default(),
            preheader: self.line(&it.nature),
            heading: Heading::UnlessAuthored(
                self.language.with(&format!("security_breach-heading-{stage}"), &[("reference", reference)]),
            ),
            parts: Box::new(SecurityBreach {
                subject_key: if suspected { "security_breach-subject-suspected" } else { "security_breach-subject" },
                stage,
                reference: reference.to_owned(),
                lead: self.t(&format!("security_breach-lead-{}-{stage}", it.our_role)),
                facts,
                nature_heading: unless_suspected("security_breach-nature"),
                nature: self.prose(&it.nature),
                consequences: self.prose(&it.likely_consequences),
                measures: self.prose(&it.measures_taken),
                actions: it.recommended_actions.as_deref().map(|actions| self.lines(actions)).unwrap_or_default(),
                duties,
                contact: self.prose(&it.contact_point),
            }),
        }
    }

    fn disruption(&self, it: &fields::Disruption) -> View {
        let status = it.status.as_str();
        let possible = it.status == IncidentStatus::Possible;
        let started = if possible { "disruption-started-possible" } else { "disruption-started" };
        let mut facts = vec![
            self.ours("disruption-status", self.t(&format!("disruption-status-{status}"))),
            self.several("disruption-services", &it.services),
            self.moment(started, it.started_at),
        ];
        if let Some(resolved_at) = it.resolved_at {
            facts.push(self.moment("disruption-resolved", resolved_at));
            facts.push(self.ours("disruption-duration", self.dates.duration(it.started_at, resolved_at)));
        }
        if let Some(next) = it.next_update_at {
            let mut lines = self.dates.moment_within(next);
            lines[0] = self.language.with("disruption-next-update-by", &[("time", &lines[0])]);
            facts.push(Fact::ours(self.t("disruption-next-update"), lines));
        }
        facts.extend(self.reference_fact());
        let over = it.status == IncidentStatus::Resolved;
        let services = self.listed(&it.services);
        View {
            label: self.t(&format!("disruption-label-{status}")),
            accent: match it.status {
                IncidentStatus::Investigating => Accent::RED,
                IncidentStatus::Possible | IncidentStatus::Identified => Accent::AMBER,
                IncidentStatus::Monitoring => Accent::BLUE,
                IncidentStatus::Resolved => Accent::GREEN,
            },
            opening: self.disruption_opening(it),
            preheader: self.line(&it.impact),
            heading: Heading::UnlessAuthored(
                self.language.with(&format!("disruption-heading-{status}"), &[("services", &services)]),
            ),
            parts: Box::new(Disruption {
                subject_key: if possible { "disruption-subject-possible" } else { "disruption-subject" },
                reference: self.reference.unwrap_or_default().to_owned(),
                status,
                services,
                facts,
                impact_heading: self.t(if over { "disruption-impact-resolved" } else { "disruption-impact" }),
                impact: self.prose(&it.impact),
                workaround: it.workaround.as_ref().map(|text| self.prose(text)),
            }),
        }
    }

    fn maintenance(&self, it: &fields::Maintenance) -> View {
        let phase = it.phase.as_str();
        let window = self.dates.window(it.window_start, it.window_end);
        let mut facts = Vec::new();
        match it.phase {
            Phase::Cancelled => {
                let note = self.t("maintenance-cancelled-note");
                facts.push(Fact::struck(self.t("maintenance-when-cancelled"), window, note));
            }
            Phase::Rescheduled => facts.push(Fact::ours(self.t("maintenance-when-rescheduled"), window)),
            _ => facts.push(Fact::ours(self.t("maintenance-when"), window)),
        }
        if let (Phase::Rescheduled, Some(start), Some(end)) = (it.phase, it.previous_start, it.previous_end) {
            let (window, note) = (self.dates.window(start, end), self.t("maintenance-no-longer"));
            facts.push(Fact::struck(self.t("maintenance-previous"), window, note));
        }
        if it.phase != Phase::Cancelled {
            let duration = self.dates.duration(it.window_start, it.window_end);
            facts.push(self.ours("maintenance-duration", duration));
        }
        facts.push(self.several("maintenance-services", &it.services));
        if let Some(level) = it.impact_level {
            facts.push(self.ours("maintenance-impact-level", self.t(&format!("maintenance-impact-level-{level}"))));
        }
        facts.extend(self.reference_fact());
        let services = self.listed(&it.services);
        let when = self.dates.short(it.window_start);
        let words = [("services", services.as_str()), ("when", when.as_str())];
        let heading = self.language.with(&format!("maintenance-heading-{phase}"), &words);
        View {
            label: self.t(&format!("maintenance-label-{phase}")),
            accent: match it.phase {
                Phase::Announced | Phase::Started => Accent::BLUE,
                Phase::Rescheduled => Accent::AMBER,
                Phase::Cancelled => Accent::GREY,
                Phase::Completed => Accent::GREEN,
            },
            opening: self.maintenance_opening(it),
            preheader: self.line(&it.impact),
            heading: Heading::UnlessAuthored(heading),
            parts: Box::new(Maintenance {
                reference: self.reference.unwrap_or_default().to_owned(),
                phase,
                services,
                facts,
                impact_heading: self.t(match it.phase {
                    Phase::Cancelled => "maintenance-impact-cancelled",
                    Phase::Completed => "maintenance-impact-completed",
                    _ => "maintenance-impact",
                }),
                impact: self.prose(&it.impact),
                action: it.action_needed.as_ref().map(|text| self.prose(text)),
            }),
        }
    }

    fn agreement_change(&self, it: &fields::AgreementChange) -> View {
        let kind = it.kind.as_str();
        let (right, right_until) = match it.kind {
            AgreementKind::SubProcessor => {
                ("agreement_change-right-sub_processor", "agreement_change-right-until-sub_processor")
            }
            _ => ("agreement_change-right", "agreement_change-right-until"),
        };
        let mut facts = vec![
            self.authored("agreement_change-document", &it.document),
            self.authored("agreement_change-version", &it.version),
            self.ours("agreement_change-effective", capitalised(&self.dates.long_date(it.effective_date))),
            self.ours(right_until, capitalised(&self.dates.long_date(it.right_until))),
        ];
        facts.extend(self.reference_fact());
        let summary = self.lines(&it.summary);
        View {
            label: self.t(&format!("agreement_change-label-{kind}")),
            accent: Accent::VIOLET,
            opening: Opening::default(),
            preheader: summary.join(" "),
            heading: Heading::Subject,
            parts: Box::new(AgreementChange {
                kind,
                document: self.line(&it.document),
                effective: self.dates.date(it.effective_date),
                facts,
                summary,
                right_heading: self.t(right),
                right: self.prose(&it.right),
                right_until: self.dates.date(it.right_until),
            }),
        }
    }

    fn security_measures_change(&self, it: &fields::SecurityMeasuresChange) -> View {
        let kind = match it.kind {
            MeasureKind::Technical => "security_measures_change-kind-technical",
            MeasureKind::Organisational => "security_measures_change-kind-organisational",
        };
        let effective = capitalised(&self.dates.long_date(it.effective_date));
        let mut facts = vec![
            self.authored("security_measures_change-measure", &it.measure),
            self.ours("security_measures_change-kind", self.t(kind)),
            self.ours("security_measures_change-effective", effective),
        ];
        facts.extend(self.reference_fact());
        View {
            label: self.t("security_measures_change-label"),
            accent: Accent::TEAL,
            opening: Opening::default(),
            preheader: self.line(&it.change),
            heading: Heading::Subject,
            parts: Box::new(SecurityMeasuresChange {
                measure: self.line(&it.measure),
                effective: self.dates.date(it.effective_date),
                facts,
                change: self.prose(&it.change),
                effect: self.prose(&it.effect),
            }),
        }
    }

    fn billing(&self, it: &fields::Billing) -> View {
        let (amount, currency) = (self.line(&it.amount), self.line(&it.currency));
        let mut facts = vec![
            self.authored("billing-invoice", &it.invoice_number),
            self.authored("billing-period", &it.period),
            // A number and its currency stay on one line.
            Fact::authored(self.t("billing-amount"), format!("{amount}\u{a0}{currency}")),
            self.ours("billing-due", capitalised(&self.dates.long_date(it.due_date))),
        ];
        facts.extend(it.payment_reference.as_ref().map(|text| self.authored("billing-payment-reference", text)));
        facts.extend(self.reference_fact());
        View {
            label: self.t("billing-label"),
            accent: Accent::GREY,
            preheader: format!("{}: {}", self.t("billing-period"), self.line(&it.period)),
            heading: Heading::Subject,
            opening: Opening::default(),
            parts: Box::new(Billing {
                invoice: self.line(&it.invoice_number),
                amount,
                currency,
                due: self.dates.date(it.due_date),
                facts,
            }),
        }
    }

    fn news(&self, it: &fields::News) -> View {
        let title = self.line(&it.title);
        View {
            label: self.t("news-label"),
            accent: Accent::BLUE,
            opening: Opening::default(),
            preheader: String::new(),
            heading: Heading::Authored(title.clone()),
            parts: Box::new(News { title }),
        }
    }

    fn survey(&self, it: &fields::Survey) -> View {
        View {
            label: self.t("survey-label"),
            accent: Accent::TEAL,
            opening: Opening::default(),
            preheader: self.line(&it.question),
            heading: Heading::Ours(self.t("survey-heading")),
            parts: Box::new(Survey {
                question: self.line(&it.question),
                link: it.link.clone(),
                facts: vec![self.moment("survey-closes", it.closes_at)],
            }),
        }
    }

    fn t(&self, key: &str) -> String {
        self.language.text(key)
    }

    fn ours(&self, key: &str, text: String) -> Fact {
        Fact::ours(self.t(key), vec![text])
    }

    fn moment(&self, key: &str, time: Timestamp) -> Fact {
        Fact::ours(self.t(key), self.dates.moment(time))
    }

    fn authored(&self, key: &str, text: &Text) -> Fact {
        Fact::authored(self.t(key), self.line(text))
    }

    fn several(&self, key: &str, texts: &[Text]) -> Fact {
        Fact::authored(self.t(key), self.lines(texts).join(", "))
    }

    fn reference_fact(&self) -> Vec<Fact> {
        let note = |reference: &str| Fact::authored(self.t("label-reference"), reference);
        self.reference.map(note).into_iter().collect()
    }

    fn prose(&self, text: &Text) -> Prose {
        Prose::new(&self.marks.text(text))
    }

    /// A text in one line.
    fn line(&self, text: &Text) -> String {
        self.marks.text(text).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Texts as a list within a sentence.
    pub fn listed(&self, texts: &[Text]) -> String {
        self.language.list(&self.lines(texts))
    }

    fn lines(&self, texts: &[Text]) -> Vec<String> {
        texts.iter().map(|text| self.line(text)).collect()
    }
}
