//! The command line as users meet it: the binary itself, its output, its exit codes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use sqlx::{AnyConnection, Connection, Executor};

use crate::app::{CUSTOMERS, maintenance};
use crate::messages;
use crate::postfix::{Postfix, eventually, sample_customers};
use crate::relay::Relay;

/// A working directory with the `besked` command in it.
pub struct Shell {
    pub directory: tempfile::TempDir,
    relay: String,
    environment: Vec<(String, String)>,
}

pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|_| panic!("not JSON: {}\n{}", self.out, self.err))
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    /// Fails with this code, telling all of these.
    #[track_caller]
    pub fn fails(self, code: i32, told: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        for text in told {
            assert!(self.err.contains(text), "`{text}` is not in:\n{}", self.err);
        }
        self
    }
}

impl Shell {
    pub fn new() -> Self {
        let relay = "smtp://127.0.0.1:1?tls=none".to_owned();
        let shell = Self { directory: tempfile::tempdir().unwrap(), relay, environment: Vec::new() };
        shell.run(&["init"]).ok();
        shell
    }

    pub fn relay(mut self, port: u16) -> Self {
        self.relay = format!("smtp://127.0.0.1:{port}?tls=none");
        self
    }

    pub fn database(self, url: &str) -> Self {
        self.env("BESKED__DATABASE__URL", url)
    }

    /// With one more variable in the environment of every command.
    pub fn env(mut self, name: &str, value: impl ToString) -> Self {
        self.environment.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.directory.path().join(name), text).unwrap();
        name.to_owned()
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        let ran = ran(self.command(arguments).output().unwrap());
        messages::note(arguments, self.directory.path(), ran.code, &ran.err);
        ran
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        if !arguments.contains(&"--as") {
            command.args(["--as", "alice"]);
        }
        command.args(arguments).current_dir(self.directory.path()).stdin(Stdio::null());
        command.env_remove("BESKED_CONFIG").env_remove("RUST_MIN_STACK").env("BESKED__RELAY__0__URL", &self.relay);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

#[test]
fn a_new_user_sends_a_notice_through_postfix_and_asks_who_is_informed() {
    let shell = Shell::new();
    shell.run(&["init"]).ok();
    let imported = shell.run(&["--json", "customers", "import", &sample_customers().display().to_string()]).ok().json();
    assert_eq!((imported["customers"].as_u64(), imported["contacts"].as_u64()), (Some(1000), Some(2452)));
    let text = maintenance("attributes = { region = [\"sto2\"] }")
        .replace("+++\nHello from the body.", "+++\nHello {{ contact.name }}.")
        + "\n+++ sv\nsubject = \"Nätverksunderhåll i Sto2\"\n+++\nHej {{ contact.name }}, vi byter växlar.\n";
    let file = shell.write("notice.md", &text);
    let check = shell.run(&["--json", "notice", "check", &file]).ok().json();
    assert_eq!(check["customers"].as_u64(), Some(447));
    let preview = shell.run(&["notice", "preview", &file, "--account", "C100000", "--locale", "sv"]).ok().out;
    assert!(
        preview.contains("Hej Anders Karlsson Andersson, vi byter växlar.") && preview.contains("UTC"),
        "{preview}"
    );

    // Postfix knows everybody in the audience but one.
    let refused_account = "C100005";
    let mut mailboxes = addresses();
    let refused = of_account(&shell, refused_account);
    mailboxes.retain(|address| *address != refused);
    let postfix = Postfix::start(&mailboxes);
    let shell = shell.relay(postfix.port);
    let sent = shell.run(&["--json", "notice", "send", &file, "--wait", "--yes"]);
    assert!(sent.code == 1 && sent.err.contains("1 delivery was refused for good"), "{}", sent.err);
    let sent = sent.json();
    assert_eq!((sent["state"].as_str(), sent["recipients"].as_u64()), (Some("closed"), Some(447)), "{sent}");
    assert_eq!(
        (sent["counts"]["accepted"].as_u64(), sent["counts"]["rejected"].as_u64()),
        (Some(446), Some(1)),
        "{sent}"
    );
    let id = sent["id"].as_str().unwrap();

    let yes = shell.run(&["informed", "--account", "C100000", "--notice", id]).ok().out;
    assert!(yes.starts_with("Yes. Customer C100000 Sörensen Ivarsson AB was informed."), "{yes}");
    assert!(yes.contains("accepted by the mail server") && !yes.contains("received"), "{yes}");
    let not_addressed = shell.run(&["--json", "informed", "--account", "C100001", "--notice", id]);
    assert_eq!((not_addressed.code, not_addressed.json()["verdict"].as_str()), (1, Some("not_addressed")));
    let no = shell.run(&["--json", "informed", "--account", refused_account, "--notice", id]);
    assert_eq!((no.code, no.json()["verdict"].as_str()), (1, Some("not_informed")));
    let delivery = &no.json()["notices"][0]["deliveries"][0];
    assert!(delivery["reply"].as_str().unwrap().starts_with("550 5.1.1"), "{delivery}");
    let dead = shell.run(&["--json", "suppressions", "list"]).ok().json();
    assert_eq!(dead["suppressions"][0]["email"].as_str(), Some(refused.as_str()));

    let mail = postfix.mail(&of_account(&shell, "C100000"));
    let message = mail_parser::MessageParser::default().parse(&mail).unwrap();
    assert_eq!(message.subject(), Some("Nätverksunderhåll i Sto2"));
    assert!(message.body_text(0).unwrap().contains("Hej Anders Karlsson Andersson"));
    let attest =
        ["attest", id, "--account", refused_account, "--channel", "phone", "--by", "Bo", "--note", "called at ten"];
    shell.run(&attest).ok();
    shell.run(&["informed", "--account", refused_account, "--notice", id]).ok();
    let coverage = shell.run(&["--json", "coverage", id]).ok().json();
    assert_eq!((coverage["informed"].as_u64(), coverage["customers"].as_u64()), (Some(447), Some(447)));
}

/// Every address in the sample file.
fn addresses() -> Vec<String> {
    let csv = fs::read_to_string(sample_customers()).unwrap();
    csv::Reader::from_reader(csv.as_bytes())
        .records()
        .filter_map(|record| besked::domain::address::Address::parse(&record.unwrap()[2]).ok())
        .map(|address| address.as_str().to_owned())
        .collect()
}

/// The address that a maintenance notice goes to at an account: its technical contact, else its service contact.
fn of_account(shell: &Shell, account: &str) -> String {
    let shown = shell.run(&["--json", "customers", "show", account]).ok().json();
    let contacts = shown["contacts"].as_array().unwrap();
    let with = |role: &str| contacts.iter().find(|contact| contact["role"] == role);
    with("technical").or_else(|| with("service")).unwrap()["email"].as_str().unwrap().to_owned()
}

#[test]
fn the_demo_runs_twice() {
    let shell = Shell::new();
    for _ in 0..2 {
        let demo = shell.run(&["demo", "--once", "--dir", "demo"]).ok();
        assert!(
            demo.out.contains("security_breach") && demo.out.contains("(dsn, failed 5.1.1, address-dead)"),
            "{}",
            demo.out
        );
        assert!(demo.err.contains("written by alice and approved by bo"), "{}", demo.err);
        let verified = shell.run(&["verify", "demo/evidence.json", "--key", "demo/ledger.vkey"]).ok().out;
        assert!(verified.starts_with("VALID") && verified.contains("customer C-1001"), "{verified}");
        let caught = fs::read_dir(shell.directory.path().join("demo/mail")).unwrap().count();
        assert!(demo.err.contains(&format!("{caught} messages in demo/mail")), "{}", demo.err);
    }
}

#[test]
fn init_makes_a_key_that_only_its_owner_reads_and_overwrites_nothing() {
    use std::os::unix::fs::PermissionsExt as _;
    let shell = Shell::new();
    let key = shell.directory.path().join("var/ledger.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let before = fs::read(&key).unwrap();
    let again = shell.run(&["--json", "init"]).ok().json();
    assert!(again.as_array().unwrap().iter().all(|it| it["made"] == false), "{again}");
    assert_eq!(fs::read(&key).unwrap(), before);
    shell.run(&["config", "check"]).ok();
    let show = shell.run(&["config", "show"]).ok().out;
    assert!(show.contains("[organisation]"), "{show}");
}

#[test]
fn a_wrong_configuration_is_reported_with_its_line() {
    let shell = Shell::new();
    shell.write("config/besked.toml", "[organisation]\nnmae = \"X\"\n");
    shell.run(&["customers", "list"]).fails(2, &["line 2", "nmae", "hint: "]);
    fs::remove_file(shell.directory.path().join("config/besked.toml")).unwrap();
    shell.run(&["customers", "list"]).fails(2, &["no configuration at `config/besked.toml`", "besked init"]);
    let secret =
        shell.command(&["config", "show"]).env("BESKED__DATABASE__URL", "postgres://u:hunter2@h/d").output().unwrap();
    assert!(!ran(secret).out.contains("hunter2"));
}

#[test]
fn bad_files_are_reported_line_by_line() {
    let shell = Shell::new();
    shell.write("bad.csv", "account_id,customer_name,email,role\nC1,Ett,nobody,service\nC2,Två,a@b.example,chef\n");
    shell.run(&["customers", "import", "bad.csv"]).fails(
        2,
        &["line 2: `email` `nobody`: has no `@`", "line 3: `role` `chef`: is not a role", "it has no row that can be"],
    );
    let json = shell.run(&["--json", "customers", "import", "bad.csv"]).fails(2, &["nothing was imported"]).json();
    assert_eq!((json["customers"].as_u64(), json["invalid"][0]["line"].as_u64()), (Some(0), Some(2)), "{json}");
    shell.run(&["customers", "import", "nothing.csv"]).fails(2, &["cannot read `nothing.csv`"]);
    let text = maintenance("all = true")
        .replace("phase = \"announced\"", "phase = \"soon\"")
        .replace("Hello", "<script>x</script> {{ a.b }}");
    shell.write("bad.md", &text);
    shell.run(&["notice", "check", "bad.md"]).fails(
        2,
        &[
            "line 11: `fields.phase`",
            "HTML is not allowed in a notice: `<script>x</script> {{ a.b }}",
            "unknown placeholder `a.b`",
        ],
    );
    let json = shell.run(&["--json", "notice", "check", "bad.md"]).fails(2, &["line 11"]).json();
    assert_eq!(json["problems"][0]["field"].as_str(), Some("fields.phase"), "{json}");
    shell.run(&["notice", "send", "bad.md", "--yes"]).fails(2, &["line 11"]);
    shell.run(&["notice", "status", "CHG-9"]).fails(2, &["there is no notice `CHG-9`", "besked notice list"]);
    shell.run(&["informed", "--account", "C77", "--category", "news"]).fails(2, &["there is no customer `C77`"]);
    shell.run(&["preferences", "set", "a@b.example", "--opt-out", "billing"]).fails(2, &["`billing` is mandatory"]);
}

#[test]
fn an_unreachable_relay_and_an_empty_audience_are_no_accident() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("nobody.md", &maintenance("attributes = { region = [\"mars\"] }"));
    shell.run(&["notice", "send", "nobody.md", "--wait", "--yes"]).fails(2, &["the audience is empty"]);
    shell.write("all.md", &maintenance("all = true"));
    let sent = shell.run(&["--json", "notice", "send", "all.md", "--wait", "--yes"]);
    let json = sent.json();
    sent.fails(75, &["relay `primary` cannot be used (connect)", "2 deliveries wait in the queue until one can"]);
    assert_eq!((json["state"].as_str(), json["counts"]["queued"].as_u64()), (Some("released"), Some(2)), "{json}");
    let answer = shell.run(&["informed", "--account", "C1", "--category", "maintenance"]);
    assert_eq!(answer.code, 3, "not decided yet");
    shell.run(&["dispatch", "--until-idle"]).fails(75, &["cannot be used"]);
}

/// Whoever sent it anew would tell everybody twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_broken_off_says_what_becomes_of_it() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let url = format!("sqlite://{}", shell.directory.path().join("var/besked.db").display());
    sqlx::any::install_default_drivers();
    let mut conn = AnyConnection::connect(&url).await.unwrap();
    let lost = "CREATE TRIGGER lost AFTER INSERT ON deliveries WHEN NEW.ordinal = 1
         BEGIN DELETE FROM deliveries WHERE notice_id = NEW.notice_id AND ordinal = 0; END";
    conn.execute(lost).await.unwrap();
    shell.write("all.md", &maintenance("all = true"));
    let sent = shell.run(&["notice", "send", "all.md", "--yes"]);
    let sent = sent.fails(75, &["interrupted", "do not send it again", "continues the release"]);
    let shown = sent.err.split('`').find_map(|command| command.strip_prefix("besked notice status ")).unwrap();
    let status = shell.run(&["--json", "notice", "status", shown]).ok().json();
    assert_eq!(status["state"].as_str(), Some("releasing"));
    conn.execute("DROP TRIGGER lost").await.unwrap();
    conn.execute("UPDATE notices SET release_until = 0").await.unwrap();
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(relay.received().len(), 2, "each once");
}

#[test]
fn nothing_is_sent_without_a_terminal_or_a_yes() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("all.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "all.md"]).fails(2, &["no terminal", "2 addresses", "hint: add `--yes`"]);
    let list = shell.run(&["--json", "notice", "list"]).ok().json();
    assert_eq!(list["notices"].as_array().map(Vec::len), Some(0), "nothing was stored");
}

#[test]
fn notices_are_shown_as_json_too() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("all.md", &maintenance("all = true"));
    let preview = shell.run(&["--json", "notice", "preview", "all.md"]).ok().json();
    assert_eq!(preview["format"], "text");
    assert!(preview["content"].as_str().unwrap().contains("Hello from the body."), "{preview}");
    let created = shell.run(&["--json", "notice", "create", "all.md"]).ok().json();
    let id = created["id"].as_str().unwrap();
    shell.run(&["notice", "create", "all.md"]).ok();
    let list = shell.run(&["--json", "notice", "list", "--limit", "1"]).ok().json();
    assert_eq!(list["notices"].as_array().map(Vec::len), Some(1));
    let next = list["next"].as_str().unwrap();
    let rest = shell.run(&["--json", "notice", "list", "--after", next]).ok().json();
    assert_eq!((rest["notices"][0]["id"].as_str(), rest["next"].is_null()), (Some(id), true), "{rest}");
    shell.run(&["notice", "submit", id]).ok();
    shell.run(&["notice", "release", id]).ok();
    shell.run(&["notice", "cancel", id]).ok();
    let watched = shell.run(&["--json", "notice", "status", id, "--watch"]).ok();
    let lines: Vec<&str> = watched.out.lines().collect();
    assert_eq!(lines.len(), 1, "one document a line: {}", watched.out);
    assert_eq!(serde_json::from_str::<Value>(lines[0]).unwrap()["state"], "cancelled");
}

#[test]
fn a_breach_waits_for_a_second_person() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/notices/1-security-breach.md");
    let file = demo.display().to_string();
    let sent = shell.run(&["--json", "notice", "send", &file, "--yes", "--as", "alice"]).ok();
    assert!(sent.err.contains("a second person approves it"), "{}", sent.err);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(sent.json()["state"].as_str(), Some("submitted"));
    shell.run(&["notice", "approve", &id, "--as", "alice"]).fails(2, &["`alice` wrote this notice"]);
    shell.run(&["notice", "approve", &id, "--as", "bo"]).ok();
    let released = shell.run(&["--json", "notice", "release", &id]).ok().json();
    assert_eq!(released["state"].as_str(), Some("released"));
    let coverage = shell.run(&["coverage", &id]).ok().out;
    assert!(coverage.contains("discovered ") && coverage.contains("nobody to address"), "{coverage}");
}

#[test]
fn a_service_ends_on_sigterm_with_nothing_in_doubt() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let mut serve = shell.command(&["serve", "--only", "dispatch"]).spawn().unwrap();
    let lock = shell.directory.path().join("var/besked.db.dispatcher");
    eventually("it serves", || lock.exists() && shell.run(&["dispatch", "--until-idle"]).code == 75);
    Command::new("kill").args(["-TERM", &serve.id().to_string()]).status().unwrap();
    assert!(serve.wait().unwrap().success());
    shell.run(&["dispatch", "--until-idle"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_at_everything_and_sends_nothing() {
    use crate::relay::{Act, Encryption, Script};
    let server = Relay::with(Script::default().encryption(Encryption::Implicit)).await;
    let shell = Shell::new();
    let doctor = |key: &str, url: &str| {
        let mut command = shell.command(&["--json", "doctor"]);
        command.env("BESKED__RELAY__0__URL", url).env("BESKED__RELAY__0__CA_FILE", server.ca_file());
        ran(command.env("BESKED__LEDGER__KEY_FILE", key).output().unwrap())
    };
    let well = doctor("var/ledger.key", &server.url()).ok().json();
    let of = |checks: &Value, what: &str| {
        let checks = checks.as_array().unwrap();
        let check = checks.iter().find(|it| it["what"].as_str() == Some(what)).unwrap();
        (check["verdict"].as_str().unwrap().to_owned(), check["detail"].as_str().unwrap().to_owned())
    };
    for what in ["database", "ledger", "tombstones", "contacts", "ledger key"] {
        assert_eq!(of(&well, what).0, "ok", "{what}");
    }
    let (_, detail) = of(&well, "relay primary");
    for told in ["TLSv1.3", "certificate until", "SIZE ", "8BITMIME", "SMTPUTF8", "PIPELINING", "DSN"] {
        assert!(detail.contains(told), "{told}: {detail}");
    }
    assert!(!detail.contains("authenticated"), "{detail}");

    let with_password = |accepted: bool| {
        if !accepted {
            server.on("AUTH", 99, Act::Reply("535 5.7.8 bad credentials\r\n"));
        }
        let mut command = shell.command(&["--json", "doctor"]);
        let url = server.url().replacen("://", "://besked@", 1);
        command.env("BESKED__RELAY__0__URL", url).env("BESKED__RELAY__0__PASSWORD", "hunter2");
        ran(command.env("BESKED__RELAY__0__CA_FILE", server.ca_file()).output().unwrap())
    };
    let (verdict, detail) = of(&with_password(true).json(), "relay primary");
    assert!(verdict == "ok" && detail.contains("authenticated"), "{verdict}: {detail}");
    let refused = with_password(false);
    let (verdict, detail) = of(&refused.json(), "relay primary");
    assert!(refused.code == 1 && verdict == "failed" && detail.contains("535"), "{verdict}: {detail}");
    assert!(!refused.out.contains("hunter2") && !refused.err.contains("hunter2"));
    assert!(server.received().is_empty());
    let ill = doctor("var/no.key", "smtp://127.0.0.1:1?tls=none");
    assert_eq!(ill.code, 1);
    assert_eq!(of(&ill.json(), "ledger key").0, "warning");
    assert_eq!(of(&ill.json(), "relay primary").0, "failed");
}

/// The environment says what its user wants, or nothing in a service.
#[test]
fn an_operator_who_is_not_named_is_the_user_of_the_process() {
    let shell = Shell::new();
    shell.write("notice.md", &maintenance("all = true"));
    let create = |user: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        command.args(["--json", "notice", "create", "notice.md"]).current_dir(shell.directory.path());
        command.env_remove("USER").env_remove("LOGNAME").envs(user.map(|user| ("USER", user)));
        let id = ran(command.output().unwrap()).ok().json()["id"].as_str().unwrap().to_owned();
        shell.run(&["--json", "notice", "show", &id]).ok().json()["author"].as_str().unwrap().to_owned()
    };
    let user = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(user.stdout).unwrap().trim().to_owned();
    assert_eq!([create(None), create(Some("karin"))], [user.clone(), user]);
}

#[test]
fn a_blank_text_is_refused_wherever_it_is_asked_for() {
    let shell = Shell::new();
    let id = "01a225f3-bf53-7000-bee5-87d80c3421b8";
    for command in [
        &["customers", "list", "--as", ""][..],
        &["notice", "pause", "CHG-1", "--reason", " "],
        &["subject", "erase", "a@b.example", "--yes", "--ground", " "],
        &["attest", "N", "--account", "", "--channel", "phone", "--by", "A", "--note", "B"],
        &["attest", "N", "--account", "C1", "--channel", "phone", "--by", "", "--note", "B"],
        &["attest", "N", "--account", "C1", "--channel", "phone", "--by", "A", "--note", "\t"],
        &["deliveries", "uncertain", "settle", id, "--accepted", "--text", "", "--by", "A"],
        &["hold", "add", "--account", "C1", "--reason", ""],
    ] {
        shell.run(command).fails(2, &["is empty"]);
    }
    shell.run(&["deliveries", "show", "abc"]).fails(2, &["it is not an id such as"]);
}
