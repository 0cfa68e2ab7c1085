//! A breach notice to a thousand customers through a real Postfix, as security and compliance see it: most messages arrive, some
//! bounce afterwards, some are answered by a machine; others are addressed, and people get tasks.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Child;

use serde_json::Value;

use crate::answers::breach;
use crate::cli::Shell;
use crate::postfix::{Postfix, free_port};

const CUSTOMERS: usize = 1000;
/// So many customers have their address where it bounces, by the reason.
const NO_SUCH_USER: usize = 20;
const MAILBOX_FULL: usize = 10;
const POLICY: usize = 10;
/// So many are away.
const AWAY: usize = 20;

/// Answers each message on standard input for the person who is away (RFC 3834).
const VACATION: &str = r#"#!/usr/bin/env python3
import smtplib, sys
port, sender, recipient = int(sys.argv[1]), sys.argv[2], sys.argv[3]
sys.stdin.buffer.read()
note = (f"From: <{recipient}>\r\nTo: <{sender}>\r\nSubject: Automatic reply: away\r\nMessage-ID: <away-{recipient}>\r\n"
        "Auto-Submitted: auto-replied\r\n\r\nI am on vacation until Monday.\r\n")
with smtplib.SMTP("127.0.0.1", port) as server:
    server.sendmail("", [sender], note)
"#;

/// The domain of a customer's address.
fn domain(number: usize) -> &'static str {
    let ends = [NO_SUCH_USER, MAILBOX_FULL, POLICY, AWAY];
    let domains = ["local.example", "full.example", "policy.example", "away.example"];
    let mut end = 0;
    for (count, domain) in ends.iter().zip(domains) {
        end += count;
        if number < end {
            return domain;
        }
    }
    "ok.example"
}

/// Every second customer whose message bounces has somebody else, with a role that a breach notice does not address at first.
fn customers() -> String {
    let mut csv = "account_id,customer_name,email,role\n".to_owned();
    for number in 0..CUSTOMERS {
        csv += &format!("C{number:04},Kund {number},a{number}@{},service\n", domain(number));
        if number < NO_SUCH_USER + MAILBOX_FULL + POLICY && number % 2 == 0 {
            csv += &format!("C{number:04},Kund {number},tech{number}@ok.example,technical\n");
        }
    }
    csv
}

fn postfix(lmtp: u16) -> Postfix {
    Postfix::with(&[], |etc| {
        let script = etc.join("vacation");
        fs::write(&script, VACATION).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let answers = free_port();
        let main = format!(
            "\nmydestination = local.example\nlocal_recipient_maps =\nqueue_run_delay = 2s\nminimal_backoff_time = 2s\n\
             maximal_backoff_time = 2s\nvirtual_mailbox_domains =\n\
             relay_domains = static:all\nsmtpd_reject_unlisted_recipient = no\nvacation_destination_recipient_limit = 1\n\
             transport_maps = inline:{{bounces.example.com=lmtp:inet:127.0.0.1:{lmtp}, ok.example=discard:, away.example=vacation:, \
             {{full.example = error:5.2.2 mailbox full}}, {{policy.example = error:5.7.1 blocked for its reputation}}}}\n"
        );
        let master = format!(
            "lmtp unix - - n - - lmtp\nlocal unix - n n - - local\ndiscard unix - - n - - discard\n\
             127.0.0.1:{answers} inet n - n - - smtpd\n\
             vacation unix - n n - 5 pipe flags=R null_sender= user=nobody argv={} {answers} ${{sender}} ${{recipient}}\n",
            script.display()
        );
        (main, master)
    })
}

struct Serving(Child);

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn a_breach_reaches_whom_it_can_and_people_learn_of_the_others() {
    let lmtp = free_port();
    let postfix = postfix(lmtp);
    let shell = Shell::new()
        .relay(postfix.port)
        .env("BESKED__INBOUND__LMTP_LISTEN", format!("127.0.0.1:{lmtp}"))
        .env("BESKED__SENDER__BOUNCE_DOMAIN", "bounces.example.com")
        .env("BESKED__HTTP__LISTEN", format!("127.0.0.1:{}", free_port()));
    shell.write("customers.csv", &customers());
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let now = besked::domain::clock::Clock::System.now() - jiff::SignedDuration::from_hours(1);
    shell.write("breach.md", &breach(&now.to_string()));
    let id = shell.run(&["--json", "notice", "create", "breach.md"]).ok().json()["id"].as_str().unwrap().to_owned();
    shell.run(&["notice", "submit", &id]).ok();
    shell.run(&["notice", "approve", &id, "--as", "bo"]).ok();
    shell.run(&["notice", "release", &id]).ok();
    let serving = Serving(shell.command(&["serve"]).spawn().unwrap());

    let failing = (NO_SUCH_USER + MAILBOX_FULL + POLICY) as u64;
    let without_others = failing / 2;
    let coverage = || shell.run(&["--json", "coverage", &id]).ok().json();
    let tasks =
        || shell.run(&["--json", "tasks", "list", "--open", "--all"]).ok().json()["tasks"].as_array().unwrap().clone();
    let patiently = |what: &str, is_so: &mut dyn FnMut() -> bool| {
        // A thousand messages, each synced twice, beside other tests.
        for _ in 0..20 {
            let mut left = 40;
            while left > 0 {
                if is_so() {
                    return;
                }
                left -= 1;
                std::thread::park_timeout(std::time::Duration::from_millis(250));
            }
        }
        panic!("waited in vain until {what}: {} {}", coverage()["informed"], tasks().len());
    };
    patiently("everybody is informed who can be", &mut || {
        let covered = coverage();
        number(&covered["informed"]) == CUSTOMERS as u64 - without_others
            && number(&covered["not_informed"]) == without_others
    });
    patiently("each of the others has a task", &mut || tasks().len() as u64 == without_others);
    patiently("the absence notes have come", &mut || {
        let listed = shell.run(&["--json", "inbound", "list", "--all"]).ok().json();
        let listed = listed["inbound"].as_array().unwrap();
        let of = |kind: &str| listed.iter().filter(|it| it["kind"] == kind && it["disposition"] == "recorded").count();
        // Success is reported too.
        of("dsn") >= CUSTOMERS && of("auto-reply") == AWAY
    });
    let dead = shell.run(&["--json", "suppressions", "list"]).ok().json();
    assert_eq!(dead["suppressions"].as_array().unwrap().len(), NO_SUCH_USER, "neither full mailboxes nor policy");

    // C0000 has somebody else, C0001 has not.
    let reached = shell.run(&["informed", "--account", "C0000", "--notice", &id]).ok().out;
    assert!(reached.starts_with("Yes.") && reached.contains("tech0@ok.example (technical)"), "{reached}");
    let missed = shell.run(&["informed", "--account", "C0001", "--notice", &id]).fails(1, &[]).out;
    assert!(missed.starts_with("No. Customer C0001") && missed.contains("address-dead"), "{missed}");
    let away = shell.run(&["informed", "--account", "C0045", "--notice", &id]).ok().out;
    assert!(away.starts_with("Yes.") && away.contains("(auto-reply"), "{away}");
    let task = tasks().into_iter().find(|task| task["account_id"] == "C0001").unwrap();
    assert_eq!((&task["kind"], &task["state"]), (&"not_informed".into(), &"open".into()), "{task}");
    assert!(task["deadline"].is_string(), "{task}");

    let arguments =
        ["attest", &id, "--account", "C0001", "--channel", "phone", "--by", "Bo", "--note", "called the office"];
    shell.run(&arguments).ok();
    patiently("the task is closed", &mut || tasks().len() as u64 == without_others - 1);
    assert_eq!(number(&coverage()["informed"]), CUSTOMERS as u64 - without_others + 1);

    drop(serving);
    shell.run(&["dispatch", "--until-idle"]).ok();
    shell.run(&["ledger", "audit"]).ok();
    shell.write("key", &shell.run(&["ledger", "vkey"]).ok().out);
    shell.run(&["evidence", "export", "--notice", &id, "--account", "C0003", "-o", "e.json", "--pdf", "e.pdf"]).ok();
    let proved = shell.run(&["verify", "e.json", "--key", "key"]).ok().out;
    assert!(proved.starts_with("VALID") && proved.contains("could not be delivered"), "{proved}");
    assert!(proved.contains("a3@local.example of customer C0003"), "{proved}");
}
