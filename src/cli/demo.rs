//! `besked demo`: a complete example that needs no preparation.

mod catcher;
mod console;
mod dated;
mod life;
mod mailbox;
mod returned;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::failure::Failure;
use super::file::replace_private;
use super::finished::report;
use super::init::{make_key, make_tables};
use super::output::{Output, count, table};
use super::progress::bar;
use crate::app::App;
use crate::config::{EXAMPLE, parse};
use crate::coverage::{About, Totals};
use crate::dispatch::{Observer, Until};
use crate::domain::actor::Actor;
use crate::domain::address::Address;
use crate::domain::category::Category;
use crate::domain::clock::Clock;
use crate::domain::inbound::Route;
use crate::domain::notice::State;
use crate::domain::preference::Wish;
use crate::domain::random::Random;
use crate::inbound::Incoming;
use crate::notices::{Kept, Release};
use crate::people::import::ImportOptions;
use catcher::{Catcher, Manners};
use dated::dated;
use returned::Returned;

/// Run a complete example: a relay on loopback, customers, one notice of each category
#[derive(Debug, Args)]
pub struct Demo {
    /// Working directory
    #[arg(long, value_name = "DIR", default_value = "var/demo")]
    dir: PathBuf,
    /// Port of the page with the mailbox; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8025, value_parser = super::args::port)]
    port: u16,
    /// Port of the console; 0 for any that is free
    #[arg(long, value_name = "N", default_value_t = 8026, value_parser = super::args::port)]
    console_port: u16,
    /// Exit instead of serving the mailbox and the console
    #[arg(long)]
    once: bool,
}

/// The demo's input, for those who run it outside the source tree.
const INPUT: [(&str, &str); 10] = [
    ("customers.csv", include_str!("../../config/demo/customers.csv")),
    ("notices/1-security-breach.md", include_str!("../../config/demo/notices/1-security-breach.md")),
    ("notices/2-disruption.md", include_str!("../../config/demo/notices/2-disruption.md")),
    ("notices/3-maintenance.md", include_str!("../../config/demo/notices/3-maintenance.md")),
    ("notices/4-agreement-change.md", include_str!("../../config/demo/notices/4-agreement-change.md")),
    ("notices/5-security-measures-change.md", include_str!("../../config/demo/notices/5-security-measures-change.md")),
    ("notices/6-billing.md", include_str!("../../config/demo/notices/6-billing.md")),
    ("notices/7-news.md", include_str!("../../config/demo/notices/7-news.md")),
    ("notices/8-survey.md", include_str!("../../config/demo/notices/8-survey.md")),
    ("notices/invoices.csv", include_str!("../../config/demo/notices/invoices.csv")),
];

/// The database in the working directory.
const DATABASE: &str = "besked.db";

/// The notice that one whole life is shown of: its place among the others, and its file.
const LIFE: (usize, &str) = (2, "3-maintenance.md");

/// How the mail catcher treats some addresses of the demo, so that there is something to be seen in the coverage.
const MANNERS: Manners = Manners {
    refused: "it@quayandsons.example",
    bounced: "styrelsen@mjukvara.example",
    away: "anna.lindqvist@nordvind.example",
};
/// An address of the demo whose person does not want news.
const OPTED_OUT: &str = "maria.ochoa@cascadia.example";
/// The customer that the closing question is about.
const ASKED: &str = "C-1007";
/// The customer that evidence is made for.
const PROVED: &str = "C-1001";

/// Runs the demo.
pub async fn run(command: Demo, output: &Output) -> Result<u8, Failure> {
    let mail = command.dir.join("mail");
    let catcher = Catcher::start(&mail, MANNERS).await.context("cannot start the mail catcher")?;
    // The links in mails lead to the console's address, which must be known before the first mail.
    let console = if command.once { None } else { Some(listener(command.console_port).await?) };
    let public = console.as_ref().map(|it| it.local_addr().map(|at| format!("http://{at}"))).transpose()?;
    let now = Clock::System.now();
    // A second run goes on where the first one ended: a clock is not set back.
    let is_first = !command.dir.join(DATABASE).exists();
    let clock = if is_first { Clock::manual(now.checked_sub(life::AHEAD).unwrap_or(now)) } else { Clock::System };
    let app = prepare(&command.dir, catcher.address(), public, clock).await?;
    let Input { customers, notices } = input(&command.dir, (now, app.context.clock.now()), is_first)?;
    let actor = Actor::system("demo");
    let file = std::fs::File::open(&customers)?;
    let imported = app.customers.import(&actor, file, &ImportOptions::default(), &|_| {}).await?;
    let person = Address::parse(OPTED_OUT).map_err(Failure::invalid)?;
    let wish = Wish::new(Category::News, true).map_err(Failure::invalid)?;
    app.preferences.set(&actor, &person, &[wish]).await?;
    eprintln!(
        "imported {} with {} from {}",
        count(imported.customers, "customer", "customers"),
        count(imported.contacts, "contact", "contacts"),
        customers.display()
    );
    let mut lived = None;
    if is_first && let Some(file) = notices.iter().find(|file| is_of_life(file)) {
        lived = Some(Box::pin(life::live(&app, file, now)).await?);
    }
    let others: Vec<PathBuf> = notices.into_iter().filter(|file| lived.is_none() || !is_of_life(file)).collect();
    let mut notices = release_all(&app, &others).await?;
    let code = send_all(&app, &notices).await?;
    if code != 0 {
        return Ok(code);
    }
    take_returned(&app, &catcher).await?;
    if let Some(lived) = lived {
        notices.insert(LIFE.0.min(notices.len()), lived);
    }
    answer(&app, &notices, output).await?;
    prove(&app, &notices, &command.dir).await?;
    eprintln!("{} in {}", count(catcher.caught(), "message", "messages"), mail.display());
    if let Some(console) = console {
        // The days of the maintenance are over: from here on the clock is that of the machine.
        let config = (*app.context.config).clone();
        app.close().await;
        let app = App::open(config, Clock::System, Random::from_system()).await?;
        serve(&app, listener(command.port).await?, &mail, console).await?;
    }
    Ok(0)
}

/// The files that the demo reads.
struct Input {
    customers: PathBuf,
    notices: Vec<PathBuf>,
}

/// True for the notice that one whole life is shown of.
fn is_of_life(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name == LIFE.1)
}

/// The demo's input: that of the source tree, if there is one, else the built-in one. The notices are copied to the working
/// directory with their dates moved to the present, or to the `past` if it is the one that a life is shown of.
fn input(dir: &Path, (now, past): (Timestamp, Timestamp), is_first: bool) -> Result<Input, Failure> {
    let source = Path::new("config/demo");
    let is_there = source.join("customers.csv").exists();
    let copy = dir.join("input");
    let mut input =
        Input { customers: if is_there { source } else { &copy }.join("customers.csv"), notices: Vec::new() };
    for (name, text) in INPUT {
        let text = if is_there { std::fs::read_to_string(source.join(name))? } else { text.to_owned() };
        let path = copy.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&copy))?;
        if path.extension().is_some_and(|extension| extension == "md") {
            let text =
                if is_first && is_of_life(&path) { life::reminded(&dated(&text, past)) } else { dated(&text, now) };
            std::fs::write(&path, text)?;
            input.notices.push(path);
        } else {
            replace_private(&path, text.as_bytes())?;
        }
    }
    Ok(input)
}

/// A configuration, a key and a database in the working directory, with the mail catcher as the relay and links that lead to `public`,
/// if it is known.
async fn prepare(dir: &Path, relay: SocketAddr, public: Option<String>, clock: Clock) -> Result<App, Failure> {
    let path = |name: &str| dir.join(name).display().to_string();
    let settings = [
        ("BESKED__PRIVACY__JOURNAL_FILE", path("erased.journal")),
        ("BESKED__PRIVACY__JOURNAL_KEY_FILE", path("erased.key")),
        ("BESKED__DATABASE__URL", format!("sqlite://{}", path(DATABASE))),
        ("BESKED__LEDGER__KEY_FILE", path("ledger.key")),
        ("BESKED__LEDGER__STATE_FILE", path("ledger.state")),
        ("BESKED__RELAY__0__NAME", "catcher".to_owned()),
        ("BESKED__RELAY__0__URL", format!("smtp://{relay}?tls=none")),
    ];
    let mut settings: Vec<(String, String)> = settings.map(|(name, value)| (name.to_owned(), value)).to_vec();
    settings.extend(public.map(|url| ("BESKED__ORGANISATION__PUBLIC_URL".to_owned(), url)));
    let mut config = parse(EXAMPLE, "the demo's configuration", &settings)?;
    // Nobody sets up an app for a demo.
    config.console.second_factor_roles.clear();
    let random = Random::from_system();
    make_key(&config.ledger.key_file, &random)?;
    make_tables(&config).await?;
    Ok(App::open(config, clock, random).await?)
}

/// Creates, submits, approves and releases every notice of the input: Alice writes, Bo approves.
async fn release_all(app: &App, files: &[PathBuf]) -> Result<Vec<Kept>, Failure> {
    let person = |name| Actor::cli(name, "demo").map_err(Failure::invalid);
    let (alice, bo) = (person("alice")?, person("bo")?);
    let mut notices = Vec::new();
    for file in files {
        let draft = super::notice::read(file, |source| app.notices.untimely(source))?;
        let id = app.notices.create(&draft, &alice).await?;
        let mut approval = "";
        if app.notices.submit(id, &alice).await?.state == State::Submitted {
            app.notices.approve(id, &bo, Some("checked against the facts")).await?;
            approval = ", written by alice and approved by bo";
        }
        let notice = app.notices.release(id, &alice, Release::default(), &|_| {}).await?;
        eprintln!(
            "released {:<24} to {}{approval}",
            notice.category,
            count(notice.recipients, "recipient", "recipients")
        );
        notices.push(notice);
    }
    Ok(notices)
}

async fn send_all(app: &App, notices: &[Kept]) -> Result<u8, Failure> {
    let progress = bar(notices.iter().map(|notice| notice.recipients).sum(), "sending");
    let counting = progress.clone();
    let observer: Observer = Arc::new(move |settled| {
        if settled.last {
            counting.inc(1);
        }
    });
    let (dispatcher, _lock) = app.dispatcher(Some(observer))?;
    let finished = dispatcher.run(CancellationToken::new(), Some(Until::Idle(None))).await?;
    progress.finish_and_clear();
    Ok(report(&finished))
}

/// Takes what comes back, as the ways in of `[inbound]` do.
async fn take_returned(app: &App, catcher: &Catcher) -> Result<(), Failure> {
    for Returned { to, bytes } in catcher.returned() {
        let message = Incoming { route: Route::Lmtp, recipient: Some(to), sender: Some(String::new()), bytes };
        app.inbound.deliver(message).await?;
    }
    let recorded = app.inbound.work_once().await?.recorded;
    app.ledger.seal().await?;
    eprintln!("{} came back: a bounce and an absence note", count(recorded, "message", "messages"));
    Ok(())
}

async fn answer(app: &App, notices: &[Kept], output: &Output) -> Result<(), Failure> {
    let actor = Actor::system("demo");
    let mut coverages: Vec<Totals> = Vec::new();
    for notice in notices {
        let mut covering = app.coverage.coverage(&actor, &notice.id.to_string()).await?;
        while covering.next().await?.is_some() {}
        coverages.push(covering.totals());
    }
    let breach = About::Category { category: Category::SecurityBreach, since: None, until: None };
    let answer = app.coverage.informed(&actor, ASKED, &breach).await?;
    let documents = notices.iter().zip(&coverages).map(|(notice, totals)| {
        let mut document = json!(totals);
        document["notice"] = json!(notice.id);
        document["category"] = json!(notice.category);
        document
    });
    let document = json!({ "coverage": documents.collect::<Vec<_>>(), "informed": answer });
    output.print(&document, |_| {
        let rows = notices.iter().zip(&coverages).map(|(notice, it)| {
            [
                notice.category.to_string(),
                notice.category.class().to_string(),
                it.customers.to_string(),
                it.informed.to_string(),
                it.pending.to_string(),
                (it.not_informed - it.cannot_be).to_string(),
                it.cannot_be.to_string(),
            ]
        });
        let header = ["notice", "class", "#customers", "#informed", "#pending", "#not informed", "#nobody to address"];
        let question = format!("\nWas customer {ASKED} informed of the breach?\n\n");
        format!("\n{}{question}{}", table(header, rows), super::informed::describe_informed(&answer))
    })
}

/// Writes evidence that a customer was informed of the breach, and says how anybody can check it.
async fn prove(app: &App, notices: &[Kept], dir: &Path) -> Result<(), Failure> {
    let Some(breach) = notices.iter().find(|notice| notice.category == Category::SecurityBreach) else { return Ok(()) };
    let (file, pdf, key) = (dir.join("evidence.json"), dir.join("evidence.pdf"), dir.join("ledger.vkey"));
    super::evidence::write_for_customer(app, &Actor::system("demo"), (breach.id.to_string(), PROVED), (&file, &pdf))
        .await?;
    std::fs::write(&key, format!("{}\n", app.ledger.verifier_key()?))?;
    eprintln!("\nproof that customer {PROVED} was informed of it: {} (to read: {})", file.display(), pdf.display());
    eprintln!("anybody can check it: besked verify {} --key {}", file.display(), key.display());
    Ok(())
}

/// Serves the mailbox until Ctrl-C.
/// A listener on loopback at this port, else at any: the port is a convenience, not worth failing for.
async fn listener(port: u16) -> Result<TcpListener, Failure> {
    match TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], port))).await {
        Ok(listener) => Ok(listener),
        Err(_) => Ok(TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?),
    }
}

/// Serves the mailbox and the console, and sends what is written there, until Ctrl-C.
async fn serve(app: &App, mailbox: TcpListener, mail: &Path, console: TcpListener) -> Result<(), Failure> {
    let (stop, link) = (super::dispatch::stop_on_signal()?, console::invite(app).await?);
    eprintln!("the mailbox is at http://{}", mailbox.local_addr()?);
    eprintln!(
        "the console is at http://{}; sign in as `{}`, whose password you set at",
        console.local_addr()?,
        console::NAME
    );
    eprintln!("    {link}\n(Ctrl-C to end)");
    let mailbox = mailbox::serve(mailbox, mail.to_owned(), stop.clone());
    let (mailbox, console) = tokio::join!(mailbox, console::serve(app, console, stop.clone()));
    mailbox?;
    console
}
