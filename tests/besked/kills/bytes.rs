//! Killed behind the final dot: the message was accepted and nothing says so. It is sent again, whatever was configured meanwhile,
//! and the two copies are equal.

use std::time::{Duration, Instant};

use rstest::rstest;

use super::field::Field;
use crate::app::{NEWS, maintenance};
use crate::database::Engine;
use crate::postfix::eventually;
use crate::relay::{Gate, Step, on};

/// What decides the bytes of a message, changed.
const CHANGES: [(&str, &str); 7] = [
    ("BESKED__ORGANISATION__ADDRESS", "New Street 2, 222 22 Elsewhere"),
    ("BESKED__ORGANISATION__NAME", "Renamed Cloud AB"),
    ("BESKED__ORGANISATION__PUBLIC_URL", "https://elsewhere.example"),
    ("BESKED__ORGANISATION__DEFAULT_LOCALE", "sv"),
    ("BESKED__ORGANISATION__DEFAULT_TIME_ZONE", "America/New_York"),
    ("BESKED__SENDER__FROM", "Renamed Cloud <notices@elsewhere.example>"),
    ("BESKED__SENDER__REPLY_TO", "answers@elsewhere.example"),
];

#[rstest]
#[case(Engine::Sqlite, &maintenance("all = true"))]
#[case(Engine::Postgres, &maintenance("all = true"))]
#[case(Engine::Sqlite, NEWS)]
#[case(Engine::Postgres, NEWS)]
#[tokio::test(flavor = "multi_thread")]
async fn both_copies_are_equal_byte_for_byte_after_a_kill_and_a_new_configuration(
    #[case] engine: Engine,
    #[case] text: &str,
) {
    let mut field = Field::new("killed behind the dot, configured anew", engine, 1, 1).await;
    let id = field.release(text);
    let gate = Gate::new();
    field.relay.add(on(Step::Dot).times(1).after(&gate));
    let mut killed = field.start(&["dispatch"]);
    gate.reached().await;
    killed.kill();
    gate.open();
    field.relay.wait_until_left().await;
    assert_eq!(field.relay.count(), 1, "the server took it");
    let then = Instant::now();
    eventually("the clock shows another second", || then.elapsed() > Duration::from_secs(1));

    field.leases_run_out().await;
    let dispatch = |arguments: &[&str]| {
        let mut command = field.shell.command(arguments);
        command.envs(CHANGES);
        crate::cli::ran(command.output().unwrap()).ok()
    };
    dispatch(&["dispatch", "--until-idle"]);
    if text == NEWS {
        assert_eq!(field.counted(id, "uncertain"), 1, "an operator decides");
        let listed = dispatch(&["--json", "deliveries", "uncertain", "list"]).json();
        let delivery = listed["uncertain"][0]["id"].as_str().unwrap().to_owned();
        dispatch(&["deliveries", "resend", &delivery, "--yes"]);
        dispatch(&["dispatch", "--until-idle"]);
    }
    let copies = field.relay.received();
    assert_eq!(copies.len(), 2);
    let [first, second] = [&copies[0].data, &copies[1].data].map(|data| String::from_utf8_lossy(data).into_owned());
    assert_eq!(first, second, "byte for byte");
    assert!(first.contains("\r\nDate: ") && first.starts_with("DKIM-Signature: "), "{first}");
    assert_eq!(field.counted(id, "accepted"), 1);
    let audit = dispatch(&["--json", "ledger", "audit"]).json();
    assert_eq!((audit["verdict"].as_str(), audit["messages"].as_u64()), (Some("ok"), Some(1)), "{audit}");
}
