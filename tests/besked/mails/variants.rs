//! The stages, roles, kinds, phases and states of a category, each with its own words.

use std::fmt::Display;

use besked::domain::fields::{AgreementKind, IncidentStatus, OurRole, Phase, Stage};

use super::{LOCALES, mail, same};

/// Compares the subjects and texts of several notices with one snapshot for each language.
fn same_in_all(name: &str, variants: &[(String, String)]) {
    for locale in LOCALES {
        let texts = variants.iter().map(|(variant, source)| {
            let mail = mail(source, locale);
            format!("######## {variant}\n\nSubject: {}\n\n{}\n", mail.subject, mail.text)
        });
        same(&format!("{name}-{locale}"), &texts.collect::<String>());
    }
}

fn notice(category: &str, fields: impl Display, body: &str) -> String {
    let audience = "[audience]\nall = true\n[fields]\n";
    format!("+++\ncategory = \"{category}\"\nreference = \"REF-1\"\n{audience}{fields}\n+++\n{body}\n")
}

pub fn breach(stage: Stage, role: OurRole) -> String {
    let fields = format!(
        "stage = \"{stage}\"\nour_role = \"{role}\"\nnature = \"NATURE\"\nlikely_consequences = \"CONSEQUENCES\"\n\
         measures_taken = \"MEASURES\"\ncontact_point = \"CONTACT\"\ndata_affected = [\"DATA\"]\n\
         discovered_at = 2026-12-03T10:35:00Z"
    );
    notice("security_breach", fields, "")
}

#[test]
fn a_breach_reads_as_reviewed_in_every_stage_and_role() {
    let each = OurRole::ALL.iter().flat_map(|role| Stage::ALL.iter().map(move |stage| (*stage, *role)));
    let variants: Vec<_> = each.map(|(stage, role)| (format!("{role}, {stage}"), breach(stage, role))).collect();
    same_in_all("security_breach-stages", &variants);
}

#[test]
fn a_disruption_reads_as_reviewed_in_every_state() {
    let source = |status: &IncidentStatus| {
        let ends = match status {
            IncidentStatus::Resolved => "resolved_at = 2026-12-08T10:00:00Z",
            _ => "next_update_at = 2026-12-08T10:00:00Z",
        };
        let fields = format!(
            "services = [\"SERVICE\"]\nstarted_at = 2026-12-08T08:12:00Z\nimpact = \"IMPACT\"\nstatus = \"{status}\"\n{ends}"
        );
        (status.to_string(), notice("disruption", fields, ""))
    };
    let variants: Vec<_> = IncidentStatus::ALL.iter().map(source).collect();
    same_in_all("disruption-states", &variants);
}

#[test]
fn a_maintenance_reads_as_reviewed_in_every_phase() {
    let source = |phase: &Phase| {
        let previous = match phase {
            Phase::Rescheduled => "previous_start = 2026-12-10T21:00:00Z\nprevious_end = 2026-12-11T01:00:00Z",
            _ => "",
        };
        let fields = format!(
            "window_start = 2026-12-14T21:00:00Z\nwindow_end = 2026-12-15T01:00:00Z\nservices = [\"SERVICE\"]\n\
             impact = \"IMPACT\"\nphase = \"{phase}\"\n{previous}"
        );
        (phase.to_string(), notice("maintenance", fields, ""))
    };
    let variants: Vec<_> = Phase::ALL.iter().map(source).collect();
    same_in_all("maintenance-phases", &variants);
}

#[test]
fn an_agreement_change_reads_as_reviewed_for_every_kind() {
    let source = |kind: &AgreementKind| {
        let fields = format!(
            "kind = \"{kind}\"\ndocument = \"DOCUMENT\"\nversion = \"2\"\neffective_date = 2027-02-01\n\
             summary = [\"SUMMARY\"]\nright = \"RIGHT\"\nright_until = 2027-01-31"
        );
        (kind.to_string(), notice("agreement_change", fields, "FULL TEXT"))
    };
    let variants: Vec<_> = AgreementKind::ALL.iter().map(source).collect();
    same_in_all("agreement_change-kinds", &variants);
}
