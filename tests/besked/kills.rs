//! Kills: whenever the process dies, every recipient is informed, nothing is sent that the ledger does not know, and no more
//! is sent twice than was in flight.
//!
//! Real processes die here: at random moments in this file, at every call in [`calls`], behind the final dot in [`bytes`], during
//! releases in [`releases`], while a matter moves on in [`matters`]; in [`frozen`] they only count as gone. `tests/run --soak` runs the long version, with a new seed each
//! time.

mod bytes;
mod calls;
mod field;
mod frozen;
mod matters;
mod releases;

use rstest::rstest;

use crate::app::{NEWS, maintenance};
use crate::database::Engine;
use field::scale;
pub use field::soaking;
pub use field::{Deadly, Field, Process};

/// Kills a dispatcher again and again while it sends.
async fn kill_at_random(field: &mut Field, kills: usize, recipients: usize) {
    let step = recipients / kills;
    for _ in 0..kills {
        let mut dispatch = [field.start(&["dispatch", "--until-idle"])];
        let next = field.relay.count() + 1 + field.roll(step);
        if !field.takes(next, &mut dispatch) {
            break;
        }
        dispatch[0].kill();
        field.terms.kills += 1;
        field.leases_run_out().await;
    }
}

#[rstest]
#[case(Engine::Sqlite, 40)]
#[case(Engine::Postgres, 20)]
#[tokio::test(flavor = "multi_thread")]
async fn after_kills_the_books_balance(#[case] engine: Engine, #[case] kills: usize) {
    let kills = scale(kills, 8 * kills);
    let customers = kills * 12;
    let mut field = Field::new("killed at random, mandatory", engine, 2, customers).await;
    let id = field.release(&maintenance("all = true"));
    kill_at_random(&mut field, kills, customers).await;
    field.settle().await;
    assert!(field.terms.kills > kills / 4, "{} kills only", field.terms.kills);
    field.check().await;
    assert_eq!(field.counted(id, "accepted"), customers);
}

#[rstest]
#[case(Engine::Sqlite, 15)]
#[case(Engine::Postgres, 10)]
#[tokio::test(flavor = "multi_thread")]
async fn after_kills_an_optional_notice_came_once_or_is_in_doubt(#[case] engine: Engine, #[case] kills: usize) {
    let kills = scale(kills, 8 * kills);
    let customers = kills * 14;
    let mut field = Field::new("killed at random, optional", engine, 2, customers).await;
    let id = field.release(NEWS);
    kill_at_random(&mut field, kills, customers).await;
    field.settle().await;
    assert!(field.terms.kills > kills / 4, "{} kills only", field.terms.kills);
    let found = field.check().await;
    let (accepted, doubtful) = (field.counted(id, "accepted"), field.counted(id, "uncertain"));
    assert_eq!(accepted + doubtful, customers);
    assert!(doubtful <= found.bound && found.dups == 0, "{doubtful} in doubt: {found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_share_a_database_are_killed_one_after_the_other() {
    let kills = scale(20, 200);
    let customers = kills * 15;
    let mut field = Field::new("two nodes, killed in turns", Engine::Postgres, 2, customers).await;
    let ids = [field.release(&maintenance("all = true")), field.release(NEWS)];
    // Two connections each.
    field.terms.connections = 4;
    let start = |field: &Field| field.start(&["dispatch"]);
    let mut nodes = [start(&field), start(&field)];
    for _ in 0..kills {
        // The deliveries that dead processes held wait for the end: their leases have not expired.
        let next = field.relay.count() + 1 + field.roll(customers / kills);
        assert!(field.takes(next, &mut nodes), "the nodes ended");
        let victim = field.roll(nodes.len());
        nodes[victim].kill();
        nodes[victim] = start(&field);
        field.terms.kills += 1;
    }
    for node in &mut nodes {
        node.kill();
        field.terms.kills += 1;
    }
    field.settle().await;
    field.check().await;
    assert_eq!(field.counted(ids[0], "accepted"), customers);
    assert_eq!(field.counted(ids[1], "accepted") + field.counted(ids[1], "uncertain"), customers);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_asked_to_stop_leaves_nothing_uncertain(#[case] engine: Engine) {
    let stops = scale(6, 60);
    let customers = stops * 40;
    let mut field = Field::new("asked to stop", engine, 2, customers).await;
    let ids = [field.release(&maintenance("all = true")), field.release(NEWS)];
    for _ in 0..stops {
        let mut dispatch: [Process; 1] = [field.start(&["dispatch"])];
        let next = field.relay.count() + 1 + field.roll(20);
        assert!(field.takes(next, &mut dispatch), "it ended by itself");
        dispatch[0].signal("TERM");
        assert!(dispatch[0].ends_well());
        field.terms.stops += 1;
    }
    field.settle().await;
    let found = field.check().await;
    assert_eq!((found.dups, found.bound), (0, 0));
    for id in ids {
        assert_eq!(field.counted(id, "accepted"), customers, "none was in doubt");
    }
}
