//! Messages that are wrong, forged or about somebody else: nothing changes, and nothing that was taken is lost.

use besked::domain::delivery::State;
use besked::domain::report::MatchKind;
use besked::mail::token::TokenKey;
use besked::store::inbound;
use rstest::rstest;

use super::{Dsn, comes_back, notified, open_tasks, reported, return_path, take, to_c2};
use crate::app::TestApp;
use crate::database::Engine;

/// What ties the newest message to a delivery.
async fn tie(app: &TestApp) -> MatchKind {
    let mut conn = app.app.context.store.read().await.unwrap();
    inbound::list(&mut conn, false, None, 1).await.unwrap()[0].tie.unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_wrong_or_foreign_token_never_matches(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    let mut wrong = path.clone().into_bytes();
    wrong[20] = if wrong[20] == b'a' { b'b' } else { b'a' };
    let wrong = String::from_utf8(wrong).unwrap();
    let foreign = TokenKey::new([9; 32]).return_path(delivery.id, "bounces.example.com").to_string();
    let reply = path.replacen("b+", "reply+", 1);
    let returned = format!("Message-ID: {}\nX-Besked-Delivery: {}\n", delivery.message_id, delivery.id);
    for to in [&wrong, &foreign, &reply] {
        assert!(!app.app.inbound.accepts(to), "the listener refuses {to}");
        let id = format!("{to}-1");
        let worked = comes_back(&app, to, Dsn { to, id: &id, returned: &returned, ..Dsn::default() }.bytes()).await;
        assert_eq!((worked.recorded, worked.unmatched, tie(&app).await), (0, 1, MatchKind::Forged), "{to}");
    }
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports.len()), (State::Accepted, 0));
    assert_eq!(open_tasks(&app).await, []);
    assert!(app.app.inbound.accepts(&path) && app.app.inbound.accepts(&path.to_uppercase()));
    assert!(app.app.inbound.accepts(app.app.key().reply_path(delivery.id, "Bounces.Example.com").as_str()));
    assert!(!app.app.inbound.accepts(&path.replace("bounces.example.com", "example.net")));
}

#[tokio::test]
async fn a_report_about_a_stranger_is_looked_at_and_changes_nothing() {
    let app = TestApp::new(Engine::Sqlite).await;
    let (id, delivery) = notified(&app).await;
    reported(&app, delivery.id, &Dsn { recipient: "stranger@nine.example", ..Dsn::default() }).await;
    let shown = to_c2(&app, id).await;
    assert_eq!((shown.state, shown.reports[0].tie), (State::Accepted, MatchKind::Mismatch));
    assert_eq!(open_tasks(&app).await.len(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn damaged_messages_are_kept_and_stop_no_other(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    let (id, delivery) = notified(&app).await;
    let path = return_path(&app, delivery.id);
    let good = Dsn { to: &path, ..Dsn::default() }.bytes();
    let text = String::from_utf8(good.clone()).unwrap();
    let wrong: Vec<(&str, Vec<u8>)> = vec![
        ("cut off in a header", good[..60].to_vec()),
        ("cut off in the machine part", good[..text.find("Action").unwrap() + 4].to_vec()),
        ("NUL", text.replace("This is", "This\0is\0").into_bytes()),
        ("8-bit headers", [b"Subject: r\xe4ksm\xf6rg\xe5s\n".as_slice(), &good].concat()),
        ("a wrong charset", text.replace("text/plain", "text/plain; charset=klingon-8").into_bytes()),
        ("1970", text.replace("Subject:", "Date: Thu, 1 Jan 1970 00:00:00 +0000\nSubject:").into_bytes()),
        ("no type", text.replace("rfc822; hello", "hello").into_bytes()),
        ("an unknown action", text.replace("Action: failed", "Action: exploded").into_bytes()),
        ("only headers", b"Subject: x\n".to_vec()),
        ("no end of line", b"Subject: x".to_vec()),
        (
            "10,000 parts",
            format!("Content-Type: multipart/mixed; boundary=\"B\"\n\n{}", "--B\n\nx\n".repeat(10_000)).into_bytes(),
        ),
        ("a header of 1 MB", format!("Subject: {}\n\nx\n", "x".repeat(1_000_000)).into_bytes()),
        (
            "depth",
            (0..1000)
                .map(|n| format!("Content-Type: multipart/mixed; boundary=\"{n}\"\n\n--{n}\n"))
                .collect::<String>()
                .into_bytes(),
        ),
    ];
    let count = wrong.len() as u64;
    for (what, bytes) in wrong {
        // Each has its own Message-ID: they are not copies of one another.
        let bytes = [format!("X-What: {what}\n").as_bytes(), &bytes].concat();
        assert!(!take(&app, Some(&path), bytes).await.already, "{what}");
    }
    let worked = app.app.inbound.work_once().await.unwrap();
    assert_eq!((worked.recorded, worked.unmatched, worked.waiting), (count, 0, 0), "the envelope names the delivery");
    reported(&app, delivery.id, &Dsn { id: "last@mx", ..Dsn::default() }).await;
    assert_eq!(to_c2(&app, id).await.state, State::Bounced, "the whole one counts");
}
