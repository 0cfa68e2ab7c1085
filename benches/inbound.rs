//! What comes back: reports through LMTP into the database, how they are recorded, and messages that are meant to hurt.
//!
//!     cargo bench --bench inbound                    # SQLite, every commit on disk
//!     cargo bench --bench inbound -- lmtp            # also `unmatched`, `giants`
//!
//! Needs `smtp-sink` of Debian's postfix package. The clients of `lmtp` are four threads of the bench itself; each sends a report of
//! 2 kB, waits for its 250, and sends the next one. Client and server share the same cores.

#[expect(dead_code, reason = "other benches use the rest")]
mod bench;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bench::customers::{self, AS_IN_SAMPLE};
use bench::home::Home;
use bench::sink::Sink;
use bench::{memory_kb, run_parts, until};
use besked::app::App;
use besked::config::load;
use besked::domain::clock::Clock;
use besked::domain::random::Random;
use sqlx::{AnyConnection, Connection as _, Executor as _, Row as _};
use uuid::Uuid;

/// Reports in each measurement, one for each delivery.
const REPORTS: usize = 10_000;
/// Connections at once.
const CONNECTIONS: usize = 4;
/// Messages that are about nothing known.
const UNMATCHED: usize = 1_000_000;

fn main() {
    run_parts(&[("lmtp", lmtp), ("unmatched", unmatched), ("giants", giants)]);
}

/// A home whose deliveries are sent, with the return path of each, and its `besked serve --only inbound`.
struct Field {
    directory: PathBuf,
    paths: Vec<String>,
    runtime: tokio::runtime::Runtime,
    service: Child,
    port: u16,
}

impl Field {
    fn new(place: &Path, deliveries: usize) -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime can be made");
        let directory = place.join("home");
        let home = Home::new(directory.clone(), &[]);
        let file = place.join("customers.csv");
        customers::write(&file, deliveries, AS_IN_SAMPLE);
        home.import(&file);
        let sink = Sink::start(place);
        let home = home.relay(sink.port, 16);
        home.release("maintenance", "all = true", 0);
        home.dispatch();
        let paths = runtime.block_on(async {
            let config = load(Some(&directory.join("config/besked.toml")), &[]).expect("it is valid").config;
            let app = App::open(config, Clock::System, Random::from_system()).await.expect("it can be opened");
            let ids = query(&directory, "SELECT id AS it FROM deliveries").await;
            let path = |id: &String| app.key().return_path(id.parse::<Uuid>().expect("an id"), "bounces.example.com");
            let paths = ids.iter().map(|id| path(id).to_string()).collect();
            app.close().await;
            paths
        });
        let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
        let service = Command::new(env!("CARGO_BIN_EXE_besked"))
            .args(["serve", "--only", "inbound"])
            .env("BESKED__INBOUND__LMTP_LISTEN", format!("127.0.0.1:{port}"))
            .current_dir(&directory)
            .stdin(Stdio::null())
            .spawn()
            .expect("besked can be started");
        until("it listens", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        Self { directory, paths, runtime, service, port }
    }

    /// How many messages are like this.
    fn count(&self, condition: &str) -> usize {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS it FROM inbound WHERE {condition}");
        self.runtime.block_on(query(&self.directory, &sql))[0].parse().expect("a number")
    }

    /// Sends a report for each of these paths over all connections, and returns the seconds that it took.
    fn send(&self, paths: &[String]) -> f64 {
        let began = Instant::now();
        std::thread::scope(|scope| {
            for part in paths.chunks(paths.len().div_ceil(CONNECTIONS)) {
                scope.spawn(move || {
                    let mut client = Client::new(self.port);
                    part.iter().for_each(|path| client.send(path, &report(path)));
                });
            }
        });
        began.elapsed().as_secs_f64()
    }
}

impl Drop for Field {
    fn drop(&mut self) {
        // The measurement is over.
        let _ = self.service.kill();
        let _ = self.service.wait();
    }
}

/// The texts of a column called `it`.
async fn query(directory: &Path, sql: &str) -> Vec<String> {
    let mut conn = connect(directory).await;
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut conn).await.expect("it can be read");
    rows.iter().map(|row| row.get("it")).collect()
}

async fn connect(directory: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let url = format!("sqlite://{}", directory.join("var/besked.db").display());
    AnyConnection::connect(&url).await.expect("it can be opened")
}

/// A client of LMTP that greets once.
struct Client(BufReader<TcpStream>);

impl Client {
    fn new(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.set_nodelay(true).expect("a socket");
        let mut client = Self(BufReader::new(stream));
        client.expect("220");
        client.write(b"LHLO bench.example\r\n");
        client.expect("250");
        client
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.get_mut().write_all(bytes).expect("it reads");
    }

    /// Reads a reply, all its lines.
    fn expect(&mut self, code: &str) {
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).expect("it answers");
            assert!(line.starts_with(code), "{code}: {line}");
            if line.as_bytes().get(3) != Some(&b'-') {
                return;
            }
        }
    }

    fn begin(&mut self, path: &str) {
        self.write(format!("MAIL FROM:<>\r\nRCPT TO:<{path}>\r\nDATA\r\n").as_bytes());
        ["250", "250", "354"].iter().for_each(|code| self.expect(code));
    }

    fn send(&mut self, path: &str, message: &str) {
        self.begin(path);
        self.write(format!("{message}\r\n.\r\n").as_bytes());
        self.expect("250");
    }
}

/// A report as Postfix writes it.
fn report(path: &str) -> String {
    let filler = "Received: by relay.example (Postfix) id 0123456789; Sun, 29 Nov 2026 10:00:00 +0000\n".repeat(8);
    format!(
        "From: MAILER-DAEMON@relay.example (Mail Delivery System)\nTo: {path}\nSubject: Undelivered Mail Returned to Sender\n\
         Message-ID: <{path}.relay.example>\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"x/relay.example\"\n\n--x/relay.example\n\
         Content-Type: text/plain; charset=us-ascii\n\nYour message could not be delivered: mailbox full.\n\n--x/relay.example\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; relay.example\nX-Postfix-Sender: rfc822; {path}\n\n\
         Action: failed\nStatus: 5.2.2\nRemote-MTA: dns; mx.example\nDiagnostic-Code: smtp; 552 5.2.2 mailbox full\n\n\
         --x/relay.example\nContent-Type: text/rfc822-headers\n\n{filler}Return-Path: <{path}>\nSubject: Maintenance\n\n\
         --x/relay.example--\n"
    )
    .replace('\n', "\r\n")
}

fn lmtp(place: &Path) {
    let field = Field::new(place, REPORTS);
    let begin = memory_kb(&field.service, "VmRSS:");
    let began = Instant::now();
    let seconds = field.send(&field.paths);
    assert_eq!(field.count("1 = 1"), field.paths.len(), "each is stored");
    let peak = memory_kb(&field.service, "VmHWM:");
    println!(
        "{} reports over {CONNECTIONS} connections, committed: {seconds:.2} s, {:.0}/s; memory {} MB at first, peak {} MB",
        field.paths.len(),
        field.paths.len() as f64 / seconds,
        begin / 1024,
        peak / 1024
    );
    until("all are recorded", || field.count("disposition = 'waiting'") == 0);
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!(field.count("disposition = 'recorded'"), field.paths.len(), "each is tied to its delivery");
    println!(
        "the same until each is recorded: {seconds:.2} s, {:.0}/s; peak {} MB",
        field.paths.len() as f64 / seconds,
        memory_kb(&field.service, "VmHWM:") / 1024
    );
}

/// The time to record some reports, before and after a million came that are about nothing.
fn unmatched(place: &Path) {
    let field = Field::new(place, REPORTS);
    let (first, second) = field.paths.split_at(field.paths.len() / 2);
    for (what, paths) in [("nothing else", first), ("a million unmatched", second)] {
        if what != "nothing else" {
            field.runtime.block_on(async {
                let sql = format!(
                    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {UNMATCHED})
                     INSERT INTO inbound (id, digest, route, recipient, sender, at, due_at, size, raw, disposition, kind, tie)
                     SELECT printf('019ae000-0000-7000-8000-%012x', i), randomblob(32), 'maildir', NULL, NULL, i, i, 2000,
                       randomblob(400), 'unmatched', 'dsn', 'none' FROM n"
                );
                connect(&field.directory).await.execute(sqlx::AssertSqlSafe(sql)).await.expect("they can be inserted");
            });
        }
        let began = Instant::now();
        field.send(paths);
        until("all are recorded", || field.count("disposition = 'waiting'") == 0);
        let rate = paths.len() as f64 / began.elapsed().as_secs_f64();
        println!("beside {what}: {} reports sent and recorded, {rate:.0}/s", paths.len());
    }
    assert_eq!(field.count("disposition = 'recorded'"), field.paths.len());
}

/// Messages that are meant to hurt: from the last byte to the answer, and to the verdict.
fn giants(place: &Path) {
    let field = Field::new(place, 100);
    let header = "From: a@x.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n";
    let parts =
        format!("{header}Content-Type: multipart/report; boundary=x\r\n\r\n{}--x--\r\n", "--x\r\n\r\n".repeat(10_000));
    let nested: String =
        (0..1000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\r\n\r\n--b{n}\r\n")).collect();
    let fifty = "x".repeat(998) + "\r\n";
    for (what, message, answer) in [
        ("a message of 50 MB", format!("{header}\r\n{}", fifty.repeat(50_000)), "552"),
        ("a message of 24 MB", format!("{header}\r\n{}", fifty.repeat(24_000)), "250"),
        ("10,000 parts", parts, "250"),
        ("depth 1,000", format!("{header}{nested}"), "250"),
        ("a header of 1 MB", format!("{header}X: {}\r\n\r\nx\r\n", "x".repeat(1_000_000)), "250"),
    ] {
        let mut client = Client::new(field.port);
        client.begin(&field.paths[0]);
        let before = memory_kb(&field.service, "VmRSS:");
        // The most so far is forgotten.
        let _ = std::fs::write(format!("/proc/{}/clear_refs", field.service.id()), "5");
        client.write(message.as_bytes());
        let last_byte = Instant::now();
        client.write(b".\r\n");
        client.expect(answer);
        let answered = last_byte.elapsed();
        until("it is read", || field.count("disposition = 'waiting'") == 0);
        let peak = memory_kb(&field.service, "VmHWM:").saturating_sub(before) / 1024;
        println!("{what}: {answer} after {answered:.0?}, {peak} MB more memory at most, also while it was read");
        bench::pause(Duration::from_millis(700));
    }
    println!("unknown: {}", field.count("kind = 'unknown'"));
}
