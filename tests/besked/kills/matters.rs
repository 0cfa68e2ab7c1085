//! Killed while a matter moves on: a release that supersedes another notice does both or neither, and a reminder is made once.

use rstest::rstest;
use uuid::Uuid;

use super::field::{Deadly, Field, Process, scale};
use crate::app::maintenance;
use crate::checker::{Terms, Told};
use crate::database::Engine;
use crate::relay::Act;

const CUSTOMERS: usize = 6;

/// Makes the lease of the releasing process expire.
const HOLD_IS_OVER: &str = "UPDATE notices SET release_until = 0 WHERE state = 'releasing'";

impl Field {
    /// A released announcement with this reference.
    fn announce(&self, text: &str) -> Uuid {
        self.shell.write("notice.md", text);
        let sent = self.shell.run(&["--json", "notice", "send", "notice.md", "--yes"]).ok().json();
        sent["id"].as_str().unwrap().parse().unwrap()
    }

    /// An approved follow-up, as it is written, with a window a day later if it moves.
    fn follow(&self, id: Uuid, word: &str) -> Uuid {
        let text = self.shell.run(&["notice", "follow", &id.to_string(), "--phase", word]).ok().out;
        let text = text
            .replace("\nwindow_start = 2036-12-01", "\nwindow_start = 2036-12-02")
            .replace("\nwindow_end = 2036-12-02", "\nwindow_end = 2036-12-03");
        self.shell.write("follow.md", &text);
        let made = self.shell.run(&["--json", "notice", "create", "follow.md"]).ok().json();
        let id = made["id"].as_str().unwrap();
        self.shell.run(&["notice", "submit", id]).ok();
        id.parse().unwrap()
    }

    fn releasing(&self, deadly: &Deadly, id: Uuid, nth: usize) -> Process {
        let mut command = self.shell.command(&["notice", "release", &id.to_string()]);
        deadly.at(&mut command, "any", nth);
        Process::start(&mut command)
    }

    fn state_of(&self, id: Uuid) -> String {
        self.status(id)["state"].as_str().unwrap().to_owned()
    }
}

/// Half of the old date was sent, and the other half waits for a retry.
fn half_sent(field: &Field, round: usize) -> Uuid {
    // One after another that is taken: so it is no fault of the relay.
    for n in (1..CUSTOMERS).step_by(2) {
        field.relay.on(&format!("RCPT TO:<a{n}@"), 1, Act::Reply("450 4.2.1 mailbox busy\r\n"));
    }
    let id = field.announce(&maintenance("all = true").replace("CHG-1", &format!("CHG-{round}")));
    field.shell.run(&["dispatch", "--until-idle"]);
    assert_eq!(field.counted(id, "accepted"), CUSTOMERS / 2);
    id
}

#[rstest]
#[case("rescheduled", Engine::Sqlite)]
#[case("rescheduled", Engine::Postgres)]
#[case("cancelled", Engine::Sqlite)]
#[case("cancelled", Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_is_killed_supersedes_whole_or_not_at_all(#[case] word: &str, #[case] engine: Engine) {
    let deadly = Deadly::build();
    let field = Field::new(&format!("killed while superseding, {word}"), engine, 1, CUSTOMERS).await;
    let reached = if word == "cancelled" { CUSTOMERS / 2 } else { CUSTOMERS };
    // Once without a kill: it counts the calls.
    let next = field.follow(half_sent(&field, 0), word);
    assert!(field.releasing(&deadly, next, 0).ends_well());
    let calls = deadly.count();
    field.settle().await;
    let (stride, mut kills) = (calls.div_ceil(scale(5, 40)), 0);
    for (round, nth) in (1 + field.roll(stride)..=calls).step_by(stride).enumerate() {
        let at = format!("{word}, call {nth} of {calls}");
        let sent = field.relay.count();
        let first = half_sent(&field, round + 1);
        let next = field.follow(first, word);
        kills += usize::from(field.releasing(&deadly, next, nth).was_killed());
        if field.state_of(next) == "released" {
            assert_eq!(field.state_of(first), "cancelled", "{at}: both dates are under way");
        } else if word == "rescheduled" {
            assert_eq!(field.state_of(first), "released", "{at}: neither date is under way");
        }
        field.sql(HOLD_IS_OVER).await;
        field.shell.run(&["notice", "release", &next.to_string()]).ok();
        field.settle().await;
        let of_first = (field.counted(first, "accepted"), field.counted(first, "cancelled"));
        assert_eq!(of_first, (CUSTOMERS / 2, CUSTOMERS / 2), "{at}");
        assert_eq!((field.counted(next, "accepted"), field.state_of(next)), (reached, "closed".to_owned()), "{at}");
        assert_eq!(field.relay.count() - sent, CUSTOMERS / 2 + reached, "{at}: each got each once");
    }
    assert!(kills >= 3, "{kills} kills only");
    field.shell.run(&["ledger", "audit"]).ok();
}

/// A reminder that is due now: its time is moved to the present.
const DUE_NOW: &str =
    "UPDATE reminders SET before_ms = before_ms + 600000, look_at = look_at - 600000 WHERE state = 'planned'";

/// The notices that the dispatcher made, the newest first.
fn reminders(field: &Field) -> Vec<Uuid> {
    let list = field.shell.run(&["--json", "notice", "list", "--all"]).ok().json();
    let notices = list["notices"].as_array().unwrap().iter().filter(|notice| notice["author"] == "reminder");
    notices.map(|notice| notice["id"].as_str().unwrap().parse().unwrap()).collect()
}

#[rstest]
#[case(Engine::Sqlite, 12)]
#[case(Engine::Postgres, 6)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reminder_whose_dispatcher_is_killed_is_made_once(#[case] engine: Engine, #[case] rounds: usize) {
    let deadly = Deadly::build();
    let field = Field::new("killed while reminding", engine, 1, CUSTOMERS).await;
    let soon = |minutes: u64| {
        let at = besked::domain::clock::Clock::System.now() + std::time::Duration::from_secs(minutes * 60);
        at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    };
    let announce = async |round: usize| {
        let text = maintenance("all = true")
            .replace("CHG-1", &format!("CHG-{round}"))
            .replace("2036-12-01T22:00:00+01:00", &soon(60))
            .replace("2036-12-02T02:00:00+01:00", &soon(120))
            .replace("[fields]", "[schedule]\nreminders = [\"-50m\"]\n[fields]");
        field.announce(&text);
        field.settle().await;
        field.sql(DUE_NOW).await;
    };
    let dying = |nth: usize| {
        let mut command = field.shell.command(&["dispatch", "--until-idle"]);
        deadly.at(&mut command, "any", nth);
        Process::start(&mut command)
    };
    announce(0).await;
    assert!(dying(0).ends_well());
    assert_eq!(reminders(&field).len(), 1);
    let (calls, mut kills) = (deadly.count(), 0);
    let stride = calls.div_ceil(scale(rounds, 10 * rounds));
    for (round, nth) in (1 + field.roll(stride)..=calls).step_by(stride).enumerate() {
        let at = format!("call {nth} of {calls}");
        announce(round + 1).await;
        let (arrived, mut terms) = (field.relay.count(), Terms { kills: 0, ..Terms::of(1) });
        if dying(nth).was_killed() {
            terms.kills += 1;
            kills += 1;
            field.leases_run_out().await;
            field.sql(HOLD_IS_OVER).await;
        }
        field.settle().await;
        let made = reminders(&field);
        assert_eq!(made.len(), round + 2, "{at}");
        let told = Told { notice: made[0], recipients: CUSTOMERS as u64 };
        let found = field.findings(std::slice::from_ref(&told), arrived, &terms).await;
        assert_eq!((found.fault(), found.waiting), (None, 0), "at {at}");
    }
    assert!(kills >= 3, "{kills} kills only");
    field.shell.run(&["ledger", "audit"]).ok();
}
