//! What each role may do, asked of the services; and what a reader sees.

use besked::coverage::{About, CoverageError, NewAttestation};
use besked::deliveries::{DeliveryError, Finding, Wanted};
use besked::domain::actor::Actor;
use besked::domain::attestation::Channel;
use besked::domain::delivery::Outcome;
use besked::domain::kind::Kind;
use besked::domain::notice::State;
use besked::domain::operator::Role;
use besked::domain::page::PageRequest;
use besked::domain::preference::Reason;
use besked::domain::right;
use besked::notices::{NoticeError, Release};
use besked::operators::keys::NewKey;
use besked::people::holds::On;
use besked::people::import::ImportOptions;
use rstest::rstest;
use uuid::Uuid;

use super::{at, machine, person, with};
use crate::app::{CUSTOMERS, NEWS, TestApp, address, maintenance};
use crate::cli::Shell;
use crate::database::Engine;

pub const BREACH: &str = "+++\ncategory = \"security_breach\"\nreference = \"INC-7\"\n[audience]\nall = true\n[fields]\n\
    stage = \"confirmed\"\nour_role = \"processor\"\nnature = \"A key was stolen.\"\nlikely_consequences = \"None known.\"\n\
    measures_taken = \"The key was replaced.\"\ncontact_point = \"dpo@example.com\"\n\
    discovered_at = 2026-11-24T08:00:00Z\ndata_affected = [\"names\"]\n+++\nMore follows.\n";

/// All deliveries of a notice.
fn of(notice: &str) -> Wanted<'_> {
    Wanted { notice: Some(notice), ..Wanted::default() }
}

fn page() -> PageRequest {
    PageRequest { after: None, limit: 100 }
}

/// An application with one person of each role, named like it, and imported customers.
async fn everybody(engine: Engine) -> TestApp {
    let others = Role::ALL.iter().filter(|role| **role != Role::Admin);
    let others: Vec<_> = others.map(|role| person(role.as_str(), std::slice::from_ref(role))).collect();
    let app = with(engine, &others).await;
    let root = at(&app, "Root").await;
    let options = ImportOptions { size: Some(CUSTOMERS.len() as u64), ..ImportOptions::default() };
    app.app.customers.import(&root, CUSTOMERS.as_bytes(), &options, &|_| {}).await.unwrap();
    app
}

/// Creates and submits a notice.
async fn submitted(app: &TestApp, notice: &str, by: &Actor) -> Uuid {
    let id = app.app.notices.create(&app.draft(notice, ""), by).await.unwrap();
    app.app.notices.submit(id, by).await.unwrap();
    id
}

#[track_caller]
fn forbidden<T: std::fmt::Debug>(result: Result<T, NoticeError>) -> String {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), Kind::Forbidden, "{error}");
    error.to_string()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_notice_goes_its_way_by_those_who_may(#[case] engine: Engine) {
    let app = everybody(engine).await;
    let notices = &app.app.notices;
    let [security, legal, ops, compliance] =
        [at(&app, "security").await, at(&app, "LEGAL").await, at(&app, "ops").await, at(&app, "compliance").await];
    let told = forbidden(notices.create(&app.draft(BREACH, ""), &ops).await);
    assert_eq!(told, "`ops` may not write notices of security_breach: it needs the role security");
    let id = submitted(&app, BREACH, &security).await;
    let told = forbidden(notices.approve(id, &security, None).await);
    assert_eq!(
        told,
        "`security` may not approve notices of security_breach: it needs one of the roles legal, compliance"
    );
    let found = notices.approve(id, &ops, None).await;
    assert!(matches!(found, Err(NoticeError::Unknown(_))), "it is sealed: {found:?}");
    forbidden(notices.edit(id, &app.draft(BREACH, ""), &legal).await);
    // Nobody takes a notice of others by writing it as their own category.
    let taken = notices.edit(id, &app.draft(&maintenance("all = true"), ""), &ops).await;
    assert!(matches!(taken, Err(NoticeError::Unknown(_))), "{taken:?}");
    assert_eq!(notices.approve(id, &legal, None).await.unwrap().state, State::Approved);
    forbidden(notices.release(id, &legal, Release::default(), &|_| {}).await);
    forbidden(notices.release(id, &compliance, Release::default(), &|_| {}).await);
    forbidden(notices.cancel(id, &compliance, None).await);
    notices.release(id, &security, Release::default(), &|_| {}).await.unwrap();
    forbidden(notices.pause(id, &ops, None).await);
    notices.pause(id, &legal, None).await.unwrap();
    forbidden(notices.resume(id, &legal, None).await);
    notices.resume(id, &security, None).await.unwrap();
    for role in ["support", "admin", "auditor", "finance", "marketing"] {
        let name = if role == "admin" { "Root" } else { role };
        let actor = at(&app, name).await;
        forbidden(notices.create(&app.draft(&maintenance("all = true"), ""), &actor).await);
        forbidden(notices.pause(id, &actor, None).await);
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn no_machine_approves_and_nobody_their_own(#[case] engine: Engine) {
    let others = [
        machine("robot", &[Role::Compliance, Role::Legal]),
        person("Sam", &[Role::Security, Role::Compliance]),
        person("Eva", &[Role::Legal]),
    ];
    let app = with(engine, &others).await;
    let notices = &app.app.notices;
    let root = at(&app, "Root").await;
    let options = ImportOptions { size: Some(CUSTOMERS.len() as u64), ..ImportOptions::default() };
    app.app.customers.import(&root, CUSTOMERS.as_bytes(), &options, &|_| {}).await.unwrap();
    let id = submitted(&app, BREACH, &at(&app, "Sam").await).await;
    let key = app.app.keys.add(&root, &NewKey { operator: "robot", roles: None, expires_at: None }).await.unwrap();
    for robot in [at(&app, "robot").await, app.app.keys.authenticate(key.key.reveal()).await.unwrap()] {
        let told = forbidden(notices.approve(id, &robot, None).await);
        assert!(told.contains("only a person may approve"), "{told}");
        forbidden(notices.decline(id, &robot, None).await);
    }
    for spelling in ["Sam", "SAM", "sam "] {
        let own = notices.approve(id, &at(&app, spelling).await, None).await;
        assert!(matches!(own, Err(NoticeError::OwnApproval(_))), "{own:?}");
    }
    notices.approve(id, &at(&app, "eva").await, None).await.unwrap();
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_breach_is_sealed_until_its_release(#[case] engine: Engine) {
    let app = everybody(engine).await;
    let id = submitted(&app, BREACH, &at(&app, "security").await).await.to_string();
    let (notices, coverage) = (&app.app.notices, &app.app.coverage);
    for role in Role::ALL {
        let actor = at(&app, if *role == Role::Admin { "Root" } else { role.as_str() }).await;
        let knows = matches!(role, Role::Security | Role::Legal | Role::Compliance);
        for name in [id.as_str(), "INC-7"] {
            assert_eq!(notices.show(&actor, name).await.is_ok(), knows, "show {role} {name}");
            assert_eq!(coverage.status(&actor, name).await.is_ok(), knows, "status {role} {name}");
            let follower =
                maintenance("customers = [\"C1\"]").replace("[audience]", &format!("follows = \"{name}\"\n[audience]"));
            if *role == Role::Ops {
                let told = notices.check(&actor, &app.draft(&follower, "")).await.unwrap_err().to_string();
                assert_eq!(told, format!("there is no notice `{name}`"));
            }
        }
        let about = coverage.informed(&actor, "C1", &About::Reference("INC-7".to_owned())).await;
        if !knows {
            let error = about.unwrap_err();
            assert!(matches!(error.kind(), Kind::NotFound | Kind::Forbidden), "{role}: {error}");
        }
        match notices.list(&actor, &besked::notices::Filter::default(), &page()).await {
            Ok(listed) => assert_eq!(listed.items.len(), usize::from(knows), "{role}"),
            Err(error) => assert_eq!((*role, error.kind()), (Role::Admin, Kind::Forbidden)),
        }
    }
    let (legal, security) = (at(&app, "legal").await, at(&app, "security").await);
    let parsed = id.parse().unwrap();
    notices.approve(parsed, &legal, None).await.unwrap();
    notices.release(parsed, &security, Release::default(), &|_| {}).await.unwrap();
    let ops = at(&app, "ops").await;
    assert!(notices.show(&ops, "INC-7").await.is_ok() && coverage.status(&ops, &id).await.is_ok());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn addresses_are_shown_to_those_who_may_see_them(#[case] engine: Engine) {
    let app = everybody(engine).await;
    let ops = at(&app, "ops").await;
    let id = submitted(&app, &maintenance("all = true"), &ops).await;
    app.app.notices.release(id, &ops, Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    let name = id.to_string();
    for (role, list, one) in [
        ("ops", true, true),
        ("compliance", true, true),
        ("support", false, true),
        ("marketing", false, false),
        ("finance", false, false),
        ("security", false, false),
        ("auditor", false, false),
    ] {
        let actor = at(&app, role).await;
        let listed = app.app.deliveries.list(&actor, &of(&name), &page()).await.unwrap().items;
        let shown = app.app.deliveries.show(&actor, listed[0].id).await.unwrap();
        let informed = app.app.coverage.informed(&actor, "C1", &About::Notice(name.clone())).await.unwrap();
        let mut covering = app.app.coverage.coverage(&actor, &name).await.unwrap();
        let covered = covering.next().await.unwrap().unwrap();
        let is_masked = |email: &str| email == "t\u{2026}@ett.example";
        assert_eq!(!is_masked(&listed[0].email), list, "list {role}: {}", listed[0].email);
        assert_eq!(!is_masked(&covered[0].deliveries[0].email), list, "coverage {role}");
        assert_eq!(!is_masked(&shown.email), one, "show {role}: {}", shown.email);
        assert_eq!(!is_masked(&informed.notices[0].deliveries[0].email), one, "informed {role}");
        let texts = [serde_json::to_string(&shown).unwrap(), serde_json::to_string(&informed).unwrap()];
        assert_eq!(texts.iter().any(|text| text.contains("teknik@ett.example")), one, "anywhere {role}");
        let message = app.app.deliveries.message(&actor, listed[0].id).await;
        assert_eq!(message.is_ok(), one, "message {role}");
    }
    // Of contacts: by the roles that one's categories address.
    let contacts = async |operator: &str| {
        let shown = app.app.customers.show(&at(&app, operator).await, "C1").await.unwrap();
        let seen = shown.contacts.into_iter().filter(|it| !it.email.contains('\u{2026}')).map(|it| it.role.to_string());
        seen.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(contacts("ops").await, "service technical");
    assert_eq!(contacts("finance").await, "billing");
    assert_eq!(contacts("marketing").await, "");
    assert_eq!(contacts("Root").await, "");
    assert_eq!(contacts("support").await, "service technical billing");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn what_is_about_persons_and_the_record_is_asked_of_each_service(#[case] engine: Engine) {
    let app = everybody(engine).await;
    let ops = at(&app, "ops").await;
    let id = submitted(&app, &maintenance("all = true"), &ops).await;
    app.app.notices.release(id, &ops, Release::default(), &|_| {}).await.unwrap();
    app.run_until_idle().await;
    let (name, whom) = (id.to_string(), address("service@ett.example"));
    let parts = &app.app;
    let delivery = parts.deliveries.list(&ops, &of(&name), &page()).await.unwrap().items[0].id;
    let marketing = at(&app, "marketing").await;
    let attestation =
        NewAttestation { account_id: "C1", channel: Channel::Phone, witness: "Bo", note: "called", told_at: None };
    let finding = Finding { accepted: true, by: "Bo", text: "seen" };
    let kinds = [
        parts.coverage.attest(&marketing, &name, &attestation).await.map_err(|e: CoverageError| e.kind()).err(),
        parts
            .deliveries
            .report(&marketing, delivery, Outcome::Bounced, "gone")
            .await
            .map_err(|e: DeliveryError| e.kind())
            .err(),
        parts.deliveries.withdraw(&marketing, delivery, "not gone").await.map_err(|e| e.kind()).err(),
        parts.deliveries.settle(&marketing, delivery, &finding).await.map_err(|e| e.kind()).err(),
        parts.deliveries.resend(&marketing, &[delivery]).await.map_err(|e| e.kind()).err(),
        parts.holds.add(&marketing, On::Account("C1"), "court").await.map_err(|e| e.kind()).err(),
        parts.holds.list(&marketing, &page()).await.map_err(|e| e.kind()).err(),
        parts.suppressions.add(&marketing, &whom, Reason::Manual).await.map_err(|e| e.kind()).err(),
        parts.suppressions.list(&marketing, &page()).await.map_err(|e| e.kind()).err(),
        parts.preferences.show(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.subjects.export(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.subjects.restrict(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.subjects.unrestrict(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.subjects.rectify(&marketing, &whom, &address("x@ett.example")).await.map_err(|e| e.kind()).err(),
        parts.subjects.object(&marketing, &whom, &[], None).await.map_err(|e| e.kind()).err(),
        parts.subjects.objections(&marketing, true, &page()).await.map_err(|e| e.kind()).err(),
        parts.subjects.whose(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.subjects.addresses(&marketing, &whom).await.map_err(|e| e.kind()).err(),
        parts.retention.run(&marketing, true).await.map_err(|e| e.kind()).err(),
        parts.inbound.list(&marketing, false, &page()).await.map_err(|e| e.kind()).err(),
        parts.inbound.fed_by(&marketing).map_err(|e| e.kind()).err(),
        parts.ledger.read_by(&marketing).map_err(|e| e.kind()).err(),
        parts.relays.read_by(&marketing).map_err(|_| Kind::Forbidden).err(),
        parts
            .audit
            .list(&marketing, &besked::operators::audit::Filter::default(), &page())
            .await
            .map_err(|e| e.kind())
            .err(),
        parts.operators.list(&marketing, &page()).await.map_err(|e| e.kind()).err(),
        parts.keys.list(&marketing, None, &page()).await.map_err(|e| e.kind()).err(),
        parts
            .customers
            .import(&marketing, "".as_bytes(), &ImportOptions::default(), &|_| {})
            .await
            .map_err(|e| e.kind())
            .err(),
    ];
    for (index, kind) in kinds.into_iter().enumerate() {
        assert_eq!(kind, Some(Kind::Forbidden), "number {index}");
    }
    let support = at(&app, "support").await;
    parts.coverage.attest(&support, &name, &attestation).await.unwrap();
    parts.deliveries.report(&support, delivery, Outcome::Bounced, "gone").await.unwrap();
    let compliance = at(&app, "compliance").await;
    parts.holds.add(&compliance, On::Account("C1"), "court").await.unwrap();
    parts.subjects.export(&compliance, &whom).await.unwrap();
    assert!(parts.ledger.read_by(&at(&app, "auditor").await).is_ok());
    // Erasure asks before it looks whether there is anybody.
    let erasure = besked::people::subjects::Erasure { address: &whom, ground: "Art. 17", waived: &[] };
    assert_eq!(parts.subjects.erase(&marketing, &erasure).await.unwrap_err().kind(), Kind::Forbidden);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_audience_that_changed_too_much_is_approved_again(#[case] engine: Engine) {
    let app = everybody(engine).await;
    let notices = &app.app.notices;
    let [security, legal, root] = [at(&app, "security").await, at(&app, "legal").await, at(&app, "Root").await];
    let id = submitted(&app, BREACH, &security).await;
    notices.approve(id, &legal, None).await.unwrap();
    let more = format!("{CUSTOMERS}C4,Four,a@four.example,,service,en,,\nC5,Five,b@five.example,,service,en,,\n");
    let options = ImportOptions { size: Some(more.len() as u64), ..ImportOptions::default() };
    app.app.customers.import(&root, more.as_bytes(), &options, &|_| {}).await.unwrap();
    let changed = notices.release(id, &security, Release::default(), &|_| {}).await.unwrap_err();
    assert!(matches!(changed, NoticeError::AudienceChanged { .. }), "{changed}");
    let told = changed.to_string();
    assert!(told.starts_with("the notice was approved for 2 recipients, and would go to 4 now"), "{told}");
    let (kept, steps) = notices.show(&security, &id.to_string()).await.unwrap();
    assert_eq!(kept.state, State::Approved);
    assert!(steps.last().unwrap().reason.as_deref().unwrap().starts_with("refused: "), "{steps:?}");
    let own = notices.approve(id, &at(&app, "compliance").await, None).await.unwrap();
    assert_eq!(own.approved_by.as_deref(), Some("compliance"));
    let released = notices.release(id, &security, Release::default(), &|_| {}).await.unwrap();
    assert_eq!(released.recipients, 4);
}

#[test]
fn the_docs_print_the_table_of_rights() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operators.md");
    let text = std::fs::read_to_string(path).unwrap();
    let table = right::table();
    assert!(text.contains(&table), "docs/operators.md lacks this table:\n{table}");
}

#[test]
fn a_sample_shows_no_person_to_those_who_see_no_address() {
    let shell = Shell::new();
    let run = |arguments: &str| shell.run(&arguments.split(' ').collect::<Vec<_>>());
    shell.write("c.csv", CUSTOMERS);
    run("customers import c.csv").ok();
    run("operators add Alice --role admin").ok();
    run("operators add mia --role marketing").ok();
    run("operators add ola --role ops").ok();
    shell.write("n.md", NEWS);
    let preview = run("--as mia notice preview n.md --format eml").ok().out;
    assert!(preview.contains("alex@customer.example") && !preview.contains("@ett.example"), "{preview}");
    run("--as mia notice preview n.md --account C1").fails(2, &["`mia` may not see addresses in notices of news"]);
    run("--as ola notice preview n.md").fails(2, &["`ola` may not write notices of news", "marketing"]);
    shell.write("m.md", &maintenance("all = true"));
    assert!(run("--as ola notice preview m.md --format eml").ok().out.contains("teknik@ett.example"));
    run("--as mia preferences show service@ett.example").fails(2, &["may not show and set opt-outs"]);
    let refused = run("--as mia suppressions add service@ett.example --reason manual");
    assert!(!refused.err.contains("warning"), "no word about whether somebody has it: {}", refused.err);
    refused.fails(2, &["hint: "]);
}
