//! `besked completions` and `besked man`: what a package installs beside the binary.

use std::io::Write as _;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

use super::Cli;
use super::failure::Failure;
use crate::domain::words::cause;

/// Print the completions of a shell.
#[derive(Debug, Args)]
#[command(after_help = "For example: besked completions bash > /etc/bash_completion.d/besked")]
pub struct Completions {
    /// The shell
    shell: Shell,
}

/// Write the manual pages.
#[derive(Debug, Args)]
pub struct Man {
    /// The folder, which must be there
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

/// Runs `besked completions`.
pub fn completions(command: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(command.shell, &mut Cli::command(), "besked", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(0)
}

/// Runs `besked man`: one page for each command, `besked.1`, `besked-notice.1` and so on.
pub fn man(command: &Man) -> Result<u8, Failure> {
    clap_mangen::generate_to(Cli::command(), &command.folder).map_err(|error| {
        Failure::invalid(format!("cannot write manual pages to `{}`: {}", command.folder.display(), cause(&error)))
    })?;
    println!(
        "wrote the manual pages to {}; `man -l {}` shows the first",
        command.folder.display(),
        command.folder.join("besked.1").display()
    );
    Ok(0)
}
