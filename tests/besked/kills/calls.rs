//! Kills at a call: at each call that writes to a file, makes a write durable or uses a socket, in a run of a few deliveries.
//! Every second time the process that recovers dies too, at a call of its own.

use rstest::rstest;

use super::field::{Deadly, Field, Process, scale};
use crate::app::{NEWS, maintenance};
use crate::checker::Terms;
use crate::database::Engine;

const CUSTOMERS: usize = 4;

#[rstest]
#[case(Engine::Sqlite, 60)]
#[case(Engine::Postgres, 25)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_dies_at_any_call_loses_nothing(#[case] engine: Engine, #[case] rounds: usize) {
    let deadly = Deadly::build();
    let mut field = Field::new("killed at a call", engine, 1, CUSTOMERS).await;
    let text = |round: usize| if round % 4 == 3 { NEWS.to_owned() } else { maintenance("all = true") };
    // Once without a kill: it counts the calls.
    field.release(&text(0));
    let mut dispatch = dying(&field, &deadly, 0);
    assert!(dispatch.ends_well());
    let calls = deadly.count();
    let stride = calls.div_ceil(scale(rounds, calls));
    let first = 1 + field.roll(stride);
    for (round, nth) in (first..=calls).step_by(stride).enumerate() {
        let arrived = field.relay.count();
        field.release(&text(round));
        let mut terms = Terms { kills: 0, ..Terms::of(1) };
        for nth in [nth, if round % 2 == 0 { 0 } else { 1 + field.roll(calls) }] {
            if nth > 0 && dying(&field, &deadly, nth).was_killed() {
                terms.kills += 1;
                field.leases_run_out().await;
            }
        }
        field.settle().await;
        field.terms.kills += terms.kills;
        let told = field.told.last().unwrap();
        let found = field.findings(std::slice::from_ref(told), arrived, &terms).await;
        assert_eq!((found.fault(), found.waiting), (None, 0), "at call {nth} of {calls}");
    }
    println!("{} of {calls} calls", field.told.len() - 1);
    field.check().await;
}

fn dying(field: &Field, deadly: &Deadly, nth: usize) -> Process {
    let mut command = field.shell.command(&["dispatch", "--until-idle"]);
    deadly.at(&mut command, "any", nth);
    Process::start(&mut command)
}
