//! How fast, as a user would see it: the `besked` command itself, on 100,000 customers.
//!
//!     cargo bench --bench throughput            # import, release, sending to a sink
//!
//! Needs `smtp-sink` and `smtp-source` of Debian's postfix package. Every run starts with an empty database in a temporary
//! directory; the rates of Postfix's own `smtp-source` against the same sink, taken in the same run, say what the machine
//! and the protocol allow.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Customers in the file.
const CUSTOMERS: usize = 100_000;
/// Messages sent over one connection.
const MESSAGES: usize = 20_000;
/// Runs of each measurement; the median is told.
const RUNS: usize = 3;

fn main() {
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let place = directory.path();
    let file = place.join("customers.csv");
    let contacts = write_customers(&file, CUSTOMERS);
    let small = place.join("small.csv");
    write_customers(&small, MESSAGES);
    println!("{CUSTOMERS} customers, {contacts} contacts, {} runs, medians", RUNS);

    let mut import = Vec::new();
    let mut release = Vec::new();
    for run in 0..RUNS {
        let home = Home::new(place.join(format!("bulk-{run}")), 1);
        import.push(home.run(&["customers", "import", &file.display().to_string()]));
        let notice = home.notice(0);
        release.push(home.run(&["notice", "send", &notice, "--yes"]));
    }
    report("import", &import, contacts);
    report("release to one contact of each", &release, CUSTOMERS);

    for connections in [1, 16] {
        send(place, &small, connections);
    }
}

/// Sends to a sink over some connections, and lets `smtp-source` do the same.
fn send(place: &Path, customers: &Path, connections: u32) {
    let mut ours = Vec::new();
    let mut theirs = Vec::new();
    let mut bytes = 0;
    for run in 0..RUNS {
        let sink = Sink::start(place);
        let home = Home::new(place.join(format!("send-{connections}-{run}")), connections).relay(sink.port);
        home.run(&["customers", "import", &customers.display().to_string()]);
        let notice = home.notice(3_300);
        home.run(&["notice", "send", &notice, "--yes"]);
        ours.push(home.run(&["dispatch", "--until-idle"]));
        bytes = home.message_size();
        theirs.push(smtp_source(&sink, bytes, connections));
    }
    report(&format!("send, {connections} connections, {bytes} bytes"), &ours, MESSAGES);
    let rate = |seconds: f64| MESSAGES as f64 / seconds;
    let (ours, theirs) = (rate(median(ours.iter().map(|it| it.seconds))), rate(median(theirs.into_iter())));
    println!("  smtp-source with the same: {theirs:.0}/s; ratio {:.2}", ours / theirs);
}

/// What one command took.
struct Measured {
    seconds: f64,
    peak_kb: u64,
}

fn report(what: &str, runs: &[Measured], count: usize) {
    let seconds = median(runs.iter().map(|run| run.seconds));
    let peak = runs.iter().map(|run| run.peak_kb).max().unwrap_or(0) / 1024;
    println!("{what}: {seconds:.2} s, {:.0}/s, peak {peak} MB", count as f64 / seconds);
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A directory with a configuration and an empty database.
struct Home {
    directory: PathBuf,
    relay: String,
    connections: u32,
}

impl Home {
    fn new(directory: PathBuf, connections: u32) -> Self {
        fs::create_dir_all(&directory).expect("a directory can be made");
        let home = Self { directory, relay: "smtp://127.0.0.1:1?tls=none".to_owned(), connections };
        home.run(&["init"]);
        home
    }

    fn relay(mut self, port: u16) -> Self {
        self.relay = format!("smtp://127.0.0.1:{port}?tls=none");
        self
    }

    fn notice(&self, filler: usize) -> String {
        let words = "All virtual machines in the region keep running while we do this. ";
        let body = words.repeat(filler / 2 / words.len());
        let text = format!(
            "+++\ncategory = \"maintenance\"\nreference = \"BENCH\"\n[audience]\nall = true\n[fields]\n\
             window_start = 2026-12-01T22:00:00+01:00\nwindow_end = 2026-12-02T02:00:00+01:00\n\
             services = [\"Compute\"]\nimpact = \"None.\"\nphase = \"announced\"\n+++\nHello {{{{ contact.name }}}}. {body}\n"
        );
        let path = self.directory.join("notice.md");
        fs::write(&path, text).expect("a file can be written");
        path.display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> Measured {
        let started = Instant::now();
        let mut child = self.command(arguments).stdout(Stdio::null()).spawn().expect("besked can be started");
        let peak_kb = watch(&mut child);
        assert!(child.wait().expect("besked ends").success(), "besked {arguments:?} failed");
        Measured { seconds: started.elapsed().as_secs_f64(), peak_kb }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command.env("BESKED__RELAY__0__URL", &self.relay);
        command.env("BESKED__RELAY__0__CONNECTIONS", self.connections.to_string());
        command
    }

    /// Size of the messages that were sent, as the database has it.
    fn message_size(&self) -> usize {
        let list = self.command(&["--json", "deliveries", "list", "BENCH"]).output().expect("besked can be started");
        let list: serde_json::Value = serde_json::from_slice(&list.stdout).expect("JSON");
        let id = list["deliveries"][0]["id"].as_str().expect("a delivery").to_owned();
        self.command(&["deliveries", "show", &id, "--message"]).output().expect("besked can be started").stdout.len()
    }
}

/// Waits for a process and gives the peak of its memory, in kB.
fn watch(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("besked can be waited for").is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kb = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kb.unwrap_or(0));
        std::thread::park_timeout(Duration::from_millis(5));
    }
    peak
}

/// Postfix's sink: it takes everything.
struct Sink {
    child: Child,
    port: u16,
}

impl Sink {
    fn start(directory: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = free.local_addr().expect("it has an address").port();
        drop(free);
        let child = Command::new("smtp-sink")
            .args(["-u", "postfix", &format!("127.0.0.1:{port}"), "1000"])
            .current_dir(directory)
            .spawn()
            .expect("smtp-sink can be started: apt-get install postfix");
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        Self { child, port }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn smtp_source(sink: &Sink, bytes: usize, connections: u32) -> f64 {
    let started = Instant::now();
    let done = Command::new("smtp-source")
        .args(["-d", "-s", &connections.to_string(), "-m", &MESSAGES.to_string(), "-l", &bytes.to_string()])
        .args(["-f", "a@example.com", "-t", "b@example.com", &format!("127.0.0.1:{}", sink.port)])
        .status()
        .expect("smtp-source can be started: apt-get install postfix");
    assert!(done.success(), "smtp-source failed");
    started.elapsed().as_secs_f64()
}

/// Writes a customers file and gives the number of its contacts: 2.45 for each customer, as in the sample data.
fn write_customers(path: &Path, customers: usize) -> usize {
    let mut file = std::io::BufWriter::new(fs::File::create(path).expect("a file can be made"));
    let header = "account_id,customer_name,email,contact_name,role,locale,time_zone,attr.region,attr.service,attr.plan";
    writeln!(file, "{header}").expect("a file can be written");
    let roles = ["service", "technical", "security", "billing", "legal"];
    let mut contacts = 0;
    for customer in 0..customers {
        let count = [1, 2, 2, 3, 2, 3, 4, 2, 3, 2, 3, 2, 3, 2, 2, 3, 2, 3, 2, 3][customer % 20];
        for (index, role) in roles.iter().enumerate().take(count) {
            let (locale, zone) = if customer % 3 == 0 { ("en", "Europe/London") } else { ("sv", "Europe/Stockholm") };
            let region = ["sto1", "sto2", "lon1"][customer % 3];
            writeln!(
                file,
                "C{customer:07},Kund {customer} AB,person{index}.{customer}@mail{}.example,Åsa {customer},{role},{locale},\
                 {zone},{region},compute;network,public",
                customer % 5000
            )
            .expect("a file can be written");
            contacts += 1;
        }
    }
    file.flush().expect("a file can be written");
    contacts
}
