//! Duties to keep a record: each has a name, by which an erasure waives exactly that one.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::domain::category::Category;

/// A duty that stands against an erasure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Duty {
    /// The record of a category's notices must be kept until its retention ends: `retention:CATEGORY`.
    Retention(Category),
    /// A legal hold: `hold:ID`.
    Hold(Uuid),
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retention(category) => write!(f, "retention:{category}"),
            Self::Hold(id) => write!(f, "hold:{id}"),
        }
    }
}

impl FromStr for Duty {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("retention", category)) => Ok(Self::Retention(category.parse()?)),
            Some(("hold", id)) => {
                let id = Uuid::parse_str(id).map_err(|_| format!("`{}` is not the id of a hold", id.escape_debug()))?;
                Ok(Self::Hold(id))
            }
            _ => Err(format!("`{}` is neither `retention:CATEGORY` nor `hold:ID`", text.escape_debug())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duty_has_exactly_one_name() {
        let id = Uuid::from_u128(7);
        for duty in [Duty::Retention(Category::Billing), Duty::Hold(id)] {
            assert_eq!(duty.to_string().parse(), Ok(duty));
        }
        for wrong in ["", "retention", "retention:", "billing", "retention:bills", "hold:12", "Retention:billing"] {
            assert!(wrong.parse::<Duty>().is_err(), "{wrong}");
        }
    }
}
