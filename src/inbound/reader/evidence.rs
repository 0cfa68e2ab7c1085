//! What ties a message to one of our deliveries: what the message itself shows, and the decision once it is looked up.
//!
//! Only a token proves that its sender saw the mail. Everything else is known to every recipient.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::report::{MatchKind, MessageKind, Report};
use crate::inbound::reader::address;
use crate::inbound::reader::mime::headers::Headers;

/// What is ours: the domains, and who checks a token.
pub struct Ours<'a> {
    /// The domain of return paths, in lower case.
    pub bounce_domain: &'a str,
    /// The domain of our Message-IDs, in lower case.
    pub message_domain: &'a str,
    /// Addresses at the bounce domain that need no token, such as that of a feedback loop.
    pub fixed: &'a [String],
    /// The delivery that the local part `b+TOKEN` or `reply+TOKEN` names; `None` if it was made up. It must compare in
    /// constant time.
    pub verify: &'a dyn Fn(&str) -> Option<Uuid>,
}

/// What a message shows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The delivery of a valid token in the envelope's recipient, or in the header that stands for it.
    pub token: Option<Uuid>,
    /// The delivery of a valid token in the returned message or in a field of the report.
    pub returned_token: Option<Uuid>,
    /// The local part whose token named the delivery.
    pub came_to: Option<String>,
    /// Somewhere an address has the form of ours and a token that is wrong.
    pub wrong_token: bool,
    /// It came to our bounce domain without any token.
    pub without_token: bool,
    /// `X-Besked-Delivery` of the returned message.
    pub delivery: Option<Uuid>,
    /// Message-IDs that may be ours, without brackets: of the returned message and of the report's fields first.
    pub message_ids: Vec<String>,
    /// How many of the first of them are of the returned message, which speaks of one delivery only.
    pub returned_ids: usize,
    /// To whom the returned message is addressed, if it is to one.
    pub returned_to: Option<String>,
    /// Every address that the report names as a recipient, an original recipient or an alias.
    pub named: Vec<String>,
}

/// What a look-up knows of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// The delivery.
    pub delivery: Uuid,
    /// The address that was mailed.
    pub address: String,
    /// Its Message-ID without brackets.
    pub message_id: String,
}

/// The decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Match {
    /// How.
    pub kind: MatchKind,
    /// Which; for `forged` and `none` no delivery.
    pub delivery: Option<Uuid>,
}

/// Characters of base 32, of which a token consists.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric()
}

/// Length of a token: 24 bytes in base 32 without padding.
const TOKEN: usize = 39;

/// How many places in one text are looked at.
const MOST: usize = 200;

/// An address or text that may hold a token.
enum Claim {
    Valid(Uuid),
    Wrong,
    Nothing,
}

impl Ours<'_> {
    /// What an envelope's recipient is: the local part must be a token's and nothing else.
    fn envelope(&self, recipient: &str) -> Claim {
        let recipient = recipient.trim().trim_matches(['<', '>']);
        let Some((local, domain)) = recipient.rsplit_once('@') else { return Claim::Nothing };
        if !has_prefix(local) {
            return Claim::Nothing;
        }
        match (self.verify)(local) {
            Some(delivery) => Claim::Valid(delivery),
            None if domain.eq_ignore_ascii_case(self.bounce_domain) => Claim::Wrong,
            None => Claim::Nothing,
        }
    }

    /// True for an address at the bounce domain that should have a token and has none.
    fn lacks_token(&self, recipient: &str) -> bool {
        let recipient = recipient.trim().trim_matches(['<', '>']);
        let Some((local, domain)) = recipient.rsplit_once('@') else { return false };
        let at_ours = domain.eq_ignore_ascii_case(self.bounce_domain) && !has_prefix(local);
        at_ours && !self.fixed.iter().any(|fixed| address::same(fixed, recipient))
    }

    /// The first valid token anywhere in a text, also within a rewritten address (SRS, BATV); else whether there is a wrong one.
    fn within(&self, text: &str) -> Claim {
        let mut wrong = false;
        for (plus, _) in text.match_indices('+').take(MOST) {
            let Some(prefix) = PREFIXES.iter().find(|prefix| ends_with_word(&text[..plus], prefix)) else { continue };
            let after = &text[plus + 1..];
            let token = &after[..after.find(|c: char| !is_token(c)).unwrap_or(after.len())];
            if token.len() == TOKEN
                && let Some(delivery) = (self.verify)(&format!("{prefix}+{token}"))
            {
                return Claim::Valid(delivery);
            }
            let domain = after[token.len()..].strip_prefix('@').unwrap_or_default();
            wrong |= domain
                .get(..self.bounce_domain.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(self.bounce_domain));
        }
        if wrong { Claim::Wrong } else { Claim::Nothing }
    }

    /// A bare token, as in `X-Besked-Token` or an envelope id.
    fn bare(&self, value: &str) -> Claim {
        let value = value.trim().trim_matches(['<', '>']);
        if value.len() == TOKEN && value.chars().all(is_token) {
            return (self.verify)(&format!("b+{value}")).map_or(Claim::Wrong, Claim::Valid);
        }
        self.within(value)
    }
}

/// What a token stands behind: the return path's, and that of replies.
const PREFIXES: [&str; 2] = ["b", "reply"];

fn has_prefix(local: &str) -> bool {
    local.split_once('+').is_some_and(|(before, _)| PREFIXES.iter().any(|prefix| before.eq_ignore_ascii_case(prefix)))
}

/// True if a text ends with a word, in any case, and no letter or digit stands before it.
fn ends_with_word(text: &str, word: &str) -> bool {
    let Some(start) = text.len().checked_sub(word.len()) else { return false };
    let Some(end) = text.get(start..) else { return false };
    end.eq_ignore_ascii_case(word) && !text[..start].ends_with(|c: char| c.is_ascii_alphanumeric())
}

/// Headers that hold the envelope's recipient, the surest first.
const ENVELOPE: &[&str] =
    &["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-rcpt-to", "x-apparently-to"];

impl Evidence {
    /// Reads what a message shows of its own envelope.
    #[must_use]
    pub fn of_envelope(recipient: Option<&str>, headers: &Headers<'_>, ours: &Ours<'_>) -> Self {
        let mut evidence = Self::default();
        let mut places: Vec<String> = recipient.map(str::to_owned).into_iter().collect();
        places.extend(ENVELOPE.iter().flat_map(|name| headers.all(name)).filter_map(|value| only_address(&value)));
        places.extend(headers.get("received").and_then(|value| received_for(&value)));
        places.extend(headers.all("to").flat_map(|value| addresses(&value)));
        for place in &places {
            evidence.take(ours.envelope(place), place);
            evidence.without_token |= ours.lacks_token(place);
        }
        // A person answers to more than one message: what is answered comes first.
        let answered = ["in-reply-to", "references"].iter().flat_map(|name| headers.all(name));
        evidence.message_ids = answered.flat_map(|value| message_ids(&value)).collect();
        evidence
    }

    /// Takes a claim of the envelope.
    fn take(&mut self, claim: Claim, place: &str) {
        match claim {
            Claim::Valid(_) if self.token.is_some() => {}
            Claim::Valid(delivery) => {
                self.token = Some(delivery);
                self.came_to = place.trim_matches(['<', '>', ' ']).rsplit_once('@').map(|(local, _)| local.to_owned());
            }
            Claim::Wrong => self.wrong_token = true,
            Claim::Nothing => {}
        }
    }

    /// Takes a claim of the returned message or of a field.
    fn take_returned(&mut self, claim: Claim) {
        match claim {
            Claim::Valid(delivery) => self.returned_token = self.returned_token.or(Some(delivery)),
            Claim::Wrong => self.wrong_token = true,
            Claim::Nothing => {}
        }
    }

    /// Adds what the headers of a returned message show.
    pub fn add_returned(&mut self, headers: &Headers<'_>, ours: &Ours<'_>) {
        for (name, value) in headers.iter() {
            let value = String::from_utf8_lossy(&value[..value.len().min(2_000)]);
            let claim =
                if name.eq_ignore_ascii_case(b"x-besked-token") { ours.bare(&value) } else { ours.within(&value) };
            self.take_returned(claim);
        }
        if self.delivery.is_none() {
            self.delivery = headers.get("x-besked-delivery").and_then(|value| value.parse().ok());
        }
        let ids: Vec<String> = headers.get("message-id").iter().flat_map(|value| message_ids(value)).collect();
        self.add_ids(ids);
        let to: Vec<String> = headers.all("to").flat_map(|value| addresses(&value)).collect();
        if let [to] = to.as_slice() {
            self.returned_to = self.returned_to.take().or_else(|| Some(to.clone()));
        }
    }

    /// Adds what a field of a report shows, such as `Original-Mail-From` or `Original-Envelope-Id`.
    pub fn add_field(&mut self, name: &str, value: &str, ours: &Ours<'_>) {
        let bare = matches!(name, "original-envelope-id" | "x-original-envelope-id");
        self.take_returned(if bare { ours.bare(value) } else { ours.within(value) });
        // We send the delivery's id as the envelope's.
        if bare && self.delivery.is_none() {
            self.delivery = value.trim().parse().ok();
        }
        if matches!(name, "original-message-id" | "x-original-message-id") {
            self.add_ids(message_ids(value));
        }
    }

    /// Adds what a report for people shows.
    pub fn add_text(&mut self, text: &str, ours: &Ours<'_>) {
        self.take_returned(ours.within(text));
    }

    fn add_ids(&mut self, ids: Vec<String>) {
        for id in ids {
            if !self.message_ids[..self.returned_ids].contains(&id) {
                self.message_ids.insert(self.returned_ids, id);
                self.returned_ids += 1;
            }
        }
    }

    /// Adds the addresses that the reports name.
    pub fn add_reports(&mut self, reports: &[Report], aliases: &[String]) {
        let of_reports = reports.iter().flat_map(|report| [&report.recipient, &report.original_recipient]).flatten();
        let all: BTreeSet<&String> = of_reports.chain(aliases).collect();
        self.named = all.into_iter().cloned().collect();
    }

    /// The deliveries to look up.
    #[must_use]
    pub fn deliveries(&self) -> Vec<Uuid> {
        let all: BTreeSet<Uuid> = [self.token, self.returned_token, self.delivery].into_iter().flatten().collect();
        all.into_iter().collect()
    }
}

/// Decides what a message is tied to. `known` is what was found for the evidence's deliveries, Message-IDs and addresses;
/// `None` if there is no database to look in.
#[must_use]
pub fn decide(kind: MessageKind, evidence: &Evidence, ours: &Ours<'_>, known: Option<&[Known]>) -> Match {
    let of_token = evidence.token.map(|token| (MatchKind::Token, token));
    let of_token = of_token.or_else(|| evidence.returned_token.map(|token| (MatchKind::TokenInReturnedPart, token)));
    if let Some((match_kind, delivery)) = of_token {
        let contradicted = contradicts(kind, evidence, ours, known, delivery);
        return Match { kind: if contradicted { MatchKind::Mismatch } else { match_kind }, delivery: Some(delivery) };
    }
    let own_id = evidence.message_ids.iter().find_map(|id| delivery_of(id, ours, known));
    let claims = evidence.delivery.is_some() || own_id.is_some();
    if evidence.wrong_token || evidence.without_token && claims {
        return Match { kind: MatchKind::Forged, delivery: None };
    }
    let of_header = evidence.delivery.filter(|delivery| known.is_none_or(|known| is_known(known, *delivery)));
    let by_address = || {
        let known = known.unwrap_or_default();
        let named =
            evidence.named.iter().find_map(|name| known.iter().find(|known| address::same(&known.address, name)));
        // What is returned has a Message-ID, and it is none of ours: a report about a mail that was never sent.
        named.filter(|_| evidence.returned_ids == 0 && matches!(kind, MessageKind::Dsn | MessageKind::Arf))
    };
    // A receipt's own field is what it says of the message (RFC 8098 section 3.2.5), before what it returns.
    let receipt = own_id.filter(|_| kind == MessageKind::Mdn);
    if let Some(delivery) = receipt {
        Match { kind: MatchKind::MessageId, delivery: Some(delivery) }
    } else if let Some(delivery) = of_header {
        Match { kind: MatchKind::DeliveryHeader, delivery: Some(delivery) }
    } else if let Some(delivery) = own_id {
        Match { kind: MatchKind::MessageId, delivery: Some(delivery) }
    } else if let Some(known) = by_address() {
        Match { kind: MatchKind::Address, delivery: Some(known.delivery) }
    } else {
        Match { kind: MatchKind::None, delivery: None }
    }
}

fn is_known(known: &[Known], delivery: Uuid) -> bool {
    known.iter().any(|known| known.delivery == delivery)
}

/// The delivery of a Message-ID: the look-up's answer, without one the id's own local part.
fn delivery_of(id: &str, ours: &Ours<'_>, known: Option<&[Known]>) -> Option<Uuid> {
    if let Some(known) = known {
        return known.iter().find(|known| address::same(&known.message_id, id)).map(|known| known.delivery);
    }
    let (local, domain) = id.rsplit_once('@')?;
    if domain.eq_ignore_ascii_case(ours.message_domain) { local.parse().ok() } else { None }
}

/// True if the rest of a message speaks of another delivery than its token, or of an address that was never mailed.
fn contradicts(kind: MessageKind, evidence: &Evidence, ours: &Ours<'_>, known: Option<&[Known]>, token: Uuid) -> bool {
    if evidence.delivery.is_some_and(|delivery| delivery != token) {
        return true;
    }
    if evidence.token.is_some() && evidence.returned_token.is_some_and(|returned| returned != token) {
        return true;
    }
    let returned = &evidence.message_ids[..evidence.returned_ids];
    if returned.iter().filter_map(|id| delivery_of(id, ours, known)).any(|delivery| delivery != token) {
        return true;
    }
    let of_look_up = known.unwrap_or_default().iter().find(|known| known.delivery == token).map(|known| &known.address);
    let mailed = of_look_up.or(evidence.returned_to.as_ref());
    kind == MessageKind::Dsn
        && !evidence.named.is_empty()
        && mailed.is_some_and(|mailed| !evidence.named.iter().any(|named| address::same(named, mailed)))
}

/// The address of a header that has one.
fn only_address(value: &str) -> Option<String> {
    address::first(value).map(str::to_owned)
}

/// The addresses of a header, at most a hundred.
#[must_use]
pub fn addresses(value: &str) -> Vec<String> {
    address::find(value).into_iter().take(100).map(|range| value[range].to_owned()).collect()
}

/// The recipient that a server names in `Received` (RFC 5321 section 4.4).
#[must_use]
pub fn received_for(value: &str) -> Option<String> {
    let lower = value.to_ascii_lowercase();
    let start = lower.find(" for ")? + 5;
    only_address(value[start..].split(';').next()?)
}

/// The Message-IDs of a header, without their brackets.
fn message_ids(value: &str) -> Vec<String> {
    let ids = value.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | '"'));
    ids.filter(|id| id.contains('@') && id.len() < 250).take(50).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
