//! A node that counts as gone and is not: it wakes up, and finds that another node owns its claims.

use besked::domain::clock::Clock;
use besked::store::proof::ledger;
use besked::store::sending::{deliveries, waiting};
use rstest::rstest;
use uuid::Uuid;

use super::field::{Field, Process};
use crate::app::{NEWS, maintenance};
use crate::circuit::a_while;
use crate::cli::Ran;
use crate::database::Engine;
use crate::nodes::rests;
use crate::relay::{Gate, Step, on};

const CUSTOMERS: usize = 6;

/// The situation of the other node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Other {
    /// A relay that accepts mail.
    Sends,
    /// No relay: it can only mark deliveries as uncertain.
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
    // It does not sign, so that it cannot be frozen while it holds the signer's lock.
    let mut frozen = Process::start(field.shell.command(&["dispatch"]).env("BESKED__LEDGER__KEY_FILE", "var/none"));
    gate.reached().await;
    let store = field.store().await;
    // The next one is claimed ahead, for two seconds.
    loop {
        let now = Clock::System.now();
        let leased = async || waiting::depth(&mut store.read().await.unwrap(), Some(id), now).await.unwrap().leased;
        if leased().await == 2 {
            frozen.signal("STOP");
            if rests(&store).await && leased().await == 2 {
                break;
            }
            frozen.signal("CONT");
        }
        a_while(5).await;
    }
    field.terms.kills += 1;
    field.leases_run_out().await;
    let ran = other_node(&field, other);
    let doubtful = field.counted(id, "uncertain");
    match other {
        Other::Sends => assert_eq!(ran.code, 0, "{}", ran.err),
        Other::OnlyDoubts => assert_eq!((ran.code, doubtful), (75, 2), "{}", ran.err),
    }
    // The 250 arrives, and then the node wakes up.
    gate.open();
    frozen.signal("CONT");
    // Of an optional notice, the one claimed ahead stays uncertain, unless all this took less than the 2 s for which a claim is
    // not checked again.
    let sure = if text == NEWS { CUSTOMERS - 1 } else { CUSTOMERS };
    assert!(field.takes(sure, std::slice::from_mut(&mut frozen)));
    frozen.signal("TERM");
    assert!(frozen.ends_well());
    field.settle().await;
    let found = field.check().await;
    // One outcome, whichever node recorded it; if the other did not send it again, it is the frozen node's late 250.
    let (events, copies) = first(&field, id).await;
    let sent_again = other == Other::Sends && text != NEWS;
    assert_eq!((events, copies), (vec!["uncertain", "accepted"], 1 + usize::from(sent_again)), "{found}");
    assert_eq!(field.counted(id, "accepted") + field.counted(id, "uncertain"), CUSTOMERS);
}

fn other_node(field: &Field, other: Other) -> Ran {
    let mut command = field.shell.command(&["dispatch", "--until-idle"]);
    if other == Other::OnlyDoubts {
        command.env("BESKED__RELAY__0__URL", "smtp://127.0.0.1:1?tls=none");
    }
    crate::cli::ran(command.output().unwrap())
}

/// The ledger's events about the delivery that was at its dot when the node froze, and how often it came.
async fn first(field: &Field, notice: Uuid) -> (Vec<&'static str>, usize) {
    let store = field.store().await;
    let mut conn = store.read().await.unwrap();
    let first = deliveries::of_notice(&mut conn, notice, 0, 1).await.unwrap().remove(0);
    let entries = ledger::of_notice(&mut conn, notice).await.unwrap();
    drop(conn);
    store.close().await;
    let own = entries.iter().filter(|entry| entry.delivery_id == Some(first.id));
    (own.map(|entry| entry.event.as_str()).collect(), field.relay.to(&first.email).len())
}
