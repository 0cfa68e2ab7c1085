//! Whether the receivers of webhooks answer, as the last calls show it; none is called.

use super::{Check, Verdict};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::page::PageRequest;
use crate::domain::webhook::Disabled;
use crate::domain::words::count;

/// Says how many webhooks there are, and which of them are not called or do not answer; nothing without webhooks.
pub async fn check(app: &App) -> Option<Check> {
    let what = "webhooks";
    let request = PageRequest { after: None, limit: 1000 };
    let webhooks = match app.webhooks.list(&Actor::system("doctor"), &request).await {
        Err(error) => return Some(Check::new(what, Verdict::Failed, error.to_string())),
        Ok(page) if page.items.is_empty() => return None,
        Ok(page) => page.items,
    };
    let mut parts = vec![count(webhooks.iter().filter(|it| it.state == "active").count() as u64, "answers", "answer")];
    for it in &webhooks {
        match (it.disabled_by, it.failing_since) {
            (Some(Disabled::Failed | Disabled::Gone), _) => {
                parts.push(format!("{} was disabled, as its calls failed: `besked webhooks show {}`", it.id, it.id));
            }
            (None, Some(_)) => parts.push(format!("{} does not answer: `besked webhooks show {}`", it.id, it.id)),
            _ => {}
        }
    }
    let verdict = if parts.len() == 1 { Verdict::Ok } else { Verdict::Warning };
    Some(Check::new(what, verdict, parts.join("; ")))
}
