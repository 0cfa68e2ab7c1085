//! What SpamAssassin says of the mails, by its local rules alone: the network would make the result a matter of the day.

use std::fs;
use std::process::Command;

use super::{Mail, mails};

/// Points that a mail may have. A filter refuses at five, and what happens on the way costs more of them.
const MOST: f64 = 0.5;

/// A rule that hit, and its points.
type Hit = (String, f64);

/// The rules that hit each message, in one run: starting Perl takes longer than a message.
fn hits(messages: &[Vec<u8>]) -> Vec<Vec<Hit>> {
    let folder = tempfile::tempdir().unwrap();
    let preferences = folder.path().join("preferences");
    fs::write(&preferences, "").unwrap();
    let mut command = Command::new("spamassassin");
    // Debian's own rules, not newer ones that this machine may have fetched.
    command.args(["--local", "--test-mode", "--configpath=/usr/share/spamassassin"]);
    command.arg(format!("--prefspath={}", preferences.display())).env("LC_ALL", "C").env("HOME", folder.path());
    for (index, message) in messages.iter().enumerate() {
        let path = folder.path().join(format!("{index:02}.eml"));
        fs::write(&path, message).unwrap();
        command.arg(path);
    }
    let output = command.output().expect("spamassassin is installed: see tests/run");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reports: Vec<_> = answer.split("\nContent analysis details:").skip(1).map(rules).collect();
    assert_eq!(reports.len(), messages.len(), "{answer}");
    reports
}

/// The rules of one report: lines of points, name and explanation below a line of dashes.
fn rules(report: &str) -> Vec<Hit> {
    let lines = report.lines().skip_while(|line| !line.starts_with("----")).skip(1);
    let lines = lines.take_while(|line| !line.trim().is_empty());
    let rule = |line: &str| {
        let mut words = line.split_whitespace();
        let points = words.next()?.parse().ok()?;
        Some((words.next()?.to_owned(), points))
    };
    lines.filter_map(rule).collect()
}

#[test]
fn no_spam_filter_minds_a_mail() {
    let mails: Vec<Mail> = mails().collect();
    assert_eq!(mails.len(), 16);
    let mut messages: Vec<Vec<u8>> = mails.iter().map(|mail| mail.bytes.clone()).collect();
    // Text that is hidden by its colour and size, so that this test is known to notice something.
    let hidden = "display:none;font-size:1px;color:transparent";
    let last = String::from_utf8(messages[0].clone()).unwrap();
    messages.push(last.replacen("display:none", hidden, 1).into_bytes());
    let hits = hits(&messages);
    for (mail, rules) in mails.iter().zip(&hits) {
        let points: f64 = rules.iter().map(|rule| rule.1.max(0.0)).sum();
        println!("{points:.1} {}: {rules:?}", mail.name);
        assert!(points <= MOST, "{}: {rules:?}", mail.name);
    }
    assert!(hits[16].iter().any(|rule| rule.1 > MOST), "{:?}", hits[16]);
}

#[test]
fn the_preheader_is_hidden_plainly_and_is_no_heading() {
    for mail in mails() {
        let (_, rest) = mail.html.split_once("<div style=\"display:none\">").expect("there is a preheader");
        let preheader = rest.split_once("</div>").unwrap().0;
        assert!(preheader.len() > 20 && preheader.len() < 200, "{}: {preheader}", mail.name);
        assert!(!preheader.contains("---") && !preheader.contains("Hourly snapshots"), "{}: {preheader}", mail.name);
    }
}
