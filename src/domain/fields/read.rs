//! Reads the fields of each category, and checks that none is missing and none contradicts another.

use jiff::Timestamp;

use super::{
    AgreementChange, Billing, Disruption, Fields, IncidentStatus, Maintenance, News, Phase, SecurityBreach,
    SecurityMeasuresChange, Survey,
};
use crate::domain::category::Category;
use crate::domain::front_matter::Reader;
use crate::domain::link::Link;
use crate::domain::wrong::Wrong;

pub(super) fn security_breach(fields: &Reader<'_, '_>) -> Option<SecurityBreach> {
    require(fields, Category::SecurityBreach);
    let stage = fields.parsed("stage");
    let our_role = fields.parsed("our_role");
    let nature = fields.text("nature");
    let likely_consequences = fields.text("likely_consequences");
    let measures_taken = fields.text("measures_taken");
    let contact_point = fields.text("contact_point");
    let discovered_at = fields.time("discovered_at");
    let data_affected = fields.texts("data_affected");
    let occurred_from = fields.time("occurred_from");
    let occurred_until = fields.time("occurred_until");
    let recommended_actions = fields.texts("recommended_actions");
    in_order(fields, ("occurred_from", occurred_from), ("occurred_until", occurred_until));
    Some(SecurityBreach {
        stage: stage?,
        our_role: our_role?,
        nature: nature?,
        likely_consequences: likely_consequences?,
        measures_taken: measures_taken?,
        contact_point: contact_point?,
        discovered_at: discovered_at?,
        data_affected: data_affected?,
        occurred_from,
        occurred_until,
        recommended_actions,
    })
}

pub(super) fn disruption(fields: &Reader<'_, '_>) -> Option<Disruption> {
    require(fields, Category::Disruption);
    let services = fields.texts("services");
    let started_at = fields.time("started_at");
    let impact = fields.text("impact");
    let status = fields.parsed("status");
    let next_update_at = fields.time("next_update_at");
    let resolved_at = fields.time("resolved_at");
    let workaround = fields.text("workaround");
    if status == Some(IncidentStatus::Resolved) {
        fields.require("resolved_at");
    } else {
        fields.require("next_update_at");
        if resolved_at.is_some() && status.is_some() {
            let text = "is possible only with the status `resolved`";
            fields.problem("resolved_at", Wrong::known("not-resolved", text));
        }
    }
    in_order(fields, ("started_at", started_at), ("resolved_at", resolved_at));
    in_order(fields, ("started_at", started_at), ("next_update_at", next_update_at));
    Some(Disruption {
        services: services?,
        started_at: started_at?,
        impact: impact?,
        status: status?,
        next_update_at,
        resolved_at,
        workaround,
    })
}

pub(super) fn maintenance(fields: &Reader<'_, '_>) -> Option<Maintenance> {
    require(fields, Category::Maintenance);
    let window_start = fields.time("window_start");
    let window_end = fields.time("window_end");
    let services = fields.texts("services");
    let impact = fields.text("impact");
    let impact_level = fields.parsed("impact_level");
    let phase = fields.parsed("phase");
    let previous_start = fields.time("previous_start");
    let previous_end = fields.time("previous_end");
    let action_needed = fields.text("action_needed");
    if phase == Some(Phase::Rescheduled) {
        fields.require("previous_start");
        fields.require("previous_end");
    }
    in_order(fields, ("window_start", window_start), ("window_end", window_end));
    in_order(fields, ("previous_start", previous_start), ("previous_end", previous_end));
    Some(Maintenance {
        window_start: window_start?,
        window_end: window_end?,
        services: services?,
        impact: impact?,
        impact_level,
        phase: phase?,
        previous_start,
        previous_end,
        action_needed,
    })
}

pub(super) fn agreement_change(fields: &Reader<'_, '_>) -> Option<AgreementChange> {
    require(fields, Category::AgreementChange);
    let kind = fields.parsed("kind");
    let document = fields.text("document");
    let version = fields.text("version");
    let effective_date = fields.date("effective_date");
    let summary = fields.texts("summary");
    let right = fields.text("right");
    let right_until = fields.date("right_until");
    Some(AgreementChange {
        kind: kind?,
        document: document?,
        version: version?,
        effective_date: effective_date?,
        summary: summary?,
        right: right?,
        right_until: right_until?,
    })
}

pub(super) fn security_measures_change(fields: &Reader<'_, '_>) -> Option<SecurityMeasuresChange> {
    require(fields, Category::SecurityMeasuresChange);
    let measure = fields.text("measure");
    let kind = fields.parsed("kind");
    let change = fields.text("change");
    let effective_date = fields.date("effective_date");
    let effect = fields.text("effect");
    Some(SecurityMeasuresChange {
        measure: measure?,
        kind: kind?,
        change: change?,
        effective_date: effective_date?,
        effect: effect?,
    })
}

pub(super) fn billing(fields: &Reader<'_, '_>) -> Option<Billing> {
    require(fields, Category::Billing);
    let invoice_number = fields.text("invoice_number");
    let period = fields.text("period");
    let amount = fields.text("amount");
    let currency = fields.text("currency");
    let due_date = fields.date("due_date");
    let payment_reference = fields.text("payment_reference");
    Some(Billing {
        invoice_number: invoice_number?,
        period: period?,
        amount: amount?,
        currency: currency?,
        due_date: due_date?,
        payment_reference,
    })
}

pub(super) fn news(fields: &Reader<'_, '_>) -> Option<News> {
    require(fields, Category::News);
    Some(News { title: fields.text("title")? })
}

pub(super) fn survey(fields: &Reader<'_, '_>) -> Option<Survey> {
    require(fields, Category::Survey);
    let question = fields.text("question");
    let link = fields.word("link").and_then(|link| match Link::parse(&link) {
        Ok(link) => Some(link.to_string()),
        Err(problem) => {
            fields.problem("link", problem.to_string());
            None
        }
    });
    let closes_at = fields.time("closes_at");
    Some(Survey { question: question?, link: link?, closes_at: closes_at? })
}

fn require(fields: &Reader<'_, '_>, category: Category) {
    Fields::required_keys(category).iter().for_each(|key| fields.require(key));
}

fn in_order(
    fields: &Reader<'_, '_>,
    (first, start): (&'static str, Option<Timestamp>),
    (second, end): (&'static str, Option<Timestamp>),
) {
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        fields.problem(second, Wrong::known("order", format!("must be after `{first}`")).with("field", first));
    }
}
