//! Failures of the database: whatever fails, every recipient is informed, nothing is recorded twice, and everything continues by
//! itself when the failure is over.

pub mod cluster;
mod commits;
mod locked;
mod network;
mod postgres;
pub mod proxy;
mod readiness;
mod service;
mod sqlite;

use std::collections::BTreeMap;

use crate::relay::Relay;

/// The number of recipients.
const CUSTOMERS: usize = 100;

/// Connections to the relay.
const CONNECTIONS: usize = 2;

/// Messages a second: slow enough for a failure to interrupt something.
const RATE: f64 = 40.0;

/// Customers to import.
fn customers() -> String {
    let rows: String = (0..CUSTOMERS).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    format!("account_id,customer_name,email\n{rows}")
}

/// Nobody is left out, and at most `twice` recipients got two copies, with the same bytes.
fn balance(relay: &Relay, twice: usize) {
    let mut copies: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for mail in relay.received() {
        copies.entry(mail.header("X-Besked-Delivery").unwrap()).or_default().push(mail.data);
    }
    let duplicates: usize = copies.values().map(|copies| copies.len() - 1).sum();
    assert_eq!(copies.len(), CUSTOMERS, "everybody was told, and nobody else");
    assert!(duplicates <= twice, "{duplicates} were told twice");
    assert!(copies.values().all(|copies| copies.iter().all(|copy| *copy == copies[0])), "byte for byte");
}
