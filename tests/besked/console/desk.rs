//! The desk: operators with customers, and the forms that they fill in.

use besked::domain::operator::Role;
use besked::operators::NewOperator;

use super::browser::{Browser, Page};
use crate::app::{CUSTOMERS, TestApp, address};
use crate::database::Engine;
use crate::operators::{person, with};

/// An application with customers and a person for each of these roles, who has its name.
pub async fn staffed(engine: Engine, of: &[Role]) -> (TestApp, Browser) {
    let roles: Vec<[Role; 1]> = of.iter().map(|role| [*role]).collect();
    let own: Vec<_> = of.iter().map(|role| address(&format!("{role}@provider.example"))).collect();
    let all: Vec<NewOperator<'_>> = roles
        .iter()
        .zip(&own)
        .map(|(role, own)| NewOperator { email: Some(own), ..person(role[0].as_str(), role) })
        .collect();
    let app = with(engine, &all).await;
    app.try_import(CUSTOMERS.as_bytes(), Default::default()).await.unwrap();
    let browser = Browser::start(&app.app).await;
    (app, browser)
}

/// A browser in which somebody is signed in.
pub async fn at(browser: &Browser, name: &str) -> Browser {
    let mut own = browser.other();
    own.sign_in(name).await;
    own
}

/// The form of a maintenance, filled in.
pub const MAINTENANCE: [(&str, &str); 11] = [
    ("category", "maintenance"),
    ("zone", "Europe/Stockholm"),
    ("f.phase", "announced"),
    ("f.services", "Compute\r\nStorage"),
    ("f.window_start", "2036-12-01T22:00"),
    ("f.window_end", "2036-12-02T02:00"),
    ("f.impact", "Two minutes without network."),
    ("reference", "CHG-7"),
    ("body", "Hello from the body."),
    ("audience", "all"),
    ("do", "save"),
];

/// The form of a breach, filled in.
pub const BREACH: [(&str, &str); 15] = [
    ("category", "security_breach"),
    ("zone", "UTC"),
    ("f.stage", "confirmed"),
    ("f.our_role", "processor"),
    ("f.discovered_at", "2026-11-24T08:00"),
    ("f.nature", "A backup was copied by a stranger."),
    ("f.data_affected", "Names\r\nAddresses"),
    ("f.likely_consequences", "Somebody may write to these persons."),
    ("f.measures_taken", "The key was changed."),
    ("f.contact_point", "Write to privacy@provider.example."),
    ("reference", "SEC-1"),
    ("body", "We are sorry."),
    ("audience", "all"),
    ("when", "now"),
    ("do", "save"),
];

/// A form with some of its values changed or added.
pub fn changed<'a>(form: &[(&'a str, &'a str)], changes: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let is_kept = |name: &str| !changes.iter().any(|(it, _)| *it == name);
    form.iter().copied().filter(|(name, _)| is_kept(name)).chain(changes.iter().copied()).collect()
}

/// Stores a form as a new notice, and returns the address of its page.
pub async fn stored(browser: &mut Browser, form: &[(&str, &str)]) -> String {
    browser.post("/notices/new", form).await.leads_to()
}

/// Takes a step on a notice, as its page asks for it.
pub async fn take(browser: &mut Browser, notice: &str, step: &str, reason: &str) -> Page {
    let path = format!("{notice}/{step}");
    let digest = browser.get(&path).await.is(200).between("name=\"digest\" value=\"", "\"");
    browser.submit(&path, &[("digest", &digest), ("reason", reason)]).await
}

/// The values that a form is filled in with, as a browser would send them.
pub fn filled(page: &Page) -> Vec<(String, String)> {
    let html = page.html();
    let mut values = Vec::new();
    for input in html.split("<input ").skip(1).map(|rest| rest.split('>').next().unwrap()) {
        let of =
            |name: &str| input.split_once(&format!("{name}=\"")).map(|it| it.1.split('"').next().unwrap().to_owned());
        let is_sent = match of("type").as_deref() {
            Some("radio" | "checkbox") => input.contains(" checked"),
            Some("file") => false,
            _ => true,
        };
        if let (true, Some(name)) = (is_sent, of("name")) {
            values.push((name, of("value").unwrap_or_default()));
        }
    }
    for area in html.split("<textarea ").skip(1) {
        let name = area.split_once("name=\"").unwrap().1.split('"').next().unwrap();
        let value = area.split_once(">\n").unwrap().1.split("</textarea>").next().unwrap();
        values.push((name.to_owned(), value.to_owned()));
    }
    for select in html.split("<select ").skip(1).map(|rest| rest.split("</select>").next().unwrap()) {
        let name = select.split_once("name=\"").unwrap().1.split('"').next().unwrap();
        let chosen = select.split("<option ").find(|option| option.contains(" selected"));
        let value = chosen.map(|it| it.split_once("value=\"").unwrap().1.split('"').next().unwrap());
        values.push((name.to_owned(), value.unwrap_or_default().to_owned()));
    }
    values.into_iter().map(|(name, value)| (name, unescaped(&value))).collect()
}

fn unescaped(text: &str) -> String {
    let entities = [("&#60;", "<"), ("&#62;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&#38;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character))
}
