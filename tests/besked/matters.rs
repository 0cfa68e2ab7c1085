//! Matters: several notices with one reference, which of them is meant, and what follows them.

mod course;
mod follow;
mod life;
mod word;

use std::time::Duration;

use besked::audience::AudienceError;
use besked::coverage::About;
use besked::domain::attestation::Channel;
use besked::domain::coverage::Verdict;
use besked::domain::delivery::State;
use besked::domain::notice::reference::Purpose;
use besked::domain::notice::{State as NoticeState, Step};
use besked::evidence::{Choice, Request, Scope};
use besked::notices::{NoticeError, Release};
use besked::people::holds::On;
use besked::people::import::ImportOptions;
use rstest::rstest;

use crate::answers::breach;
use crate::app::{CUSTOMERS, NEWS, TestApp, alice, bo, maintenance};
use crate::cli::Shell;
use crate::database::Engine;
use crate::notices::AGREEMENT;

/// The next notice of the matter, by the reference of all of them.
fn next() -> String {
    maintenance("").replace("[audience]\n", "follows = \"CHG-1\"\n")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_reference_means_the_released_notice_and_a_step_the_one_that_is_ready_for_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let second = notices.create(&app.draft(&next(), ""), &alice()).await.unwrap();
    let dropped = notices.create(&app.draft(&next(), ""), &alice()).await.unwrap();
    notices.cancel(dropped, &alice(), None).await.unwrap();

    assert_eq!(notices.check(&alice(), &app.draft(&next(), "")).await.unwrap().follows, Some(first));
    assert_eq!(notices.edit(second, &app.draft(&next(), ""), &alice()).await.unwrap().follows_id, Some(first));
    assert_eq!(notices.named(&alice(), "CHG-1").await.unwrap().id, first);
    let named = notices.named_for(&alice(), "CHG-1", Purpose::Take(Step::Submit)).await.unwrap();
    assert_eq!((named.id, named.others), (second, 2));
    let covering = app.app.coverage.coverage(&alice(), "CHG-1").await.unwrap();
    assert_eq!(covering.notice.id, first);
    assert_eq!(app.app.coverage.status(&alice(), "CHG-1").await.unwrap().id, first);
    let held = app.app.holds.add(&alice(), On::Notice("CHG-1"), "lawsuit").await.unwrap();
    assert_eq!(held.hold.notice_id, Some(first));
    app.attest(first, "C3", Channel::Letter, "by letter").await.unwrap();

    notices.submit(second, &alice()).await.unwrap();
    notices.release(second, &alice(), Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(second).await, [(State::Accepted, 2)].into());
    let both = notices.named(&alice(), "CHG-1").await.unwrap_err();
    assert!(matches!(&both, NoticeError::Ambiguous { ids, .. } if ids.len() == 2), "the draft is not counted: {both}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_a_matter_has_all_its_released_notices(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    for _ in 0..101 {
        app.app.notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    }
    let request = |scope| Request { notices: Choice::Reference("CHG-1".to_owned()), scope, with_messages: false };
    let scope = Scope::Customer("C1".to_owned());
    let proofs = app.app.evidence.prepare(&alice(), &request(scope)).await.unwrap();
    assert_eq!(proofs.len(), 1, "drafts hide no released notice");
    let written = proofs[0].write(Vec::new(), &|_| ()).await.unwrap();
    assert_eq!(written.notice, first);
    let mut tx = app.app.context.store.write().await.unwrap();
    sqlx::query("UPDATE notices SET state = 'closed', released_at = 1 WHERE state = 'draft'")
        .execute(&mut *tx)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let all = app.app.evidence.prepare(&alice(), &request(Scope::Everyone)).await.unwrap();
    assert_eq!(all.len(), 102);
}

/// A customer that was informed of the first notice has left before the next one.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_that_left_is_addressed_if_it_was_named_and_else_counted(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.import("account_id,customer_name,email,attr.region\nC4,Four,four@four.example,osl1\n").await;
    let everybody = app.release(&maintenance("all = true")).await;
    let region = app.release(&maintenance("attributes = { region = [\"osl1\"] }")).await;
    let replace = ImportOptions { replace: true, ..ImportOptions::default() };
    app.try_import(CUSTOMERS.as_bytes(), replace).await.unwrap();
    let named = app.release(&maintenance("customers = [\"C4\"]")).await;
    let listed = maintenance("file = \"rows.csv\"");
    let listed = app.try_release(&app.draft(&listed, "account_id\nC4\nC2\n")).await.unwrap();
    app.run_until_idle().await;
    let follows = |id: uuid::Uuid| next().replace("follows = \"CHG-1\"", &format!("follows = \"{id}\""));
    let check = async |id| app.app.notices.check(&alice(), &app.draft(&follows(id), "")).await;

    let checked = check(everybody).await.unwrap();
    assert_eq!((checked.reach.customers, checked.reach.left), (3, 1));
    let warned = checked.warnings.to_string();
    assert!(warned.contains("1 customer of the notice that it follows has left and is not addressed"), "{warned}");
    let refused = check(region).await.unwrap_err();
    assert!(matches!(refused, NoticeError::Audience(AudienceError::AllLeft { customers: 1 })), "{refused}");
    for (before, customers) in [(named, 1), (listed, 2)] {
        let reach = check(before).await.unwrap().reach;
        assert_eq!((reach.customers, reach.recipients, reach.left), (customers, customers, 0));
    }
    let after = app.release(&follows(named)).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(after).await, [(State::Accepted, 1)].into());
    let third = check(after).await.unwrap().reach;
    assert_eq!((third.customers, third.left), (1, 0), "the whole matter is about the customer that was named");
    let last = app.relay.to("four@four.example").pop().unwrap();
    assert!(last.header("In-Reply-To").is_some(), "it continues the thread");

    // There is no duty to send news.
    let news = NEWS.replace("[audience]\nall = true\n", &format!("follows = \"{everybody}\"\n"));
    let checked = app.app.notices.check(&alice(), &app.draft(&news, "")).await.unwrap();
    let warned = checked.warnings.to_string();
    assert!(checked.reach.left == 0 && !warned.contains("has left"), "{warned}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn nobody_who_wrote_a_part_of_a_notice_approves_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let version = |number: &str| app.draft(&AGREEMENT.replace("\"4\"", number), "");
    let id = notices.create(&version("\"4\""), &alice()).await.unwrap();
    notices.edit(id, &version("\"5\""), &bo()).await.unwrap();
    notices.edit(id, &version("\"6\""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    for _ in 0..2 {
        let refused = notices.approve(id, &bo(), None).await;
        assert!(matches!(refused, Err(NoticeError::OwnApproval(_))), "a refusal is no approval: {refused:?}");
    }
    let carol = besked::domain::actor::Actor::cli("carol", "test").unwrap();
    notices.approve(id, &carol, None).await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_step_is_one_line(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let long = "x".repeat(1001);
    for reason in ["a\n\u{1b}[31m", "\t", long.as_str()] {
        let why = Some(reason);
        let words =
            |result: Result<_, NoticeError>| assert!(matches!(result, Err(NoticeError::Words(_))), "{reason:?}");
        let id = notices.create(&app.draft(AGREEMENT, ""), &alice()).await.unwrap();
        notices.submit(id, &alice()).await.unwrap();
        words(notices.decline(id, &bo(), why).await);
        words(notices.approve(id, &bo(), why).await);
        notices.approve(id, &bo(), Some("read it")).await.unwrap();
        words(notices.release(id, &alice(), Release { now: true, reason: why, ..Release::default() }, &|_| {}).await);
        assert_eq!(app.notice(id).await.state, NoticeState::Approved);
        notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
        words(notices.pause(id, &alice(), why).await);
        notices.pause(id, &alice(), None).await.unwrap();
        words(notices.resume(id, &alice(), why).await);
        words(notices.cancel(id, &alice(), why).await);
        assert!(app.notice(id).await.is_paused(), "nothing of it was done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_an_audience_are_compared_as_they_look() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(
        "account_id,customer_name,email,attr.ort,attr.cafe\u{301}\nC1,Ett,a@one.example,Malmö,x\nC2,Två,b@two.example,Lund,y\n",
    )
    .await;
    let check = async |attributes: &str| {
        let notice = maintenance(&format!("attributes = {{ {attributes} }}"));
        app.app.notices.check(&alice(), &app.draft(&notice, "")).await.unwrap()
    };
    let decomposed = check("ort = [\"Malmo\u{308}\", \" Lund\"]").await;
    assert!(decomposed.reach.customers == 2 && decomposed.warnings.is_empty(), "{:?}", decomposed.warnings);
    assert_eq!(check("\"caf\u{e9}\" = [\"x\"]").await.reach.customers, 1);
    let mistyped = check("ort = [\"Malmö\", \"Lundd\"]").await;
    let warned = mistyped.warnings.to_string();
    assert_eq!(mistyped.reach.customers, 1);
    assert!(warned.contains("`audience.attributes.ort`: no customer has the value `Lundd`"), "{warned}");
    for (text, wanted) in [
        ("attributes = { ort = [\"Lu\u{200b}nd\"] }", "`audience.attributes.ort`: `Lu\\u{200b}nd` has U+200B"),
        ("attributes = { \"o\u{200b}rt\" = [\"Lund\"] }", "U+200B"),
    ] {
        let problems = besked::domain::notice::Notice::parse(&maintenance(text)).unwrap_err().to_string();
        assert!(problems.contains(wanted), "{problems}");
    }
    let unseen = "account_id,customer_name,email,attr.re\u{200b}gion\nC1,Ett,a@one.example,x\n";
    let refused = app.try_import(unseen.as_bytes(), ImportOptions::default()).await.unwrap_err().to_string();
    assert!(refused.contains("U+200B"), "{refused}");
    // The reference of a notice, and a name that asks for it, are spelled in two ways.
    let first = app.release(&maintenance("all = true").replace("CHG-1", "Ma\u{30a}l 7")).await;
    let found = app.app.coverage.informed(&alice(), "C1", &About::Reference("M\u{e5}l 7".to_owned())).await.unwrap();
    assert_eq!(found.notices[0].id, first);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_say_which_notice_a_reference_is_taken_for() {
    let relay = crate::relay::Relay::start().await;
    let shell = Shell::new().relay(relay.address.port());
    shell.write("customers.csv", CUSTOMERS);
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.write("first.md", &maintenance("all = true"));
    let first = shell.run(&["--json", "notice", "send", "first.md", "--yes", "--wait"]).ok().json();
    shell.write("next.md", &next());
    let json = shell.run(&["--json", "notice", "create", "next.md"]).ok().json();
    assert_eq!(json["recipients"], 2, "counted by the stored notice: {json}");
    let said =
        format!("`CHG-1` is taken for notice {}; another notice has this reference", first["id"].as_str().unwrap());
    for command in [
        &["coverage", "CHG-1"][..],
        &["notice", "status", "CHG-1"],
        &["notice", "show", "CHG-1"],
        &["informed", "--account", "C1", "--notice", "CHG-1"],
        &["deliveries", "list", "CHG-1"],
        &["evidence", "export", "--notice", "CHG-1", "--account", "C1", "-o", "e.json"],
        &["attest", "CHG-1", "--account", "C1", "--channel", "phone", "--by", "Bo", "--note", "said"],
        &["hold", "add", "--notice", "CHG-1", "--reason", "lawsuit"],
    ] {
        let ran = shell.run(command).ok();
        assert!(ran.err.contains(&said), "{command:?}: {}", ran.err);
    }
    let follows = format!("follows notice {}", first["id"].as_str().unwrap());
    assert!(shell.run(&["notice", "check", "next.md"]).ok().out.contains(&follows));
    let edited = shell.run(&["--json", "notice", "edit", "CHG-1", "next.md"]).ok();
    assert_eq!(edited.json()["id"], json["id"], "{}", edited.err);
    shell.run(&["notice", "cancel", "CHG-1"]).ok();

    // Nobody was addressed, and nothing says that somebody was.
    let asked = ["informed", "--account", "C3", "--reference", "CHG-1"];
    let answer = shell.run(&asked);
    assert_eq!(answer.code, 1, "{}", answer.err);
    assert!(answer.out.starts_with("No. Customer C3 Three Inc had nobody to address"), "{}", answer.out);
    let json = shell.run(&[&["--json"], &asked[..]].concat()).json();
    assert_eq!(
        (json["verdict"].as_str(), json["notices"][0]["verdict"].as_str()),
        (Some("not_informed"), Some("not_informed"))
    );
}

/// The first notice of a breach must be in time after the discovery, and a final report of days later is not late by that.
#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_of_a_breach_has_its_own_time() {
    let breach = breach("2026-11-24T09:00:00Z");
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&breach).await;
    app.run_until_idle().await;
    assert_eq!(app.informed("C1", first).await.notices[0].deadline.unwrap().to_string(), "2026-11-27T09:00:00Z");
    app.advance(Duration::from_secs(9 * 24 * 3600));
    let last = breach.replace("confirmed", "final").replace("[audience]\nall = true\n", "follows = \"INC-1\"\n");
    let last = app.release(&last).await;
    let totals = app.coverage(last).await;
    assert_eq!((totals.pending, totals.overdue), (2, 0), "it was released a moment ago");
    app.advance(Duration::from_secs(4 * 24 * 3600));
    let totals = app.coverage(last).await;
    assert_eq!((totals.overdue, totals.overdue_pending), (3, 2), "one has nobody to address");
    assert_eq!(app.informed("C3", last).await.verdict, Verdict::CannotBe);
}
