//! Operators: the persons and machines that use Besked, their roles and their names.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use thiserror::Error;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use crate::domain::problem::is_line;
use crate::domain::words::words;

/// The longest name of an operator, in bytes.
const LONGEST_NAME: usize = 100;

/// What an operator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorKind {
    /// A person.
    Person,
    /// A program. It may not approve.
    Machine,
}

words!(OperatorKind, "a kind of operator", {
    Person => "person",
    Machine => "machine",
});

/// What an operator works on; [`crate::domain::right`] says what that allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Maintenance and disruptions.
    Ops,
    /// Breaches, security measures, disruptions.
    Security,
    /// Agreements; approves breach notices.
    Legal,
    /// Bills.
    Finance,
    /// News and surveys, without addresses.
    Marketing,
    /// Reads everything, approves anything, answers persons and authorities.
    Compliance,
    /// Answers one customer at a time.
    Support,
    /// Operators, keys and the technical side; no notices.
    Admin,
    /// Reads ledger, audit log and evidence.
    Auditor,
}

words!(Role, "a role", {
    Ops => "ops",
    Security => "security",
    Legal => "legal",
    Finance => "finance",
    Marketing => "marketing",
    Compliance => "compliance",
    Support => "support",
    Admin => "admin",
    Auditor => "auditor",
});

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Roles(u16);

impl Roles {
    /// Every role.
    pub const ALL: Self = Self((1 << Role::ALL.len()) - 1);

    /// No role.
    pub const NONE: Self = Self(0);

    /// True if a role belongs to the set.
    #[must_use]
    pub const fn contains(self, role: Role) -> bool {
        self.0 & (1 << role as u16) != 0
    }

    /// True if nothing belongs to the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The roles of this set that are in another too.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The roles of this set that are not in another.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The roles of the set, in the order of the documentation.
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.iter().copied().filter(move |role| self.contains(*role))
    }
}

impl FromIterator<Role> for Roles {
    fn from_iter<T: IntoIterator<Item = Role>>(roles: T) -> Self {
        Self(roles.into_iter().fold(0, |bits, role| bits | (1 << role as u16)))
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.iter().map(Role::as_str).collect::<Vec<_>>().join(", "))
    }
}

impl FromStr for Roles {
    type Err = String;

    /// Reads what its `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(Role::from_str).collect()
    }
}

impl Serialize for Roles {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

/// Why a name is not an operator's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("must be one line of at most {LONGEST_NAME} bytes, without `/` and `\\`, and not `.` or `..`")]
pub struct NameError;

/// The name of an operator: one line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct OperatorName(String);

impl OperatorName {
    /// Reads a name. Blanks around it do not count.
    ///
    /// # Errors
    /// If it is empty, too long, not one line, or would be a path.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let name = name.trim();
        // It is a part of addresses, which browsers take for folders.
        let is_path = name.contains(['/', '\\']) || matches!(name, "." | "..");
        if !is_line(name) || name.len() > LONGEST_NAME || is_path {
            return Err(NameError);
        }
        Ok(Self(name.to_owned()))
    }

    /// The name as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the name is compared by.
    #[must_use]
    pub fn likeness(&self) -> Likeness {
        Likeness::of(&self.0)
    }
}

impl FromStr for OperatorName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        Self::parse(name)
    }
}

impl fmt::Display for OperatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What the ledger says of an operator: who it is, and in which roles.
#[must_use]
pub fn described(name: &OperatorName, kind: OperatorKind, roles: Roles) -> String {
    format!("{name} ({kind}): {roles}")
}

/// True if both names are one operator's, or could be taken for one: who wrote a notice does not approve it under a name that looks
/// like the own one. Case, width, accents' encoding, blanks, invisible characters and letters of the same look do not count.
#[must_use]
pub fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (Likeness::of(one), Likeness::of(other));
    one.folded == other.folded || one.seen == other.seen
}

/// What a name looks like (UTS 39), once without its case and once with it: a capital I looks like l, a small one does not. Two names
/// are one operator's if either is the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Likeness {
    /// Its look without its case.
    pub folded: String,
    /// Its look with its case.
    pub seen: String,
}

impl Likeness {
    fn of(name: &str) -> Self {
        let compatible: String = name.nfkc().filter(|c| !is_invisible(*c)).collect();
        let words: Vec<&str> = compatible.split_whitespace().collect();
        let name = words.join(" ");
        let fold = |text: &str| UniCase::unicode(text).to_folded_case();
        let look = |text: &str| skeleton(text).nfkc().collect::<String>();
        Self { folded: fold(&look(&fold(&name))), seen: fold(&look(&name)) }
    }
}

/// True for characters that are not seen: controls, soft hyphens, joiners, marks of direction, variation selectors.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{FFA0}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_says_something() {
        for name in ["", " ", "a\nb", "a\0", &"x".repeat(101), ".", " ..", "a/b", "a\\b"] {
            assert_eq!(OperatorName::parse(name), Err(NameError), "{name:?}");
        }
        assert_eq!(OperatorName::parse(" alice ").unwrap().as_str(), "alice");
        assert_eq!(OperatorName::parse("A. B...").unwrap().as_str(), "A. B...");
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        let roles: Roles = [Role::Admin, Role::Ops].into_iter().collect();
        assert_eq!(roles.to_string(), "ops, admin");
        assert_eq!(roles.to_string().parse(), Ok(roles));
        assert_eq!("".parse(), Ok(Roles::NONE));
        assert!("ops, root".parse::<Roles>().unwrap_err().contains("`root` is not a role"));
        assert_eq!(Roles::ALL.to_string().parse(), Ok(Roles::ALL));
        assert_eq!(Roles::ALL.iter().count(), Role::ALL.len());
        assert!(roles.without(Roles::ALL).is_empty() && roles.and(Roles::ALL) == roles);
    }

    #[test]
    fn a_name_that_looks_like_another_is_the_same_operator() {
        for alike in [
            "alice ",
            "ALICE",
            "\u{430}lice",
            "\u{FF21}\u{FF4C}\u{FF49}\u{FF43}\u{FF45}",
            "AIice",
            "a\u{200B}lice",
            "al\u{AD}ice",
            "\u{391}lice",
        ] {
            assert!(same_name("Alice", alike), "{alike:?}");
            assert!(same_name(alike, "Alice"), "{alike:?}");
        }
        assert!(same_name("R\u{E9}n\u{E9}e", "Re\u{301}ne\u{301}e") && same_name("Anna  Berg", "anna\u{A0}berg"));
        assert!(same_name("STRASSE", "stra\u{DF}e"));
        for other in ["Alicia", "Bo", "Alic", "Al ice"] {
            assert!(!same_name("Alice", other), "{other:?}");
        }
        assert!(!same_name("Asa", "\u{C5}sa") && !same_name("Bo", "B\u{F6}"));
    }
}
