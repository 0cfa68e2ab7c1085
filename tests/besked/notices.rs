//! Notices: who may do what to them, and what a release refuses.

use std::time::Duration;

use besked::app::App;
use besked::audience::AudienceError;
use besked::coverage::CoverageError;
use besked::dispatch::{Finished, Until};
use besked::domain::actor::Actor;
use besked::domain::attestation::Channel;
use besked::domain::delivery::State;
use besked::domain::entry::{Detail, Event, Fact, Person};
use besked::domain::notice::State as NoticeState;
use besked::notices::{NoticeError, Release};
use besked::store::notices;
use besked::store::notices::releases::Releasing;
use besked::store::sending::waiting::Depth;
use rstest::rstest;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::app::{CUSTOMERS, NEWS, TestApp, alice, bo, maintenance, releasing};
use crate::database::Engine;

pub const AGREEMENT: &str = "+++\ncategory = \"agreement_change\"\n[audience]\nall = true\n[fields]\nkind = \"terms\"\ndocument = \"Terms\"\n\
    version = \"4\"\neffective_date = 2027-01-01\nsummary = [\"One thing.\"]\nright = \"You may terminate.\"\n\
    right_until = 2026-12-31\n+++\nThe full text.\n";

async fn count(app: &App) -> usize {
    notices::list(&mut app.context.store.read().await.unwrap(), &notices::Filter::default(), (None, 100), true)
        .await
        .unwrap()
        .len()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_person_approves_and_an_edit_voids_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let draft = app.draft(AGREEMENT, "");
    let id = notices.create(&draft, &alice()).await.unwrap();
    assert_eq!(notices.submit(id, &alice()).await.unwrap().state, NoticeState::Submitted);
    assert!(matches!(notices.approve(id, &alice(), None).await, Err(NoticeError::OwnApproval(_))));
    assert!(matches!(
        notices.release(id, &alice(), Release::default(), &|_| {}).await,
        Err(NoticeError::Impossible { .. })
    ));
    notices.approve(id, &bo(), None).await.unwrap();
    notices.edit(id, &app.draft(&AGREEMENT.replace("\"4\"", "\"5\""), ""), &alice()).await.unwrap();
    assert_eq!(app.notice(id).await.state, NoticeState::Draft);
    assert_eq!(app.notice(id).await.approved_by, None);
    notices.submit(id, &alice()).await.unwrap();
    notices.approve(id, &bo(), Some("read it")).await.unwrap();
    notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
    assert!(matches!(notices.edit(id, &draft, &alice()).await, Err(NoticeError::Impossible { .. })), "it is too late");
    let steps: Vec<String> =
        notices.show(&alice(), &id.to_string()).await.unwrap().1.iter().map(|step| step.step.to_string()).collect();
    // The first approval was refused.
    assert_eq!(steps, ["create", "submit", "approve", "approve", "edit", "submit", "approve", "release"]);
}

async fn steps(app: &TestApp, id: Uuid) -> Vec<(String, String, String)> {
    let steps = app.app.notices.show(&alice(), &id.to_string()).await.unwrap().1.into_iter();
    steps.map(|it| (it.step.to_string(), it.operator, it.reason.unwrap_or_default())).collect()
}

/// Who did what, as the ledger has it.
pub async fn operated(app: &TestApp, id: Uuid) -> Vec<(String, String)> {
    let mut conn = app.app.context.store.read().await.unwrap();
    let openings = besked::store::proof::ledger::about_notice(&mut conn, id).await.unwrap();
    let operated = openings.iter().filter(|opening| opening.event == Event::Operated).map(|opening| {
        let fact = Fact::from_cbor(&opening.fact).unwrap();
        let person = Person::from_cbor(opening.person.as_deref().unwrap()).unwrap();
        let Detail::Operated { action, .. } = fact.detail else { panic!("another detail") };
        (action.to_string(), person.role)
    });
    operated.collect()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn every_step_may_be_repeated_and_is_recorded_once(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(AGREEMENT, ""), &alice()).await.unwrap();
    for _ in 0..2 {
        assert_eq!(notices.submit(id, &alice()).await.unwrap().state, NoticeState::Submitted);
    }
    for _ in 0..2 {
        assert_eq!(notices.approve(id, &bo(), None).await.unwrap().state, NoticeState::Approved);
    }
    for _ in 0..2 {
        let released = notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap();
        assert_eq!((released.state, released.recipients), (NoticeState::Released, 2));
    }
    let first = app.app.context.clock.now();
    for _ in 0..2 {
        assert_eq!(notices.pause(id, &alice(), None).await.unwrap().paused_at, Some(first));
        app.advance(Duration::from_secs(60));
    }
    assert_eq!(app.notice(id).await.paused_at, Some(first), "a second pause keeps the first time");
    for _ in 0..2 {
        assert_eq!(notices.resume(id, &bo(), None).await.unwrap().paused_at, None);
    }
    for _ in 0..2 {
        assert_eq!(notices.cancel(id, &alice(), Some("wrong")).await.unwrap().state, NoticeState::Cancelled);
    }
    let refused = notices.pause(id, &alice(), None).await;
    assert!(matches!(refused, Err(NoticeError::Impossible { .. })), "what is cancelled cannot be paused");
    let (alice, bo) = (alice().to_string(), bo().to_string());
    let expected = [
        ("create", &alice),
        ("submit", &alice),
        ("approve", &bo),
        ("release", &alice),
        ("pause", &alice),
        ("resume", &bo),
        ("cancel", &alice),
    ];
    assert_eq!(operated(&app, id).await, expected.map(|(action, who)| (action.to_owned(), who.clone())));
    assert_eq!(steps(&app, id).await.len(), expected.len());
    app.run_until_idle().await;
    let audited = app.app.ledger.audit(None, &|_| {}).await.unwrap();
    assert_eq!(audited.problem, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_author_in_capitals_is_no_second_person() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.app.notices.create(&app.draft(AGREEMENT, ""), &alice()).await.unwrap();
    app.app.notices.submit(id, &alice()).await.unwrap();
    let capitals = Actor::cli("ALICE", "test").unwrap();
    let refused = app.app.notices.approve(id, &capitals, None).await;
    assert!(matches!(refused, Err(NoticeError::OwnApproval(_))), "{refused:?}");
    let (step, operator, why) = steps(&app, id).await.pop().unwrap();
    assert_eq!((step.as_str(), operator.as_str()), ("approve", "ALICE"));
    assert!(why.starts_with("refused: "), "{why}");
}

/// Who wrote it first may not approve it after somebody else has corrected a letter of it; the one who did may not either.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn neither_who_created_a_notice_nor_who_edited_it_last_approves_it(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(AGREEMENT, ""), &alice()).await.unwrap();
    notices.edit(id, &app.draft(&AGREEMENT.replace("\"4\"", "\"5\""), ""), &bo()).await.unwrap();
    notices.submit(id, &bo()).await.unwrap();
    for name in ["alice", "Alice", "bo", "BO"] {
        let writer = Actor::cli(name, "test").unwrap();
        let refused = notices.approve(id, &writer, None).await;
        assert!(matches!(refused, Err(NoticeError::OwnApproval(_))), "{name}: {refused:?}");
    }
    let third = Actor::cli("carol", "test").unwrap();
    assert_eq!(notices.approve(id, &third, None).await.unwrap().state, NoticeState::Approved);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_release_is_recorded_as_refused_and_not_as_done(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id =
        notices.create(&app.draft(&maintenance("attributes = { region = [\"sto2\"] }"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    app.import(&CUSTOMERS.replace("sto2", "osl1")).await;
    notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert_eq!(app.notice(id).await.state, NoticeState::Approved);
    let release: Vec<_> = steps(&app, id).await.into_iter().filter(|(step, ..)| step == "release").collect();
    assert_eq!(release, [("release".to_owned(), "alice".to_owned(), "refused: the audience is empty".to_owned())]);
    assert!(operated(&app, id).await.iter().all(|(action, _)| action != "release"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_optional_audience_needs_a_second_person_too() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        let news = besked::domain::category::Category::News;
        config.category.entry(news).or_default().two_persons_above = Some(1);
    })
    .await;
    app.import(CUSTOMERS).await;
    let id = app.app.notices.create(&app.draft(NEWS, ""), &alice()).await.unwrap();
    assert_eq!(app.app.notices.submit(id, &alice()).await.unwrap().state, NoticeState::Submitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_grew_beyond_one_persons_word_is_not_released() {
    let app = TestApp::with(Engine::Sqlite, |config| {
        let news = besked::domain::category::Category::News;
        config.category.entry(news).or_default().two_persons_above = Some(3);
    })
    .await;
    app.import(CUSTOMERS).await;
    let id = app.app.notices.create(&app.draft(NEWS, ""), &alice()).await.unwrap();
    assert_eq!(app.app.notices.submit(id, &alice()).await.unwrap().state, NoticeState::Approved);
    app.import("account_id,customer_name,email\nC4,Four,four@four.example\n").await;
    let refused = app.app.notices.release(id, &alice(), Release::default(), &|_| {}).await;
    assert!(matches!(refused, Err(NoticeError::Audience(AudienceError::SecondPerson { customers: 4 }))), "{refused:?}");
    assert_eq!(app.notice(id).await.state, NoticeState::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_notice_resolves_its_audience_when_it_is_due() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let text =
        maintenance("all = true").replace("+++\nHello", "[schedule]\nsend_at = 2026-11-25T09:00:00+01:00\n+++\nHello");
    let id = app.release(&text).await;
    assert_eq!(app.notice(id).await.state, NoticeState::Scheduled);
    app.run_until_idle().await;
    assert!(app.relay.received().is_empty());
    app.import("account_id,customer_name,email\nC4,Four,four@four.example\n").await;
    app.advance(Duration::from_secs(22 * 3600 + 60));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 3)].into());
    assert_eq!(app.relay.to("four@four.example").len(), 1, "a customer of tomorrow is told tomorrow");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_cannot_be_addressed_is_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let check = async |notice: &str| {
        app.app.notices.check(&alice(), &app.draft(notice, "account_id\n")).await.unwrap_err().to_string()
    };
    let nobody = async |notice: &str| {
        let checked = app.app.notices.check(&alice(), &app.draft(notice, "account_id\n")).await.unwrap();
        checked.nobody.expect("it reaches nobody").to_string()
    };
    let mars = nobody(&maintenance("attributes = { region = [\"mars\"] }")).await;
    assert_eq!(mars, "the audience is empty: it would be customers whose region is mars, and there are none");
    let billed = nobody(&maintenance("customers = [\"C3\"]")).await;
    assert_eq!(billed, "the audience has 1 customer, but no contact that this category addresses");
    // An account is written by the author: one that nobody knows is a mistake.
    assert!(check(&maintenance("customers = [\"C1\", \"C77\"]")).await.contains("C77"));
    assert!(check(&maintenance("customers = [\"C77\"]")).await.contains("C77"));
    let missing = maintenance("all = true").replace("Hello", "{{ customer.attr.plan }}");
    assert_eq!(
        check(&missing).await,
        "recipients without a value: C1 (technical): customer.attr.plan in line 13, C2 (service): customer.attr.plan in \
         line 13"
    );
    assert_eq!(count(&app.app).await, 0, "nothing is half-stored");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn each_customer_of_an_audience_file_gets_its_own_values(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let notice = "+++\ncategory = \"billing\"\nsubject = \"Invoice {{ row.invoice }}\"\n[audience]\nfile = \"rows.csv\"\n\
        [fields]\ninvoice_number = \"{{ row.invoice }}\"\nperiod = \"November\"\namount = \"{{ row.amount }}\"\n\
        currency = \"SEK\"\ndue_date = 2026-12-24\n+++\n[Pay](https://pay.example.com/{{ row.invoice }})\n";
    let rows = "account_id,invoice,amount\nC1,F 1/2,\"<b>10</b>\"\nC3,F-2,{{ contact.email }}\n";
    let id = app.try_release(&app.draft(notice, rows)).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    let mail = &app.relay.to("faktura@ett.example")[0];
    assert_eq!(mail.header("Subject").as_deref(), Some("Invoice F 1/2"));
    assert!(mail.text().contains("<b>10</b>"), "literal in text");
    let message = mail_parser::MessageParser::default().parse(&mail.data).unwrap();
    let html = message.body_html(0).unwrap();
    assert!(html.contains("&lt;b&gt;10&lt;/b&gt;") && html.contains("https://pay.example.com/F%201%2F2"), "{html}");
    assert!(app.relay.to("ap@three.example")[0].text().contains("{{ contact.email }}"), "values are never evaluated");
    assert!(app.relay.to("service@ett.example").is_empty(), "a service address gets no bills");

    let unknown = app.draft(notice, "account_id,invoice,amount\nC1,F-1,1\nC8,F-8,8\n");
    assert!(app.app.notices.check(&alice(), &unknown).await.unwrap_err().to_string().contains("C8"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follow_up_goes_to_the_same_recipients_and_threads() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("customers = [\"C1\"]")).await;
    app.run_until_idle().await;
    let text = maintenance("all = true")
        .replace("[audience]\nall = true\n", "")
        .replace("reference = \"CHG-1\"", "follows = \"CHG-1\"");
    let follow_up = app.release(&text).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(follow_up).await, [(State::Accepted, 1)].into());
    let received = app.relay.to("teknik@ett.example");
    let before = received[0].header("Message-ID").unwrap();
    let references = received[1].header("References").unwrap();
    let references: Vec<&str> = references.split_whitespace().collect();
    assert_eq!(references, [&format!("<{first}@example.com>"), &before], "the matter comes first");
    assert_eq!(app.notice(follow_up).await.follows_id, Some(first));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_broken_off_is_waited_for_and_taken_up_afresh(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let id = broken_off(&app).await;
    let other = app.release(&maintenance("customers = [\"C2\"]")).await;
    let other_ends = async {
        while app.notice(other).await.state != NoticeState::Closed {
            tokio::task::yield_now().await;
        }
        let sent = app.relay.received().len();
        assert_eq!(sent, 1, "nothing is sent before the manifest, and the other process may live");
        app.advance(Duration::from_secs(31));
    };
    let ended = tokio::time::timeout(Duration::from_secs(240), app.run_until_idle());
    let (ended, ()) = tokio::join!(ended, other_ends);
    assert!(matches!(ended.expect("it ends"), Finished::Idle(depth) if depth == Depth::default()));
    assert_eq!(app.notice(id).await.state, NoticeState::Closed);
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert!(app.relay.to("old@ett.example").is_empty());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_release_that_was_broken_off_and_cancelled_leaves_nothing(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let id = broken_off(&app).await;
    let attested = app.attest(id, "C1", Channel::Phone, "called").await;
    assert!(
        matches!(attested, Err(CoverageError::NotReleased(_))),
        "nobody is in an audience that is not frozen: {attested:?}"
    );
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(240), app.run_until_idle()).await;
    assert!(ended.is_ok(), "it waits for deliveries that nobody will send");
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(besked::store::notices::releases::written(&mut conn, id).await.unwrap(), (0, 0));
    let entries = besked::store::proof::ledger::of_notice(&mut conn, id).await.unwrap();
    assert!(entries.iter().all(|entry| entry.event == Event::Operated), "nothing was promised");
}

/// What a restarted server has lost of a release must not be taken for sent: here a trigger loses it.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_of_which_part_was_lost_is_done_afresh() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    let sql = async |text: &'static str| {
        let mut tx = app.app.context.store.write().await.unwrap();
        sqlx::query(text).execute(&mut *tx).await.unwrap();
        tx.commit().await.unwrap();
    };
    sql("CREATE TRIGGER lost AFTER INSERT ON deliveries WHEN NEW.ordinal = 1
         BEGIN DELETE FROM deliveries WHERE notice_id = NEW.notice_id AND ordinal = 0; END")
    .await;
    let error = notices.release(id, &alice(), Release::default(), &|_| {}).await.unwrap_err();
    assert!(error.to_string().contains("the database was restarted meanwhile"), "{error}");
    sql("DROP TRIGGER lost").await;
    assert_eq!(app.notice(id).await.state, NoticeState::Releasing);
    app.advance(Duration::from_secs(31));
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Accepted, 2)].into());
    assert_eq!(app.relay.received().len(), 2, "each once");
}

/// Who waits for one notice does not wait for another's release.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_for_one_notice_waits_for_no_others_release() {
    let app = TestApp::new(Engine::Sqlite).await;
    broken_off(&app).await;
    let own = app.release(&maintenance("customers = [\"C2\"]")).await;
    let (dispatcher, _lock) = app.app.dispatcher(None).unwrap();
    let run = dispatcher.run(CancellationToken::new(), Some(Until::Idle(Some(own))));
    let ended = tokio::time::timeout(Duration::from_secs(240), run).await.expect("it ends").unwrap();
    assert!(matches!(ended, Finished::Idle(_)));
    assert_eq!(app.notice(own).await.state, NoticeState::Closed);
}

/// A notice as a process leaves it that was killed between two chunks of its release.
pub async fn broken_off(app: &TestApp) -> uuid::Uuid {
    app.import(CUSTOMERS).await;
    let notices = &app.app.notices;
    let id = notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    notices.submit(id, &alice()).await.unwrap();
    let mut tx = app.app.context.store.write().await.unwrap();
    let now = app.app.context.clock.now();
    let digest = &notices::find(&mut tx, id).await.unwrap().unwrap().digest;
    let begun = Releasing { digest, ..releasing("a killed process", now) };
    assert!(besked::store::notices::releases::begin_release(&mut tx, id, &begun).await.unwrap());
    let left = besked::store::notices::releases::NewDelivery {
        id: app.app.context.random.id(now).to_string(),
        ordinal: 0,
        account_id: "C1".to_owned(),
        customer_name: "Ett AB".to_owned(),
        email: crate::app::address("old@ett.example"),
        contact_name: String::new(),
        role: "technical",
        locale: None,
        time_zone: None,
        merged: None,
        salt: "00".repeat(32),
        thread: None,
        row_key: None,
        not_before: None,
    };
    besked::store::notices::releases::insert(
        &mut tx,
        id,
        1,
        now,
        &besked::store::notices::releases::Packed::of(&[left]),
    )
    .await
    .unwrap();
    let nobody = [("C3".to_owned(), "Three Inc".to_owned())];
    besked::store::notices::releases::insert_unaddressed(&mut tx, id, &nobody).await.unwrap();
    tx.commit().await.unwrap();
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_ends_with_its_notice() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.app.notices.pause(id, &alice(), None).await.unwrap();
    assert!(app.app.coverage.status(&alice(), &id.to_string()).await.unwrap().paused);
    app.app.notices.cancel(id, &alice(), None).await.unwrap();
    let status = app.app.coverage.status(&alice(), &id.to_string()).await.unwrap();
    assert_eq!((status.state, status.paused), (NoticeState::Cancelled, false));
    assert!(!app.notice(id).await.is_paused());
}
