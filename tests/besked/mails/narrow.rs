//! The mails in a window of 320 pixels, in Chromium, with their style sheet and, as some programs show them, without it.

use std::fs;
use std::process::Command;

use super::mails;

/// Shows each page in a frame of 320 pixels, and says of each how wide it is and how narrow its narrowest fact is.
const MEASURE: &str = "<script>addEventListener('load', () => {
  const pages = [...document.querySelectorAll('iframe')].map(frame => {
    const page = frame.contentDocument;
    const facts = [...page.querySelectorAll('.facts td')].map(cell => Math.round(cell.getBoundingClientRect().width));
    return `${frame.title} ${page.documentElement.scrollWidth} ${Math.min(320, ...facts)}`;
  });
  document.body.textContent = '[' + pages.join('|') + ']';
})</script>";

fn without_style(html: &str) -> String {
    let (before, rest) = html.split_once("<style>").unwrap();
    format!("{before}{}", rest.split_once("</style>").unwrap().1)
}

/// What a page says in brackets once its script has run in Chromium.
pub fn measured(page: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("page.html");
    fs::write(&file, page).unwrap();
    let mut chromium = Command::new("chromium");
    chromium.args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]);
    chromium.arg(format!("--user-data-dir={}", folder.path().join("profile").display())).arg(&file);
    let output = chromium.output().expect("chromium is installed: see tests/run");
    let answer = String::from_utf8_lossy(&output.stdout).into_owned();
    let measured = answer.split_once('[').and_then(|(_, rest)| rest.split_once(']')).expect("the page has measured");
    measured.0.to_owned()
}

/// A page in a frame of this width.
pub fn frame(title: &str, width: u32, html: &str) -> String {
    let html = html.replace('&', "&amp;").replace('"', "&quot;");
    format!("<iframe title=\"{title}\" style=\"border:0;width:{width}px;height:600px\" srcdoc=\"{html}\"></iframe>")
}

#[test]
fn a_narrow_window_shows_every_mail_whole() {
    let mut pages = String::from("<!doctype html><meta charset=utf-8><body>");
    for mail in mails() {
        for (kind, html) in [("styled", mail.html.clone()), ("plain", without_style(&mail.html))] {
            pages.push_str(&frame(&format!("{}-{kind}", mail.name), 320, &html));
        }
    }
    let measured = measured(&(pages + MEASURE));
    let mut count = 0;
    for line in measured.split('|') {
        let words: Vec<&str> = line.split(' ').collect();
        let (width, fact): (u32, u32) = (words[1].parse().unwrap(), words[2].parse().unwrap());
        assert!(width <= 320, "{line}: wider than the window");
        assert!(fact >= 200, "{line}: a fact is squeezed");
        count += 1;
    }
    assert_eq!(count, 32);
}
