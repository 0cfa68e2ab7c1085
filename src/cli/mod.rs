//! The command line: parses, calls one service, shapes the answer.
//!
//! Data goes to stdout, all else to stderr; `--json` prints one JSON document, also of an error. Exit codes: 0 done, 1 failed, 2 wrong usage or
//! input, 3 not decided yet, 75 try later (the `EX_TEMPFAIL` of sysexits.h).

mod args;
mod attest;
mod audit;
mod config;
mod coverage;
mod customers;
mod deliveries;
mod demo;
mod dispatch;
mod doctor;
mod evidence;
mod failure;
mod file;
mod finished;
mod hold;
mod inbound;
mod informed;
mod init;
mod keys;
mod ledger;
mod manual;
mod matters;
mod named;
mod nobody;
mod notice;
mod operators;
mod output;
mod pages;
mod preferences;
mod progress;
mod relays;
mod retention;
mod returned;
mod subject;
mod suppressions;
mod tasks;
mod usage;
mod verify;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use uuid::Uuid;

use crate::app::{App, AppError};
use crate::config::{ConfigError, Loaded, load, log_of};
use crate::domain::actor::{Actor, Via};
use crate::domain::audit::Ended;
use crate::domain::clock::Clock;
use crate::domain::random::Random;
use failure::Failure;
use output::Output;

/// Informs every customer of what they must know, and proves it.
#[derive(Debug, Parser)]
#[command(name = "besked", version, max_term_width = 100)]
struct Cli {
    /// Configuration file
    #[arg(long, global = true, env = "BESKED_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    json: bool,
    /// The operator who acts; the user of the operating system if it is left out
    #[arg(long = "as", id = "acting", global = true, value_name = "OPERATOR", value_parser = args::said)]
    operator: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make what is missing: configuration, ledger key, database
    Init(init::Init),
    /// Make or update the database's tables
    Migrate,
    /// Check the configuration, database and keys; sends nothing
    Doctor(doctor::Doctor),
    /// Show or check the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Import and show customers
    #[command(subcommand)]
    Customers(customers::Command),
    /// Write, check, release and follow notices
    #[command(subcommand)]
    Notice(notice::Command),
    /// Matters: notices that follow each other, how far each is, and what comes next
    Matters(matters::Matters),
    /// Send what is released, in the foreground
    Dispatch(dispatch::Dispatch),
    /// Run as a service: sending, scheduled releases, closing, the unsubscribe page
    Serve(dispatch::Serve),
    /// Show the state of the relays, as the running dispatchers see it
    Relays,
    /// Who is informed by a notice, customer by customer
    Coverage(coverage::Coverage),
    /// Was this customer informed?
    Informed(informed::Informed),
    /// Record that a customer was informed in another way
    Attest(attest::Attest),
    /// Show single deliveries, report on them, and send them again
    #[command(subcommand)]
    Deliveries(deliveries::Command),
    /// The ledger: its state, checkpoints, audit and export
    #[command(subcommand)]
    Ledger(ledger::Command),
    /// Proof of a notice for others to check
    #[command(subcommand)]
    Evidence(evidence::Command),
    /// Check an evidence file; needs its ledger's key and nothing else
    Verify(verify::Verify),
    /// What came back by mail: bounces and other reports, complaints, replies
    #[command(subcommand)]
    Inbound(inbound::Command),
    /// What a person must do, by when and why
    #[command(subcommand)]
    Tasks(tasks::Command),
    /// A person's opt-outs
    #[command(subcommand)]
    Preferences(preferences::Command),
    /// Addresses with a reason against mailing them
    #[command(subcommand)]
    Suppressions(suppressions::Command),
    /// A person's rights: export, correct, restrict, erase what is stored about them
    #[command(subcommand)]
    Subject(subject::Command),
    /// Legal holds: what must not be erased or purged
    #[command(subcommand)]
    Hold(hold::Command),
    /// Delete persons whose retention has ended
    #[command(subcommand)]
    Retention(retention::Command),
    /// Who uses Besked, and in which roles
    #[command(subcommand)]
    Operators(operators::Command),
    /// Keys of programs
    #[command(subcommand)]
    Keys(keys::Command),
    /// Other systems that are called when something happens
    #[command(subcommand)]
    Webhooks(webhooks::Command),
    /// What everybody asked for
    #[command(subcommand)]
    Audit(audit::Command),
    /// Print the completions of a shell
    Completions(manual::Completions),
    /// Write the manual pages
    Man(manual::Man),
    /// Run a complete example: a relay on loopback, customers, one notice of each category
    Demo(demo::Demo),
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let parsed = Cli::command().try_get_matches().and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            let arguments: Vec<String> = std::env::args_os().map(|it| it.to_string_lossy().into_owned()).collect();
            return usage::print(error, &arguments);
        }
    };
    let asking = audit::Asking::of(&matches);
    let place = Place::new(cli.config, cli.operator);
    // A command that needs a configuration reports what is wrong with it.
    let log = place.load().map_or_else(|_| log_of(&environment()), |loaded| loaded.config.log);
    crate::telemetry::init(&log);
    let output = Output { json: cli.json };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(async {
            let result = run(cli.command, &place, &output).await;
            audit::record(&asking, &place, result.as_ref().map_or_else(Failure::ended, |_| Ended::Ok)).await;
            place.close().await;
            result
        }),
        Err(error) => Err(Failure::from(anyhow::Error::new(error).context("cannot start"))),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            failure.print();
            if output.json && !output::has_printed() {
                usage::print_document(&failure);
            }
            ExitCode::from(failure.code)
        }
    }
}

async fn run(command: Command, place: &Place, output: &Output) -> Result<u8, Failure> {
    match command {
        Command::Init(command) => init::init(command, place, output).await,
        Command::Migrate => init::migrate(place, output).await,
        Command::Doctor(command) => doctor::doctor(command, place, output).await,
        Command::Config(command) => config::run(command, place, output),
        Command::Customers(command) => customers::run(command, place, output).await,
        Command::Notice(command) => notice::run(command, place, output).await,
        Command::Dispatch(command) => dispatch::dispatch(command, place, output).await,
        Command::Serve(command) => dispatch::serve(command, place).await,
        Command::Relays => relays::relays(place, output).await,
        Command::Coverage(command) => coverage::coverage(command, place, output).await,
        Command::Informed(command) => informed::informed(command, place, output).await,
        Command::Attest(command) => attest::attest(command, place, output).await,
        Command::Deliveries(command) => deliveries::run(command, place, output).await,
        Command::Ledger(command) => ledger::run(command, place, output).await,
        Command::Evidence(command) => evidence::run(command, place, output).await,
        Command::Verify(command) => verify::verify(&command, output),
        Command::Inbound(command) => inbound::run(command, place, output).await,
        Command::Matters(command) => matters::run(command, place, output).await,
        Command::Tasks(command) => tasks::run(command, place, output).await,
        Command::Preferences(command) => preferences::run(command, place, output).await,
        Command::Suppressions(command) => suppressions::run(command, place, output).await,
        Command::Subject(command) => subject::run(command, place, output).await,
        Command::Hold(command) => hold::run(command, place, output).await,
        Command::Retention(command) => retention::run(command, place, output).await,
        Command::Operators(command) => operators::run(command, place, output).await,
        Command::Keys(command) => keys::run(command, place, output).await,
        Command::Webhooks(command) => webhooks::run(command, place, output).await,
        Command::Audit(command) => audit::run(command, place, output).await,
        Command::Completions(command) => manual::completions(&command),
        Command::Man(command) => manual::man(&command),
        Command::Demo(command) => demo::run(command, output).await,
    }
}

fn environment() -> Vec<(String, String)> {
    std::env::vars().collect()
}

/// What a command works with: its configuration, operator and database.
struct Place {
    config: Option<PathBuf>,
    /// The operator named with `--as`.
    operator: Option<String>,
    /// The parts, once a command uses them.
    opened: OnceLock<App>,
    /// Who acts, if they may; the name that was claimed; and how they reached Besked.
    acted: OnceLock<(Option<Actor>, String, String)>,
    /// What a command made, or found out that it is about.
    about: OnceLock<Uuid>,
}

impl Place {
    const fn new(config: Option<PathBuf>, operator: Option<String>) -> Self {
        Self { config, operator, opened: OnceLock::new(), acted: OnceLock::new(), about: OnceLock::new() }
    }

    /// Notes what the command made, for the audit log.
    fn made(&self, id: Uuid) {
        self.about.get_or_init(|| id);
    }

    fn load(&self) -> Result<Loaded, Failure> {
        Ok(self.try_load()?)
    }

    fn try_load(&self) -> Result<Loaded, ConfigError> {
        load(self.config.as_deref(), &environment())
    }

    /// Who runs the command: the operator named with `--as`, else the one with the name of the user of the operating system.
    async fn actor(&self, app: &App) -> Result<Actor, Failure> {
        // From the user id of the process: the environment is missing in services, and anybody can change it.
        let user = whoami::username().unwrap_or_else(|_| "unknown".to_owned());
        let found = app.operators.at_command_line(self.operator.as_deref(), &user).await;
        let claimed = self.operator.clone().unwrap_or_else(|| user.clone());
        let via = Via::Cli { os_user: user }.to_string();
        self.acted.get_or_init(|| (found.as_ref().ok().cloned(), claimed, via));
        Ok(found?)
    }

    /// The parts, and who runs the command.
    async fn acting(&self) -> Result<(App, Actor), Failure> {
        let app = self.app().await?;
        let actor = self.actor(&app).await?;
        Ok((app, actor))
    }

    async fn app(&self) -> Result<App, Failure> {
        Ok(self.open().await??)
    }

    /// The parts, with what kept them from being put together apart from what is wrong with the configuration.
    async fn open(&self) -> Result<Result<App, AppError>, Failure> {
        let opened = App::open(self.load()?.config, Clock::System, Random::from_system()).await;
        if let Ok(app) = &opened {
            self.opened.get_or_init(|| app.clone());
        }
        Ok(opened)
    }

    async fn close(&self) {
        if let Some(app) = self.opened.get() {
            app.close().await;
        }
    }
}
