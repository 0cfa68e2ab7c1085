//! The console by keyboard alone, in a real Chromium: one whole task, and on every page whether each control is reached in its order and
//! seen to be.

use besked::domain::operator::Role;
use fantoccini::Locator;
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use serde_json::Value;

use super::chromium::{Chromium, Screen, at_loopback};
use super::desk::staffed;
use super::look::World;
use super::sign_in::{PASSWORD, set_password};
use crate::database::Engine;

const TAB: char = '\u{e004}';
const ENTER: char = '\u{e007}';
const SHIFT: char = '\u{e008}';
const SPACE: char = ' ';

/// More controls than any page has before the one that is looked for.
const FAR: usize = 120;

/// Somebody without a mouse.
struct Keyboard(Chromium);

impl Keyboard {
    async fn press(&self, keys: impl IntoIterator<Item = char>) {
        let keys = keys.into_iter().flat_map(|value| [KeyAction::Down { value }, KeyAction::Up { value }]);
        let actions = keys.fold(KeyActions::new("keyboard".to_owned()), |actions, key| actions.then(key));
        self.0.client.perform_actions(actions).await.unwrap();
    }

    async fn back(&self) {
        let keys = [
            KeyAction::Down { value: SHIFT },
            KeyAction::Down { value: TAB },
            KeyAction::Up { value: TAB },
            KeyAction::Up { value: SHIFT },
        ];
        let actions = keys.into_iter().fold(KeyActions::new("keyboard".to_owned()), |actions, key| actions.then(key));
        self.0.client.perform_actions(actions).await.unwrap();
    }

    async fn ask(&self, script: &str, argument: &str) -> Value {
        self.0.client.execute(script, vec![argument.into()]).await.unwrap()
    }

    async fn is_at(&self, css: &str) -> bool {
        self.ask("return document.activeElement.matches(arguments[0])", css).await == true
    }

    /// Goes on until a control has the focus.
    async fn reach(&self, css: &str) {
        for _ in 0..FAR {
            self.press([TAB]).await;
            if self.is_at(css).await {
                return;
            }
        }
        let page = self.0.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        panic!("`{css}` is not reached on {}:\n{page}", self.0.client.current_url().await.unwrap());
    }

    async fn type_in(&self, css: &str, text: &str) {
        self.reach(css).await;
        self.press(text.chars()).await;
    }

    async fn value(&self) -> Value {
        self.ask("return document.activeElement.value", "").await
    }

    /// Presses a key that leads to another page, and stays until that is there.
    async fn leave_by(&self, key: char) {
        self.ask("document.documentElement.classList.add('left')", "").await;
        self.press([key]).await;
        let next = self.0.client.wait().for_element(Locator::Css("html:not(.left) body")).await;
        assert!(next.is_ok(), "it leads nowhere from {}", self.0.client.current_url().await.unwrap());
    }

    async fn says(&self, text: &str) {
        let page = self.0.client.find(Locator::Css("main")).await.unwrap().text().await.unwrap();
        assert!(page.contains(text), "`{text}` is not in:\n{page}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_maintenance_is_written_and_submitted_by_keyboard_alone() {
    let (app, browser) = staffed(Engine::Sqlite, &[Role::Ops]).await;
    set_password(&app, &browser, "ops").await;
    let (_app, door) = at_loopback(app).await;
    let ops = Keyboard(Chromium::start(Screen::WIDE).await);
    ops.0.client.goto(&format!("http://{}/", door.node.at)).await.unwrap();

    ops.press([TAB]).await;
    assert!(ops.is_at("a.skip").await, "the first stop leads past what is on every page");
    ops.press([ENTER, TAB]).await;
    assert!(ops.is_at("#name").await, "the first control of the page is next");
    ops.press("ops".chars()).await;
    ops.type_in("#password", PASSWORD).await;
    ops.press([TAB]).await;
    ops.leave_by(ENTER).await;

    ops.reach("nav.places a[href=\"/notices\"]").await;
    ops.leave_by(ENTER).await;
    ops.press([TAB, ENTER]).await;
    ops.reach("main a[href^=\"/notices/new\"]").await;
    ops.leave_by(ENTER).await;
    ops.reach("a[href*=\"category=maintenance\"]").await;
    ops.leave_by(ENTER).await;

    ops.press([TAB, ENTER]).await;
    ops.type_in("[name=\"f.phase\"]", "Announced").await;
    assert_eq!(ops.value().await, "announced");
    ops.type_in("[name=\"f.services\"]", "Compute\u{e007}Storage").await;
    for (name, day) in [("f.window_start", "01"), ("f.window_end", "02")] {
        ops.reach(&format!("[name=\"{name}\"]")).await;
        // Month, day, year, hour, minute, half of the day: as Chromium has them without a language of its own.
        ops.press(format!("12{day}2036").chars()).await;
        ops.press([TAB]).await;
        ops.press("1000PM".chars()).await;
        assert_eq!(ops.value().await, format!("2036-12-{}T22:00", day), "{name}");
    }
    ops.type_in("[name=\"f.impact\"]", "Two minutes without network.").await;
    ops.type_in("[name=\"body\"]", "Hello from the keyboard.").await;
    ops.reach("[name=audience]").await;
    ops.press([SPACE]).await;
    assert_eq!(
        (ops.value().await, ops.ask("return document.activeElement.checked", "").await),
        ("all".into(), true.into())
    );
    ops.reach("button[name=do][value=check]").await;
    ops.leave_by(SPACE).await;
    ops.says("recipients").await;

    ops.reach("button[name=do][value=check]").await;
    ops.back().await;
    ops.back().await;
    assert!(ops.is_at("button[name=do][value=save]").await, "the way back is the way there");
    ops.leave_by(ENTER).await;
    let notice = ops.0.client.current_url().await.unwrap().path().to_owned();
    ops.reach("main a[href$=\"/submit\"]").await;
    ops.leave_by(ENTER).await;
    ops.reach("form[action$=\"/submit\"] button").await;
    ops.leave_by(SPACE).await;
    assert_eq!(ops.0.client.current_url().await.unwrap().path(), notice);
    ops.says("Submitted").await;
    ops.0.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_control_of_every_page_is_reached_in_its_order_and_seen_to_be() {
    let mut world = World::new().await;
    let pages = world.pages().await;
    let keyboard = Keyboard(Chromium::start(Screen::WIDE).await);
    keyboard.0.remember(&world.browser).await;
    let mut wrong = Vec::new();
    let mut controls = 0;
    for (path, _) in &pages {
        keyboard.0.client.goto(&format!("http://{}{path}", world.browser.node.at)).await.unwrap();
        let stops = keyboard.ask(WATCH, "").await.as_u64().unwrap();
        let first = !keyboard.is_at("[autofocus]").await;
        keyboard.press((0..stops).map(|_| TAB)).await;
        let found = keyboard.ask(FOUND, if first { "" } else { "from within" }).await;
        controls += found["expected"].as_u64().unwrap();
        wrong.extend(found["wrong"].as_array().unwrap().iter().map(|it| format!("{path}: {}", it.as_str().unwrap())));
    }
    keyboard.0.end().await;
    assert!(wrong.is_empty(), "{} on {} pages:\n{}", wrong.len(), pages.len(), wrong.join("\n"));
    assert!(pages.len() > 30 && controls > 600, "{controls} controls of {} pages", pages.len());
}

/// Notes each control that gets the focus, with its outline; returns how often Tab is pressed to come through the page.
const WATCH: &str = "
window.key = it => [it.tagName, it.getAttribute('href') ?? it.name ?? it.id, it.type ?? '', it.value ?? '', it.innerText ?? '']
  .join(' ').replaceAll(/\\s+/g, ' ').slice(0, 120);
window.controls = () => {
  const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex=\"0\"]')];
  const shown = all.filter(it => it.tabIndex >= 0 && !it.disabled && it.checkVisibility());
  // A group of radio buttons is one stop.
  return shown.filter(it => {
    if (it.type !== 'radio') return true;
    const group = shown.filter(other => other.type === 'radio' && other.name === it.name && other.form === it.form);
    return it === (group.find(other => other.checked) ?? group[0]);
  });
};
window.seen = [];
document.addEventListener('focusin', event => {
  const it = event.target;
  const { outlineStyle, outlineWidth } = getComputedStyle(it);
  const { width, height } = it.getBoundingClientRect();
  const visible = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2 && width > 1 && height > 1;
  seen.push([key(it), visible]);
});
// A field for a time has parts, a mail in a frame has links.
const parts = it => it.tagName === 'IFRAME' ? 12 : /date|time/.test(it.type ?? '') ? 8 : 1;
return [...controls(), ...document.querySelectorAll('iframe, .scroll, pre')].reduce((sum, it) => sum + parts(it), 4);
";

/// What is wrong with the way through the page.
const FOUND: &str = "
const expected = controls().map(key);
const known = new Set(expected);
const way = seen.map(([it]) => it).filter(it => known.has(it));
const wrong = seen.filter(([, visible]) => !visible).map(([it]) => `no outline is seen at ${it}`);
const missing = expected.filter(it => !way.includes(it));
if (missing.length) {
  wrong.push(`not reached: ${missing.slice(0, 5).join(' | ')}; the last was ${seen.at(-1)?.[0]}`);
} else if (!arguments[0]) {
  let at = 0;
  for (const it of way) {
    if (at === expected.length) break;
    // Chromium may name a control again before it goes on, such as one before a frame that is folded away.
    if (it === expected[at]) at += 1;
    else if (it !== expected[at - 1]) {
      wrong.push(`${expected[at]} comes after ${it}`);
      break;
    }
  }
}
return { wrong: [...new Set(wrong)], expected: expected.length };
";
