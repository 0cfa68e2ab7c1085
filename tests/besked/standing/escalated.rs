//! A row that informs nobody is escalated for itself, whatever was informed before.

use besked::coverage::NewAttestation;
use besked::domain::attestation::Channel;
use besked::domain::category::{Category, Role};
use besked::domain::coverage::Verdict;
use besked::domain::delivery::State;
use rstest::rstest;

use super::{INVOICES, row};
use crate::app::alice;
use crate::audit::audit;
use crate::database::Engine;
use crate::escalation::{HOUR, ONE, escalating, not_informed};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_failed_is_addressed_elsewhere_and_then_a_person_has_a_task(#[case] engine: Engine) {
    let app = escalating(engine, Category::Billing, "escalate_after = \"1h\"\nescalate_to = [\"service\"]\n").await;
    app.import(ONE).await;
    let id = app.release(INVOICES).await;
    app.add(id, vec![row("C1", "a", "F-1")]).await;
    app.run_until_idle().await;
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::Informed);
    app.advance(HOUR * 100);
    app.refuse(&["faktura@ett"]);
    app.add(id, vec![row("C1", "b", "F-2")]).await;
    app.run_until_idle().await;
    let roles = app.roles("C1", id).await;
    let wanted = [(Role::Billing, State::Accepted), (Role::Billing, State::Rejected), (Role::Service, State::Accepted)];
    assert_eq!(roles, wanted);
    assert!(app.relay.to("service@ett.example")[0].header("Subject").unwrap().contains("F-2"));
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::Informed);

    app.refuse(&["service@ett"]);
    app.add(id, vec![row("C1", "c", "F-3")]).await;
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()]);
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::NotInformed, "two others arrived, and this one did not");
    // A call from before the row was added told nobody of it.
    let told_at = Some(app.app.context.clock.now() - jiff::SignedDuration::from_hours(1));
    let early = NewAttestation { account_id: "C1", channel: Channel::Phone, witness: "Bo", note: "of F-1", told_at };
    app.app.coverage.attest(&alice(), &id.to_string(), &early).await.unwrap();
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()], "the customer is not forgotten");
    app.attest(id, "C1", Channel::Phone, "told of F-3").await.unwrap();
    app.run_until_idle().await;
    assert!(app.to_do().await.is_empty());
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::Informed);
    // The call was about what was there then.
    app.advance(HOUR);
    app.add(id, vec![row("C1", "d", "F-4")]).await;
    assert_eq!(app.informed("C1", id).await.verdict, Verdict::Pending);
    app.run_until_idle().await;
    assert_eq!(app.to_do().await, [not_informed()]);
    assert_eq!(audit(&app).await.problem, None);
}
