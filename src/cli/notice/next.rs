//! `besked notice follow` and `besked notice copy`: the text of a notice that is not stored yet.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use serde_json::json;

use super::{Copy, Follow};
use crate::app::App;
use crate::cli::failure::Failure;
use crate::cli::file::unusable;
use crate::cli::output::Output;
use crate::domain::actor::Actor;

/// Writes the next notice of a matter.
pub async fn follow(app: &App, actor: &Actor, command: &Follow, output: &Output) -> Result<u8, Failure> {
    let word = command.phase.as_deref().or(command.status.as_deref()).or(command.stage.as_deref());
    let source = app.notices.follow_up(actor, &command.id, word).await?;
    written(&source, command.file.as_deref(), output)
}

/// Writes a copy of a notice.
pub async fn copy(app: &App, actor: &Actor, command: &Copy, output: &Output) -> Result<u8, Failure> {
    let source = app.notices.copy(actor, &command.id).await?;
    written(&source, command.file.as_deref(), output)
}

/// Prints a text, or writes it to a new file: one that is there may be somebody's work.
fn written(source: &str, file: Option<&Path>, output: &Output) -> Result<u8, Failure> {
    let Some(path) = file else {
        output.print(&json!({ "source": source }), |_| source.to_owned())?;
        return Ok(0);
    };
    let mut new = OpenOptions::new().write(true).create_new(true).open(path).map_err(|error| {
        let failure = unusable("write", path, &error);
        if path.exists() { failure.hint("choose another name, or remove it first") } else { failure }
    })?;
    new.write_all(source.as_bytes()).map_err(|error| unusable("write", path, &error))?;
    output.print(&json!({ "source": source, "file": path }), |_| {
        let path = path.display();
        // A comment stands behind what only a person knows.
        let open = if source.contains("  # ") { "complete the lines with a comment, then " } else { "" };
        format!("{path}: {open}`besked notice check {path}`\n")
    })?;
    Ok(0)
}
