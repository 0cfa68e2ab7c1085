//! `besked doctor --dns`: what receivers look up about mail from here, and what to publish.

use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli::Shell;
use crate::postfix::free_port;

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

/// A shell that sends as `cloud.example`, with a signing key.
pub fn shell() -> Shell {
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

pub fn checks(shell: &Shell, more: &[&str]) -> Vec<Value> {
    shell.run(&[&["--json", "doctor"], more].concat()).json().as_array().unwrap().clone()
}

/// The verdict and detail of each check of the DNS, by its name.
fn verdicts(shell: &Shell, names: &Names) -> Vec<(String, String, String)> {
    verdicts_at(shell, &names.address)
}

fn verdicts_at(shell: &Shell, server: &str) -> Vec<(String, String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let all = checks(shell, &["--dns", "--dns-server", server]);
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
        "--txt-record=bounces.cloud.example,v=spf1 ip4:192.0.2.1 -all".to_owned(),
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

/// A server that answers every question with an error, or with nothing.
fn broken(code: Option<u8>) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let mut bytes = [0; 1500];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            if let Some(code) = code {
                // An answer, with recursion available and this code.
                (bytes[2], bytes[3]) = (0x81, 0x80 | code);
                let _ = socket.send_to(&bytes[..length], from);
            }
        }
    });
    address
}

#[test]
fn a_name_server_that_fails_is_said_in_our_words_and_soon() {
    let shell = shell();
    for (server, part) in [
        (broken(None), "no answer within 8 s: does a firewall stop DNS"),
        (broken(Some(2)), "answers SERVFAIL"),
        (broken(Some(5)), "(REFUSED)"),
        (format!("127.0.0.1:{}", free_port()), "could not be looked up: "),
    ] {
        let since = Instant::now();
        let found = verdicts_at(&shell, &server);
        assert!(since.elapsed() < Duration::from_secs(60), "{part}: {:?}", since.elapsed());
        assert!(found.iter().any(|it| it.2.contains(part)), "{part}: {found:?}");
        for (what, verdict, detail) in found.iter().filter(|it| !it.0.contains("DKIM s1")) {
            assert!(verdict == "warning" && !detail.contains("error response"), "{what}: {detail}");
        }
    }
    shell.run(&["doctor", "--dns-server", "127.0.0.1:53"]).fails(2, &["--dns"]);
}

/// The verdict and detail about SPF of a domain with these records.
fn spf(records: &[&str]) -> (String, String) {
    let records: Vec<String> = records.iter().map(|record| format!("--txt-record={record}")).collect();
    let found = verdicts(&shell(), &Names::start(&records));
    let row = found.into_iter().find(|it| it.0.starts_with("dns SPF")).unwrap();
    (row.1, row.2)
}

#[test]
fn an_spf_record_is_judged_as_receivers_judge_it() {
    let many: Vec<String> = (0..11).map(|n| format!("i{n}.example,v=spf1 ip4:192.0.2.{n} -all")).collect();
    let includes: String = (0..11).map(|n| format!(" include:i{n}.example")).collect();
    let of_many = format!("bounces.cloud.example,v=spf1{includes} -all");
    let many: Vec<&str> = many.iter().map(String::as_str).chain([of_many.as_str()]).collect();
    for (records, verdict, part) in [
        (&["bounces.cloud.example,v=spf1 ip4:1.2.3.999 foo:bar all-"][..], "failed", "`ip4:1.2.3.999`"),
        (&many, "failed", "more than 10 lookups"),
        (&["bounces.cloud.example,v=spf1 include:bounces.cloud.example -all"], "failed", "leads back to itself"),
        (
            &[
                "bounces.cloud.example,v=spf1 include:a.example -all",
                "a.example,v=spf1 include:bounces.cloud.example -all",
            ],
            "failed",
            "leads back to itself",
        ),
        (
            &["bounces.cloud.example,v=spf1 redirect=none.example"],
            "failed",
            "`redirect=none.example` has no SPF record",
        ),
        (
            &["bounces.cloud.example,v=spf1 include:none.example -all"],
            "failed",
            "`include:none.example` has no SPF record",
        ),
        (&["bounces.cloud.example,v=spf1 -all"], "failed", "lets nobody send"),
        // The relay of the test is on this host.
        (
            &["bounces.cloud.example,v=spf1 include:a.example -all", "a.example,v=spf1 ip4:192.0.2.1 -all"],
            "warning",
            "add `ip4:ADDRESS`",
        ),
        (&["bounces.cloud.example,v=spf1 ip4:192.0.2.1 -all"], "ok", "cannot be known here"),
    ] {
        let (found, detail) = spf(records);
        assert!(found == verdict && detail.contains(part), "{records:?}: {found}: {detail}");
    }
}

#[test]
fn a_policy_is_compared_with_the_mail_that_is_sent() {
    let policy = "v=DMARC1; p=none; sp=reject; aspf=s; adkim=s";
    let row = |shell: &Shell, record: &str| {
        let names = Names::start(&[format!("--txt-record=_dmarc.cloud.example,{record}")]);
        verdicts(shell, &names).into_iter().find(|it| it.0.starts_with("dns DMARC")).unwrap()
    };
    let above = shell().env("BESKED__SENDER__FROM", "Cloud <notices@mail.cloud.example>");
    let (_, verdict, said) = row(&above, policy);
    assert!(verdict == "failed" && said.contains("receivers refuse mail from here: neither"), "{said}");
    assert_eq!(row(&above, "v=DMARC1; p=reject").1, "ok", "a signature of the domain above counts");
    let at = shell();
    assert_eq!(row(&at, policy).1, "ok", "the key is of the domain itself");
    let (_, verdict, said) = row(&at, "v=DMARC1; p=reject; rua=d@cloud.example");
    assert!(verdict == "warning" && said.contains("must be `mailto:ADDRESS`"), "{said}");
}

#[test]
fn mail_exchanges_have_addresses_and_no_row_is_there_twice() {
    let shell = shell().env("BESKED__SENDER__BOUNCE_DOMAIN", "cloud.example");
    let row = |records: &[&str]| {
        let records: Vec<String> = records.iter().map(|it| (*it).to_owned()).collect();
        let found = verdicts(&shell, &Names::start(&records));
        let mut rows: Vec<_> = found.into_iter().filter(|it| it.0 == "dns MX cloud.example").collect();
        assert_eq!(rows.len(), 1, "{rows:?}");
        rows.remove(0)
    };
    for (records, verdict, part) in [
        (&["--mx-host=cloud.example,192.0.2.1,10"][..], "failed", "`192.0.2.1` is an address"),
        (&["--mx-host=cloud.example,mx.cloud.example,10"], "failed", "`mx.cloud.example` has no address"),
        (
            &[
                "--mx-host=cloud.example,mx.cloud.example,10",
                "--mx-host=cloud.example,mail.cloud.example,20",
                "--host-record=mail.cloud.example,192.0.2.1",
            ],
            "warning",
            "`mx.cloud.example` has no address",
        ),
        (&[], "failed", "and nobody can reply"),
    ] {
        let (_, found, detail) = row(records);
        assert!(found == verdict && detail.contains(part), "{records:?}: {found}: {detail}");
    }
    let all = checks(&shell, &["--dns", "--dns-server", &Names::start(&[]).address]);
    assert!(!all.iter().any(|it| it["what"] == "greeting name"), "the named server says it: {all:?}");
}
