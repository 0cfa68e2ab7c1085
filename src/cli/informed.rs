//! `besked informed`: was this customer informed?

use std::collections::BTreeSet;

use clap::Args;
use jiff::Timestamp;

use super::Place;
use super::failure::{FAILED, Failure, UNDECIDED};
use super::named;
use super::output::{Output, count, table, time};
use super::returned::describe_report;
use crate::cli::args::said;
use crate::coverage::{About, Attestation, Informed as Answer, InformedDelivery, InformedNotice, LastVersion, Stopped};
use crate::domain::category::Category;
use crate::domain::coverage::Verdict;
use crate::domain::delivery::{Level, damaged_message};
use crate::domain::notice::State;
use crate::domain::reply::{is_answer, is_stated};

/// Was this customer informed?
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["notice", "reference", "category"]))]
pub struct Informed {
    /// Account id
    #[arg(long, value_name = "ID", value_parser = said, allow_hyphen_values = true)]
    account: String,
    /// By this notice: id or reference
    #[arg(long, value_name = "N", value_parser = said, allow_hyphen_values = true)]
    notice: Option<String>,
    /// By every notice of the matters of this reference that addresses the customer
    #[arg(long, value_name = "R", value_parser = said, allow_hyphen_values = true)]
    reference: Option<String>,
    /// By every notice of this category that addresses the customer
    #[arg(long, value_name = "C")]
    category: Option<Category>,
    /// Released at or after this time (RFC 3339) or date
    #[arg(long, value_name = "T", requires = "category", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Released before this time (RFC 3339) or date
    #[arg(long, value_name = "T", requires = "category", value_parser = parse_time)]
    until: Option<Timestamp>,
}

fn parse_time(text: &str) -> Result<Timestamp, String> {
    let date = || text.parse::<jiff::civil::Date>().ok()?.to_zoned_datetime(jiff::tz::TimeZone::UTC).ok();
    text.parse().ok().or_else(|| Some(date()?.timestamp())).ok_or_else(|| {
        format!(
            "`{}` is neither a time such as 2026-12-01T22:00:00Z nor a date such as 2026-12-01",
            text.escape_debug()
        )
    })
}

/// Prints whether a customer was informed.
pub async fn informed(command: Informed, place: &Place, output: &Output) -> Result<u8, Failure> {
    let (app, actor) = place.acting().await?;
    let about = match (command.notice, command.reference, command.category) {
        (Some(notice), ..) => About::Notice(named::read(&app, &actor, &notice).await?),
        (_, Some(reference), _) => About::Reference(reference),
        (.., Some(category)) => About::Category { category, since: command.since, until: command.until },
        (None, None, None) => return Err(Failure::invalid("name a notice, a reference or a category")),
    };
    let answer = app.coverage.informed(&actor, &command.account, &about).await?;
    output.print(&answer, describe_informed)?;
    Ok(match answer.verdict {
        Verdict::Informed => 0,
        Verdict::Pending => UNDECIDED,
        Verdict::NotInformed | Verdict::CannotBe | Verdict::NotAddressed | Verdict::NotReleased => FAILED,
    })
}

/// The answer in words that a lawyer can read.
pub fn describe_informed(answer: &Answer) -> String {
    let name = answer.customer_name.as_deref().unwrap_or_default();
    let who = format!("Customer {} {name}", answer.account_id);
    let today = answer.customer_name_today.as_ref().map(|name| format!(" (called {name} today)")).unwrap_or_default();
    let who = format!("{}{today}", who.trim_end());
    let mut text = match answer.verdict {
        Verdict::Informed if answer.late > 0 => format!("Yes, but too late. {who} was informed.\n"),
        Verdict::Informed => format!("Yes. {who} was informed.\n"),
        Verdict::Pending => format!("Not decided yet. {who} is addressed; the outcome is open.\n"),
        Verdict::NotAddressed => format!("No. {who} was not addressed.\n"),
        Verdict::NotReleased => format!("No. {who} is not informed: the notice is not released.\n"),
        Verdict::NotInformed => format!("No. {who} was addressed, but is not informed.\n"),
        Verdict::CannotBe => format!("No. {who} had nobody to address, and is not informed.\n"),
    };
    text += &describe_several(&answer.notices);
    text += &answer.last.as_ref().map(describe_last).unwrap_or_default();
    answer.notices.iter().for_each(|notice| text += &describe(notice));
    text + &describe_levels(answer)
}

/// Of how many notices the answer is made, and which of them do not count.
fn describe_several(notices: &[InformedNotice]) -> String {
    let number = |is: fn(&InformedNotice) -> bool| notices.iter().filter(|notice| is(notice)).count() as u64;
    let (all, void) = (notices.len() as u64, number(|notice| notice.is_void));
    let informed = number(|notice| notice.verdict == Verdict::Informed);
    // If all are void, the answer is made of them nevertheless.
    let counted = if void == all { all } else { all - void };
    let mut text = String::new();
    if counted > 1 {
        let counted = count(counted, "notice", "notices");
        text += &format!("The answer is the worst of {counted}: the customer is informed by {informed} of them.\n");
    }
    if 0 < void && void < all {
        let (void, ends) = (count(void, "notice was", "notices were"), if void == 1 { "does" } else { "do" });
        text += &format!("{void} cancelled before anything was sent to the customer, and {ends} not count.\n");
    }
    text
}

/// What the customer has last of a matter, and whether there is something newer.
fn describe_last(last: &LastVersion) -> String {
    let named =
        |phase: Option<&str>, id| phase.map_or_else(|| format!("notice {id}"), |it| format!("`{it}` (notice {id})"));
    let mut text = format!(
        "The last of this matter that the customer has is {}, since {}.\n",
        named(last.phase, last.notice),
        time(last.at)
    );
    match &last.newer {
        Some(newer) => {
            let at = newer.released_at.map(time).unwrap_or_default();
            let newer = named(newer.phase, newer.notice);
            text += &format!(
                "It is not the newest: {newer} was released at {at}, and the customer is not informed by it.\n"
            );
        }
        None => text += "It is the newest.\n",
    }
    text
}

fn describe(notice: &InformedNotice) -> String {
    let released = notice.released_at.map_or_else(|| "not released".to_owned(), |at| format!("released {}", time(at)));
    let reference = notice.reference.as_ref().map(|it| format!(", reference {it}")).unwrap_or_default();
    let mut text =
        format!("\n{} \"{}\"{reference}\n{released}, notice {}\n", notice.category, notice.subject, notice.id);
    if let Some(deadline) = notice.deadline {
        let overdue = if notice.overdue { ", which has passed" } else { "" };
        text += &format!("to be informed by {}{overdue}\n", time(deadline));
    }
    if let Some(since) = notice.informed_since {
        let late = if notice.late { ", after the deadline" } else { "" };
        text += &format!("informed at {}{late}\n", time(since));
    }
    if let Some(phase) = notice.phase {
        text += &format!("says `{phase}`\n");
    }
    text += &notice.stopped.as_ref().map(describe_stopped).unwrap_or_default();
    text += &format!("  {}\n", describe_verdict(notice));
    notice.deliveries.iter().for_each(|delivery| text += &describe_delivery(delivery));
    notice.attested.iter().for_each(|attested| text += &describe_attested(attested));
    text
}

/// When, by whom and why the sending was stopped.
pub fn describe_stopped(stopped: &Stopped) -> String {
    let at = stopped.at.map(|at| format!(" {}", time(at))).unwrap_or_default();
    let by = if stopped.operator.is_empty() { String::new() } else { format!(" by {}", stopped.operator) };
    let why = stopped.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    format!("{}{at}{by}{why}\n", stopped.what)
}

/// An attestation; its words may be erased.
fn describe_attested(attested: &Attestation) -> String {
    let words = |before: &str, words: &str| if words.is_empty() { String::new() } else { format!("{before}{words}") };
    let mut text = format!(
        "  informed {}{} at {}, recorded by {} {}{}\n    attestation {}\n",
        attested.channel.describe(),
        words(" by ", &attested.witness),
        time(attested.told_at),
        attested.operator,
        time(attested.at),
        words(": ", &attested.note),
        attested.id,
    );
    if let Some(withdrawn) = &attested.withdrawn {
        let (by, at, why) = (&withdrawn.operator, time(withdrawn.at), words(": ", &withdrawn.reason));
        text += &format!("    withdrawn by {by} {at}, and does not count{why}\n");
    }
    text
}

fn describe_verdict(notice: &InformedNotice) -> String {
    match (notice.verdict, notice.level) {
        (Verdict::NotReleased, _) if matches!(notice.state, State::Cancelled | State::Declined) => {
            format!("it is {} and was never released: it addressed nobody", notice.state.describe())
        }
        (Verdict::NotReleased, _) => format!("it is {}: nobody is addressed yet", notice.state.describe()),
        (Verdict::NotAddressed, _) => "this customer was not in its audience".to_owned(),
        (Verdict::CannotBe, _) => "this customer has no contact that such a notice addresses".to_owned(),
        (Verdict::Pending, Some(level)) if !level.reaches(notice.informed_at) => format!(
            "not decided yet: handed to our relay, no failure reported so far; {level} is below {}, which counts as informed",
            notice.informed_at
        ),
        (verdict @ Verdict::NotInformed, Some(level)) if !level.reaches(notice.informed_at) => {
            format!("{}: {level} is below {}, which counts as informed", verdict.describe(), notice.informed_at)
        }
        (verdict, Some(level)) => format!("{}, level {level}", verdict.describe()),
        (verdict, None) => verdict.describe().to_owned(),
    }
}

fn describe_delivery(delivery: &InformedDelivery) -> String {
    let said = delivery.state.describe_as(delivery.level, delivery.reason);
    let mut text = format!("  {} ({}): {said}, {}\n", delivery.email, delivery.role, time(delivery.at));
    if let Some(reply) = &delivery.reply {
        let answered = if is_answer(reply) { "reply" } else { "no reply" };
        let name = if is_stated(reply) { "finding" } else { answered };
        text += &format!("    {name}: {}\n", reply.replace(char::is_control, " "));
    }
    text += &format!("    message {}\n", delivery.message_id);
    if delivery.text_damaged {
        text += &format!("    {}\n", damaged_message(delivery.id));
    }
    delivery.reports.iter().for_each(|report| text += &format!("    {}\n", describe_report(report)));
    text
}

/// What the levels in an answer mean.
fn describe_levels(answer: &Answer) -> String {
    let of = |notice: &InformedNotice| -> Vec<Level> {
        let reached = notice.deliveries.iter().filter_map(|delivery| delivery.level).chain(notice.level);
        reached.collect()
    };
    let mut levels: BTreeSet<Level> = answer.notices.iter().flat_map(of).collect();
    if levels.is_empty() {
        return String::new();
    }
    levels.extend(answer.notices.iter().map(|notice| notice.informed_at));
    let rows = levels.iter().map(|level| [level.to_string(), level.describe().to_owned()]);
    format!("\n{}No level says that anybody read the message.\n", table(["level", "meaning"], rows))
}
