//! The mail to support: what the person wrote as plain text first, then their mail as it came, attached whole. So signatures stay
//! valid, nothing from outside is shown as HTML, and what the text cannot show is still there.
//!
//! Support answers the person: the `Reply-To` is theirs. Whatever a message from outside has under our own names is left out.

use std::borrow::Cow;
use std::fmt::Write as _;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, MultiPartKind, SinglePart};
use memchr::{memchr, memchr_iter, memchr2};
use uuid::Uuid;

use crate::config::Config;
use crate::domain::address::Address;
use crate::domain::digest::sha256;
use crate::inbound::reader::bounds::Bounds;
use crate::inbound::reader::letter::Letter;
use crate::inbound::reader::mime::headers::Headers;
use crate::mail::compose::message::{self, MessageError, message_id};
use crate::store::notices::Kept;
use crate::store::sending::deliveries::Shown;

/// The longest text of a reply that stands in the mail itself, in characters. The whole is in what is attached.
const LONGEST_TEXT: usize = 20_000;

/// The longest subject that is taken over, in characters.
const LONGEST_SUBJECT: usize = 300;

/// The longest name that is taken over, in characters.
const LONGEST_NAME: usize = 60;

/// The longest line of a message, in octets without its end (RFC 5322 section 2.1.1).
const LONGEST_LINE: usize = 998;

/// What is known of a reply beside its bytes.
pub(super) struct About {
    /// The message that came.
    pub inbound_id: Uuid,
    /// When it came: the Date of the mail, the same at every attempt.
    pub came_at: Timestamp,
    /// The delivery that it answers.
    pub delivery: Shown,
    /// Its notice.
    pub notice: Kept,
    /// How much of a message is read.
    pub bounds: Bounds,
}

/// A mail to support.
pub(super) struct Parcel {
    /// As it is sent to most servers.
    usual: Vec<u8>,
    /// For servers that take ASCII only, if the usual form has more.
    seven_bit: Option<Vec<u8>>,
}

impl Parcel {
    /// The form for a server.
    pub(super) fn form(&self, eight_bit: bool) -> &[u8] {
        self.seven_bit.as_ref().filter(|_| !eight_bit).unwrap_or(&self.usual)
    }
}

/// The person who replied.
pub(super) struct Person {
    /// Their name, as they write it; it may be empty.
    name: String,
    /// Where answers go.
    address: Address,
    /// The address in `From`, if answers go elsewhere.
    from: Option<Address>,
}

impl Person {
    /// Reads the person from a message: its `Reply-To`, else its `From`, unless answers would come back to us.
    pub(super) fn of(headers: &Headers<'_>, is_own: impl Fn(&Address) -> bool) -> Option<Self> {
        let from = headers.get("from").unwrap_or_default();
        let places = headers.get("reply-to").into_iter().chain([from.clone()]);
        let addresses = places.filter_map(|place| {
            let address = crate::inbound::reader::address::first(&place)?;
            Address::parse(address).ok().filter(|address| !is_own(address))
        });
        let address = { addresses }.next()?;
        let sender = crate::inbound::reader::address::first(&from).and_then(|from| Address::parse(from).ok());
        let name = from.split('<').next().unwrap_or_default();
        let name = name.trim().trim_matches(['"', '\'']).replace('\\', "");
        // An address in place of a name says nothing more.
        let name = if name.contains('@') { String::new() } else { line(&name, LONGEST_NAME) };
        Some(Self { name, from: sender.filter(|sender| *sender != address), address })
    }

    fn called(&self) -> &str {
        if self.name.is_empty() { self.address.as_str() } else { &self.name }
    }
}

/// Makes the mail. The same reply has the same bytes every time.
///
/// # Errors
/// If lettre does not accept a part of it.
pub(super) fn compose(config: &Config, about: &About, person: &Person, bytes: &[u8]) -> Result<Parcel, MessageError> {
    let own = without_ours(bytes);
    let text = text(config, about, person, bytes);
    let make = |attached: SinglePart| mail(config, about, person, bytes, (&text, attached));
    if !is_regular(&own) {
        return Ok(Parcel { usual: make(as_file(own.into_owned())?)?, seven_bit: None });
    }
    let own = with_crlf(own);
    let seven_bit = if own.is_ascii() { None } else { Some(make(as_file(own.clone())?)?) };
    Ok(Parcel { usual: make(as_message(own))?, seven_bit })
}

/// The mail with its two parts.
fn mail(
    config: &Config,
    about: &About,
    person: &Person,
    bytes: &[u8],
    (text, attached): (&str, SinglePart),
) -> Result<Vec<u8>, MessageError> {
    let (sender, headers) = (&config.sender, Headers::of(bytes, about.bounds.headers));
    let ours = sender.from.name.as_deref().unwrap_or(&config.organisation.name);
    let from = Mailbox::new(Some(format!("{} via {ours}", person.called())), sender.from.email.clone());
    let to = Address::parse(sender.reply_to.email.as_ref()).map_err(MessageError::new)?;
    let answers = lettre::Address::new_dangerous(person.address.local(), person.address.domain());
    let answers = Mailbox::new(Some(person.name.clone()).filter(|name| !name.is_empty()), answers);
    let name = sender.reply_to.name.as_deref().unwrap_or_default();
    let notice_id = message_id(about.delivery.id, &about.notice.message_domain);
    let replied = headers.get("message-id").filter(|id| is_message_id(id));
    let references = [Some(notice_id.clone()), replied].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let mut builder = message::begin((&from, &answers), &to, name, about.came_at)?
        .subject(subject(&headers, &about.notice))
        // Not an id of the message that came: the same reply forwarded twice has the same one.
        .message_id(Some(message_id(about.inbound_id, sender.domain())))
        .in_reply_to(notice_id)
        .references(references);
    for (name, value) in own_headers(config, about) {
        builder = builder.raw_header(HeaderValue::new(HeaderName::new_from_ascii_str(name), value));
    }
    // Nobody can write a message that contains its own hash.
    let boundary = format!("=_{}", HEXLOWER.encode(&sha256(bytes)[..16]));
    let text = SinglePart::builder().header(ContentType::TEXT_PLAIN).body(text.to_owned());
    let parts =
        MultiPart::builder().kind(MultiPartKind::Mixed).boundary(boundary).singlepart(text).singlepart(attached);
    message::finish(&builder.multipart(parts)?, &config.keys_for(&sender.from), about.came_at)
}

/// What support's system can sort by. An erased person has no account.
fn own_headers(config: &Config, about: &About) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("X-Besked-Notice", about.notice.id.to_string()),
        ("X-Besked-Delivery", about.delivery.id.to_string()),
        ("X-Besked-Loop", config.ledger.origin.to_string()),
        ("Auto-Submitted", "auto-generated".to_owned()),
    ];
    if !about.delivery.account_id.is_empty() {
        headers.insert(0, ("X-Besked-Account", line(&about.delivery.account_id, LONGEST_SUBJECT)));
    }
    headers
}

/// The subject of the reply, with the notice's reference.
fn subject(headers: &Headers<'_>, notice: &Kept) -> String {
    let mut subject = line(&headers.get("subject").unwrap_or_default(), LONGEST_SUBJECT);
    if subject.is_empty() {
        "Reply without a subject".clone_into(&mut subject);
    }
    referring(subject, notice)
}

/// A subject with the notice's reference, unless it has it.
fn referring(subject: String, notice: &Kept) -> String {
    match &notice.reference {
        Some(reference) if !subject.contains(reference.as_str()) => format!("{subject} [{reference}]"),
        _ => subject,
    }
}

/// The text that stands first.
fn text(config: &Config, about: &About, person: &Person, bytes: &[u8]) -> String {
    let About { delivery, notice, .. } = about;
    let customer = match (delivery.account_id.as_str(), delivery.customer_name.as_str()) {
        ("", _) => "erased".to_owned(),
        (account, "") => account.to_owned(),
        (account, name) => format!("{account} ({name})"),
    };
    let mut text = format!(
        "{} answered a notice of {}. Your answer to this mail goes to {}.\n\nCustomer: {customer}\nNotice:   {}\n",
        person.called(),
        config.organisation.name,
        person.address,
        referring(line(&notice.subject, LONGEST_SUBJECT), notice),
    );
    if let Some(from) = &person.from {
        // Writing into a string does not fail.
        let _ = writeln!(text, "From:     {from}, who asks for answers to {}", person.address);
    }
    let is_another = !delivery.email.is_empty() && !delivery.email.eq_ignore_ascii_case(person.address.as_str());
    if is_another {
        let _ = writeln!(text, "Sent to:  {}, which is another address than the reply's", delivery.email);
    }
    text.push_str(
        "\nThe writer has seen the notice. Whether the sender's address is genuine was not checked. The mail as it came is attached.\n",
    );
    let read = Letter::read(bytes, &about.bounds).map(|letter| letter.text).unwrap_or_default();
    let read = read.trim();
    if !read.is_empty() {
        text.push_str("\n----------------------------------------\n\n");
        text.extend(read.chars().filter(|c| matches!(c, '\n' | '\t') || is_shown(*c)).take(LONGEST_TEXT));
        let rest =
            if read.chars().nth(LONGEST_TEXT).is_some() { "\n\n[The rest is in the attached mail.]\n" } else { "\n" };
        text.push_str(rest);
    }
    text
}

/// A text from outside as one line of bounded length.
fn line(text: &str, most: usize) -> String {
    let shown: String = text.chars().map(|c| if is_shown(c) { c } else { ' ' }).collect();
    let line: String = shown.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(most).collect();
    line.trim().to_owned()
}

/// False for control characters, and for those that turn the direction of what follows.
fn is_shown(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// True for an id as RFC 5322 has it, of a length that fits on a line.
fn is_message_id(id: &str) -> bool {
    id.len() < 250
        && id.starts_with('<')
        && id.ends_with('>')
        && id.matches(['<', '>']).count() == 2
        && id.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The message as an attached message.
fn as_message(bytes: Vec<u8>) -> SinglePart {
    let encoding = if bytes.is_ascii() { ContentTransferEncoding::SevenBit } else { ContentTransferEncoding::EightBit };
    attached("message/rfc822", Body::dangerous_pre_encoded(bytes, encoding))
}

/// The message as an attached file: RFC 2046 section 5.2.1 allows an attached message no encoding, so what cannot be sent as it is
/// needs another type. Mail programs know it by the name of the file.
fn as_file(bytes: Vec<u8>) -> Result<SinglePart, MessageError> {
    let body = Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
        .map_err(|_| MessageError::new("its bytes cannot be encoded"))?;
    Ok(attached("application/octet-stream", body))
}

fn attached(kind: &str, body: Body) -> SinglePart {
    let kind = ContentType::parse(kind).expect("the types above are types");
    SinglePart::builder().header(kind).header(ContentDisposition::attachment("reply.eml")).body(body)
}

/// A message without the fields of its head that have our names, and without the line that an mbox file puts before it.
fn without_ours(bytes: &[u8]) -> Cow<'_, [u8]> {
    const OURS: &[u8] = b"x-besked-";
    let mut kept: Vec<&[u8]> = Vec::new();
    let (mut at, mut kept_from, mut drops) = (0, 0, false);
    while at < bytes.len() {
        let end = memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |end| at + end + 1);
        let line = &bytes[at..end];
        if line.trim_ascii_end().is_empty() {
            break;
        }
        let continues = line.starts_with(b" ") || line.starts_with(b"\t");
        let is_ours = line.get(..OURS.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(OURS));
        let begins_mbox = at == 0 && (line.starts_with(b"From ") || line.starts_with(b">From "));
        let dropped = if continues { drops } else { is_ours || begins_mbox };
        match (drops, dropped) {
            (false, true) => kept.push(&bytes[kept_from..at]),
            (true, false) => kept_from = at,
            _ => {}
        }
        (drops, at) = (dropped, end);
    }
    if kept.is_empty() {
        return Cow::Borrowed(bytes);
    }
    kept.push(&bytes[if drops { at } else { kept_from }..]);
    Cow::Owned(kept.concat())
}

/// True if a message can be sent as it is, but for the ends of its lines: they are not too long, nothing in it ends a line that is no
/// end of one, and its head is ASCII.
fn is_regular(bytes: &[u8]) -> bool {
    let mut start = 0;
    let mut in_head = true;
    for end in memchr_iter(b'\n', bytes).chain([bytes.len()]) {
        let line = bytes[start..end].strip_suffix(b"\r").unwrap_or(&bytes[start..end]);
        in_head &= !line.is_empty();
        if line.len() > LONGEST_LINE || memchr2(b'\r', b'\0', line).is_some() || in_head && !line.is_ascii() {
            return false;
        }
        start = end + 1;
    }
    true
}

/// A message whose lines all end in CRLF.
fn with_crlf(bytes: Cow<'_, [u8]>) -> Vec<u8> {
    let is_crlf = memchr_iter(b'\n', &bytes).all(|at| at > 0 && bytes[at - 1] == b'\r');
    if is_crlf {
        return bytes.into_owned();
    }
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 40);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(line) => {
                out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
                out.extend_from_slice(b"\r\n");
            }
            None => out.extend_from_slice(line),
        }
    }
    out
}

#[cfg(test)]
mod tests;
