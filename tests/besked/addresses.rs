//! One mailbox, several spellings: what a person asked for holds for all of them, and mail goes to the one that was written.

use besked::domain::address::Address;
use besked::domain::category::Category;
use besked::domain::delivery::State;
use besked::domain::phrase::Phrase;
use besked::domain::preference::Reason;
use besked::mail::compose::message::to_value;
use besked::people::import::{ImportError, ImportOptions};
use besked::store::people::suppressions;
use mail_parser::MessageParser;
use proptest::prelude::*;
use rstest::rstest;
use smtp_proto::Request;

use crate::app::{NEWS, TestApp, address, key, maintenance};
use crate::database::Engine;

const HEADER: &str = "account_id,customer_name,email,role\n";

fn anna(spelling: &str) -> String {
    format!("{HEADER}C1,Ett AB,{spelling},service\n")
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn an_opt_out_holds_for_every_spelling_of_the_address(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("anna@ett.example")).await;
    app.wish("Anna@ett.example", Category::News, true).await;
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::OptedOut, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_suppression_holds_for_every_spelling_of_the_address(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("ANNA@ett.example")).await;
    let mut tx = app.app.context.store.write().await.unwrap();
    suppressions::add(&mut tx, &address("anna@ett.example"), Reason::Manual, app.app.context.clock.now())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let id = app.release(NEWS).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await, [(State::Suppressed, 1)].into());
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn who_was_erased_in_one_spelling_is_gone_in_all_and_does_not_come_back_in_another(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(&anna("Anna@ett.example")).await;
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    let erased = app.erase("anna@ETT.example").await.unwrap();
    assert_eq!((erased.contacts, erased.deliveries), (1, 1));
    let imported = app.import(&anna("aNNa@ett.example")).await;
    assert_eq!((imported.contacts, imported.erased.len()), (0, 1));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test]
async fn a_spelling_that_changes_in_the_file_is_the_same_contact_and_is_the_one_that_is_sent_to(
    #[case] engine: Engine,
) {
    let app = TestApp::new(engine).await;
    app.import(&anna("anna@ett.example")).await;
    app.import(&anna("Anna@ett.example")).await;
    let mut conn = app.app.context.store.read().await.unwrap();
    let contacts = besked::store::people::subjects::contacts(&mut conn, &key("anna@ett.example")).await.unwrap();
    assert_eq!(contacts.len(), 1);
    drop(conn);
    app.release(&maintenance("all = true")).await;
    app.run_until_idle().await;
    assert_eq!((app.relay.to("Anna@ett.example").len(), app.relay.to("anna@ett.example").len()), (1, 0));
}

#[tokio::test]
async fn a_file_with_one_person_in_two_spellings_is_refused() {
    let app = TestApp::new(Engine::Sqlite).await;
    let twice = format!("{}C1,Ett AB,ANNA@ett.example,service\n", anna("anna@ett.example"));
    let Err(ImportError::Invalid(problems)) = app.try_import(twice.as_bytes(), ImportOptions::default()).await else {
        panic!("it was imported")
    };
    assert_eq!(
        problems.to_string().trim(),
        "line 3: `email`: is in the file already, for the same account and role: remove one of the rows"
    );
}

#[tokio::test]
async fn a_person_with_two_roles_in_two_spellings_gets_one_mail() {
    let app = TestApp::new(Engine::Sqlite).await;
    app.import(&format!("{}C1,Ett AB,ANNA@ett.example,legal\n", anna("anna@ett.example"))).await;
    let breach = include_str!("../../config/demo/notices/1-security-breach.md");
    let id = app.release(breach).await;
    app.run_until_idle().await;
    assert_eq!(app.counts(id).await.values().sum::<u64>(), 1);
}

proptest! {
    /// One rule: what is accepted at the door can be built, sent and read back, by libraries that are not ours.
    #[test]
    fn what_is_accepted_can_be_sent_and_read_back(
        local in prop_oneof!["[a-zA-Z0-9!#$%&'*+/=?^_`{|}~.-]{1,20}", "[\\p{L}\\p{M}\\p{N}\\p{So}]{1,12}", "[\\PC]{1,8}"],
        domain in prop_oneof!["[a-z]{1,9}\\.example", "[a-zåäöéß漢字กा]{1,6}\\.example", "[\\PC]{1,6}\\.example"],
        name in "[\\PC]{0,20}",
    ) {
        if let Ok(address) = Address::parse(&format!("{local}@{domain}")) {
            prop_assert!(address.domain().is_ascii());
            let name = Phrase::parse(&name).map(Phrase::into_string).unwrap_or_default();
            let value = to_value(&address, &name).unwrap();
            prop_assert!(value.is_ascii() || address.needs_smtputf8(), "{}", value);
            let mail = format!("To: {value}\r\n\r\n");
            let read = MessageParser::default().parse(mail.as_bytes()).unwrap();
            let to = read.to().unwrap().first().unwrap();
            prop_assert_eq!(to.address(), Some(address.as_str()), "{}", value);
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(to.name().unwrap_or_default()), bare(&name), "{}", value);
            let command = format!("RCPT TO:<{address}>\r\n");
            let Ok(Request::Rcpt { to }) = Request::parse(&mut command.as_bytes().iter()) else {
                return Err(TestCaseError::fail(command));
            };
            prop_assert_eq!(to.address.as_ref(), address.as_str());
        }
    }
}

#[test]
fn what_looks_like_an_address_is_refused_with_what_it_has_and_what_to_write() {
    for (text, said, write) in [
        ("o\u{2019}brien@x.example", "has U+2019 RIGHT SINGLE QUOTATION MARK: write `'`", "o'brien@x.example"),
        ("\u{200b}bo@x.example", "has U+200B ZERO WIDTH SPACE, which cannot be seen", "bo@x.example"),
        ("\u{feff}carl@x.example", "has U+FEFF ZERO WIDTH NO-BREAK SPACE", "carl@x.example"),
        ("an\u{ad}na@x.example", "has U+00AD SOFT HYPHEN", "anna@x.example"),
        ("anna\u{202c}@x.example", "has U+202C POP DIRECTIONAL FORMATTING", "anna@x.example"),
        ("anna@x\u{2060}.example", "has U+2060 WORD JOINER", "anna@x.example"),
        ("anna\u{a0}@x.example", "has U+00A0 NO-BREAK SPACE", "anna@x.example"),
        ("anna@x.exam ple", "has U+0020 SPACE", "anna@x.example"),
        ("anna\u{2013}berg@x.example", "has U+2013 EN DASH: write `-`", "anna-berg@x.example"),
        ("anna\u{ff20}x.example", "has no `@`", "anna@x.example"),
        ("ａnna@x.example", "has U+FF41 FULLWIDTH LATIN SMALL LETTER A: write `a`", "anna@x.example"),
        ("an\u{e000}na@x.example", "has U+E000 (a private character), which cannot be seen", ""),
        ("an\u{378}na@x.example", "has U+0378 (not assigned)", "anna@x.example"),
        ("\u{301}anna@x.example", "has U+0301 COMBINING ACUTE ACCENT without a letter before it", ""),
        ("anna.@docomo.example", "has a dot before the `@`", ""),
        ("a..b@docomo.example", "has two dots in a row", "a.b@docomo.example"),
        (".anna@x.example", "begins with a dot", "anna@x.example"),
        ("Anna Berg <anna@x.example>", "write the address alone", "anna@x.example"),
        ("<anna@x.example>", "write the address alone", "anna@x.example"),
        ("anna@x.example (work)", "write the address alone", "anna@x.example"),
        ("\"anna@x.example\"", "write the address alone", "anna@x.example"),
        ("mailto:anna@x.example", "scheme such as `mailto:`", "anna@x.example"),
        ("SMTP:anna@x.example", "scheme such as `mailto:`", "anna@x.example"),
        ("anna@x.example;bo@x.example", "write one row for each contact", ""),
        ("anna@x.example, bo@x.example", "write one row for each contact", ""),
        ("anna@x.example bo@x.example", "write one row for each contact", ""),
        ("anna(at)x.example", "has no `@`", "anna@x.example"),
        ("anna@@x.example", "has two `@`", "anna@x.example"),
        ("anna@x,example", "has a domain that has U+002C COMMA", "anna@x.example"),
        ("anna@x.example.", "has a domain that ends with a dot", "anna@x.example"),
        ("anna@x.example,", "has a domain that has U+002C COMMA", "anna@x.example"),
        ("anna@localhost", "has a domain that has no dot", ""),
        ("anna@x_y.example", "has a domain that has U+005F LOW LINE", ""),
        ("www.x.example", "has no `@`", ""),
    ] {
        let error = Address::parse(text).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
        let meant = besked::domain::address::suggestion(text).map(|it| it.to_string()).unwrap_or_default();
        assert!(meant == write || write.is_empty() && text.contains(['\u{e000}', '\u{301}']), "{text}: {meant}");
    }
    for text in [
        "o'brien@x.example",
        "a+b@x.example",
        "a\u{30a}sa@x.example",
        "ผู้ใช้@x.example",
        "उपयोगकर्ता@x.example",
        "😀@x.example",
        "ー@x.example",
    ] {
        assert!(Address::parse(text).is_ok(), "{text}");
    }
    assert_eq!(Address::parse("a\u{30a}sa@x.example").unwrap().as_str(), "\u{e5}sa@x.example", "NFC on entry");
}
