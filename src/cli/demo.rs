//! `besked demo`.
use super::failure::Failure;
use super::output::Output;
use clap::Args;
/// Demo.
#[derive(Debug, Args)]
pub struct Demo {}
/// Runs the demo.
pub async fn run(_: Demo, _: &Output) -> Result<u8, Failure> {
    Ok(0)
}
