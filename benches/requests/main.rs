//! The API and the console of a running `besked serve`: answers and pages among a million deliveries, and an invoice from the 202 to the
//! relay.
//!
//!     cargo bench --bench requests                   # SQLite, every commit on disk
//!     cargo bench --bench requests -- million        # also `invoices`
//!
//! The clients are four threads of the bench itself, each with one connection that it keeps. They begin a request at fixed times,
//! whether or not the one before took long, and the wait is counted from that time: a server that stalls cannot hide it.

#[path = "../bench/mod.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod bench;
mod client;
#[path = "../lanes/sink.rs"]
#[expect(dead_code, reason = "another bench uses the rest")]
mod sink;

use std::path::Path;
use std::time::{Duration, Instant};

use bench::customers::{self, ONE_EACH};
use bench::home::{Dispatching, Home, TWELVE_KB};
use bench::{free_port, memory_kb, run_parts, until};
use client::Client;
use sink::{Manner, Sink};

/// Clients at once.
const CLIENTS: usize = 4;
/// Deliveries in the database when `informed` is asked.
const MILLION: usize = 1_000_000;
/// How many of them are sent; the others wait for a relay.
const SENT: usize = 20_000;
/// How often each page is opened.
const PAGES: usize = 50;
/// Questions a second, and for how long.
const QUESTIONS: usize = 500;
/// Invoices a second, and for how long.
const INVOICES: usize = 1_000;
const TIME: Duration = Duration::from_secs(20);
/// Customers with a contact for invoices.
const CUSTOMERS: usize = INVOICES * TIME.as_secs() as usize;

fn main() {
    run_parts(&[("million", million), ("invoices", invoices)]);
}

/// With a million deliveries: `GET /informed` for one customer after the other, and the pages of the console.
fn million(place: &Path) {
    let file = place.join("million.csv");
    customers::write(&file, MILLION, ONE_EACH);
    let sink = Sink::start(Manner::AT_ONCE, "none");
    let home = Home::new(place.join("home"), &[]).relay(sink.port, 16);
    home.import(&file);
    home.release("maintenance", "all = true", TWELVE_KB);
    let dispatching = home.start_dispatch();
    until("some are sent", || sink.count("maintenance") >= SENT);
    dispatching.stop();
    let home = home.staffed();
    let key = authorization(&home.key("compliance", "compliance"));
    let link = home.invited("Mia", &["compliance", "ops", "support", "admin"]);
    let port = free_port();
    let home = home.listening(port);
    let serving = home.start(&["serve", "--only", "http"]);
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let begin = rss_mb(&serving);
    for rate in [QUESTIONS, QUESTIONS * 4] {
        // Far from the customer before, as far as the pages of the database go.
        let waits = paced(port, &key, rate, |n| {
            let account = n * 617_933 % MILLION;
            (format!("GET /api/v1/informed?account=C{account:07}&notice=BENCH"), String::new(), account.to_string())
        });
        tell(
            &format!("informed, {rate}/s"),
            waits.into_iter().map(|(_, began, answered)| answered.duration_since(began)),
        );
    }
    println!("  memory {begin} MB at first, {} MB after it", rss_mb(&serving));
    pages(port, &signed_in(port, &link));
    println!("  memory {} MB after the pages", rss_mb(&serving));
    serving.stop();
}

/// How long each page takes, one after the other.
fn pages(port: u16, cookie: &str) {
    let mut client = Client::new(port, cookie);
    let notices = client.exchange("GET /notices", "", "").body;
    let id = notices.split("/notices/").nth(2).map(|rest| rest[..36].to_owned());
    let notice = format!("/notices/{}", id.expect("the page lists the notice"));
    let deliveries = format!("{notice}/deliveries");
    let fixed = [
        "/",
        "/notices",
        "/ask?q=C0617933",
        "/customers",
        "/customers/C0617933",
        "/people",
        "/tasks",
        "/inbound",
        "/relays",
        "/ledger",
        "/audit",
    ];
    for path in fixed.into_iter().chain([notice.as_str(), &deliveries]) {
        let times = (0..PAGES).map(|_| {
            let began = Instant::now();
            let answer = client.exchange(&format!("GET {path}"), "", "");
            assert!(answer.status.contains(" 200"), "{path}: {}: {}", answer.status, answer.body);
            began.elapsed()
        });
        tell(&format!("page {}", path.replace(&notice, "/notices/ID")), times.collect::<Vec<_>>().into_iter());
    }
}

/// The cookie of somebody who follows an invitation and sets a password.
fn signed_in(port: u16, link: &str) -> String {
    let form = "Content-Type: application/x-www-form-urlencoded\r\nSec-Fetch-Site: same-origin\r\n";
    let password = "password=eleven+kayaks+under+a+bridge&password_again=eleven+kayaks+under+a+bridge";
    let answer = Client::new(port, "").exchange(&format!("POST {link}"), form, password);
    let cookies = answer
        .headers
        .iter()
        .filter_map(|it| it.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")));
    let session = cookies.filter_map(|(_, value)| value.split(';').next()).find(|it| it.contains("session="));
    format!("Cookie: {}\r\n", session.unwrap_or_else(|| panic!("{}: {}", answer.status, answer.body)))
}

fn authorization(key: &str) -> String {
    format!("Authorization: Bearer {key}\r\n")
}

/// One recipient a call, while the same process sends them.
fn invoices(place: &Path) {
    let file = place.join("customers.csv");
    let lines: String =
        (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@d{}.example,billing\n", n % 5_000)).collect();
    std::fs::write(&file, format!("account_id,customer_name,email,role\n{lines}")).expect("a file can be written");
    let sink = Sink::start(Manner::AT_ONCE, "billing");
    let home = Home::new(place.join("home"), &[]).relay(sink.port, 16);
    home.import(&file);
    let notice = home.standing();
    let home = home.staffed();
    let key = authorization(&home.key("billing-run", "finance"));
    let port = free_port();
    let home = home.listening(port);
    let serving = home.start(&["serve"]);
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    let added = paced(port, &key, INVOICES, |n| {
        let row = format!(
            "{{\"rows\":[{{\"account_id\":\"C{n}\",\"key\":\"F{n}\",\"invoice\":\"F{n}\",\"amount\":\"100.00\"}}]}}"
        );
        (format!("POST /api/v1/notices/{notice}/recipients"), row, format!("a{n}@"))
    });
    tell(
        &format!("an invoice, {INVOICES}/s: to the 202"),
        added.iter().map(|(_, began, at)| at.duration_since(*began)),
    );
    until("all are sent", || sink.count("billing") >= CUSTOMERS);
    let taken = sink.taken("billing");
    assert_eq!((taken.count, taken.recipients.len()), (CUSTOMERS, CUSTOMERS), "each customer gets one");
    let sent = |who: &str| taken.recipients.iter().find(|(to, _)| to.contains(&format!("<{who}"))).map(|(_, at)| *at);
    // A search through all for each of them would take longer than the bench.
    let sample = added.iter().step_by(20);
    let waits = sample.map(|(who, _, answered)| sent(who).expect("it was sent").saturating_duration_since(*answered));
    tell("  from the 202 to the relay's 250", waits);
    println!("  memory {} MB", rss_mb(&serving));
    serving.stop();
}

/// Sends requests at this rate over all clients; returns of each what it was about, when it was due, and when it was answered.
fn paced(
    port: u16,
    headers: &str,
    rate: usize,
    request: impl Fn(usize) -> (String, String, String) + Sync,
) -> Vec<(String, Instant, Instant)> {
    let (began, total) = (Instant::now(), rate * TIME.as_secs() as usize);
    std::thread::scope(|scope| {
        let clients = (0..CLIENTS).map(|first| {
            let request = &request;
            scope.spawn(move || {
                let mut client = Client::new(port, headers);
                let mut answered = Vec::with_capacity(total / CLIENTS);
                for n in (first..total).step_by(CLIENTS) {
                    let due = began + Duration::from_secs_f64(n as f64 / rate as f64);
                    bench::pause(due.saturating_duration_since(Instant::now()));
                    let (line, body, about) = request(n);
                    client.ask(&line, &body, n);
                    answered.push((about, due, Instant::now()));
                }
                answered
            })
        });
        let clients: Vec<_> = clients.collect();
        clients.into_iter().flat_map(|client| client.join().expect("it does not panic")).collect()
    })
}

fn tell(what: &str, waits: impl Iterator<Item = Duration>) {
    let mut waits: Vec<f64> = waits.map(|wait| wait.as_secs_f64() * 1000.0).collect();
    waits.sort_by(f64::total_cmp);
    let at = |percent: usize| waits[(waits.len() * percent / 100).min(waits.len() - 1)];
    println!("{what}: p50 {:.1} ms, p95 {:.1} ms, p99 {:.1} ms, at most {:.1} ms", at(50), at(95), at(99), at(100));
}

fn rss_mb(serving: &Dispatching) -> u64 {
    memory_kb(&serving.child, "VmRSS:") / 1024
}
