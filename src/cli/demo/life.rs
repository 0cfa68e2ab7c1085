//! One whole life of a maintenance, in the weeks before: announced, reminded, moved by a day, completed early. In the mailbox it is one
//! conversation for each recipient.

use std::path::Path;
use std::time::Duration;

use jiff::civil::DateTime;
use jiff::{Timestamp, ToSpan as _};

use super::send_all;
use crate::app::App;
use crate::cli::failure::{FAILED, Failure};
use crate::domain::actor::Actor;
use crate::domain::reminder::Before;
use crate::notices::{Draft, Kept, Release};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// How long before the present it begins: the window of the demo's notice is three weeks ahead of its announcement.
pub const AHEAD: Duration = HOUR.saturating_mul(24 * 23);

/// The announcement with a reminder a day before its window.
pub fn reminded(text: &str) -> String {
    text.replacen("\n[fields]\n", "\n[schedule]\nreminders = [\"-24h\"]\n[fields]\n", 1)
}

/// Sends all notices of the life, and moves the clock to `until`. Returns the announcement.
///
/// # Errors
/// If a notice cannot be released, or its mails cannot be sent.
pub async fn live(app: &App, file: &Path, until: Timestamp) -> Result<Kept, Failure> {
    let alice = Actor::cli("alice", "demo").map_err(Failure::invalid)?;
    let draft = crate::cli::notice::read(file, |source| app.notices.untimely(source))?;
    let first = release(app, &alice, &draft).await?;
    let Some((start, end)) = first.said.window else {
        return Err(Failure::new(FAILED, "the demo's notice has no window"));
    };
    let mut told = vec![("announced", first.recipients)];
    sent(app, &first).await?;
    advance(app, Before(HOUR * 24).due(start));
    sent(app, &first).await?;
    told.push(("reminded", first.recipients));
    advance(app, Before(HOUR * 4).due(start));
    for (word, at) in [("rescheduled", None), ("completed", Some(Before(HOUR).due(end + HOUR * 24)))] {
        at.into_iter().for_each(|at| advance(app, at));
        let text = app.notices.follow_up(&alice, &first.id.to_string(), Some(word)).await?;
        let text = if word == "rescheduled" { a_day_later(&text) } else { text };
        let next = release(app, &alice, &Draft::of(&text, None).map_err(Failure::invalid)?).await?;
        sent(app, &next).await?;
        told.push((word, next.recipients));
    }
    advance(app, until);
    let told = told.into_iter().map(|(word, recipients)| format!("{word} ({recipients})"));
    let (reference, told) = (first.reference.clone().unwrap_or_default(), told.collect::<Vec<_>>().join(", "));
    eprintln!("released {reference}, one life in the weeks before, with its recipients: {told}");
    Ok(first)
}

async fn release(app: &App, alice: &Actor, draft: &Draft) -> Result<Kept, Failure> {
    let id = app.notices.create(draft, alice).await?;
    app.notices.submit(id, alice).await?;
    Ok(app.notices.release(id, alice, Release::default(), &|_| {}).await?)
}

async fn sent(app: &App, notice: &Kept) -> Result<(), Failure> {
    match send_all(app, std::slice::from_ref(notice)).await? {
        0 => Ok(()),
        code => Err(Failure::new(code, "the demo's maintenance could not be sent")),
    }
}

/// Moves the clock forward to a time.
fn advance(app: &App, to: Timestamp) {
    let ahead = to.duration_since(app.context.clock.now());
    app.context.clock.advance(Duration::try_from(ahead).unwrap_or_default());
}

/// A follow-up whose window is a day later, as a person completes it; nobody is reminded again.
fn a_day_later(text: &str) -> String {
    let line = |line: &str| match line.split_once(" = ") {
        Some((key @ ("window_start" | "window_end"), value)) => {
            let value = value.split("  # ").next().unwrap_or(value);
            let (local, offset) = value.split_at("2026-11-24T10:00:00".len().min(value.len()));
            let moved = local.parse::<DateTime>().ok().and_then(|local| local.checked_add(1.day()).ok());
            let local = moved.map_or_else(|| local.to_owned(), |local| local.strftime("%Y-%m-%dT%H:%M:%S").to_string());
            format!("{key} = {local}{offset}\n")
        }
        Some(("reminders", _)) => "reminders = []\n".to_owned(),
        _ => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::fields::Phase;
    use crate::domain::matter::next::follow_up;
    use crate::domain::matter::{Progress, Said};
    use crate::domain::notice::Notice;

    #[test]
    fn the_demo_moves_its_window_by_a_day() {
        let text = reminded(include_str!("../../../config/demo/notices/3-maintenance.md"));
        let (before, now) = (Notice::parse(&text).unwrap(), "2026-12-14T17:00:00Z".parse().unwrap());
        assert_eq!(before.schedule.reminders.as_ref().map(|it| it.0.len()), Some(1));
        let next = follow_up(&text, "CHG-2041", Some(Progress::Phase(Phase::Rescheduled)), now).unwrap();
        let moved = Notice::parse(&a_day_later(&next)).unwrap();
        let ((start, end), (moved_start, moved_end)) =
            (Said::of(&before).window.unwrap(), Said::of(&moved).window.unwrap());
        assert_eq!((moved_start, moved_end), (start + HOUR * 24, end + HOUR * 24));
        assert_eq!(moved.schedule.reminders.map(|it| it.0.len()), Some(0));
    }
}
