//! A stranger's first hour: `besked init` asks at a terminal, and `besked doctor --dns` says what to publish.

use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cli::{Shell, ran};
use crate::relay::Relay;

/// A name server of the test, ended when it is dropped.
struct Names {
    server: Child,
    address: String,
}

impl Names {
    /// With these records, each an option of dnsmasq; any other name of these zones does not exist.
    fn start(records: &[String]) -> Self {
        let port = free_port();
        let mut command = Command::new("dnsmasq");
        command.args(["--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--user=root", &format!("--port={port}")]);
        command.args(["--local=/example/", "--local=/arpa/"]).args(records);
        let server = command.stderr(Stdio::null()).spawn().expect("tests/run installs dnsmasq");
        let names = Self { server, address: format!("127.0.0.1:{port}") };
        // It answers as soon as its port is open.
        crate::postfix::eventually("the name server answers", || std::net::TcpStream::connect(&names.address).is_ok());
        names
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A port that is free for TCP and UDP.
fn free_port() -> u16 {
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if UdpSocket::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// A shell that sends as `cloud.example`, with a signing key.
fn shell() -> Shell {
    let shell = Shell::new()
        .env("BESKED__SENDER__FROM", "Cloud <notices@cloud.example>")
        .env("BESKED__SENDER__REPLY_TO", "support@cloud.example")
        .env("BESKED__SENDER__BOUNCE_DOMAIN", "bounces.cloud.example")
        .env("BESKED__SMTP__HELLO_NAME", "mail.cloud.example");
    let key = shell.directory.path().join("dkim.pem");
    let made = Command::new("openssl").args(["genpkey", "-algorithm", "ed25519", "-out"]).arg(&key).status().unwrap();
    assert!(made.success());
    let config = shell.directory.path().join("config/besked.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let key = "\n[[dkim]]\ndomain = \"cloud.example\"\nselector = \"s1\"\nkey_file = \"dkim.pem\"\n";
    std::fs::write(config, text + key).unwrap();
    shell
}

fn checks(shell: &Shell, more: &[&str]) -> Vec<Value> {
    shell.run(&[&["--json", "doctor"], more].concat()).json().as_array().unwrap().clone()
}

/// The verdict and detail of each check of the DNS, by its name.
fn verdicts(shell: &Shell, names: &Names) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = checks(shell, &["--dns", "--dns-server", &names.address]);
    let dns = all.iter().filter(|check| text(&check["what"]).starts_with("dns "));
    dns.map(|check| {
        (
            text(&check["what"]),
            text(&check["verdict"]),
            format!(
                "{} {} {}",
                text(&check["detail"]),
                text(&check["record"]["name"]),
                text(&check["record"]["value"])
            ),
        )
    })
    .collect()
}

#[test]
fn the_doctor_is_content_with_a_domain_that_has_everything() {
    let shell = shell();
    let key = checks(&shell, &[]).into_iter().find(|it| it["record"].is_object()).unwrap()["record"]["value"].clone();
    let names = Names::start(&[
        "--txt-record=bounces.cloud.example,v=spf1 a:127.0.0.1 -all".to_owned(),
        "--mx-host=bounces.cloud.example,mail.cloud.example,10".to_owned(),
        "--mx-host=cloud.example,mail.cloud.example,10".to_owned(),
        format!("--txt-record=s1._domainkey.cloud.example,{}", key.as_str().unwrap()),
        "--txt-record=_dmarc.cloud.example,v=DMARC1; p=reject".to_owned(),
        "--host-record=mail.cloud.example,192.0.2.1".to_owned(),
    ]);
    let found = verdicts(&shell, &names);
    assert_eq!(found.len(), 6, "{found:?}");
    for (what, verdict, detail) in found {
        assert_eq!(verdict, "ok", "{what}: {detail}");
    }
}

#[test]
fn the_doctor_says_what_to_publish_for_a_domain_that_has_nothing() {
    let found = verdicts(&shell(), &Names::start(&[]));
    for (what, verdict, part) in [
        ("dns SPF bounces.cloud.example", "failed", "v=spf1 ip4:ADDRESS ~all"),
        ("dns MX bounces.cloud.example", "failed", "bounces cannot come back"),
        ("dns MX cloud.example", "warning", "nobody can reply"),
        ("dns DKIM s1._domainkey.cloud.example", "failed", "v=DKIM1; k=ed25519; "),
        ("dns DMARC cloud.example", "warning", "_dmarc.cloud.example v=DMARC1; p=none"),
        ("dns PTR mail.cloud.example", "warning", "has no address"),
    ] {
        let check = found.iter().find(|it| it.0 == what).unwrap_or_else(|| panic!("no {what}: {found:?}"));
        assert_eq!(check.1, verdict, "{check:?}");
        assert!(check.2.contains(part), "{check:?}");
    }
}

#[test]
fn the_doctor_names_what_is_published_wrongly() {
    let names = Names::start(&[
        "--txt-record=bounces.cloud.example,v=spf1 +all".to_owned(),
        "--mx-host=bounces.cloud.example,.,0".to_owned(),
        "--host-record=cloud.example,192.0.2.7".to_owned(),
        "--txt-record=s1._domainkey.cloud.example,v=DKIM1; k=ed25519; p=AAAA".to_owned(),
        "--txt-record=_dmarc.cloud.example,v=DMARC1; rua=mailto:a@cloud.example".to_owned(),
        "--host-record=mail.cloud.example,192.0.2.1".to_owned(),
        "--ptr-record=1.2.0.192.in-addr.arpa,other.cloud.example".to_owned(),
    ]);
    let found = verdicts(&shell(), &names);
    for (what, part) in [
        ("SPF", "lets anybody send"),
        ("MX cloud.example", "none: mail goes to the host of that name"),
        ("DKIM", "another key than the one that signs"),
        ("DMARC", "lacks `p=none`"),
    ] {
        let check = found.iter().find(|it| it.0.starts_with(&format!("dns {what}"))).unwrap();
        assert!(check.1 != "ok" && check.2.contains(part), "{check:?}");
    }
}

#[test]
fn a_name_server_that_does_not_answer_is_said() {
    let shell = shell();
    let answer = shell.run(&["--json", "doctor", "--dns", "--dns-server", &format!("127.0.0.1:{}", free_port())]);
    assert!(answer.out.contains("could not be looked up"), "{}", answer.out);
    shell.run(&["doctor", "--dns-server", "127.0.0.1:53"]).fails(2, &["--dns"]);
}

/// Runs `besked init` at a terminal that gives these answers.
pub fn asked(shell: &Path, answers: &[&str]) -> crate::cli::Ran {
    let mut python = Command::new("python3");
    python.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/besked/answer.py"));
    python.args([env!("CARGO_BIN_EXE_besked"), "init", "--"]).args(answers);
    python.env_remove("BESKED_CONFIG").env("TERM", "xterm").current_dir(shell);
    ran(python.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn init_asks_five_things_and_the_answers_send_a_first_mail() {
    let relay = Relay::start().await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("smtp://drift@localhost:{}?tls=none", relay.address.port());
    let answers = [
        "Moln Norr AB",
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
    let check = run(&["config", "check"]).ok();
    assert!(check.err.contains("`organisation.address` is still that of the example"), "{}", check.err);
    run(&["notice", "test", "config/first-notice.md", "--to", "me@moln.example"]).ok();
    let mail = relay.wait_for(1).await.remove(0);
    assert_eq!(mail.auth.as_deref(), Some("drift"));
    assert_eq!(mail.header("From").as_deref(), Some("=?utf-8?b?TW9sbiwgTm9ycg==?= <a@moln.example>"));
    // The second time it asks nothing and keeps all.
    let again = run(&["--json", "init"]).ok().json();
    assert!(again.as_array().unwrap().iter().all(|it| it["made"] == false), "{again}");
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
