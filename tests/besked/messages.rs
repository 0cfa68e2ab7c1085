//! What refused commands print. Each run appends to the file that `BESKED_TEST_MESSAGES` names, and `tests/run` makes a list of it,
//! each message once: to be read in a row, since a message that is clear by itself may say the same thing in other words than the next.

use std::path::Path;

use crate::app::report;

/// Stands for a line break: a message is one line of the file.
const BREAK: char = '\u{1f}';

/// Notes what a command that failed has printed.
pub fn note(arguments: &[&str], folder: &Path, code: i32, printed: &str) {
    if code != 0 && !printed.is_empty() {
        report("BESKED_TEST_MESSAGES", &line(arguments, folder, printed));
    }
}

/// Notes an error that has not passed through the command line.
pub fn note_error(command: &str, error: &str) {
    report("BESKED_TEST_MESSAGES", &line(&[command], Path::new("/nowhere"), &format!("error: {error}")));
}

/// The message without what precedes it, and the command; what differs from run to run is left out.
fn line(arguments: &[&str], folder: &Path, printed: &str) -> String {
    let lines = printed.lines().skip_while(|line| !line.starts_with("error: "));
    let text = lines.collect::<Vec<_>>().join("\n");
    if text.is_empty() {
        return String::new();
    }
    let text = without_ids(&text.replace(&folder.display().to_string(), "FOLDER"));
    let command = without_ids(&arguments.join(" ")).replace(['\n', '\t'], " ");
    format!("{}\t{command}\n", text.trim().replace('\t', " ").replace('\n', &BREAK.to_string()))
}

/// A text with `ID` in place of ids, and `PORT` in place of the ports of loopback.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let is_end = |c: char| !(c.is_ascii_alphanumeric() || c == '-');
    for word in text.split_inclusive(is_end) {
        let bare = word.trim_end_matches(is_end);
        let after_loopback = out.ends_with("127.0.0.1:") && bare.parse::<u16>().is_ok();
        match uuid::Uuid::parse_str(bare) {
            Ok(_) => out.push_str("ID"),
            Err(_) if after_loopback => out.push_str("PORT"),
            Err(_) => out.push_str(bare),
        }
        out.push_str(&word[bare.len()..]);
    }
    out
}

#[test]
fn a_message_is_the_same_for_each_run_of_a_command() {
    let printed = "warning: x\nerror: no relay at 127.0.0.1:40123 of /home/x/c\n\nhint: `show 01a225f3-bf53-7000-bee5-87d80c3421b8`\n";
    let wanted = "error: no relay at 127.0.0.1:PORT of FOLDER/c\u{1f}\u{1f}hint: `show ID`\tnotice show ID\n";
    assert_eq!(
        line(&["notice", "show", "01a225f3-bf53-7000-bee5-87d80c3421b8"], Path::new("/home/x"), printed),
        wanted
    );
    assert_eq!(line(&["list"], Path::new("/home/x"), "warning: x\n"), "");
}
