//! The seven questions of `besked init` at a terminal. Each answer is checked by the rules of the configuration, and the relay is
//! tried before anything is written.

use std::path::Path;

use dialoguer::{Confirm, Input, Password};
use secrecy::{ExposeSecret as _, SecretString};

use super::super::failure::Failure;
use crate::config::{Config, EXAMPLE, filled, parse};
use crate::doctor::{Examined, Verdict, examine_relay};
use crate::domain::address::Address;

/// Where the password of the relay is put.
pub(super) const PASSWORD_FILE: &str = "var/relay.password";

/// The answers, as far as the configuration knows them.
pub(super) struct Answers {
    /// The configuration file's text.
    pub text: String,
    /// The relay's password, for [`PASSWORD_FILE`].
    pub password: Option<SecretString>,
    /// Where a first mail is to go.
    pub test_address: String,
}

/// Asks for what no default can know.
pub(super) async fn ask() -> Result<Answers, Failure> {
    eprintln!("Seven answers make a configuration; every other key has a default, explained in the file.\n");
    let name = ask_for("Organisation, as every mail names it", None, |it| checked("ORGANISATION__NAME", it))?;
    let postal = ask_for("Its postal address, in one line", None, |it| checked("ORGANISATION__ADDRESS", it))?;
    let authority = ask_for("Authority that persons can complain to", Some(AUTHORITY.to_owned()), |it| {
        checked("ORGANISATION__SUPERVISORY_AUTHORITY", it)
    })?;
    let from = ask_for("Sender, as `Name <address>`", None, |it| checked("SENDER__FROM", it))?;
    let sender = config(&[("SENDER__FROM", &from)]).map_err(Failure::invalid)?.sender;
    let (domain, address) = (sender.domain().to_owned(), sender.from.email.to_string());
    let base = format!("https://notices.{domain}");
    let public_url = ask_for("Web address for unsubscribing, served by this program", Some(base), |it| {
        checked("ORGANISATION__PUBLIC_URL", it)
    })?;
    let Chosen { url, password, return_path } = relay(&from, &domain).await?;
    let test_address = ask_for("Your own address, for a test mail", None, |it| {
        Address::parse(it).map(|_| ()).map_err(|error| error.to_string())
    })?;
    let origin = format!("{domain}/besked");
    let mut values = vec![
        ("organisation", "name", name.as_str()),
        ("organisation", "address", postal.as_str()),
        ("organisation", "supervisory_authority", authority.as_str()),
        ("organisation", "privacy_contact", address.as_str()),
        ("organisation", "public_url", public_url.as_str()),
        ("sender", "from", from.as_str()),
        ("sender", "reply_to", address.as_str()),
        ("sender", "bounce_domain", domain.as_str()),
        ("sender", "return_path", return_path),
        ("ledger", "origin", origin.as_str()),
        ("relay", "url", url.as_str()),
    ];
    if password.is_some() {
        values.push(("relay", "password_file", PASSWORD_FILE));
    }
    Ok(Answers { text: filled(&values), password, test_address })
}

/// The authority of the example.
const AUTHORITY: &str = "Swedish Authority for Privacy Protection (IMY)";

/// The relay that was chosen, and the return path that it takes.
struct Chosen {
    url: String,
    password: Option<SecretString>,
    return_path: &'static str,
}

/// Asks for the relay until it answers, or is kept although it does not.
async fn relay(from: &str, domain: &str) -> Result<Chosen, Failure> {
    eprintln!(
        "\nThe relay takes the mail from here: smtp://localhost:25?tls=none for a Postfix on this host,\n\
         smtp://USER@HOST:587 or smtps://USER@HOST:465 for others. USER is the name that it knows you by, often the whole\n\
         address: smtp://notices@{domain}@HOST:587."
    );
    let mut before = "smtp://localhost:25?tls=none".to_owned();
    loop {
        let url = ask_for("Relay", Some(before), |it| checked("RELAY__0__URL", it))?;
        let user = config(&[("RELAY__0__URL", &url)]).map_err(Failure::invalid)?.relays[0].url.user.clone();
        let password = match &user {
            Some(user) => Some(SecretString::from(
                Password::new().with_prompt(format!("Password of {user}")).interact().map_err(unreadable)?,
            )),
            None => None,
        };
        let secret = password.as_ref().map_or("", |it| it.expose_secret());
        let mut answers =
            vec![("RELAY__0__URL", url.as_str()), ("SENDER__FROM", from), ("SENDER__BOUNCE_DOMAIN", domain)];
        answers.extend(user.is_some().then_some(("RELAY__0__PASSWORD", secret)));
        let tried = config(&answers).map_err(Failure::invalid)?;
        eprintln!("  trying it ...");
        let Examined { check, takes_from_alone } = examine_relay(&tried.relays[0], &tried).await;
        eprintln!("  {}", check.detail);
        if takes_from_alone && confirmed(FROM_ALONE, true)? {
            return Ok(Chosen { url, password, return_path: "from" });
        }
        if check.verdict != Verdict::Failed || confirmed("It cannot be used now. Keep it all the same?", false)? {
            return Ok(Chosen { url, password, return_path: "delivery" });
        }
        before = url;
    }
}

/// The question about a relay whose user may send as itself only.
const FROM_ALONE: &str = "Let every mail have the sender's own address as its return path? Reports of what could not be delivered then \
                          come to that mailbox";

fn confirmed(question: &str, default: bool) -> Result<bool, Failure> {
    Confirm::new().with_prompt(question).default(default).interact().map_err(unreadable)
}

/// Asks whether the password that was typed takes the place of the one in a file.
pub(super) fn is_to_replace(file: &Path) -> Result<bool, Failure> {
    let question = format!("`{}` has another password. Replace it by the one you typed?", file.display());
    confirmed(&question, true)
}

/// Asks until the answer is valid.
fn ask_for(
    question: &str,
    default: Option<String>,
    check: impl Fn(&str) -> Result<(), String>,
) -> Result<String, Failure> {
    let input = Input::new().with_prompt(question).validate_with(move |it: &String| check(it.trim()));
    let input = match default {
        Some(default) => input.default(default),
        None => input,
    };
    let answer: String = input.interact_text().map_err(unreadable)?;
    Ok(answer.trim().to_owned())
}

/// The example with these answers, by the names of their variables in the environment.
fn config(answers: &[(&str, &str)]) -> Result<Config, String> {
    let variables: Vec<(String, String)> =
        answers.iter().map(|(key, value)| (format!("BESKED__{key}"), (*value).to_owned())).collect();
    parse(EXAMPLE, "the example", &variables).map_err(|error| match error {
        crate::config::ConfigError::Invalid(found) => {
            found.into_iter().map(|it| it.problem).collect::<Vec<_>>().join("; ")
        }
        other => other.to_string(),
    })
}

fn checked(key: &str, answer: &str) -> Result<(), String> {
    // A relay without its password is not wrong yet.
    config(&[(key, answer)]).map(|_| ())
}

fn unreadable(error: dialoguer::Error) -> Failure {
    Failure::invalid(format!("no answer: {error}"))
        .hint("`besked init --defaults` asks nothing, and writes the commented configuration")
}
