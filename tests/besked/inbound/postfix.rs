//! Behind a real Postfix, configured as docs/inbound.md says: bounces and success reports come back by each way.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::process::{Child, Command};

use rstest::rstest;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::app::maintenance;
use crate::cli::Shell;
use crate::dovecot::{Dovecot, PASSWORD};
use crate::postfix::{Postfix, eventually, free_port};

/// One customer whose mailbox is there, and one whom a local transport does not know.
const CUSTOMERS: &str =
    "account_id,customer_name,email\nC1,Ett AB,known@one.example\nC2,Two Ltd,nobody-here@local.example\n";

/// The daemons that the pages take for granted, and one domain of local users, whom smtpd does not look up.
const MASTER: &str = "lmtp unix - - n - - lmtp\nlocal unix - n n - - local\ndiscard unix - - n - - discard\n";
const MAIN: &str = "\nmydestination = local.example\nlocal_recipient_maps =\nqueue_run_delay = 2s\nminimal_backoff_time = 2s\n\
    maximal_backoff_time = 2s\nvirtual_mailbox_domains = one.example\n";

/// A block of the page: of this section, for this file.
fn documented(section: &str, file: &str, number: usize) -> String {
    let page = include_str!("../../../docs/inbound.md");
    let (_, after) = page.split_once(&format!("\n## {section}\n")).expect("the section is there");
    let section = after.split("\n## ").next().unwrap();
    let mut blocks = section.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("toml").trim_start());
    let mark = format!("# {file}\n");
    let found = blocks.by_ref().filter(|block| block.starts_with(&mark)).nth(number);
    found.unwrap_or_else(|| panic!("{file} in {section}")).to_owned()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Tcp,
    Unix,
    Pipe,
    Imap,
    Maildir,
}

const WITH_DOVECOT: &str = "A mailbox over IMAP";

impl Way {
    /// What the page says for main.cf and master.cf, with the map that it names.
    fn configure(self, etc: &Path, here: &dyn Fn(String) -> String) -> (String, String) {
        let here = |text: String| here(text.replace("/etc/postfix", &etc.display().to_string()));
        let (section, number) = match self {
            Self::Tcp => ("Postfix with LMTP", 0),
            Self::Unix => ("Postfix with LMTP", 1),
            Self::Pipe => ("Postfix with a pipe", 0),
            Self::Imap | Self::Maildir => {
                // The domain of the customers is another one than that of the mailbox.
                let others = "relay_domains = one.example\ntransport_maps = inline:{one.example=discard:}\n";
                let main = here(documented(WITH_DOVECOT, "/etc/postfix/main.cf", 0));
                return (MAIN.to_owned() + others + &main, MASTER.to_owned());
            }
        };
        fs::write(etc.join("transport"), here(documented(section, "/etc/postfix/transport", number))).unwrap();
        let main = MAIN.to_owned() + &here(documented(section, "/etc/postfix/main.cf", 0));
        fs::write(etc.join("main.cf"), &main).unwrap();
        let made = Command::new("postmap").arg("-c").arg(etc).arg(etc.join("transport")).status().unwrap();
        assert!(made.success(), "postmap");
        let pipe = (self == Self::Pipe).then(|| here(documented(section, "/etc/postfix/master.cf", 0)));
        (main, MASTER.to_owned() + &pipe.unwrap_or_default())
    }

    const fn route(self) -> &'static str {
        match self {
            Self::Tcp | Self::Unix => "lmtp",
            Self::Pipe => "pipe",
            Self::Imap => "imap",
            Self::Maildir => "maildir",
        }
    }
}

/// Besked and Postfix, joined by one of the ways.
struct Joined {
    way: Way,
    shell: Shell,
    postfix: Postfix,
    service: Option<Child>,
    _dovecot: Option<Dovecot>,
    listener: String,
}

impl Joined {
    fn new(way: Way) -> Self {
        let port = free_port();
        let shell = Shell::new()
            .env("BESKED__CATEGORY__MAINTENANCE__ASK_DELIVERY_REPORTS", "true")
            .env("BESKED__CATEGORY__MAINTENANCE__INFORMED_AT", "dsn_delivered")
            .env("BESKED__SENDER__BOUNCE_DOMAIN", "bounces.example.com");
        shell.write("customers.csv", CUSTOMERS);
        shell.run(&["customers", "import", "customers.csv"]).ok();
        let home = shell.directory.path().to_owned();
        fs::set_permissions(&home, fs::Permissions::from_mode(0o755)).unwrap();
        let socket = home.join("lmtp.sock").display().to_string();
        let here = |text: String| {
            text.replace("127.0.0.1:2424", &format!("127.0.0.1:{port}"))
                .replace("/run/besked/lmtp.sock", &socket)
                .replace("user=besked", "user=mail")
                .replace("directory=/etc/besked", &format!("directory={}", home.display()))
                .replace("/usr/bin/besked", env!("CARGO_BIN_EXE_besked"))
                .replace("/etc/besked/besked.toml", &home.join("config/pipe.toml").display().to_string())
                .replace("/var/mail/besked", &home.join("mail").display().to_string())
        };
        let postfix = Postfix::with(&["known@one.example".to_owned()], |etc| way.configure(etc, &here));
        let dovecot = (way == Way::Imap)
            .then(|| Dovecot::start(&here(documented(WITH_DOVECOT, "/etc/dovecot/conf.d/99-besked.conf", 0))));
        fs::create_dir(home.join("mail")).unwrap();
        give(&home.join("mail"), id("-u"), id("-g"));
        let listen = match way {
            Way::Tcp => format!("127.0.0.1:{port}"),
            Way::Unix => format!("unix:{socket}"),
            Way::Pipe | Way::Imap | Way::Maildir => String::new(),
        };
        let shell = shell.relay(postfix.port).env("BESKED__INBOUND__LMTP_LISTEN", listen);
        let shell = match (way, &dovecot) {
            (Way::Maildir, _) => shell.env("BESKED__INBOUND__MAILDIR__PATH", home.join("mail/bounces").display()),
            (Way::Imap, Some(dovecot)) => shell
                .env("BESKED__INBOUND__IMAP__URL", format!("imaps://bounces@localhost:{}/INBOX", dovecot.tls_port))
                .env("BESKED__INBOUND__IMAP__PASSWORD", PASSWORD)
                .env("BESKED__INBOUND__IMAP__CA_FILE", dovecot.ca_file().display())
                .env("BESKED__INBOUND__IMAP__EVERY", "5s"),
            _ => shell,
        };
        if way == Way::Pipe {
            give(&home, id("-u"), id("-g"));
        }
        Self { way, shell, postfix, service: None, _dovecot: dovecot, listener: format!("127.0.0.1:{port}") }
    }

    /// From now on Besked can be reached: until then its listener, or the configuration of the pipe, is missing.
    fn take(&mut self) {
        if self.way != Way::Pipe {
            self.serve();
            return;
        }
        let config = self.shell.directory.path().join("config");
        fs::copy(config.join("besked.toml"), config.join("pipe.toml")).unwrap();
        give(&config, id("-u"), id("-g"));
    }

    fn serve(&mut self) {
        self.service = Some(self.shell.command(&["serve", "--only", "inbound"]).spawn().unwrap());
    }

    /// How many lines of Postfix's log say this of a report.
    fn reports(&self, status: &str) -> usize {
        let is_one = |line: &&str| line.contains("bounces.example.com>") && line.contains(status);
        self.postfix.log().lines().filter(is_one).count()
    }

    /// What is known of a customer; whatever the way, somebody has to read what was stored.
    fn informed(&self, account: &str, notice: &str) -> Value {
        self.shell.run(&["--json", "informed", "--account", account, "--notice", notice]).json()
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(service) = &mut self.service {
            let _ = service.kill();
            let _ = service.wait();
        }
    }
}

fn give(path: &Path, uid: u32, gid: u32) {
    chown(path, Some(uid), Some(gid)).unwrap();
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| give(&entry.unwrap().path(), uid, gid));
    }
}

fn id(flag: &str) -> u32 {
    let output = Command::new("id").args([flag, "mail"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

/// Both reports are refused for a while first: Besked, or its database, is away.
#[rstest]
#[case(Way::Tcp)]
#[case(Way::Unix)]
#[case(Way::Pipe)]
#[case(Way::Imap)]
#[case(Way::Maildir)]
fn a_success_report_and_a_bounce_come_back_and_are_told(#[case] way: Way) {
    let mut joined = Joined::new(way);
    joined.shell.write("notice.md", &maintenance("all = true"));
    let sent = joined.shell.run(&["--json", "notice", "send", "notice.md", "--wait", "--yes"]).ok().json();
    let id = sent["id"].as_str().unwrap().to_owned();
    assert_eq!(sent["counts"]["accepted"].as_u64(), Some(2), "{sent}");
    assert_eq!(joined.informed("C1", &id)["verdict"], "pending");
    if !matches!(way, Way::Imap | Way::Maildir) {
        eventually("both reports were put off", || joined.reports("status=deferred") >= 2);
    }
    joined.take();
    eventually("both reports have come", || joined.reports("status=sent") == 2);
    if way == Way::Pipe {
        // What the pipe stored is read by whoever serves, whatever the way in is there.
        let shell = std::mem::replace(&mut joined.shell, Shell::new());
        joined.shell = shell.env("BESKED__INBOUND__LMTP_LISTEN", "127.0.0.1:0");
        joined.serve();
    }
    eventually("the bounce is known", || joined.informed("C2", &id)["verdict"] == "not_informed");
    eventually("the success is known", || joined.informed("C1", &id)["verdict"] == "informed");
    let informed = joined.informed("C1", &id);
    assert_eq!(informed["level"], "dsn_delivered", "{informed}");
    let bounced = joined.informed("C2", &id);
    assert_eq!(bounced["notices"][0]["deliveries"][0]["state"], "bounced", "{bounced}");
    let dead = joined.shell.run(&["--json", "suppressions", "list"]).ok().json();
    assert_eq!(dead["suppressions"][0]["email"], "nobody-here@local.example");
    let listed = joined.shell.run(&["--json", "inbound", "list"]).ok().json();
    let listed = listed["inbound"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{listed:?}");
    for message in listed {
        assert_eq!(message["route"], way.route());
        assert_eq!((&message["match"], &message["kind"]), (&"token".into(), &"dsn".into()), "{message}");
    }
}

/// What docs/inbound.md says of mail from outside to an address that is not ours.
#[tokio::test(flavor = "multi_thread")]
async fn postfix_asks_before_it_takes_mail_from_outside() {
    let mut joined = Joined::new(Way::Tcp);
    joined.shell = std::mem::replace(&mut joined.shell, Shell::new())
        .env("BESKED__INBOUND__ADDRESSES", "[\"fbl@bounces.example.com\"]");
    joined.take();
    let listener = joined.listener.clone();
    eventually("it listens", || std::net::TcpStream::connect(&listener).is_ok());
    let stream = tokio::net::TcpStream::connect(("127.0.0.1", joined.postfix.port)).await.unwrap();
    let mut stream = BufReader::new(stream);
    say(&mut stream, "").await;
    say(&mut stream, "HELO me.example\r\n").await;
    say(&mut stream, "MAIL FROM:<>\r\n").await;
    // The first question may take longer than Postfix waits.
    for (to, code) in [
        ("RCPT TO:<fbl@bounces.example.com>\r\n", "250"),
        ("RCPT TO:<b+abcd@bounces.example.com>\r\n", "550"),
        ("RCPT TO:<postmaster@elsewhere.example>\r\n", "554"),
    ] {
        let mut said = say(&mut stream, to).await;
        for _ in 0..5 {
            if said.starts_with("450") {
                said = say(&mut stream, to).await;
            }
        }
        assert!(said.starts_with(code), "{to}{said}");
    }
}

async fn say(stream: &mut BufReader<tokio::net::TcpStream>, said: &str) -> String {
    stream.get_mut().write_all(said.as_bytes()).await.unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).await.unwrap();
    line
}
