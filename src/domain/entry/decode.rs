//! Reading an entry's bodies back. There is one spelling: whatever is read here is written again byte for byte, so that no two
//! readings of the same bytes can differ.

use jiff::Timestamp;
use minicbor::Decoder;
use thiserror::Error;
use uuid::Uuid;

use super::{Batch, Detail, Event, Fact, Manifest, Person, Run, who};
use crate::domain::clock::from_millis;
use crate::domain::delivery::Outcome;
use crate::domain::report::Statement;

/// Why bytes are not an entry's.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// They are not the CBOR that is documented.
    #[error("{0} is not the array that is documented")]
    Form(&'static str),
    /// They are that CBOR in another spelling than the canonical one.
    #[error("{0} is not in canonical form")]
    NotCanonical(&'static str),
    /// They are not a leaf.
    #[error("the leaf is not CBOR [1, 32 bytes, 32 bytes]")]
    Leaf,
}

type Cbor<'b> = Decoder<'b>;
type Read<T> = Result<T, minicbor::decode::Error>;

impl Fact {
    /// Reads a fact.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not exactly what [`Fact::to_cbor`] writes.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        let fact = Self::read(bytes)?;
        if fact.to_cbor() == bytes { Ok(fact) } else { Err(DecodeError::NotCanonical("the fact")) }
    }
}

impl Fact {
    /// Reads a fact that a commitment vouches for: whether it is in canonical form was decided when it was made.
    ///
    /// # Errors
    /// [`DecodeError::Form`] if the bytes are not a fact.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        fact(&mut Decoder::new(bytes)).map_err(|_| DecodeError::Form("the fact"))
    }
}

impl Person {
    /// Reads a person.
    ///
    /// # Errors
    /// [`DecodeError`] if the bytes are not exactly what [`Person::to_cbor`] writes.
    pub fn from_cbor(bytes: &[u8]) -> Result<Self, DecodeError> {
        let person = person(&mut Decoder::new(bytes)).map_err(|_| DecodeError::Form("the person"))?;
        if person.to_cbor() == bytes { Ok(person) } else { Err(DecodeError::NotCanonical("the person")) }
    }
}

/// What an audit needs of a person, without copying the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief<'b> {
    /// Role addressed.
    pub role: &'b str,
    /// SHA-256 of the message as sent.
    pub sha256: Option<[u8; 32]>,
    /// The server's reply.
    pub reply: &'b str,
    /// The customer's name at release.
    pub customer_name: &'b str,
}

impl<'b> Brief<'b> {
    /// Reads it from a person's bytes, which a commitment vouches for.
    ///
    /// # Errors
    /// [`DecodeError::Form`] if the bytes are not a person.
    pub fn read(person: &'b [u8]) -> Result<Self, DecodeError> {
        let read = |cbor: &mut Cbor<'b>| -> Read<Self> {
            length(cbor, 11)?;
            for _ in 0..2 {
                cbor.skip()?;
            }
            let role = cbor.str()?;
            let sha256 = maybe(cbor, bytes)?;
            for _ in 0..5 {
                cbor.skip()?;
            }
            Ok(Self { role, sha256, reply: cbor.str()?, customer_name: cbor.str()? })
        };
        read(&mut Decoder::new(person)).map_err(|_| DecodeError::Form("the person"))
    }
}

/// The two commitments in a leaf: to the fact and to the person.
///
/// # Errors
/// [`DecodeError::Leaf`] if it is not one.
pub fn commitments(leaf: &[u8]) -> Result<([u8; 32], [u8; 32]), DecodeError> {
    // `[1, 32 bytes, 32 bytes]` has one spelling, of 70 bytes.
    let read = || Some((leaf.get(..4)?, leaf.get(4..36)?, leaf.get(36..38)?, leaf.get(38..)?));
    match read() {
        Some((&[0x83, 0x01, 0x58, 0x20], fact, &[0x58, 0x20], person)) => {
            let array = |bytes: &[u8]| bytes.try_into().map_err(|_| DecodeError::Leaf);
            Ok((array(fact)?, array(person)?))
        }
        _ => Err(DecodeError::Leaf),
    }
}

/// Account id and address of a recipient's `who`.
///
/// # Errors
/// [`DecodeError`] if the bytes are not exactly what [`who`] writes.
pub fn parse_who(bytes: &[u8]) -> Result<(String, String), DecodeError> {
    let read = |cbor: &mut Cbor<'_>| -> Read<(String, String)> {
        length(cbor, 2)?;
        Ok((text(cbor)?, text(cbor)?))
    };
    let (account_id, address) = read(&mut Decoder::new(bytes)).map_err(|_| DecodeError::Form("`who`"))?;
    let canonical = who(&account_id, &address) == bytes;
    if canonical { Ok((account_id, address)) } else { Err(DecodeError::NotCanonical("`who`")) }
}

fn fact(cbor: &mut Cbor<'_>) -> Read<Fact> {
    length(cbor, 10)?;
    let notice = if nothing(cbor)? {
        cbor.null()?;
        cbor.null()?;
        None
    } else {
        Some((Uuid::from_bytes(bytes(cbor)?), word(cbor)?, bytes(cbor)?))
    };
    let event = word(cbor)?;
    let ordinal = maybe(cbor, |cbor| cbor.u64())?;
    let level = maybe(cbor, word)?;
    let at = time(cbor)?;
    let attempt = maybe(cbor, |cbor| cbor.u32())?;
    let status_class = maybe(cbor, |cbor| cbor.u8())?;
    let detail = detail(cbor, event)?;
    Ok(Fact { notice, event, ordinal, level, at, attempt, status_class, detail })
}

fn detail(cbor: &mut Cbor<'_>, event: Event) -> Read<Detail> {
    let items = cbor.array()?.ok_or_else(other)?;
    match (event, items) {
        (Event::Manifest, 6) => Ok(Detail::Manifest(Manifest {
            count: cbor.u64()?,
            root: bytes(cbor)?,
            customers: cbor.u64()?,
            unaddressed: cbor.u64()?,
            unaddressed_root: bytes(cbor)?,
            shown: bytes(cbor)?,
        })),
        (Event::Addressed, 3) => {
            Ok(Detail::Addressed(Batch { first: cbor.u64()?, count: cbor.u64()?, root: bytes(cbor)? }))
        }
        (Event::Attested, 2) => {
            Ok(Detail::Attested { id: Uuid::from_bytes(bytes(cbor)?), told_at: maybe(cbor, time)? })
        }
        (Event::Rejected, 1) => {
            let said = cbor.str()?;
            let reason = said.parse().map(Detail::NotSent);
            reason.or_else(|_| said.parse().map(Detail::Withdrawn)).map_err(|_| other())
        }
        (Event::Accepted | Event::Delivered | Event::Uncertain | Event::Bounced | Event::Expired, 1) => {
            Ok(Detail::Withdrawn(word(cbor)?))
        }
        (Event::Bounced | Event::Delivered | Event::Reported, 7) => Ok(Detail::Report(Statement {
            kind: word(cbor)?,
            tie: word(cbor)?,
            action: word(cbor)?,
            status: maybe(cbor, word)?,
            verdict: word(cbor)?,
            dkim: word(cbor)?,
            digest: bytes(cbor)?,
        })),
        (Event::Closed, items) if items % 2 == 0 => {
            let counts: Read<Vec<(Outcome, u64)>> = (0..items / 2).map(|_| Ok((word(cbor)?, cbor.u64()?))).collect();
            Ok(Detail::Closed(counts?))
        }
        (Event::PreferenceChanged, 2) => Ok(Detail::Preference { category: word(cbor)?, opted_out: flag(cbor)? }),
        (Event::Restricted | Event::Rectified, 1) => Ok(Detail::Flag(flag(cbor)?)),
        (Event::Erased | Event::Purged, items) if items % 2 == 1 => {
            let ground = text(cbor)?;
            let run = |_| Ok(Run { first: cbor.u64()?, count: cbor.u64()? });
            Ok(Detail::Cleared { ground, entries: (0..items / 2).map(run).collect::<Read<_>>()? })
        }
        (Event::KeyRotated, 2) => Ok(Detail::Keys { old: text(cbor)?, new: text(cbor)? }),
        (Event::Continued, 3) => Ok(Detail::Continued { reason: text(cbor)?, size: cbor.u64()?, root: bytes(cbor)? }),
        (Event::Operated, 2) => {
            Ok(Detail::Operated { action: word(cbor)?, object: maybe(cbor, bytes)?.map(Uuid::from_bytes) })
        }
        (_, 0) => Ok(Detail::None),
        _ => Err(other()),
    }
}

fn person(cbor: &mut Cbor<'_>) -> Read<Person> {
    length(cbor, 11)?;
    Ok(Person {
        account_id: text(cbor)?,
        address: text(cbor)?,
        role: text(cbor)?,
        sha256: maybe(cbor, bytes)?,
        message_id: text(cbor)?,
        envelope_sender: text(cbor)?,
        relay: text(cbor)?,
        host: text(cbor)?,
        tls: text(cbor)?,
        reply: text(cbor)?,
        customer_name: text(cbor)?,
    })
}

fn other() -> minicbor::decode::Error {
    minicbor::decode::Error::message("not what is documented")
}

fn length(cbor: &mut Cbor<'_>, expected: u64) -> Read<()> {
    if cbor.array()? == Some(expected) { Ok(()) } else { Err(other()) }
}

fn text(cbor: &mut Cbor<'_>) -> Read<String> {
    Ok(cbor.str()?.to_owned())
}

fn bytes<const N: usize>(cbor: &mut Cbor<'_>) -> Read<[u8; N]> {
    cbor.bytes()?.try_into().map_err(|_| other())
}

fn word<T: std::str::FromStr>(cbor: &mut Cbor<'_>) -> Read<T> {
    cbor.str()?.parse().map_err(|_| other())
}

fn time(cbor: &mut Cbor<'_>) -> Read<Timestamp> {
    i64::try_from(cbor.u64()?).map(from_millis).map_err(|_| other())
}

fn flag(cbor: &mut Cbor<'_>) -> Read<bool> {
    match cbor.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(other()),
    }
}

/// Reads a null, if there is one.
fn nothing(cbor: &mut Cbor<'_>) -> Read<bool> {
    let null = cbor.datatype()? == minicbor::data::Type::Null;
    if null {
        cbor.null()?;
    }
    Ok(null)
}

fn maybe<'b, T>(cbor: &mut Cbor<'b>, read: impl FnOnce(&mut Cbor<'b>) -> Read<T>) -> Read<Option<T>> {
    if nothing(cbor)? { Ok(None) } else { read(cbor).map(Some) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::actor;
    use crate::domain::category::Category;
    use crate::domain::delivery::{Level, Reason};
    use crate::domain::entry::leaf;
    use crate::domain::report::{Action, Dkim, MatchKind, MessageKind, Status, Verdict};

    fn details(event: Event) -> Vec<Detail> {
        let root = [7; 32];
        match event {
            Event::Manifest => vec![Detail::Manifest(Manifest {
                count: 300,
                root,
                customers: 200,
                unaddressed: 1,
                unaddressed_root: [8; 32],
                shown: [9; 32],
            })],
            Event::Addressed => vec![Detail::Addressed(Batch { first: 300, count: 2, root })],
            Event::Attested => {
                let id = Uuid::from_u128(8);
                vec![Detail::Attested { id, told_at: Some(from_millis(7)) }, Detail::Attested { id, told_at: None }]
            }
            Event::Rejected => {
                vec![Detail::None, Detail::NotSent(Reason::NotCarried), Detail::Withdrawn(Outcome::Delivered)]
            }
            Event::Accepted | Event::Uncertain | Event::Expired => {
                vec![Detail::None, Detail::Withdrawn(Outcome::Bounced)]
            }
            Event::Bounced | Event::Delivered | Event::Reported => {
                let status = Some(Status { class: 5, subject: 1, detail: 351 });
                let (kind, tie) = (MessageKind::Dsn, MatchKind::TokenInReturnedPart);
                let statement = Statement {
                    kind,
                    tie,
                    action: Action::Failed,
                    status,
                    verdict: Verdict::AddressDead,
                    dkim: Dkim::NotChecked,
                    digest: [4; 32],
                };
                let bare = Detail::Report(Statement { status: None, ..statement });
                let withdrawn = (event != Event::Reported).then_some(Detail::Withdrawn(Outcome::Delivered));
                [Detail::None, Detail::Report(statement), bare].into_iter().chain(withdrawn).collect()
            }
            Event::Closed => {
                vec![Detail::Closed(vec![]), Detail::Closed(vec![(Outcome::Accepted, 9), (Outcome::Expired, 0)])]
            }
            Event::PreferenceChanged => vec![Detail::Preference { category: Category::News, opted_out: true }],
            Event::Restricted | Event::Rectified => vec![Detail::Flag(true), Detail::Flag(false)],
            Event::Erased | Event::Purged => {
                let run = Run { first: 1 << 40, count: 2 };
                vec![Detail::Cleared { ground: "Art. 17(1)(b)".to_owned(), entries: vec![run] }]
            }
            Event::KeyRotated => vec![Detail::Keys { old: "a".to_owned(), new: "b".to_owned() }],
            Event::Operated => vec![
                Detail::Operated { action: actor::Action::Approve, object: None },
                Detail::Operated { action: actor::Action::Hold, object: Some(Uuid::from_u128(6)) },
            ],
            Event::Continued => vec![Detail::Continued { reason: "Återställd".to_owned(), size: 5, root }],
            _ => vec![Detail::None],
        }
    }

    #[test]
    fn every_event_is_read_as_it_was_written_and_no_other_way() {
        for event in Event::ALL {
            for detail in details(*event) {
                let mut fact = Fact { detail, ..Fact::new(*event, from_millis(1_764_000_000_000)) };
                for notice in [None, Some((Uuid::from_u128(5), Category::Maintenance, [9; 32]))] {
                    fact.notice = notice;
                    (fact.ordinal, fact.level) = (fact.notice.map(|_| 70_000), fact.notice.map(|_| Level::Relayed));
                    (fact.attempt, fact.status_class) = (fact.notice.map(|_| 3), fact.notice.map(|_| 2));
                    let cbor = fact.to_cbor();
                    assert_eq!(Fact::from_cbor(&cbor), Ok(fact.clone()));
                    assert!(Fact::from_cbor(&[cbor.as_slice(), &[0]].concat()).is_err(), "trailing bytes");
                    assert!(Fact::from_cbor(&cbor[..cbor.len() - 1]).is_err());
                }
            }
        }
    }

    #[test]
    fn another_spelling_of_the_same_is_refused() {
        let fact = Fact::new(Event::Restricted, from_millis(1));
        let cbor = Fact { detail: Detail::Flag(true), ..fact }.to_cbor();
        // 1 as a number of two bytes: the same value to any other reader.
        let longer = [&cbor[..cbor.len() - 1], &[0x18, 0x01]].concat();
        assert_eq!(Fact::from_cbor(&longer), Err(DecodeError::NotCanonical("the fact")));
        let person = Person { address: "a\u{30a}".to_owned(), ..Person::default() };
        assert_eq!(Person::from_cbor(&person.to_cbor()).map(|it| it.address), Ok("å".to_owned()), "NFC");
    }

    #[test]
    fn runs_are_made_of_indexes() {
        let run = |first, count| Run { first, count };
        assert_eq!(Run::of(vec![7, 1, 2, 3, 3, 9]), [run(1, 3), run(7, 1), run(9, 1)]);
        assert_eq!(Run::of(vec![]), []);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(fact) = Fact::from_cbor(&bytes) { prop_assert_eq!(fact.to_cbor(), bytes.clone()); }
            if let Ok(person) = Person::from_cbor(&bytes) { prop_assert_eq!(person.to_cbor(), bytes.clone()); }
            if let Ok((account, address)) = parse_who(&bytes) { prop_assert_eq!(who(&account, &address), bytes.clone()); }
            prop_assert!(commitments(&bytes).is_err() || bytes.len() == 70);
        }

        #[test]
        fn a_changed_fact_is_refused_or_written_back(at in 0..i64::MAX / 4, byte in 0_usize..40, bit in 0_u8..8) {
            let mut cbor = Fact { attempt: Some(2), ..Fact::new(Event::Accepted, from_millis(at % 4_000_000_000_000)) }.to_cbor();
            let place = byte % cbor.len();
            cbor[place] ^= 1 << bit;
            if let Ok(fact) = Fact::from_cbor(&cbor) { prop_assert_eq!(fact.to_cbor(), cbor); }
        }

        #[test]
        fn persons_and_recipients_are_read_as_written(text in "\\PC{0,40}", digest in any::<Option<[u8; 32]>>()) {
            let person = Person { reply: text.clone(), sha256: digest, ..Person::default() };
            let read = Person::from_cbor(&person.to_cbor()).unwrap();
            prop_assert_eq!(read.to_cbor(), person.to_cbor());
            prop_assert!(parse_who(&who("C1", &text)).is_ok());
            let (fact, person) = commitments(&leaf(b"s", b"f", b"t", text.as_bytes())).unwrap();
            prop_assert_ne!(fact, person);
        }
    }
}
