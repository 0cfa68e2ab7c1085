//! A form as it was filled in: one text for each name. Nothing of it is lost on the way to the page that says what is wrong.

use std::collections::BTreeMap;

/// The values of a form by the names of its controls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filled(BTreeMap<String, String>);

impl Filled {
    /// The value of a control; empty if the form has none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// The value without the blanks around it, unless nothing is left.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        Some(self.get(name).trim()).filter(|text| !text.is_empty())
    }

    /// True for a box that is checked.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// The lines of a text that are not blank.
    #[must_use]
    pub fn lines(&self, name: &str) -> Vec<&str> {
        self.get(name).lines().map(str::trim).filter(|line| !line.is_empty()).collect()
    }

    /// Sets a value.
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }

    /// Every name and value.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The languages beside the default one of which the form has a text.
    #[must_use]
    pub fn languages(&self) -> Vec<String> {
        let mut tags: Vec<String> = Vec::new();
        for (name, value) in self.iter() {
            let Some((tag, _)) = name.strip_prefix("e.").and_then(|rest| rest.split_once('.')) else { continue };
            if !value.trim().is_empty() && !tags.iter().any(|it| it == tag) {
                tags.push(tag.to_owned());
            }
        }
        tags
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Filled {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}
