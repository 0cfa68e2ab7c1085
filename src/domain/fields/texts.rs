//! The fields that are texts: the section of a locale may translate them, and they may contain placeholders.

use super::Fields;
use crate::domain::category::Category;
use crate::domain::front_matter::Reader;
use crate::domain::placeholder::Text;

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

    /// The keys of the text fields that are in words, and so in a language: names, numbers and versions are the same in each.
    #[must_use]
    pub const fn worded_keys(category: Category) -> &'static [&'static str] {
        match category {
            Category::SecurityBreach => {
                &["nature", "likely_consequences", "measures_taken", "data_affected", "recommended_actions"]
            }
            Category::Disruption => &["impact", "workaround"],
            Category::Maintenance => &["impact", "action_needed"],
            Category::AgreementChange => &["summary", "right"],
            Category::SecurityMeasuresChange => &["measure", "change", "effect"],
            Category::Billing => &[],
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
            include_str!("../../../config/demo/notices/1-security-breach.md"),
            include_str!("../../../config/demo/notices/2-disruption.md"),
            include_str!("../../../config/demo/notices/3-maintenance.md"),
            include_str!("../../../config/demo/notices/4-agreement-change.md"),
            include_str!("../../../config/demo/notices/5-security-measures-change.md"),
            include_str!("../../../config/demo/notices/6-billing.md"),
            include_str!("../../../config/demo/notices/7-news.md"),
            include_str!("../../../config/demo/notices/8-survey.md"),
        ] {
            let mut notice = Notice::parse(source).unwrap();
            let keys: Vec<_> = notice.editions[0].fields.text_fields().into_iter().map(|(key, _)| key).collect();
            assert_eq!(Fields::text_keys(notice.category), keys);
            assert!(Fields::worded_keys(notice.category).iter().all(|key| keys.contains(key)));
        }
    }
}
