//! A real Chromium, driven over WebDriver: pages as people see them, in light and dark, on wide and narrow screens, and what axe-core
//! finds in them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use axum::http::Method;
use data_encoding::BASE64;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use serde_json::{Value, json};
use url::Url;

use super::browser::Browser;
use crate::app::TestApp;

/// How the pages are shown.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    pub name: &'static str,
    pub width: u32,
    pub dark: bool,
    /// Whether pages may run scripts.
    pub scripts: bool,
}

impl Screen {
    pub const WIDE: Self = Self { name: "wide-light", width: 1280, dark: false, scripts: true };
    pub const DARK: Self = Self { name: "wide-dark", width: 1280, dark: true, scripts: true };
    pub const NARROW: Self = Self { name: "narrow-light", width: 320, dark: false, scripts: true };
    pub const NARROW_DARK: Self = Self { name: "narrow-dark", width: 320, dark: true, scripts: true };

    /// Without JavaScript.
    pub fn plain(self) -> Self {
        Self { scripts: false, ..self }
    }
}

/// A running Chromium with one window.
pub struct Chromium {
    pub client: Client,
    _driver: Driver,
}

/// A running chromedriver, which ends with this.
struct Driver(Child);

impl Drop for Driver {
    fn drop(&mut self) {
        // By its own process id; the browser ends with it.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An application whose console is at a loopback host without TLS, as a browser of the tests opens it, and a browser before it.
pub async fn at_loopback(app: TestApp) -> (TestApp, Browser) {
    let app = app.configured(|config| config.organisation.public_url = "http://127.0.0.1".parse().unwrap()).await;
    let browser = Browser::start(&app.app).await;
    (app, browser)
}

/// What is wrong with a page, or how it is.
#[derive(Debug)]
pub struct Look {
    /// What axe-core found: rule, its words, and the elements.
    pub violations: Vec<String>,
    /// Width of the content, in pixels.
    pub content_width: u64,
    /// Bytes of the page and all that it loads.
    pub bytes: u64,
    /// The sum of the layout shifts, as Chromium counts them.
    pub shift: f64,
    /// How many `h1` and `main` there are.
    pub headings: (u64, u64),
}

impl Chromium {
    /// Starts a driver on a port of its own, and a browser without memory of others.
    pub async fn start(screen: Screen) -> Self {
        let mut command = Command::new("chromedriver");
        let driver = command.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut driver = Driver(driver.expect("chromedriver is installed: see tests/run"));
        let mut lines = BufReader::new(driver.0.stdout.take().expect("it is piped")).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            line.split_once("successfully on port ").map(|(_, port)| port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver names its port");
        // The driver blocks once nobody reads what it prints.
        std::thread::spawn(move || lines.for_each(drop));
        let scheme = if screen.dark { 0 } else { 1 };
        let scripts = if screen.scripts { 1 } else { 2 };
        let options = json!({
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-dev-shm-usage",
                format!("--blink-settings=preferredColorScheme={scheme}"),
                format!("--window-size={},900", screen.width.max(500)),
            ],
            "prefs": { "profile.managed_default_content_settings.javascript": scripts },
            "mobileEmulation": { "deviceMetrics": { "width": screen.width, "height": 900, "pixelRatio": 1.0, "touch": false, "mobile": false } },
        });
        let capabilities: Capabilities = [
            ("goog:chromeOptions".to_owned(), options),
            // They end only what hangs.
            ("timeouts".to_owned(), json!({ "script": 240_000, "pageLoad": 240_000 })),
        ]
        .into_iter()
        .collect();
        let connector = hyper_util::client::legacy::connect::HttpConnector::new();
        let mut builder = ClientBuilder::new(connector);
        builder.capabilities(capabilities);
        let client = builder.connect(&format!("http://127.0.0.1:{port}")).await;
        Self { client: client.expect("chromium starts"), _driver: driver }
    }

    /// Has the cookies of another browser, which is signed in at the same host.
    pub async fn remember(&self, other: &Browser) {
        let url = format!("http://{}/", other.node.at);
        for (name, value) in &other.jar {
            let cookie = json!({ "name": name, "value": value, "url": url, "path": "/", "httpOnly": true });
            let kept = self.client.issue_cmd(Own("Network.setCookie", cookie)).await.expect("the command is known");
            assert_eq!(kept["success"], true, "the cookie {name} is taken");
        }
    }

    /// Opens a page, and says how it is. Needs scripts.
    pub async fn look(&self, url: &str) -> Look {
        self.client.goto(url).await.expect("the page opens");
        self.look_here().await
    }

    /// Says how the page that is open is.
    pub async fn look_here(&self) -> Look {
        self.client.execute(&axe(), vec![]).await.expect("axe-core loads");
        let found = self.client.execute_async(EXAMINE, vec![]).await.expect("the page can be examined");
        let number = |key: &str| found[key].as_u64().unwrap_or_else(|| panic!("{key}: {found}"));
        let violations = found["violations"].as_array().expect("a list").iter().map(words_of).collect();
        Look {
            violations,
            content_width: number("width"),
            bytes: number("bytes"),
            shift: found["shift"].as_f64().expect("a number"),
            headings: (number("h1"), number("main")),
        }
    }

    /// The whole page as a PNG, also what lies below the window.
    pub async fn picture(&self) -> Vec<u8> {
        let params = json!({ "format": "png", "captureBeyondViewport": true });
        let drawn = self.client.issue_cmd(Own("Page.captureScreenshot", params)).await.expect("it can be drawn");
        let data = drawn["data"].as_str().expect("a picture");
        BASE64.decode(data.as_bytes()).expect("it is base64")
    }

    /// Ends the browser and its driver.
    pub async fn end(self) {
        self.client.close().await.expect("it ends");
    }
}

/// A command of Chromium's own, for what WebDriver does not have: a picture of more than the window, a cookie for an address.
#[derive(Debug)]
struct Own(&'static str, Value);

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "cmd": self.0, "params": self.1 }).to_string()))
    }
}

/// The source of axe-core, from the package that brings it.
fn axe() -> String {
    let folder =
        std::env::var("BESKED_TEST_AXE").expect("BESKED_TEST_AXE names the folder with axe-core: see tests/run");
    let file = std::path::Path::new(&folder).join("axe_playwright_python/axe.min.js");
    std::fs::read_to_string(file).expect("the package has axe.min.js")
}

fn words_of(violation: &Value) -> String {
    let elements: Vec<&str> =
        violation["nodes"].as_array().into_iter().flatten().filter_map(|node| node["html"].as_str()).collect();
    format!("{}: {}: {}", violation["id"], violation["help"], elements.join(" | "))
}

/// WCAG 2.2 up to AA, and what axe-core calls best practice.
const EXAMINE: &str = "
const done = arguments[arguments.length - 1];
let shift = 0;
new PerformanceObserver(list => list.getEntries().forEach(entry => { if (!entry.hadRecentInput) shift += entry.value; }))
  .observe({ type: 'layout-shift', buffered: true });
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
axe.run(document, { runOnly: { type: 'tag', values: rules }, resultTypes: ['violations'] }).then(found => {
  const parts = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  done({
    violations: found.violations,
    width: document.documentElement.scrollWidth,
    bytes: parts.reduce((sum, part) => sum + (part.encodedBodySize || 0), 0),
    h1: document.querySelectorAll('h1').length,
    main: document.querySelectorAll('main').length,
    shift,
  });
}, failure => done({ violations: [{ id: 'axe', help: String(failure), nodes: [] }], width: 0, bytes: 0, h1: 0, main: 0, shift: 0 }));
";
