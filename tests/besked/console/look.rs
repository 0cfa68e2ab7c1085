//! Every page in a real Chromium: in light and dark, on wide and narrow screens. Pictures of them land in `target/console-look/`.

use std::fs;
use std::path::PathBuf;

use besked::domain::operator::Role;
use uuid::Uuid;

use super::browser::Browser;
use super::chromium::{Chromium, Screen, at_loopback};
use crate::app::{CUSTOMERS, NEWS, TestApp, alice, maintenance};
use crate::database::Engine;
use crate::operators::{person, with};
use crate::relay::Act;

/// The largest page with all that it loads, in bytes.
const LARGEST: u64 = 100_000;
/// The most that Chromium's makers call good: a page that comes in pieces, since the machine is busy, may shift a little.
const STILL: f64 = 0.1;

const BREACH: &str = "+++\ncategory = \"security_breach\"\nreference = \"SEC-7\"\n[audience]\nall = true\n[fields]\n\
    stage = \"confirmed\"\nour_role = \"processor\"\ndiscovered_at = 2026-11-24T08:00:00+01:00\n\
    nature = \"A backup was copied by a stranger.\"\ndata_affected = [\"Names\", \"Addresses\"]\n\
    likely_consequences = \"Somebody may write to these persons.\"\nmeasures_taken = \"The key was changed.\"\n\
    contact_point = \"Write to privacy@provider.example.\"\n+++\nWe are sorry.\n";

/// An organisation in the middle of its work: notices in several states, a refused recipient, an opt-out, and an operator who may do
/// everything.
pub struct World {
    app: TestApp,
    pub browser: Browser,
    notices: Vec<Uuid>,
}

impl World {
    pub async fn new() -> Self {
        let all = Role::ALL;
        let app = with(Engine::Sqlite, &[person("Mia Östergren", all)]).await;
        let long = "Aktiebolaget Nordiska Datahallars Förvaltnings- och Driftorganisation i Mälardalen";
        let more: String = (4..40)
            .map(|n| format!("C{n},Customer {n} AB,a{n}@c{n}.example,Kim,technical,en,Europe/London,sto2\n"))
            .collect();
        app.import(&format!("{CUSTOMERS}C99,{long},information.och.kundservice@a-very-long-domain-name-of-a-customer.example,Åsa,service,sv,Europe/Stockholm,sto2\n{more}")).await;
        app.relay.on("RCPT TO:<a7@c7.example>", 1, Act::Reply("550 5.1.1 <a7@c7.example>: no such user here\r\n"));
        let mut notices = vec![app.release(&maintenance("all = true")).await];
        app.wish("a9@c9.example", besked::domain::category::Category::News, true).await;
        app.run_until_idle().await;
        notices.push(app.release(&maintenance("attributes = { region = [\"sto2\"] }").replace("CHG-1", "CHG-2")).await);
        notices.push(app.app.notices.create(&app.draft(NEWS, "account_id\n"), &alice()).await.unwrap());
        let breach = app.app.notices.create(&app.draft(BREACH, "account_id\n"), &alice()).await.unwrap();
        app.app.notices.submit(breach, &alice()).await.unwrap();
        notices.push(breach);
        let (app, mut browser) = at_loopback(app).await;
        browser.sign_in("Mia Östergren").await;
        Self { app, browser, notices }
    }

    /// The address of every page that somebody can open, with the name of its picture.
    pub async fn pages(&mut self) -> Vec<(String, String)> {
        let fixed = [
            "/",
            "/notices",
            "/notices/new",
            "/ask",
            "/customers",
            "/people",
            "/preferences",
            "/suppressions",
            "/tasks",
            "/inbound",
            "/relays",
            "/ledger",
            "/operators",
            "/keys",
            "/webhooks",
            "/audit",
            "/me",
            "/verify",
            "/nothing-here",
        ];
        let mut paths: Vec<String> = fixed.map(str::to_owned).to_vec();
        paths.extend(
            [
                "/ask?q=C7",
                "/ask?q=CHG-1",
                "/ask?account=C1&reference=CHG-1",
                "/ask?q=nobody",
                "/customers?q=ett",
                "/customers/C1",
                "/customers/C99",
            ]
            .map(str::to_owned),
        );
        paths.extend(self.notices.iter().map(|id| format!("/notices/{id}")));
        // Whatever these pages lead to is a page, too.
        let mut at = 0;
        while at < paths.len() && paths.len() < 90 {
            let page = self.browser.get(&paths[at]).await;
            for link in links(&page.html()) {
                let place = place(&link);
                if !paths.iter().any(|known| self::place(known) == place) {
                    paths.push(link);
                }
            }
            at += 1;
        }
        let mut names: Vec<String> = Vec::new();
        for path in &paths {
            let name = place(path).trim_matches('/').replace('/', "-");
            let name = if name.is_empty() { "now".to_owned() } else { name };
            let alike = names.iter().filter(|it| it.split('.').next() == Some(&name)).count();
            names.push(if alike == 0 { name } else { format!("{name}.{alike}") });
        }
        paths.into_iter().zip(names).collect()
    }
}

/// The pages of this host that a page links to, but for files and what ends the session.
fn links(html: &str) -> Vec<String> {
    let targets = html.split("<a ").skip(1).filter_map(|rest| rest.split('>').next());
    let targets = targets.filter(|tag| !tag.contains(" download"));
    let targets = targets.filter_map(|tag| tag.split("href=\"").nth(1)).filter_map(|rest| rest.split('"').next());
    let is_page =
        |href: &&str| !["//", "/api/", "/ledger/"].iter().any(|start| href.starts_with(start)) && !href.contains('.');
    let pages = targets.filter(|href| href.starts_with('/')).filter(is_page);
    pages.map(|href| href.split('#').next().unwrap_or_default().replace("&amp;", "&").replace("&#38;", "&")).collect()
}

/// A path without what names one of many: pages of one kind look alike.
fn place(path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let mut before = "";
    let mut place = Vec::new();
    for part in path.split('/') {
        let is_one = part.parse::<Uuid>().is_ok() || before == "customers" && part.starts_with('C');
        place.push(if is_one { "one" } else { part });
        before = part;
    }
    place.join("/")
}

fn folder() -> PathBuf {
    let target = PathBuf::from(std::env::var("CARGO_TARGET_DIR").unwrap_or_else(|_| "target".to_owned()));
    let folder = target.join("console-look");
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_usable_by_everybody_on_every_screen() {
    let mut world = World::new().await;
    let pages = world.pages().await;
    assert!(pages.len() > 30, "{pages:?}");
    let origin = format!("http://{}", world.browser.node.at);
    let mut wrong = Vec::new();
    for screen in [Screen::WIDE, Screen::DARK, Screen::NARROW, Screen::NARROW_DARK] {
        let chromium = Chromium::start(screen).await;
        chromium.remember(&world.browser).await;
        for (path, picture) in &pages {
            let look = chromium.look(&format!("{origin}{path}")).await;
            fs::write(folder().join(format!("{picture}-{}.png", screen.name)), chromium.picture().await).unwrap();
            let mut say = |what: String| wrong.push(format!("{path} ({}): {what}", screen.name));
            look.violations.iter().for_each(|it| say(it.clone()));
            if look.content_width > u64::from(screen.width) {
                say(format!("{} pixels wide", look.content_width));
            }
            if look.bytes > LARGEST {
                say(format!("{} bytes", look.bytes));
            }
            if look.shift > STILL {
                say(format!("its layout shifts by {}", look.shift));
            }
            if look.headings != (1, 1) {
                say(format!("{:?} of `h1` and `main`", look.headings));
            }
        }
        chromium.end().await;
    }
    assert!(wrong.is_empty(), "{} of {} pages:\n{}", wrong.len(), pages.len(), wrong.join("\n"));
    drop(world.app);
}
