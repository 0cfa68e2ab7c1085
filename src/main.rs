//! The `besked` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    besked::cli::main()
}
