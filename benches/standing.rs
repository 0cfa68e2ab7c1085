//! Standing notices: recipients that are added one by one, each call answered once it is on disk.
//!
//!     cargo bench --bench standing                   # SQLite, every commit on disk
//!     cargo bench --bench standing -- adds           # also `batches`
//!
//! The callers are tasks of this process, as those of the HTTP server are. The measure for both is the bare rate: one row in a
//! transaction of its own, on the same disk, with the same settings of SQLite, one after the other.

#[expect(dead_code, reason = "other benches use the rest")]
mod bench;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use bench::home::{Home, STANDING};
use bench::{median, run_parts};
use besked::app::App;
use besked::config::load;
use besked::domain::actor::Actor;
use besked::domain::clock::Clock;
use besked::domain::random::Random;
use besked::notices::recipients::NewRow;
use besked::notices::{Draft, Release};
use sqlx::{AnyConnection, Connection as _, Executor as _};
use uuid::Uuid;

/// Callers at once.
const CALLERS: usize = 4;
/// Calls of each.
const CALLS: usize = 2_000;
/// Customers with a billing contact.
const CUSTOMERS: usize = 10_000;
/// Rows of the bare rate.
const BARE: usize = 2_000;
/// Measurements of each, of which the median counts.
const RUNS: usize = 3;

fn main() {
    run_parts(&[("adds", adds), ("batches", batches)]);
}

/// One recipient a call.
fn adds(place: &Path) {
    measure(place, 1, CALLS);
}

/// A hundred recipients a call.
fn batches(place: &Path) {
    measure(place, 100, 100);
}

fn measure(place: &Path, rows: usize, calls: usize) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
    let directory = place.join("home");
    let home = Home::new(directory.clone(), &[]);
    let customers = place.join("customers.csv");
    let lines: String = (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example,billing\n")).collect();
    fs::write(&customers, format!("account_id,customer_name,email,role\n{lines}")).expect("a file can be written");
    home.import(&customers);
    runtime.block_on(async {
        let bare = median([bare(place).await, bare(place).await, bare(place).await]);
        println!("bare: {bare:.0} rows/s, each in a transaction of its own");
        std::env::set_current_dir(&directory).expect("it is there");
        let config = load(Some(&directory.join("config/besked.toml")), &[]).expect("it is valid").config;
        let app = App::open(config, Clock::System, Random::from_system()).await.expect("it can be opened");
        let notice = released(&app).await;
        for run in 0..RUNS {
            let (seconds, mut waits) = add(&app, notice, (run, rows, calls)).await;
            waits.sort_unstable();
            let rate = (CALLERS * calls * rows) as f64 / seconds;
            let [half, most, longest] =
                [waits.len() / 2, waits.len() * 99 / 100, waits.len() - 1].map(|n| waits[n].as_secs_f64() * 1000.0);
            println!(
                "{CALLERS} callers, {rows} a call: {rate:.0} recipients/s, {:.2} of the bare rate; a call takes {half:.1} ms, \
                 p99 {most:.1} ms, at most {longest:.1} ms",
                rate / bare
            );
        }
        app.close().await;
    });
}

/// Releases the notice to nobody yet.
async fn released(app: &App) -> Uuid {
    let actor = Actor::system("bench");
    let draft = Draft::of(STANDING, None).expect("it is valid");
    let id = app.notices.create(&draft, &actor).await.expect("the database works");
    app.notices.submit(id, &actor).await.expect("the database works");
    app.notices.release(id, &actor, Release::default(), &|_| {}).await.expect("it is approved");
    id
}

/// All callers at once; returns the seconds for all of it and how long each call took.
async fn add(app: &App, notice: Uuid, (run, rows, calls): (usize, usize, usize)) -> (f64, Vec<Duration>) {
    let began = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let notices = app.notices.clone();
        tokio::spawn(async move {
            let actor = Actor::system("bench");
            let mut waits = Vec::with_capacity(calls);
            for call in 0..calls {
                let rows =
                    (0..rows).map(|n| row(&format!("{run}-{caller}-{call}-{n}"), caller + CALLERS * (call * rows + n)));
                let began = Instant::now();
                let added = notices.add(notice, rows.collect(), &actor).await.expect("the database works");
                assert!(added.problems.is_empty(), "{}", added.problems);
                waits.push(began.elapsed());
            }
            waits
        })
    });
    let mut waits = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        waits.extend(caller.await.expect("it does not panic"));
    }
    (began.elapsed().as_secs_f64(), waits)
}

fn row(key: &str, customer: usize) -> NewRow {
    let values = [("invoice", key), ("amount", "100.00")].map(|(name, value)| (name.to_owned(), value.to_owned()));
    NewRow {
        account_id: format!("C{}", customer % CUSTOMERS),
        key: key.to_owned(),
        values: BTreeMap::from(values),
        ..NewRow::default()
    }
}

/// Rows a second, each committed to the disk for itself.
async fn bare(place: &Path) -> f64 {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}?mode=rwc", place.join("bare.db").display());
    let mut conn = AnyConnection::connect(&url).await.expect("it can be opened");
    for sql in [
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = FULL",
        "CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, text TEXT)",
    ] {
        conn.execute(sql).await.expect("the database works");
    }
    let began = Instant::now();
    for _ in 0..BARE {
        let sql = "INSERT INTO bare (text) VALUES ('as long as a row of an invoice is, more or less, with its key')";
        conn.execute(sql).await.expect("the database works");
    }
    BARE as f64 / began.elapsed().as_secs_f64()
}
