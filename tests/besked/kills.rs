//! Kills: whatever moment the process dies at, nobody goes untold, nothing is sent that the books do not know, and no more
//! is sent twice than was in flight.

use std::collections::{BTreeMap, BTreeSet};

use crate::app::maintenance;
use crate::cli::Shell;
use crate::postfix::eventually;
use crate::relay::Relay;

const CUSTOMERS: usize = 300;
const KILLS: usize = 10;
const CONNECTIONS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn after_kills_the_books_balance() {
    let relay = Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("notice.md", &maintenance("all = true"));
    let sent = shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
    let id = sent["id"].as_str().unwrap().to_owned();
    for kill in 1..=KILLS {
        let mut dispatch = shell.command(&["dispatch"]);
        dispatch.env("BESKED__RELAY__0__CONNECTIONS", CONNECTIONS.to_string());
        let mut running = dispatch.spawn().unwrap();
        eventually("some more is sent", || relay.received().len() >= kill * CUSTOMERS / (KILLS + 2));
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let status = shell.run(&["--json", "notice", "status", &id]).ok().json();
    assert_eq!(status["state"].as_str(), Some("released"), "it was killed before the end");
    shell.run(&["dispatch", "--until-idle"]).ok();

    let audit = shell.run(&["--json", "ledger", "audit"]).ok().json();
    assert_eq!(audit["deliveries"].as_u64(), Some(CUSTOMERS as u64), "the ledger is whole after it all: {audit}");
    let status = shell.run(&["--json", "notice", "status", &id]).ok().json();
    assert_eq!(
        (status["state"].as_str(), status["counts"]["accepted"].as_u64()),
        (Some("closed"), Some(CUSTOMERS as u64)),
        "{status}"
    );
    let mut copies: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for mail in relay.received() {
        copies.entry(mail.header("X-Besked-Delivery").unwrap()).or_default().push(mail.data);
    }
    let list = shell.run(&["--json", "deliveries", "list", &id]).ok().json();
    let known: BTreeSet<String> =
        list["deliveries"].as_array().unwrap().iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect();
    let lost = known.iter().filter(|id| !copies.contains_key(*id)).count();
    let ghosts = copies.keys().filter(|id| !known.contains(*id)).count();
    let twice: usize = copies.values().map(|copies| copies.len() - 1).sum();
    println!("{KILLS} kills: LOST {lost}, GHOST {ghosts}, DUP {twice}");
    assert_eq!((lost, ghosts), (0, 0));
    assert!(twice <= KILLS * CONNECTIONS * 2, "{twice} were sent twice");
    assert!(copies.values().all(|copies| copies.iter().all(|copy| *copy == copies[0])), "byte for byte");
}
