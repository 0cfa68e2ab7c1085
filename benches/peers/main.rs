//! Besked compared with Postfix draining its own queue, Nodemailer's pool, and django-post-office.
//!
//!     cargo bench --bench peers
//!
//! One run, one `smtp-sink`, 16 connections, messages of the same size to distinct recipients. The work differs, to the
//! disadvantage of Besked: it renders each message for its reader, stores the exact bytes, and commits them with a ledger entry
//! to disk (`synchronous=FULL`). Postfix sends files that are ready, Nodemailer records nothing, django-post-office stores
//! one text for all and marks what it sent a thousand at a time. Needs Debian's postfix (and root, for its daemons), npm,
//! python3-venv and the network; it names a peer that is not available.

#[path = "../bench/mod.rs"]
#[expect(dead_code, reason = "other benches use the rest")]
mod bench;
mod django;
mod nodemailer;
mod postfix;

use std::process::Command;

use bench::customers::{self, ONE_EACH};
use bench::home::{Home, TWELVE_KB};
use bench::sink::{Sink, smtp_source};
use bench::{Measured, median, report, tell_machine};
use django::Django;
use nodemailer::Nodemailer;
use postfix::Postfix;

/// Connections of each.
const CONNECTIONS: u32 = 16;
/// Messages that Besked and `smtp-source` send, that Postfix and Nodemailer send, and that django-post-office sends.
const MESSAGES: usize = 20_000;
const FEWER: usize = 10_000;
const FEW: usize = 2_000;
/// Runs; the median is printed. django-post-office, which is slow, has one for each way of running it.
const RUNS: usize = 3;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let place = directory.path();
    let file = place.join("customers.csv");
    customers::write(&file, MESSAGES, ONE_EACH);
    tell_machine();
    let nodemailer = Nodemailer::install(place.join("nodemailer"));
    let django = Django::install(place.join("django"));

    let (mut source, mut ours, mut with_release) = (Vec::new(), Vec::new(), Vec::new());
    let (mut postfix, mut pooled, mut bytes) = (Vec::new(), Vec::new(), 0);
    let mut missing = Vec::new();
    let sink = Sink::start(place);
    for run in 0..RUNS {
        let home = Home::new(place.join(format!("besked-{run}")), &[]).relay(sink.port, CONNECTIONS);
        home.import(&file);
        let released = home.release("maintenance", "all = true", TWELVE_KB);
        let sent = home.dispatch();
        ours.push(sent);
        with_release.push(Measured { seconds: released.seconds + sent.seconds, cpu: released.cpu + sent.cpu, ..sent });
        bytes = home.message_size();
        source.push(smtp_source(sink.port, MESSAGES, bytes, CONNECTIONS));
        match Postfix::start(place.join(format!("postfix-{run}")), sink.port) {
            Ok(running) => postfix.push(running.drain(FEWER, bytes)),
            Err(how) => missing.push(format!("Postfix: missing, {how}")),
        }
        pooled.extend(nodemailer.iter().map(|installed| installed.send(sink.port, FEWER, bytes)));
    }
    missing.extend(nodemailer.err().map(|how| format!("Nodemailer: missing, {how}")));
    missing.dedup();

    println!("messages of {bytes} bytes over {CONNECTIONS} connections, medians of {RUNS} runs");
    let ours = report(&format!("Besked, {MESSAGES} queued"), &ours, MESSAGES);
    let source = MESSAGES as f64 / median(source);
    println!("smtp-source: {source:.0}/s; Besked reaches {:.2} of it", ours / source);
    tell("Postfix, draining its queue", &postfix, FEWER, ours);
    tell("Nodemailer, pooled", &pooled, FEWER, ours);
    match django {
        Ok(django) => {
            let ours = report(&format!("Besked, {MESSAGES} released and sent"), &with_release, MESSAGES);
            for processes in [1, 2, 4] {
                let taken = django.send(sink.port, FEW, bytes, processes);
                tell(&format!("django-post-office, {processes} processes, enqueued and sent"), &[taken], FEW, ours);
            }
        }
        Err(how) => missing.push(format!("django-post-office: missing, {how}")),
    }
    for line in missing {
        println!("{line}");
    }
    tell_machine();
}

/// Prints the rate of a peer, and how many times faster Besked is.
fn tell(who: &str, runs: &[f64], messages: usize, ours: f64) {
    if runs.is_empty() {
        return;
    }
    let seconds = median(runs.iter().copied());
    let rate = messages as f64 / seconds;
    println!("{who}: {messages} in {seconds:.2} s, {rate:.0}/s; Besked is {:.1} times as fast", ours / rate);
}

/// Runs a command that prints how many seconds something took.
fn seconds(command: &mut Command) -> f64 {
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().last().and_then(|line| line.trim().parse().ok()).expect("it prints the seconds")
}
