//! Threads: the messages of a matter that a recipient has, as mail programs group them.

use std::time::Duration;

use besked::people::import::ImportOptions;
use rstest::rstest;

use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::calendar::next;
use crate::database::Engine;
use crate::relay::Received;

fn references(mail: &Received) -> Vec<String> {
    mail.header("References").unwrap().split_whitespace().map(str::to_owned).collect()
}

fn id(mail: &Received) -> String {
    mail.header("Message-ID").unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn each_recipient_has_one_thread_from_where_they_joined(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&CUSTOMERS.replace("hello@two.example", "old@two.example")).await;
    let first = app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    // Somebody takes over from the contact who got the first notice.
    app.import(CUSTOMERS).await;
    app.advance(Duration::from_secs(3600));
    let second = app.release(&next(first, "rescheduled")).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(3600));
    // A colleague joins, and an address is spelled otherwise.
    let today = CUSTOMERS.replace("teknik@ett.example", "teknik@ETT.example")
        + "C2,Two Ltd,late@two.example,Eve,service,en,Europe/London,lon1\n";
    app.try_import(today.as_bytes(), ImportOptions { replace: true, ..ImportOptions::default() }).await.unwrap();
    let third = app.release(&next(second, "started")).await;
    app.run_until_idle().await;
    app.advance(Duration::from_secs(3600));
    app.release(&next(third, "completed")).await;
    app.run_until_idle().await;

    let root = format!("<{first}@example.com>");
    let of_one: Vec<Received> = app.relay.received().into_iter().filter(|it| it.to.starts_with("teknik@")).collect();
    let of_two = app.relay.to("hello@two.example");
    let late = app.relay.to("late@two.example");
    assert_eq!((of_one.len(), of_two.len(), late.len()), (4, 3, 2));
    for mails in [&of_one, &of_two, &late] {
        for (index, mail) in mails.iter().enumerate() {
            let before: Vec<String> = [root.clone()].into_iter().chain(mails[..index].iter().map(id)).collect();
            assert_eq!(references(mail), before, "nothing that they never had, but the matter");
            assert_eq!(mail.header("In-Reply-To"), index.checked_sub(1).map(|last| id(&mails[last])));
            assert_eq!(mail.header("Subject"), mails[0].header("Subject"));
        }
    }
}

/// Gmail and Outlook group by the subject, too.
#[tokio::test(flavor = "multi_thread")]
async fn all_notices_of_a_matter_have_one_subject_and_an_own_one_is_warned_of() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("all = true")).await;
    app.release(&maintenance("all = true").replace("CHG-1", "CHG-2")).await;
    app.run_until_idle().await;
    let mails = app.relay.to("hello@two.example");
    let subjects: Vec<String> = mails.iter().map(|mail| mail.header("Subject").unwrap()).collect();
    assert_eq!(subjects, ["Maintenance of Compute (CHG-1)", "Maintenance of Compute (CHG-2)"]);
    assert_ne!(references(&mails[0]), references(&mails[1]), "another matter is another thread");
    let check =
        async |text: &str| app.app.notices.check(&alice(), &app.draft(text, "")).await.unwrap().warnings.to_string();
    let own = next(first, "started").replace("category", "subject = \"It has begun\"\ncategory");
    let warned = check(&own).await;
    assert!(warned.contains("`subject`: is another than that of the notice that it follows"), "{warned}");
    assert!(!check(&next(first, "started")).await.contains("`subject`"), "one subject, one thread");
}
