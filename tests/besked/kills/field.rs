//! The place where processes are killed: a working directory, a relay, a database, and random numbers from a seed.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use besked::domain::random::Random;
use besked::store::Store;
use serde_json::Value;
use sqlx::{Connection as _, Executor as _};
use uuid::Uuid;

use crate::checker::{Findings, History, Terms, Told};
use crate::cli::Shell;
use crate::database::{Database, Engine};
use crate::relay::Relay;

/// True in the long version, `tests/run --soak`.
pub fn soaking() -> bool {
    std::env::var_os("BESKED_TEST_SOAK").is_some()
}

/// One number for the short version, another for the long one.
pub fn scale(short: usize, long: usize) -> usize {
    if soaking() { long } else { short }
}

pub struct Field {
    pub shell: Shell,
    pub relay: Relay,
    pub terms: Terms,
    pub told: Vec<Told>,
    engine: Engine,
    url: String,
    scenario: String,
    dice: Random,
    /// Keeps a database of the cluster apart from others.
    _database: Option<Database>,
}

impl Field {
    /// Customers `C0`, `C1`, ... with one contact each, and `connections` to the relay.
    pub async fn new(scenario: &str, engine: Engine, connections: usize, customers: usize) -> Self {
        let seed = std::env::var("BESKED_TEST_SEED").ok().map_or(1, |seed| seed.parse().unwrap());
        println!("{scenario} on {engine:?}: to be repeated with BESKED_TEST_SEED={seed}");
        let relay = Relay::start().await;
        let mut shell = Shell::new().relay(relay.address.port()).env("BESKED__RELAY__0__CONNECTIONS", connections);
        let mut database = None;
        let url = match engine {
            Engine::Sqlite => format!("sqlite://{}", shell.directory.path().join("var/besked.db").display()),
            // The handshake takes most of a short process's time.
            Engine::Postgres => format!("{}?sslmode=disable", database.insert(Database::new(engine).await).url),
        };
        shell = shell.env("BESKED__DATABASE__URL", &url);
        sign(&shell);
        let rows: String = (0..customers).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
        shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
        shell.run(&["customers", "import", "customers.csv"]).ok();
        let scenario = format!("{scenario}, {engine:?}");
        let (terms, dice) = (Terms::of(connections), Random::seeded(seed));
        Self { shell, relay, terms, told: Vec::new(), engine, url, scenario, dice, _database: database }
    }

    /// A number below `sides`.
    pub fn roll(&self, sides: usize) -> usize {
        usize::try_from(u64::from_le_bytes(self.dice.bytes()) % sides as u64).unwrap()
    }

    /// Creates and releases a notice, and remembers the command's exit code.
    pub fn release(&mut self, text: &str) -> Uuid {
        self.shell.write("notice.md", text);
        let mut sent = self.shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
        let id = sent["id"].as_str().unwrap().to_owned();
        if sent["state"] == "submitted" {
            self.shell.run(&["notice", "approve", &id, "--as", "bo"]).ok();
            sent = self.shell.run(&["--json", "notice", "release", &id]).ok().json();
        }
        assert_eq!(sent["state"].as_str(), Some("released"), "{sent}");
        let notice = id.parse().unwrap();
        self.told.push(Told { notice, recipients: sent["recipients"].as_u64().unwrap() });
        notice
    }

    pub fn start(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.shell.command(arguments))
    }

    /// Waits until the sink has accepted `count` messages, or all processes have ended by themselves; true for the former.
    pub fn takes(&self, count: usize, processes: &mut [Process]) -> bool {
        // A minute without a message is a process that hangs.
        let mut patience = (0, 60_000);
        while self.relay.count() < count {
            if processes.iter_mut().all(Process::has_ended) {
                return self.relay.count() >= count;
            }
            patience = if self.relay.count() > patience.0 {
                (self.relay.count(), 60_000)
            } else {
                (patience.0, patience.1 - 1)
            };
            assert!(patience.1 > 0, "{}: waited in vain for message {count} of {}", self.scenario, self.relay.count());
            std::thread::park_timeout(Duration::from_millis(1));
        }
        true
    }

    /// Runs a statement on the database.
    pub async fn sql(&self, statement: &'static str) {
        sqlx::any::install_default_drivers();
        let mut conn = sqlx::AnyConnection::connect(&self.url).await.unwrap();
        conn.execute(statement).await.unwrap();
        conn.close().await.unwrap();
    }

    /// Makes the leases of dead processes expire now: on PostgreSQL they last for half a minute.
    pub async fn leases_run_out(&self) {
        if self.engine == Engine::Postgres {
            self.sql("UPDATE queue SET lease_until = 0 WHERE lease_owner IS NOT NULL").await;
        }
    }

    /// Sends what is left. No other process may run.
    pub async fn settle(&self) {
        self.leases_run_out().await;
        self.shell.run(&["dispatch", "--until-idle"]).ok();
    }

    pub async fn store(&self) -> Store {
        Store::open(&self.url.parse().unwrap(), false).await.unwrap()
    }

    /// The checker's findings about some releases, with the sink's dump from `first` on.
    pub async fn findings(&self, told: &[Told], first: usize, terms: &Terms) -> Findings {
        // What dead processes had sent may still be arriving.
        self.relay.wait_until_left().await;
        let store = self.store().await;
        let dump = self.relay.received().split_off(first);
        let history = History::read(&store, told.to_vec(), dump, true).await;
        // The test must not keep the database open over a crash: the next process that opens it recovers it.
        store.close().await;
        history.check(terms)
    }

    /// Everything is sent, recorded and closed: checks the whole history against the rules.
    pub async fn check(&self) -> Findings {
        let found = self.findings(&self.told, 0, &self.terms).await;
        found.hold(&self.scenario);
        assert_eq!(found.waiting, 0, "{}: somebody still waits", self.scenario);
        let audit = self.shell.run(&["--json", "ledger", "audit"]).ok().json();
        let recipients: u64 = self.told.iter().map(|told| told.recipients).sum();
        assert_eq!(audit["deliveries"].as_u64(), Some(recipients), "the ledger is whole after it all: {audit}");
        for told in &self.told {
            let status = self.status(told.notice);
            assert_eq!(status["state"].as_str(), Some("closed"), "{status}");
        }
        found
    }

    pub fn status(&self, notice: Uuid) -> Value {
        self.shell.run(&["--json", "notice", "status", &notice.to_string()]).ok().json()
    }

    /// How many deliveries of a notice are in a state.
    pub fn counted(&self, notice: Uuid, state: &str) -> usize {
        usize::try_from(self.status(notice)["counts"][state].as_u64().unwrap()).unwrap()
    }
}

/// Signs its mail, so that equal copies have equal signatures.
fn sign(shell: &Shell) {
    crate::app::write_key(&shell.directory.path().join("dkim.pem"), 3);
    let config = std::fs::read_to_string(shell.directory.path().join("config/besked.toml")).unwrap();
    let key = "[[dkim]]\ndomain = \"example.com\"\nselector = \"s1\"\nkey_file = \"dkim.pem\"\n";
    shell.write("config/besked.toml", &format!("{config}\n{key}"));
}

/// A process that does not outlive the test.
pub struct Process(Child);

impl Process {
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }

    pub fn has_ended(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.0.id().to_string()]).status().unwrap();
        assert!(done.success(), "kill -{name}");
    }

    pub fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// Waits for its end; true if its exit code is 0.
    pub fn ends_well(&mut self) -> bool {
        self.0.wait().unwrap().success()
    }

    /// True if it was killed, false if it ended by itself.
    pub fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt as _;
        self.0.wait().unwrap().signal() == Some(9)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has usually ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A library that ends the process at a chosen call: see `deadly.c`.
pub struct Deadly {
    directory: tempfile::TempDir,
}

impl Deadly {
    pub fn build() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/kills/deadly.c");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(directory.path().join("deadly.so"));
        assert!(cc.arg(source).arg("-ldl").status().expect("tests/run installs a C compiler").success());
        Self { directory }
    }

    /// Kills the command's process at its `nth` call of a kind: `any`, or `sync` for those that make a write durable.
    pub fn at(&self, command: &mut Command, kind: &str, nth: usize) {
        command.env("LD_PRELOAD", self.directory.path().join("deadly.so"));
        command.env("DEADLY_KIND", kind).env("DEADLY_AT", nth.to_string()).env("DEADLY_COUNT", self.counted());
    }

    fn counted(&self) -> PathBuf {
        self.directory.path().join("count")
    }

    /// How many calls the last process made that ended by itself.
    pub fn count(&self) -> usize {
        std::fs::read_to_string(self.counted()).unwrap().parse().unwrap()
    }
}
