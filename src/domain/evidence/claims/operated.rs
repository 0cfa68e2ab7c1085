//! What an `operated` entry proves: that an operator did this at this time, and of a notice, on which content.

use super::super::Subject;
use super::{hex, one_line, words};
use crate::domain::actor::Action;
use crate::domain::entry::{Detail, Fact};

/// What the entry proves, and what it does not.
pub(super) fn operated(fact: &Fact, subject: &Subject) -> (String, &'static str) {
    let actor = match subject {
        Subject::Person(person) => one_line(&person.role),
        _ => "an operator whom this file does not name".to_owned(),
    };
    let action = if let Detail::Operated { action, .. } = fact.detail { Some(action) } else { None };
    let done = match (&fact.notice, action) {
        (Some((id, _, digest)), action) => {
            let notice = format!("notice {id} with the content of digest {}", hex(digest));
            match action.and_then(on_a_notice) {
                Some((verb, end)) => format!("{verb} {notice}{end}"),
                None => format!("did this to {notice}: {}", named(action)),
            }
        }
        (None, action) => format!("did this: {}", named(action)),
    };
    (format!("{actor} {done}{}", words(subject)), "who sat at the keyboard under that name")
}

fn named(action: Option<Action>) -> &'static str {
    action.map_or("unknown", Action::as_str)
}

/// A step on a notice that leads to its release, in words before and behind the notice.
const fn on_a_notice(action: Action) -> Option<(&'static str, &'static str)> {
    match action {
        Action::Create => Some(("wrote", "")),
        Action::Edit => Some(("edited", ", as it was from then on")),
        Action::Submit => Some(("submitted", " for approval")),
        Action::Approve => Some(("approved", "")),
        Action::Schedule => Some(("scheduled", " for its release")),
        Action::Release => Some(("released", "")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::of;
    use super::*;
    use crate::domain::category::Category;
    use crate::domain::clock::from_millis;
    use crate::domain::entry::{Event, Person};

    #[test]
    fn a_step_names_who_did_what_to_which_content() {
        let person =
            Person { role: "alice (command line,\nuser root)".into(), reply: "at\tnight".into(), ..Person::default() };
        let subject = Subject::Person(Box::new(person));
        let notice = Some((Uuid::from_u128(7), Category::News, [0xab; 32]));
        let proves = |notice, action, subject: &Subject| {
            let detail = Detail::Operated { action, object: None };
            let claim = of(&Fact { notice, detail, ..Fact::new(Event::Operated, from_millis(0)) }, subject);
            assert!(claim.does_not_prove.contains("who sat at the keyboard"), "{claim:?}");
            claim.proves.split_once("UTC: ").map_or_else(|| claim.proves.clone(), |(_, said)| said.to_owned())
        };
        let content = format!("notice {} with the content of digest {}", Uuid::from_u128(7), "ab".repeat(32));
        for (action, done) in [
            (Action::Create, format!("wrote {content}")),
            (Action::Edit, format!("edited {content}, as it was from then on")),
            (Action::Submit, format!("submitted {content} for approval")),
            (Action::Approve, format!("approved {content}")),
            (Action::Schedule, format!("scheduled {content} for its release")),
            (Action::Release, format!("released {content}")),
            (Action::Pause, format!("did this to {content}: pause")),
        ] {
            let said = proves(notice, action, &subject);
            assert!(said.ends_with(&format!("alice (command line, user root) {done}: at night.")), "{said}");
        }
        let said = proves(None, Action::OptOut, &Subject::Withheld);
        assert!(said.ends_with("an operator whom this file does not name did this: opt_out."), "{said}");
    }
}
