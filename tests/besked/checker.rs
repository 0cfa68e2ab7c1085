//! The history checker compares what clients were told by exit codes, what the ledger and the database say, and what the sink got.
//!
//! LOST: a recipient who was promised a notice and never gets it, or counts as informed and is not. GHOST: a message at the sink that
//! the ledger does not explain. DUP: a copy too many. It reads everything from outside and shares no rule with the product.

mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use besked::domain::category::{Class, Lane};
use besked::domain::delivery::State;
use besked::domain::entry::Event;
use besked::store::proof::ledger;
use besked::store::sending::{deliveries, messages};
use besked::store::{Store, notices};
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::{TestApp, report};
use crate::relay::Received;

/// A release whose client saw exit code 0.
#[derive(Clone, Copy, Debug)]
pub struct Told {
    pub notice: Uuid,
    pub recipients: u64,
}

/// A message at the sink.
#[derive(Clone, Debug)]
pub struct Copy {
    /// The delivery that its header names, if it names one.
    pub delivery: Option<Uuid>,
    /// When it was accepted, if that is by the same clock as the ledger.
    pub at: Option<Timestamp>,
    pub data: Vec<u8>,
    /// False if the sink took it and its 250 was not sent.
    pub answered: bool,
}

/// What the ledger and the database say of a notice.
#[derive(Clone, Debug)]
pub struct Book {
    pub notice: Uuid,
    pub class: Class,
    pub lane: Lane,
    pub released_at: Option<Timestamp>,
    pub recipients: u64,
    /// Its entries in the ledger's order: event, and the delivery that it is about.
    pub entries: Vec<(Event, Option<Uuid>)>,
    pub lines: Vec<Line>,
}

/// The state of a delivery.
#[derive(Clone, Debug)]
pub struct Line {
    pub delivery: Uuid,
    pub state: State,
    /// True if it is still to be sent.
    pub queued: bool,
    /// True if an operator found out what became of it: the sink need not know.
    pub stated: bool,
    /// The exact bytes, if they are stored.
    pub kept: Option<Vec<u8>>,
}

/// What happened meanwhile, and which irregularities it excuses.
#[derive(Clone, Debug)]
pub struct Terms {
    /// Connections of all nodes together.
    pub connections: usize,
    /// Processes killed, or frozen until they counted as gone.
    pub kills: usize,
    /// Processes ended by a signal that lets them finish.
    pub stops: usize,
    /// Optional deliveries that an operator sent again.
    pub resent: BTreeSet<Uuid>,
    /// True if the order of lanes must show at the sink: not if the relay deferred deliveries.
    pub in_order: bool,
}

impl Terms {
    pub fn of(connections: usize) -> Self {
        Self { connections, kills: 0, stops: 0, resent: BTreeSet::new(), in_order: true }
    }

    /// How many deliveries may be in flight at once.
    fn in_flight(&self) -> usize {
        2 * self.connections
    }
}

/// The whole history.
#[derive(Clone, Debug, Default)]
pub struct History {
    pub told: Vec<Told>,
    pub books: Vec<Book>,
    pub copies: Vec<Copy>,
}

/// The findings.
#[derive(Clone, Debug, Default)]
pub struct Findings {
    pub kills: usize,
    pub lost: Vec<String>,
    pub ghosts: Vec<String>,
    pub dups: usize,
    /// The largest number of extra copies that the kills excuse.
    pub bound: usize,
    /// Optional deliveries that arrived twice, and copies that differ.
    pub unequal: Vec<String>,
    /// What was sent or recorded before its manifest, and lanes out of order.
    pub disorder: Vec<String>,
    /// Deliveries that are still to be sent.
    pub waiting: usize,
    /// From release to the first copy, in milliseconds, sorted.
    pub latencies: Vec<i64>,
}

impl History {
    /// Reads the ledger's view of notices, during which a dispatcher may have been killed, and the sink's dump.
    pub async fn read(store: &Store, told: Vec<Told>, dump: Vec<Received>, one_clock: bool) -> Self {
        let mut books = Vec::with_capacity(told.len());
        for it in &told {
            books.extend(read_book(store, it.notice).await);
        }
        let copies = dump.into_iter().map(|mail| Copy {
            delivery: mail.header("X-Besked-Delivery").and_then(|id| id.parse().ok()),
            at: one_clock.then_some(mail.at),
            answered: mail.answered,
            data: mail.data,
        });
        Self { told, books, copies: copies.collect() }
    }

    /// The history of an app whose relay and database nobody else has used.
    pub async fn of_app(app: &TestApp, ids: &[Uuid]) -> Self {
        let mut told = Vec::with_capacity(ids.len());
        for id in ids {
            told.push(Told { notice: *id, recipients: app.notice(*id).await.recipients });
        }
        Self::read(&app.app.context.store, told, app.relay.received(), false).await
    }

    pub fn check(&self, terms: &Terms) -> Findings {
        let mut copies: BTreeMap<Option<Uuid>, Vec<&Copy>> = BTreeMap::new();
        for copy in &self.copies {
            copies.entry(copy.delivery).or_default().push(copy);
        }
        let mut found = Findings { kills: terms.kills, bound: terms.in_flight() * terms.kills, ..Findings::default() };
        self.broken_promises(&mut found);
        for book in &self.books {
            for line in &book.lines {
                let copies = copies.remove(&Some(line.delivery)).unwrap_or_default();
                book.compare(line, &copies, terms, &mut found);
            }
            book.begins_with_its_manifest(&mut found);
        }
        for (id, copies) in copies {
            found.ghosts.extend(copies.iter().map(|_| format!("{id:?} is in no book")));
        }
        if terms.in_order {
            self.lanes_in_order(terms, &mut found);
        }
        found.latencies.sort_unstable();
        found
    }

    fn broken_promises(&self, found: &mut Findings) {
        for told in &self.told {
            let book = self.books.iter().find(|book| book.notice == told.notice);
            let (promised, lines) = book.map_or((0, 0), |book| (book.recipients, book.lines.len() as u64));
            if promised != told.recipients || lines != told.recipients {
                let Told { notice, recipients } = told;
                found
                    .lost
                    .push(format!("{notice}: {recipients} acknowledged, {promised} in the manifest, {lines} there"));
            }
        }
    }

    /// An overtaken delivery is in flight: at no moment are more overtaken than are in flight. Deliveries that were uncertain or
    /// deferred meanwhile are left out: they arrive when they can. A stop returns what is before the dot.
    fn lanes_in_order(&self, terms: &Terms, found: &mut Findings) {
        let allowed = terms.in_flight() * (1 + terms.stops);
        for lane in [Lane::Critical, Lane::Normal, Lane::Bulk] {
            let mut books: Vec<_> = self.books.iter().filter(|book| book.lane == lane).collect();
            books.sort_by_key(|book| (book.released_at, book.notice));
            let due = books.iter().flat_map(|book| book.lines.iter().filter(|line| book.went_straight(line)));
            let places: BTreeMap<Uuid, usize> = due.enumerate().map(|(place, line)| (line.delivery, place)).collect();
            let (mut seen, mut reached) = (BTreeSet::new(), 0);
            for place in self.copies.iter().filter_map(|copy| places.get(&copy.delivery?)) {
                seen.insert(place);
                reached = reached.max(place + 1);
                if reached - seen.len() > allowed {
                    found.disorder.push(format!("{lane}: {} passed over, {allowed} in flight", reached - seen.len()));
                    break;
                }
            }
        }
    }
}

impl Book {
    /// The entries of the ledger about a delivery.
    fn events(&self, delivery: Uuid) -> impl Iterator<Item = Event> {
        self.entries.iter().filter(move |(_, about)| *about == Some(delivery)).map(|(event, _)| *event)
    }

    fn went_straight(&self, line: &Line) -> bool {
        self.events(line.delivery).next() == Some(Event::Accepted)
    }

    /// Compares a delivery with its copies at the sink.
    fn compare(&self, line: &Line, copies: &[&Copy], terms: &Terms, found: &mut Findings) {
        let id = line.delivery;
        let mandatory = self.class == Class::Mandatory;
        match line.state {
            State::Accepted if !line.stated && !copies.iter().any(|copy| copy.answered) => {
                found.lost.push(format!("{id} stands as accepted, and the sink never said so"));
            }
            State::Queued | State::Sending | State::Deferred if !line.queued => {
                found.lost.push(format!("{id} is {}, and nobody will send it", line.state));
            }
            State::Queued | State::Sending | State::Deferred => found.waiting += 1,
            State::Uncertain if line.queued => found.waiting += 1,
            _ => {}
        }
        let known = self.events(id).filter(|event| matches!(event, Event::Accepted | Event::Uncertain)).count();
        if copies.len() > known {
            found.ghosts.push(format!("{id}: {} at the sink, {known} in the ledger", copies.len()));
        }
        let more = copies.len().saturating_sub(1);
        found.dups += more;
        if more > 0 && !mandatory && !terms.resent.contains(&id) {
            found.unequal.push(format!("{id} is optional and came {} times", copies.len()));
        }
        let original = line.kept.as_ref().or(copies.first().map(|copy| &copy.data));
        if copies.iter().any(|copy| Some(&copy.data) != original) {
            found.unequal.push(format!("{id}: its copies differ from each other or from the bytes that are kept"));
        }
        if let (Some(released), Some(first)) = (self.released_at, copies.iter().filter_map(|copy| copy.at).min()) {
            let latency = first.as_millisecond() - released.as_millisecond();
            found.latencies.push(latency);
            if latency < 0 {
                found.disorder.push(format!("{id} was sent {} ms before its release", -latency));
            }
        }
    }

    fn begins_with_its_manifest(&self, found: &mut Findings) {
        let manifests = self.entries.iter().filter(|(event, _)| *event == Event::Manifest).count();
        // What operators did before the release comes before it.
        let first = self.entries.iter().map(|(event, _)| *event).find(|event| *event != Event::Operated);
        if manifests > 1 || (first.is_some() && first != Some(Event::Manifest)) {
            found.disorder.push(format!("{}: {manifests} manifests, begins with {first:?}", self.notice));
        }
    }
}

async fn read_book(store: &Store, id: Uuid) -> Option<Book> {
    let mut conn = store.snapshot().await.unwrap();
    let kept = notices::find(&mut conn, id).await.unwrap()?;
    let mut entries = ledger::of_notice(&mut conn, id).await.unwrap();
    let waiting: Vec<String> =
        sqlx::query_scalar("SELECT entry_id FROM ledger_pending ORDER BY seq").fetch_all(&mut *conn).await.unwrap();
    let place = |id: Uuid| waiting.iter().position(|waits| *waits == id.to_string());
    entries.sort_by_key(|entry| (entry.index.unwrap_or(u64::MAX), place(entry.entry_id)));
    let queued: Vec<String> = sqlx::query_scalar("SELECT delivery_id FROM queue WHERE notice_id = $1")
        .bind(id.to_string())
        .fetch_all(&mut *conn)
        .await
        .unwrap();
    let queued: BTreeSet<Uuid> = queued.iter().map(|id| id.parse().unwrap()).collect();
    let mut lines = Vec::new();
    for shown in deliveries::of_notice(&mut conn, id, 0, u32::MAX).await.unwrap() {
        let kept = messages::find(&mut conn, shown.id).await.unwrap();
        let stated = shown.reply.as_deref().is_some_and(|reply| reply.starts_with("stated by "));
        lines.push(Line { delivery: shown.id, state: shown.state, queued: queued.contains(&shown.id), stated, kept });
    }
    Some(Book {
        notice: id,
        class: kept.category.class(),
        lane: kept.category.lane(),
        released_at: kept.released_at,
        recipients: kept.recipients,
        entries: entries.iter().map(|entry| (entry.event, entry.delivery_id)).collect(),
        lines,
    })
}

impl Findings {
    /// The rule that is broken, if any.
    pub fn fault(&self) -> Option<String> {
        let Self { lost, ghosts, unequal, disorder, .. } = self;
        let told = [lost, ghosts, unequal, disorder].map(|found| found.iter().take(5).cloned().collect::<Vec<_>>());
        let told = told.concat();
        (!told.is_empty() || self.dups > self.bound).then(|| format!("{self}\n{}", told.join("\n")))
    }

    /// Fails if a rule is broken; else prints the findings, and writes a line for the summary of `tests/run`.
    #[track_caller]
    pub fn hold(&self, scenario: &str) {
        assert_eq!(self.fault(), None, "{scenario}");
        println!("{scenario}: {self}");
        let Self { kills, lost, ghosts, dups, bound, .. } = self;
        let (lost, ghosts) = (lost.len(), ghosts.len());
        report("BESKED_TEST_TALLY", &format!("{kills}\t{lost}\t{ghosts}\t{dups}\t{bound}\t{scenario}\n"));
    }

    fn percentile(&self, percent: usize) -> i64 {
        self.latencies.get((self.latencies.len().saturating_sub(1)) * percent / 100).copied().unwrap_or_default()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kills, lost, ghosts, dups, bound, .. } = self;
        write!(f, "LOST {} GHOST {} DUP {dups}/{bound} after {kills} kills", lost.len(), ghosts.len())?;
        if !self.latencies.is_empty() {
            let [half, most, all] = [50, 99, 100].map(|percent| self.percentile(percent));
            write!(f, "; ms from release to first copy: 50 % {half}, 99 % {most}, all {all}")?;
        }
        Ok(())
    }
}
