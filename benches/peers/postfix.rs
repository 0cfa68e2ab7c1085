//! Postfix, draining a queue of its own: a private one in a temporary directory, tuned to hand everything to one relay.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::CONNECTIONS;
use super::bench::sink::smtp_source;
use super::bench::{free_port, until};

/// Daemons that receive, queue and deliver, in the form of master.cf. `smtp` has as many processes as the others have
/// connections; `scache` keeps connections between messages.
const MASTER: &str = "\
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
showq unix n - n - - showq
postlog unix-dgram n - n - 1 postlogd
";

/// A running Postfix.
pub struct Postfix {
    root: PathBuf,
    port: u16,
    relay: u16,
}

impl Postfix {
    /// Starts one whose relay is on a port of loopback.
    ///
    /// # Errors
    /// Says how to install it where it is missing.
    pub fn start(root: PathBuf, relay: u16) -> Result<Self, String> {
        let id = |flag: &str| {
            let told = Command::new("id").args([flag, "postfix"]).output().ok()?;
            String::from_utf8_lossy(&told.stdout).trim().parse::<u32>().ok()
        };
        let (Some(uid), Some(gid)) = (id("-u"), id("-g")) else { return Err("apt-get install postfix".to_owned()) };
        for name in ["etc", "queue", "data"] {
            fs::create_dir_all(root.join(name)).expect("a directory can be made");
        }
        // Its daemons run as another user.
        for path in root.ancestors().take(2) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
        }
        chown(root.join("data"), Some(uid), Some(gid)).map_err(|_| "only root can start it".to_owned())?;
        let postfix = Self { root, port: free_port(), relay };
        postfix.configure(true);
        let master =
            format!("127.0.0.1:{} inet n - n - - smtpd\nsmtp unix - - n - {CONNECTIONS} smtp\n{MASTER}", postfix.port);
        fs::write(postfix.root.join("etc/master.cf"), master).expect("a file can be written");
        postfix.control("start");
        until("Postfix listens", || std::net::TcpStream::connect(("127.0.0.1", postfix.port)).is_ok());
        Ok(postfix)
    }

    /// Fills its queue, and gives the seconds in which it drains it.
    pub fn drain(&self, messages: usize, bytes: usize) -> f64 {
        smtp_source(self.port, messages, bytes, CONNECTIONS);
        until("everything is deferred", || self.is_empty(&["incoming", "active"]));
        self.configure(false);
        self.control("reload");
        let started = Instant::now();
        self.control("flush");
        // In the order in which a message passes through them, so that none slips past.
        until("the queue is empty", || self.is_empty(&["deferred", "incoming", "active"]));
        let seconds = started.elapsed().as_secs_f64();
        let log = fs::read_to_string(self.root.join("log")).expect("it keeps a log");
        let sent = log.lines().filter(|line| line.contains("status=sent")).count();
        assert_eq!(sent, messages, "Postfix sent all of them");
        seconds
    }

    /// Writes main.cf; while it is being filled, what goes by SMTP is deferred.
    fn configure(&self, filling: bool) {
        let at = |name: &str| self.root.join(name).display().to_string();
        let relay = format!("[127.0.0.1]:{}", self.relay);
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {queue}\ndata_directory = {data}\nmaillog_file = {log}\n\
             maillog_file_prefixes = {root}\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = relay.example\n\
             mydestination =\nmynetworks = 127.0.0.0/8\nalias_maps =\nalias_database =\nlocal_recipient_maps =\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nsmtpd_client_connection_count_limit = 0\n\
             relayhost = {relay}\nsmtp_dns_support_level = disabled\nsmtp_host_lookup = native\n\
             default_destination_concurrency_limit = {CONNECTIONS}\ninitial_destination_concurrency = {CONNECTIONS}\n\
             smtp_connection_cache_destinations = {relay}\nqmgr_message_active_limit = 100000\n\
             qmgr_message_recipient_limit = 100000\nin_flow_delay = 0\ndefer_transports = {deferred}\n",
            queue = at("queue"),
            data = at("data"),
            log = at("log"),
            root = self.root.display(),
            deferred = if filling { "smtp" } else { "" },
        );
        fs::write(self.root.join("etc/main.cf"), main).expect("a file can be written");
    }

    fn is_empty(&self, queues: &[&str]) -> bool {
        !queues.iter().any(|queue| holds_files(&self.root.join("queue").join(queue)))
    }

    fn control(&self, what: &str) {
        let done =
            Command::new("postfix").arg("-c").arg(self.root.join("etc")).arg(what).output().expect("it can be started");
        assert!(done.status.success(), "postfix {what}: {}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What failed before is told by its own message.
        let _ = Command::new("postfix").arg("-c").arg(self.root.join("etc")).arg("stop").output();
    }
}

/// True where a folder or one below it holds a file. What goes away meanwhile is not held.
fn holds_files(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries
        .flatten()
        .any(|entry| if entry.path().is_dir() { holds_files(&entry.path()) } else { entry.path().exists() })
}
