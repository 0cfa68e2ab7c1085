//! What the benches share: measuring a process, printing a median, a home for `besked`, customers, Postfix's sink.

pub mod customers;
pub mod home;
pub mod sink;

use std::fs;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

/// A part of a bench, which runs in an empty directory.
pub type Part = fn(&Path);

/// Runs the parts that the command line names, or all if it names none.
pub fn run_parts(parts: &[(&str, Part)]) {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let names: Vec<&str> = parts.iter().map(|(name, _)| *name).collect();
    let unknown = wanted.iter().find(|wanted| !names.contains(&wanted.as_str()));
    assert!(unknown.is_none(), "there is no {unknown:?}, only {names:?}");
    for (_, part) in parts.iter().filter(|(name, _)| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name)) {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        tell_machine();
        part(directory.path());
    }
}

/// What one command took.
#[derive(Clone, Copy)]
pub struct Measured {
    pub seconds: f64,
    /// CPU time; it depends less than the seconds on other load.
    pub cpu: f64,
    pub peak_kb: u64,
}

/// Waits for a process to succeed, and returns what it took since it was started.
pub fn measure(mut child: Child, started: Instant, what: &str) -> Measured {
    let (mut peak_kb, mut cpu) = (0, 0.0);
    while child.try_wait().expect("it can be waited for").is_none() {
        peak_kb = peak_kb.max(memory_kb(&child, "VmHWM:"));
        cpu = cpu_seconds(&child);
        pause(Duration::from_millis(5));
    }
    let seconds = started.elapsed().as_secs_f64();
    assert!(child.wait().expect("it has ended").success(), "{what} failed");
    Measured { seconds, cpu, peak_kb }
}

/// Memory of a process in kB: `VmRSS:` what it has now, `VmHWM:` the most it had.
pub fn memory_kb(child: &Child, key: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

/// CPU time that a process used, in seconds.
pub fn cpu_seconds(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).expect("the process lives");
    let after = stat.rsplit_once(')').expect("the name is in parentheses").1;
    let ticks: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|it| it.parse().ok()).collect();
    ticks.iter().sum::<f64>() / 100.0
}

/// Prints the median of some runs, as a rate, with the CPU time of each item and the peak of all runs; returns the rate.
pub fn report(what: &str, runs: &[Measured], count: usize) -> f64 {
    let seconds = median(runs.iter().map(|run| run.seconds));
    let peak = runs.iter().map(|run| run.peak_kb).max().unwrap_or(0) / 1024;
    let rate = count as f64 / seconds;
    let each = median(runs.iter().map(|run| run.cpu)) / count as f64 * 1e6;
    println!("{what}: {seconds:.2} s, {rate:.0}/s, {each:.0} microseconds of CPU each, peak {peak} MB");
    rate
}

/// The median.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Lets time pass.
pub fn pause(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

/// Waits for the work of another process, and fails if that takes more than some minutes.
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_mins(10), "waited in vain until {what}");
        pause(Duration::from_millis(5));
    }
}

/// A port without a listener.
pub fn free_port() -> u16 {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    free.local_addr().expect("it has an address").port()
}

/// The machine, and its load from others: a rate means little without them.
pub fn tell_machine() {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<&str> = load.split_whitespace().take(2).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("{cores} cores; load of the last 1 and 5 minutes: {}", load.join(" and "));
}
