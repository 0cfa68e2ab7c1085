//! Actors: who did something, and how. Every service call takes one, and every change of state records it.

use std::fmt;

use serde::Serialize;
use thiserror::Error;
use unicase::UniCase;
use unicode_normalization::UnicodeNormalization as _;
use unicode_security::skeleton;

use crate::domain::problem::is_line;
use crate::domain::words::words;

/// The longest name of an operator, in bytes.
const LONGEST_NAME: usize = 100;

/// Who did something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    name: String,
    via: Via,
}

/// How an actor reached Besked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// The command line, run by this user of the operating system.
    Cli {
        /// Name of the user, as the operating system reports it.
        os_user: String,
    },
    /// The link in a mail that the person received.
    Link,
    /// No person: a task of Besked itself.
    System,
}

/// Why a name is not an operator's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("must be one line of at most {LONGEST_NAME} bytes")]
pub struct NameError;

impl Actor {
    /// An operator at the command line.
    ///
    /// # Errors
    /// If `name` is empty, too long or not one line.
    pub fn cli(name: &str, os_user: &str) -> Result<Self, NameError> {
        let name = name.trim();
        if !is_line(name) || name.len() > LONGEST_NAME {
            return Err(NameError);
        }
        Ok(Self { name: name.to_owned(), via: Via::Cli { os_user: os_user.to_owned() } })
    }

    /// The person whom it concerns, by the link in a mail.
    #[must_use]
    pub fn recipient() -> Self {
        Self { name: "recipient".to_owned(), via: Via::Link }
    }

    /// A task of Besked itself, such as `retention`.
    #[must_use]
    pub fn system(task: &str) -> Self {
        Self { name: task.to_owned(), via: Via::System }
    }

    /// The operator's name, or that of the system task.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How the actor reached Besked.
    #[must_use]
    pub const fn via(&self) -> &Via {
        &self.via
    }

    /// True if both are the same operator; see [`same_name`].
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        same_name(&self.name, name)
    }
}

/// True if both names are one operator's, or could be taken for one: who wrote a notice does not approve it under a name that looks
/// like the own one. Case, width, accents' encoding, blanks, invisible characters and letters of the same look do not count.
#[must_use]
pub fn same_name(one: &str, other: &str) -> bool {
    let (one, other) = (Likeness::of(one), Likeness::of(other));
    one.folded == other.folded || one.seen == other.seen
}

/// What a name looks like (UTS 39), once without its case and once with it: a capital I looks like l, a small one does not.
struct Likeness {
    folded: String,
    seen: String,
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

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.via {
            Via::Cli { os_user } => write!(f, "{} (command line, user {os_user})", self.name),
            Via::Link => write!(f, "{} (link in a mail)", self.name),
            Via::System => write!(f, "{} (system)", self.name),
        }
    }
}

/// An actor's text as [`Actor`] writes it, without the name if it is an operator's: for another person, who has no right to know
/// which employee it was (CJEU C-579/21).
#[must_use]
pub fn without_name(actor: &str) -> &str {
    let is_nobody = actor.ends_with(" (system)") || actor.ends_with(" (link in a mail)");
    if is_nobody { actor } else { AN_OPERATOR }
}

/// What an export for a person calls an operator.
pub const AN_OPERATOR: &str = "an operator";

/// What an actor did that changed a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Wrote a draft.
    Create,
    /// Changed a notice before its release.
    Edit,
    /// Submitted a notice for approval.
    Submit,
    /// Approved a notice.
    Approve,
    /// Declined a notice.
    Decline,
    /// Scheduled a notice for a later release.
    Schedule,
    /// Released a notice.
    Release,
    /// Paused the sending of a notice.
    Pause,
    /// Resumed the sending of a notice.
    Resume,
    /// Cancelled a notice.
    Cancel,
    /// Recorded that a customer was told by another way.
    Attest,
    /// Withdrew an attestation.
    WithdrawAttestation,
    /// Recorded what came back about a delivery.
    Report,
    /// Settled a delivery whose outcome was unknown.
    Settle,
    /// Put a delivery back into the queue.
    Resend,
    /// Imported customers.
    Import,
    /// Set an opt-out.
    OptOut,
    /// Withdrew an opt-out.
    OptIn,
    /// Suppressed an address.
    Suppress,
    /// Lifted the suppression of an address.
    Unsuppress,
    /// Exported what is stored about a person.
    Export,
    /// Erased a person.
    Erase,
    /// Restricted the processing of a person's data.
    Restrict,
    /// Lifted a restriction.
    Unrestrict,
    /// Corrected an address.
    Rectify,
    /// Recorded a person's objection.
    Object,
    /// Decided about an objection.
    Decide,
    /// Placed a legal hold.
    Hold,
    /// Lifted a legal hold.
    LiftHold,
    /// Deleted persons whose retention had ended.
    Purge,
    /// Let sealing continue after it had stopped.
    Continue,
    /// Did a task.
    DoTask,
    /// Added recipients to a standing notice.
    AddRecipients,
    /// Ended the adding of recipients to a standing notice.
    Close,
}

words!(Action, "an action", {
    Create => "create",
    Edit => "edit",
    Submit => "submit",
    Approve => "approve",
    Decline => "decline",
    Schedule => "schedule",
    Release => "release",
    Pause => "pause",
    Resume => "resume",
    Cancel => "cancel",
    Attest => "attest",
    WithdrawAttestation => "withdraw_attestation",
    Report => "report",
    Settle => "settle",
    Resend => "resend",
    Import => "import",
    OptOut => "opt_out",
    OptIn => "opt_in",
    Suppress => "suppress",
    Unsuppress => "unsuppress",
    Export => "export",
    Erase => "erase",
    Restrict => "restrict",
    Unrestrict => "unrestrict",
    Rectify => "rectify",
    Object => "object",
    Decide => "decide",
    Hold => "hold",
    LiftHold => "lift_hold",
    Purge => "purge",
    Continue => "continue",
    DoTask => "do_task",
    AddRecipients => "add_recipients",
    Close => "close",
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_says_something() {
        for name in ["", " ", "a\nb", "a\0", &"x".repeat(101)] {
            assert_eq!(Actor::cli(name, "root"), Err(NameError), "{name:?}");
        }
        assert_eq!(Actor::cli(" alice ", "root").unwrap().name(), "alice");
    }

    #[test]
    fn alice_and_alice_in_capitals_are_one_operator() {
        let alice = Actor::cli("Alice", "root").unwrap();
        assert!(alice.is_named("alice") && alice.is_named("ALICE") && !alice.is_named("bo"));
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

    #[test]
    fn an_actor_says_how() {
        assert_eq!(Actor::cli("alice", "root").unwrap().to_string(), "alice (command line, user root)");
        assert_eq!(Actor::system("retention").to_string(), "retention (system)");
    }
}
