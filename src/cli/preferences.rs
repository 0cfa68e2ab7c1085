//! `besked preferences`: what a person opted out of.

use clap::Subcommand;

use super::Place;
use super::failure::Failure;
use super::nobody::warn_of_nobody;
use super::output::{Output, table, time};
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::preference::{Source, Wish, parse_optional};
use crate::people::subjects::Whose;

/// Parses an address on the command line.
pub(super) fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|problem| problem.to_string())
}

/// A person's opt-outs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Show an address's opt-outs
    Show {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
    /// Set or withdraw opt-outs; they hold for every customer account
    #[command(group = clap::ArgGroup::new("wish").required(true).multiple(true).args(["opt_out", "opt_in"]))]
    Set {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// A category that the person does not want
        #[arg(long, value_name = "CATEGORY", value_parser = parse_optional)]
        opt_out: Vec<Category>,
        /// A category that the person wants again
        #[arg(long, value_name = "CATEGORY", value_parser = parse_optional)]
        opt_in: Vec<Category>,
    },
}

/// Runs the command.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let email = match command {
        Command::Show { email } => email,
        Command::Set { email, opt_out, opt_in } => {
            let wishes = opt_out.into_iter().map(|it| (it, true)).chain(opt_in.into_iter().map(|it| (it, false)));
            let wishes: Result<Vec<Wish>, _> =
                wishes.map(|(category, opted_out)| Wish::new(category, opted_out)).collect();
            app.preferences.set(&actor, &email, &wishes.map_err(Failure::invalid)?).await?;
            warn_of_nobody(&app, &actor, &email).await?;
            email
        }
    };
    let shown = app.preferences.show(&actor, &email).await?;
    let whose = app.subjects.whose(&actor, &email).await?;
    output.print(&shown, |shown| {
        if shown.opt_outs.is_empty() {
            return match whose {
                Whose::Somebodys => format!("{email} receives everything\n"),
                _ => format!("{email} has no opt-outs, and no contact has this address\n"),
            };
        }
        let rows = shown.opt_outs.iter().map(|it| {
            let is_entered = [Source::Operator, Source::Objection].iter().any(|source| source.as_str() == it.source);
            let by = match shown.by.get(&it.category) {
                Some(who) if is_entered => format!("{}, {who}", it.source),
                _ => it.source.clone(),
            };
            [it.category.to_string(), time(it.since), by]
        });
        format!("{email} opted out of\n") + &table(["category", "since", "by"], rows)
    })?;
    Ok(0)
}
