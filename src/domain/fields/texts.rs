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

/// Lists the text fields of each category once: a field's key is its name.
macro_rules! text_fields {
    ($($category:ident { $($key:ident: $form:ident),* $(,)? })*) => {
        impl Fields {
            /// The text fields by key. The section of a locale may translate them, and they may contain placeholders.
            pub fn text_fields(&mut self) -> Vec<(&'static str, TextField<'_>)> {
                match self {
                    $(Self::$category(it) => vec![$((stringify!($key), TextField::$form(&mut it.$key))),*],)*
                }
            }

            /// The keys of [`Self::text_fields`].
            pub(super) const fn text_keys(category: Category) -> &'static [&'static str] {
                match category {
                    $(Category::$category => &[$(stringify!($key)),*],)*
                }
            }
        }
    };
}

text_fields! {
    SecurityBreach {
        nature: One,
        likely_consequences: One,
        measures_taken: One,
        contact_point: One,
        data_affected: Many,
        recommended_actions: MaybeMany,
    }
    Disruption { services: Many, impact: One, workaround: Maybe }
    Maintenance { services: Many, impact: One, action_needed: Maybe }
    AgreementChange { document: One, version: One, summary: Many, right: One }
    SecurityMeasuresChange { measure: One, change: One, effect: One }
    Billing { invoice_number: One, period: One, amount: One, currency: One, payment_reference: Maybe }
    News { title: One }
    Survey { question: One }
}

impl Fields {
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

    #[test]
    fn fields_in_words_are_text_fields() {
        for category in Category::ALL {
            let keys = Fields::text_keys(*category);
            assert!(Fields::worded_keys(*category).iter().all(|key| keys.contains(key)), "{category}");
        }
    }
}
