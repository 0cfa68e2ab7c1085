//! Structured notices: a JSON document says what a notice file says, and is the same notice.

use std::path::Path;

use besked::domain::problem::Problems;
use besked::domain::rows_file::Rows;
use besked::notices::Draft;
use besked::notices::sample::Wanted;
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};

use crate::app::{CUSTOMERS, TestApp, alice};
use crate::database::Engine;

/// The notices of the demo, one of each category, with the rows of the one that has some.
fn files() -> Vec<(String, String, Option<Rows>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/demo/notices");
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()).collect();
    names.sort();
    let notices = names.iter().filter(|it| it.extension().is_some_and(|it| it == "md"));
    let read = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap();
        let rows = text
            .contains("file = ")
            .then(|| Rows::parse(&std::fs::read(folder.join("invoices.csv")).unwrap()).unwrap());
        (path.file_name().unwrap().to_string_lossy().into_owned(), text, rows)
    };
    notices.map(read).collect()
}

fn structured(document: &Value) -> Result<Draft, Problems> {
    Draft::structured(document.to_string().as_bytes())
}

/// The pointer, the line and the problem of each.
fn problems(document: &str) -> Vec<(String, usize, String)> {
    let problems = Draft::structured(document.as_bytes()).unwrap_err().0;
    problems.into_iter().map(|it| (it.pointer.unwrap_or_default().to_string(), it.line, it.problem)).collect()
}

/// A structure of which a part was changed.
fn changed(pointer: &str, value: Value) -> Value {
    let mut document = maintenance();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[name] = value;
    document
}

fn maintenance() -> Value {
    json!({
        "category": "maintenance", "subject": "Work in Sto2", "reference": "CHG-1", "follows": null,
        "audience": {"all": false, "customers": ["C1", "C2"], "attributes": {"region": ["sto2"]}},
        "fields": {
            "window_start": "2036-12-01T22:00:00+01:00", "window_end": "2036-12-02T02:00:00+01:00",
            "services": ["Compute"], "impact": "Two minutes \"without\"\nnetwork.", "phase": "announced"
        },
        "schedule": {"send_at": "2036-11-25T09:00:00Z"},
        "body": "Dear {{ contact.name }},\n\nwe replace two switches.",
        "editions": {"sv": {"subject": "Arbete", "fields": {"impact": "Två minuter."}, "body": "Hej!"}}
    })
}

#[test]
fn each_category_is_the_same_notice_as_a_structure() {
    let files = files();
    assert_eq!(files.len(), 8);
    for (name, text, rows) in files {
        let written = Draft::of(&text, rows).unwrap();
        let document = written.structure().unwrap();
        let draft = structured(&document).unwrap_or_else(|problems| panic!("{name}: {problems}\n{document:#}"));
        let mut expected = written.notice.clone();
        if let besked::domain::audience::Audience::Rows { file, .. } = &mut expected.audience {
            *file = "rows.csv".to_owned();
        }
        assert_eq!(draft.notice, expected, "{name}");
        assert_eq!(draft.rows.as_ref().map(|it| &it.rows), written.rows.as_ref().map(|it| &it.rows), "{name}");
        // The text can be shown and edited as a file, and comes out of its own structure again.
        let again = structured(&draft.structure().unwrap()).unwrap();
        assert_eq!((&again.source, again.digest), (&draft.source, draft.digest), "{name}");
        let read = Draft::of(&draft.source, draft.rows.clone()).unwrap();
        assert_eq!((&read.notice, read.digest), (&draft.notice, draft.digest), "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever its texts are: what is accepted says the same when it is read from the file that was written.
    #[test]
    fn whatever_is_accepted_comes_back(
        which in 0_usize..8,
        at in 0_usize..12,
        text in "[a-zåÅ \"'\\\\{}+#=\\[\\]\n\t\r\u{1}\u{7f}\u{2028}]{0,40}|\\+\\+\\+( sv)?\n.*|\n\\+\\+\\+\n",
    ) {
        let (_, source, rows) = files().remove(which);
        let mut document = Draft::of(&source, rows).unwrap().structure().unwrap();
        let members: Vec<String> = document["fields"].as_object().unwrap().keys().cloned().collect();
        match members.get(at) {
            Some(member) if document["fields"][member].is_string() => document["fields"][member] = json!(text),
            Some(member) if document["fields"][member].is_array() => document["fields"][member] = json!([text, "x"]),
            Some(_) => document["subject"] = json!(text),
            None => document["body"] = json!(format!("Begin\n{text}")),
        }
        if let Ok(draft) = structured(&document) {
            let read = Draft::of(&draft.source, draft.rows.clone()).unwrap();
            prop_assert_eq!(&read.notice, &draft.notice);
            let again = structured(&draft.structure().unwrap()).unwrap();
            prop_assert_eq!((&again.source, again.digest), (&draft.source, draft.digest));
            prop_assert_eq!(draft.notice.editions.len(), 1 + document["editions"].as_object().map_or(0, |it| it.len()));
        }
    }
}

#[test]
fn all_problems_are_placed_in_the_document() {
    let mut document = changed("/fields/impct", json!("x"));
    document["fields"]["impact"] = Value::Null;
    document["fields"]["window_start"] = json!("tomorrow");
    document["fields"]["phase"] = json!("soon");
    document["fields"]["services"] = json!([5]);
    document["colour"] = json!("red");
    document["audience"]["attributes"]["a/b.c"] = json!([1]);
    document["body"] = json!("first\n\n{{ contact.nmae }}");
    document["editions"]["sv"]["fields"]["phase"] = json!("started");
    document["editions"]["not a language"] = json!({});
    let found = problems(&document.to_string());
    let places: Vec<_> = found.iter().map(|(pointer, line, _)| (pointer.as_str(), *line)).collect();
    let wanted = [
        ("/audience/attributes/a~1b.c", 0),
        ("/body", 3),
        ("/colour", 0),
        ("/editions/not a language", 0),
        ("/editions/sv/fields/phase", 0),
        ("/fields/impact", 0),
        ("/fields/impct", 0),
        ("/fields/phase", 0),
        ("/fields/services", 0),
        ("/fields/window_start", 0),
    ];
    let mut sorted = places.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, wanted, "{found:#?}");
}

#[test]
fn a_member_of_another_type_is_refused_where_it_is() {
    for (pointer, value) in [
        ("/category", json!(5)),
        ("/category", json!("weather")),
        ("/audience", json!("all")),
        ("/audience/all", json!("yes")),
        ("/audience/customers", json!("C1")),
        ("/audience/customers", json!(["C 1"])),
        ("/fields/window_end", json!("2036-12-02T02:00:00")),
        ("/fields/window_end", json!(1_234_567)),
        ("/fields/impact", json!({"a": {"b": 1}})),
        ("/schedule/send_at", json!("soon")),
        ("/body", json!(["a"])),
        ("/editions", json!([])),
        ("/editions/sv", json!("text")),
        ("/audience/file", json!("/etc/passwd")),
        ("/audience/file", json!("../../secret.csv")),
    ] {
        let found = problems(&changed(pointer, value.clone()).to_string());
        assert!(found.iter().any(|(place, ..)| place.starts_with(pointer)), "{pointer} {value}: {found:?}");
    }
}

#[test]
fn what_is_there_twice_too_deep_or_no_json_is_refused() {
    let twice = r#"{"category": "news", "fields": {"title": "a", "title": "b"}, "category": "survey"}"#;
    let found = problems(twice);
    let places: Vec<_> = found.iter().map(|it| (it.0.as_str(), it.2.as_str())).collect();
    assert_eq!(places, [("/fields/title", "is there twice"), ("/category", "is there twice")]);
    let deep = format!("{{\"fields\": {}1{}}}", "[".repeat(5000), "]".repeat(5000));
    assert!(problems(&deep)[0].2.contains("nested too deeply"));
    assert!(problems("{\n\"category\": \"news\",\n}")[0].1 == 3);
    assert!(problems("[]")[0].2.contains("must be an object"));
    assert!(Draft::structured(b"\"\xff\"").is_err() && Draft::structured(b"").is_err());
    let found = problems(&changed("/fields/impact", json!([[[[[[1]]]]]])).to_string());
    assert_eq!(found[0].0, "/fields/impact");
}

#[test]
fn a_body_cannot_begin_a_section_and_a_text_no_table() {
    for body in ["a\n+++ sv\nsubject = \"x\"\n+++\nb", "+++\n+++\n", "x\n+++\ny"] {
        let found = problems(&changed("/body", json!(body)).to_string());
        assert!(found.iter().any(|(place, line, _)| place == "/body" && *line > 0), "{body:?}: {found:?}");
    }
    let quoted = "a\n```\n+++ sv\n+++\n```\n";
    let draft = structured(&changed("/body", json!(quoted))).unwrap();
    assert_eq!(draft.notice.editions[0].body.as_str(), quoted);
    let text = "a\"\n[audience]\nall = true\n+++\n";
    let draft = structured(&changed("/fields/impact", json!(text))).unwrap();
    assert_eq!(draft.notice.editions.len(), 2);
    assert!(matches!(draft.notice.audience, besked::domain::audience::Audience::Select { .. }));
}

#[test]
fn rows_are_in_the_document() {
    let mut document = maintenance();
    document["audience"] = json!({"rows": [{"account_id": "C1", "rack": "7"}, {"account_id": "C2", "rack": "8"}]});
    document["body"] = json!("Rack {{ row.rack }}\n");
    let draft = structured(&document).unwrap();
    let rows = Rows::parse(b"account_id,rack\nC1,7\nC2,8\n").unwrap();
    assert_eq!(draft.rows.as_ref(), Some(&rows));
    assert_eq!(draft.digest, Draft::of(&draft.source, Some(rows)).unwrap().digest, "as with the file");
    document["audience"]["rows"] = json!([{"account_id": "C1", "rack": 7}, {"rack": "8"}, 5, {"account_id": "C2", "rack": "a\nb"}, {"account_id": "C3"}, {"account_id": "C3"}]);
    let found = problems(&document.to_string());
    let mut places: Vec<_> = found.iter().map(|it| it.0.as_str()).filter(|it| it.starts_with("/audience")).collect();
    places.sort_unstable();
    let wanted = ["0/rack", "1/account_id", "2", "3/rack", "5/account_id"].map(|it| format!("/audience/rows/{it}"));
    assert_eq!(places, wanted, "{found:?}");
}

#[test]
fn the_text_itself_may_be_the_document() {
    let text = "+++\ncategory = \"news\"\n[audience]\nall = true\n[fields]\ntitle = \"T\"\n+++\nText.\n";
    let draft = structured(&json!({ "source": text })).unwrap();
    assert_eq!(draft.digest, Draft::of(text, None).unwrap().digest);
    let found = problems(&json!({ "source": text.replace("title", "titel") }).to_string());
    assert_eq!(found.iter().map(|it| it.1).collect::<Vec<_>>(), [5, 6]);
    let file = text.replace("all = true", "file = \"/etc/passwd\"");
    assert!(problems(&json!({ "source": file }).to_string())[0].2.contains("not read from this machine"));
    assert_eq!(problems(&json!({ "source": text, "body": "x" }).to_string())[0].0, "/body");
    assert_eq!(problems(&json!({ "source": 5 }).to_string())[0].0, "/source");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_structure_makes_the_same_mail_as_the_file(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let draft = structured(&maintenance()).unwrap();
    let file = app.draft(&draft.source, "");
    let wanted = Wanted { account: Some("C1".to_owned()), ..Wanted::default() };
    let mut mails = Vec::new();
    for draft in [&draft, &file] {
        let sample = app.app.sample(&alice(), draft, &wanted, "preview").await.unwrap();
        let content = sample.content().unwrap();
        mails.push((content.text.clone(), content.html.clone()));
    }
    assert_eq!(mails[0], mails[1]);
    let id = app.app.notices.create(&draft, &alice()).await.unwrap();
    let notice = app.notice(id).await;
    assert_eq!((notice.digest, &notice.source), (file.digest, &file.source));
    let edited = structured(&changed("/subject", json!("Other work"))).unwrap();
    app.app.notices.edit(id, &edited, &alice()).await.unwrap();
    assert_eq!(app.notice(id).await.subject, "Other work");
}
