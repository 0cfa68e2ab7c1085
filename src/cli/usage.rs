//! Wrong usage of the command line, in the words of clap, and what to do about values that look like options; and failures as JSON.

use std::process::ExitCode;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::failure::Failure;
use super::output;

/// Prints why the command line was not understood, or the help that it asks for. Returns the exit code.
pub fn print(error: clap::Error, arguments: &[String]) -> ExitCode {
    let error = explained(error, arguments);
    // Nobody is left to be told that stdout or stderr is closed.
    let _ = error.print();
    let code = u8::try_from(error.exit_code()).unwrap_or(super::failure::INVALID);
    let options = arguments.iter().take_while(|it| *it != "--");
    if code != 0 && options.clone().any(|it| it == "--json") {
        let said = error.render().to_string();
        let said = said.split("\n\n").next().unwrap_or_default().trim_start_matches("error: ");
        print_document(&Failure::new(code, said));
    }
    ExitCode::from(code)
}

/// Prints a failure to stdout as one JSON document.
pub fn print_document(failure: &Failure) {
    // It was printed to stderr too: there is nothing more to do if nobody reads it.
    let _ = output::print(&format!("{:#}\n", failure.document()));
}

/// Names an argument that looks like an option whole, and says how to pass it as a value: ids may begin with `-`.
fn explained(mut error: clap::Error, arguments: &[String]) -> clap::Error {
    let Some(ContextValue::String(invalid)) = error.get(ContextKind::InvalidArg) else { return error };
    if error.kind() != ErrorKind::UnknownArgument || !invalid.starts_with('-') || invalid.starts_with("--") {
        return error;
    }
    // clap takes it for a group of short options, and names the first.
    let whole = arguments.iter().find(|it| it.starts_with(invalid.as_str())).unwrap_or(invalid).clone();
    let tip = format!(
        "a value that begins with `-` comes last, after `--`: `-- {whole}`; that of an option is joined to it, as in `--note={whole}`"
    );
    error.insert(ContextKind::InvalidArg, ContextValue::String(whole));
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![StyledStr::from(tip)]));
    error
}
