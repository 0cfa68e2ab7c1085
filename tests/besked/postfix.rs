//! A real Postfix, as a relay that delivers into mailboxes of its own: configuration, queue and log in a temporary directory,
//! on a free port of loopback, beside any Postfix that the machine runs.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

pub struct Postfix {
    pub port: u16,
    directory: tempfile::TempDir,
}

/// Daemons that receive, queue and deliver, in the form of master.cf.
const MASTER: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
";

impl Postfix {
    /// Starts one that delivers to these addresses, and knows no others.
    pub fn start(mailboxes: &[String]) -> Self {
        Self::with(mailboxes, |_| (String::new(), String::new()))
    }

    /// With more lines for main.cf, which win, and for master.cf. `more` is told where its configuration is.
    pub fn with(mailboxes: &[String], more: impl FnOnce(&Path) -> (String, String)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        // Its daemons run as another user.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["etc", "queue", "data", "mail"] {
            fs::create_dir(root.join(name)).unwrap();
        }
        let (uid, gid) = (id("-u"), id("-g"));
        chown(root.join("data"), Some(uid), Some(gid)).unwrap();
        chown(root.join("mail"), Some(uid), Some(gid)).unwrap();
        let port = free_port();
        let lines: Vec<String> = mailboxes.iter().map(|address| format!("{address} {address}/\n")).collect();
        fs::write(root.join("etc/mailboxes"), lines.concat()).unwrap();
        let at = |name: &str| root.join(name).display().to_string();
        let main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\nmaillog_file = {}\n\
             maillog_file_prefixes = {}\ninet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmyhostname = relay.example\n\
             mydestination =\nmynetworks =\nalias_maps =\nalias_database =\nvirtual_mailbox_domains = static:all\n\
             virtual_mailbox_maps = texthash:{}\nvirtual_mailbox_base = {}\nvirtual_minimum_uid = 1\n\
             virtual_uid_maps = static:{uid}\nvirtual_gid_maps = static:{gid}\nsmtpd_relay_restrictions = reject_unauth_destination\n\
             smtpd_client_connection_count_limit = 0\nsmtputf8_enable = no\n",
            at("queue"),
            at("data"),
            at("log"),
            at(""),
            at("etc/mailboxes"),
            at("mail"),
        );
        let (more_main, more_master) = more(&root.join("etc"));
        fs::write(root.join("etc/main.cf"), last_of_each(&(main + &more_main))).unwrap();
        let smtpd = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
        fs::write(root.join("etc/master.cf"), smtpd + MASTER + &more_master).unwrap();
        let postfix = Self { port, directory };
        postfix.control("start");
        eventually("Postfix listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        postfix
    }

    /// The first message in a mailbox, once it is there.
    pub fn mail(&self, address: &str) -> Vec<u8> {
        let new = self.directory.path().join("mail").join(address).join("new");
        eventually("the mail is delivered", || fs::read_dir(&new).is_ok_and(|mut files| files.next().is_some()));
        fs::read(fs::read_dir(&new).unwrap().next().unwrap().unwrap().path()).unwrap()
    }

    /// All messages in a mailbox, once nothing is left to deliver to any; each as Postfix stored it, with LF.
    pub fn mailbox(&self, address: &str) -> Vec<Vec<u8>> {
        eventually("Postfix has delivered everything", || {
            // In the order in which a message passes through them, so that it cannot slip past.
            ["incoming", "active", "deferred"]
                .iter()
                .all(|queue| !holds_files(&self.directory.path().join("queue").join(queue)))
        });
        let mut messages: Vec<_> = fs::read_dir(self.directory.path().join("mail").join(address).join("new"))
            .map(|files| files.map(|file| file.unwrap().path()).collect())
            .unwrap_or_default();
        messages.sort();
        messages.iter().map(|path| fs::read(path).unwrap()).collect()
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn control(&self, what: &str) {
        let etc = self.directory.path().join("etc");
        let done = Command::new("postfix").arg("-c").arg(&etc).arg(what).output().expect("tests/run installs postfix");
        let log = fs::read_to_string(self.directory.path().join("log")).unwrap_or_default();
        assert!(done.status.success(), "postfix {what}: {}\n{log}", String::from_utf8_lossy(&done.stderr));
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        let etc = self.directory.path().join("etc");
        // A failing test reports its own assertion.
        let _ = Command::new("postfix").arg("-c").arg(&etc).arg("stop").output();
    }
}

/// The lines of main.cf, of each parameter the last one. For each that is overridden every daemon would log a warning as it starts, and
/// with a dozen of them the daemon that writes the log waits for itself.
fn last_of_each(main: &str) -> String {
    let mut lines: Vec<(&str, &str)> = Vec::new();
    for line in main.lines().filter(|line| !line.starts_with('#')) {
        let Some((key, _)) = line.split_once(" =") else { continue };
        lines.retain(|(earlier, _)| *earlier != key);
        lines.push((key, line));
    }
    lines.into_iter().map(|(_, line)| format!("{line}\n")).collect()
}

/// True if a folder or one below it contains a file. Files that disappear meanwhile do not count.
fn holds_files(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries
        .flatten()
        .any(|entry| if entry.path().is_dir() { holds_files(&entry.path()) } else { entry.path().exists() })
}

fn id(flag: &str) -> u32 {
    let output = Command::new("id").args([flag, "postfix"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().expect("tests/run installs postfix")
}

/// A port of loopback that nobody listens on, TCP or UDP: none that the kernel hands out to whoever asks for any port, so that it stays
/// free until its server starts.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let first = 10_000 + u16::try_from(std::process::id() % 40).expect("it is small") * 500;
        let port = first + NEXT.fetch_add(1, Ordering::Relaxed) % 500;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Waits for the work of another process: up to four minutes, since on a busy machine a debug build needs more than one for the
/// hundred thousand recipients of the soak.
pub fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..4800 {
        if is_so() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(50));
    }
    panic!("waited in vain until {what}");
}

/// The folder of the sample data, beside the repository.
pub fn sample_customers() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/customers-1000.csv")
}

/// Uses a client that shares no code with ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_known_recipient_gets_the_mail_and_an_unknown_one_is_refused() {
    use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
    let postfix = Postfix::start(&["known@one.example".to_owned(), "other@two.example".to_owned()]);
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1").port(postfix.port).build();
    let message = |to: &str| {
        let message = Message::builder().from("a@sender.example".parse().unwrap()).to(to.parse().unwrap());
        message.subject("Hej").body(format!("to {to}\r\n.\r\nåäö\r\n")).unwrap()
    };
    for to in ["known@one.example", "other@two.example", "known@one.example"] {
        transport.send(message(to)).await.unwrap();
    }
    let refused = transport.send(message("unknown@one.example")).await.unwrap_err();
    assert_eq!(refused.status().map(u16::from), Some(550));
    assert!(format!("{refused:?}").contains("5.1.1"), "{refused:?}");
    let mailbox = postfix.mailbox("known@one.example");
    assert_eq!((mailbox.len(), postfix.mailbox("other@two.example").len()), (2, 1));
    let stored = mail_parser::MessageParser::default().parse(&mailbox[0]).unwrap();
    let lines: Vec<String> = stored.body_text(0).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines, ["to known@one.example", ".", "åäö"]);
    assert!(postfix.mailbox("unknown@one.example").is_empty());
}
