//! A checkpoint that somebody kept: the note itself, or the mail that brought it, however the mail encodes its text.

use mail_parser::{Message, MessageParser};

/// The notes of a log in what somebody kept, the likeliest first.
pub(super) fn notes(bytes: &[u8], origin: &str) -> Vec<String> {
    let mut texts = vec![String::from_utf8_lossy(bytes).into_owned()];
    if let Some(message) = MessageParser::default().parse(bytes) {
        gather(&message, &mut texts);
    }
    texts.iter().filter_map(|text| note(text, origin)).collect()
}

/// The texts of a message, with those of messages that are attached to it.
fn gather(message: &Message<'_>, texts: &mut Vec<String>) {
    let bodies = (0..message.text_body_count()).filter_map(|place| message.body_text(place));
    texts.extend(bodies.map(std::borrow::Cow::into_owned));
    for attachment in message.attachments() {
        match attachment.message() {
            Some(message) => gather(message, texts),
            None => texts.extend(attachment.text_contents().map(str::to_owned)),
        }
    }
}

/// The last note of the log in a text: from the line with the log's origin to the last line with a signature.
fn note(text: &str, origin: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n");
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.iter().rposition(|line| *line == origin)?;
    let body = lines[first..].iter().position(|line| line.is_empty())?;
    let signatures = lines[first + body + 1..].iter().take_while(|line| line.starts_with('\u{2014}')).count();
    Some(lines[first..first + body + 1 + signatures].join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "example.com/besked\n3\nAAAA\n\n\u{2014} example.com/besked SIG=\n";

    fn mail(encoding: &str, body: &str) -> String {
        format!(
            "From: a@x.example\r\nSubject: Checkpoint of example.com/besked\r\nMIME-Version: 1.0\r\n\
             Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"
        )
    }

    #[test]
    fn a_note_is_found_by_itself_and_in_a_mail_in_any_encoding() {
        let text = format!("Keep this.\n\n{NOTE}\n-- \nThe host\n");
        let quoted = quoted_printable::encode_to_str(text.replace('\n', "\r\n"));
        let base64 = data_encoding::BASE64_MIME.encode(text.as_bytes());
        for kept in [
            NOTE.to_owned(),
            NOTE.replace('\n', "\r\n"),
            mail("8bit", &text.replace('\n', "\r\n")),
            mail("quoted-printable", &quoted),
            mail("base64", &base64),
        ] {
            assert!(notes(kept.as_bytes(), "example.com/besked").contains(&NOTE.to_owned()), "{kept}");
        }
        assert_eq!(notes(b"nothing", "example.com/besked"), [""; 0]);
    }
}
