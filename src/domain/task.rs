//! Tasks: what a person must do, with the reason and often with a deadline. A fact closes a task, or a person with a note.

use serde::Serialize;

use crate::domain::words::words;

/// Why a task is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A customer who must be informed is not, and there is nobody else to address.
    NotInformed,
    /// The deadline of a notice has passed, and customers whose deliveries wait are not informed.
    Overdue,
    /// A report matches a delivery, but not by its token, so that it changed nothing.
    WeakMatch,
    /// A report contradicts an earlier one.
    Contradiction,
    /// A reply says that the person has left the customer.
    LeftCompany,
    /// A reply names another address for the person.
    NewAddress,
    /// A message that came back cannot be read.
    Unread,
    /// A person's reply could not be forwarded to support.
    Unforwarded,
    /// Customers have not been fetched from the directory for a day.
    StaleDirectory,
    /// A webhook was disabled, since its calls failed for three days or its receiver is gone; or a call was dropped.
    WebhookFailed,
    /// Customers were promised news of a matter, and its time is near or has passed.
    Promise,
    /// A series of maintenances has a draft that nobody has submitted.
    Draft,
}

words!(TaskKind, "a kind of task", {
    NotInformed => "not_informed",
    Overdue => "overdue",
    WeakMatch => "weak_match",
    Contradiction => "contradiction",
    LeftCompany => "left_company",
    NewAddress => "new_address",
    Unread => "unread",
    Unforwarded => "unforwarded",
    StaleDirectory => "stale_directory",
    WebhookFailed => "webhook_failed",
    Promise => "promise",
    Draft => "draft",
});

/// Whether a task still has to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has.
    Open,
    /// A fact or a person closed it.
    Done,
}

words!(State, "a state of a task", { Open => "open", Done => "done" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_and_database_have_the_same_words() {
        for kind in TaskKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        for state in State::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
    }
}
