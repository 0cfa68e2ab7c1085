//! What is wrong with a value: a sentence, and for what is wrong most often a code with values, by which a page says it in another language.

use std::cmp::Ordering;

/// A sentence about a value, with its code if it has one.
#[derive(Clone, Debug)]
pub struct Wrong {
    /// The sentence.
    pub text: String,
    /// Its code.
    pub code: Code,
}

/// The code of a sentence, which does not change when the sentence does, and the values in it. Two problems are the same if their sentences
/// are.
#[derive(Clone, Debug, Default)]
pub struct Code(Option<Box<Known>>);

/// A code with its values: beside a problem it takes no more than a pointer.
#[derive(Clone, Debug)]
struct Known {
    code: &'static str,
    values: Vec<(&'static str, String)>,
}

impl Code {
    /// The code with its values by name; `None` for a sentence without one.
    #[must_use]
    pub fn known(&self) -> Option<(&'static str, &[(&'static str, String)])> {
        self.0.as_ref().map(|known| (known.code, known.values.as_slice()))
    }
}

impl PartialEq for Code {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Code {}

impl PartialOrd for Code {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Code {
    fn cmp(&self, _: &Self) -> Ordering {
        Ordering::Equal
    }
}

impl Wrong {
    /// A sentence with its code.
    #[must_use]
    pub fn known(code: &'static str, text: impl Into<String>) -> Self {
        Self { text: text.into(), code: Code(Some(Box::new(Known { code, values: Vec::new() }))) }
    }

    /// The same with a value of its sentence.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Some(known) = &mut self.code.0 {
            known.values.push((name, value.to_string()));
        }
        self
    }
}

impl From<String> for Wrong {
    fn from(text: String) -> Self {
        Self { text, code: Code::default() }
    }
}

impl From<&str> for Wrong {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Wrong {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}
