//! Throughput as a user sees it: the `besked` command itself, on 100,000 customers.
//!
//!     cargo bench --bench throughput                                  # SQLite; PostgreSQL where there is a server
//!     pg_virtualenv -t -o fsync=on cargo bench --bench throughput     # and PostgreSQL
//!     cargo bench --bench throughput -- import                        # import and release; `one`, `sixteen`, `sixty_four`: connections
//!
//! Needs `smtp-sink` and `smtp-source` of Debian's postfix package, and `openssl`. Every run starts with an empty database in
//! a temporary directory; the rates of Postfix's own `smtp-source` against the same sink, taken in the same run, show what the
//! machine and the protocol allow. Sender, sink and PostgreSQL share the same cores.
//!
//! Where the time goes, by a profile of the build of 30 November 2026 (some 200 microseconds of CPU a message over 16 connections, SQLite):
//! a third of it is on the thread of SQLite, two thirds beside it. Nobody waits for anything but that one thread, which claims and
//! settles. A connection may have two messages in flight (`docs/design.md`), and one of the 16 is kept for what is critical: some 13
//! messages share a commit. `besked_recorder_commit_seconds` and `besked_recorder_group_size` show both.
//!
//! - The thread of SQLite: a commit took 0.87 milliseconds, and 0.15 more for each message, before the last changes: ways to the thread
//!   and back (four of 30 to 60 microseconds: begin, settle, claim, commit), 22 pages of the log with two writes each, one sync, four
//!   locks of files; of a message the opening in the ledger, its state with seven triggers, the claim, the queue, the seal, the attempt.
//! - Beside it: the conversation 45 to 50 microseconds, most of it in the kernel; making the message some 20, half of it SHA-256;
//!   switching threads some 25; the rest is spread thin (copies, memory, JSON of the claim).
//!
//! Since 30 November the filler stands on lines of its own, as a text does; before that it stood on the line of the name, and was encoded
//! anew for each recipient. Rates of earlier builds do not compare with these.
//!
//! Removed last. What a profile with symbols showed at once and a reading had not: the language tag of each recipient was looked up in
//! lists of all languages, word by word (40 of 250 microseconds). Signing split each line of a body into words; a line that has none to
//! join is copied whole (Ed25519 from 0.79 to 0.9 of the rate without). Requests that come while the recorder waits for its turn are in its
//! commit. Before that: the statement of its own that read the recipients of a claim, and 18 columns of each; one of the two calls that
//! settled, with its rows; JSON for what settles and for openings (typed rows, anonymous `?` only: SQLite looks up named ones one by one);
//! the way of pending leaves out of the database and back; emptying the log into the file, 25 to 120 ms in the middle of a commit,
//! which a connection of its own does now.
//!
//! On 1 December: on PostgreSQL all that settles is one statement in place of five (one connection: 0.15 to 0.23); replies are read without
//! lettre; the values of a message are packed, a fifth less on disk at the same CPU. Since then, and not in the
//! figures of `docs/speed.md`: the files of notices stand in a table of their own. Each claim looks its notice up by id, and SQLite copied
//! whole files to compare ids, as it does in a table without row ids whose rows spill (2.2 ms a claim in place of 0.3 with an audience of 20,000 names in the notice).
//!
//! What is left to remove: a call of its own to begin; the copies that `Any` makes of each parameter; ids as texts of 36 bytes. 0.75 is out
//! of reach on two cores that sender and sink share.
//!
//! What flatters or hurts the ratio: one connection of the 16 is reserved; the whole process is timed, also its start and its last seal,
//! over 20,000 messages; `smtp-source` is one thread without pipelining, so that source and sink fill two cores.
//!
//! Removed so far, in the order of what it gained: on PostgreSQL the wait of 40 ms for a statement of more than one TLS record
//! (250/s until then), and looking at 272 rows for each claim; a statement for each table and each time a way to SQLite's thread
//! and back (one call now records everything); the pool's test of the connection after each commit; the recorder queueing behind
//! workers that make messages; encoding for each recipient what all of them read, and packing it (moulds); a checkpoint every thousand
//! pages; the claim being prepared anew for every LIMIT; a list of the whole queue by domain, a page of it for each claim; digesting
//! messages without SIMD; looking for dots byte by byte; all rules for addresses of the usual letters; locks for SQLite's statistics.
//! Tried without a gain: pages of 8 and 16 kB, tables with a row id (fewer pages of rows, as many more of their indexes), jemalloc,
//! mimalloc.

#[expect(dead_code, reason = "other benches use the rest")]
mod bench;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bench::customers::{self, AS_IN_SAMPLE};
use bench::home::{Home, TWELVE_KB};
use bench::sink::{Sink, smtp_source};
use bench::{Measured, median, report, run_parts};
use besked::config::{EXAMPLE, parse};
use besked::mail::dkim::signatures;

/// Customers in the file.
const CUSTOMERS: usize = 100_000;
/// Messages sent in each measurement.
const MESSAGES: usize = 20_000;
/// Runs of each measurement; the median is printed.
const RUNS: usize = 3;

fn main() {
    run_parts(&[
        ("import", import_and_release),
        ("one", over_one),
        ("sixteen", over_sixteen),
        ("sixty_four", over_sixty_four),
    ]);
}

fn import_and_release(place: &Path) {
    let file = place.join("customers.csv");
    let contacts = customers::write(&file, CUSTOMERS, AS_IN_SAMPLE);
    println!("{CUSTOMERS} customers, {contacts} contacts, medians of {RUNS} runs");
    let (mut import, mut release) = (Vec::new(), Vec::new());
    for run in 0..RUNS {
        let home = Home::new(place.join(format!("bulk-{run}")), &[]);
        import.push(home.import(&file));
        release.push(home.release("maintenance", "all = true", 0));
    }
    report("import", &import, contacts);
    report("release to one contact of each", &release, CUSTOMERS);
}

fn over_one(place: &Path) {
    send(place, 1, &Kind::on_both());
}

/// On SQLite and PostgreSQL, and signed on SQLite.
fn over_sixteen(place: &Path) {
    let (ed25519, rsa) = (dkim(place, "ed25519", &[]), dkim(place, "rsa", &["-pkeyopt", "rsa_keygen_bits:2048"]));
    let signed = |name, tables: &str| Kind { tables: tables.to_owned(), base: Base::Unsigned, ..Kind::sqlite(name) };
    let mut kinds =
        vec![Kind::sqlite("SQLite"), signed("SQLite, DKIM Ed25519", &ed25519), signed("SQLite, DKIM RSA-2048", &rsa)];
    kinds.extend(Kind::postgres());
    let unsigned = send(place, 16, &kinds);
    for (name, tables) in [("Ed25519", ed25519), ("RSA-2048", rsa)] {
        let signing = signing_rate(&tables);
        let both = 1.0 / (1.0 / unsigned + 1.0 / signing);
        println!(
            "  signing alone with {name}: {signing:.0}/s on all cores; sending and signing share them: {both:.0}/s at most"
        );
    }
}

fn over_sixty_four(place: &Path) {
    send(place, 64, &Kind::on_both());
}

/// A way of sending.
struct Kind {
    name: &'static str,
    /// Its configuration beside the default.
    tables: String,
    base: Base,
    postgres: Option<Postgres>,
}

impl Kind {
    fn sqlite(name: &'static str) -> Self {
        Self { name, tables: String::new(), base: Base::Source, postgres: None }
    }

    /// `None` without a server.
    fn postgres() -> Option<Self> {
        let postgres = Postgres::of_environment();
        if postgres.is_none() {
            println!("PostgreSQL: missing; measured under `pg_virtualenv -t -o fsync=on`");
        }
        Some(Self { postgres: Some(postgres?), ..Self::sqlite("PostgreSQL") })
    }

    fn on_both() -> Vec<Self> {
        std::iter::once(Self::sqlite("SQLite")).chain(Self::postgres()).collect()
    }
}

/// What a rate is compared with.
enum Base {
    /// That of `smtp-source`.
    Source,
    /// That of the first kind.
    Unsigned,
}

/// Sends to a sink over some connections in each of these ways, and runs `smtp-source` likewise; one after the other in
/// each run, so that other load on the machine affects all of them. Returns the rate of the first.
fn send(place: &Path, connections: u32, kinds: &[Kind]) -> f64 {
    let file = place.join("small.csv");
    customers::write(&file, MESSAGES, AS_IN_SAMPLE);
    let mut ours: Vec<Vec<Measured>> = vec![Vec::new(); kinds.len()];
    let mut theirs = Vec::new();
    let mut bytes = 0;
    for run in 0..RUNS {
        let sink = Sink::start(place);
        for (kind, measured) in kinds.iter().zip(&mut ours) {
            let name = format!("{}-{connections}-{run}", kind.name);
            let database: Vec<_> = kind.postgres.iter().map(|postgres| postgres.database(connections, run)).collect();
            let home = Home::new(place.join(name), &database).configured(&kind.tables).relay(sink.port, connections);
            home.import(&file);
            home.release("maintenance", "all = true", TWELVE_KB);
            measured.push(home.dispatch());
            bytes = if bytes == 0 { home.message_size() } else { bytes };
        }
        theirs.push(smtp_source(sink.port, MESSAGES, bytes, connections));
    }
    let source = MESSAGES as f64 / median(theirs);
    println!("{MESSAGES} messages of {bytes} bytes over {connections} connections; smtp-source alone: {source:.0}/s");
    let mut rates: Vec<f64> = Vec::new();
    for (kind, runs) in kinds.iter().zip(&ours) {
        let rate = report(&format!("  {}", kind.name), runs, MESSAGES);
        match kind.base {
            Base::Source => println!("    {:.2} of smtp-source", rate / source),
            Base::Unsigned => println!("    {:.2} of the rate without", rate / rates[0]),
        }
        rates.push(rate);
    }
    rates[0]
}

/// The cluster that `PGHOST` and so on name, as in `pg_virtualenv`.
struct Postgres {
    server: String,
}

impl Postgres {
    fn of_environment() -> Option<Self> {
        let [user, password, host, port] =
            ["PGUSER", "PGPASSWORD", "PGHOST", "PGPORT"].map(|name| std::env::var(name).ok());
        let server = format!("postgres://{}:{}@{}:{}", user?, password?, host?, port?);
        let show = |name: &str| {
            let told = Command::new("psql")
                .args(["-At", "-c", &format!("SHOW {name}")])
                .output()
                .expect("psql can be started");
            String::from_utf8_lossy(&told.stdout).trim().to_owned()
        };
        println!(
            "PostgreSQL {}: fsync {}, synchronous_commit {}",
            show("server_version"),
            show("fsync"),
            show("synchronous_commit")
        );
        Some(Self { server })
    }

    /// Creates an empty database and returns the environment for it.
    fn database(&self, connections: u32, run: usize) -> (String, String) {
        let name = format!("besked_bench_{connections}_{run}");
        for command in [&["dropdb", "--if-exists", &name][..], &["createdb", &name]] {
            let done =
                Command::new(command[0]).args(&command[1..]).status().expect("PostgreSQL's commands can be started");
            assert!(done.success(), "{command:?} failed");
        }
        ("BESKED__DATABASE__URL".to_owned(), format!("{}/{name}", self.server))
    }
}

/// Creates a key, and returns the part of a configuration that signs with it.
fn dkim(place: &Path, algorithm: &str, options: &[&str]) -> String {
    let file = place.join(format!("{algorithm}.pem"));
    let mut make = Command::new("openssl");
    make.args(["genpkey", "-quiet", "-algorithm", algorithm]).args(options).arg("-out").arg(&file);
    assert!(make.status().expect("openssl can be started").success(), "openssl failed");
    format!("\n[[dkim]]\ndomain = \"example.com\"\nselector = \"bench\"\nkey_file = \"{}\"\n", file.display())
}

/// Signatures of a message of 12 kB a second, with a thread on each core and nothing else.
fn signing_rate(tables: &str) -> f64 {
    let config = parse(&format!("{EXAMPLE}{tables}"), "the example", &[]).expect("it is valid");
    let line = "All virtual machines in the region keep running while we do this.\r\n";
    let message =
        format!("From: a@example.com\r\nTo: b@example.com\r\nSubject: Bench\r\n\r\n{}", line.repeat(175)).into_bytes();
    let (cores, time) = (std::thread::available_parallelism().map_or(1, usize::from), Duration::from_secs(2));
    let began = Instant::now();
    let one = || {
        let mut count = 0_u32;
        while began.elapsed() < time {
            signatures(&config.dkim.iter().collect::<Vec<_>>(), jiff::Timestamp::UNIX_EPOCH, &message)
                .expect("it can be signed");
            count += 1;
        }
        count
    };
    let count: u32 = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(one)).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).sum()
    });
    f64::from(count) / began.elapsed().as_secs_f64()
}
