//! Claims: which deliveries go next, by lane and by notice, skipping the domains at their limit.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use crate::dispatch::Context;
use crate::dispatch::domains::pace::Slot;
use crate::dispatch::recorder::hold::Hold;
use crate::dispatch::recorder::lanes::{Floor, Seat};
use crate::dispatch::recorder::load::load;
use crate::dispatch::recorder::logged::Logged;
use crate::dispatch::recorder::unreadable::PAUSE_MS;
use crate::domain::category::{Category, Class, Lane};
use crate::domain::category_set::CategorySet;
use crate::mail::compose::composer::Composer;
use crate::store::notices::{Kept, releases};
use crate::store::sending::claims::Claimed;
use crate::store::sending::deliveries::ToSend;
use crate::store::sending::queue::GiveBack;
use crate::store::sending::waiting::Waiting;
use crate::store::sending::{claims, queue, waiting};
use crate::store::{Conn, StoreError, notices};

/// How long the list of open notices counts as current while there is enough to claim. The claim itself checks its
/// notice's state; the list only says where to look, and in which order.
const OPEN_FRESH: Duration = Duration::from_millis(250);

/// How long the domains of what was set aside of a notice count as known: another node may set more aside.
const BLOCKED_FRESH: Duration = Duration::from_secs(1);

/// How long a delivery waits whose contact is no longer there: an errand replaces it.
const GONE_PAUSE_MS: i64 = 1_000;

/// The lanes in order of precedence.
const LANES: [Lane; 3] = [Lane::Critical, Lane::Normal, Lane::Bulk];

/// How many times a claim advances past deliveries to domains at their limit: about a thousand rows each time.
const STEPS: usize = 8;

/// State that lasts from one claim to the next.
pub struct Claims {
    context: Arc<Context>,
    notices: HashMap<Uuid, Arc<Composer>>,
    open: Vec<Listed>,
    open_at: Option<Instant>,
    /// The minimum share of the bulk lane, for each set of categories that is claimed.
    floors: BTreeMap<CategorySet, Floor>,
    /// Notices with deliveries that may have been set aside, each with the domain after which to look for them.
    aside: HashMap<Uuid, String>,
    /// Notices of which nothing but deliveries to domains at their limit is due.
    blocked: HashMap<Uuid, Blocked>,
    /// Rows of deliveries that cannot be read.
    logged: Logged<String>,
}

/// An open notice of which something is due.
#[derive(Clone, Copy)]
struct Listed {
    id: Uuid,
    category: Category,
    /// Something is due that was not set aside.
    front: bool,
    /// Contacts may have changed since its queue was compared with them.
    stale: bool,
}

/// The domains of all that was set aside of a notice, and when they were looked up.
struct Blocked {
    domains: Vec<String>,
    at: Instant,
}

/// How many deliveries are wanted, by seat, and of which categories.
#[derive(Clone, Copy)]
pub struct Wanted {
    /// The categories.
    pub categories: CategorySet,
    /// For seats of the critical lane only.
    pub reserved: usize,
    /// For seats of any lane.
    pub open: usize,
}

impl Wanted {
    fn all(self) -> usize {
        self.reserved + self.open
    }

    /// Open seats that are still free: critical deliveries take the reserved ones first.
    fn open_left(self, ready: &[Ready]) -> usize {
        let critical = ready.iter().filter(|ready| ready.is_critical()).count();
        let taken = ready.len() - critical + critical.saturating_sub(self.reserved);
        self.open.saturating_sub(taken)
    }
}

/// What the claim of a probe does not take while anything else is due: what an unhealthy relay refused lately.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Avoid {
    /// Notices of what it refused.
    pub notices: BTreeSet<Uuid>,
    /// Domains of what it refused.
    pub domains: BTreeSet<String>,
    /// Claim from the end of a notice's queue: what it refused may stand close together there.
    pub from_back: bool,
}

/// A claimed delivery with everything that a job needs. If the transaction of its claim fails, it is dropped, and with it what it
/// holds.
pub struct Ready {
    /// The claim.
    pub claimed: Claimed,
    /// When it was claimed.
    pub at: Timestamp,
    /// Its notice.
    pub sending: Arc<Composer>,
    /// Its recipient.
    pub to: ToSend,
    /// What it holds.
    pub hold: Hold,
}

impl Ready {
    /// True if any seat may take it.
    pub fn is_critical(&self) -> bool {
        self.sending.kept.category.lane() == Lane::Critical
    }
}

impl Claims {
    /// No claim yet.
    pub fn new(context: Arc<Context>) -> Self {
        Self {
            context,
            notices: HashMap::new(),
            open: Vec::new(),
            open_at: None,
            floors: BTreeMap::new(),
            aside: HashMap::new(),
            blocked: HashMap::new(),
            logged: Logged::default(),
        }
    }

    /// A notice with a claimed delivery, while it is open.
    pub fn notice(&self, id: Uuid) -> Option<&Arc<Composer>> {
        self.notices.get(&id)
    }

    /// Claims as many deliveries as are wanted, in order of precedence.
    pub async fn claim(&mut self, conn: &mut Conn, wanted: Wanted, ready: &mut Vec<Ready>) -> Result<(), StoreError> {
        if wanted.categories.is_empty() {
            // The relays before the one that asked have become healthy again.
            return Ok(());
        }
        self.floor(wanted).offer(wanted.open);
        if self.open_at.is_some_and(|at| at.elapsed() < OPEN_FRESH) {
            self.claim_listed(conn, wanted, ready).await?;
        }
        if ready.len() < wanted.all() {
            self.list_open(conn).await?;
            self.claim_listed(conn, wanted, ready).await?;
        }
        Ok(())
    }

    fn floor(&mut self, wanted: Wanted) -> &mut Floor {
        self.floors.entry(wanted.categories).or_default()
    }

    /// Lists the open notices of which something can be claimed now: a deferral in each of hundreds must not slow down the
    /// claims of the others.
    async fn list_open(&mut self, conn: &mut Conn) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let open = notices::open::list(conn).await?;
        self.notices.retain(|id, _| open.iter().any(|notice| notice.id == *id));
        let unreadable = self.context.unreadable.now(now.as_millisecond());
        let due: HashMap<Uuid, Waiting> = waiting::with_due(conn, now).await?.into_iter().collect();
        let claimable = open
            .iter()
            .filter(|notice| notice.is_sendable() && !unreadable.contains(&notice.id) && due.contains_key(&notice.id));
        let listed = |notice: &notices::open::Open| {
            let notices::open::Open { id, category, stale, .. } = *notice;
            Listed { id, category, front: due[&id].front, stale }
        };
        self.open = claimable.map(listed).collect();
        // Another node may have set some aside, or this one before its restart.
        let before = std::mem::take(&mut self.aside);
        let aside = self.open.iter().filter(|it| due[&it.id].aside);
        self.aside = aside.map(|it| (it.id, before.get(&it.id).cloned().unwrap_or_default())).collect();
        self.blocked.retain(|id, blocked| self.aside.contains_key(id) && blocked.at.elapsed() < BLOCKED_FRESH);
        self.open_at = Some(Instant::now());
        Ok(())
    }

    /// The listed notices of these categories in a lane.
    fn listed(&self, lane: Lane, categories: CategorySet) -> impl Iterator<Item = Listed> {
        let of_lane = categories.and(CategorySet::of_lane(lane));
        self.open.iter().filter(move |it| of_lane.contains(it.category)).copied()
    }

    /// True if nothing of a notice can be claimed while these domains are held.
    fn is_blocked(&self, notice: Listed, held: &[String]) -> bool {
        let all_held = |blocked: &Blocked| {
            let held: HashSet<&str> = held.iter().map(String::as_str).collect();
            blocked.domains.iter().all(|domain| held.contains(domain.as_str()))
        };
        !notice.front && self.blocked.get(&notice.id).is_some_and(all_held)
    }

    /// Claims one delivery for the probe of a relay: of another notice than those which the relay refused, else to another
    /// domain, else any.
    pub async fn claim_for_probe(
        &mut self,
        conn: &mut Conn,
        (seat, categories): (Seat, CategorySet),
        avoid: &Avoid,
    ) -> Result<Option<Ready>, StoreError> {
        self.list_open(conn).await?;
        let now = self.context.clock.now();
        let held = self.context.pace.held(now.as_millisecond()).into_iter().map(|held| held.domain);
        let held: Vec<String> = held.collect();
        let avoided: Vec<String> = held.iter().chain(&avoid.domains).cloned().collect();
        let lanes = if seat == Seat::Reserved { &[Lane::Critical][..] } else { &LANES };
        let notices = lanes.iter().flat_map(|lane| self.listed(*lane, categories)).map(|it| it.id);
        let (met, unmet): (Vec<_>, Vec<_>) = notices.partition(|id| avoid.notices.contains(id));
        let order = unmet.iter().chain(&met).map(|id| (*id, &avoided)).chain(met.iter().map(|id| (*id, &held)));
        for (notice_id, skip) in order {
            let owner = &self.context.owner;
            let claimed = claims::claim_end(conn, notice_id, owner, now, skip, avoid.from_back).await?;
            let mut ready = Vec::new();
            self.take(conn, notice_id, (claimed.into_iter().collect(), now), &mut ready).await?;
            if ready.len() == 1 {
                return Ok(ready.pop());
            }
        }
        Ok(None)
    }

    async fn claim_listed(
        &mut self,
        conn: &mut Conn,
        wanted: Wanted,
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        let categories = wanted.categories;
        self.claim_lane(conn, (Lane::Critical, categories), wanted.all(), ready).await?;
        let order = self.floor(wanted).order(wanted.open_left(ready));
        for (step, (lane, most)) in order.into_iter().enumerate() {
            let before = ready.len();
            let most = most.min(wanted.open_left(ready));
            self.claim_lane(conn, (lane, categories), before + most, ready).await?;
            if step == 0 {
                self.floor(wanted).took(ready.len() - before);
            }
        }
        Ok(())
    }

    /// Claims of some categories in a lane until `upto` deliveries are ready.
    async fn claim_lane(
        &mut self,
        conn: &mut Conn,
        (lane, categories): (Lane, CategorySet),
        upto: usize,
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        let now = self.context.clock.now();
        let notices: Vec<_> = self.listed(lane, categories).collect();
        for notice in notices {
            let notice_id = notice.id;
            // Each round fills the want, finds nothing, saturates a domain that the next round skips, or makes nothing ready and is
            // the last: a transaction must not walk through everything that cannot be read.
            while ready.len() < upto {
                let held = self.context.pace.held(now.as_millisecond());
                let skip: Vec<String> = held.into_iter().map(|held| held.domain).collect();
                if self.is_blocked(notice, &skip) {
                    break;
                }
                let limit = upto - ready.len();
                // What was set aside is older than the front of the queue.
                let aside = self.claim_aside(conn, notice_id, now, &skip, limit).await?;
                let is_last = aside.is_empty();
                let claimed = if !is_last {
                    aside
                } else if notice.front {
                    self.claim_front(conn, notice_id, now, &skip, limit).await?
                } else {
                    Vec::new()
                };
                let (found, before) = (claimed.len(), ready.len());
                let with_slot = self.take(conn, notice_id, (claimed, now), ready).await?;
                if (is_last && found < limit) || (with_slot > 0 && ready.len() == before) {
                    break;
                }
            }
        }
        Ok(())
    }

    /// Claims what was set aside for domains that have free slots again, one for each, a range of domains at a time.
    async fn claim_aside(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        now: Timestamp,
        skip: &[String],
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let Some(after) = self.aside.remove(&notice_id) else { return Ok(Vec::new()) };
        let stretch = claims::domains(conn, notice_id, &after).await?;
        if stretch.domains.is_empty() && after.is_empty() {
            return Ok(Vec::new());
        }
        let free = stretch.domains.iter().filter(|domain| !skip.contains(domain));
        let domains: Vec<String> = free.take(limit).cloned().collect();
        if after.is_empty() && stretch.upto.is_none() {
            self.blocked.insert(notice_id, Blocked { domains: stretch.domains, at: Instant::now() });
        }
        let upto = if domains.len() < limit { stretch.upto } else { domains.last().cloned() };
        // After the last domain it starts again with the first.
        self.aside.insert(notice_id, upto.unwrap_or_default());
        if domains.is_empty() {
            return Ok(Vec::new());
        }
        claims::claim_of(conn, notice_id, &self.context.owner, now, &domains).await
    }

    /// Claims from the front of the queue, and sets aside what it skips to get there.
    async fn claim_front(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        now: Timestamp,
        skip: &[String],
        limit: usize,
    ) -> Result<Vec<Claimed>, StoreError> {
        let owner = &self.context.owner;
        let mut claimed = claims::claim(conn, notice_id, owner, now, skip, limit).await?;
        for _ in 0..STEPS {
            if claimed.len() == limit || skip.is_empty() || claims::set_aside(conn, notice_id, now, skip).await? == 0 {
                break;
            }
            self.aside.entry(notice_id).or_default();
            claimed.extend(claims::claim(conn, notice_id, owner, now, skip, limit - claimed.len()).await?);
        }
        Ok(claimed)
    }

    /// Makes ready what was just claimed of a notice, as far as its domains' limits allow; the rest returns. Returns for how many
    /// there was a slot.
    async fn take(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        (claimed, now): (Vec<Claimed>, Timestamp),
        ready: &mut Vec<Ready>,
    ) -> Result<usize, StoreError> {
        let (mut mine, mut over) = (Vec::with_capacity(claimed.len()), Vec::new());
        for claimed in claimed {
            match self.context.pace.reserve(&claimed.domain, now.as_millisecond()) {
                Some(slot) => mine.push((claimed, slot)),
                None => over.push(claimed),
            }
        }
        if !over.is_empty() {
            self.put_off(conn, &over, now.as_millisecond()).await?;
        }
        let with_slot = mine.len();
        self.make_ready(conn, notice_id, (mine, now), ready).await?;
        Ok(with_slot)
    }

    /// Returns what its domain's limits do not allow now: it can be claimed when a slot is free, or when its rate or pause
    /// allows.
    async fn put_off(&self, conn: &mut Conn, over: &[Claimed], now: i64) -> Result<(), StoreError> {
        let held = self.context.pace.held(now);
        let until = |domain: &str| held.iter().find(|held| held.domain == domain).map(|held| held.until_ms);
        let due_at = |domain: &str| until(domain).filter(|until| *until > now);
        let back: Vec<_> = over.iter().map(|claimed| give_back(claimed, due_at(&claimed.domain))).collect();
        queue::give_back(conn, &back).await
    }

    async fn make_ready(
        &mut self,
        conn: &mut Conn,
        notice_id: Uuid,
        (claimed, at): (Vec<(Claimed, Slot)>, Timestamp),
        ready: &mut Vec<Ready>,
    ) -> Result<(), StoreError> {
        if claimed.is_empty() {
            return Ok(());
        }
        let Some(sending) = self.sending(conn, notice_id).await? else {
            let claimed: Vec<_> = claimed.into_iter().map(|(claimed, _)| claimed).collect();
            return self.put_away(conn, &claimed, PAUSE_MS).await;
        };
        let gone = self.gone(conn, &sending, &claimed).await?;
        let (mut unready, mut replaced, mut quiet) = (Vec::new(), Vec::new(), Vec::new());
        for (mut claimed, slot) in claimed {
            // Each by itself: one that cannot be read does not keep the others from being sent.
            let to = claimed.to.take().map(|packed| ToSend::unpack(claimed.delivery_id, &packed)).transpose();
            let to = to.or_else(|error| self.log_unreadable(notice_id, error).map(|()| None))?;
            let asleep = to.as_ref().and_then(|to| self.quiet_until(&sending.kept, to, at));
            if let Some(end) = asleep {
                let until = Some(end.as_millisecond());
                quiet.push(GiveBack { not_before: until, ..give_back(&claimed, until) });
                continue;
            }
            if gone.contains(&claimed.delivery_id) {
                replaced.push(claimed);
                continue;
            }
            match to {
                Some(to) => {
                    let hold = Hold::new(self.context.leases.begin(claimed.delivery_id, claimed.token, at), slot);
                    ready.push(Ready { claimed, at, sending: sending.clone(), to, hold });
                }
                None => unready.push(claimed),
            }
        }
        if !quiet.is_empty() {
            queue::give_back(conn, &quiet).await?;
        }
        self.put_away(conn, &replaced, GONE_PAUSE_MS).await?;
        self.put_away(conn, &unready, PAUSE_MS).await
    }

    /// When the quiet hours end that a recipient is in. A retry, a backlog or a pause leads into them as well as a release.
    fn quiet_until(&self, kept: &Kept, to: &ToSend, at: Timestamp) -> Option<Timestamp> {
        let config = &self.context.config;
        let quiet = config.quiet_hours(kept.category)?;
        let zone = to.time_zone.as_ref().unwrap_or(&config.organisation.default_time_zone);
        quiet.end(at, &zone.time_zone())
    }

    /// Those of some deliveries whose contact is no longer there: while an errand compares the notice's queue with the contacts of
    /// today, all others go on.
    async fn gone(
        &self,
        conn: &mut Conn,
        sending: &Composer,
        claimed: &[(Claimed, Slot)],
    ) -> Result<HashSet<Uuid>, StoreError> {
        if !self.open.iter().any(|it| it.id == sending.kept.id && it.stale) {
            return Ok(HashSet::new());
        }
        let ids: Vec<String> = claimed.iter().map(|(claimed, _)| claimed.delivery_id.to_string()).collect();
        let left = sending.class() == Class::Optional;
        Ok(releases::gone_of(conn, &ids, left).await?.into_iter().collect())
    }

    /// Returns for a while what no job can be made of.
    async fn put_away(&self, conn: &mut Conn, unready: &[Claimed], pause_ms: i64) -> Result<(), StoreError> {
        if unready.is_empty() {
            return Ok(());
        }
        let due_at = self.context.clock.now_ms().saturating_add(pause_ms);
        let back: Vec<_> = unready.iter().map(|claimed| give_back(claimed, Some(due_at))).collect();
        queue::give_back(conn, &back).await
    }

    /// Logs a delivery that cannot be read, by its id and never by its content.
    fn log_unreadable(&self, notice: Uuid, error: StoreError) -> Result<(), StoreError> {
        let StoreError::Inconsistent { table, column, row, .. } = error else { return Err(error) };
        if self.logged.is_news(row.clone()) {
            tracing::error!(delivery = %row, table, column, "a delivery cannot be read and waits; others are sent");
        }
        self.context.unreadable.note_delivery(notice, row, self.context.clock.now_ms());
        Ok(())
    }

    async fn sending(&mut self, conn: &mut Conn, id: Uuid) -> Result<Option<Arc<Composer>>, StoreError> {
        if let Some(sending) = self.notices.get(&id) {
            return Ok(Some(sending.clone()));
        }
        match load(conn, id).await? {
            None => Ok(None),
            Some(Ok(sending)) => {
                self.notices.insert(id, sending.clone());
                Ok(Some(sending))
            }
            Some(Err(why)) => {
                self.context.unreadable.note(id, self.context.clock.now_ms());
                self.context.unreadable.log(id, &why);
                self.open.retain(|open| open.id != id);
                Ok(None)
            }
        }
    }
}

fn give_back(claimed: &Claimed, due_at: Option<i64>) -> GiveBack {
    GiveBack { id: claimed.delivery_id, token: claimed.token, due_at, not_before: None }
}
