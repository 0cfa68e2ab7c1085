//! What ties a message to a delivery.

use super::*;

const A: Uuid = Uuid::from_u128(0xa);
const B: Uuid = Uuid::from_u128(0xb);

/// A token that is good if it ends in the delivery's letter.
fn verify(local: &str) -> Option<Uuid> {
    match local.to_lowercase().chars().last() {
        Some('a') if local.len() >= TOKEN => Some(A),
        Some('b') if local.len() >= TOKEN => Some(B),
        _ => None,
    }
}

fn ours() -> Ours<'static> {
    Ours { bounce_domain: "bounces.us.example", message_domain: "us.example", fixed: &[], verify: &verify }
}

fn token(letter: char) -> String {
    format!("{}{letter}", "2".repeat(TOKEN - 1))
}

fn known() -> Vec<Known> {
    vec![
        Known { delivery: A, address: "anna@x.example".into(), message_id: format!("{A}@us.example") },
        Known { delivery: B, address: "bo@x.example".into(), message_id: format!("{B}@us.example") },
    ]
}

fn evidence(headers: &str, returned: &str, named: &[&str]) -> Evidence {
    let mut evidence = Evidence::of_envelope(None, &Headers::of(headers.as_bytes(), 9_000), &ours());
    evidence.add_returned(&Headers::of(returned.as_bytes(), 9_000), &ours());
    let reports: Vec<Report> = named.iter().map(|name| Report::on(Some((*name).to_owned()))).collect();
    evidence.add_reports(&reports, &[]);
    evidence
}

fn decided(evidence: &Evidence) -> (MatchKind, Option<Uuid>) {
    let found = decide(MessageKind::Dsn, evidence, &ours(), Some(&known()));
    (found.kind, found.delivery)
}

#[test]
fn a_token_is_found_wherever_the_envelope_was_written() {
    let path = format!("B+{}@bounces.us.example", token('a').to_uppercase());
    for header in ["Delivered-To", "X-Original-To", "Envelope-to", "To"] {
        assert_eq!(
            decided(&evidence(&format!("{header}: <{path}>\n"), "", &[])),
            (MatchKind::Token, Some(A)),
            "{header}"
        );
    }
    let received = format!(
        "Received: from x by y\n\tfor <{path}>; Thu\nReceived: by z for <b+{}@bounces.us.example>\n",
        token('b')
    );
    assert_eq!(decided(&evidence(&received, "", &[])), (MatchKind::Token, Some(A)));
    let given = Evidence::of_envelope(Some(&path), &Headers::default(), &ours());
    assert_eq!(decided(&given), (MatchKind::Token, Some(A)));
}

#[test]
fn a_token_is_found_in_the_returned_part_also_rewritten() {
    let good = token('a');
    for returned in [
        format!("Return-Path: <b+{good}@bounces.us.example>\n"),
        format!("Return-Path: <SRS0=Hx=yz=bounces.us.example=b+{good}@relay.example>\n"),
        format!("X-Besked-Token: {good}\n"),
    ] {
        assert_eq!(decided(&evidence("", &returned, &[])), (MatchKind::TokenInReturnedPart, Some(A)), "{returned}");
    }
    let mut of_field = Evidence::default();
    of_field.add_field("original-envelope-id", &good, &ours());
    assert_eq!(decided(&of_field), (MatchKind::TokenInReturnedPart, Some(A)));
}

#[test]
fn what_is_not_signed_never_counts_as_a_token() {
    let header = format!("X-Besked-Delivery: {A}\nMessage-ID: <{A}@us.example>\n");
    assert_eq!(decided(&evidence("", &header, &[])), (MatchKind::DeliveryHeader, Some(A)));
    let reply = format!("In-Reply-To: <{A}@us.example>\n");
    assert_eq!(decided(&evidence(&reply, "", &[])), (MatchKind::MessageId, Some(A)));
    assert_eq!(decided(&evidence("", "", &["Anna@x.example"])), (MatchKind::Address, Some(A)));
    assert_eq!(decided(&evidence("", "", &["stranger@x.example"])), (MatchKind::None, None));
    let unknown = format!("X-Besked-Delivery: {}\n", Uuid::from_u128(1));
    assert_eq!(decided(&evidence("", &unknown, &[])), (MatchKind::None, None));
}

#[test]
fn what_claims_to_be_ours_without_a_good_token_is_forged() {
    let header = format!("X-Besked-Delivery: {A}\n");
    let wrong = format!("To: <b+{}@bounces.us.example>\n", token('x'));
    let short = "To: <b+222a@bounces.us.example>\n";
    for envelope in [wrong.as_str(), short, "To: bounces@bounces.us.example\n"] {
        assert_eq!(decided(&evidence(envelope, &header, &[])), (MatchKind::Forged, None), "{envelope}");
    }
    assert_eq!(decided(&evidence("To: bounces@bounces.us.example\n", "", &[])), (MatchKind::None, None));
    let fixed = ["fbl@bounces.us.example".to_owned()];
    let ours = Ours { fixed: &fixed, ..ours() };
    let evidence = Evidence::of_envelope(Some("fbl@bounces.us.example"), &Headers::default(), &ours);
    assert!(!evidence.without_token);
}

#[test]
fn a_token_that_the_rest_contradicts_is_a_mismatch() {
    let envelope = format!("To: <b+{}@bounces.us.example>\n", token('a'));
    let mismatch = (MatchKind::Mismatch, Some(A));
    assert_eq!(decided(&evidence(&envelope, &format!("X-Besked-Delivery: {B}\n"), &[])), mismatch);
    assert_eq!(decided(&evidence(&envelope, &format!("Message-ID: <{B}@us.example>\n"), &[])), mismatch);
    assert_eq!(decided(&evidence(&envelope, "", &["stranger@x.example"])), mismatch);
    assert_eq!(decided(&evidence(&envelope, "", &["stranger@x.example", "ANNA@x.example"])).0, MatchKind::Token);
    let without_look_up = evidence(&envelope, "To: Anna <anna@x.example>\n", &["stranger@x.example"]);
    assert_eq!(decide(MessageKind::Dsn, &without_look_up, &ours(), None).kind, MatchKind::Mismatch);
    let answered = format!("{envelope}References: <{B}@us.example>\n");
    assert_eq!(decided(&evidence(&answered, "", &[])).0, MatchKind::Token);
}
