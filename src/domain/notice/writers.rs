//! Who wrote a notice: whoever did may not be its second person.

use super::Step;
use crate::domain::actor::same_name;
use crate::domain::schedule::series::MAKER;

/// The beginning of the reason of a step that was refused.
pub const REFUSED: &str = "refused: ";

/// A step that was taken or refused, as far as it shows who wrote the notice.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// The step.
    pub step: Step,
    /// Who took it.
    pub operator: &'a str,
    /// Why, or why it was refused.
    pub reason: Option<&'a str>,
}

/// True if a person created the notice, or edited it since it was approved last: correcting a letter makes nobody a second person,
/// and neither does somebody else's correction. Who submits the draft of a series takes the place of its author. `steps` are all
/// steps, first to last.
#[must_use]
pub fn has_written(name: &str, steps: &[Taken<'_>]) -> bool {
    let is_approval =
        |it: &Taken<'_>| it.step == Step::Approve && !it.reason.is_some_and(|reason| reason.starts_with(REFUSED));
    let approved = steps.iter().rposition(is_approval).map_or(0, |last| last + 1);
    let edits = steps[approved..].iter().filter(|it| it.step == Step::Edit);
    let is_drafted = steps.iter().any(|it| it.step == Step::Create && it.operator == MAKER);
    let submits = steps.iter().filter(|it| is_drafted && it.step == Step::Submit);
    let mut writers = steps.iter().filter(|it| it.step == Step::Create).chain(edits).chain(submits);
    writers.any(|it| same_name(name, it.operator))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_who_wrote_since_the_last_approval_is_a_writer() {
        let taken = |step, operator, reason| Taken { step, operator, reason };
        let mut steps = vec![
            taken(Step::Create, "alice", None),
            taken(Step::Edit, "bo", None),
            taken(Step::Approve, "bo", Some("refused: the author may not approve")),
            taken(Step::Edit, "alice", None),
        ];
        assert!(has_written("BO", &steps) && has_written("alice", &steps) && !has_written("carol", &steps));
        steps.extend([taken(Step::Approve, "carol", None), taken(Step::Edit, "dave", None)]);
        assert!(has_written("dave", &steps) && has_written("alice", &steps));
        assert!(!has_written("bo", &steps), "what he wrote was approved by another");
        let drafted = [taken(Step::Create, MAKER, None), taken(Step::Submit, "alice", None)];
        assert!(has_written("alice", &drafted) && !has_written("bo", &drafted));
    }
}
