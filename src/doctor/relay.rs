//! A relay, as a worker would find it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Check, Verdict};
use crate::config::{Config, Relay, ReturnPath, Smtp, Tls};
use crate::domain::address::Address;
use crate::domain::random::Random;
use crate::domain::reply::{Failing, Stage, advice};
use crate::mail::compose::composer::envelope_sender;
use crate::mail::smtp::{Envelope, Extensions, Failed, Session};
use crate::mail::token::TokenKey;

/// A certificate that expires sooner than this is a warning.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// The longest wait for one step: whoever asks is waiting too.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a relay was found to do.
pub struct Examined {
    /// The result.
    pub check: Check,
    /// True if it refuses the return path of deliveries, and takes mail from the address in From.
    pub takes_from_alone: bool,
}

/// Connects, negotiates TLS, authenticates, asks whether it takes mail from the sender, and lists what the server offers.
pub(super) async fn check(relay: &Relay, config: &Config, now: Timestamp) -> Examined {
    let what = format!("relay {}", relay.name);
    let mut session = match Session::open(relay, &patient(&config.smtp)).await {
        Ok(session) => session,
        Err(failed) => {
            let check = Check::new(what, Verdict::Failed, in_words(relay, &failed));
            return Examined { check, takes_from_alone: false };
        }
    };
    let (mut parts, mut verdict) = greeted(relay, &session, now);
    let mut takes_from_alone = false;
    match senders(&mut session, relay, config).await {
        Ok(taken) => parts.extend(taken),
        Err(refused) => {
            verdict = Verdict::Failed;
            takes_from_alone = refused.takes_from_alone;
            parts.push(refused.detail);
        }
    }
    parts.push(offers(session.extensions()));
    if let Some((said, is_odd)) = login(relay, &session) {
        parts.push(said.to_owned());
        verdict = if is_odd && verdict == Verdict::Ok { Verdict::Warning } else { verdict };
    }
    session.quit().await;
    Examined { check: Check::new(what, verdict, parts.join(", ")), takes_from_alone }
}

/// The deadlines of a session whose end is waited for.
fn patient(smtp: &Smtp) -> Smtp {
    let short = |deadline: Duration| deadline.min(PATIENCE);
    Smtp {
        connect: short(smtp.connect),
        greeting: short(smtp.greeting),
        auth: short(smtp.auth),
        mail: short(smtp.mail),
        rcpt: short(smtp.rcpt),
        ..smtp.clone()
    }
}

/// Why a session could not be opened, and what to do.
fn in_words(relay: &Relay, failed: &Failed) -> String {
    let said = failed.failure.text();
    // A server that replies speaks SMTP, and the way it is spoken there.
    let may_be_port = failed.stage <= Stage::StartTls && failed.failure.code().is_none();
    let port = relay.url.doubtful_port().filter(|_| may_be_port);
    format!("{}: {said}; {}", failed.stage, port.unwrap_or_else(|| advice(failed.stage, &said)))
}

/// What a relay shows before a transaction.
fn greeted(relay: &Relay, session: &Session, now: Timestamp) -> (Vec<String>, Verdict) {
    let (mut parts, mut verdict) = (vec![session.host.clone()], Verdict::Ok);
    parts.push(match (session.tls.is_empty(), relay.url.tls) {
        (true, Tls::Opportunistic) => "no TLS: the server offers none, and `tls=opportunistic` does without".to_owned(),
        (true, _) => "no TLS".to_owned(),
        (false, _) => session.tls.clone(),
    });
    if let Some(expires) = session.certificate_expires {
        let left = expires.duration_since(now);
        // The certificate of opportunistic TLS is not verified.
        let is_soon = left < SOON && relay.url.tls != Tls::Opportunistic;
        let warned = if is_soon { format!(", in {} days: renew it", left.as_hours() / 24) } else { String::new() };
        parts.push(format!("certificate until {}{warned}", expires.strftime("%Y-%m-%d")));
        if is_soon {
            verdict = Verdict::Warning;
        }
    }
    (parts, verdict)
}

/// How it was logged in, if a user is set, and true if that is a reason to look.
fn login(relay: &Relay, session: &Session) -> Option<(&'static str, bool)> {
    relay.url.user.as_ref()?;
    Some(match (relay.password.is_some(), session.tls.is_empty()) {
        (false, _) => ("a user without a password: it does not log in", true),
        (true, true) if relay.url.is_loopback() => ("authenticated, in clear within this host", false),
        (true, true) => ("authenticated, and the password went over the network in clear", true),
        (true, false) => ("authenticated", false),
    })
}

/// A sender that a relay does not take.
struct Refused {
    detail: String,
    takes_from_alone: bool,
}

/// Asks whether the relay takes mail from each return path that it will be given.
async fn senders(session: &mut Session, relay: &Relay, config: &Config) -> Result<Vec<String>, Refused> {
    let random = Random::from_system();
    let (key, id) = (TokenKey::new(random.bytes()), random.id(Timestamp::UNIX_EPOCH));
    let mut asked: Vec<Address> = Vec::new();
    for category in config.carried_by(&relay.name).iter() {
        let from = envelope_sender(config, &key, category, id);
        if asked.contains(&from) {
            continue;
        }
        let own = Address::parse(config.from_of(category).email.as_ref()).unwrap_or_else(|_| from.clone());
        if let Err(refused) = takes(session, &from, &own).await {
            let said = refused.failure.text();
            let is_other = config.sender.return_path == ReturnPath::Delivery && session.is_usable();
            let takes_from_alone = is_other && takes(session, &own, &own).await.is_ok();
            let remedy = if takes_from_alone {
                format!(
                    "it takes mail from `{own}` itself: let its user send from every address at `{}`, or set \
                     `[sender] return_path = \"from\"`",
                    from.domain()
                )
            } else {
                advice(refused.stage, &said).to_owned()
            };
            let is_no = matches!(Failing::of(refused.stage, &said), Failing::Refuses(_) | Failing::Objects);
            let what = if is_no { "it refuses the sender" } else { "it does not say whether it takes the sender" };
            let detail = format!("{what} `{from}` ({}: {said}); {remedy}", refused.stage);
            return Err(Refused { detail, takes_from_alone });
        }
        asked.push(from);
    }
    Ok(asked.iter().map(|from| format!("takes mail from `{}`", shown(from, config))).collect())
}

/// Asks whether it takes mail from an address. The recipient is our own: what it says about that one alone does not count.
async fn takes(session: &mut Session, from: &Address, own: &Address) -> Result<(), Failed> {
    match session.ask(Envelope { from: Some(from), to: own, reports: None }).await {
        Err(failed) if failed.stage == Stage::Rcpt && failed.failure.cause().is_none() && session.is_usable() => Ok(()),
        asked => asked.map(|_| ()),
    }
}

/// A return path, without the token of a delivery that there is not.
fn shown(from: &Address, config: &Config) -> String {
    match config.sender.return_path {
        ReturnPath::Delivery => format!("b+TOKEN@{}", from.domain()),
        ReturnPath::From => from.as_str().to_owned(),
    }
}

/// The extensions that the server offers, then those that it lacks.
fn offers(extensions: Extensions) -> String {
    let size = extensions.size.map_or_else(|| "SIZE".to_owned(), |size| format!("SIZE {size}"));
    let (offered, lacking): (Vec<_>, Vec<_>) = [
        (extensions.size.is_some(), size.as_str()),
        (extensions.eight_bit_mime, "8BITMIME"),
        (extensions.smtputf8, "SMTPUTF8"),
        (extensions.pipelining, "PIPELINING"),
        (extensions.dsn, "DSN"),
    ]
    .into_iter()
    .partition(|(offered, _)| *offered);
    let names = |of: Vec<(bool, &str)>| of.into_iter().map(|(_, name)| name).collect::<Vec<_>>().join(" ");
    match (offered.is_empty(), lacking.is_empty()) {
        (_, true) => names(offered),
        (true, false) => format!("lacks {}", names(lacking)),
        (false, false) => format!("{}, lacks {}", names(offered), names(lacking)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_waits_for_no_step_longer_than_half_a_minute() {
        let smtp = patient(&Smtp { auth: Duration::from_secs(2), ..Smtp::default() });
        assert_eq!(
            [smtp.connect, smtp.greeting, smtp.auth, smtp.mail, smtp.rcpt].map(|it| it.as_secs()),
            [30, 30, 2, 30, 30]
        );
    }
}
