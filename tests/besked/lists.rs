//! Every list of the command line is read in one way: a page, the pages after it, or all of it.

use rstest::rstest;

use crate::app::{NEWS, maintenance};
use crate::cli::Shell;
use crate::database::{Database, Engine};
use crate::relay::{Act, Relay};

/// Items that each list has.
const ITEMS: usize = 3;

/// The lists: command, name of the items in JSON, and a cursor that is not one of the list.
const LISTS: [(&[&str], &str, &str); 6] = [
    (&["customers", "list"], "customers", "two words"),
    (&["suppressions", "list"], "suppressions", "x"),
    (&["hold", "list"], "holds", "x"),
    (&["notice", "list"], "notices", "x"),
    (&["deliveries", "list", "N-0"], "deliveries", "x"),
    (&["deliveries", "uncertain", "list"], "uncertain", "x"),
];

/// A working directory in which each list has some items.
async fn listed(engine: Engine) -> (Database, Shell) {
    let database = Database::new(engine).await;
    let relay = Relay::start().await;
    let shell = Shell::new().database(&database.url).relay(relay.address.port());
    shell.run(&["migrate"]).ok();
    let rows: String = (0..ITEMS).map(|n| format!("C{n},Kund {n},a{n}@d{n}.example\n")).collect();
    shell.write("customers.csv", &format!("account_id,customer_name,email\n{rows}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    relay.on(". ", ITEMS, Act::TakeAndClose);
    let news = NEWS.replace("category = \"news\"", "category = \"news\"\nreference = \"N-0\"");
    shell.write("news.md", &news);
    shell.run(&["notice", "send", "news.md", "--wait", "--yes"]).fails(1, &["3 deliveries ended without an answer"]);
    shell.write("notice.md", &maintenance("all = true"));
    for n in 0..ITEMS {
        if n > 0 {
            shell.run(&["notice", "create", "notice.md"]).ok();
        }
        shell.run(&["suppressions", "add", &format!("b{n}@d.example"), "--reason", "dead"]).ok();
        shell.run(&["hold", "add", "--account", &format!("C{n}"), "--reason", "lawsuit"]).ok();
    }
    (database, shell)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn every_list_is_read_by_pages_or_whole(#[case] engine: Engine) {
    let (_database, shell) = listed(engine).await;
    for (command, name, _) in LISTS {
        let list = |more: &[&str]| {
            let page = shell.run(&[&["--json"], command, more].concat()).ok().json();
            let next = page["next"].as_str().map(str::to_owned);
            assert!(page["next"].is_null() || next.is_some(), "{command:?} has no `next`: {page}");
            (page[name].as_array().cloned().unwrap_or_else(|| panic!("no `{name}` in {page}")), next)
        };
        let (all, end) = list(&[]);
        assert_eq!((all.len(), end), (ITEMS, None), "{command:?}: {all:?}");
        assert_eq!(list(&["--all"]), (all.clone(), None), "{command:?}");
        let (mut paged, mut next) = list(&["--limit", "1"]);
        for _ in 1..ITEMS {
            let (page, further) = list(&["--limit", "1", "--after", &next.unwrap()]);
            paged.extend(page);
            next = further;
        }
        assert_eq!((paged, next), (all, None), "{command:?}: the pages make the list");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_list_shows_how_to_go_on_and_refuses_what_is_no_page_of_it() {
    let (_database, shell) = listed(Engine::Sqlite).await;
    for (command, name, bad) in LISTS {
        let run = |more: &[&str]| shell.run(&[command, more].concat());
        let next = shell.run(&[&["--json"], command, &["--limit", "2"]].concat()).ok().json();
        let next = next["next"].as_str().unwrap_or_else(|| panic!("{command:?}: {name}")).to_owned();
        let page = run(&["--limit", "2"]).ok().out;
        assert!(page.contains(&format!("more: add `--after={next}`, or `--all`")), "{command:?}: {page}");
        let whole = run(&["--all"]).ok().out;
        assert!(!whole.contains("more:") && whole.lines().count() == 1 + ITEMS, "{command:?}: {whole}");
        run(&["--after", bad]).fails(2, &[&format!("`{bad}` is not a cursor of this list"), "hint: "]);
        run(&["--limit", "0"]).fails(2, &["--limit", "must be a number from 1 to 500"]);
        run(&["--limit", "-1"]).fails(2, &["--limit", "must be a number from 1 to 500"]);
        run(&["--limit", "many"]).fails(2, &["--limit", "must be a number from 1 to 500"]);
        run(&["--limit", "501"]).fails(2, &["must be a number from 1 to 500"]);
        run(&["--limit", "1", "--all"]).fails(2, &["cannot be used with"]);
    }
}
