//! A home for the `besked` command: a directory with a configuration and a database.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use super::{Measured, measure};

/// Filler with which a message has 12 kB.
pub const TWELVE_KB: usize = 3_300;

/// An invoice: each recipient is added with its values.
pub const STANDING: &str = "+++\ncategory = \"billing\"\nreference = \"BENCH\"\n[audience]\nopen = true\n[fields]\n\
    invoice_number = \"{{ row.invoice }}\"\nperiod = \"2026\"\namount = \"{{ row.amount }}\"\ncurrency = \"SEK\"\n\
    due_date = 2036-12-31\n+++\nDear {{ customer.name }}.\n";

/// A directory in which `besked` runs, and its environment beside the default configuration.
pub struct Home {
    directory: PathBuf,
    environment: Vec<(String, String)>,
}

impl Home {
    /// An empty one, on SQLite unless the environment names another database.
    pub fn new(directory: PathBuf, environment: &[(String, String)]) -> Self {
        fs::create_dir_all(&directory).expect("a directory can be made");
        let home = Self { directory, environment: environment.to_vec() };
        home.run(&["init"]);
        home
    }

    /// With more tables at the end of its configuration from now on.
    pub fn configured(self, tables: &str) -> Self {
        let path = self.directory.join("config/besked.toml");
        let text = fs::read_to_string(&path).expect("`besked init` made it");
        fs::write(path, text + tables).expect("a file can be written");
        self
    }

    /// With a relay on this port of loopback from now on.
    pub fn relay(mut self, port: u16, connections: u32) -> Self {
        self.environment.push(("BESKED__RELAY__0__URL".to_owned(), format!("smtp://127.0.0.1:{port}?tls=none")));
        self.environment.push(("BESKED__RELAY__0__CONNECTIONS".to_owned(), connections.to_string()));
        self
    }

    /// Imports a customers file.
    pub fn import(&self, customers: &Path) -> Measured {
        self.run(&["customers", "import", &customers.display().to_string()])
    }

    /// Releases a notice of a category to an audience, such as `all = true`.
    pub fn release(&self, category: &str, audience: &str, filler: usize) -> Measured {
        let path = self.directory.join("notice.md");
        fs::write(&path, notice(category, audience, filler)).expect("a file can be written");
        self.run(&["notice", "send", &path.display().to_string(), "--yes"])
    }

    /// Sends until nothing is left.
    pub fn dispatch(&self) -> Measured {
        self.run(&["dispatch", "--until-idle"])
    }

    /// Runs a command, and returns how long it took, in seconds.
    pub fn time(&self, arguments: &[&str]) -> f64 {
        let started = Instant::now();
        let status = self.command(arguments).stdout(Stdio::null()).status().expect("besked can be started");
        assert!(status.success(), "besked {} failed", arguments.join(" "));
        started.elapsed().as_secs_f64()
    }

    /// Starts to send, until it is asked to stop.
    pub fn start_dispatch(&self) -> Dispatching {
        self.start(&["dispatch"])
    }

    /// Starts a command that runs until it is asked to stop.
    pub fn start(&self, arguments: &[&str]) -> Dispatching {
        let command = self.command(arguments).stdout(Stdio::null()).spawn();
        Dispatching { child: command.expect("besked can be started") }
    }

    /// With its pages and its API on this port of loopback from now on.
    pub fn listening(mut self, port: u16) -> Self {
        self.environment.push(("BESKED__HTTP__LISTEN".to_owned(), format!("127.0.0.1:{port}")));
        self
    }

    /// Makes whoever runs the bench an operator who may do everything, and asks nobody for a second factor.
    pub fn staffed(mut self) -> Self {
        let user = Command::new("id").arg("-un").output().expect("there is `id`");
        let user = String::from_utf8_lossy(&user.stdout).trim().to_owned();
        let roles = ["admin", "ops", "finance", "compliance", "support"].map(|role| ["--role", role]).concat();
        self.run(&[&["operators", "add", &user], roles.as_slice()].concat());
        self.environment.push(("BESKED__CONSOLE__SECOND_FACTOR_ROLES".to_owned(), "[]".to_owned()));
        self
    }

    /// Makes a key for a new program with a role.
    pub fn key(&self, operator: &str, role: &str) -> String {
        self.run(&["operators", "add", operator, "--role", role, "--machine"]);
        let made = self.json(&["keys", "add", "--operator", operator]);
        made["key"].as_str().expect("it is shown once").to_owned()
    }

    /// Adds a person with some roles, of whom no second factor is asked, and returns the path of an invitation.
    pub fn invited(&self, name: &str, roles: &[&str]) -> String {
        let roles: Vec<&str> = roles.iter().flat_map(|role| ["--role", role]).collect();
        self.run(&[&["operators", "add", name], roles.as_slice()].concat());
        let invited = self.json(&["operators", "invite", name]);
        let url = invited["url"].as_str().expect("it is printed once");
        format!("/invite/{}", url.rsplit('/').next().expect("it has a token"))
    }

    /// Releases a notice to which recipients are added one by one, and returns its id.
    pub fn standing(&self) -> String {
        let path = self.directory.join("standing.md");
        fs::write(&path, STANDING).expect("a file can be written");
        let made = self.json(&["notice", "create", &path.display().to_string()]);
        let id = made["id"].as_str().expect("an id").to_owned();
        self.run(&["notice", "submit", &id]);
        self.run(&["notice", "release", &id]);
        id
    }

    fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let output = self.command(&[&["--json"], arguments].concat()).output().expect("besked can be started");
        assert!(output.status.success(), "besked {} failed", arguments.join(" "));
        serde_json::from_slice(&output.stdout).expect("JSON")
    }

    /// Size of the sent messages, from the database.
    pub fn message_size(&self) -> usize {
        let list = self.json(&["deliveries", "list", "BENCH"]);
        let id = list["deliveries"][0]["id"].as_str().expect("a delivery").to_owned();
        self.command(&["deliveries", "show", &id, "--message"]).output().expect("besked can be started").stdout.len()
    }

    fn run(&self, arguments: &[&str]) -> Measured {
        let started = Instant::now();
        let child = self.command(arguments).stdout(Stdio::null()).spawn().expect("besked can be started");
        measure(child, started, &format!("besked {}", arguments.join(" ")))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// A running dispatcher.
pub struct Dispatching {
    pub child: Child,
}

impl Dispatching {
    /// Lets it finish the deliveries in flight, and waits for its end.
    pub fn stop(mut self) {
        self.terminate();
        assert!(self.child.wait().expect("it can be waited for").success(), "besked dispatch failed");
    }

    fn terminate(&self) {
        let told = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(told.expect("there is `kill`").success(), "the dispatcher has ended by itself");
    }
}

impl Drop for Dispatching {
    fn drop(&mut self) {
        // After `stop` it has ended; after a failure nothing is left behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A notice in one language, as a file.
fn notice(category: &str, audience: &str, filler: usize) -> String {
    // On lines of its own: what stands on the line of a value is encoded anew for each recipient.
    let words = "All virtual machines in the region keep running while we do this.\n";
    let body = words.repeat(filler / 2 / words.len());
    let fields = match category {
        "maintenance" => {
            "window_start = 2036-12-01T22:00:00+01:00\nwindow_end = 2036-12-02T02:00:00+01:00\n\
             services = [\"Compute\"]\nimpact = \"None.\"\nphase = \"announced\""
        }
        "disruption" => {
            "started_at = 2026-11-20T22:00:00+01:00\nresolved_at = 2026-11-20T23:00:00+01:00\n\
             services = [\"Compute\"]\nimpact = \"None.\"\nstatus = \"resolved\""
        }
        "news" => "title = \"A new region\"",
        other => panic!("the benches send no {other}"),
    };
    format!(
        "+++\ncategory = \"{category}\"\nreference = \"BENCH\"\n[audience]\n{audience}\n[fields]\n{fields}\n+++\n\
         Hello {{{{ contact.name }}}}.\n\n{body}"
    )
}
