//! What differs between two versions of a notice, line by line.

use std::time::Duration;

use similar::{ChangeTag, TextDiff};
use tokio::task::spawn_blocking;

use crate::app::App;
use crate::console::refusal::Refusal;
use crate::console::signed::Signed;
use crate::domain::kind::Kind;
use crate::domain::notice::Step;
use crate::notices::{Kept, NoticeError, Review};

/// How long two texts are compared: the rest of very different ones is shown as a whole.
const PATIENCE: Duration = Duration::from_millis(500);

/// A notice beside another version or another notice.
pub struct Difference {
    /// What it is compared with.
    pub title: String,
    /// The lines that differ, with a few around them: class and text.
    pub lines: Vec<(&'static str, String)>,
    /// What is said in place of lines, if there are none.
    pub note: String,
}

/// What differs from what the operator read before, and from the notice that it continues.
pub async fn differences(app: &App, signed: &Signed, notice: &Kept, step: Step) -> Result<Vec<Difference>, Refusal> {
    let mut all = Vec::new();
    all.extend(from_before(app, signed, notice, step).await?);
    all.extend(from_followed(app, signed, notice).await?);
    Ok(all)
}

/// What has changed since the operator, or else another person, decided about it. Who approves learns also that nothing has.
async fn from_before(app: &App, signed: &Signed, notice: &Kept, step: Step) -> Result<Option<Difference>, Refusal> {
    let Some(before) = app.notices.reviewed(&signed.actor, notice).await? else { return Ok(None) };
    if before.digest == notice.digest && step != Step::Approve {
        return Ok(None);
    }
    let words = &signed.words;
    let note = if before.digest == notice.digest { "console-step-same" } else { "console-step-same-text" };
    let title = title(signed, &before);
    let lines = lines(before.source, notice.source.clone()).await?;
    Ok(Some(Difference { title, lines, note: words.say(note) }))
}

fn title(signed: &Signed, before: &Review) -> String {
    let whose = if signed.actor.is_named(&before.operator) { "-own" } else { "" };
    let key = format!("console-step-since-{}{whose}", before.step);
    let values = [("name", before.operator.clone()), ("time", signed.words.time(before.at))];
    signed.words.say_with(&key, &values)
}

async fn from_followed(app: &App, signed: &Signed, notice: &Kept) -> Result<Option<Difference>, Refusal> {
    let Some(before) = notice.follows_id else { return Ok(None) };
    let before = match app.notices.find(&signed.actor, before).await {
        Ok(before) => before,
        // It may have been deleted.
        Err(NoticeError::Unknown(_)) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let lines = lines(before.source, notice.source.clone()).await?;
    let title = signed.words.say("console-step-differs");
    Ok((!lines.is_empty()).then(|| Difference { title, lines, note: String::new() }))
}

/// The lines in which two texts differ, each with a few around it.
async fn lines(before: String, after: String) -> Result<Vec<(&'static str, String)>, Refusal> {
    let compared = spawn_blocking(move || compare(&before, &after, PATIENCE)).await;
    compared.map_err(|_| Refusal::new(Kind::Failed, ""))
}

fn compare(before: &str, after: &str, patience: Duration) -> Vec<(&'static str, String)> {
    let diff = TextDiff::configure().timeout(patience).diff_lines(before, after);
    let mut lines = Vec::new();
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let class = match change.tag() {
                ChangeTag::Delete => "gone",
                ChangeTag::Insert => "new",
                ChangeTag::Equal => "same",
            };
            lines.push((class, change.value().trim_end().to_owned()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_that_differ_are_shown_with_a_few_around_them() {
        let text = |line: &str| format!("a\nb\nc\n{line}\nd\ne\nf\n");
        let lines = compare(&text("old"), &text("new"), PATIENCE);
        let shown: Vec<(&str, &str)> = lines.iter().map(|(class, line)| (*class, line.as_str())).collect();
        assert_eq!(
            shown,
            [("same", "b"), ("same", "c"), ("gone", "old"), ("new", "new"), ("same", "d"), ("same", "e")]
        );
        assert!(compare(&text("old"), &text("old"), PATIENCE).is_empty());
    }

    #[test]
    fn two_large_texts_without_a_common_line_are_shown_in_time() {
        // A million bytes each, as the largest notices: every line of the one is none of the other, but a few in another order.
        let text = |name: &str| -> String {
            (0..120_000)
                .map(|n| if n % 7 == 0 { format!("{}\n", (n * 7919) % 1009) } else { format!("{name}{n}\n") })
                .collect()
        };
        let began = std::time::Instant::now();
        let lines = compare(&text("a"), &text("b"), Duration::from_millis(50));
        assert!(!lines.is_empty());
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }
}
