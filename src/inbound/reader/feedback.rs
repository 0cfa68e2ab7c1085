//! Reports of feedback loops (RFC 5965), also those of which most was left out, and receipts (RFC 8098).

use crate::domain::report::{Report, Verdict};
use crate::inbound::reader::bounds::Bounds;
use crate::inbound::reader::evidence::addresses;
use crate::inbound::reader::fields::{self, Group};
use crate::inbound::reader::letter::Letter;
use crate::inbound::reader::mime::headers::Headers;

/// What a feedback report or a receipt says.
#[derive(Default)]
pub struct Feedback {
    /// Its type or disposition, in lower case.
    pub what: Option<String>,
    /// For each recipient that it names.
    pub reports: Vec<Report>,
    /// The groups of its fields.
    pub groups: Vec<Group>,
}

/// Fields that name who complained, the surest first.
const COMPLAINING: &[&str] = &["original-rcpt-to", "removal-recipient", "x-original-rcpt-to"];

/// Headers of the returned message in which providers name who complained.
const ADDED: &[&str] =
    &["x-hmxmroriginalrecipient", "x-original-to", "x-apparently-to", "delivered-to", "envelope-to", "x-rcpt-to"];

/// Reads a report of a feedback loop. Without a type it is a complaint, as in the loops before RFC 5965.
#[must_use]
pub fn complaint(letter: &Letter<'_>, bounds: &Bounds) -> Feedback {
    let groups = fields::groups(letter.feedback.as_deref().unwrap_or(&letter.text), bounds.recipients);
    let what = field(&groups, "feedback-type").map(|text| text.trim().to_lowercase());
    let verdict = match what.as_deref() {
        None | Some("" | "abuse" | "fraud" | "opt-out" | "opt-out-list" | "complaint" | "spam") => Verdict::Complaint,
        Some(_) => Verdict::None, // not-spam (RFC 6430), auth-failure (RFC 6591), virus, other
    };
    let mut named: Vec<String> = Vec::new();
    for name in COMPLAINING {
        if named.is_empty() {
            let values = groups.iter().flat_map(|group| group.all(name)).map(fields::typed_address);
            named = values.filter(|address| !address.is_empty()).take(bounds.recipients).collect();
        }
    }
    if named.is_empty() && verdict == Verdict::Complaint {
        named = complaining(&letter.returned(bounds));
    }
    let mut seen = std::collections::HashSet::new();
    named.retain(|address| seen.insert(address.to_lowercase()));
    let mut reports: Vec<Report> =
        named.into_iter().map(|address| Report { verdict, ..Report::on(Some(address)) }).collect();
    if reports.is_empty() {
        reports.push(Report { verdict, ..Report::on(None) });
    }
    Feedback { what, reports, groups }
}

/// Who complained, by what the provider added to the returned message. To whom it was addressed says no more than the
/// delivery does, and is no statement of the provider.
fn complaining(returned: &Headers<'_>) -> Vec<String> {
    let added = ADDED.iter().flat_map(|name| returned.all(name)).find_map(|value| addresses(&value).into_iter().next());
    added.into_iter().collect()
}

/// Reads a receipt: who got the message, and what became of it. A disposition is never a failure.
#[must_use]
pub fn receipt(letter: &Letter<'_>, bounds: &Bounds) -> Feedback {
    let groups = fields::groups(letter.disposition.as_deref().unwrap_or_default(), bounds.recipients);
    let what = field(&groups, "disposition").map(|text| text.trim().to_lowercase());
    let named = groups.iter().find_map(fields::recipient);
    let report = |recipient: fields::Recipient| Report {
        original_recipient: recipient.original,
        ..Report::on(Some(recipient.address))
    };
    Feedback { what, reports: named.map(report).into_iter().collect(), groups }
}

fn field<'g>(groups: &'g [Group], name: &str) -> Option<&'g str> {
    groups.iter().find_map(|group| group.get(name))
}
