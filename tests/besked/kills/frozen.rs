//! A node that is taken for dead and is not: it wakes up, and finds that its claims are another's.

use rstest::rstest;

use super::field::Field;
use crate::app::{NEWS, maintenance};
use crate::cli::Ran;
use crate::database::Engine;
use crate::relay::{Gate, Step, on};

const CUSTOMERS: usize = 6;

/// What the other node finds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// A relay that takes mail.
    Sends,
    /// No relay: it can only note its doubts.
    OnlyDoubts,
}

#[rstest]
#[case("mandatory, sent by the other", &maintenance("all = true"), Other::Sends)]
#[case("mandatory, doubted by the other", &maintenance("all = true"), Other::OnlyDoubts)]
#[case("optional", NEWS, Other::Sends)]
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_node_is_fenced_off_and_its_late_answer_counts(
    #[case] what: &str,
    #[case] text: &str,
    #[case] other: Other,
) {
    let mut field = Field::new(&format!("frozen, {what}"), Engine::Postgres, 1, CUSTOMERS).await;
    let id = field.release(text);
    let gate = Gate::new();
    field.relay.add(on(Step::Dot).times(1).after(&gate));
    let mut frozen = field.start(&["dispatch"]);
    gate.reached().await;
    frozen.signal("STOP");
    field.terms.kills += 1;
    field.leases_run_out().await;
    let ran = other_node(&field, other);
    let doubtful = field.counted(id, "uncertain");
    match other {
        Other::Sends => assert_eq!(ran.code, 0, "{}", ran.err),
        Other::OnlyDoubts => assert_eq!((ran.code, doubtful), (75, 2), "{}", ran.err),
    }
    // The 250 comes, and then the node awakes.
    gate.open();
    frozen.signal("CONT");
    assert!(field.takes(CUSTOMERS, std::slice::from_mut(&mut frozen)));
    frozen.signal("TERM");
    assert!(frozen.ends_well());
    field.settle().await;
    let found = field.check().await;
    let (events, late) = events_of_first(&field, id).await;
    let expected: &[&str] = match other {
        // The other has sent it again before: one outcome, and the late one is not another.
        Other::Sends if text != NEWS => &["uncertain", "accepted"],
        _ => {
            assert!(late, "the 250 is the frozen node's");
            &["uncertain", "accepted"]
        }
    };
    assert_eq!(events, expected, "{found}");
    assert_eq!(field.counted(id, "accepted") + field.counted(id, "uncertain"), CUSTOMERS);
}

fn other_node(field: &Field, other: Other) -> Ran {
    let mut command = field.shell.command(&["dispatch", "--until-idle"]);
    if other == Other::OnlyDoubts {
        command.env("BESKED__RELAY__0__URL", "smtp://127.0.0.1:1?tls=none");
    }
    crate::cli::ran(command.output().unwrap())
}

/// The ledger's events about the delivery that was at its dot when the node froze, and whether it came once only.
async fn events_of_first(field: &Field, notice: uuid::Uuid) -> (Vec<String>, bool) {
    let store = field.store().await;
    let mut conn = store.read().await.unwrap();
    let first = besked::store::deliveries::of_notice(&mut conn, notice, 0, 1).await.unwrap().remove(0);
    let entries = besked::store::ledger::of_notice(&mut conn, notice).await.unwrap();
    drop(conn);
    store.close().await;
    let own = entries.iter().filter(|entry| entry.delivery_id == Some(first.id));
    let copies = field.relay.to(&first.email).len();
    (own.map(|entry| entry.event.as_str().to_owned()).collect(), copies == 1)
}
