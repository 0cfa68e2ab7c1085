//! The page of a notice, its customers and deliveries, and what may be taken along.

use besked::domain::operator::Role;
use rstest::rstest;

use super::desk::{MAINTENANCE, at, changed, staffed, stored, take};
use crate::database::Engine;
use crate::relay::Act;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_notice_is_followed_from_its_coverage_to_the_bytes_of_a_delivery(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops, Role::Compliance, Role::Marketing]).await;
    let mut ops = at(&door, "ops").await;
    let notice = stored(&mut ops, &MAINTENANCE).await;
    ops.get(&notice).await.is(200).says("As it was written").lacks("Who is informed");
    ops.get(&format!("{notice}/customers")).await.is(409);
    take(&mut ops, &notice, "submit", "").await.is(200);
    take(&mut ops, &notice, "release", "").await.is(200);
    app.relay.on("RCPT TO:<hello@two.example>", 1, Act::Reply("550 5.1.1 <script>alert(2)</script> unknown\r\n"));
    Box::pin(app.run_until_idle()).await;
    let page = ops.get(&notice).await.is(200).says("informed: 1 of 3 customers").says("Refused");
    page.says(&format!("{notice}/deliveries?state=rejected"));
    let list = ops.get(&format!("{notice}/deliveries?state=rejected")).await.is(200).says("hello@two.example");
    assert!(!list.html().contains("<script>alert(2)"), "a reply is text");
    let list = list.says("<script>alert(2)</script>").lacks("teknik@ett.example");
    ops.get(&format!("{notice}/deliveries?to=C1")).await.is(200).says("C1").lacks("C2");
    ops.get(&format!("{notice}/deliveries?to=hello%40two.example")).await.is(403);
    let bogus = ops.get(&format!("{notice}/deliveries?state=bogus")).await.is(422).says("is not a state of a delivery");
    bogus.lacks("teknik@ett.example");

    let delivery = format!("/deliveries/{}", list.between("href=\"/deliveries/", "\""));
    let page = ops.get(&delivery).await.is(200).says("hello@two.example").says("Send it again");
    assert!(!page.html().contains("<script>alert(2)"));
    ops.submit(&format!("{delivery}/resend"), &[]).await.is(200).says("The delivery is in the queue again.");
    ops.post(&format!("{delivery}/resend"), &[]).await.is(422);
    Box::pin(app.run_until_idle()).await;
    let page = ops.get(&delivery).await.is(200).says("Accepted by the mail server").says("The message as it was sent");
    page.says("at the recipient (RCPT TO)").says("at the end of the message");
    let seen = ops.get(&format!("{delivery}/message")).await.is(200).says("Two minutes without network.");
    assert!(seen.reply.header("content-security-policy").unwrap().contains("sandbox"));
    assert_eq!(seen.reply.header("x-frame-options"), Some("SAMEORIGIN"));
    ops.get(&format!("{delivery}/message?format=source")).await.is(200).says("Message-ID:");
    let whole = ops.get(&format!("{delivery}/message.eml")).await.is(200);
    let received = app.relay.to("hello@two.example");
    assert_eq!(whole.reply.body, received.last().unwrap().data, "the file has the bytes that were sent");
    ops.post(&format!("{delivery}/report"), &[("text", "a log")]).await.is(422).says("Choose one of these.");
    let found = [("found", "bounced"), ("text", "mail log of 10:12")];
    ops.submit(&format!("{delivery}/report"), &found).await.is(200).says("Returned").says("found out by an operator");

    // Who sees no addresses sees none here, and no message.
    let mut marketing = at(&door, "marketing").await;
    for path in [notice.clone(), format!("{notice}/deliveries"), format!("{notice}/customers"), delivery.clone()] {
        marketing.get(&path).await.is(200).lacks("hello@two.example").lacks("teknik@ett.example");
    }
    marketing.get(&format!("{delivery}/message")).await.is(403);
    marketing.get(&format!("{notice}/evidence")).await.is(403);
    marketing.get(&format!("{notice}/preview")).await.is(200).lacks("Two minutes");
    let file = marketing.get(&format!("{notice}/open.csv")).await.is(200);
    file.says("C3,Three Inc,cannot_be").lacks("hello@two.example");

    let mut compliance = at(&door, "compliance").await;
    compliance.get(&format!("{notice}/evidence")).await.is(200).says("As a PDF");
    compliance.get(&format!("{notice}/evidence/evidence.json")).await.is(422).says("name the customer");
    let evidence = compliance.get(&format!("{notice}/evidence/evidence.json?account=C1")).await.is(200);
    assert!(evidence.reply.json().is_object());
    let pdf = compliance.get(&format!("{notice}/evidence/evidence.pdf?whose=everyone")).await.is(200);
    assert!(pdf.reply.body.starts_with(b"%PDF-"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn customers_come_in_pages_to_the_last_one_that_cannot_be_addressed(#[case] engine: Engine) {
    let (app, door) = staffed(engine, &[Role::Ops]).await;
    let mut csv = "account_id,customer_name,email,contact_name,role,locale,time_zone\n".to_owned();
    for n in 0..130 {
        let role = if n % 10 == 9 { "billing" } else { "technical" };
        csv += &format!("K{n:03},<i>Kund</i> {n},a{n}@k{n}.example,,{role},en,UTC\n");
    }
    app.import(&csv).await;
    let mut ops = at(&door, "ops").await;
    let notice = stored(&mut ops, &changed(&MAINTENANCE, &[("reference", "CHG-8")])).await;
    take(&mut ops, &notice, "submit", "").await.is(200);
    take(&mut ops, &notice, "release", "").await.is(200);
    let (mut path, mut seen, mut pages) = (format!("{notice}/customers"), Vec::new(), 0);
    loop {
        let page = ops.get(&path).await.is(200);
        assert!(!page.html().contains("<i>Kund"), "a name is text");
        let text = page.text();
        seen.extend(text.split("/deliveries?to=").skip(1).map(|rest| rest.split('"').next().unwrap().to_owned()));
        pages += 1;
        assert!(pages < 10, "the list ends");
        if !text.contains("rel=\"next\"") {
            break;
        }
        path = page.between("<a rel=\"next\" href=\"", "\"");
    }
    let all = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!((seen.len(), all), (133, 133), "each customer once: {seen:?}");
    assert!(pages >= 3);
    ops.get(&format!("{notice}/customers?after=x")).await.is(422);
    let file = ops.get(&format!("{notice}/open.csv")).await.is(200);
    assert_eq!(file.text().lines().count(), 134);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_customer_or_an_author_wrote_is_text_on_every_page() {
    let (app, door) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    app.import(
        "account_id,customer_name,email,contact_name,role,locale,time_zone\n\
         X1,\"@cmd <script>alert(3)</script>\",x@x.example,\"<img src=x onerror=alert(4)>\",technical,en,UTC\n",
    )
    .await;
    let mut ops = at(&door, "ops").await;
    let subject = "<script>alert(5)</script> & \"quoted\"";
    let notice =
        stored(&mut ops, &changed(&MAINTENANCE, &[("subject", subject), ("reference", "<script>alert(6)")])).await;
    take(&mut ops, &notice, "submit", "").await.is(200);
    take(&mut ops, &notice, "release", "<script>alert(7)").await.is(200);
    Box::pin(app.run_until_idle()).await;
    for path in ["", "/customers", "/deliveries", "/look", "/edit", "/copy", "/cancel", "/preview"] {
        let page = ops.get(&format!("{notice}{path}")).await;
        assert!(!page.html().contains("<script>alert"), "{path}: {}", page.html());
        assert!(!page.html().contains("<img src=x"), "{path}");
    }
    ops.get("/notices").await.is(200).says(subject);
    // No address of a page is taken from outside.
    let page = ops.get("/notices?reference=%22onmouseover%3D%22alert(1)").await.is(200);
    assert!(!page.html().contains("\"onmouseover=\"alert"));
    let file = ops.get(&format!("{notice}/deliveries?to=%3Cscript%3E")).await.is(200);
    assert!(!file.html().contains("<script>"));
}
