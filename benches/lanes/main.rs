//! Lanes: behaviour with a slow relay, during a bulk run, and with a million deliveries in the queue.
//!
//!     cargo bench --bench lanes                  # all of it
//!     cargo bench --bench lanes -- slow          # a relay that answers each step after 20 ms
//!     cargo bench --bench lanes -- critical      # a disruption while 500,000 news are sent
//!     cargo bench --bench lanes -- commands      # commands beside a dispatcher that sends as fast as it can
//!     cargo bench --bench lanes -- million       # a million customers, a million deliveries
//!
//! On SQLite, against a sink of its own that records when it accepted what.

#[path = "../bench/mod.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod bench;
mod sink;

use std::path::Path;
use std::time::{Duration, Instant};

use bench::customers::{self, ONE_EACH, RARE_REGION};
use bench::home::{Dispatching, Home, TWELVE_KB};
use bench::{Measured, cpu_seconds, memory_kb, pause, run_parts, until};
use sink::{Manner, Sink};

/// The slow relay: how long each answer takes, connections to it, messages.
const DELAY: Duration = Duration::from_millis(20);
const CONNECTIONS: u32 = 64;
const MESSAGES: usize = 10_000;
/// Deliveries of the bulk notice, recipients of the critical one, and how often that is sent.
const BULK: usize = 500_000;
const CRITICAL: usize = BULK / 500;
const NOTICES: usize = 3;
/// Connections to a fast relay.
const FAST: u32 = 16;
/// Deliveries that are sent while commands run, and how often each runs.
const BESIDE: usize = 300_000;
const COMMANDS: usize = 300;
const MILLION: usize = 1_000_000;

fn main() {
    run_parts(&[("slow", slow), ("critical", critical), ("commands", commands), ("million", million)]);
}

/// The rate over a relay with slow answers, compared with what its answers allow.
fn slow(place: &Path) {
    let file = place.join("slow.csv");
    customers::write(&file, MESSAGES, ONE_EACH);
    println!("{CONNECTIONS} connections to a relay that answers after {} ms, {MESSAGES} messages", DELAY.as_millis());
    for (pipelining, across, steps) in [(false, false, 4), (true, false, 2), (true, true, 1)] {
        // Critical deliveries may use all connections, all others leave one in 32 to them.
        for (category, usable) in [("disruption", CONNECTIONS), ("maintenance", CONNECTIONS - CONNECTIONS.div_ceil(32))]
        {
            let sink = Sink::start(Manner { delay: DELAY, pipelining }, "none");
            let option = ("BESKED__RELAY__0__PIPELINE_MESSAGES".to_owned(), across.to_string());
            let home =
                Home::new(place.join(format!("slow-{steps}-{category}")), &[option]).relay(sink.port, CONNECTIONS);
            home.import(&file);
            home.release(category, "all = true", TWELVE_KB);
            let Measured { seconds, peak_kb, .. } = home.dispatch();
            let taken = sink.taken(category);
            assert_eq!(taken.count, MESSAGES, "all of them, once");
            let bound = |connections: u32| f64::from(connections) / (f64::from(steps) * DELAY.as_secs_f64());
            println!(
                "  {category}, {steps} answers a message: {:.0}/s at the relay, {:.2} of the {:.0}/s that {CONNECTIONS} \
                 connections allow, {:.2} of those of the {usable} it may use; {seconds:.1} s with start and end, peak {} MB",
                taken.rate(),
                taken.rate() / bound(CONNECTIONS),
                bound(CONNECTIONS),
                taken.rate() / bound(usable),
                peak_kb / 1024
            );
        }
    }
}

/// How long a disruption takes to reach its recipients during a bulk run.
fn critical(place: &Path) {
    let file = place.join("bulk.csv");
    customers::write(&file, BULK, ONE_EACH);
    let sink = Sink::start(Manner::AT_ONCE, "disruption");
    let alone = ("BESKED__CATEGORY__NEWS__TWO_PERSONS_ABOVE".to_owned(), MILLION.to_string());
    let home = Home::new(place.join("critical"), &[alone]).relay(sink.port, FAST);
    home.import(&file);
    let bulk = home.release("news", "all = true", TWELVE_KB);
    println!("{BULK} news released in {:.1} s, {FAST} connections", bulk.seconds);
    let dispatching = home.start_dispatch();
    until("the bulk is under way", || sink.count("news") >= BULK / 50);
    for _ in 0..NOTICES {
        let (began, news) = (Instant::now(), sink.count("news"));
        home.release("disruption", &format!("attributes = {{ region = [\"{RARE_REGION}\"] }}"), TWELVE_KB);
        let released = Instant::now();
        until("all are told", || sink.count("disruption") >= CRITICAL);
        let taken = sink.taken("disruption");
        assert_eq!(taken.recipients.len(), CRITICAL, "each of them, once");
        // Some may be sent before the command that released it has returned.
        let since = |from: Instant| {
            let mut times: Vec<f64> =
                taken.recipients.values().map(|at| at.saturating_duration_since(from).as_secs_f64()).collect();
            times.sort_by(f64::total_cmp);
            let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
            format!(
                "first {:.2} s, p50 {:.2} s, p95 {:.2} s, p99 {:.2} s, last {:.2} s",
                at(0),
                at(50),
                at(95),
                at(99),
                at(100)
            )
        };
        println!(
            "  disruption to {CRITICAL}: from the return of `notice send`: {}\n    from its start, {:.2} s before: {}; news \
             meanwhile: {}",
            since(released),
            released.duration_since(began).as_secs_f64(),
            since(began),
            sink.count("news") - news
        );
        sink.forget("disruption");
        // The bulk run is at full speed again.
        pause(Duration::from_secs(2));
    }
    let (left, rate) = (BULK.saturating_sub(sink.count("news")), sink.taken("news").rate());
    assert!(left > 0, "the bulk ended before");
    println!("  news: {rate:.0}/s over all of it, {left} still queued; peak {} MB", peak_mb(&dispatching));
    dispatching.stop();
}

/// How long a command that writes and one that reads take beside a dispatcher.
fn commands(place: &Path) {
    let file = place.join("beside.csv");
    customers::write(&file, BESIDE, ONE_EACH);
    let sink = Sink::start(Manner::AT_ONCE, "none");
    let home = Home::new(place.join("commands"), &[]).relay(sink.port, FAST);
    home.import(&file);
    home.release("maintenance", "all = true", TWELVE_KB);
    let dispatching = home.start_dispatch();
    until("it is under way", || sink.count("maintenance") >= BESIDE / 50);
    println!("{COMMANDS} of each command beside a dispatcher with {FAST} connections");
    let address = |n: usize| format!("nobody{n}@example.com");
    let writes: Vec<f64> =
        (0..COMMANDS).map(|n| home.time(&["suppressions", "add", &address(n), "--reason", "dead"])).collect();
    let reads: Vec<f64> = (0..COMMANDS).map(|_| home.time(&["deliveries", "uncertain", "list"])).collect();
    let rate = sink.taken("maintenance").rate();
    assert!(sink.count("maintenance") < BESIDE, "all was sent before");
    for (what, mut times) in [("suppressions add", writes), ("deliveries uncertain list", reads)] {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times[(COMMANDS * percent / 100).min(COMMANDS - 1)] * 1000.0;
        println!("  {what}: p50 {:.0} ms, p99 {:.0} ms, worst {:.0} ms", at(50), at(99), at(100));
    }
    println!("  sent meanwhile: {rate:.0}/s");
    dispatching.stop();
}

/// A million customers and a million deliveries.
fn million(place: &Path) {
    let file = place.join("million.csv");
    customers::write(&file, MILLION, ONE_EACH);
    let sink = Sink::start(Manner::AT_ONCE, "none");
    let home = Home::new(place.join("million"), &[]).relay(sink.port, FAST);
    tell("import of 1,000,000 customers", home.import(&file));
    tell("release to 1,000,000", home.release("maintenance", "all = true", TWELVE_KB));

    let started = Instant::now();
    let dispatching = home.start_dispatch();
    until("the first is sent", || sink.count("maintenance") > 0);
    let (first, _) = sink.taken("maintenance").span.expect("one was sent");
    println!(
        "  start with 1,000,000 queued: {:.2} s to the first message",
        first.duration_since(started).as_secs_f64()
    );
    pause(Duration::from_secs(30));
    println!(
        "  while sending {:.0}/s: RSS {} MB, peak {} MB",
        sink.taken("maintenance").rate(),
        rss_mb(&dispatching),
        peak_mb(&dispatching)
    );
    dispatching.stop();

    // No process listens on this port.
    let home = home.relay(bench::free_port(), FAST);
    let dispatching = home.start_dispatch();
    pause(Duration::from_mins(1));
    let before = cpu_seconds(&dispatching.child);
    pause(Duration::from_secs(10));
    let used = cpu_seconds(&dispatching.child) - before;
    println!(
        "  idle for a minute, its relay down, {} queued: RSS {} MB, peak {} MB, {used:.2} s of CPU in 10 s",
        MILLION - sink.count("maintenance"),
        rss_mb(&dispatching),
        peak_mb(&dispatching)
    );
    dispatching.stop();
}

fn tell(what: &str, Measured { seconds, peak_kb, .. }: Measured) {
    println!("  {what}: {seconds:.1} s, peak {} MB", peak_kb / 1024);
}

fn rss_mb(dispatching: &Dispatching) -> u64 {
    memory_kb(&dispatching.child, "VmRSS:") / 1024
}

fn peak_mb(dispatching: &Dispatching) -> u64 {
    memory_kb(&dispatching.child, "VmHWM:") / 1024
}
