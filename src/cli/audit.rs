//! `besked audit`: the log of what everybody asked for; and the row that each command leaves in it.

use clap::{ArgMatches, Subcommand};
use jiff::Timestamp;
use uuid::Uuid;

use super::Place;
use super::args::{moment, said};
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use crate::app::App;
use crate::domain::audit::Ended;
use crate::operators::audit::{Asked, Filter, NewRow};

/// The audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List what was asked for, the newest first
    List {
        /// Only by this operator
        #[arg(long, value_name = "NAME", value_parser = said)]
        operator: Option<String>,
        /// Only about this notice, customer, key or other object
        #[arg(long, value_name = "ID", value_parser = said)]
        object: Option<String>,
        /// From this time on
        #[arg(long, value_name = "T", value_parser = moment)]
        since: Option<Timestamp>,
        /// Before this time
        #[arg(long, value_name = "T", value_parser = moment)]
        until: Option<Timestamp>,
        #[command(flatten)]
        paging: Paging,
    },
}

/// Runs `besked audit`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let Command::List { operator, object, since, until, paging } = command;
    let filter = Filter { operator: operator.as_deref(), object: object.as_deref(), since, until, ..Filter::default() };
    let header = ["at", "operator", "via", "action", "object", "result"];
    let fetch = async |page| Ok(app.audit.list(&actor, &filter, &page).await?);
    paging.print(output, "events", (header, row), fetch).await?;
    Ok(0)
}

fn row(it: &Asked) -> [String; 6] {
    let object = it.object.clone().unwrap_or_default();
    [time(it.at), it.operator.clone(), it.via.clone(), it.action.clone(), object, it.result.to_string()]
}

/// A command as the log names it.
pub struct Asking {
    /// Its words, such as `notice approve`.
    action: String,
    /// What it is about, as its arguments say.
    object: Option<String>,
}

/// Arguments that name what a command is about; addresses are none of them.
const OBJECTS: [&str; 8] = ["id", "notice", "account", "account_id", "reference", "name", "key", "operator"];

impl Asking {
    /// Reads a command line.
    pub fn of(matches: &ArgMatches) -> Self {
        let (mut words, mut leaf) = (Vec::new(), matches);
        while let Some((word, below)) = leaf.subcommand() {
            words.push(word);
            leaf = below;
        }
        let named = |id: &&&str| leaf.try_get_raw(id).ok().flatten().is_some();
        let object = OBJECTS.iter().find(named).and_then(|id| {
            let mut values = leaf.try_get_raw(id).ok().flatten()?;
            values.next().and_then(|value| value.to_str()).map(str::to_owned)
        });
        Self { action: words.join(" "), object }
    }
}

/// Writes the row of a command that an operator ran. Whatever became of the command stays so if the row cannot be written.
pub async fn record(asking: &Asking, place: &Place, result: Ended) {
    let (Some(app), Some((actor, claimed, via))) = (place.opened.get(), place.acted.get()) else { return };
    let object = match (place.about.get(), &asking.object, actor) {
        (Some(id), ..) => Some(id.to_string()),
        (None, Some(name), Some(actor)) => Some(meant(app, actor, asking, name).await),
        (None, object, _) => object.clone(),
    };
    let row = NewRow {
        operator: actor.as_ref().map_or(claimed, |actor| actor.name()),
        via,
        action: &asking.action,
        object: object.as_deref(),
        result,
    };
    if let Err(error) = app.audit.record(&row).await {
        eprintln!("warning: the audit log lacks this command: {}", error.for_logs());
    }
}

/// The id of a notice that a reference names: whoever asks later about the notice finds the row.
async fn meant(app: &App, actor: &crate::domain::actor::Actor, asking: &Asking, name: &str) -> String {
    let is_notice = ["notice", "coverage", "attest", "informed", "evidence"];
    let about = is_notice.iter().any(|word| asking.action.split(' ').next() == Some(word));
    if !about || Uuid::parse_str(name).is_ok() {
        return name.to_owned();
    }
    app.notices.named(actor, name).await.map_or_else(|_| name.to_owned(), |notice| notice.id.to_string())
}
