//! `besked notice preview` and `test`: what a recipient will see, and one marked copy by mail.

use super::{Format, Preview, Test};
use crate::app::App;
use crate::cli::Place;
use crate::cli::failure::{Failure, TRY_LATER};
use crate::cli::output::{Output, print};
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use crate::mail::direct::{self, Taken};
use crate::notices::Draft;
use crate::notices::sample::{Sample, Wanted};
use crate::store::StoreError;

/// Prints what a recipient will see.
pub async fn preview(command: Preview, place: &Place) -> Result<u8, Failure> {
    let draft = Draft::read(&command.file)?;
    let wanted = Wanted { account: command.account, locale: command.locale, to: None };
    let sample = sample(place, &draft, wanted).await?;
    match command.format {
        Format::Text => print(&sample.content()?.text)?,
        Format::Html => print(&sample.content()?.html)?,
        Format::Eml => print(&String::from_utf8_lossy(&sample.compose()?.bytes))?,
    }
    Ok(0)
}

/// A preview needs no database: where there is none, a made-up recipient stands in.
async fn sample(place: &Place, draft: &Draft, wanted: Wanted) -> Result<Sample, Failure> {
    let config = place.load()?.config;
    let app = App::open(config.clone(), Clock::System, Random::from_system()).await;
    match app {
        Ok(app) => {
            let sample = app.sample(draft, wanted).await?;
            app.subjects.note_read(&place.actor()?, &sample.recipient().key(), "notice preview").await?;
            Ok(sample)
        }
        Err(crate::app::AppError::Store(StoreError::NotMigrated { .. } | StoreError::Open { .. }))
            if wanted.account.is_none() =>
        {
            Ok(Sample::made_up(config, draft, &wanted, &Clock::System, &Random::from_system())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends one marked copy through the first relay that takes it.
pub async fn test(command: Test, place: &Place, output: &Output) -> Result<u8, Failure> {
    let draft = Draft::read(&command.file)?;
    let to = command.to.clone();
    let wanted = Wanted { account: command.account, locale: command.locale, to: Some(command.to) };
    let sample = sample(place, &draft, wanted).await?;
    let (from, bytes) = (sample.envelope_sender(), sample.compose()?.bytes);
    let config = place.load()?.config;
    match direct::send(&config, &from, &to, &bytes).await {
        Ok(Taken { relay, reply }) => {
            let document = serde_json::json!({ "to": to.as_str(), "relay": relay, "reply": reply });
            output.print(&document, |_| format!("sent a test copy to {to}, accepted by `{relay}`: {reply}\n"))?;
            Ok(0)
        }
        Err(troubles) => Err(Failure::new(TRY_LATER, format!("the test copy was not taken:\n{}", troubles.join("\n")))
            .hint("check [[relay]]: host, port, TLS, user and password")),
    }
}
