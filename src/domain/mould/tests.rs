//! Moulds and values: what is written is read back, and nothing else is.

use proptest::prelude::*;

use super::*;

fn key() -> Key {
    Key { notice_id: Uuid::from_u128(7), locale: "sv".to_owned(), zone: String::new(), role: "service".to_owned() }
}

fn recipes() -> Vec<Recipe> {
    let greeting = Part::Greeting { before: "Hej ".to_owned(), after: ",".to_owned(), blank: "Hej,".to_owned() };
    let text = vec![Part::Text("To ".to_owned()), Part::Value("contact.name".to_owned()), greeting];
    vec![Recipe { form: Form::Signatures, parts: vec![] }, Recipe { form: Form::Text, parts: text }]
}

const STORED_MOULD: &str = "8701500000000000000000000000000000000762737660677365727669636582826a7369676e617475726573808264746578\
    748363546f20816c636f6e746163742e6e616d65836448656a20612c6448656a2c8300440d0a0d0a01";
const STORED_VALUES: &str = "28b52ffd2039ed0000888251444b494d2d533a2078582448656a2c03004bccc28dce8784e102";

fn values(of: &[&[u8]]) -> Values {
    let mut values = Values::default();
    of.iter().for_each(|value| values.append(value));
    values
}

#[test]
fn a_message_is_literals_and_values_in_turn() {
    let literal = |text: &str| Piece::Literal(text.as_bytes().to_vec());
    let pieces = vec![Piece::Value(0), literal("Hej "), Piece::Value(1), literal("! Adjö "), Piece::Value(1)];
    let (mould, bytes) = Mould::new(key(), recipes(), pieces);
    assert_eq!(Mould::from_cbor(&bytes), Ok(mould.clone()));
    assert_eq!(mould.id, sha256(&bytes));
    let mut values = values(&[b"", b"Anna"]);
    assert_eq!(mould.fill(&values).unwrap(), "Hej Anna! Adjö Anna".as_bytes());
    values.replace(0, b"Signed: ");
    assert_eq!(mould.fill(&values).unwrap(), "Signed: Hej Anna! Adjö Anna".as_bytes());
    assert_eq!(Values::from_cbor(&values.to_cbor()), Ok(values));
}

#[test]
fn what_does_not_fit_is_refused() {
    let (mould, bytes) = Mould::new(key(), recipes(), vec![Piece::Value(1)]);
    assert_eq!(mould.fill(&values(&[b"a"])), Err(MouldError::Values), "a value is missing");
    assert_eq!(mould.fill(&values(&[b"a", b"b", b"c"])), Err(MouldError::Values), "there is one too many");
    let (_, beyond) = Mould::new(key(), recipes(), vec![Piece::Value(2)]);
    assert_eq!(Mould::from_cbor(&beyond), Err(MouldError::Form("the mould")), "no recipe makes the value");
    for length in 0..bytes.len() {
        assert!(Mould::from_cbor(&bytes[..length]).is_err(), "{length} bytes");
    }
    let values = values(&[b"a", b"b"]).to_cbor();
    for length in 0..values.len() {
        assert!(Values::from_cbor(&values[..length]).is_err(), "{length} bytes");
    }
    assert!(Values::from_cbor(&[&values[..], b"\0"].concat()).is_err());
    assert!(Mould::from_cbor(&[&bytes[..], b"\0"].concat()).is_err());
}

#[test]
fn packed_values_are_read_back_with_the_person_of_their_entry_only() {
    let (mould, _) = Mould::new(key(), recipes(), vec![Piece::Value(1)]);
    let person = "C1 anna@one.example Anna Andersson".repeat(4);
    let filled = Filled { mould: mould.into(), values: values(&[&[7; 64], b"Hej Anna Andersson, anna@one.example"]) };
    let packed = filled.pack(person.as_bytes());
    assert!(packed.len() < filled.values.to_cbor().len() / 2, "{} bytes", packed.len());
    assert_eq!(filled.mould.unpack(&packed, person.as_bytes()), Ok(filled.values.clone()));
    assert_ne!(filled.mould.unpack(&packed, b""), Ok(filled.values.clone()));
    let empty = Filled { values: Values::default(), ..filled.clone() };
    assert_eq!(filled.mould.unpack(&empty.pack(b""), b""), Ok(Values::default()));
    for length in 0..packed.len() {
        assert!(filled.mould.unpack(&packed[..length], person.as_bytes()).is_err(), "{length} bytes");
    }
    // A frame that says it holds more than any message has (RFC 8878 section 3.1.1.1: eight bytes of size).
    let huge = [&[0x28, 0xb5, 0x2f, 0xfd, 0xe0][..], &[0xff; 8]].concat();
    assert_eq!(filled.mould.unpack(&huge, b""), Err(MouldError::Form("the list of values")));
}

/// What was stored by an earlier version stays readable, whatever this one writes.
#[test]
fn stored_bytes_of_today_are_read_for_ever() {
    let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
    let person = "C1 anna@one.example Anna Andersson".repeat(4);
    let wanted = values(&[b"DKIM-Signature: x", b"Hej Anna Andersson, anna@one.example"]);
    let mould = Mould::from_cbor(&hex(STORED_MOULD)).unwrap();
    assert_eq!((mould.key.clone(), mould.recipes.clone()), (key(), recipes()));
    assert_eq!(mould.unpack(&hex(STORED_VALUES), person.as_bytes()), Ok(wanted.clone()));
    assert_eq!(
        mould.fill(&wanted).unwrap(),
        "DKIM-Signature: x\r\n\r\nHej Anna Andersson, anna@one.example".as_bytes()
    );
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Mould::from_cbor(&bytes);
        let _ = Values::from_cbor(&bytes);
        let (mould, _) = Mould::new(key(), recipes(), vec![]);
        let _ = mould.unpack(&bytes, b"person");
    }
}
