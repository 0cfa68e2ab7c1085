//! Releases killed: what is frozen is frozen whole, once, as it is at the release that succeeds; of the rest nothing is seen.

use besked::domain::entry::Event;
use besked::store::{deliveries, ledger, notices};
use rstest::rstest;
use uuid::Uuid;

use super::field::{Deadly, Field, Process, scale};
use crate::app::maintenance;
use crate::database::Engine;

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
    // Nothing goes to a relay here but what should not.
    let kind = if engine == Engine::Sqlite { "sync" } else { "any" };
    let whole = draft(&field);
    assert!(releasing(&field, &deadly, whole, kind, 0).ends_well());
    let calls = deadly.count();
    field.shell.run(&["notice", "cancel", &whole.to_string()]).ok();
    // Where the calls are few, at each of them.
    let stride = (calls / scale(5, 40)).max(1);
    for (round, nth) in (1 + field.roll(stride)..=calls).step_by(stride).enumerate() {
        let id = draft(&field);
        if !releasing(&field, &deadly, id, kind, nth).was_killed() {
            continue;
        }
        field.terms.kills += 1;
        let is_released = nothing_half_done_is_seen(&field, id).await;
        let at = format!("round {round}, call {nth} of {calls}");
        if !is_released {
            // The world goes on meanwhile; what counts is how it is when the release succeeds.
            field
                .shell
                .write("one.csv", &format!("account_id,customer_name,email\nC{audience},Ny,n@d{audience}.example\n"));
            field.shell.run(&["customers", "import", "one.csv"]).ok();
            audience += 1;
            field.sql("UPDATE notices SET release_until = 0 WHERE state = 'releasing'").await;
            if round % 2 == 0 || state(&field, id) == "approved" {
                field.shell.run(&["notice", "release", &id.to_string()]).ok();
            } else {
                let nowhere = ["dispatch", "--until-idle"];
                let mut dispatch = field.shell.command(&nowhere);
                dispatch.env("BESKED__RELAY__0__URL", "smtp://127.0.0.1:1?tls=none");
                Process::start(&mut dispatch).ends_well();
            }
        }
        let recipients = if is_released { None } else { Some(audience) };
        is_whole(&field, id, recipients, &at).await;
        field.shell.run(&["notice", "cancel", &id.to_string()]).ok();
    }
    assert!(field.terms.kills >= 3, "{} kills only", field.terms.kills);
    assert_eq!(field.relay.count(), 0);
    field.shell.run(&["dispatch", "--until-idle"]).ok();
    field.shell.run(&["ledger", "audit"]).ok();
    field.check().await;
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

/// After a kill: the release is done, or nobody sees anything of it, and nothing is sent. True for the former.
async fn nothing_half_done_is_seen(field: &Field, id: Uuid) -> bool {
    let is_released = state(field, id) == "released";
    if is_released {
        return true;
    }
    let id = id.to_string();
    field.shell.run(&["dispatch", "--until-idle"]).ok();
    assert_eq!(field.relay.count(), 0, "nothing is sent before the manifest");
    let status = field.status(id.parse().unwrap());
    assert_eq!(status["recipients"].as_u64(), Some(0), "{status}");
    let counted: u64 = status["counts"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
    assert_eq!(counted, 0, "{status}");
    let list = field.shell.run(&["--json", "deliveries", "list", &id]).ok().json();
    assert_eq!(list["deliveries"].as_array().unwrap().len(), 0, "half a set is listed");
    let coverage = field.shell.run(&["--json", "coverage", &id]).ok().json();
    assert_eq!(coverage["customers"].as_u64(), Some(0), "half a set is covered");
    let informed = field.shell.run(&["--json", "informed", "--account", "C0", "--notice", &id]);
    assert_eq!((informed.code, informed.json()["verdict"].as_str()), (1, Some("not_addressed")));
    false
}

/// One set with ordinals from 0 on, one manifest, and the counts agree.
async fn is_whole(field: &Field, id: Uuid, recipients: Option<usize>, at: &str) {
    let store = field.store().await;
    let mut conn = store.snapshot().await.unwrap();
    let kept = notices::find(&mut conn, id).await.unwrap().unwrap();
    let lines = deliveries::of_notice(&mut conn, id, 0, u32::MAX).await.unwrap();
    let entries = ledger::of_notice(&mut conn, id).await.unwrap();
    drop(conn);
    store.close().await;
    assert_eq!(kept.state.as_str(), "released", "{at}");
    assert_eq!(lines.len() as u64, kept.recipients, "{at}");
    assert!(recipients.is_none_or(|recipients| recipients == lines.len()), "{at}: {} of {recipients:?}", lines.len());
    assert!(lines.iter().enumerate().all(|(place, line)| line.ordinal == place as u64), "{at}: the ordinals have gaps");
    let mut accounts: Vec<&str> = lines.iter().map(|line| line.account_id.as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    assert_eq!(accounts.len(), lines.len(), "{at}: somebody is in it twice");
    assert_eq!(entries.iter().filter(|entry| entry.event == Event::Manifest).count(), 1, "{at}");
    assert_eq!(entries.len(), 1, "{at}: nothing but the manifest");
}
