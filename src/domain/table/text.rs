//! The text of a CSV file: its encoding, its `sep=` line and its separator.

use std::io::{self, Cursor, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8};

use super::{Layout, TableError, begun};

/// Separators that are read, in the order in which they are tried.
const READ: [u8; 3] = [b',', b';', b'\t'];

/// Separators that are named in an error.
const NAMED: [u8; 6] = [b'|', b':', b'^', b'~', b'\x1f', b'\x01'];

/// Bytes in which the first line ends.
const FIRST_LINE: u64 = 1 << 16;

/// The text in UTF-8, without byte order mark. UTF-8 is not checked, so that a bad row can be skipped.
pub(super) fn decoded<'a>(
    start: &[u8],
    mut reader: Box<dyn Read + Send + 'a>,
    named: Option<&'static Encoding>,
) -> (Box<dyn Read + Send + 'a>, &'static Encoding) {
    let marked = Encoding::for_bom(start).map(|(encoding, _)| encoding);
    let encoding = marked.or(named).unwrap_or(UTF_8);
    if encoding != UTF_8 {
        return (Box::new(Decoding::new(reader, encoding)), encoding);
    }
    if marked.is_some() {
        // It stands at the beginning of what was read already, and cannot fail.
        let _ = reader.read_exact(&mut [0; 3]);
    }
    (reader, encoding)
}

/// Converts to UTF-8 what is read. What is not of the encoding becomes U+FFFD, which no name and no address may have.
struct Decoding<R> {
    reader: R,
    decoder: Decoder,
    input: Vec<u8>,
    taken: usize,
    output: Vec<u8>,
    given: usize,
    ended: bool,
}

impl<R: Read> Decoding<R> {
    fn new(reader: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { reader, decoder, input: Vec::new(), taken: 0, output: Vec::new(), given: 0, ended: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        if self.taken == self.input.len() {
            self.input.resize(1 << 14, 0);
            self.taken = 0;
            let read = self.reader.read(&mut self.input);
            self.input.truncate(*read.as_ref().unwrap_or(&0));
            self.ended = read? == 0;
        }
        self.output.resize(1 << 16, 0);
        let (result, read, written, _) =
            self.decoder.decode_to_utf8(&self.input[self.taken..], &mut self.output, self.ended);
        self.taken += read;
        self.output.truncate(written);
        self.given = 0;
        if self.ended && result == CoderResult::OutputFull {
            self.ended = false;
        }
        Ok(())
    }
}

impl<R: Read> Read for Decoding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.given == self.output.len() {
            if self.ended {
                return Ok(0);
            }
            self.fill()?;
        }
        let count = (self.output.len() - self.given).min(buffer.len());
        buffer[..count].copy_from_slice(&self.output[self.given..][..count]);
        self.given += count;
        Ok(count)
    }
}

/// The rows behind a `sep=` line, and how they are separated.
pub(super) struct Start<'a> {
    pub(super) rest: Box<dyn Read + Send + 'a>,
    pub(super) layout: Layout,
}

/// Reads the first line, and finds the separator in it.
pub(super) fn start<'a>(reader: Box<dyn Read + Send + 'a>, names: &[&str]) -> Result<Start<'a>, TableError> {
    let (start, mut rest) = begun(reader, FIRST_LINE)?;
    let by_row = !start.contains(&b'\n') && start.contains(&b'\r');
    let begin = start.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or(start.len());
    let first = line(&start[begin..]);
    let Some(separator) = told(first)? else {
        let separator = recognised(first, names)?;
        return Ok(Start { rest, layout: Layout { separator, lines_before: 0, by_row } });
    };
    // The line is left out, so that the first row is the header; the lines are counted as they are in the file.
    let ends = start[begin + first.len()..].iter().take(2).collect::<Vec<_>>();
    let end = if ends == [&b'\r', &b'\n'] { 2 } else { ends.len().min(1) };
    let told_line = begin + first.len() + end;
    rest.read_exact(&mut vec![0; told_line])?;
    let lines_before = start[..told_line].iter().filter(|byte| **byte == if by_row { b'\r' } else { b'\n' }).count();
    Ok(Start { rest, layout: Layout { separator, lines_before, by_row } })
}

fn line(text: &[u8]) -> &[u8] {
    text.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default()
}

/// The separator of a `sep=;` line, which Excel writes and reads; `None` for any other line.
fn told(line: &[u8]) -> Result<Option<u8>, TableError> {
    let text = String::from_utf8_lossy(line);
    let bare = text.trim_matches(['"', ' ']);
    let Some(rest) = bare.get(..4).filter(|begin| begin.eq_ignore_ascii_case("sep=")).map(|_| &bare[4..]) else {
        return Ok(None);
    };
    let separator = rest.chars().next().unwrap_or('\t');
    // A tool that saves the table again adds a separator for each column.
    if !rest.chars().skip(1).all(|c| c == '"' || u8::try_from(c).is_ok_and(|c| READ.contains(&c))) {
        return Ok(None);
    }
    match u8::try_from(separator).ok().filter(|it| READ.contains(it)) {
        Some(separator) => Ok(Some(separator)),
        None => Err(TableError::Separator(separator)),
    }
}

/// The separator that makes the most known names of columns out of a line.
fn recognised(line: &[u8], names: &[&str]) -> Result<u8, TableError> {
    let fields = |separator: u8| -> Vec<String> {
        let mut csv = csv::ReaderBuilder::new().delimiter(separator).has_headers(false).from_reader(Cursor::new(line));
        let first = csv.byte_records().next().and_then(Result::ok).unwrap_or_default();
        first.iter().map(|field| String::from_utf8_lossy(field).trim().to_lowercase()).collect()
    };
    let known = |separator: u8| fields(separator).iter().filter(|name| names.contains(&name.as_str())).count();
    // Of several with as many, the first one.
    let best = READ.into_iter().rev().max_by_key(|it| known(*it)).unwrap_or(b',');
    if let Some(other) = NAMED.into_iter().max_by_key(|it| known(*it)).filter(|it| known(*it) > known(best)) {
        return Err(TableError::Separator(char::from(other)));
    }
    if known(best) > 0 {
        return Ok(best);
    }
    Ok(READ.into_iter().rev().max_by_key(|it| fields(*it).len()).unwrap_or(b','))
}
