//! `besked preferences` and `besked suppressions`: who does not want, or cannot get, mail.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::Place;
use super::failure::Failure;
use super::output::{Output, table, time};
use crate::domain::address::Address;
use crate::domain::category::{Category, Class};
use crate::domain::preference::Reason;
use crate::people::mask::Mask;
use crate::store::{preferences as kept, suppressions};

pub(super) fn address(text: &str) -> Result<Address, String> {
    Address::parse(text).map_err(|problem| problem.to_string())
}

fn optional(text: &str) -> Result<Category, String> {
    let category: Category = text.parse()?;
    match category.class() {
        Class::Optional => Ok(category),
        Class::Mandatory => Err(format!("`{category}` is mandatory: nobody can opt out of it")),
    }
}

/// A person's opt-outs.
#[derive(Debug, Subcommand)]
pub enum Preferences {
    /// Show an address's opt-outs
    Show {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
    /// Set or withdraw opt-outs; they hold at every customer
    #[command(group = clap::ArgGroup::new("wish").required(true).multiple(true).args(["opt_out", "opt_in"]))]
    Set {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// A category the person does not want
        #[arg(long, value_name = "CATEGORY", value_parser = optional)]
        opt_out: Vec<Category>,
        /// A category the person wants again
        #[arg(long, value_name = "CATEGORY", value_parser = optional)]
        opt_in: Vec<Category>,
    },
}

/// Runs `besked preferences`.
pub async fn preferences(command: Preferences, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let email = match command {
        Preferences::Show { email } => email,
        Preferences::Set { email, opt_out, opt_in } => {
            if let Some(both) = opt_out.iter().find(|category| opt_in.contains(category)) {
                return Err(Failure::invalid(format!("`{both}` is both opted out of and opted in to")));
            }
            let wishes = opt_out.iter().map(|it| (*it, true)).chain(opt_in.iter().map(|it| (*it, false)));
            let wishes: Vec<_> = wishes.collect();
            crate::people::preferences::set(&app.store, &app.clock, &app.random, &email, &wishes, "operator").await?;
            email
        }
    };
    app.subjects.note_read(&place.actor()?, &email.key(), "preferences show").await?;
    let opt_outs = kept::of_address(&mut *app.store.read().await?, &email.key()).await?;
    output.print(&json!({ "email": email.as_str(), "opt_outs": opt_outs }), |_| {
        if opt_outs.is_empty() {
            return format!("{email} gets everything\n");
        }
        let rows = opt_outs.iter().map(|it| [it.category.to_string(), time(it.since), it.source.clone()]);
        format!("{email} opted out of\n") + &table(["category", "since", "by"], rows)
    })?;
    Ok(0)
}

/// Addresses that are not to be mailed.
#[derive(Debug, Subcommand)]
pub enum Suppressions {
    /// List suppressed addresses
    List {
        /// How many
        #[arg(long, default_value_t = 1000)]
        limit: u32,
        /// Begin after this address
        #[arg(long, default_value = "")]
        after: String,
    },
    /// Suppress an address
    Add {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
        /// Why
        #[arg(long)]
        reason: Why,
    },
    /// Lift the suppression of an address
    Remove {
        /// The address
        #[arg(value_parser = address)]
        email: Address,
    },
}

/// Why an operator suppresses an address.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Why {
    /// It does not exist
    Dead,
    /// Its owner complained of spam
    Complaint,
    /// Another reason
    Manual,
}

/// Runs `besked suppressions`.
pub async fn suppressions(command: Suppressions, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    match command {
        Suppressions::List { limit, after } => {
            let mut conn = app.store.read().await?;
            let mut list = suppressions::list(&mut conn, &after, limit).await?;
            let mask = Mask::load(&mut conn).await?;
            list.iter_mut().for_each(|it| it.email = mask.address(&it.email));
            output.print(&json!({ "suppressions": list }), |_| {
                let rows = list.iter().map(|it| [it.email.clone(), it.reason.to_string(), time(it.since)]);
                table(["email", "reason", "since"], rows)
            })?;
        }
        Suppressions::Add { email, reason } => {
            let reason = match reason {
                Why::Dead => Reason::Dead,
                Why::Complaint => Reason::Complaint,
                Why::Manual => Reason::Manual,
            };
            let mut tx = app.store.write().await?;
            let added = suppressions::add(&mut tx, &email, reason, app.clock.now()).await?;
            tx.commit().await.map_err(anyhow::Error::from)?;
            output.print(&json!({ "email": email.as_str(), "reason": reason, "added": added }), |_| {
                format!("{email} is suppressed: {reason}\n")
            })?;
        }
        Suppressions::Remove { email } => {
            let mut tx = app.store.write().await?;
            let removed = suppressions::remove(&mut tx, &email.key()).await?;
            tx.commit().await.map_err(anyhow::Error::from)?;
            if removed == 0 {
                return Err(Failure::invalid(format!("{email} is not suppressed")));
            }
            output.print(&json!({ "email": email.as_str(), "removed": removed }), |_| {
                format!("{email} is no longer suppressed\n")
            })?;
        }
    }
    Ok(0)
}
