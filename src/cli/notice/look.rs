//! `besked notice check`, `preview` and `test`: how far a notice reaches, what a recipient will see, and one marked copy by mail.

use std::path::Path;

use serde_json::json;

use super::{Format, Preview, Test, file};
use crate::app::{App, AppError};
use crate::audience::AudienceError;
use crate::cli::Place;
use crate::cli::failure::{Failure, TRY_LATER};
use crate::cli::output::{Output, count};
use crate::cli::progress::{self, Patience};
use crate::domain::actor::Actor;
use crate::domain::clock::Clock;
use crate::domain::problem::Problems;
use crate::domain::random::Random;
use crate::domain::words::kilobytes;
use crate::mail::direct::{self, Taken};
use crate::notices::sample::{Sample, Wanted};
use crate::notices::shown::Checking;
use crate::notices::{Checked, Draft, Escalated, NoticeError};

/// Checks a notice file, and says how far it reaches.
pub async fn check(app: &App, actor: &Actor, path: &Path, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(path, |source| app.notices.untimely(source));
    if let (true, Some(problems)) = (output.json, draft.as_ref().err().and_then(file::FileError::problems)) {
        output.print(&json!({ "problems": problems }), |_| String::new())?;
    }
    let draft = draft?;
    let checked = app.notices.check(actor, &draft).await;
    if let (true, Err(NoticeError::NotReady(problems))) = (output.json, &checked) {
        output.print(&json!({ "problems": problems }), |_| String::new())?;
    }
    let checked = checked?;
    warn(&checked.warnings);
    let document = Checking::of(&draft, &checked);
    let Checked { reach, size, follows, escalation, nobody, .. } = checked;
    let yet = nobody.as_ref().and_then(AudienceError::reaches_nobody);
    output.print(&document, |_| {
        let category = draft.notice.category;
        let (class, whom) = (category.class(), draft.notice.audience.describe());
        if let Some(yet) = &yet {
            let mail = format!("the largest mail has {}", kilobytes(size));
            return format!("valid; it reaches nobody yet: {yet}\n{category} ({class}), to {whom}\n{mail}\n");
        }
        let mut text = format!(
            "valid: {category} ({class}), to {whom}\nreaches {} at {}\n",
            count(reach.customers, "customer", "customers"),
            count(reach.recipients, "address", "addresses"),
        );
        if reach.unaddressed > 0 {
            let who = count(reach.unaddressed, "of these customers has", "of these customers have");
            let shown = reach.unaddressed_sample.len() as u64;
            let more = if shown < reach.unaddressed { ", ..." } else { "" };
            text += &format!("{who} nobody to address: {}{more}\n", reach.unaddressed_sample.join(", "));
        }
        if let Some(followed) = follows {
            text += &format!("follows notice {followed}\n");
        }
        text += &format!("the largest mail has {}\n", kilobytes(size));
        text += &escalation.as_ref().map_or_else(String::new, describe);
        if draft.notice.standing {
            text += "a standing notice: recipients are added after the release, with `besked notice add`\n";
        }
        text += if reach.sample.is_empty() { "" } else { "for example:\n" };
        reach.sample.iter().for_each(|name| text += &format!("  {name}\n"));
        text
    })?;
    if let Some(nobody) = nobody {
        Failure::from(nobody).print_hint();
    }
    Ok(0)
}

/// Whom the escalation of a notice addresses.
pub fn describe(escalation: &Escalated) -> String {
    let roles: Vec<&str> = escalation.roles.iter().map(|role| role.as_str()).collect();
    if roles.is_empty() {
        return "a customer who is not informed is a task for a person: nobody else is addressed\n".to_owned();
    }
    format!(
        "a customer who is not informed: contacts for {}, each {} after the one before, then a task for a person\n",
        roles.join(", then "),
        escalation.after
    )
}

/// Prints the warnings of a check to stderr.
pub fn warn(warnings: &Problems) {
    warnings.0.iter().for_each(|warning| eprintln!("warning: {warning}"));
}

/// Prints what a recipient will see.
pub async fn preview(command: Preview, place: &Place, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(&command.file, |_| Problems::default())?;
    let wanted = Wanted { account: command.account, locale: command.locale, ..Wanted::default() };
    let sample = sample(place, &draft, wanted, "notice preview").await?;
    let content = sample.content()?;
    let subject = content.subject.clone();
    let (format, text) = match command.format {
        Format::Text => ("text", content.text),
        Format::Html => ("html", content.html),
        Format::Eml => ("eml", String::from_utf8_lossy(&sample.compose()?.bytes).into_owned()),
    };
    let escalation = Escalated::of(&place.load()?.config, draft.notice.category);
    let document = json!({ "format": format, "subject": subject, "content": text, "escalation": escalation });
    output.print(&document, |_| text.clone())?;
    // The recipient does not see it, and whoever decides about the notice wants to know.
    if let (Some(escalation), false) = (&escalation, output.json) {
        eprint!("\n{}", describe(escalation));
    }
    Ok(0)
}

/// A preview needs no database: without one, it shows a made-up recipient.
async fn sample(place: &Place, draft: &Draft, wanted: Wanted, command: &str) -> Result<Sample, Failure> {
    match place.open().await? {
        Ok(app) => {
            let sample = app.sample(&place.actor(&app).await?, draft, &wanted, command).await?;
            if let Some(missing) = sample.missing() {
                eprintln!(
                    "warning: recipients without a value: {missing}: the notice cannot be released before they have one"
                );
            }
            Ok(sample)
        }
        Err(error) if error.is_no_database() && wanted.account.is_none() => {
            let config = place.load()?.config;
            Ok(Sample::made_up(config, draft, &wanted, &Clock::System, &Random::from_system())?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Sends one marked copy through the first relay that accepts it.
pub async fn test(command: Test, place: &Place, output: &Output) -> Result<u8, Failure> {
    let draft = file::read(&command.file, |_| Problems::default())?;
    let to = command.to.clone();
    let wanted = Wanted { account: command.account, locale: command.locale, to: Some(command.to), of: None };
    let sample = sample(place, &draft, wanted, "notice test").await?;
    let (from, bytes) = (sample.envelope_sender(), sample.compose()?.bytes);
    let config = place.load()?.config;
    let spinner = progress::step();
    let patience = Patience::new(&spinner, "connecting");
    let asks = |relay: &str| {
        let what = format!("waiting for relay `{relay}` to answer");
        patience.begins(what.clone());
        spinner.set_message(what);
    };
    let sent = patience.beside(direct::send_watched(&config, &from, &to, &bytes, &asks)).await;
    spinner.finish_and_clear();
    match sent {
        Ok(Taken { relay, reply }) => {
            let document = json!({ "to": to.as_str(), "relay": relay, "reply": reply });
            output.print(&document, |_| format!("sent a test copy to {to}, accepted by `{relay}`: {reply}\n"))?;
            Ok(0)
        }
        Err(refused) if refused.is_empty() => Err(AppError::NoRelay.into()),
        Err(refused) => {
            let problems: Vec<String> = refused.iter().map(ToString::to_string).collect();
            Err(Failure::new(TRY_LATER, format!("no relay accepted the test copy:\n{}", problems.join("\n")))
                .hint(direct::advices(&refused)))
        }
    }
}
