//! Was this customer informed? The answer with its words, its results and its evidence.

use besked::domain::operator::Role;
use besked::people::import::ImportOptions;
use rstest::rstest;

use super::desk::{at, staffed};
use crate::app::maintenance;
use crate::database::Engine;
use crate::relay::Act;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn one_box_takes_an_account_a_name_an_address_or_a_reference(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Support, Role::Marketing, Role::Admin, Role::Auditor])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 <hello@two.example> unknown\r\n"));
    Box::pin(app.run_until_idle()).await;
    let mut support = at(&door, "support").await;
    support.get("/ask").await.is(200).says("Was this customer informed");
    for words in ["C2", "two", "hello%40two.example"] {
        let page = support.get(&format!("/ask?q={words}")).await.is(200);
        page.says("Everything that was sent to C2").says("Not informed").says("Maintenance");
    }
    support.get("/ask?q=CHG-1").await.is(200).says("Was a certain customer informed?");
    support.get("/ask?q=nobody-knows").await.is(200).says("fits “nobody-knows”");
    let yes = support.get("/ask?account=C1&reference=CHG-1").await.is(200).says("Yes: Ett AB (C1) was informed.");
    yes.says("teknik@ett.example").says("Our relay took it").lacks("Evidence for people");
    let no = support.get("/ask?account=C2&reference=CHG-1").await.is(200).says("No: Two Ltd (C2) was not informed.");
    no.says("550 5.1.1").says("The words as they were sent");
    support.get("/ask?account=C3&reference=CHG-1").await.is(200).says("has nobody to address");
    support.get("/ask?account=C1&category=billing").await.is(200).says("Ett AB (C1) was not addressed.");
    yes_has_last(support.get("/ask?account=C1&reference=CHG-1").await);
    for about in ["&reference=CHG-1", ""] {
        let page = support.get(&format!("/ask?account=C9{about}")).await.is(422).says("there is no customer `C9`");
        let page = page.says("name=\"account\" value=\"C9\"").says("aria-invalid=\"true\"");
        assert_eq!(page.html().contains("name=\"reference\" value=\"CHG-1\""), !about.is_empty());
    }
    support.get("/ask?account=C1&category=maintenance&since=today").await.is(422).says("value=\"C1\"");
    support.get("/ask?account=C1&notice=CHG-77").await.is(422).says("value=\"C1\"").lacks("There is no such page");

    // Who sees no addresses gets the same answer without them; who has no notices gets none.
    let mut marketing = at(&door, "marketing").await;
    for path in ["/ask?q=C2", "/ask?account=C2&reference=CHG-1", "/ask?account=C1&reference=CHG-1"] {
        marketing.get(path).await.is(200).lacks("hello@two.example").lacks("teknik@ett.example");
    }
    marketing.get("/ask?q=hello%40two.example").await.is(200).lacks("C2");
    at(&door, "admin").await.get("/ask").await.is(403);
    at(&door, "auditor").await.get("/ask?q=C1").await.is(200).says("Everything that was sent to C1");
}

/// The answer says which notice of the matter the customer has last, and whether it is the newest.
fn yes_has_last(page: super::browser::Page) {
    page.is(200).says("Has last of this matter").says("Announced").says("It is the newest.");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_leads_to_evidence_that_the_public_page_verifies(#[case] engine: Engine) {
    let (app, door) = Box::pin(staffed(engine, &[Role::Compliance])).await;
    Box::pin(app.release(&maintenance("all = true"))).await;
    Box::pin(app.run_until_idle()).await;
    let mut compliance = at(&door, "compliance").await;
    let page = compliance.get("/ask?account=C1&reference=CHG-1").await.is(200);
    let links = page.text();
    let link = |end: &str| {
        let found = links.split("href=\"").map(|it| it.split('"').next().unwrap()).find(|it| it.contains(end));
        found.unwrap_or_else(|| panic!("no link to {end} in {links}")).to_owned()
    };
    let pdf = compliance.get(&link("evidence.pdf")).await.is(200);
    assert!(pdf.reply.body.starts_with(b"%PDF"));
    let json = compliance.get(&link("evidence.json")).await.is(200);
    let mut anybody = door.other();
    let verified = anybody.upload("/verify", &[], ("evidence", "evidence.json", &json.reply.body)).await.is(200);
    verified.says("The file is valid.").says("teknik@ett.example").says("does not prove");
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_by_time_comes_in_pages_and_hostile_names_are_text() {
    let (app, door) = Box::pin(staffed(Engine::Sqlite, &[Role::Compliance])).await;
    let hostile = "account_id,customer_name,email\nC4,<script>alert(1)</script>,x@four.example\n";
    Box::pin(app.try_import(hostile.as_bytes(), ImportOptions::default())).await.unwrap();
    for n in 0..52 {
        app.advance(std::time::Duration::from_secs(1));
        Box::pin(app.release(&maintenance("customers = [\"C4\"]").replace("CHG-1", &format!("CHG-{n}")))).await;
    }
    let mut compliance = at(&door, "compliance").await;
    let first = compliance.get("/ask?q=C4").await.is(200).says("CHG-51").says("CHG-2").lacks("CHG-1 ");
    assert!(!first.html().contains("<script>alert(1)"), "a name is text");
    let next = first.between("rel=\"next\" href=\"", "\"");
    compliance.get(&next).await.is(200).says("CHG-1").says("CHG-0").lacks("CHG-51").lacks("rel=\"next\"");
    compliance.get("/ask?account=C4&after=%27").await.is(422);
}
