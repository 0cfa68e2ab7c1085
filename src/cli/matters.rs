//! `besked matters`: which matters there are, how far each is, and what comes next.

use clap::Args;

use super::Place;
use super::failure::Failure;
use super::output::{Output, time};
use super::pages::Paging;
use crate::notices::matters::Matter;

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
    let header = ["reference", "category", "phase", "next", "when", "notices"];
    let fetch = async |page| Ok(app.notices.matters(&actor, open, &page).await?);
    paging.print(output, "matters", (header, row), fetch).await?;
    Ok(0)
}

fn row(matter: &Matter) -> [String; 6] {
    let notices = matter.notices.iter().map(|notice| {
        let phase = notice.phase.as_deref().unwrap_or(notice.category.as_str());
        if notice.sequence.is_some() { phase.to_owned() } else { format!("({phase}: {})", notice.state) }
    });
    [
        matter.reference.clone().unwrap_or_else(|| matter.id.to_string()),
        matter.category.to_string(),
        matter.phase.clone().unwrap_or_default(),
        matter.next.map(|next| next.what.to_owned()).unwrap_or_default(),
        matter.next.map(|next| time(next.at)).unwrap_or_default(),
        notices.collect::<Vec<_>>().join(", "),
    ]
}
