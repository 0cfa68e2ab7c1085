//! Objections to mandatory notices, and what is asked for by addresses that nobody has.

use besked::domain::category::Category;
use besked::domain::page::PageRequest;
use besked::people::subjects::{Decision, SubjectError};
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, address, alice};
use crate::database::Engine;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_objection_to_mandatory_notices_waits_until_somebody_decides(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let subjects = &app.app.subjects;
    let carol = address("hello@two.example");
    let object = async |categories: &[Category]| {
        subjects.object(&alice(), &carol, categories, Some("I left; write to hello@two.example no more")).await
    };
    let breach = object(&[Category::Maintenance, Category::SecurityBreach]).await;
    assert!(matches!(breach, Err(SubjectError::NoRight(Category::SecurityBreach))), "{breach:?}");
    let first = object(&[Category::Maintenance]).await.unwrap();
    let again = object(&[Category::Maintenance, Category::News]).await.unwrap();
    assert_eq!((first.already, again.already, again.id), (false, true, first.id));
    assert_eq!(again.opted_out, [Category::News]);
    let list = async |waiting: bool| {
        let first = PageRequest { after: None, limit: 9 };
        subjects.objections(&alice(), waiting, &first).await.unwrap().items
    };
    let listed = list(true).await;
    assert_eq!((listed.len(), listed[0].id, listed[0].email.as_str()), (1, first.id.unwrap(), "hello@two.example"));
    assert_eq!((listed[0].categories.as_slice(), &listed[0].decided), ([Category::Maintenance].as_slice(), &None));
    subjects.restrict(&alice(), &carol).await.unwrap();
    let masked = list(true).await;
    assert!(masked[0].email == "h…@two.example" && !masked[0].grounds.contains("hello@"), "{masked:?}");

    let id = first.id.unwrap();
    let decided = subjects.decide(&alice(), id, Decision::Declined, "they run our service").await.unwrap();
    assert_eq!(decided.decided.as_ref().unwrap().decision, Decision::Declined);
    let twice = subjects.decide(&alice(), id, Decision::Upheld, "after all").await;
    assert!(matches!(twice, Err(SubjectError::Decided { .. })), "{twice:?}");
    let unknown = subjects.decide(&alice(), uuid::Uuid::nil(), Decision::Upheld, "x").await;
    assert!(matches!(unknown, Err(SubjectError::NoObjection(_))), "{unknown:?}");
    assert!(list(true).await.is_empty());
    let listed = list(false).await;
    assert_eq!(listed[0].decided.as_ref().unwrap().reason, "they run our service");
    assert!(!object(&[Category::Maintenance]).await.unwrap().already, "a further one starts another");
    let mut seen = Vec::new();
    let mut request = PageRequest { after: None, limit: 1 };
    loop {
        let page = subjects.objections(&alice(), false, &request).await.unwrap();
        seen.extend(page.items.into_iter().map(|it| it.decided.is_some()));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(seen, [false, true], "the last one first");
    request.after = Some("no cursor".to_owned());
    assert!(matches!(subjects.objections(&alice(), true, &request).await, Err(SubjectError::Cursor(_))));
    app.erase("hello@two.example").await.unwrap();
    assert!(list(false).await.is_empty() && list(true).await.is_empty());
}

#[test]
fn what_is_asked_for_by_an_address_that_nobody_has_is_stored_and_said() {
    let shell = crate::cli::Shell::new();
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    let nobody = "no contact has the address helo@two.example";
    for command in [
        &["preferences", "set", "helo@two.example", "--opt-out", "news"][..],
        &["subject", "object", "helo@two.example"],
        &["subject", "restrict", "helo@two.example"],
        &["suppressions", "add", "helo@two.example", "--reason", "manual"],
    ] {
        let ran = shell.run(command).ok();
        assert!(ran.err.contains(nobody), "{command:?}: {}", ran.err);
        let known = command.iter().map(|it| it.replace("helo@", "hello@")).collect::<Vec<_>>();
        let ran = shell.run(&known.iter().map(String::as_str).collect::<Vec<_>>()).ok();
        assert!(!ran.err.contains("no contact"), "{command:?}: {}", ran.err);
    }
    let shown = shell.run(&["preferences", "show", "nobody@two.example"]).ok().out;
    assert!(shown.contains("no contact has this address"), "{shown}");
    shell.run(&["subject", "erase", "ap@three.example", "--ground", "asked", "--yes"]).ok();
    let again = shell.run(&["suppressions", "add", "ap@three.example", "--reason", "complaint"]).ok();
    assert!(again.err.contains("was erased: the address is stored again"), "{}", again.err);
    let lifted = shell.run(&["suppressions", "remove", "ap@three.example"]).ok().out;
    assert!(lifted.contains("lifted: complaint"), "{lifted}");

    let note = ["--note", "I left"];
    let object = [&["subject", "object", "hello@two.example", "--category", "billing"][..], &note].concat();
    let said = shell.run(&object).ok().out;
    assert!(said.contains("the objection to billing is recorded: decide on it"), "{said}");
    let listed = shell.run(&["--json", "subject", "objections"]).ok().json();
    let id = listed["objections"][0]["id"].as_str().unwrap().to_owned();
    assert!(shell.run(&["subject", "objections"]).ok().out.contains("waits for a decision"));
    shell.run(&["subject", "decide", &id, "--reason", "x"]).fails(2, &["--uphold"]);
    let decided = shell.run(&["subject", "decide", &id, "--uphold", "--reason", "left the company"]).ok().out;
    assert!(decided.contains("is upheld"), "{decided}");
    shell.run(&["subject", "decide", &id, "--decline", "--reason", "x"]).fails(2, &["is decided already: upheld"]);
    let open = shell.run(&["--json", "subject", "objections"]).ok().json();
    assert_eq!(open["objections"], serde_json::json!([]));
    assert!(shell.run(&["subject", "objections", "--all"]).ok().out.contains("left the company"));
}
