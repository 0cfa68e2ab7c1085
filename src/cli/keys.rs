//! `besked keys`: keys of programs.

use clap::Subcommand;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::Place;
use super::args::{id, said};
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use crate::domain::operator::Role;
use crate::domain::retention::Period;
use crate::operators::keys::{NewKey, Shown};

/// Keys of programs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a key; it is printed once and can never be shown again
    Add {
        /// Whose it is
        #[arg(long, value_name = "NAME", value_parser = said)]
        operator: String,
        /// One of the operator's roles; several are possible, all if none is named
        #[arg(long = "role", value_name = "ROLE")]
        roles: Vec<Role>,
        /// When it ends: after a period such as 90d or 1y, on a day (UTC), or at a time with its zone; without it, never
        #[arg(long, value_name = "D", value_parser = end)]
        expires: Option<End>,
    },
    /// List keys: never the keys themselves
    List {
        /// Only those of this operator
        #[arg(long, value_name = "NAME", value_parser = said)]
        operator: Option<String>,
        #[command(flatten)]
        paging: Paging,
    },
    /// Revoke a key, at once and for good
    Revoke {
        /// Its id
        #[arg(value_parser = id)]
        id: Uuid,
    },
}

/// When a key is to end.
#[derive(Clone, Copy, Debug)]
pub enum End {
    /// So long after it is made.
    After(Period),
    /// At this time.
    At(Timestamp),
}

impl End {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::After(period) => period.after(now, &TimeZone::UTC),
            Self::At(at) => at,
        }
    }
}

fn end(text: &str) -> Result<End, String> {
    if let Ok(period) = text.parse::<Period>() {
        return Ok(End::After(period));
    }
    let day = || text.parse::<Date>().ok()?.to_zoned_datetime(TimeZone::UTC).ok().map(|day| day.timestamp());
    // A text with a time is a day too, for this parser.
    let at = text.parse::<Timestamp>().ok().or_else(|| if text.len() == 10 { day() } else { None });
    at.map(End::At).ok_or_else(|| {
        format!(
            "`{}` is no period such as 90d or 1y, no day such as 2027-06-30, and no time with its zone such as \
             2027-06-30T12:00:00+02:00",
            text.escape_debug()
        )
    })
}

/// Runs `besked keys`.
pub async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    match command {
        Command::Add { operator, roles, expires } => {
            let roles = (!roles.is_empty()).then(|| roles.into_iter().collect());
            let expires_at = expires.map(|end| end.from(app.context.clock.now()));
            let new = NewKey { operator: &operator, roles, expires_at };
            let made = app.keys.add(&actor, &new).await?;
            let mut document = serde_json::to_value(&made.shown).map_err(anyhow::Error::from)?;
            document["key"] = made.key.reveal().into();
            output.print(&document, |_| format!("{}\n", made.key.reveal()))?;
            eprintln!(
                "this is the only time that the key is shown; `besked keys revoke {}` ends it{}",
                made.shown.id,
                made.shown.expires_at.map(|end| format!(" before {}", time(end))).unwrap_or_default()
            );
        }
        Command::List { operator, paging } => {
            let header = ["id", "operator", "roles", "state", "made", "ends", "last used"];
            let fetch = async |page| Ok(app.keys.list(&actor, operator.as_deref(), &page).await?);
            paging.print(output, "keys", (header, row), fetch).await?;
        }
        Command::Revoke { id } => {
            let ended = app.keys.revoke(&actor, id).await?;
            let text = if ended.revoked { "revoked\n" } else { "it was revoked already\n" };
            output.print(&ended, |_| text.to_owned())?;
        }
    }
    Ok(0)
}

fn row(it: &Shown) -> [String; 7] {
    let maybe = |at: Option<Timestamp>, none: &str| at.map_or_else(|| none.to_owned(), time);
    [
        it.id.to_string(),
        it.operator.to_string(),
        it.roles.to_string(),
        it.state.to_owned(),
        time(it.created_at),
        maybe(it.expires_at, "never"),
        maybe(it.last_used_at, "never"),
    ]
}
