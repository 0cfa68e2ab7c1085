//! What services refuse most often, in the words of the page.

use super::words::Words;
use crate::audience::AudienceError;
use crate::domain::right::Forbidden;
use crate::notices::NoticeError;
use crate::people::import::ImportError;

/// A key of the strings with the values in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    key: String,
    values: Vec<(&'static str, Value)>,
}

/// A value in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(u64),
    /// A word of a list, by the beginning of its key.
    Word(&'static str, String),
}

impl Said {
    fn new(key: impl Into<String>) -> Self {
        Self { key: format!("console-refused-{}", key.into()), values: Vec::new() }
    }

    fn with(mut self, name: &'static str, value: Value) -> Self {
        self.values.push((name, value));
        self
    }

    /// The text.
    #[must_use]
    pub fn text(&self, words: &Words) -> String {
        let value = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Number(number) => words.number(number),
            Value::Word(key, word) => words.word(key, word).to_lowercase(),
        };
        let values: Vec<_> = self.values.iter().map(|(name, it)| (*name, value(it))).collect();
        words.say_with(&self.key.replace('_', "-"), &values)
    }

    /// What is said of a notice that a step is refused for.
    pub fn of(error: &NoticeError) -> Option<Self> {
        Some(match error {
            NoticeError::Unknown(name) => Self::new("unknown-notice").with("name", Value::Text(name.clone())),
            NoticeError::Impossible { state, .. } => {
                Self::new("impossible").with("state", Value::Word("console-notice-state", state.to_string()))
            }
            NoticeError::OwnApproval(name) => Self::new("own-approval").with("name", Value::Text(name.clone())),
            NoticeError::ApprovalVoid => Self::new("approval-void"),
            NoticeError::AudienceChanged { then, now, others } => {
                let said = if others.is_some() { "audience-others" } else { "audience-changed" };
                let said = Self::new(said).with("then", Value::Number(*then)).with("now", Value::Number(*now));
                others.iter().fold(said, |said, others| said.with("others", Value::Number(*others)))
            }
            NoticeError::NotStanding => Self::new("not-standing"),
            NoticeError::Changed => Self::new("changed"),
            NoticeError::Conflict => Self::new("conflict"),
            _ => return None,
        })
    }

    /// What is said of an audience that nothing can be sent to.
    pub fn of_audience(error: &AudienceError) -> Option<Self> {
        Some(match error {
            AudienceError::NoCustomers => Self::new("no-customers"),
            AudienceError::NobodyToAddress { customers } => {
                Self::new("nobody-to-address").with("customers", Value::Number(*customers))
            }
            AudienceError::FollowsNothing => Self::new("follows-nothing"),
            AudienceError::SecondPerson { .. } => Self::new("second-person"),
            AudienceError::Lost => Self::new("lost"),
            _ => return None,
        })
    }

    /// What is said to an operator who lacks a role.
    pub fn of_forbidden(error: &Forbidden) -> Option<Self> {
        let Forbidden::Role { right, category, .. } = error else { return None };
        let roles = right.roles(*category);
        let key = match roles.iter().count() {
            0 => return None,
            1 => "forbidden-role",
            _ => "forbidden-roles",
        };
        Some(Self::new(key).with("roles", Value::Text(roles.to_string())))
    }

    /// What is said of an import that is refused as a whole.
    pub fn of_import(error: &ImportError) -> Option<Self> {
        Some(match error {
            ImportError::Shrinks { file, active } => {
                Self::new("shrinks").with("file", Value::Number(*file)).with("active", Value::Number(*active))
            }
            ImportError::Erased => Self::new("erased-meanwhile"),
            ImportError::Rectified => Self::new("rectified-meanwhile"),
            ImportError::Outdated => Self::new("outdated"),
            ImportError::Altered => Self::new("altered"),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::category::Category;
    use crate::domain::right::Right;

    #[test]
    fn an_operator_reads_which_role_is_lacking_in_the_language_of_the_page() {
        let said = |language: &str, right, category| {
            let words = Words::new(&language.parse().unwrap(), &"UTC".parse().unwrap());
            Said::of_forbidden(&Forbidden::Role { name: "Mia".to_owned(), right, category }).unwrap().text(&words)
        };
        let breach = Some(Category::SecurityBreach);
        assert_eq!(said("sv", Right::Write, breach), "Detta kräver rollen security.");
        assert_eq!(said("sv", Right::Approve, breach), "Detta kräver någon av rollerna legal, compliance.");
        assert_eq!(said("en", Right::Approve, breach), "This needs one of the roles legal, compliance.");
        assert_eq!(Said::of_forbidden(&Forbidden::Machine("robot".to_owned())), None);
    }
}
