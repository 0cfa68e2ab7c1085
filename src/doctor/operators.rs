//! Who may do what: whether there are operators at all.

use super::{Check, Verdict};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::operator::Role;
use crate::domain::page::PageRequest;
use crate::domain::words::count;

/// Says how many operators may act, and how long the audit log is kept.
pub async fn check(app: &App) -> Check {
    let request = PageRequest { after: None, limit: 1000 };
    let days = app.context.config.audit.keep_days;
    match app.operators.list(&Actor::system("doctor"), &request).await {
        Err(error) => Check::new("operators", Verdict::Failed, error.to_string()),
        Ok(page) => {
            let active: Vec<_> = page.items.iter().filter(|it| it.state == "active").collect();
            let admins = active.iter().filter(|it| it.roles.contains(Role::Admin)).count() as u64;
            let detail = match active.len() as u64 {
                0 => "none: any name at the command line may do everything".to_owned(),
                n => format!("{}, {}", count(n, "operator", "operators"), count(admins, "admin", "admins")),
            };
            Check::new("operators", Verdict::Ok, format!("{detail}; the audit log is kept for {days} days"))
        }
    }
}
