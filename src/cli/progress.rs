//! Progress on stderr: bars, which are silent if it is no terminal, and a line about what a command waits for if that takes long.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

/// A bar over `total` things, called `what`.
pub fn bar(total: u64, what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
    let template = format!("{what} {{bar:32}} {{human_pos}}/{{human_len}}  {{per_sec}}  {{eta}} left  {{msg}}");
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is well-formed").progress_chars("━╸─"));
    bar
}

/// A spinner for work of unknown size.
pub fn spinner(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let template = format!("{{spinner}} {what} {{human_pos}}  {{elapsed}}");
    bar.set_style(ProgressStyle::with_template(&template).expect("the template is well-formed"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// A spinner that says what is being done, by its message.
pub fn step() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template("{spinner} {msg} {elapsed}").expect("the template is well-formed"));
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}

/// How long a command may be silent. Deadlines of servers are minutes, and nobody knows whether it hangs.
const SILENCE: Duration = Duration::from_secs(2);

/// How often it says that it still waits.
const AGAIN: Duration = Duration::from_secs(30);

/// How often it looks whether it is to say so.
const LOOK: Duration = Duration::from_millis(200);

/// What a command is doing, said on stderr if it takes long.
pub struct Patience<'a> {
    bar: &'a ProgressBar,
    step: Mutex<Step>,
}

struct Step {
    what: String,
    since: Instant,
    say_after: Duration,
}

impl<'a> Patience<'a> {
    /// A command that shows this bar or spinner.
    pub fn new(bar: &'a ProgressBar, what: impl Into<String>) -> Self {
        Self { bar, step: Mutex::new(Step::new(what.into())) }
    }

    /// Another step begins, in words that follow "still".
    pub fn begins(&self, what: impl Into<String>) {
        *self.step.lock().unwrap_or_else(PoisonError::into_inner) = Step::new(what.into());
    }

    /// Does the work, and says what it waits for.
    pub async fn beside<T>(&self, work: impl Future<Output = T>) -> T {
        self.while_silent(work, || 0).await
    }

    /// Does the work, and says what it waits for while a count does not change.
    pub async fn while_silent<T>(&self, work: impl Future<Output = T>, count: impl Fn() -> u64) -> T {
        let mut work = std::pin::pin!(work);
        let mut before = count();
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(LOOK) => {}
            }
            let counted = count();
            let mut step = self.step.lock().unwrap_or_else(PoisonError::into_inner);
            if counted != before {
                before = counted;
                *step = Step::new(std::mem::take(&mut step.what));
            } else if let Some(said) = step.late(Instant::now()) {
                self.bar.suspend(|| eprintln!("{said}"));
            }
        }
    }
}

impl Step {
    fn new(what: String) -> Self {
        Self { what, since: Instant::now(), say_after: SILENCE }
    }

    /// What to say if it is time to.
    fn late(&mut self, now: Instant) -> Option<String> {
        let waited = now.duration_since(self.since);
        if waited < self.say_after {
            return None;
        }
        self.say_after = waited + AGAIN;
        Some(format!("still {}, after {} seconds", self.what, waited.as_secs()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_within_seconds_what_it_waits_for_and_then_seldom() {
        let mut step = Step::new("asking relay `a`".to_owned());
        let began = step.since;
        let mut at = |seconds: u64| step.late(began + Duration::from_secs(seconds));
        assert_eq!(at(1), None);
        assert_eq!(at(2).as_deref(), Some("still asking relay `a`, after 2 seconds"));
        assert_eq!((at(3), at(31)), (None, None));
        assert_eq!(at(32).as_deref(), Some("still asking relay `a`, after 32 seconds"));
    }
}
