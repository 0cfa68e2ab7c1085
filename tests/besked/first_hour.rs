//! A stranger's first hour: `besked init` asks at a terminal, and what is refused until the configuration is one's own.

use std::path::Path;
use std::process::Command;

use crate::app::{CUSTOMERS, maintenance};
use crate::cli::{Shell, ran};
use crate::dns::{checks, shell};
use crate::relay::{Relay, Script, Step, on};

/// Runs `besked init` at a terminal that gives these answers.
pub fn asked(shell: &Path, answers: &[&str]) -> crate::cli::Ran {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/answer.py"));
    python.args([env!("CARGO_BIN_EXE_besked"), "init", "--"]).args(answers);
    python.env_remove("BESKED_CONFIG").env("TERM", "xterm").current_dir(shell);
    ran(python.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn init_asks_seven_things_and_the_answers_send_a_first_mail() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("smtp://drift@localhost:{}?tls=none", relay.address.port());
    let answers = [
        "Moln Norr AB",
        "Storgatan 2, Umeå",
        "",
        "Moln, Norr <a@moln.example>",
        "\"Moln, Norr\" <a@moln.example>",
        "",
        &url,
        "hemligt#1",
        "me@moln.example",
    ];
    let asked = asked(folder.path(), &answers).ok();
    assert!(asked.out.contains("in quotes") && !asked.out.contains("hemligt"), "{}", asked.out);
    assert!(asked.out.contains("besked notice test config/first-notice.md --to me@moln.example"), "{}", asked.out);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        ran(command.args(arguments).env_remove("BESKED_CONFIG").current_dir(folder.path()).output().unwrap())
    };
    let check = run(&["--json", "config", "check"]).ok().json();
    assert_eq!(check["warnings"].as_array().map(Vec::len), Some(0), "{check}");
    run(&["notice", "test", "config/first-notice.md", "--to", "me@moln.example"]).ok();
    let mail = relay.wait_for(1).await.remove(0);
    assert_eq!(mail.auth.as_deref(), Some("drift"));
    assert_eq!(mail.header("From").as_deref(), Some("=?utf-8?b?TW9sbiwgTm9ycg==?= <a@moln.example>"));
    // The second time it asks nothing and keeps all.
    let again = run(&["--json", "init"]).ok().json();
    assert!(again.as_array().unwrap().iter().all(|it| it["made"] == false), "{again}");
    let again = run(&["init"]).ok().out;
    assert!(again.contains("next: `besked doctor`") && !again.contains("[[relay]]"), "{again}");
}

/// Microsoft 365 and others let a mailbox send as itself only.
#[tokio::test(flavor = "multi_thread")]
async fn init_finds_that_a_mailbox_may_send_as_itself_only() {
    let script =
        Script::default().rule(on(Step::Mail).when("FROM:<b+").times(99).reply("501 5.1.7 Invalid address\r\n"));
    let relay = Relay::with(script).await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("smtp://a@moln.example@localhost:{}?tls=none", relay.address.port());
    let answers = ["Moln", "Umeå", "", "Moln <a@moln.example>", "", &url, "hemligt#1", "y", "me@moln.example"];
    let asked = asked(folder.path(), &answers).ok();
    assert!(asked.out.contains("501 5.1.7 Invalid address") && asked.out.contains("itself"), "{}", asked.out);
    std::fs::write(folder.path().join("customers.csv"), CUSTOMERS).unwrap();
    for arguments in [
        &["notice", "test", "config/first-notice.md", "--to", "me@moln.example"][..],
        &["customers", "import", "customers.csv"],
        &["notice", "send", "config/first-notice.md", "--wait", "--yes"],
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
        ran(command.args(arguments).env_remove("BESKED_CONFIG").current_dir(folder.path()).output().unwrap()).ok();
    }
    for mail in relay.wait_for(3).await {
        assert_eq!((mail.from.as_str(), mail.auth.as_deref()), ("a@moln.example", Some("a@moln.example")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_asks_each_relay_for_the_sender_and_sends_nothing() {
    let shell = shell();
    let detail = async |script: Script, more: &[(&str, &str)]| {
        let relay = Relay::with(script).await;
        let mut command = shell.command(&["--json", "doctor"]);
        command.env("BESKED__RELAY__0__URL", relay.url());
        let found = ran(command.envs(more.iter().copied()).output().unwrap()).json();
        let row = found.as_array().unwrap().iter().find(|it| it["what"] == "relay primary").unwrap().clone();
        assert_eq!(relay.count(), 0);
        assert!(relay.commands().iter().any(|line| line == "RSET") && !relay.commands().contains(&"DATA".to_owned()));
        (row["verdict"].as_str().unwrap().to_owned(), row["detail"].as_str().unwrap().to_owned())
    };
    let (verdict, said) = detail(Script::default(), &[]).await;
    assert!(verdict == "ok" && said.contains("takes mail from `b+TOKEN@bounces.cloud.example`"), "{said}");
    let of_token = || on(Step::Mail).when("FROM:<b+").times(9).reply("501 5.1.7 Invalid address\r\n");
    let (verdict, said) = detail(Script::default().rule(of_token()), &[]).await;
    let wanted = "it takes mail from `notices@cloud.example` itself";
    assert!(
        verdict == "failed" && said.contains("(mail: 501 5.1.7 Invalid address)") && said.contains(wanted),
        "{said}"
    );
    let (verdict, said) = detail(Script::default().rule(of_token()), &[("BESKED__SENDER__RETURN_PATH", "from")]).await;
    assert!(verdict == "ok" && said.contains("takes mail from `notices@cloud.example`"), "{said}");
    let anybody = on(Step::Mail).times(9).reply("554 5.2.252 SendAsDenied\r\n");
    let (verdict, said) = detail(Script::default().rule(anybody), &[]).await;
    assert!(verdict == "failed" && said.contains("let the relay's user send as `[sender] from`"), "{said}");
    let busy = on(Step::Mail).times(9).reply("451 4.3.2 busy\r\n");
    let (verdict, said) = detail(Script::default().rule(busy), &[]).await;
    assert!(verdict == "failed" && said.contains("does not say") && said.contains("asks to wait"), "{said}");
    // Postfix checks the sender at RCPT. What it says of our own address as a recipient does not count.
    let at_rcpt =
        on(Step::Rcpt).times(9).reply("553 5.7.1 <b@x.example>: Sender address rejected: not owned by user u\r\n");
    let (verdict, said) = detail(Script::default().rule(at_rcpt), &[]).await;
    assert!(verdict == "failed" && said.contains("(rcpt: 553 5.7.1"), "{said}");
    let (verdict, said) =
        detail(Script::default().rule(on(Step::Rcpt).times(9).reply("550 5.1.1 no such user\r\n")), &[]).await;
    assert_eq!(verdict, "ok", "{said}");
}

/// A refusal of the sender is not one of the password.
#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_has_a_hint_by_its_step() {
    let shell = shell();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("all.md", &maintenance("all = true"));
    for (rule, wanted) in [
        (on(Step::Mail).times(9).reply("501 5.1.7 Invalid address\r\n"), "`return_path = \"from\"`"),
        (
            on(Step::Rcpt).times(9).reply("554 5.7.1 Relay access denied\r\n"),
            "let the relay accept mail from this host",
        ),
        (on(Step::Dot).times(9).reply("554 5.6.0 no\r\n"), "the relay objects to the message"),
    ] {
        let relay = Relay::with(Script::default().rule(rule)).await;
        let mut command = shell.command(&["notice", "test", "all.md", "--to", "me@cloud.example"]);
        let tried = ran(command.env("BESKED__RELAY__0__URL", relay.url()).output().unwrap());
        tried.fails(75, &["no relay accepted the test copy", wanted]);
    }
    let relay =
        Relay::with(Script::default().rule(on(Step::Mail).times(99).reply("501 5.1.7 Invalid address\r\n"))).await;
    let mut command = shell.command(&["notice", "send", "all.md", "--wait", "--yes"]);
    let sent = ran(command.env("BESKED__RELAY__0__URL", relay.url()).output().unwrap());
    sent.fails(75, &["(mail): 501 5.1.7", "\nhint: let the relay's user send as"]);
}

/// `init` copies an example: nobody is told anything in its name.
#[test]
fn no_customer_gets_mail_in_the_name_of_the_example() {
    let shell = Shell::new();
    let real = "account_id,customer_name,email,role\nC1,Ett,a@ett-moln.se,service\n";
    shell.write("customers.csv", real);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("all.md", &maintenance("all = true"));
    let told = "1 address would get mail in the name of the example: still as in the example are `organisation.name`, ";
    let check = shell.run(&["notice", "check", "all.md"]).ok();
    assert!(check.out.contains(told), "{}", check.out);
    shell.run(&["notice", "send", "all.md", "--yes"]).fails(2, &[told, "set these keys"]);
    let created = shell.run(&["--json", "notice", "create", "all.md"]).ok().json();
    let id = created["id"].as_str().unwrap();
    shell.run(&["notice", "submit", id]).fails(2, &[told]);
    let config = shell.run(&["--json", "config", "check"]).ok().json();
    let warned = config["warnings"].to_string();
    assert!(warned.contains("`sender.bounce_domain`; no notice is released to customers"), "{warned}");
    let row = checks(&shell, &[]).into_iter().find(|it| it["what"] == "configuration").unwrap();
    assert_eq!(row["verdict"], "warning", "{row}");
    // To addresses that nobody can own it may be tried.
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv", "--replace", "--allow-shrink"]).ok();
    let sent = shell.run(&["notice", "send", "all.md", "--yes"]).ok();
    // Nobody waits for it, and nobody sends it.
    assert!(
        sent.err.contains("no dispatcher is running: `besked serve` or `besked dispatch` sends it"),
        "{}",
        sent.err
    );
}

#[test]
fn init_makes_no_second_key_for_a_ledger_that_another_one_signed() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.run(&["ledger", "checkpoint"]).ok();
    let key = shell.directory.path().join("var/ledger.key");
    std::fs::rename(&key, shell.directory.path().join("kept.key")).unwrap();
    shell.run(&["init"]).fails(1, &["the ledger was signed with example.com/besked+", "--new-ledger-key"]);
    assert!(!key.exists());
    // Also if the state file is lost with it.
    std::fs::remove_file(shell.directory.path().join("var/ledger.state")).unwrap();
    shell.run(&["init"]).fails(1, &["the ledger was signed with"]);
    shell.run(&["init", "--new-ledger-key"]).ok();
    let row = checks(&shell, &[]).into_iter().find(|it| it["what"] == "ledger key").unwrap();
    assert!(row["verdict"] == "failed" && row["detail"].to_string().contains("not the key that signed last"), "{row}");
    std::fs::rename(shell.directory.path().join("kept.key"), &key).unwrap();
    let row = checks(&shell, &[]).into_iter().find(|it| it["what"] == "ledger key").unwrap();
    assert_eq!(row["verdict"], "ok", "{row}");
}

#[test]
fn init_says_which_folder_it_may_not_write() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("config"), "a file").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_besked"));
    let made = ran(command.arg("init").env_remove("BESKED_CONFIG").current_dir(folder.path()).output().unwrap());
    made.fails(1, &["cannot write `config`", "must be writable for this user"]);
}

#[test]
fn completions_and_manual_pages_are_those_of_this_version() {
    let shell = Shell::new();
    for name in ["bash", "zsh", "fish"] {
        assert!(shell.run(&["completions", name]).ok().out.contains("dns-server"), "{name}");
    }
    shell.run(&["man", "."]).ok();
    let page = std::fs::read_to_string(shell.directory.path().join("besked-doctor.1")).unwrap();
    assert!(page.contains("SPF, DKIM, DMARC"), "{page}");
    shell.run(&["man", "nowhere"]).fails(2, &["`nowhere`"]);
}
