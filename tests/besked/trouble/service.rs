//! `besked serve` as a process of its own, in the middle of sending.

use std::process::{Child, Command, Stdio};

use super::{CONNECTIONS, CUSTOMERS, RATE, balance, customers};
use crate::app::maintenance;
use crate::cli::Shell;
use crate::postfix::eventually;
use crate::relay::Relay;

/// The service, its relay and its log.
pub struct Service {
    pub shell: Shell,
    pub relay: Relay,
    id: String,
    process: Option<Child>,
}

impl Service {
    /// Everything is released, and nothing runs yet.
    pub async fn ready(database: Option<&str>) -> Self {
        let relay = Relay::start().await;
        let mut shell = Shell::new().relay(relay.address.port());
        if let Some(url) = database {
            shell = shell.database(url);
            shell.run(&["init"]).ok();
        }
        shell.write("customers.csv", &customers());
        shell.run(&["customers", "import", "customers.csv"]).ok();
        shell.write("notice.md", &maintenance("all = true"));
        let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
        let id = sent["id"].as_str().unwrap().to_owned();
        Self { shell, relay, id, process: None }
    }

    /// Starts the service; `adapt` may change how.
    pub fn start(&mut self, adapt: impl FnOnce(&mut Command)) {
        let mut serve = self.shell.command(&["serve", "--only", "dispatch"]);
        serve.env("BESKED__RELAY__0__CONNECTIONS", CONNECTIONS.to_string());
        serve.env("BESKED__RELAY__0__RATE_PER_SECOND", RATE.to_string());
        let log = std::fs::File::create(self.shell.directory.path().join("log")).unwrap();
        adapt(serve.stderr(log).stdout(Stdio::null()));
        self.process = Some(serve.spawn().unwrap());
    }

    /// Waits until it has sent some.
    pub fn is_sending(&self) {
        eventually("some is sent", || self.relay.received().len() >= CUSTOMERS / 5);
        assert!(self.relay.received().len() < CUSTOMERS, "there is something left to disturb");
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.shell.directory.path().join("log")).unwrap()
    }

    /// Waits until the log has a line that contains this.
    pub fn logged(&self, text: &str) {
        eventually(&format!("the log says `{text}`"), || self.log().contains(text));
    }

    /// Watches for a while: work in progress ends, nothing new begins, and no connection to the relay stays open.
    pub fn rests(&self) {
        let begun = self.begun();
        let mut looks = 0;
        let mut last = begun;
        eventually("nothing new begins", || {
            let now = self.begun();
            looks = if now == last { looks + 1 } else { 0 };
            last = now;
            looks == 60
        });
        assert!(last - begun <= 2 * CONNECTIONS, "{} transactions began without a database", last - begun);
        eventually("all connections end", || self.relay.conversations().iter().all(|it| it.ended));
    }

    /// Transactions begun at the relay so far.
    fn begun(&self) -> usize {
        self.relay.commands().iter().filter(|command| command.starts_with("MAIL")).count()
    }

    /// Every recipient is informed without a restart, and the counts agree.
    pub async fn goes_on(mut self) {
        eventually("everybody is told", || self.relay.received().len() >= CUSTOMERS);
        let closed = || {
            let status = self.shell.run(&["--json", "notice", "status", &self.id]);
            status.code == 0 && status.json()["state"] == "closed"
        };
        eventually("it is closed", closed);
        let mut process = self.process.take().unwrap();
        assert!(process.try_wait().unwrap().is_none(), "it was never restarted:\n{}", self.log());
        Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
        assert!(process.wait().unwrap().success(), "{}", self.log());
        let status = self.shell.run(&["--json", "notice", "status", &self.id]).ok().json();
        assert_eq!(status["counts"]["accepted"].as_u64(), Some(CUSTOMERS as u64), "{status}");
        balance(&self.relay, 2 * CONNECTIONS);
        let audit = self.shell.run(&["--json", "ledger", "audit"]).ok().json();
        assert_eq!(audit["verdict"].as_str(), Some("ok"), "{audit}");
        let lines = self.log().lines().count();
        assert!(lines < 60, "{lines} lines:\n{}", self.log());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
