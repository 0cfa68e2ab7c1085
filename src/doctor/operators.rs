//! Who may do what: whether there are operators at all, and whether a restored copy brought some back.

use super::{Check, Verdict};
use crate::app::App;
use crate::domain::actor::Actor;
use crate::domain::operator::Role;
use crate::domain::page::PageRequest;
use crate::domain::words::count;

/// What a copy that was restored brings back.
const RESTORED: &str = "; sealing has stopped: if this database was restored from a copy, keys that were revoked, operators who were \
    disabled and roles that were taken since it was made are valid again; look at `besked keys list` and `besked operators list`, and \
    revoke them once more before `besked ledger continue`";

/// True if the ledger does not go on where it was signed last, as after a restore.
async fn is_stopped(app: &App) -> bool {
    app.ledger.standing().await.is_ok_and(|it| it.stopped.is_some())
}

/// Says how many operators may act, and how long the audit log is kept.
pub async fn check(app: &App) -> Check {
    let request = PageRequest { after: None, limit: 1000 };
    let days = app.context.config.audit.keep_days;
    match app.operators.list(&Actor::system("doctor"), &request).await {
        Err(error) => Check::new("operators", Verdict::Failed, error.to_string()),
        Ok(page) => {
            let active: Vec<_> = page.items.iter().filter(|it| it.state == "active").collect();
            let has_operators = !page.items.is_empty();
            let admins = active.iter().filter(|it| it.roles.contains(Role::Admin)).count() as u64;
            let detail = match active.len() as u64 {
                0 => "none: any name at the command line may do everything".to_owned(),
                n => format!("{}, {}", count(n, "operator", "operators"), count(admins, "admin", "admins")),
            };
            let detail = format!("{detail}; the audit log is kept for {days} days");
            if has_operators && is_stopped(app).await {
                return Check::new("operators", Verdict::Warning, detail + RESTORED);
            }
            Check::new("operators", Verdict::Ok, detail)
        }
    }
}
