//! Four people do their work in a real browser: ops, security with legal, marketing, and compliance.

use std::time::Duration;

use besked::domain::operator::Role;
use fantoccini::Locator;
use rstest::rstest;

use super::browser::Browser;
use super::chromium::{Chromium, Screen, at_loopback};
use super::desk::{BREACH, MAINTENANCE, staffed};
use crate::app::TestApp;
use crate::database::Engine;

/// Somebody before a screen.
struct Person {
    chromium: Chromium,
    origin: String,
}

impl Person {
    async fn at(door: &Browser, name: &str, screen: Screen) -> Self {
        let mut own = door.other();
        own.sign_in(name).await;
        let chromium = Chromium::start(screen).await;
        chromium.remember(&own).await;
        let person = Self { chromium, origin: format!("http://{}", door.node.at) };
        person.open("/").await;
        person.says(name).await;
        person
    }

    async fn open(&self, path: &str) {
        self.chromium.client.goto(&format!("{}{path}", self.origin)).await.unwrap();
    }

    /// Where this person is.
    async fn place(&self) -> String {
        self.chromium.client.current_url().await.unwrap().path().to_owned()
    }

    async fn text(&self) -> String {
        self.chromium.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap()
    }

    /// Asserts that the page says this.
    async fn says(&self, wanted: &str) {
        let page = self.chromium.client.find(Locator::Css("body")).await.unwrap().text().await.unwrap();
        assert!(page.contains(wanted), "`{wanted}` is not on {}:\n{page}", self.place().await);
    }

    async fn lacks(&self, unwanted: &str) {
        let page = self.chromium.client.source().await.unwrap();
        assert!(!page.contains(unwanted), "`{unwanted}` is on {}", self.place().await);
    }

    /// Clicks on the first element that a selector finds, and stays until the page that it leads to is there.
    async fn press(&self, css: &str) {
        let client = &self.chromium.client;
        let Ok(element) = client.find(Locator::Css(css)).await else {
            panic!("`{css}` is not on {}:\n{}", self.place().await, self.text().await)
        };
        // The driver answers a click before the browser has left the page.
        client.execute("document.documentElement.classList.add('left')", vec![]).await.unwrap();
        element.click().await.unwrap_or_else(|error| panic!("{css}: {error}"));
        let next =
            client.wait().at_most(Duration::from_secs(240)).for_element(Locator::Css("html:not(.left) body")).await;
        assert!(next.is_ok(), "`{css}` leads nowhere from {}: {next:?}", self.place().await);
    }

    /// Fills in fields, as the browser has them: texts are typed, choices are clicked on.
    async fn fill(&self, fields: &[(&str, &str)]) {
        for (name, value) in fields.iter().filter(|(name, _)| !["category", "zone", "do"].contains(name)) {
            let filled = self.chromium.client.execute(FILL, vec![(*name).into(), (*value).into()]).await.unwrap();
            assert_eq!(filled, true, "`{name}` is not on {}", self.place().await);
        }
    }

    /// Takes a step of a notice from its page.
    async fn take(&self, notice: &str, step: &str, reason: &str) {
        self.open(notice).await;
        self.press(&format!("main a[href$=\"/{step}\"]")).await;
        if !reason.is_empty() {
            self.fill(&[("reason", reason)]).await;
        }
        self.press(&format!("form[action$=\"/{step}\"] button")).await;
    }

    /// Chooses a category, fills in its form and stores it; returns the address of the notice.
    async fn write(&self, fields: &[(&str, &str)]) -> String {
        let category = fields.iter().find(|(name, _)| *name == "category").unwrap().1;
        self.open("/notices").await;
        self.press("a[href^=\"/notices/new\"]").await;
        self.press(&format!("a[href*=\"category={category}\"]")).await;
        self.fill(fields).await;
        self.press("button[name=do][value=save]").await;
        self.place().await
    }

    async fn end(self) {
        self.chromium.end().await;
    }
}

/// Sets a field, and lets the page know.
const FILL: &str = "
const [name, value] = arguments;
const fields = [...document.querySelectorAll(`main [name=\"${name}\"]`)];
const one = fields.find(it => ['radio', 'checkbox'].includes(it.type) ? it.value === value : true);
if (!one) return false;
if (['radio', 'checkbox'].includes(one.type)) { one.checked = true; } else { one.value = value.replaceAll('\\r\\n', '\\n'); }
one.dispatchEvent(new Event('input', { bubbles: true }));
one.dispatchEvent(new Event('change', { bubbles: true }));
return true;
";

#[rstest]
#[case::wide(Screen::WIDE)]
#[case::narrow_without_scripts(Screen::NARROW.plain())]
#[tokio::test(flavor = "multi_thread")]
async fn four_people_do_their_work(#[case] screen: Screen) {
    let of = [Role::Ops, Role::Security, Role::Legal, Role::Support, Role::Marketing, Role::Compliance];
    let (app, door) = at_loopback(staffed(Engine::Sqlite, &of).await.0).await;
    ops(&app, &door, screen).await;
    security(&app, &door, screen).await;
    marketing(&app, &door, screen).await;
    compliance(&app, &door, screen).await;
}

/// Announces, reschedules and completes a maintenance.
async fn ops(app: &TestApp, door: &Browser, screen: Screen) {
    let ops = Person::at(door, "ops", screen).await;
    let notice = ops.write(&MAINTENANCE).await;
    ops.take(&notice, "submit", "").await;
    ops.take(&notice, "release", "as planned").await;
    app.run_until_idle().await;
    ops.open(&notice).await;
    ops.says("informed: 2 of 3 customers").await;
    ops.press("a[href^=\"/notices/new?follow=\"]").await;
    ops.press("a[href$=\"word=rescheduled\"]").await;
    ops.fill(&[("f.window_start", "2036-12-08T22:00"), ("f.window_end", "2036-12-09T02:00")]).await;
    ops.press("button[name=do][value=save]").await;
    let second = ops.place().await;
    ops.take(&second, "submit", "").await;
    ops.take(&second, "release", "").await;
    app.run_until_idle().await;
    app.advance(std::time::Duration::from_secs(60));
    ops.open(&second).await;
    ops.press("a[href^=\"/notices/new?follow=\"]").await;
    ops.press("a[href$=\"word=completed\"]").await;
    ops.press("button[name=do][value=save]").await;
    let third = ops.place().await;
    ops.take(&third, "submit", "").await;
    ops.take(&third, "release", "").await;
    app.run_until_idle().await;
    assert_eq!(app.relay.to("hello@two.example").len(), 3, "announced, moved, done");
    ops.end().await;
}

/// Writes a breach that legal approves; the customer that no mail reaches is called.
async fn security(app: &TestApp, door: &Browser, screen: Screen) {
    let security = Person::at(door, "security", screen).await;
    let notice = security.write(&BREACH).await;
    security.take(&notice, "submit", "").await;
    security.says("you wrote it").await;
    let legal = Person::at(door, "legal", screen).await;
    legal.says("SEC-1").await;
    legal.press(&format!("main a[href^=\"{notice}\"]")).await;
    legal.take(&notice, "approve", "read with the DPO").await;
    legal.end().await;
    security.take(&notice, "release", "").await;
    app.run_until_idle().await;
    security.open(&notice).await;
    security.says("informed: 2 of 3 customers").await;
    let support = Person::at(door, "support", screen).await;
    support.open("/tasks").await;
    support.press("main td a[href^=\"/tasks/\"], main th a[href^=\"/tasks/\"]").await;
    support.fill(&[("channel", "phone"), ("by", "Sara"), ("said", "spoke with Dave")]).await;
    support.press("form[action$=\"/attest\"] button").await;
    support.end().await;
    security.open(&notice).await;
    security.says("informed: 3 of 3 customers").await;
    security.end().await;
}

/// Sends news to all but one who opted out, and sees nobody's address.
async fn marketing(app: &TestApp, door: &Browser, screen: Screen) {
    app.wish("hello@two.example", besked::domain::category::Category::News, true).await;
    let marketing = Person::at(door, "marketing", screen).await;
    let news = [("category", "news"), ("f.title", "A new region"), ("body", "We open one."), ("audience", "all")];
    let notice = marketing.write(&news).await;
    marketing.take(&notice, "submit", "").await;
    marketing.take(&notice, "release", "").await;
    app.run_until_idle().await;
    for place in
        [notice.clone(), format!("{notice}/customers"), format!("{notice}/deliveries"), "/customers".to_owned()]
    {
        marketing.open(&place).await;
        marketing.lacks("hello@two.example").await;
        marketing.lacks("service@ett.example").await;
    }
    marketing.open(&format!("{notice}/customers")).await;
    marketing.says("Two Ltd").await;
    marketing.end().await;
}

/// Answers whether a customer was informed, prints it, verifies the evidence, exports and erases a person.
async fn compliance(app: &TestApp, door: &Browser, screen: Screen) {
    let compliance = Person::at(door, "compliance", screen).await;
    compliance.open("/ask").await;
    compliance.fill(&[("q", "C2")]).await;
    compliance.press("main form button").await;
    compliance.says("Everything that was sent to C2").await;
    compliance.open("/ask?account=C2&reference=SEC-1").await;
    compliance.says("Yes: Two Ltd (C2) was informed.").await;
    let printed = compliance.chromium.client.print(Default::default()).await.unwrap();
    assert!(printed.starts_with(b"%PDF"), "it can be printed");
    let link = compliance.chromium.client.find(Locator::Css("a[href*=\"evidence.json\"]")).await.unwrap();
    let link = link.attr("href").await.unwrap().unwrap();
    let mut own = door.other();
    own.sign_in("compliance").await;
    let file = app.home.path().join("evidence.json");
    std::fs::write(&file, own.get(&link).await.is(200).reply.body).unwrap();
    compliance.open("/verify").await;
    let input = compliance.chromium.client.find(Locator::Css("input[name=evidence]")).await.unwrap();
    input.send_keys(file.to_str().unwrap()).await.unwrap();
    compliance.press("main form button").await;
    compliance.says("The file is valid.").await;

    compliance.open("/people").await;
    compliance.fill(&[("email", "hello@two.example")]).await;
    compliance.press("main form button").await;
    compliance.says("Two Ltd").await;
    let export = own.post("/people/export", &[("email", "hello@two.example")]).await.is(200);
    export.says("\"evidence\"");
    compliance.open("/people/erase?email=hello%40two.example").await;
    compliance.fill(&[("ground", "Art. 17(1)(b): consent withdrawn")]).await;
    let waivers = compliance.chromium.client.find_all(Locator::Css("input[name=waive]")).await.unwrap();
    for waiver in waivers {
        waiver.click().await.unwrap();
    }
    compliance.press("form[action=\"/people/erase\"] button").await;
    compliance.says("The person is erased.").await;
    compliance.lacks("hello@two.example").await;
    compliance.end().await;
}
