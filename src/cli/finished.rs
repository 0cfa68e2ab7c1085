//! What a run of the dispatcher has left undone, in words, and the exit code for it.

use super::failure::{FAILED, INVALID, TRY_LATER};
use super::output::{count, time};
use crate::dispatch::{Finished, Left, Trouble, Undone};
use crate::domain::reply::{Stage, advice};
use crate::notices::Depth;

/// The remedy for work that failed and may succeed later.
const TRIED_AGAIN: &str = "the next `besked dispatch` or `besked serve` retries it, half a minute from now";

/// The remedy for work that failed and needs an operator.
const NEEDS_OPERATOR: &str = "`besked notice show ID` says why; correct the customers or `besked notice edit` it, then `besked notice release ID`, \
    or `besked notice cancel ID`";

/// Prints what a run has left to stderr, and returns the exit code for it.
pub fn report(finished: &Finished) -> u8 {
    match finished {
        Finished::Stopped => {
            eprintln!("stopped; the next `besked dispatch` or `besked serve` sends the rest");
            FAILED
        }
        Finished::Idle(depth) => {
            print_later(depth);
            0
        }
        Finished::NotErased(reason) => {
            eprintln!("error: nothing was sent, since erased persons may be back in this database: {reason}");
            eprintln!(
                "\nhint: make the tombstone journal of `[privacy]` readable, or restore it together with its key"
            );
            FAILED
        }
        Finished::Left(left) => report_left(left),
    }
}

/// Prints all that a run has left and why, the gravest first. Only what passes by itself is worth trying again later.
fn report_left(left: &Left) -> u8 {
    let codes = [
        left.no_relay.as_deref().map(|failures| no_relay(failures, &left.depth)),
        undone(&left.undone),
        left.unsealed.as_deref().map(unsealed),
        unsent(left.unsent),
        unread(left.unread),
        uninformed(left.uninformed),
    ];
    print_later(&left.depth);
    let codes = || codes.iter().flatten();
    codes().find(|code| **code != TRY_LATER).or(codes().next()).copied().unwrap_or(0)
}

fn no_relay(failures: &[(String, Trouble)], depth: &Depth) -> u8 {
    for (relay, failure) in failures {
        eprintln!("error: relay `{relay}` cannot be used ({}): {}", failure.stage, failure.text);
    }
    let waiting = count(depth.due + depth.later, "delivery waits", "deliveries wait");
    eprintln!("{waiting} in the queue until one can");
    if failures.iter().any(|(_, failure)| failure.stage == Stage::Dot && !failure.answered) {
        eprintln!("some may have been sent, as no answer came: `besked deliveries uncertain list` shows them");
    }
    let mut advices: Vec<&str> = failures.iter().map(|(_, failure)| advice(failure.stage, &failure.text)).collect();
    advices.dedup();
    let what = if advices.is_empty() { "check [[relay]]".to_owned() } else { advices.join("; ") };
    eprintln!("\nhint: {what}; then run `besked dispatch`");
    if failures.is_empty() { INVALID } else { TRY_LATER }
}

fn undone(undone: &[Undone]) -> Option<u8> {
    undone.iter().for_each(|undone| eprintln!("error: {undone}"));
    let may_pass = undone.iter().all(|undone| undone.may_pass);
    if !undone.is_empty() {
        eprintln!("\nhint: {}", if may_pass { TRIED_AGAIN } else { NEEDS_OPERATOR });
    }
    (!undone.is_empty()).then_some(if may_pass { TRY_LATER } else { FAILED })
}

fn unsealed(reason: &str) -> u8 {
    eprintln!("error: entries of the ledger could not be sealed: {reason}");
    eprintln!("\nhint: `besked ledger status` says why, `besked ledger continue --reason TEXT` resumes sealing");
    FAILED
}

fn unsent(unsent: u64) -> Option<u8> {
    if unsent == 0 {
        return None;
    }
    let unsent = count(unsent, "delivery was", "deliveries were");
    eprintln!("error: {unsent} not sent: no relay can carry the message, or it could not be composed");
    eprintln!(
        "\nhint: `besked deliveries list NOTICE --state rejected` shows which, and the log why; correct the cause, then `besked \
         deliveries resend --notice NOTICE --state not_carried` (or `not_composed`)"
    );
    Some(FAILED)
}

fn unread(unread: u64) -> Option<u8> {
    if unread == 0 {
        return None;
    }
    let wait = count(unread, "delivery waits", "deliveries wait");
    eprintln!("error: {wait} without an attempt: what is stored of it, or of the notice, cannot be read or made ready");
    eprintln!(
        "\nhint: the log names them; another version of Besked may have written them; the next `besked dispatch` or `besked \
         serve` tries again"
    );
    Some(FAILED)
}

fn uninformed(uninformed: u64) -> Option<u8> {
    if uninformed == 0 {
        return None;
    }
    let uninformed = count(uninformed, "delivery", "deliveries");
    eprintln!(
        "error: {uninformed} ended without an answer, or with none but refusals until the time to retry was over"
    );
    eprintln!(
        "\nhint: `besked deliveries uncertain list` shows what may have been sent and waits for you, `besked deliveries list ID \
         --state expired` what no server accepted in time"
    );
    Some(FAILED)
}

fn print_later(depth: &Depth) {
    if let Some(next) = depth.next_due.filter(|_| depth.later > 0) {
        let wait = count(depth.later, "delivery waits", "deliveries wait");
        let scheduled = match depth.scheduled {
            0 => String::new(),
            all if all == depth.later => " for their schedule".to_owned(),
            some => format!(" ({some} of them for their schedule)"),
        };
        eprintln!("{wait}{scheduled}; the next attempt is due at {}", time(next));
    }
}
