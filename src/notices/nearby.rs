//! What the author of a notice should know about others: another window of the same service at the same time, and another notice to the
//! same customers within the hour.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{Draft, NoticeError, Notices};
use crate::audience::{self, AudienceError, Plan, Shared};
use crate::domain::clock::shown;
use crate::domain::fields::Fields;
use crate::domain::matter::Said;
use crate::domain::problem::Problems;
use crate::domain::words::count;
use crate::store::Conn;
use crate::store::notices::Kept;
use crate::store::notices::nearby::{self, Recent};

/// Notices of each kind that are looked at.
const MOST: u32 = 20;

/// Two notices to the same customers within this time are a warning.
const HOUR: SignedDuration = SignedDuration::from_hours(1);

impl Notices {
    /// The warnings about notices that are near a draft. `matter` is that of the notice which it follows.
    pub(super) async fn nearby(
        &self,
        conn: &mut Conn,
        (draft, plan): (&Draft, &Plan),
        matter: Option<Uuid>,
    ) -> Result<Problems, NoticeError> {
        let now = self.context.clock.now();
        let zone = self.context.config.organisation.default_time_zone.time_zone();
        let release = draft.notice.schedule.first([&zone]).map_or(now, |send_at| send_at.max(now));
        let since = release.checked_sub(HOUR).unwrap_or(Timestamp::MIN);
        let recent = nearby::released_since(conn, since, matter, MOST).await?;
        let said = Said::of(&draft.notice);
        let is_over = said.progress.is_some_and(|progress| progress.is_end());
        let windows = match said.window.filter(|_| !is_over) {
            Some(window) => nearby::windows(conn, window, matter, MOST).await?,
            None => Vec::new(),
        };
        let windows: Vec<(Kept, Vec<String>)> = windows
            .into_iter()
            .filter_map(|other| {
                let services = same_services(draft, &other);
                (!services.is_empty()).then_some((other, services))
            })
            .collect();
        let ids: BTreeSet<Uuid> = recent.iter().map(|it| it.id).chain(windows.iter().map(|(it, _)| it.id)).collect();
        let shared = match audience::shared(conn, plan, &ids.into_iter().collect::<Vec<_>>()).await {
            Err(error @ AudienceError::Store(_)) => return Err(error.into()),
            shared => shared.unwrap_or_default(),
        };
        let mut warnings = Problems::default();
        for (other, services) in windows {
            let Some(customers) = in_common(&shared, other.id) else { continue };
            warnings.add(0, "fields.window_start", overlap(&other, &services, &customers));
        }
        for Recent { id, category, released_at } in recent {
            let Some(whom) = in_common(&shared, id) else { continue };
            let at = shown(released_at);
            let text = format!(
                "a notice of the category {category} went to {whom} at {at}, less than an hour before (notice {id})"
            );
            warnings.add(0, "audience", text);
        }
        Ok(warnings)
    }
}

/// The customers that an audience and a notice have in common, in words; `None` if there are none.
fn in_common(shared: &Shared, notice: Uuid) -> Option<String> {
    let customers = count(*shared.by_notice.get(&notice)?, "customer of this one", "customers of this one");
    Some(if shared.has_more { format!("at least {customers}") } else { customers })
}

/// The services that both name.
fn same_services(draft: &Draft, other: &Kept) -> Vec<String> {
    let Ok(other) = other.parsed() else { return Vec::new() };
    let (Fields::Maintenance(own), Fields::Maintenance(others)) = (draft.notice.fields(), other.fields()) else {
        return Vec::new();
    };
    let names: BTreeSet<String> = others.services.iter().map(|it| it.as_str().to_lowercase()).collect();
    let own = own.services.iter().map(|it| it.as_str());
    own.filter(|name| names.contains(&name.to_lowercase())).map(str::to_owned).collect()
}

fn overlap(other: &Kept, services: &[String], customers: &str) -> String {
    let name = other.reference.as_deref().map_or_else(|| other.id.to_string(), |it| format!("`{it}` ({})", other.id));
    let window = other.said.window.map(|(start, end)| format!(", {} to {},", shown(start), shown(end)));
    format!("overlaps the window of {name}{} of {} for {}", window.unwrap_or_default(), services.join(", "), customers)
}
