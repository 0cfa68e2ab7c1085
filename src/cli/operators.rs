//! `besked operators`: who uses Besked, and in which roles.

use clap::Subcommand;

use super::Place;
use super::args::said;
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use super::preferences::address;
use crate::domain::address::Address;
use crate::domain::operator::{OperatorKind, Role};
use crate::operators::sign_ins::Invited;
use crate::operators::{NewOperator, Shown};

/// Operators.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add an operator; the first one is a person with the role `admin`
    Add {
        /// The name: from then on, `--as` takes it
        #[arg(value_parser = said)]
        name: String,
        /// A role: ops, security, legal, finance, marketing, compliance, support, admin or auditor; several are possible
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Role>,
        /// The operator's address
        #[arg(long, value_name = "E", value_parser = address)]
        email: Option<Address>,
        /// It is a program: it may not approve
        #[arg(long)]
        machine: bool,
    },
    /// List operators
    List {
        #[command(flatten)]
        paging: Paging,
    },
    /// Show an operator
    Show {
        /// The name
        #[arg(value_parser = said)]
        name: String,
    },
    /// Give an operator these roles instead of the present ones
    Set {
        /// The name
        #[arg(value_parser = said)]
        name: String,
        /// A role; several are possible
        #[arg(long = "role", value_name = "ROLE", required = true)]
        roles: Vec<Role>,
        /// Another address
        #[arg(long, value_name = "E", value_parser = address)]
        email: Option<Address>,
    },
    /// Make a link with which an operator sets the password for the console; valid once, for 24 hours
    Invite {
        /// The name
        #[arg(value_parser = said)]
        name: String,
        /// Take off the second factor too, for who has lost the device and the recovery codes
        #[arg(long)]
        reset_second_factor: bool,
    },
    /// Let an operator act no more; revokes the keys and ends the sessions
    Disable {
        /// The name
        #[arg(value_parser = said)]
        name: String,
    },
    /// Let a disabled operator act again, without the former keys
    Enable {
        /// The name
        #[arg(value_parser = said)]
        name: String,
    },
}

/// Runs `besked operators`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let shown = match command {
        Command::List { paging } => {
            let header = ["name", "kind", "roles", "state", "email"];
            let fetch = async |page| Ok(app.operators.list(&actor, &page).await?);
            paging.print(output, "operators", (header, row), fetch).await?;
            return Ok(0);
        }
        Command::Invite { name, reset_second_factor } => {
            let invited = app.sign_ins.invite(&actor, &name, reset_second_factor).await?;
            output.print(&invited, describe_invitation)?;
            return Ok(0);
        }
        Command::Add { name, roles, email, machine } => {
            let kind = if machine { OperatorKind::Machine } else { OperatorKind::Person };
            let roles = roles.into_iter().collect();
            let is_first = actor.roles().is_none();
            let new = NewOperator { name: &name, kind, roles, email: email.as_ref() };
            let shown = app.operators.add(&actor, &new).await?;
            if is_first {
                eprintln!("from now on every command needs an operator: `--as \"{}\"` is the first", shown.name);
            }
            shown
        }
        Command::Show { name } => app.operators.show(&actor, &name).await?,
        Command::Set { name, roles, email } => {
            app.operators.set(&actor, &name, roles.into_iter().collect(), email.as_ref()).await?
        }
        Command::Disable { name } => app.operators.disable(&actor, &name).await?,
        Command::Enable { name } => app.operators.enable(&actor, &name).await?,
    };
    output.print(&shown, describe)?;
    Ok(0)
}

fn row(it: &Shown) -> [String; 5] {
    let email = it.email.clone().unwrap_or_default();
    [it.name.to_string(), it.kind.to_string(), it.roles.to_string(), it.state.to_owned(), email]
}

/// The link alone on its line, so that it can be copied or piped.
fn describe_invitation(it: &Invited) -> String {
    let also = if it.resets_second_factor { ", and takes off the second factor" } else { "" };
    let (name, end) = (&it.operator, time(it.expires_at));
    format!("{}\n\nPass this on to {name} alone: it sets the password{also}. It works once, until {end}.\n", it.url)
}

/// An operator line by line, without what they lack.
fn describe(it: &Shown) -> String {
    let lines = [
        ("operator", Some(it.name.to_string())),
        ("kind", Some(it.kind.to_string())),
        ("roles", Some(it.roles.to_string())),
        ("state", Some(it.state.to_owned())),
        ("email", it.email.clone()),
        ("added", Some(time(it.created_at))),
        ("disabled", it.disabled_at.map(time)),
    ];
    let shown = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
    shown.map(|(name, value)| format!("{name:<10}{value}\n")).collect()
}
