//! A relay, as a worker would find it.

use jiff::{SignedDuration, Timestamp};

use super::{Check, Verdict};
use crate::config::{Config, Relay, Tls};
use crate::mail::smtp::{Extensions, Session};

/// A certificate that expires sooner than this is a warning.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Connects, negotiates TLS, authenticates, and lists what the server offers.
pub(super) async fn check(relay: &Relay, config: &Config, now: Timestamp) -> Check {
    let what = format!("relay {}", relay.name);
    let session = match Session::open(relay, &config.smtp).await {
        Ok(session) => session,
        Err(failed) => {
            return Check::new(what, Verdict::Failed, format!("{}: {}", failed.stage, failed.failure.text()));
        }
    };
    let mut parts = vec![session.host.clone()];
    let mut verdict = Verdict::Ok;
    parts.push(match (session.tls.is_empty(), relay.url.tls) {
        (true, Tls::Opportunistic) => "no TLS: the server offers none, and `tls=opportunistic` does without".to_owned(),
        (true, _) => "no TLS".to_owned(),
        (false, _) => session.tls.clone(),
    });
    if let Some(expires) = session.certificate_expires {
        parts.push(format!("certificate until {}", expires.strftime("%Y-%m-%d")));
        // The certificate of opportunistic TLS is not verified.
        if expires.duration_since(now) < SOON && relay.url.tls != Tls::Opportunistic {
            verdict = Verdict::Warning;
        }
    }
    if relay.url.user.is_some() {
        parts.push(if relay.password.is_some() { "authenticated" } else { "user without a password" }.to_owned());
        if relay.password.is_none() || session.tls.is_empty() {
            verdict = Verdict::Warning;
        }
    }
    parts.push(offers(session.extensions()));
    session.quit().await;
    Check::new(what, verdict, parts.join(", "))
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
