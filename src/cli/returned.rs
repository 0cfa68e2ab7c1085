//! What came back about a delivery, in words.

use super::output::time;
use crate::deliveries::{Forward, Report};
use crate::domain::forward::{Reason, State};
use crate::domain::report::{Action, Verdict};

/// What a report says, in one line.
pub(super) fn describe_report(report: &Report) -> String {
    let status = report.status.map_or_else(String::new, |status| format!(" {status}"));
    let said = match report.action {
        Action::None => String::new(),
        action => format!(", {action}{status}"),
    };
    let verdict = if report.verdict == Verdict::None { String::new() } else { format!(", {}", report.verdict) };
    let words = report.diagnostic.as_ref().map_or_else(String::new, |words| format!(": {words}"));
    let effect = match report.outcome {
        Some(outcome) => format!(" [{outcome}]"),
        None if report.tie.is_proof() => String::new(),
        None => format!(" [changed nothing: tied by {}]", report.tie.describe()),
    };
    format!("report {} ({}{said}{verdict}){words}{effect}", time(report.at), report.kind).replace(char::is_control, " ")
}

/// A line about a reply.
pub(super) fn replied(reply: &Forward) -> String {
    let became = match (reply.state, reply.reason) {
        (State::Waiting, _) => "is to be forwarded to support".to_owned(),
        (State::Forwarded, _) => format!("was forwarded to support at {}", time(reply.at)),
        (State::Withheld | State::Failed, reason) => {
            format!("was not forwarded: {}", reason.map_or("no reason is recorded", Reason::describe))
        }
    };
    format!("a reply came at {} and {became} (`besked inbound show {}`)\n", time(reply.came_at), reply.inbound_id)
}
