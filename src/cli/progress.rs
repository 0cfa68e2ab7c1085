//! Progress bars on stderr; silent if it is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

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
