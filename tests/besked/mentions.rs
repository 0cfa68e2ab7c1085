//! Persons in words that somebody wrote: they are found, exported and erased wherever the words are, and nobody else is.

use besked::domain::attestation::Channel;
use besked::domain::delivery::Outcome;
use besked::domain::duty::Duty;
use besked::domain::page::PageRequest;
use besked::ledger::audit::Verdict;
use besked::people::holds::On;
use besked::people::subjects::{Erasure, SubjectError};
use rstest::rstest;
use uuid::Uuid;

use crate::app::{CUSTOMERS, TestApp, address, alice, maintenance};
use crate::audit::audit;
use crate::database::Engine;
use crate::privacy::{everything, found_in_files, put_hold};

#[tokio::test]
async fn an_address_with_an_apostrophe_is_not_that_of_another_person() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let draft = app.draft(&maintenance("file = \"rows.csv\""), "account_id,boss\nC1,o'brien@ett.example\n");
    let id = app.try_release(&draft).await.unwrap();
    app.run_until_idle().await;
    app.attest(id, "C1", Channel::Phone, "told o'brien@ett.example").await.unwrap();
    assert!(everything(&app, "brien@ett.example").await.is_none(), "what is another person's is shown to nobody");
    assert!(matches!(app.erase("brien@ett.example").await, Err(SubjectError::Unknown(_))));
    let record = everything(&app, "o'brien@ett.example").await.unwrap();
    assert_eq!((record.attestations.len(), record.audience_rows.len()), (1, 1));
    app.erase("o'brien@ett.example").await.unwrap();
    assert_eq!(found_in_files(&app, "brien@ett.example"), [""; 0]);
}

/// A notice with a step, a hold on a customer, a finding about a delivery and an objection, the words of each with this address.
async fn written_about(app: &TestApp, email: &str) -> Uuid {
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let cancelled = app.app.notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    app.app.notices.cancel(cancelled, &alice(), Some(&format!("asked for by {email}"))).await.unwrap();
    app.app.holds.add(&alice(), On::Account("C3"), &format!("*{email}* sued us")).await.unwrap();
    let delivery = app.informed("C2", id).await.notices[0].deliveries[0].id;
    let found = format!("{email}/070 says that it came back");
    app.app.deliveries.report(&alice(), delivery, Outcome::Bounced, &found).await.unwrap();
    let colleague = address("teknik@ett.example");
    let note = format!("{email} answers for him");
    let categories = [besked::domain::category::Category::Maintenance];
    app.app.subjects.object(&alice(), &colleague, &categories, Some(&note)).await.unwrap();
    id
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn reasons_notes_and_findings_are_exported_and_erased(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let id = written_about(&app, "Zoe@else.example").await;
    let record = everything(&app, "zoe@else.example").await.unwrap();
    let reasons: Vec<&str> = record.operations.iter().map(|it| it.reason.as_str()).collect();
    for part in
        ["asked for by Zoe@", "*Zoe@else.example* sued us", "stated by an operator: Zoe@", "Zoe@else.example answers"]
    {
        assert!(reasons.iter().any(|reason| reason.contains(part)), "{part}: {reasons:?}");
    }
    assert!(record.reasons.is_empty(), "no reason twice: {:?}", record.reasons);
    assert!(!serde_json::to_string(&record).unwrap().contains("alice"));

    // A hold that names the person is about the person.
    let Err(SubjectError::Duties { duties, .. }) = app.erase("zoe@else.example").await else { panic!("no duty") };
    let [(hold @ Duty::Hold(_), _)] = duties[..] else { panic!("{duties:?}") };
    let erased = app.erase_waiving("zoe@else.example", &[hold]).await.unwrap();
    assert!(erased.entries >= 5, "{erased:?}");
    assert!(everything(&app, "zoe@else.example").await.is_none());
    if engine == Engine::Sqlite {
        assert_eq!(found_in_files(&app, "oe@else.example"), [""; 0]);
    }
    let holds = app.app.holds.list(&alice(), &PageRequest { after: None, limit: 9 }).await.unwrap();
    assert_eq!(holds.items[0].reason, "", "the hold is in force still");
    assert_eq!(app.informed("C2", id).await.notices[0].deliveries[0].email, "hello@two.example");
    let report = audit(&app).await;
    assert_eq!((report.problem, report.verdict), (None, Verdict::Ok));
}

#[tokio::test]
async fn a_restored_copy_forgets_a_person_whom_only_a_reason_names() {
    let app = TestApp::new(Engine::Sqlite).await;
    written_about(&app, "zoe@else.example").await;
    let (app, yesterday) = app.copy().await;
    let Err(SubjectError::Duties { duties, .. }) = app.erase("zoe@else.example").await else { panic!("no duty") };
    app.erase_waiving("zoe@else.example", &[duties[0].0]).await.unwrap();
    let app = app.put_back(yesterday).await;
    assert!(!found_in_files(&app, "zoe@else.example").is_empty());
    assert_eq!(app.app.subjects.exchange(&alice()).await.unwrap().erased, 1);
    assert_eq!(found_in_files(&app, "zoe@else.example"), [""; 0]);
}

#[tokio::test]
async fn the_ground_names_none_of_the_addresses_that_are_erased() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let (old, new) = (address("hello@two.example"), address("hi@two.example"));
    app.app.subjects.rectify(&alice(), &old, &new).await.unwrap();
    for (given, named) in [(&old, "hi@two.example"), (&new, "=Hello@two.example="), (&new, "hi@two.example")] {
        let erasure = Erasure { address: given, ground: &format!("asked by {named}"), waived: &[] };
        assert!(matches!(app.app.subjects.erase(&alice(), &erasure).await, Err(SubjectError::Ground)), "{named}");
    }
    let all = app.app.subjects.addresses(&alice(), &old).await.unwrap();
    assert_eq!(all.iter().map(|it| it.as_str()).collect::<Vec<_>>(), ["hello@two.example", "hi@two.example"]);
}

#[tokio::test]
async fn words_mask_a_person_whose_data_is_restricted() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let id = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    app.app.subjects.restrict(&alice(), &address("hello@two.example")).await.unwrap();
    for account in ["C2", "C3"] {
        app.attest(id, account, Channel::Phone, "told 'Hello@two.example', with service@ett.example").await.unwrap();
    }
    app.app.holds.add(&alice(), On::Account("C1"), "hello@two.example sued us").await.unwrap();
    put_hold(&app, None, Some("C2")).await;
    let draft = app.app.notices.create(&app.draft(&maintenance("all = true"), ""), &alice()).await.unwrap();
    app.app.notices.cancel(draft, &alice(), Some("hello@two.example asked")).await.unwrap();
    let masked = "told 'H\u{2026}@two.example', with service@ett.example";
    assert_eq!(app.informed("C2", id).await.notices[0].attested[0].note, masked);
    let (_, rows) = app.covered(id).await;
    assert_eq!(rows.iter().flat_map(|row| &row.attested).map(|it| it.note.as_str()).collect::<Vec<_>>(), [masked; 2]);
    let holds = app.app.holds.list(&alice(), &PageRequest { after: None, limit: 9 }).await.unwrap();
    assert_eq!(holds.items[0].reason, "h\u{2026}@two.example sued us");
    let (_, steps) = app.app.notices.show(&alice(), &draft.to_string()).await.unwrap();
    assert!(steps.iter().any(|step| step.reason.as_deref() == Some("h\u{2026}@two.example asked")), "{steps:?}");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn forms_that_were_begun_are_exported_by_their_lines_and_erased(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let (eva, ola) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let fields = |text: &str| [("rows_text".to_owned(), text.to_owned())].into();
    let rows = "account_id,boss\nC1,Zoe@else.example\nC2,other@else.example";
    app.app.forms.keep(eva, "new:news", &fields(rows), None).await.unwrap();
    app.app.forms.keep(ola, "new:news", &fields("account_id,boss\nC2,other@else.example"), None).await.unwrap();
    let record = everything(&app, "zoe@else.example").await.unwrap();
    let said: Vec<&str> = record.reasons.iter().map(|it| it.reason.as_str()).collect();
    assert_eq!(said, ["C1,Zoe@else.example"], "what is about others is shown to nobody");
    app.erase("zoe@else.example").await.unwrap();
    assert_eq!(app.app.forms.begun(eva, "new:news").await.unwrap(), None);
    assert!(app.app.forms.begun(ola, "new:news").await.unwrap().is_some());
    if engine == Engine::Sqlite {
        assert_eq!(found_in_files(&app, "oe@else.example"), [""; 0]);
    }
    // The others go when their time is over.
    app.advance(std::time::Duration::from_secs(15 * 24 * 3600));
    app.purge(false).await;
    let mut conn = app.app.context.store.read().await.unwrap();
    assert_eq!(besked::store::operators::forms::find(&mut conn, ola, "new:news").await.unwrap(), None);
}
