//! How fast the ledger is: appending, sealing, auditing, verifying.
//!
//!     cargo bench --bench ledger
//!
//! On SQLite with every commit on disk, in a temporary directory. Appending is the CPU time for the two bodies, the commitments
//! and the leaf of an entry and for adding it to the tree; sealing and auditing go through the database; the lag is the time from an
//! entry's commit to the checkpoint that covers it, while 5,000 entries a second are appended beside. Memory is the most that a process
//! of its own had while it audited, and while it wrote the evidence for everyone.
//!
//!     cargo bench --bench ledger -- memory 1000000

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use besked::config::{EXAMPLE, parse};
use besked::context::Context;
use besked::domain::address::Address;
use besked::domain::category::Category;
use besked::domain::clock::Clock;
use besked::domain::coverage::Terms;
use besked::domain::delivery::Level;
use besked::domain::entry::{Detail, Entry, Event, Fact, Manifest, Person, commitment, shown};
use besked::domain::evidence::verify;
use besked::domain::matter::Said;
use besked::domain::merkle::{Frontier, leaf_hash};
use besked::domain::notice::{State, content_digest};
use besked::domain::random::Random;
use besked::ledger::Ledger;
use besked::ledger::audit::Progress;
use besked::ledger::evidence::{Wanted, export};
use besked::store::notices::Written;
use besked::store::notices::releases;
use besked::store::notices::releases::{NewDelivery, Releasing};
use besked::store::proof::ledger::Opening;
use besked::store::proof::{commitments, ledger as entries, tree};
use besked::store::sending::settle;
use besked::store::{Store, notices};
use uuid::Uuid;

/// What the notices are held to.
const TERMS: Terms = Terms { informed_at: Level::Relayed, deadline: None };

/// Entries in the bench of appending.
const APPENDED: u32 = 200_000;
/// Recipients of the notice that is audited.
const RECIPIENTS: u64 = 200_000;
/// Entries a second, and for how many seconds, in the bench of the lag.
const RATE: usize = 5_000;
const SECONDS: usize = 10;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().filter(|it| it != "--bench").skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["memory", recipients] => return memory(recipients.parse().expect("a number of recipients")).await,
        ["measure", what, directory, notice] => {
            return measure(what, directory.as_ref(), notice.parse().expect("an id")).await;
        }
        _ => {}
    }
    append();
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let bench = Bench::new(directory.path()).await;
    let notice = bench.notice(RECIPIENTS).await;
    bench.seal().await;
    bench.audit().await;
    bench.verify(notice).await;
    bench.lag().await;
}

fn person(n: u64) -> Person {
    Person {
        account_id: format!("C{n}"),
        address: format!("person-{n}@customer-{n}.example"),
        role: "service".to_owned(),
        sha256: Some([7; 32]),
        message_id: "<01a20cdc-b5e4-7d33-ba63-63973693830a@example.com>".to_owned(),
        envelope_sender: "b+AAAAAAAAAAAAAAAAAAAAAAAAAAAA@bounces.example.com".to_owned(),
        relay: "primary".to_owned(),
        host: "smtp.example.com [192.0.2.25]".to_owned(),
        tls: "TLSv1.3".to_owned(),
        reply: "250 2.0.0 Ok: queued as 4bXYZ12345".to_owned(),
        customer_name: "Kund AB".to_owned(),
    }
}

fn accepted(notice: (Uuid, Category, [u8; 32]), ordinal: u64, at: jiff::Timestamp) -> Fact {
    Fact {
        notice: Some(notice),
        ordinal: Some(ordinal),
        level: Some(Level::Relayed),
        attempt: Some(1),
        status_class: Some(2),
        ..Fact::new(Event::Accepted, at)
    }
}

fn append() {
    let (random, clock) = (Random::from_system(), Clock::System);
    let notice = (Uuid::from_u128(1), Category::Maintenance, [9; 32]);
    let (person, mut frontier) = (person(1), Frontier::new());
    let began = Instant::now();
    for n in 0..APPENDED {
        let entry = Entry::new(&accepted(notice, u64::from(n), clock.now()), Some(&person), &random);
        frontier.push(leaf_hash(&entry.leaf));
        black_box(&entry);
    }
    let each = began.elapsed() / APPENDED;
    println!("append: {:.2} microseconds an entry, on one core (wanted: under 10)", each.as_secs_f64() * 1e6);
}

/// Prints how much memory the two commands that read everything take.
async fn memory(recipients: u64) {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let bench = Bench::new(directory.path()).await;
    let notice = bench.notice(recipients).await.to_string();
    bench.seal().await;
    bench.store.close().await;
    for what in ["audit", "everyone", "one"] {
        let mut command = std::process::Command::new(std::env::current_exe().expect("this program has a path"));
        let status = command.args(["measure", what]).arg(directory.path()).arg(&notice).status();
        assert!(status.expect("it can be run").success());
    }
}

/// Does one of them, and prints the most memory that this process had.
async fn measure(what: &str, directory: &std::path::Path, notice_id: Uuid) {
    let bench = Bench::new(directory).await;
    let began = Instant::now();
    if what == "audit" {
        let report = bench.ledger.audit(None, &|_| ()).await.expect("auditing works");
        assert_eq!(report.problem, None);
    } else {
        let account_id = (what == "one").then_some("C777");
        let checkpoint = bench.ledger.checkpoint().await.expect("signing works");
        let mut conn = bench.store.snapshot().await.expect("the database works");
        let wanted = Wanted { notice_id, account_id, address: None, with_messages: false };
        export(&mut conn, &checkpoint, &wanted, std::io::sink(), &|_| ()).await.expect("exporting works");
    }
    let status = std::fs::read_to_string("/proc/self/status").expect("this is Linux");
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    println!("memory: {what}: {} in {:.1} s", most.trim(), began.elapsed().as_secs_f64());
}

struct Bench {
    store: Store,
    clock: Clock,
    random: Random,
    ledger: Ledger,
}

impl Bench {
    async fn new(directory: &std::path::Path) -> Self {
        use ed25519_dalek::pkcs8::EncodePrivateKey as _;
        let mut config = parse(EXAMPLE, "example", &[]).expect("the example is valid");
        config.ledger.key_file = directory.join("key");
        config.ledger.state_file = directory.join("state");
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let pem = key.to_pkcs8_pem(ed25519_dalek::pkcs8::spki::der::pem::LineEnding::LF).expect("a key can be written");
        std::fs::write(&config.ledger.key_file, pem.as_bytes()).expect("a file can be written");
        let url = format!("sqlite://{}", directory.join("besked.db").display());
        let store = Store::open(&url.parse().expect("it is a file"), true).await.expect("a database can be made");
        store.migrate().await.expect("tables can be made");
        let (clock, random, config) = (Clock::System, Random::from_system(), Arc::new(config));
        let context = Context { store: store.clone(), config, clock: clock.clone(), random: random.clone() };
        Self { store, clock, random, ledger: Ledger::new(context) }
    }

    /// A released and closed notice with an acceptance for each recipient.
    async fn notice(&self, recipients: u64) -> Uuid {
        let now = self.clock.now();
        let id = self.random.id(now);
        let notice = (id, Category::Maintenance, content_digest("", []));
        let mut tx = self.store.write().await.expect("the database works");
        let written = Written {
            category: Category::Maintenance,
            reference: Some("BENCH"),
            subject: "Bench",
            follows_id: None,
            matter_id: None,
            said: Said::default(),
            source: "",
            digest: content_digest("", []),
            author: "bench",
            send_at: None,
        };
        notices::insert(&mut tx, id, now, &written).await.expect("the database works");
        notices::set_state(&mut tx, id, State::Draft, State::Approved).await.expect("the database works");
        releases::begin_release(
            &mut tx,
            id,
            &Releasing { owner: "bench", actor: "bench", reason: None, digest: &written.digest, now },
        )
        .await
        .expect("the database works");
        let (mut tree, mut subtrees) = (Frontier::new(), Vec::new());
        let salts: Vec<[u8; 32]> = (0..recipients).map(|_| self.random.bytes()).collect();
        let mut ids = Vec::new();
        for (n, salt) in (0..).zip(&salts) {
            let person = person(n);
            tree.push_with(leaf_hash(&commitment(salt, &person.account_id, &person.address)), |node, hash| {
                if node.is_stored() {
                    subtrees.push((node, *hash));
                }
            });
            ids.push(self.random.id(now));
        }
        for first in (0..recipients).step_by(2000) {
            let rows: Vec<_> = (first..recipients.min(first + 2000)).map(|n| self.delivery(n, &ids, &salts)).collect();
            releases::insert(&mut tx, id, 1, now, &releases::Packed::of(&rows)).await.expect("the database works");
        }
        let manifest = Fact {
            detail: Detail::Manifest(Manifest {
                count: recipients,
                root: tree.root(),
                customers: recipients,
                unaddressed: 0,
                unaddressed_root: Frontier::new().root(),
                shown: shown("Bench", Some("BENCH"), None, "example.com", Some(TERMS)),
            }),
            ..Fact::new(Event::Manifest, now)
        };
        let manifest = Entry::new(&Fact { notice: Some(notice), ..manifest }, None, &self.random);
        entries::append(&mut tx, &[Opening::of_notice(&manifest, id, now)]).await.expect("the database works");
        let released = releases::Released {
            terms: TERMS,
            customers: recipients,
            recipients,
            message_domain: "example.com",
            salt: &[5; 32],
            revision: 0,
            standing: false,
        };
        commitments::insert_nodes(&mut tx, id, 0, &subtrees).await.expect("the database works");
        releases::set_released(&mut tx, id, now, &released).await.expect("the database works");
        tx.commit().await.expect("the database works");
        for first in (0..recipients).step_by(2000) {
            let mut tx = self.store.write().await.expect("the database works");
            let range = first..recipients.min(first + 2000);
            // The same function as cancellations: the state and its entry in one step.
            let made: Vec<(Uuid, Entry)> = range
                .map(|n| {
                    let fact = Fact { event: Event::Cancelled, level: None, ..accepted(notice, n, now) };
                    let place = usize::try_from(n).expect("it is small");
                    (ids[place], Entry::new(&fact, Some(&Person { sha256: None, ..person(n) }), &self.random))
                })
                .collect();
            settle::cancel(&mut tx, id, now, &made).await.expect("the database works");
            tx.commit().await.expect("the database works");
        }
        id
    }

    fn delivery(&self, n: u64, ids: &[Uuid], salts: &[[u8; 32]]) -> NewDelivery {
        let (person, place) = (person(n), usize::try_from(n).expect("it is small"));
        NewDelivery {
            id: ids[place].to_string(),
            ordinal: n,
            account_id: person.account_id,
            customer_name: "Kund AB".to_owned(),
            email: Address::parse(&person.address).expect("it is one"),
            contact_name: "Anna".to_owned(),
            role: "service",
            locale: None,
            time_zone: None,
            merged: None,
            salt: data_encoding::HEXLOWER.encode(&salts[place]),
            thread: None,
            row_key: None,
            not_before: None,
        }
    }

    async fn seal(&self) {
        let began = Instant::now();
        self.ledger.seal().await.expect("sealing works");
        let size = self.ledger.standing().await.expect("the database works").size;
        let seconds = began.elapsed().as_secs_f64();
        println!("seal: {size} entries in {seconds:.2} s, {:.0}/s", size as f64 / seconds);
    }

    async fn audit(&self) {
        let mut runs = Vec::new();
        for _ in 0..5 {
            let began = (Instant::now(), cpu_seconds());
            let scanned = Mutex::new((0.0, 0.0));
            let note = |progress| {
                if let Progress::Entries(..) = progress {
                    *scanned.lock().expect("nobody panics") =
                        (began.0.elapsed().as_secs_f64(), cpu_seconds() - began.1);
                }
            };
            let report = self.ledger.audit(None, &note).await.expect("auditing works");
            assert_eq!(report.problem, None);
            let scanned = *scanned.lock().expect("nobody panics");
            runs.push((report.entries as f64, scanned, (began.0.elapsed().as_secs_f64(), cpu_seconds() - began.1)));
        }
        runs.sort_by(|a, b| a.1.1.total_cmp(&b.1.1));
        let (entries, scanned, all) = runs[runs.len() / 2];
        println!(
            "audit: {entries} entries in {:.2} s and {:.2} s of CPU, thus {:.0}/s on one core (wanted: 200,000); \
             with as many deliveries {:.2} s and {:.2} s of CPU",
            scanned.0,
            scanned.1,
            entries / scanned.1,
            all.0,
            all.1
        );
    }

    async fn verify(&self, notice_id: Uuid) {
        let checkpoint = self.ledger.checkpoint().await.expect("signing works");
        let mut conn = self.store.snapshot().await.expect("the database works");
        let mut file = Vec::new();
        let wanted = Wanted { notice_id, account_id: Some("C777"), address: None, with_messages: false };
        let began = Instant::now();
        export(&mut conn, &checkpoint, &wanted, &mut file, &|_| ()).await.expect("exporting works");
        println!("export: evidence for one of {RECIPIENTS} in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
        let key = self.ledger.verifier_key().expect("there is a key");
        let mut times: Vec<Duration> = (0..101)
            .map(|_| {
                let began = Instant::now();
                verify(file.as_slice(), &key).expect("it is valid");
                began.elapsed()
            })
            .collect();
        times.sort();
        println!("verify: {:.3} ms a file of {} bytes (wanted: under 5)", times[50].as_secs_f64() * 1e3, file.len());
    }

    /// From an entry's commit to the checkpoint that covers it.
    async fn lag(&self) {
        let sealer = self.ledger.clone();
        let store = self.store.clone();
        let signed = tokio::spawn(async move {
            let mut signed = Vec::new();
            let began = Instant::now();
            while began.elapsed() < Duration::from_secs(SECONDS as u64 + 2) {
                sealer.seal().await.expect("sealing works");
                let last = tree::last_checkpoint(&mut store.read().await.expect("the database works")).await;
                let size = last.expect("the database works").expect("one was signed").size;
                signed.push((Instant::now(), size));
                // The dispatcher's own pause.
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
            signed
        });
        let start = self.ledger.standing().await.expect("the database works").size;
        let mut committed = Vec::new();
        let began = Instant::now();
        for step in 0..SECONDS * 100 {
            let now = self.clock.now();
            let made: Vec<Entry> = (0..RATE / 100)
                .map(|n| Entry::new(&Fact::new(Event::Attested, now), Some(&person(n as u64)), &self.random))
                .collect();
            let openings: Vec<_> = made.iter().map(|entry| Opening::about_nothing(entry, now)).collect();
            let mut tx = self.store.write().await.expect("the database works");
            entries::append(&mut tx, &openings).await.expect("the database works");
            tx.commit().await.expect("the database works");
            committed.push(Instant::now());
            let due = Duration::from_millis(10) * u32::try_from(step + 1).expect("it is small");
            tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        }
        let rate = (SECONDS * RATE) as f64 / began.elapsed().as_secs_f64();
        let signed = signed.await.expect("the sealer ends");
        let mut lags: Vec<f64> = Vec::new();
        for (batch, at) in committed.iter().enumerate() {
            let covered = start + ((batch + 1) * (RATE / 100)) as u64;
            let sealed = signed.iter().find(|(_, size)| *size >= covered).expect("everything was sealed");
            lags.push(sealed.0.duration_since(*at).as_secs_f64());
        }
        lags.sort_by(f64::total_cmp);
        println!(
            "seal lag at {rate:.0} entries/s: median {:.2} s, p99 {:.2} s, worst {:.2} s (wanted: p99 under 2)",
            lags[lags.len() / 2],
            lags[lags.len() * 99 / 100],
            lags[lags.len() - 1]
        );
    }
}

/// CPU time that this process used, in seconds.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("this is Linux");
    let after = stat.rsplit_once(')').expect("the name is in parentheses").1;
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}
