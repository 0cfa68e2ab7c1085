//! A PostgreSQL cluster for one test, to be stopped, restarted and made read-only.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The cluster. It ends when it is dropped.
pub struct Cluster {
    programs: PathBuf,
    directory: tempfile::TempDir,
    port: u16,
    /// The user of its server: it refuses to run as root.
    user: Option<(u32, u32)>,
}

impl Cluster {
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// One that loses with its memory every write that was not waited for.
    pub fn forgetful() -> Self {
        Self::start_with("wal_buffers = 64MB\nwal_writer_delay = 10s\nwal_writer_flush_after = 1GB\nautovacuum = off")
    }

    fn start_with(settings: &str) -> Self {
        let programs = std::fs::read_dir("/usr/lib/postgresql").unwrap().map(|version| version.unwrap().path());
        let programs = programs.max().expect("PostgreSQL is installed").join("bin");
        let id = |of: &[&str]| -> u32 {
            let id = Command::new("id").args(of).output().unwrap();
            String::from_utf8(id.stdout).unwrap().trim().parse().unwrap()
        };
        let user = (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])));
        let directory = tempfile::tempdir().unwrap();
        if let Some((user, group)) = user {
            std::os::unix::fs::chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        // Free a moment ago.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = Self { programs, directory, port, user };
        cluster.run("initdb", &["--auth=trust", "--username=besked", "--no-sync"]);
        let sockets = cluster.directory.path().display().to_string();
        cluster.set(&format!(
            "port = {port}\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = '{sockets}'\nfsync = off\n\
             {settings}"
        ));
        cluster.begin();
        cluster
    }

    pub fn url(&self) -> String {
        format!("postgres://besked@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    pub fn begin(&self) {
        let log = self.directory.path().join("server.log").display().to_string();
        self.run("pg_ctl", &["--wait", "--silent", "--log", &log, "start"]);
    }

    pub fn stop(&self) {
        self.run("pg_ctl", &["--wait", "--silent", "--mode=fast", "stop"]);
    }

    /// `mode` is `fast` or `immediate`, as when its host loses power.
    pub fn restart(&self, mode: &str) {
        let log = self.directory.path().join("server.log").display().to_string();
        self.run("pg_ctl", &["--wait", "--silent", "--log", &log, &format!("--mode={mode}"), "restart"]);
    }

    /// Refuses to write, from the next transaction of each connection on; or no longer.
    pub fn read_only(&self, on: bool) {
        self.set(&format!("default_transaction_read_only = {on}"));
        self.run("pg_ctl", &["--silent", "reload"]);
    }

    fn set(&self, lines: &str) {
        let path = self.directory.path().join("data/postgresql.conf");
        writeln!(OpenOptions::new().append(true).open(path).unwrap(), "{lines}").unwrap();
    }

    #[track_caller]
    fn run(&self, program: &str, arguments: &[&str]) {
        let mut command = Command::new(self.programs.join(program));
        command.arg("--pgdata").arg(self.directory.path().join("data")).args(arguments);
        command.current_dir(self.directory.path()).stdin(Stdio::null()).stdout(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        assert!(command.status().unwrap().success(), "{program} {arguments:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return self.run("pg_ctl", &["--wait", "--silent", "--mode=immediate", "stop"]);
        }
        // It may be stopped already.
        let mut command = Command::new(self.programs.join("pg_ctl"));
        command.arg("--pgdata").arg(self.directory.path().join("data")).args(["--mode=immediate", "stop"]);
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        let _ = command.current_dir(self.directory.path()).status();
    }
}
