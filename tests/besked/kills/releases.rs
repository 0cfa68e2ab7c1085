//! Killed releases: an audience is frozen whole, once, as of the release that succeeds; nothing else is visible.

use besked::domain::entry::Event;
use besked::store::notices;
use besked::store::notices::releases;
use besked::store::proof::ledger;
use besked::store::sending::{deliveries, queue};
use rstest::rstest;
use uuid::Uuid;

use super::field::{Deadly, Field, Process, scale};
use crate::app::maintenance;
use crate::checker::Told;
use crate::database::Engine;
use crate::postfix::eventually;

/// More than are written in one transaction.
fn customers() -> usize {
    scale(6_000, 100_000)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_killed_is_done_again_whole(#[case] engine: Engine) {
    let deadly = Deadly::build();
    let mut audience = customers();
    let mut field = Field::new("killed while releasing", engine, 2, audience).await;
    let kind = if engine == Engine::Sqlite { "sync" } else { "any" };
    let whole = draft(&field);
    assert!(releasing(&field, &deadly, whole, kind, 0).ends_well());
    let calls = deadly.count();
    pause(&field, whole);
    // If there are few calls, at each of them.
    let stride = calls.div_ceil(scale(5, 40));
    for (round, nth) in (1 + field.roll(stride)..=calls).step_by(stride).enumerate() {
        let at = format!("round {round}, call {nth} of {calls}");
        let id = draft(&field);
        if !releasing(&field, &deadly, id, kind, nth).was_killed() {
            // It made fewer calls than the first one.
            pause(&field, id);
            continue;
        }
        field.terms.kills += 1;
        let state = state(&field, id);
        if state == "released" {
            is_whole(&field, id, audience, &at).await;
            pause(&field, id);
            continue;
        }
        nothing_half_done_is_seen(&field, id);
        // Other changes go on meanwhile; the state at the successful release counts.
        field
            .shell
            .write("one.csv", &format!("account_id,customer_name,email\nC{audience},Ny,n@d{audience}.example\n"));
        field.shell.run(&["customers", "import", "one.csv"]).ok();
        audience += 1;
        match round % 3 {
            1 if state == "releasing" => taken_up_by_a_dispatcher(&mut field).await,
            2 => {
                field.shell.run(&["notice", "cancel", &id.to_string()]).ok();
                nothing_is_left(&field, id).await;
                continue;
            }
            _ => {
                field.sql(HOLD_IS_OVER).await;
                field.shell.run(&["notice", "release", &id.to_string()]).ok();
            }
        }
        is_whole(&field, id, audience, &at).await;
        field.told.push(Told { notice: id, recipients: audience as u64 });
        pause(&field, id);
    }
    assert!(field.terms.kills >= 3, "{} kills only", field.terms.kills);
    field.settle().await;
    let found = field.findings(&field.told, 0, &field.terms).await;
    found.hold(&format!("killed while releasing, {engine:?}"));
    field.shell.run(&["ledger", "audit"]).ok();
}

/// Makes the lease of the releasing process expire.
const HOLD_IS_OVER: &str = "UPDATE notices SET release_until = 0 WHERE state = 'releasing'";

/// While the releasing process may be alive, a dispatcher leaves the notice alone and waits; then it resumes the release. What it
/// sends, it sends after the manifest.
async fn taken_up_by_a_dispatcher(field: &mut Field) {
    let sent = field.relay.count();
    let mut dispatch = [field.start(&["dispatch", "--until-idle"])];
    field.sql(HOLD_IS_OVER).await;
    assert!(field.takes(sent + 1, &mut dispatch), "it ended before the notice was released");
    dispatch[0].kill();
    field.terms.kills += 1;
    field.leases_run_out().await;
}

/// What was released is not sent: that is tested elsewhere.
fn pause(field: &Field, id: Uuid) {
    field.shell.run(&["notice", "pause", &id.to_string()]).ok();
}

/// After a cancellation no part of a set is left, and nothing waits for it.
async fn nothing_is_left(field: &Field, id: Uuid) {
    let mut dispatch = field.start(&["dispatch", "--until-idle"]);
    eventually("nothing is to be done", || dispatch.has_ended());
    let store = field.store().await;
    let mut conn = store.read().await.unwrap();
    let written = releases::written(&mut conn, id).await.unwrap();
    let queued = queue::holds(&mut conn, id).await.unwrap();
    drop(conn);
    store.close().await;
    assert_eq!((written, queued), ((0, 0), false), "a part of {id} is left");
}

/// A notice that may be released.
fn draft(field: &Field) -> Uuid {
    field.shell.write("notice.md", &maintenance("all = true"));
    let created = field.shell.run(&["--json", "notice", "create", "notice.md"]).ok().json();
    let id = created["id"].as_str().unwrap();
    field.shell.run(&["notice", "submit", id]).ok();
    id.parse().unwrap()
}

fn releasing(field: &Field, deadly: &Deadly, id: Uuid, kind: &str, nth: usize) -> Process {
    let mut command = field.shell.command(&["notice", "release", &id.to_string()]);
    deadly.at(&mut command, kind, nth);
    Process::start(&mut command)
}

fn state(field: &Field, id: Uuid) -> String {
    field.status(id)["state"].as_str().unwrap().to_owned()
}

/// After a kill before the manifest, nothing of it is visible.
fn nothing_half_done_is_seen(field: &Field, id: Uuid) {
    let status = field.status(id);
    assert_eq!(status["recipients"].as_u64(), Some(0), "{status}");
    let counted: u64 = status["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counted, 0, "{status}");
    let id = id.to_string();
    let list = field.shell.run(&["--json", "deliveries", "list", &id]).ok().json();
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 0, "half a set is listed");
    field.shell.run(&["coverage", &id]).fails(2, &["it has addressed nobody yet"]);
    let informed = field.shell.run(&["--json", "informed", "--account", "C0", "--notice", &id]);
    assert_eq!((informed.code, informed.json()["verdict"].as_str()), (1, Some("not_released")));
    let attest = ["attest", &id, "--account", "C0", "--channel", "phone", "--by", "Bo", "--note", "called"];
    field.shell.run(&attest).fails(2, &["it has addressed nobody yet"]);
}

/// One set with ordinals from 0 on, one manifest, and the counts agree.
async fn is_whole(field: &Field, id: Uuid, recipients: usize, at: &str) {
    let store = field.store().await;
    let mut conn = store.snapshot().await.unwrap();
    let kept = notices::find(&mut conn, id).await.unwrap().unwrap();
    let lines = deliveries::of_notice(&mut conn, id, 0, u32::MAX).await.unwrap();
    let entries = ledger::of_notice(&mut conn, id).await.unwrap();
    drop(conn);
    store.close().await;
    assert_eq!(kept.state.as_str(), "released", "{at}");
    assert_eq!(lines.len() as u64, kept.recipients, "{at}");
    assert_eq!(lines.len(), recipients, "{at}");
    assert!(lines.iter().enumerate().all(|(place, line)| line.ordinal == place as u64), "{at}: the ordinals have gaps");
    let mut accounts: Vec<&str> = lines.iter().map(|line| line.account_id.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    assert_eq!(accounts.len(), lines.len(), "{at}: somebody is in it twice");
    assert_eq!(entries.iter().filter(|entry| entry.event == Event::Manifest).count(), 1, "{at}");
}
