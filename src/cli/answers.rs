//! `besked coverage`, `informed` and `attest`: the answers that a manager and a regulator ask for.

use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::Place;
use super::failure::{FAILED, Failure, UNDECIDED};
use super::output::{Output, count, grouped, print, table, time};
use crate::coverage::{self, CoverageRow, Informed as Answer, InformedNotice};
use crate::domain::category::Category;
use crate::domain::coverage::Verdict;
use crate::domain::fields::Fields;
use crate::domain::notice::Notice;
use crate::people::mask::Mask;
use crate::store::attestations::Attestation;
use crate::store::notices::{self, Kept};

/// Who is informed by a notice.
#[derive(Debug, Args)]
pub struct Coverage {
    /// Id or reference
    notice: String,
    /// Only customers that are not informed
    #[arg(long)]
    open: bool,
    /// As CSV, one row for each customer
    #[arg(long)]
    csv: bool,
}

/// Was this customer informed?
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["notice", "category"]))]
pub struct Informed {
    /// Account id
    #[arg(long, value_name = "ID")]
    account: String,
    /// By this notice (id or reference)
    #[arg(long, value_name = "N")]
    notice: Option<String>,
    /// By any notice of this category
    #[arg(long, value_name = "C")]
    category: Option<Category>,
    /// Released at or after this time (RFC 3339) or date
    #[arg(long, value_name = "T", requires = "category", value_parser = parse_time)]
    since: Option<Timestamp>,
    /// Released before this time (RFC 3339) or date
    #[arg(long, value_name = "T", requires = "category", value_parser = parse_time)]
    until: Option<Timestamp>,
}

/// Record that a customer was told by another way.
#[derive(Debug, Args)]
pub struct Attest {
    /// Id or reference
    notice: String,
    /// Account id
    #[arg(long, value_name = "ID")]
    account: String,
    /// How
    #[arg(long, value_enum)]
    channel: Channel,
    /// Who told the customer
    #[arg(long, value_name = "WHO")]
    by: String,
    /// What was said, or where the letter is
    #[arg(long, value_name = "TEXT")]
    note: String,
}

/// A way to tell a customer.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Channel {
    Phone,
    Letter,
    InPerson,
    Other,
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

/// Prints who is informed.
pub async fn coverage(command: Coverage, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let notice = app.notices.named(&command.notice).await?;
    if notice.released_at.is_none() {
        return Err(Failure::invalid(format!("the notice is {}: it has addressed nobody yet", notice.state)));
    }
    let mut coverage = coverage::coverage(&mut *app.store.snapshot().await?, &notice).await?;
    let mask = Mask::load(&mut *app.store.read().await?).await?;
    for delivery in coverage.rows.iter_mut().flat_map(|row| &mut row.deliveries) {
        delivery.email = mask.address(&delivery.email);
    }
    if command.open {
        coverage.rows.retain(|row| row.verdict != Verdict::Informed);
    }
    if command.csv {
        print(&csv(&coverage.rows)?)?;
        return Ok(0);
    }
    output.print(&coverage, |coverage| {
        let mut text = headline(&notice, app.clock.now());
        text += &table(
            ["", "#customers", "#share"],
            [
                ("informed", coverage.informed),
                ("not decided yet", coverage.pending),
                ("not informed", coverage.not_informed - coverage.cannot_be),
                ("nobody to address", coverage.cannot_be),
                ("all", coverage.customers),
            ]
            .map(|(name, n)| [name.to_owned(), grouped(n), share(n, coverage.customers)]),
        );
        text += "\n";
        let rows = coverage.rows.iter().map(|row| {
            [
                row.account_id.clone(),
                row.customer_name.clone(),
                row.verdict.describe().to_owned(),
                format!("{}/{}", row.informed_addresses, row.addresses),
                why(row),
            ]
        });
        text + &table(["account", "customer", "verdict", "#addresses", "deliveries"], rows)
    })?;
    Ok(0)
}

/// The notice, and for a breach the time since its discovery: the legal clock.
fn headline(notice: &Kept, now: Timestamp) -> String {
    let mut text = format!("{}: {}\n", notice.category, notice.subject);
    if let Some(released) = notice.released_at {
        text += &format!("released {}\n", time(released));
    }
    if let Ok(Notice { editions, .. }) = Notice::parse(&notice.source)
        && let Some(Fields::SecurityBreach(breach)) = editions.into_iter().next().map(|edition| edition.fields)
    {
        let hours = now.duration_since(breach.discovered_at).as_hours();
        text += &format!(
            "discovered {}, {} ago\n",
            time(breach.discovered_at),
            count(hours.unsigned_abs(), "hour", "hours")
        );
    }
    text + "\n"
}

fn share(part: u64, whole: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "a share to one digit")]
    let percent = if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    format!("{percent:.1} %")
}

fn why(row: &CoverageRow) -> String {
    let mut states: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    row.deliveries.iter().for_each(|it| *states.entry(it.state.as_str()).or_default() += 1);
    let mut parts: Vec<String> = states.iter().map(|(state, n)| format!("{n} {state}")).collect();
    parts.extend(row.attested.iter().map(|it| format!("attested ({})", it.channel)));
    parts.join(", ")
}

fn csv(rows: &[CoverageRow]) -> Result<String, Failure> {
    let mut csv = csv::Writer::from_writer(Vec::new());
    let header = ["account_id", "customer_name", "verdict", "addresses", "informed_addresses", "deliveries"];
    csv.write_record(header).map_err(anyhow::Error::from)?;
    for row in rows {
        let (addresses, informed) = (row.addresses.to_string(), row.informed_addresses.to_string());
        let cells = [&row.account_id, &row.customer_name, row.verdict.as_str(), &addresses, &informed, &why(row)];
        csv.write_record(cells.map(harmless)).map_err(anyhow::Error::from)?;
    }
    let bytes = csv.into_inner().map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// A cell that a spreadsheet does not take for a formula.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

/// Prints whether a customer was informed.
pub async fn informed(command: Informed, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let mut conn = app.store.snapshot().await?;
    let customer = crate::store::customers::find(&mut conn, &command.account).await?;
    let notices = match (&command.notice, command.category) {
        (Some(name), _) => vec![app.notices.named(name).await?],
        (None, Some(category)) => {
            notices::addressing(&mut conn, &command.account, category, command.since, command.until).await?
        }
        (None, None) => Vec::new(),
    };
    let mut answer = coverage::informed(&mut conn, &command.account, &notices).await?;
    let mask = Mask::load(&mut conn).await?;
    for delivery in answer.notices.iter_mut().flat_map(|notice| &mut notice.deliveries) {
        delivery.reply = delivery.reply.as_ref().map(|reply| mask.text(&delivery.email, reply));
        delivery.email = mask.address(&delivery.email);
    }
    let known = customer.is_some() || answer.notices.iter().any(|notice| !notice.deliveries.is_empty());
    if !known {
        return Err(Failure::invalid(format!("there is no customer `{}`", command.account))
            .hint("`besked customers list` shows whom you have"));
    }
    let name = customer.map(|customer| customer.name).unwrap_or_default();
    output.print(&answer, |answer| describe_informed(answer, &name))?;
    Ok(match answer.verdict {
        Verdict::Informed => 0,
        Verdict::Pending => UNDECIDED,
        _ => FAILED,
    })
}

/// The answer in words that claim no more than is known.
pub fn describe_informed(answer: &Answer, name: &str) -> String {
    let who = format!("Customer {} {name}", answer.account_id);
    let mut text = match answer.verdict {
        Verdict::Informed => format!("Yes. {who} was informed.\n"),
        Verdict::Pending => format!("Not decided yet. {who} is addressed; the outcome is open.\n"),
        Verdict::NotAddressed => format!("No. {who} was not addressed.\n"),
        Verdict::NotInformed | Verdict::CannotBe => format!("No. {who} was addressed, but is not informed.\n"),
    };
    answer.notices.iter().for_each(|notice| text += &describe(notice));
    let deliveries = answer.notices.iter().flat_map(|notice| &notice.deliveries);
    let (found, answered): (Vec<_>, Vec<_>) =
        deliveries.filter(|it| it.state.informs()).partition(|it| it.found_by_operator);
    if !answered.is_empty() {
        text += "\n\"Accepted\" says that the mail server took responsibility for the message. \
                 It does not say that anybody read it.\n";
    }
    if !found.is_empty() {
        text += "\n\"Found by an operator\" is that person's word: the mail server's answer is not known.\n";
    }
    text
}

fn describe(notice: &InformedNotice) -> String {
    let released = notice.released_at.map_or_else(|| "not released".to_owned(), |at| format!("released {}", time(at)));
    let reference = notice.reference.as_ref().map(|it| format!(", reference {it}")).unwrap_or_default();
    let mut text =
        format!("\n{} \"{}\"{reference}\n{released}, notice {}\n", notice.category, notice.subject, notice.id);
    if notice.verdict == Verdict::NotAddressed {
        text += "  This customer was not in its audience.\n";
    } else if notice.deliveries.is_empty() && notice.attested.is_empty() {
        text += "  This customer has no contact that such a notice addresses.\n";
    }
    for delivery in &notice.deliveries {
        text += &format!(
            "  {} ({}): {}, {}\n",
            delivery.email,
            delivery.role,
            delivery.state.told(delivery.found_by_operator),
            time(delivery.at)
        );
        if let Some(reply) = &delivery.reply {
            text += &format!("    reply: {}\n", reply.replace(char::is_control, " "));
        }
        text += &format!("    message {}\n", delivery.message_id);
    }
    for attested in &notice.attested {
        text += &format!(
            "  told by {} by {}, recorded by {} {}: {}\n",
            attested.channel,
            attested.witness,
            attested.operator,
            time(attested.at),
            attested.note
        );
    }
    text
}

/// Records an attestation.
pub async fn attest(command: Attest, place: &Place, output: &Output) -> Result<u8, Failure> {
    let app = place.app().await?;
    let notice = app.notices.named(&command.notice).await?;
    for (name, text) in [("--by", &command.by), ("--note", &command.note)] {
        if !crate::domain::problem::is_line(text) || text.len() > 1000 {
            return Err(Failure::invalid(format!("`{name}` must be one line of at most 1000 bytes")));
        }
    }
    let attestation = Attestation {
        account_id: command.account.clone(),
        channel: match command.channel {
            Channel::Phone => "phone",
            Channel::Letter => "letter",
            Channel::InPerson => "in-person",
            Channel::Other => "other",
        }
        .to_owned(),
        witness: command.by,
        note: command.note,
        operator: place.actor()?.name().to_owned(),
        at: app.clock.now(),
    };
    if !coverage::attest(&app.store, &app.clock, &app.random, &notice, &attestation).await? {
        return Err(Failure::invalid(format!("customer `{}` is not in the audience of this notice", command.account))
            .hint("only customers that a notice is meant for can be attested for it"));
    }
    output.print(&attestation, |it| {
        format!("recorded: customer {} was told by {} by {}\n", it.account_id, it.channel, it.witness)
    })?;
    Ok(0)
}
