//! `besked attest`: a person's word that a customer was informed by another way, and its withdrawal.

use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::Place;
use super::failure::Failure;
use super::named;
use super::output::{Output, time};
use crate::cli::args::{id, moment, said};
use crate::coverage::{Attestation, NewAttestation};
use crate::domain::attestation::Channel;

/// Record that a customer was informed by another way.
#[derive(Debug, Args)]
pub struct Attest {
    /// Id or reference of the notice
    #[arg(value_parser = said)]
    notice: String,
    /// Account id
    #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
    account: String,
    /// The way: phone, letter, in-person or other
    #[arg(long, required_unless_present = "withdraw")]
    channel: Option<Channel>,
    /// Who informed the customer
    #[arg(long, value_name = "WHO", value_parser = said, required_unless_present = "withdraw")]
    by: Option<String>,
    /// When, as RFC 3339; without it, now
    #[arg(long, value_name = "T", value_parser = moment)]
    at: Option<Timestamp>,
    /// What was said, or where the letter is; why it is withdrawn
    #[arg(long, value_name = "TEXT", value_parser = said)]
    note: String,
    /// Withdraw the attestation with this id instead
    #[arg(long, value_name = "ID", value_parser = id, conflicts_with_all = ["channel", "by", "at"])]
    withdraw: Option<Uuid>,
}

/// Records an attestation, or withdraws one.
pub async fn attest(command: Attest, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let notice = named::read(&app, &actor, &command.notice).await?;
    if let Some(id) = command.withdraw {
        let which = (command.account.as_str(), id);
        let withdrawn = app.coverage.withdraw(&actor, &notice, which, &command.note).await?;
        output.print(&withdrawn, |it| format!("withdrawn: it does not count any more that {}\n", says(it)))?;
        return Ok(0);
    }
    let (Some(channel), Some(witness)) = (command.channel, &command.by) else {
        return Err(Failure::invalid("`--channel` and `--by` say how the customer was informed, and by whom"));
    };
    let new =
        NewAttestation { account_id: &command.account, channel, witness, note: &command.note, told_at: command.at };
    let attested = app.coverage.attest(&actor, &notice, &new).await?;
    output.print(&attested, |it| format!("recorded: {}\n", says(&it.attestation)))?;
    if attested.already {
        let at = time(attested.attestation.at);
        eprintln!("this attestation stands already, since {at}: no second one was recorded");
    }
    let id = attested.attestation.id;
    eprintln!(
        "its id is {id}: `besked attest {notice} --account {} --withdraw {id} --note WHY` withdraws it",
        command.account
    );
    Ok(0)
}

fn says(it: &Attestation) -> String {
    format!(
        "customer {} was informed {} by {} at {}",
        it.account_id,
        it.channel.describe(),
        it.witness,
        time(it.told_at)
    )
}
