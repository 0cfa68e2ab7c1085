//! What the author of a notice is warned of: windows that overlap, holidays, a second notice within the hour.

use besked::config::Config;
use besked::domain::category::Category;
use rstest::rstest;

use super::MINUTE;
use crate::app::{CUSTOMERS, TestApp, alice, maintenance};
use crate::database::Engine;

impl TestApp {
    /// The warnings of a check.
    async fn warned(&self, text: &str) -> Vec<String> {
        let checked = self.app.notices.check(&alice(), &self.draft(text, "account_id\n")).await.unwrap();
        checked.warnings.0.iter().map(ToString::to_string).collect()
    }
}

fn has(warnings: &[String], text: &str) -> bool {
    warnings.iter().any(|warning| warning.contains(text))
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_window_of_the_same_service_at_the_same_customers_is_a_warning(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    let first = app.release(&maintenance("customers = [\"C1\"]")).await;
    app.run_until_idle().await;
    app.advance(MINUTE * 61);
    let second = |audience: &str| maintenance(audience).replace("CHG-1", "CHG-2");
    let warned = app.warned(&second("all = true")).await;
    assert!(has(&warned, "overlaps the window of `CHG-1`"), "{warned:?}");
    assert!(has(&warned, "of Compute for 1 customer of this one"), "{warned:?}");
    for other in [
        second("customers = [\"C2\"]"),
        second("all = true").replace("Compute", "Storage"),
        second("all = true").replace("2036-12-0", "2037-01-0"),
        second("all = true").replace("[audience]\nall = true\n", &format!("follows = \"{first}\"\n")),
    ] {
        let warned = app.warned(&other).await;
        assert!(!has(&warned, "overlaps"), "{other}: {warned:?}");
    }
    let over = second("all = true")
        .replace("[audience]\nall = true\n", &format!("follows = \"{first}\"\n"))
        .replace("announced", "cancelled");
    app.release(&over).await;
    assert!(!has(&app.warned(&second("all = true")).await, "overlaps"), "it does not take place");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[tokio::test(flavor = "multi_thread")]
async fn a_second_notice_to_the_same_customers_within_the_hour_is_a_warning(#[case] engine: Engine) {
    let app = TestApp::new(engine).await;
    app.import(CUSTOMERS).await;
    app.release(&maintenance("customers = [\"C1\"]")).await;
    let news = crate::app::NEWS;
    app.advance(MINUTE * 59);
    let warned = app.warned(news).await;
    assert!(has(&warned, "a notice of the category maintenance went to 1 customer of this one"), "{warned:?}");
    app.advance(MINUTE * 2);
    assert!(!has(&app.warned(news).await, "less than an hour"));
    // What was cancelled before it was sent went to nobody.
    let gone = app.release(&maintenance("customers = [\"C1\"]").replace("CHG-1", "CHG-2")).await;
    assert!(has(&app.warned(news).await, "less than an hour"), "it will be sent");
    app.app.notices.cancel(gone, &alice(), None).await.unwrap();
    let warned = app.warned(news).await;
    assert!(!has(&warned, "less than an hour"), "{warned:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_on_a_holiday_and_reminders_before_the_release_are_warnings_and_a_lead_time_may_be_a_must() {
    let rules = |config: &mut Config| {
        config.organisation.holidays = vec!["2036-12-02".parse().unwrap()];
        let rules = "lead_time = \"5d\"\nlead_time_required = true";
        config.category.insert(Category::Maintenance, toml::from_str(rules).unwrap());
    };
    let app = TestApp::with(Engine::Sqlite, rules).await;
    app.import(CUSTOMERS).await;
    let warned = app.warned(&maintenance("all = true")).await;
    assert!(has(&warned, "the window is on a holiday of the organisation, 2036-12-02"), "{warned:?}");
    let soon = maintenance("all = true")
        .replace("2036-12-01T22:00:00+01:00", "2026-11-30T22:00:00+01:00")
        .replace("2036-12-02T02:00:00+01:00", "2026-12-01T02:00:00+01:00")
        .replace("[fields]", "[schedule]\nreminders = [\"-168h\", \"-24h\"]\n[fields]");
    let warned = app.warned(&soon).await;
    assert!(has(&warned, "the reminder `-168h` would be due before the release"), "{warned:?}");
    // Reminders come when their time has come, whatever the lead time of announcements is.
    app.release(&soon).await;
    app.run_until_idle().await;
    app.advance_to("2026-11-29T21:00:00Z");
    app.run_until_idle().await;
    assert_eq!(app.relay.count(), 4);
    let late = soon.replace("2026-11-30T22", "2026-11-29T23");
    let refused = app.app.notices.create(&app.draft(&late, ""), &alice()).await.unwrap_err().to_string();
    assert!(refused.contains("the lead time is 5 days"), "{refused}");
}
