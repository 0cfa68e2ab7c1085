//! `besked matters`: which matters there are, how far each is, and what comes next.

use clap::Args;

use super::Place;
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use crate::domain::promise::State;
use crate::notices::matters::Matter;
use crate::notices::planned::Promised;

/// List matters: notices that follow each other
#[derive(Debug, Args)]
pub struct Matters {
    /// Only those that were announced and have not ended
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    paging: Paging,
}

/// Runs `besked matters`.
pub async fn run(command: Matters, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let Matters { open, paging } = command;
    let header = ["reference", "category", "phase", "next", "when", "promised", "notices"];
    let fetch = async |page| Ok(app.notices.matters(&actor, open, &page).await?);
    paging.print(output, "matters", (header, row), fetch).await?;
    Ok(0)
}

fn row(matter: &Matter) -> [String; 7] {
    let notices = matter.notices.iter().map(|notice| {
        let phase = notice.phase.as_deref().unwrap_or(notice.category.as_str());
        if notice.sequence.is_some() { phase.to_owned() } else { format!("({phase}: {})", notice.state) }
    });
    let again = matter.series.as_ref().and_then(|series| series.next_start);
    let again = again.map(|start| format!("(again: {})", time(start)));
    let promised = matter.promises.iter().find(|promised| promised.state.is_open());
    [
        matter.reference.clone().unwrap_or_else(|| matter.id.to_string()),
        matter.category.to_string(),
        matter.phase.clone().unwrap_or_default(),
        matter.next.map(|next| next.what.to_owned()).unwrap_or_default(),
        matter.next.map(|next| time(next.at)).unwrap_or_default(),
        promised.map(describe_promise).unwrap_or_default(),
        notices.chain(again).collect::<Vec<_>>().join(", "),
    ]
}

/// What customers wait for, and until when.
pub fn describe_promise(promised: &Promised) -> String {
    let Promised { kind, due_at, state, .. } = promised;
    match state {
        State::Open => format!("{kind} by {}", time(*due_at)),
        State::Overdue => format!("{kind} by {}, overdue", time(*due_at)),
        State::Kept => format!("{kind} by {}, kept", time(*due_at)),
        State::Settled => format!("{kind} by {}, settled by a person", time(*due_at)),
    }
}
