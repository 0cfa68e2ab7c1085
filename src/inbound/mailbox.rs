//! Messages in files: `.eml` files, mbox files (RFC 4155), Maildirs, and folders of `.eml` files.

use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use memchr::memchr;

/// The line that begins a message in an mbox file.
const FROM: &[u8] = b"From ";

/// True if a text begins like a message: with a header field, perhaps behind the line of an mbox file.
#[must_use]
pub fn is_message(bytes: &[u8]) -> bool {
    let bytes = match bytes.strip_prefix(FROM) {
        Some(rest) => rest.iter().position(|byte| *byte == b'\n').map_or(&[][..], |end| &rest[end + 1..]),
        None => bytes,
    };
    let name = &bytes[..memchr(b':', &bytes[..bytes.len().min(200)]).unwrap_or(0)];
    // RFC 5322 section 3.6.8: printable ASCII without colon and space.
    !name.is_empty() && name.trim_ascii_end().iter().all(u8::is_ascii_graphic)
}

/// The files to read in a path: the file itself, the messages of a Maildir, or the `.eml` files of a folder, by name.
///
/// # Errors
/// If the path cannot be read.
pub fn files(path: &Path) -> io::Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_maildir = path.join("new").is_dir() && path.join("cur").is_dir();
    let folders = if is_maildir { vec![path.join("new"), path.join("cur")] } else { vec![path.to_owned()] };
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let is_eml = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("eml"));
            if path.is_file() && (is_maildir || is_eml) {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The messages of a file, one after another: of an mbox file each of its messages, else the whole file. No more than `largest`
/// bytes of a message are returned.
pub struct Messages {
    file: BufReader<File>,
    largest: usize,
    is_mbox: bool,
    /// The first line of the next message, which was read with the one before.
    next: Vec<u8>,
    ended: bool,
}

impl Messages {
    /// Opens a file.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn open(path: &Path, largest: usize) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        // A single message may have such a line first as well: then no other one follows.
        let is_mbox = file.fill_buf()?.starts_with(FROM);
        Ok(Self { file, largest, is_mbox, next: Vec::new(), ended: false })
    }

    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut message = std::mem::take(&mut self.next);
        if !self.is_mbox {
            self.ended = true;
            (&mut self.file).take(self.largest as u64 + 1).read_to_end(&mut message)?;
            return Ok(Some(message));
        }
        let mut after_blank = false;
        loop {
            let begin = message.len();
            let room = (self.largest + 1).saturating_sub(begin).max(1) as u64;
            if (&mut self.file).take(room.max(4096)).read_until(b'\n', &mut message)? == 0 {
                self.ended = true;
                return Ok(Some(message).filter(|message| !message.is_empty()));
            }
            let line = &message[begin..];
            if after_blank && line.starts_with(FROM) && begin > 0 {
                self.next = message.split_off(begin);
                return Ok(Some(message));
            }
            after_blank = matches!(line, b"\n" | b"\r\n");
            unquote(&mut message, begin);
            // What is beyond the limit is read and not kept.
            message.truncate(message.len().min(self.largest + 1));
        }
    }
}

/// Removes the mark of a line that began with `From ` before it was put into the file.
fn unquote(message: &mut Vec<u8>, begin: usize) {
    let line = &message[begin..];
    let marks = line.iter().take_while(|byte| **byte == b'>').count();
    if marks > 0 && line[marks..].starts_with(FROM) {
        message.remove(begin);
    }
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
        let text =
            "From a@x Mon\nSubject: 1\n\nFrom here on\n>From there\n\nFrom b@x Tue\nSubject: 2\n\n>>From\n>>From x\n";
        let found = messages(text, 1000);
        assert_eq!(found.len(), 3, "{found:?}");
        let real =
            "From a@x Mon\nSubject: 1\n\nText\n>From there\nFrom within\n\nFrom b@x Tue\nSubject: 2\n\n>>From x\n";
        assert_eq!(
            messages(real, 1000),
            ["From a@x Mon\nSubject: 1\n\nText\nFrom there\nFrom within\n\n", "From b@x Tue\nSubject: 2\n\n>From x\n"]
        );
    }

    #[test]
    fn any_other_file_is_one_message() {
        assert_eq!(messages("Subject: 1\n\nFrom a\n\nFrom b\n", 1000), ["Subject: 1\n\nFrom a\n\nFrom b\n"]);
        assert_eq!(messages("", 1000), [""]);
        assert_eq!(messages(&"x".repeat(50), 10)[0].len(), 11);
    }

    #[test]
    fn a_message_begins_with_a_field() {
        for good in ["Subject: x\n", "From a@x Mon\nReceived: x", "x-y: 1", "Subject : x"] {
            assert!(is_message(good.as_bytes()), "{good}");
        }
        for bad in ["", "\n", "hello world\n", ": x", "From a@x Mon", "a b: c", "\0: x", "é: x"] {
            assert!(!is_message(bad.as_bytes()), "{bad}");
        }
    }
}
