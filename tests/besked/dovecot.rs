//! A real Dovecot, as an IMAP server with a mailbox for each of two users: configuration, mail and log in a temporary directory, on free ports of
//! loopback.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::postfix::{eventually, free_port};

/// The password of its users, `besked` and `bounces`.
pub const PASSWORD: &str = "hunter2 \"quoted\" \\";

pub struct Dovecot {
    /// The port of `imap://`, with STARTTLS.
    pub port: u16,
    /// The port of `imaps://`.
    pub tls_port: u16,
    directory: tempfile::TempDir,
}

impl Dovecot {
    /// Starts one. `settings` are lines of its configuration beside the usual ones.
    pub fn start(settings: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir(root.join("mail")).unwrap();
        let uid = id("-u", "mail");
        chown(root.join("mail"), Some(uid), Some(id("-g", "mail"))).unwrap();
        let (port, tls_port) = (free_port(), free_port());
        fs::write(root.join("users"), format!("besked:{{PLAIN}}{PASSWORD}\nbounces:{{PLAIN}}{PASSWORD}\n")).unwrap();
        certify(root);
        fs::write(root.join("dovecot.conf"), configuration(root, port, tls_port) + settings + "\n").unwrap();
        let dovecot = Self { port, tls_port, directory };
        dovecot.start_again();
        dovecot
    }

    /// Starts it after [`stop`](Self::stop).
    pub fn start_again(&self) {
        assert!(self.control(&[]), "dovecot: {}", self.said());
        eventually("Dovecot listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    pub fn stop(&self) {
        self.control(&["stop"]);
        eventually("Dovecot is gone", || TcpStream::connect(("127.0.0.1", self.port)).is_err());
    }

    fn control(&self, what: &[&str]) -> bool {
        let root = self.directory.path();
        // Its daemons keep what they were started with: the end of a pipe would never come.
        let said = fs::File::create(root.join("said")).unwrap();
        let mut command = Command::new("dovecot");
        command.arg("-c").arg(root.join("dovecot.conf")).args(what).stdout(Stdio::null()).stderr(said);
        command.status().expect("tests/run installs dovecot").success()
    }

    fn said(&self) -> String {
        ["said", "log"].map(|name| fs::read_to_string(self.directory.path().join(name)).unwrap_or_default()).concat()
    }

    /// The certificate that it is trusted by.
    pub fn ca_file(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    /// Puts a message into the mailbox.
    pub fn put(&self, name: &str, message: &[u8]) {
        let folder = self.mailbox("");
        for part in ["tmp", "new", "cur"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let temporary = folder.join("tmp").join(name);
        fs::write(&temporary, message).unwrap();
        let owner = (Some(id("-u", "mail")), Some(id("-g", "mail")));
        for path in [temporary.clone(), folder.clone(), folder.join("tmp"), folder.join("new"), folder.join("cur")] {
            chown(path, owner.0, owner.1).unwrap();
        }
        fs::rename(temporary, folder.join("new").join(name)).unwrap();
    }

    /// The files in a mailbox, `""` for the INBOX; each name ends with its flags.
    pub fn files(&self, mailbox: &str) -> Vec<String> {
        let folder = self.mailbox(mailbox);
        let mut names: Vec<String> = ["new", "cur"]
            .iter()
            .filter_map(|part| fs::read_dir(folder.join(part)).ok())
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn mailbox(&self, name: &str) -> PathBuf {
        let own = self.directory.path().join("mail/besked");
        if name.is_empty() { own } else { own.join(format!(".{name}")) }
    }
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.control(&["stop"]);
    }
}

fn configuration(root: &Path, port: u16, tls_port: u16) -> String {
    let at = root.display();
    format!(
        "base_dir = {at}/run\nstate_dir = {at}/state\nlog_path = {at}/log\nprotocols = imap\nlisten = 127.0.0.1\n\
         ssl = required\nssl_cert = <{at}/certificate.pem\nssl_key = <{at}/key.pem\nmail_location = maildir:{at}/mail/%u\n\
         first_valid_uid = 1\nservice imap-login {{\n inet_listener imap {{\n port = {port}\n }}\n inet_listener imaps {{\n \
         port = {tls_port}\n ssl = yes\n }}\n chroot =\n}}\nservice anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n\
         passdb {{\n driver = passwd-file\n args = {at}/users\n}}\nuserdb {{\n driver = static\n \
         args = uid=mail gid=mail home={at}/mail/%u\n}}\nmail_max_userip_connections = 50\n"
    )
}

fn certify(root: &Path) {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    authority.distinguished_name.push(rcgen::DnType::CommonName, "authority of a test");
    let authority = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate().unwrap()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let names = ["localhost".to_owned()];
    let certificate = rcgen::CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(root.join("authority.pem"), authority.pem()).unwrap();
    fs::write(root.join("certificate.pem"), certificate.pem()).unwrap();
    fs::write(root.join("key.pem"), key.serialize_pem()).unwrap();
}

fn id(flag: &str, user: &str) -> u32 {
    let output = Command::new("id").args([flag, user]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().expect("Debian has this user")
}
