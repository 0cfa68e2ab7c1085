//! What is wrong with something that was typed or asked for.

use std::fmt;

/// What is wrong, in the words of the page, or else in English.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// What stands before it in the words of the page, such as a label.
    pub before: String,
    /// The text.
    pub text: String,
    /// It is English, whatever the language of the page.
    pub is_english: bool,
}

impl Fault {
    /// A text that there is in English only.
    #[must_use]
    pub fn english(text: impl Into<String>) -> Self {
        Self { text: text.into(), is_english: true, ..Self::default() }
    }

    /// Nothing is said.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.text.is_empty()
    }

    /// The same behind these words of the page.
    #[must_use]
    pub fn behind(self, before: impl fmt::Display) -> Self {
        Self { before: format!("{before}{}", self.before), ..self }
    }
}

impl From<String> for Fault {
    fn from(text: String) -> Self {
        Self { text, ..Self::default() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.before, self.text)
    }
}
