//! Every page with every role: nothing fails inside, what the table of rights does not allow is refused, and who sees no address sees none.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use besked::domain::inbound::Route;
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::domain::right::Right;
use besked::inbound::Incoming;

use super::desk::{at, staffed};
use crate::app::{alice, maintenance};
use crate::database::Engine;
use crate::relay::Act;

/// Addresses of the fixture, which who sees none must not find on any page.
const ADDRESSES: [&str; 6] = [
    "hello@two.example",
    "service@ett.example",
    "teknik@ett.example",
    "faktura@ett.example",
    "ap@three.example",
    "lost@nowhere.example",
];

/// The routes of the console that are pages, as its source has them.
fn routes() -> Vec<String> {
    let mut waiting = vec![PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/console"))];
    let mut routes = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            waiting.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if is_inside(&path) {
            let text = std::fs::read_to_string(&path).unwrap();
            for rest in text.split(".route(\"").skip(1) {
                let (route, handlers) = rest.split_once("\",").unwrap();
                let handlers = handlers.split(".route(").next().unwrap().split(";\n").next().unwrap();
                if handlers.trim_start().starts_with("get(") || handlers.trim_start().starts_with("upload") {
                    routes.push(route.to_owned());
                }
            }
        }
    }
    routes.sort();
    routes
}

/// True for a file with pages that need a session.
fn is_inside(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".rs") && !["sign_in.rs", "invite.rs", "assets.rs"].contains(&name)
}

/// What a page needs: nothing, one right, or what its notice says.
enum Needs {
    Nothing,
    One(Right),
    Notice,
}

/// What each page needs, and the address at which it is opened. `{notice}` and the like stand for the fixture's.
fn pages() -> Vec<(&'static str, &'static str, Needs)> {
    use Needs::{Nothing, Notice, One};
    vec![
        ("/", "/", Nothing),
        ("/ask", "/ask?account=C2", One(Right::Read)),
        ("/ask", "/ask?q=two", One(Right::Read)),
        ("/ask", "/ask?account=C2&reference=CHG-1", One(Right::Read)),
        ("/audit", "/audit", One(Right::ReadAudit)),
        ("/customers", "/customers", One(Right::ReadCustomers)),
        ("/customers", "/customers?q=hello", One(Right::ReadCustomers)),
        ("/customers/import", "/customers/import", One(Right::Import)),
        ("/customers/{account_id}", "/customers/C2", One(Right::ReadCustomers)),
        ("/customers/{account_id}/calendar", "/customers/C2/calendar", One(Right::Calendars)),
        ("/inbound", "/inbound", One(Right::ReadInbound)),
        ("/inbound", "/inbound?unmatched=1", One(Right::ReadInbound)),
        ("/inbound/{id}", "/inbound/{inbound}", One(Right::ReadInbound)),
        ("/inbound/{id}/message", "/inbound/{inbound}/message", Notice),
        ("/keys", "/keys", One(Right::ReadOperators)),
        ("/ledger", "/ledger", One(Right::ReadLedger)),
        ("/me", "/me", Nothing),
        ("/operators", "/operators", One(Right::ReadOperators)),
        ("/operators/{name}", "/operators/Root", One(Right::ReadOperators)),
        ("/people", "/people", One(Right::Subjects)),
        ("/people", "/people?email=hello%40two.example", One(Right::Subjects)),
        ("/people/erase", "/people/erase?email=hello%40two.example", One(Right::Subjects)),
        ("/people/objections", "/people/objections", One(Right::Subjects)),
        ("/people/petitions", "/people/petitions", One(Right::Subjects)),
        ("/people/petitions/{id}", "/people/petitions/{petition}", One(Right::Subjects)),
        ("/preferences", "/preferences?email=hello%40two.example", One(Right::Preferences)),
        ("/relays", "/relays", One(Right::ReadRelays)),
        ("/suppressions", "/suppressions", One(Right::ReadSuppressions)),
        ("/tasks", "/tasks?all=1", Nothing),
        ("/tasks/uncertain", "/tasks/uncertain", One(Right::Read)),
        ("/tasks/{id}", "/tasks/{task}", Notice),
        ("/webhooks", "/webhooks", One(Right::Webhooks)),
        ("/webhooks/{id}", "/webhooks/{petition}", Notice),
        ("/deliveries/{id}", "/deliveries/{delivery}", Notice),
        ("/deliveries/{id}/message", "/deliveries/{delivery}/message", Notice),
        ("/deliveries/{id}/message.eml", "/deliveries/{delivery}/message.eml", Notice),
        ("/notices", "/notices", One(Right::Read)),
        ("/notices/new", "/notices/new", Notice),
        ("/notices/{id}", "/notices/{notice}", One(Right::Read)),
        ("/notices/{id}/attest", "/notices/{notice}/attest", Notice),
        ("/notices/{id}/customers", "/notices/{notice}/customers", One(Right::Read)),
        ("/notices/{id}/deliveries", "/notices/{notice}/deliveries", One(Right::Read)),
        ("/notices/{id}/edit", "/notices/{notice}/edit", Notice),
        ("/notices/{id}/evidence", "/notices/{notice}/evidence", One(Right::Evidence)),
        ("/notices/{id}/evidence/{file}", "/notices/{notice}/evidence/evidence.json?account=C9", Notice),
        ("/notices/{id}/look", "/notices/{notice}/look", Notice),
        ("/notices/{id}/open.csv", "/notices/{notice}/open.csv", One(Right::Read)),
        ("/notices/{id}/preview", "/notices/{notice}/preview", Notice),
    ]
}

/// Pages that are not walked: a stream without an end, and steps, which have tests of their own.
const ELSEWHERE: [&str; 2] = ["/now/events", "/notices/{id}/{step}"];

/// Keeps a page with its style sheet in it in the folder that `BESKED_LOOK` names, for those who look at it.
fn keep(role: &str, path: &str, html: &str) {
    let Some(folder) = std::env::var_os("BESKED_LOOK") else { return };
    let style = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/console/assets/console.css"));
    let name: String = path.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let html = html.replace("</head>", &format!("<style>{style}</style></head>"));
    std::fs::write(PathBuf::from(folder).join(format!("{role}{name}.html")), html).unwrap();
}

#[test]
fn every_page_is_walked() {
    let (walked, routes) = (pages(), routes());
    assert!(routes.len() > 30, "{routes:?}");
    let missing: Vec<_> = routes
        .iter()
        .filter(|route| !ELSEWHERE.contains(&route.as_str()) && !walked.iter().any(|(it, ..)| it == route))
        .filter(|route| !["/me/", "/notices/{id}/", "/sign-", "/invite"].iter().any(|it| route.starts_with(it)))
        .collect();
    assert!(missing.is_empty(), "not walked: {missing:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_opens_what_the_table_of_rights_allows_and_no_other_page() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, Role::ALL)).await;
    let notice = Box::pin(app.release(&maintenance("all = true"))).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 <hello@two.example> unknown\r\n"));
    Box::pin(app.run_until_idle()).await;
    let message =
        b"From: lost@nowhere.example\r\nTo: notices@example.com\r\nSubject: hm\r\n\r\nlost@nowhere.example\r\n";
    let incoming = Incoming { route: Route::File, recipient: None, sender: None, bytes: message.to_vec() };
    app.app.inbound.take(vec![incoming]).await.unwrap();
    Box::pin(app.run_until_idle()).await;
    let some = PageRequest { after: None, limit: 9 };
    let inbound = app.app.inbound.list(&alice(), false, &some).await.unwrap().items[0].id;
    let task = app.app.tasks.list(&alice(), false, &some).await.unwrap().items[0].id;
    let wanted = besked::deliveries::Wanted { account: Some("C2"), ..Default::default() };
    let delivery = app.app.deliveries.list(&alice(), &wanted, &some).await.unwrap().items[0].id;
    let (who, kind) = (crate::app::address("hello@two.example"), besked::domain::petition::PetitionKind::Access);
    let received_at = app.app.context.clock.now();
    let petition = app.app.petitions.record(&alice(), &who, kind, received_at).await.unwrap().id;
    let known = [
        ("{notice}", notice),
        ("{inbound}", inbound),
        ("{task}", task),
        ("{delivery}", delivery),
        ("{petition}", petition),
    ];
    for role in Role::ALL {
        let mut browser = at(&door, role.as_str()).await;
        let has = |right: Right| right.roles(None).contains(*role);
        let blind = !has(Right::SeeAddresses) && !has(Right::SeeOneCustomer);
        let mut links = BTreeMap::new();
        for (_, path, needs) in pages() {
            let path = known.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, &id.to_string()));
            let page = browser.get(&path).await;
            let status = page.status();
            assert!(status < 500 && status != 405, "{role} {path}: {status}");
            match needs {
                Needs::Nothing => assert_eq!(status, 200, "{role} {path}"),
                Needs::One(right) if has(right) => assert_eq!(status, 200, "{role} {path}: {}", page.text()),
                Needs::One(_) => assert_eq!(status, 403, "{role} {path}"),
                Needs::Notice => {}
            }
            keep(role.as_str(), &path, &page.html());
            let text = page.text();
            for address in ADDRESSES.iter().filter(|_| blind) {
                assert!(!text.contains(address), "{role} sees {address} at {path}");
            }
            // Not a message in a frame.
            if status == 200 && text.contains("class=\"skip\"") {
                assert_eq!((text.matches("<h1").count(), text.matches("<main").count()), (1, 1), "{role} {path}");
                assert!(!text.contains(">console-"), "{role} {path} shows the key of a string");
                links.extend(links_of(&text).map(|link| (link, path.clone())));
            }
        }
        // What a page offers can be opened by who sees it; evidence waits for its turn.
        for (link, path) in links {
            let status = browser.get(&link).await.status();
            assert!(matches!(status, 200 | 303 | 503), "{role}: {path} leads to {link}: {status}");
        }
    }
}

/// The pages that a page leads to.
fn links_of(text: &str) -> impl Iterator<Item = String> {
    let links = text.split("href=\"").skip(1).filter_map(|rest| rest.split(['"', '#']).next());
    links.filter(|it| it.starts_with('/') && !it.starts_with("/assets/")).map(|it| it.replace("&amp;", "&"))
}
