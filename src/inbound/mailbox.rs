//! Messages in files: `.eml` files, mbox files (RFC 4155), Maildirs, and folders of `.eml` files.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use memchr::memchr;

/// The beginning of the line that begins a message in an mbox file.
const FROM: &[u8] = b"From ";

/// What some editors put before a text in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The longest line that is looked at as a whole; of a longer one the rest is text.
const LONGEST_LINE: u64 = 64 << 10;

/// True if a text begins like a message: with a header field, perhaps behind blank lines or the line of an mbox file.
#[must_use]
pub fn is_message(bytes: &[u8]) -> bool {
    let mut rest = bytes.strip_prefix(BOM).unwrap_or(bytes);
    loop {
        let end = memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let (line, below) = rest.split_at(end);
        let is_passed_over = line.trim_ascii().is_empty() || line.starts_with(FROM) || line.starts_with(b">From ");
        if line.is_empty() || !is_passed_over {
            return is_field(rest);
        }
        rest = below;
    }
}

/// True if a text begins with a header field: RFC 5322 section 3.6.8, printable ASCII without colon and space.
fn is_field(bytes: &[u8]) -> bool {
    let name = &bytes[..memchr(b':', &bytes[..bytes.len().min(200)]).unwrap_or(0)];
    !name.is_empty() && name.trim_ascii_end().iter().all(u8::is_ascii_graphic)
}

/// What a path holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The files to read, by name.
    pub files: Vec<PathBuf>,
    /// True for a folder that is no Maildir and has no `.eml` file.
    pub has_none: bool,
    /// Files and folders in it that are no mail by their names.
    pub passed_over: u64,
}

/// The files to read in a path: the file itself, the messages of a Maildir, or the `.eml` files of a folder.
///
/// # Errors
/// If the path cannot be read.
pub fn files(path: &Path) -> io::Result<Found> {
    if !fs::metadata(path)?.is_dir() {
        return Ok(Found { files: vec![path.to_owned()], ..Found::default() });
    }
    let is_maildir = path.join("new").is_dir() && path.join("cur").is_dir();
    let folders = if is_maildir { vec![path.join("new"), path.join("cur")] } else { vec![path.to_owned()] };
    let mut found = Found::default();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_eml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("eml"));
            if path.is_file() && (is_maildir || is_eml) {
                found.files.push(path);
            } else {
                found.passed_over += 1;
            }
        }
    }
    found.has_none = found.files.is_empty() && !is_maildir;
    found.files.sort();
    Ok(found)
}

/// The messages of a file, one after another: of an mbox file each of its messages, else the whole file. No more than `largest`
/// bytes of a message are returned.
pub struct Messages {
    file: BufReader<File>,
    largest: usize,
    is_mbox: bool,
    /// Lines that were read ahead, the next one last.
    ahead: Vec<Vec<u8>>,
    /// The next line begins where a line does.
    at_start: bool,
    ended: bool,
}

impl Messages {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path, largest: usize) -> io::Result<Self> {
        let file = BufReader::new(File::open(path)?);
        let mut messages = Self { file, largest, is_mbox: false, ahead: Vec::new(), at_start: true, ended: false };
        if messages.file.fill_buf()?.starts_with(BOM) {
            messages.file.consume(BOM.len());
        }
        // A single message may have such a line first as well: then no other one follows.
        let mut first = messages.line()?;
        while first.as_ref().is_some_and(|line| line.trim_ascii().is_empty()) {
            first = messages.line()?;
        }
        messages.is_mbox = first.as_ref().is_some_and(|line| line.starts_with(FROM));
        messages.ahead.extend(first);
        messages.at_start = true;
        Ok(messages)
    }

    /// The next line with its end; a part of one that is too long.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.ahead.pop() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        (&mut self.file).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        Ok(Some(line).filter(|line| !line.is_empty()))
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        if !self.is_mbox {
            self.ended = true;
            let mut message = self.ahead.pop().unwrap_or_default();
            (&mut self.file)
                .take((self.largest as u64 + 1).saturating_sub(message.len() as u64))
                .read_to_end(&mut message)?;
            message.truncate(self.largest + 1);
            return Ok(Some(message));
        }
        let Some(mut message) = self.line()? else {
            self.ended = true;
            return Ok(None);
        };
        self.at_start = message.ends_with(b"\n");
        let (mut after_blank, mut in_body) = (false, false);
        while let Some(line) = self.line()? {
            let begins = self.at_start;
            self.at_start = line.ends_with(b"\n");
            if begins && line.starts_with(FROM) {
                let next = self.line()?;
                let is_next = next.as_deref().is_some_and(|next| divides(&line, next, after_blank));
                self.ahead.extend(next);
                if is_next {
                    self.ahead.push(line);
                    self.at_start = true;
                    return Ok(Some(message));
                }
            }
            after_blank = begins && matches!(line.as_slice(), b"\n" | b"\r\n");
            in_body |= after_blank;
            message.extend_from_slice(if begins && in_body { unquoted(&line) } else { &line });
            // What is beyond the limit is read and not kept.
            message.truncate(message.len().min(self.largest + 1));
        }
        self.ended = true;
        Ok(Some(message))
    }
}

/// True if a line that begins with `From ` begins a message, by itself and by the line below it. A line without a date does so only
/// behind a blank one, if it names a sender and a header of the mail's way follows: people begin sentences with the word.
fn divides(line: &[u8], next: &[u8], after_blank: bool) -> bool {
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    if has_date(&words) {
        return is_field(next) || next.starts_with(b">From ");
    }
    let names_sender = words.first().is_some_and(|word| word.contains('@') || matches!(*word, "-" | "MAILER-DAEMON"));
    let name = next.split(|byte| *byte == b':').next().unwrap_or_default().to_ascii_lowercase();
    after_blank && names_sender && is_field(next) && FIRST.iter().any(|first| first.as_bytes() == name)
}

/// Headers with which a message in an mbox file begins.
const FIRST: [&str; 12] = [
    "return-path",
    "received",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "from",
    "to",
    "date",
    "subject",
    "message-id",
    "mime-version",
    "content-type",
];

/// True for the words of a date as `asctime` writes it, perhaps with a zone: `Mon Nov 23 10:00:00 2026`.
fn has_date(words: &[&str]) -> bool {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let is_number = |word: &str, digits: usize| word.len() <= digits && word.parse::<u32>().is_ok();
    words.windows(4).enumerate().any(|(at, it)| {
        let is_year = |word: &&str| word.len() == 4 && is_number(word, 4);
        DAYS.contains(&it[0].trim_end_matches(','))
            && MONTHS.contains(&it[1])
            && is_number(it[2], 2)
            && it[3].split(':').all(|part| is_number(part, 2))
            && it[3].contains(':')
            && words[at + 4..].iter().take(2).any(is_year)
    })
}

/// A line without the mark that was put before its `From `.
fn unquoted(line: &[u8]) -> &[u8] {
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    if marks > 0 && line[marks..].starts_with(FROM) { &line[1..] } else { line }
}

impl Iterator for Messages {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let read = self.read();
        self.ended |= read.is_err();
        read.transpose()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn messages(text: &str, largest: usize) -> Vec<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let found = Messages::open(file.path(), largest).unwrap();
        found.map(|message| String::from_utf8(message.unwrap()).unwrap()).collect()
    }

    #[test]
    fn an_mbox_file_has_many_messages() {
        let real =
            "From a@x Mon\nSubject: 1\n\nText\n>From there\nFrom within\n\nFrom b@x Tue\nSubject: 2\n\n>>From x\n";
        assert_eq!(
            messages(real, 1000),
            ["From a@x Mon\nSubject: 1\n\nText\nFrom there\nFrom within\n\n", "From b@x Tue\nSubject: 2\n\n>From x\n"]
        );
    }

    #[test]
    fn a_body_that_has_the_word_is_not_divided_and_no_message_is_lost() {
        let date = "Mon Nov 23 10:00:00 2026";
        let one = format!("From a@x {date}\nSubject: 1\n\n");
        for body in [
            "Hello\n\nFrom here on\nit is text\n",
            "From now on: x\n\nFrom Monday\nSubject: to change\n",
            "From a@x to b@x\nit went\n",
            "\nFrom a@x I heard\nNote: this\n",
            "quoted:\n\nFrom a@x Mon Nov 23 10:00:00 2026\nand no header below\n",
        ] {
            let text = format!("{one}{body}");
            assert_eq!(messages(&text, 1000), std::slice::from_ref(&text), "{body}");
            // With other ends of lines, and with what an editor puts before it.
            let crlf = text.replace('\n', "\r\n");
            assert_eq!(messages(&format!("\u{feff}{crlf}"), 1000), [crlf], "{body}");
        }
        // Where a program left out the blank line, or wrote a zone or more of a sender.
        for line in [
            format!("From b@x {date}"),
            format!("From - {date}"),
            "From MAILER-DAEMON Mon Nov 23 10:00 CET 2026".to_owned(),
            "From b c@x Mon Nov  3 10:00:00 2026 +0100".to_owned(),
        ] {
            let found = messages(&format!("{one}text\n{line}\nSubject: 2\n\nother\n"), 1000);
            assert_eq!(found, [format!("{one}text\n"), format!("{line}\nSubject: 2\n\nother\n")], "{line}");
        }
    }

    #[test]
    fn only_the_marks_of_a_body_are_removed_and_long_lines_stay_whole() {
        let text = "From a@x Mon Nov 23 10:00:00 2026\n>From b@x Mon Nov 23 10:00:00 2026\nSubject: 1\n\n>From x\n>>From y\n> From z\n";
        let found = messages(text, 1000);
        assert_eq!(found, [text.replace(">From x", "From x").replace(">>From y", ">From y")]);
        let long = format!("From a@x Mon Nov 23 10:00:00 2026\nSubject: 1\n\n{}\n", "xFrom ".repeat(40_000));
        assert_eq!(messages(&long, 1_000_000), std::slice::from_ref(&long));
        let both = format!("{long}\nFrom b@x Mon Nov 23 10:00:00 2026\nSubject: 2\n");
        assert_eq!(messages(&both, 1_000)[1], "From b@x Mon Nov 23 10:00:00 2026\nSubject: 2\n", "the first is cut");
    }

    #[test]
    fn any_other_file_is_one_message() {
        assert_eq!(messages("Subject: 1\n\nFrom a\n\nFrom b\n", 1000), ["Subject: 1\n\nFrom a\n\nFrom b\n"]);
        assert_eq!(messages("", 1000), [""]);
        assert_eq!(messages(&"x".repeat(50), 10)[0].len(), 11);
    }

    #[test]
    fn a_message_begins_with_a_field() {
        for good in [
            "Subject: x\n",
            "From a@x Mon\nReceived: x",
            "x-y: 1",
            "Subject : x",
            "\r\n\nSubject: x\n",
            "\u{feff}Subject: x",
            ">From a@x Mon\nReceived: x",
        ] {
            assert!(is_message(good.as_bytes()), "{good}");
        }
        for bad in ["", "\n", "hello world\n", ": x", "From a@x Mon", "a b: c", "\0: x", "é: x"] {
            assert!(!is_message(bad.as_bytes()), "{bad}");
        }
    }
}
