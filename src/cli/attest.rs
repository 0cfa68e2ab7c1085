//! `besked attest`: a person's word that a customer was informed by another way.

use clap::Args;

use super::Place;
use super::failure::Failure;
use super::named;
use super::output::Output;
use crate::cli::args::said;
use crate::coverage::NewAttestation;
use crate::domain::attestation::Channel;

/// Record that a customer was informed by another way.
#[derive(Debug, Args)]
pub struct Attest {
    /// Id or reference of the notice
    #[arg(value_parser = said)]
    notice: String,
    /// Account id
    #[arg(long, value_name = "ID", value_parser = said)]
    account: String,
    /// The way: phone, letter, in-person or other
    #[arg(long)]
    channel: Channel,
    /// Who informed the customer
    #[arg(long, value_name = "WHO", value_parser = said)]
    by: String,
    /// What was said, or where the letter is
    #[arg(long, value_name = "TEXT", value_parser = said)]
    note: String,
}

/// Records an attestation.
pub async fn attest(command: Attest, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let new = NewAttestation {
        account_id: &command.account,
        channel: command.channel,
        witness: &command.by,
        note: &command.note,
    };
    let notice = named::read(&app, &command.notice).await?;
    let attestation = app.coverage.attest(&place.actor()?, &notice, &new).await?;
    output.print(&attestation, |it| {
        format!("recorded: customer {} was informed by {} by {}\n", it.account_id, it.channel, it.witness)
    })?;
    Ok(0)
}
