//! The check of a notice before it is stored or submitted: against the time, and against the configuration of its category.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;
use uuid::Uuid;

use super::{Draft, NoticeError, Notices};
use crate::audience::{AudienceError, Reach, Unmet};
use crate::config::{Config, written};
use crate::domain::category::{Category, Role};
use crate::domain::check::{Circumstances, Findings, LeadTime, check_at, check_clock, check_release};
use crate::domain::clock::shown;
use crate::domain::fields::{Fields, IncidentStatus, Phase, Stage};
use crate::domain::markdown::{Link, host_of};
use crate::domain::matter::Progress;
use crate::domain::notice::Notice;
use crate::domain::problem::Problems;
use crate::domain::words::count;
use crate::store::notices::Kept;
use crate::store::notices::references::Before;

/// The result of a check.
#[derive(Debug)]
pub struct Checked {
    /// How far the notice reaches.
    pub reach: Reach,
    /// The size of its largest mail, in bytes.
    pub size: u64,
    /// The notice that it follows.
    pub follows: Option<Uuid>,
    /// What its author should know before the release.
    pub warnings: Problems,
    /// Whom it addresses at a customer who is not informed by its deliveries; `None` if nobody must be informed by it.
    pub escalation: Option<Escalated>,
    /// Why it reaches nobody yet, if it does: a release would be refused.
    pub nobody: Option<AudienceError>,
    /// The notice like it that was released within a day.
    pub before: Option<Before>,
}

/// What happens to customers who are not informed by a notice.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = notice::Escalated)]
pub struct Escalated {
    /// How long after the release, or after the role before; at once if every delivery has failed.
    pub after: String,
    /// The roles that are addressed then, one after the other, before a person gets a task.
    pub roles: Vec<Role>,
}

impl Escalated {
    /// What happens to customers who are not informed by a notice of a category, if they must be.
    #[must_use]
    pub fn of(config: &Config, category: Category) -> Option<Self> {
        let after = config.escalate_after(category)?;
        Some(Self { after: written(after), roles: config.escalate_to(category) })
    }
}

impl Notices {
    /// Checks the text of a notice against the time and the configuration. Returns the warnings.
    pub(super) fn ready(&self, source: &str) -> Result<Problems, NoticeError> {
        let findings = self.findings(source);
        if !findings.problems.is_empty() {
            return Err(NoticeError::NotReady(findings.problems.limited()));
        }
        Ok(findings.warnings)
    }

    /// Checks a draft before it is stored, when nobody may be in its audience yet.
    pub(super) fn storable(&self, draft: &Draft) -> Result<String, NoticeError> {
        self.ready(&draft.source)?;
        let subject = self.subject(&draft.notice)?;
        self.sized(self.released(draft), Vec::new())?;
        Ok(subject)
    }

    /// A draft as the released notice that it would be.
    pub(super) fn released(&self, draft: &Draft) -> Kept {
        let now = self.context.clock.now();
        draft.as_released(self.context.random.id(now), now, self.context.config.sender.domain())
    }

    /// The problems of a text with the time and the configuration, to be reported with those that it has in itself.
    #[must_use]
    pub fn untimely(&self, source: &str) -> Problems {
        self.findings(source).problems
    }

    /// Refuses a release at a time at which the notice comes too late: it may have waited for a second person or for its time.
    pub(super) fn in_time(&self, notice: &Kept, release: Timestamp) -> Result<(), NoticeError> {
        let problems = self.in_circumstances(|circumstances| check_release(&notice.source, release, circumstances));
        if problems.is_empty() { Ok(()) } else { Err(NoticeError::NotReady(problems)) }
    }

    /// What whoever approves or releases a notice should know about its legal clock, with the time of its release.
    #[must_use]
    pub fn lateness(&self, notice: &Kept) -> Problems {
        let now = self.context.clock.now();
        let release = notice.send_at.map_or(now, |send_at| send_at.max(now));
        self.in_circumstances(|circumstances| check_clock(&notice.source, release, circumstances))
    }

    fn findings(&self, source: &str) -> Findings {
        self.in_circumstances(|circumstances| check_at(source, circumstances))
    }

    fn in_circumstances<T>(&self, check: impl FnOnce(&Circumstances<'_>) -> T) -> T {
        let config = &self.context.config;
        let lead_time = |category, kind| {
            let required = config.lead_time_required(category);
            config.lead_time(category, kind).map(|least| LeadTime { least, required })
        };
        check(&Circumstances {
            now: self.context.clock.now(),
            zone: config.organisation.default_time_zone.time_zone(),
            default_locale: &config.organisation.default_locale,
            lead_time: &lead_time,
            deadline: &|category| config.deadline(category),
            own_domains: &self.own_domains(),
            holidays: &config.organisation.holidays,
            quiet_hours: &|category| config.quiet_hours(category),
            reminders: &config.reminders(),
        })
    }

    /// The domains by which recipients know the organisation.
    fn own_domains(&self) -> Vec<String> {
        let config = &self.context.config;
        let senders = Category::ALL.iter().map(|category| config.from_of(*category).email.domain().to_owned());
        let page = match host_of(&config.organisation.public_url.to_string()) {
            Some(Link::Web { host, .. }) => Some(host),
            _ => None,
        };
        let domains: BTreeSet<String> =
            senders.chain([config.sender.reply_to.email.domain().to_owned()]).chain(page).collect();
        domains.into_iter().collect()
    }
}

/// What the author should know about a notice like it that was released already.
pub(super) fn of_before(before: Option<Before>, draft: &Draft) -> Problems {
    let mut warnings = Problems::default();
    let Some(Before { id, released_at, recipients, is_same }) = before else { return warnings };
    let what = match &draft.notice.reference {
        _ if is_same => "this very notice".to_owned(),
        Some(reference) => format!("a notice with the reference `{reference}`"),
        None => "a notice like it".to_owned(),
    };
    let when = released_at.to_zoned_datetime(TimeZone::UTC).strftime("%F %T UTC");
    let whom = count(recipients, "recipient", "recipients");
    let remedy = if is_same {
        "they would get it twice"
    } else {
        "name it in `follows` if this one continues it, else they may get the news twice"
    };
    warnings.add(0, "", format!("{what} was released at {when} to {whom} (notice {id}): {remedy}"));
    warnings
}

/// Mail programs show the notices of a matter together only if they have one subject: another one is respected, and warned of. That what
/// was possible has happened, and what was suspected is confirmed, changes the subject by itself.
pub(super) fn of_thread(followed: Option<&Kept>, notice: &Notice, subject: &str) -> Problems {
    let mut warnings = Problems::default();
    let Some(followed) = followed.filter(|followed| followed.subject != subject) else { return warnings };
    let is_own = |notice: &Notice| notice.editions[0].subject.is_some();
    let is_own = is_own(notice) || followed.parsed().is_ok_and(|followed| is_own(&followed));
    let vague = [Progress::Status(IncidentStatus::Possible), Progress::Stage(Stage::Suspected)];
    if is_own || !followed.said.progress.is_some_and(|before| vague.contains(&before)) {
        let before = &followed.subject;
        let text =
            format!("is another than that of the notice that it follows, `{before}`: Gmail and Outlook show it apart");
        warnings.add(0, "subject", text);
    }
    warnings
}

/// A notice that moves a window says from when: that should be the window that customers know.
pub(super) fn of_window(followed: Option<&Kept>, notice: &Notice) -> Problems {
    let mut warnings = Problems::default();
    let (Some(known), Fields::Maintenance(it)) = (followed.and_then(|it| it.said.window), notice.fields()) else {
        return warnings;
    };
    if let Some(previous) = it.previous_start.zip(it.previous_end)
        && previous != known
    {
        let text = format!(
            "is the window from {} to {}, and the notice that it follows has the one from {} to {}",
            shown(previous.0),
            shown(previous.1),
            shown(known.0),
            shown(known.1)
        );
        warnings.add(0, "fields.previous_start", text);
    }
    warnings
}

/// A follow-up with an audience of its own leaves those out who are not in it: they keep what was said before. That some who were
/// forgotten are told of a maintenance is no such thing.
pub(super) fn of_customers(before: Option<(Uuid, u64)>, notice: &Notice, reach: &Reach) -> Problems {
    let mut warnings = Problems::default();
    let says = Progress::of(notice.fields());
    let adds = says.is_none_or(|it| it == Progress::Phase(Phase::Announced));
    if let Some((id, customers)) = before.filter(|(_, customers)| *customers > reach.customers && !adds) {
        let text = format!(
            "has {}, and {customers} have the notice {id} of the same matter: the others do not hear of this; without `[audience]` it \
             goes to all customers of the matter",
            count(reach.customers, "customer", "customers")
        );
        warnings.add(0, "audience", text);
    }
    warnings
}

/// A matter has one discovery: a follow-up that names another one is hardly meant.
pub(super) fn of_discovery(followed: Option<&Kept>, notice: &Notice) -> Problems {
    let mut warnings = Problems::default();
    let (before, now) = (followed.and_then(Kept::discovered_at), notice.discovered_at());
    if let Some((before, now)) = before.zip(now)
        && before != now
    {
        let text = format!("is {}, and {} in the notice that it follows", shown(now), shown(before));
        warnings.add(0, "fields.discovered_at", text);
    }
    warnings
}

/// What the author should know about the addresses in an audience.
pub(super) fn of_audience(reach: &Reach) -> Problems {
    let mut warnings = Problems::default();
    for Unmet { name, words } in &reach.unmet {
        warnings.add(0, format!("audience.attributes.{name}"), words.clone());
    }
    let mut warn = |number: u64, one: &str, many: &str| {
        if number > 0 {
            warnings.add(0, "audience", count(number, one, many));
        }
    };
    warn(
        reach.role_addresses,
        "address belongs to no person (such as noreply@, abuse@ or postmaster@), and its mail is hardly read",
        "addresses belong to no person (such as noreply@, abuse@ or postmaster@), and their mail is hardly read",
    );
    warn(
        reach.dead,
        "address is dead (mail to it was refused): mandatory mail is tried once, optional mail is not sent",
        "addresses are dead (mail to them was refused): mandatory mail is tried once, optional mail is not sent",
    );
    warn(
        reach.needs_smtputf8,
        "address needs SMTPUTF8: only relays and servers that offer it carry mail to it",
        "addresses need SMTPUTF8: only relays and servers that offer it carry mail to them",
    );
    warn(
        reach.left,
        "customer of the notice that it follows has left and is not addressed: \
         name it in `[audience] customers`, or set `include_left` where the category has it",
        "customers of the notice that it follows have left and are not addressed: \
         name them in `[audience] customers`, or set `include_left` where the category has it",
    );
    warnings
}
