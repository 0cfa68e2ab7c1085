//! Quoted-printable (RFC 2045 section 6.7) for texts that are put together from encoded pieces.
//!
//! Each piece is encoded once, whatever is put beside it: a value begins a line of its own and ends without a line break, and the
//! literals around it begin and end so that no line becomes too long. A dot at the beginning of a line is encoded, so that SMTP
//! doubles none.

/// Octets of a line before the soft line break, with which it has 76.
const WIDTH: usize = 75;

/// A line break that is not in the text.
pub const SOFT: &[u8] = b"=\r\n";

/// Appends a value, from the beginning of a line on.
pub fn value(text: &str, out: &mut Vec<u8>) {
    encode(text, &mut 0, true, out);
}

/// Appends text whose lines end in LF, from a column on, which is then that of its end. With `ends`, a line break may follow: spaces
/// before it would be lost, and are encoded.
pub fn encode(text: &str, column: &mut usize, ends: bool, out: &mut Vec<u8>) {
    let mut bytes = text.bytes().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'\n' {
            out.extend_from_slice(b"\r\n");
            *column = 0;
            continue;
        }
        let is_last = bytes.peek().map_or(ends, |next| *next == b'\n');
        let width = |column: usize| if is_literal(byte, column, is_last) { 1 } else { 3 };
        if *column + width(*column) > WIDTH {
            out.extend_from_slice(SOFT);
            *column = 0;
        }
        if width(*column) == 1 {
            out.push(byte);
        } else {
            const HEX: &[u8; 16] = b"0123456789ABCDEF";
            out.extend_from_slice(&[b'=', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        *column += width(*column);
    }
}

/// True if a byte stands for itself at a column.
const fn is_literal(byte: u8, column: usize, is_last: bool) -> bool {
    match byte {
        b'=' => false,
        b'.' => column > 0,
        b' ' | b'\t' => !is_last,
        _ => byte.is_ascii_graphic(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn another_decoder_restores_the_text(text in "[ =.åx\t\n]{0,300}", from in 0_usize..80) {
            let mut encoded = vec![b'x'; from.min(WIDTH)];
            encode(&text, &mut encoded.len(), true, &mut encoded);
            let decoded = mail_parser::decoders::quoted_printable::quoted_printable_decode(&encoded).unwrap();
            let wanted = format!("{}{}", "x".repeat(from.min(WIDTH)), text.replace('\n', "\r\n"));
            prop_assert_eq!(String::from_utf8(decoded).unwrap(), wanted);
            for line in encoded.split(|byte| *byte == b'\n') {
                prop_assert!(line.len() <= 77 && !line.starts_with(b"."), "{:?}", String::from_utf8_lossy(line));
            }
        }
    }
}
