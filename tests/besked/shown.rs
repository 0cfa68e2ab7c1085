//! What commands say about what they did and what there is.

use crate::app::{CUSTOMERS, maintenance};
use crate::cli::Shell;
use crate::relay::{Act, Relay, Script, Step, on};

/// An invoice to two customers, each with its own number in the subject.
const INVOICE: &str = "+++\ncategory = \"billing\"\nreference = \"INV\"\nsubject = \"Invoice {{ row.invoice_no }}\"\n[audience]\n\
    file = \"rows.csv\"\n[fields]\ninvoice_number = \"{{ row.invoice_no }}\"\nperiod = \"November\"\namount = \"10.00\"\n\
    currency = \"SEK\"\ndue_date = 2026-12-31\n+++\nThank you.\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_is_the_customers_own_and_that_of_a_notice_names_its_placeholders() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write(
        "customers.csv",
        "account_id,customer_name,email,role\nC1,Ett,a@one.example,billing\nC2,Två,b@two.example,billing\n",
    );
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("rows.csv", "account_id,invoice_no\nC1,A-17\nC2,B-18\n");
    shell.write("invoice.md", INVOICE);
    shell.run(&["notice", "send", "invoice.md", "--yes"]).ok();
    let informed = || shell.run(&["--json", "informed", "--account", "C2", "--notice", "INV"]);
    assert!(informed().out.contains("\"Invoice {invoice_no}\""), "it has not got it yet");
    shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(informed().ok().json()["notices"][0]["subject"], "Invoice B-18");
    let text = shell.run(&["informed", "--account", "C1", "--notice", "INV"]).ok().out;
    assert!(text.contains("\"Invoice A-17\"") && !text.contains("row."), "{text}");
    for command in [&["notice", "status", "INV"][..], &["coverage", "INV"], &["notice", "list"]] {
        let text = shell.run(command).ok().out;
        assert!(text.contains("Invoice {invoice_no}") && !text.contains("{{"), "{command:?}: {text}");
    }
    let shown = shell.run(&["--json", "notice", "show", "INV"]).ok().json();
    assert_eq!(shown["subject"], "Invoice {invoice_no}");
    // A restricted person's message is not opened to show its subject.
    shell.run(&["subject", "restrict", "b@two.example"]).ok();
    assert_eq!(informed().ok().json()["notices"][0]["subject"], "Invoice {invoice_no}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_send_that_waited_fails_if_some_were_refused_for_good() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    relay.on("RCPT TO:", 1, Act::Reply("550 5.1.1 no such user\r\n"));
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--wait", "--yes"]);
    assert_eq!((sent.code, sent.json()["counts"]["rejected"].as_u64()), (1, Some(1)), "{}", sent.err);
    sent.fails(1, &["error: 1 delivery was refused for good", "hint: `besked deliveries list", "--state rejected`"]);
}

#[test]
fn a_customer_that_left_shows_its_former_contacts() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let one = shell.run(&["--json", "customers", "show", "C1"]).ok().json();
    assert_eq!(one["contacts"][0]["former"], false, "{one}");
    let kept: String =
        CUSTOMERS.lines().filter(|line| !line.starts_with("C1,")).map(|line| format!("{line}\n")).collect();
    shell.write("fewer.csv", &kept);
    shell.run(&["customers", "import", "fewer.csv", "--replace", "--allow-shrink"]).ok();
    let left = shell.run(&["--json", "customers", "show", "C1"]).ok().json();
    assert_eq!(
        (left["status"].as_str(), left["contacts"][0]["former"].as_bool()),
        (Some("left"), Some(true)),
        "{left}"
    );
    assert_eq!(left["contacts"][0]["email"], one["contacts"][0]["email"]);
    let text = shell.run(&["customers", "show", "C1"]).ok().out;
    assert!(text.contains("(former)"), "{text}");
}

#[test]
fn a_hold_that_stands_already_is_not_placed_twice() {
    let shell = Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let hold = |reason: &str| shell.run(&["--json", "hold", "add", "--account", "C1", "--reason", reason]).ok();
    let first = hold("lawsuit").json();
    assert_eq!(first["already"], false);
    let again = hold("lawsuit");
    assert_eq!((&again.json()["id"], again.json()["already"].as_bool()), (&first["id"], Some(true)));
    assert!(again.err.contains("this hold is in force already"), "{}", again.err);
    assert_ne!(hold("another").json()["id"], first["id"]);
    assert_eq!(shell.run(&["--json", "hold", "list"]).ok().json()["holds"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_wrong_with_a_notice_or_the_configuration_comes_with_a_hint() {
    let shell = Shell::new();
    shell.run(&["notice", "check", "none.md"]).fails(2, &["cannot read `none.md`", "hint: "]);
    shell.write("bad.md", &maintenance("all = true").replace("impact", "impcat"));
    shell.run(&["notice", "check", "bad.md"]).fails(2, &["`bad.md` is not valid", "hint: fix these lines"]);
    shell.write("one.csv", "account_id,customer_name,email\nC1,Ett,a@one.example\n");
    shell.run(&["customers", "import", "one.csv"]).ok();
    shell.write("nobody.md", &maintenance("customers = [\"C9\"]"));
    shell.run(&["notice", "check", "nobody.md"]).fails(2, &["hint: "]);
    let path = shell.directory.path().join("config/besked.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("unknown = 1\n{config}")).unwrap();
    shell.run(&["config", "check"]).fails(2, &["unknown", "hint: fix these keys"]);
    shell.run(&["--config", "none.toml", "config", "check"]).fails(2, &["none.toml", "hint: "]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_reply_leaves_a_list_readable_and_is_shown_in_full() {
    let long = format!("550 5.7.1 {}\r\n", "policy ".repeat(100));
    let relay = Relay::with(Script::default().rule(on(Step::Rcpt).when("@two").reply(&long))).await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    shell.run(&["dispatch", "--until-idle"]);
    let listed = shell.run(&["deliveries", "list", "CHG-1", "--state", "rejected"]).ok().out;
    assert!(listed.contains('…') && listed.lines().all(|line| line.chars().count() < 300), "{listed}");
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    let whole = "policy ".repeat(100);
    assert!(shell.run(&["deliveries", "show", id]).ok().out.contains(whole.trim_end()));
    assert!(shell.run(&["--json", "deliveries", "list", "CHG-1"]).ok().out.contains(whole.trim_end()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_no_relay_has_tried_says_where_to_look() {
    let relay = Relay::with(Script::default().rule(on(Step::Mail).reply("421 4.3.2 busy\r\n"))).await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    shell.run(&["notice", "send", "notice.md", "--yes"]).ok();
    shell
        .run(&["dispatch", "--until-idle"])
        .fails(75, &["(mail): 421 4.3.2 busy", "asks to wait", "`rate_per_second`"]);
    let listed = shell.run(&["deliveries", "list", "CHG-1"]).ok().out;
    let id = listed.lines().nth(1).unwrap().split(' ').next().unwrap();
    let shown = shell.run(&["deliveries", "show", id]).ok().out;
    assert!(shown.contains("`besked relays` shows what they replied"), "{shown}");
}
