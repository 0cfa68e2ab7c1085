//! Writing: problems at their fields, two who write one draft, files that are none, previews and tests.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{BREACH, MAINTENANCE, at, changed, filled, staffed, stored};
use crate::database::Engine;
use crate::tables::archive;

#[tokio::test(flavor = "multi_thread")]
async fn every_problem_is_said_at_its_field_and_nothing_typed_is_lost() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let wrong = changed(
        &MAINTENANCE,
        &[
            ("f.window_end", "2036-12-01T21:00"),
            ("f.impact", ""),
            ("audience", "some"),
            ("attributes", "everybody"),
            ("when", "at"),
            ("body", "<script>alert(1)</script> is kept"),
        ],
    );
    let page = ops.post("/notices/new", &wrong).await.is(422);
    let html = page.html();
    for id in ["f.window_end", "f.impact", "attributes", "send_at"] {
        assert!(
            html.contains(&format!("href=\"#{id}\"")) && html.contains(&format!("id=\"{id}-fault\"")),
            "{id}:\n{html}"
        );
        assert!(html.contains(&format!("id=\"{id}\"")), "{id}");
    }
    assert!(!html.contains("<script>alert"));
    // The summary has the order of the form, and every id that a control names exists.
    let at = |id: &str| html.find(&format!("href=\"#{id}\"")).unwrap();
    let order = ["f.window_end", "f.impact", "attributes", "send_at"].map(at);
    assert!(order.is_sorted(), "{order:?}");
    for id in ["f.window_end", "f.impact", "attributes", "send_at"] {
        let control = html.split(&format!(" id=\"{id}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(control.contains("aria-invalid=\"true\""), "{id}: {control}");
    }
    for named in html.split("aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        for id in named.split_whitespace() {
            assert!(html.contains(&format!("id=\"{id}\"")), "{id} is named, and nothing has it");
        }
    }
    let kept = filled(&page);
    let value = |name: &str| kept.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str());
    assert_eq!(value("body"), Some("<script>alert(1)</script> is kept"));
    assert_eq!(value("f.services"), Some("Compute\nStorage"));
    assert_eq!((value("attributes"), value("when"), value("audience")), (Some("everybody"), Some("at"), Some("some")));
    ops.get("/notices").await.says("No notice was written yet.");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn who_saves_second_is_told_and_loses_nothing(#[case] engine: Engine) {
    let (_app, door) = staffed(engine, &[Role::Ops, Role::Security]).await;
    let (mut one, mut two) = (at(&door, "ops").await, at(&door, "security").await);
    let disruption = [
        ("category", "disruption"),
        ("zone", "UTC"),
        ("f.status", "investigating"),
        ("f.services", "Compute"),
        ("f.impact", "It is slow."),
        ("f.started_at", "2026-11-24T09:00"),
        ("f.next_update_at", "2026-11-24T12:00"),
        ("audience", "all"),
        ("body", "first"),
    ];
    let notice = stored(&mut one, &disruption).await;
    let edit = format!("{notice}/edit");
    let (first, second) = (filled(&one.get(&edit).await.is(200)), filled(&two.get(&edit).await.is(200)));
    let borrowed = |form: &[(String, String)]| -> Vec<(String, String)> { form.to_vec() };
    let mine = borrowed(&second);
    let first: Vec<(&str, &str)> = first.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    one.post(&edit, &changed(&first, &[("body", "of one")])).await.is(303);
    let mine: Vec<(&str, &str)> = mine.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let page = two.post(&edit, &changed(&mine, &[("body", "of two")])).await.is(409);
    let page = page.says("ops saved another version").says("of two");
    one.get(&notice).await.says("of one").lacks("of two");
    // Having looked at it, the second one puts theirs in its place.
    let again = filled(&page);
    let again: Vec<(&str, &str)> = again.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    two.post(&edit, &changed(&again, &[("do", "replace")])).await.is(303);
    one.get(&notice).await.says("of two").says("Edited by</strong> security");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_table_is_refused_with_words() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    let form = changed(&MAINTENANCE, &[("audience", "rows")]);
    let utf16: Vec<u8> = "account_id\nC1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let page = ops.upload("/notices/new", &form, ("rows", "list.csv", &utf16)).await.is(422);
    page.says("UTF-16 without a byte order mark").says("save it as UTF-8");
    let zip = archive(&[("list.csv", b"account_id\nC1\n")]);
    ops.upload("/notices/new", &form, ("rows", "list.csv", &zip)).await.is(422).says("a zip archive");
    ops.upload("/notices/new", &form, ("rows", "list.csv", &zip[..20])).await.is(422).says("damaged or incomplete");
    ops.upload("/notices/new", &form, ("rows", "list.csv", b"")).await.is(422);
    let page = ops.upload("/notices/new", &form, ("rows", "list.csv", b"account_id\nC1\nC1\n")).await.is(422);
    page.says("line 3").says("`C1` has a row already");
    let large = vec![b'x'; (16 << 20) + 1];
    let page = ops.upload("/notices/new", &form, ("rows", "list.csv", &large)).await.is(422);
    let page = page.says("“list.csv” is larger than 16 MB").says("id=\"rows-fault\"");
    let kept = filled(&page);
    for (name, value) in [("body", "Hello from the body."), ("audience", "rows"), ("reference", "CHG-7")] {
        assert!(kept.iter().any(|it| (it.0.as_str(), it.1.as_str()) == (name, value)), "{name} is kept: {kept:?}");
    }
    ops.get("/notices").await.says("No notice was written yet.");
    // One with its mark is a table as spreadsheets write it.
    let marked = [&[0xff, 0xfe], utf16.as_slice()].concat();
    ops.upload("/notices/new", &form, ("rows", "list.csv", &marked)).await.is(303);

    // What was wrong elsewhere does not lose the file.
    let form = changed(&form, &[("f.impact", "")]);
    let page = ops.upload("/notices/new", &form, ("rows", "list.csv", b"account_id,rack\nC1,R 7\n")).await.is(422);
    let kept = filled(&page);
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let form = changed(&kept, &[("f.impact", "Rack {{ row.rack }} is off."), ("do", "save")]);
    let notice = stored(&mut ops, &form).await;
    ops.get(&format!("{notice}/look")).await.is(200);
    ops.get(&format!("{notice}/preview")).await.is(200).says("Rack R 7 is off.");
    // Editing keeps the rows without the file.
    let kept = filled(&ops.get(&format!("{notice}/edit")).await.is(200));
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ops.post(&format!("{notice}/edit"), &changed(&kept, &[("body", "Another text.")])).await.is(303);
    ops.get(&format!("{notice}/preview")).await.is(200).says("Rack R 7 is off.").says("Another text.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_checked_seen_and_tried_before_it_is_stored() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops, Role::Marketing]).await;
    let mut ops = at(&door, "ops").await;
    let page = ops.post("/notices/new", &changed(&MAINTENANCE, &[("do", "check")])).await.is(200);
    page.says("<strong>2</strong> addresses at 3 customers").says("C3 Three Inc").lacks("hello@two.example");
    let page = ops.post("/notices/preview", &MAINTENANCE).await.is(200).says("Two minutes without network.");
    let policy = page.reply.header("content-security-policy").unwrap().to_owned();
    assert!(
        policy.contains("sandbox") && policy.contains("frame-ancestors 'self'") && !policy.contains("script"),
        "{policy}"
    );
    let dark = changed(&MAINTENANCE, &[("view.scheme", "dark")]);
    ops.post("/notices/preview", &dark).await.is(200).says("@media all");
    let text = changed(&MAINTENANCE, &[("view.format", "text"), ("view.account", "C2")]);
    ops.post("/notices/preview", &text).await.is(200).says("Two Ltd");
    ops.post("/notices/preview", &changed(&MAINTENANCE, &[("f.impact", "")])).await.is(200).says("is filled in");
    ops.post("/notices/new", &changed(&MAINTENANCE, &[("do", "test")])).await.is(200).says("A test was sent to");
    let tests = app.relay.to("ops@provider.example");
    assert_eq!(tests.len(), 1);
    assert!(tests[0].header("Subject").unwrap().contains("[TEST]"));
    ops.get("/notices").await.says("No notice was written yet.");

    // Marketing sees no person of a customer.
    let mut marketing = at(&door, "marketing").await;
    let news = [
        ("category", "news"),
        ("f.title", "New"),
        ("body", "We open one."),
        ("audience", "all"),
        ("view.format", "text"),
    ];
    let page = marketing.post("/notices/preview", &news).await.is(200);
    page.lacks("ett.example").lacks("Carol").says("Sample");
    marketing.post("/notices/preview", &changed(&news, &[("view.account", "C2")])).await.is(200).lacks("Carol");
    marketing.post("/notices/new", &BREACH).await.is(403);
    ops.get("/notices/new?category=news").await.is(403);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn what_was_typed_is_kept_for_its_operator_alone(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops, Role::Security]).await;
    let (mut ops, mut security) = (at(&door, "ops").await, at(&door, "security").await);
    let half = [("category", "disruption"), ("f.impact", "It is <b>slow"), ("body", "half a sentence"), ("do", "keep")];
    ops.post("/notices/new", &half).await.is(204);
    let form = "/notices/new?category=disruption";
    security.get(form).await.is(200).lacks("did not send it");
    ops.get(form).await.is(200).says("did not send it").lacks("half a sentence");
    let link = ops.get(form).await.between("class=\"button\" href=\"", "\"");
    let page = ops.get(&link).await.is(200).says("half a sentence").lacks("did not send it");
    assert!(filled(&page).contains(&("f.impact".to_owned(), "It is <b>slow".to_owned())));
    ops.get("/notices").await.says("No notice was written yet.");
    let kept = ops.get(form).await.between("name=\"kept\" value=\"", "\"");
    let forget = [("category", "disruption"), ("kept", &*kept), ("do", "forget")];
    ops.submit("/notices/new", &forget).await.is(200).lacks("did not send it");

    // Of a draft it is kept beside the draft, until that is stored.
    let notice = stored(&mut ops, &MAINTENANCE).await;
    let edit = format!("{notice}/edit");
    let form = filled(&ops.get(&edit).await.is(200));
    let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ops.post(&edit, &changed(&form, &[("body", "not sent"), ("do", "keep")])).await.is(204);
    ops.get(&notice).await.is(200).lacks("not sent");
    let link = ops.get(&edit).await.between("class=\"button\" href=\"", "\"");
    let begun = filled(&ops.get(&link).await.is(200).says("not sent"));
    let begun: Vec<(&str, &str)> = begun.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    ops.post(&edit, &changed(&begun, &[("do", "save")])).await.is(303);
    ops.get(&edit).await.is(200).says("not sent").lacks("did not send it");

    ops.post("/notices/new", &half).await.is(204);
    app.advance(std::time::Duration::from_hours(15 * 24));
    let mut ops = at(&door, "ops").await;
    ops.get("/notices/new?category=disruption").await.is(200).lacks("did not send it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_comes_after_its_session_has_ended_is_shown_again() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut nobody = door.other();
    let form = changed(&MAINTENANCE, &[("body", "two\nlines")]);
    let page = nobody.upload("/notices/new", &form, ("rows", "list.csv", b"account_id\nC1\n")).await.is(401);
    let kept = filled(&page.says("Two minutes without network."));
    let mut ops = at(&door, "ops").await;
    let kept: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let notice = stored(&mut ops, &kept).await;
    ops.get(&notice).await.is(200).says("two\nlines");
}

#[tokio::test(flavor = "multi_thread")]
async fn reminders_are_taken_as_the_form_says_them_and_a_zone_that_is_none_is_said() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    for (n, reminders) in ["7 days, 1 day", "7 dagar, 1 dag", "-7d, -24h"].into_iter().enumerate() {
        let reference = format!("CHG-{n}");
        stored(&mut ops, &changed(&MAINTENANCE, &[("reminders", reminders), ("reference", &reference)])).await;
    }
    let page = ops.post("/notices/new", &changed(&MAINTENANCE, &[("reminders", "soon, 1 day, 1m")])).await.is(422);
    page.says("`soon` is not a time").says("`1m` is less than 5 minutes");
    let page = ops.post("/notices/new", &changed(&MAINTENANCE, &[("zone", "Europe/Stokholm")])).await.is(422);
    page.says("`Europe/Stokholm` is not a time zone");
}

/// What is wrong is said in the language of the page; what there is in English alone is marked, so that it is read out as such.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_in_swedish_on_a_swedish_page() {
    let (_app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    let mut ops = at(&door, "ops").await;
    ops.post("/me/words", &[("language", "sv"), ("zone", "Europe/Stockholm")]).await.is(303);
    let wrong = [("f.window_end", "2036-12-01T21:00"), ("f.impact", ""), ("when", "at")];
    let page = ops.post("/notices/new", &changed(&MAINTENANCE, &wrong)).await.is(422).says("<html lang=\"sv\">");
    let page = page.says("måste fyllas i").says("måste vara efter ”").says("saknas: skriv datum och tid");
    let page = page.lacks("is required").lacks("must be after").lacks("is missing").lacks("window_start`");
    page.lacks("lang=\"en\"");
    let unknown = [("audience", "some"), ("customers", "C99"), ("do", "check")];
    let page = ops.post("/notices/new", &changed(&MAINTENANCE, &unknown)).await.is(422);
    page.says("<span lang=\"en\">the audience names customers that are unknown");
    let unknown = changed(&MAINTENANCE, &[("follows", "CHG-99"), ("do", "check")]);
    ops.post("/notices/new", &unknown).await.is(422).says("Det finns inget meddelande CHG-99.").lacks("lang=\"en\"");

    let notice = stored(&mut ops, &MAINTENANCE).await;
    let path = format!("{notice}/submit");
    let digest = ops.get(&path).await.is(200).between("name=\"digest\" value=\"", "\"");
    ops.post(&path, &[("digest", &digest)]).await.is(303);
    let refused = ops.post(&format!("{notice}/pause"), &[]).await.is(422);
    refused.says("Det går inte: meddelandets läge är nu ”").lacks("<span lang=\"en\"");
    ops.get("/audit").await.is(403).says("Detta kräver ").lacks("<span lang=\"en\"");
}
