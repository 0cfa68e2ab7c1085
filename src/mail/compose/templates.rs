//! The mail templates: for each category the data of its templates, and its three templates.
//!
//! Strings here may contain marks (`slots`); nothing here depends on a recipient.

use askama::Template;

use crate::mail::compose::course::Opening;
use crate::mail::compose::footer::Footer;
use crate::mail::compose::parts::{Fact, Prose, facts_text, list_text};
use crate::mail::compose::plain;
use crate::mail::locale::Language;

/// What the layout shows around each category's own part.
pub struct Page {
    /// The fixed strings.
    pub language: &'static Language,
    /// The subject.
    pub subject: String,
    /// The headline: the subject in most categories.
    pub heading: String,
    /// True if the author wrote the headline.
    pub heading_is_authored: bool,
    /// The `lang` and `dir` attributes of what the author wrote, if its language differs from that of the fixed strings.
    pub authored: String,
    /// What is new.
    pub opening: Opening,
    /// The text an inbox shows after the subject.
    pub preheader: String,
    /// The kind of notice, in words.
    pub label: String,
    /// Its colour.
    pub accent: Accent,
    /// The name of the provider.
    pub organisation: String,
    /// The greeting's mark.
    pub greeting: String,
    /// The author's body as HTML; may be empty.
    pub body_html: String,
    /// The author's body as plain text; may be empty.
    pub body_text: String,
    /// The sentences at the end.
    pub footer: Footer,
}

impl Page {
    fn t(&self, key: &str) -> String {
        self.language.text(key)
    }

    /// A heading or label in which long words may break with a hyphen: many mail programs know no hyphenation.
    fn soft(&self, text: &str) -> String {
        self.language.soft(text)
    }

    /// A string that has a form for each word of a list.
    fn t_for(&self, stem: &str, word: &str) -> String {
        self.language.text(&format!("{stem}-{word}"))
    }

    fn t_with(&self, key: &str, variables: &[(&'static str, &str)]) -> String {
        self.language.with(key, variables)
    }

    fn t_for_with(&self, stem: &str, word: &str, variables: &[(&'static str, &str)]) -> String {
        self.language.with(&format!("{stem}-{word}"), variables)
    }

    /// The attributes of an element, empty unless the author wrote its content.
    fn lang(&self, is_authored: &bool) -> &str {
        if *is_authored { &self.authored } else { "" }
    }

    #[expect(clippy::unused_self, reason = "templates call methods more easily than functions")]
    fn wrapped(&self, text: &str) -> String {
        plain::wrap(text, "", "").trim_end().to_owned()
    }

    /// A sentence and the address it ends with.
    fn wrapped_with(&self, text: String, address: &str) -> String {
        self.wrapped(&format!("{text} {address}"))
    }

    #[expect(clippy::unused_self, reason = "as above")]
    fn facts_text(&self, facts: &[Fact]) -> String {
        facts_text(facts)
    }

    #[expect(clippy::unused_self, reason = "as above")]
    fn list_text(&self, items: &[String], numbered: bool) -> String {
        list_text(items, numbered)
    }
}

/// A colour that shows how urgent a notice is, on a light and on a dark background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent {
    /// For a light background, and as the background of light text.
    pub light: &'static str,
    /// For a dark background, and as the background of dark text.
    pub dark: &'static str,
}

impl Accent {
    /// Danger.
    pub const RED: Self = Self { light: "#b42318", dark: "#ff9e94" };
    /// Something is wrong or has changed.
    pub const AMBER: Self = Self { light: "#a24008", dark: "#fdb860" };
    /// Back to normal.
    pub const GREEN: Self = Self { light: "#05603a", dark: "#6ce9a6" };
    /// Planned.
    pub const BLUE: Self = Self { light: "#175cd3", dark: "#8ab4ff" };
    /// Legal.
    pub const VIOLET: Self = Self { light: "#5925dc", dark: "#c3b5fd" };
    /// Protective.
    pub const TEAL: Self = Self { light: "#0b6580", dark: "#67d6f0" };
    /// No action needed.
    pub const GREY: Self = Self { light: "#475467", dark: "#b4bcc8" };
}

/// The three parts of a category's mail.
pub trait Parts {
    /// The default subject.
    fn subject(&self, page: &Page) -> askama::Result<String>;
    /// The plain text.
    fn text(&self, page: &Page) -> askama::Result<String>;
    /// The HTML.
    fn html(&self, page: &Page) -> askama::Result<String>;
}

macro_rules! parts {
    ($view:ident, $subject:tt, $text:tt, $html:tt) => {
        impl Parts for $view {
            fn subject(&self, page: &Page) -> askama::Result<String> {
                #[derive(Template)]
                #[template(path = $subject)]
                struct Subject<'a> {
                    page: &'a Page,
                    it: &'a $view,
                }
                let subject = Subject { page, it: self };
                let _ = (subject.page, subject.it); // not every template uses both
                subject.render().map(|subject| subject.trim().to_owned())
            }

            fn text(&self, page: &Page) -> askama::Result<String> {
                #[derive(Template)]
                #[template(path = $text)]
                struct Body<'a> {
                    page: &'a Page,
                    it: &'a $view,
                }
                let body = Body { page, it: self };
                let _ = (body.page, body.it);
                body.render().map(|text| plain::tidy(&text))
            }

            fn html(&self, page: &Page) -> askama::Result<String> {
                #[derive(Template)]
                #[template(path = $html)]
                struct Body<'a> {
                    page: &'a Page,
                    it: &'a $view,
                }
                let body = Body { page, it: self };
                let _ = (body.page, body.it);
                body.render()
            }
        }
    };
}

/// A breach notice.
pub struct SecurityBreach {
    pub subject_key: &'static str,
    pub stage: &'static str,
    pub reference: String,
    pub lead: String,
    pub facts: Vec<Fact>,
    pub nature_heading: String,
    pub nature: Prose,
    pub consequences: Prose,
    pub measures: Prose,
    pub actions: Vec<String>,
    pub duties: Option<String>,
    pub contact: Prose,
}
parts!(
    SecurityBreach,
    "mail/security_breach/subject.txt",
    "mail/security_breach/body.txt",
    "mail/security_breach/body.html"
);

/// A disruption.
pub struct Disruption {
    pub subject_key: &'static str,
    pub reference: String,
    pub status: &'static str,
    pub services: String,
    pub facts: Vec<Fact>,
    pub impact_heading: String,
    pub impact: Prose,
    pub workaround: Option<Prose>,
}
parts!(Disruption, "mail/disruption/subject.txt", "mail/disruption/body.txt", "mail/disruption/body.html");

/// A maintenance window.
pub struct Maintenance {
    pub reference: String,
    pub phase: &'static str,
    pub services: String,
    pub facts: Vec<Fact>,
    pub impact_heading: String,
    pub impact: Prose,
    pub action: Option<Prose>,
}
parts!(Maintenance, "mail/maintenance/subject.txt", "mail/maintenance/body.txt", "mail/maintenance/body.html");

/// A new version of an agreement.
pub struct AgreementChange {
    pub kind: &'static str,
    pub document: String,
    pub effective: String,
    pub facts: Vec<Fact>,
    pub summary: Vec<String>,
    pub right_heading: String,
    pub right: Prose,
    pub right_until: String,
}
parts!(
    AgreementChange,
    "mail/agreement_change/subject.txt",
    "mail/agreement_change/body.txt",
    "mail/agreement_change/body.html"
);

/// A changed security measure.
pub struct SecurityMeasuresChange {
    pub measure: String,
    pub effective: String,
    pub facts: Vec<Fact>,
    pub change: Prose,
    pub effect: Prose,
}
parts!(
    SecurityMeasuresChange,
    "mail/security_measures_change/subject.txt",
    "mail/security_measures_change/body.txt",
    "mail/security_measures_change/body.html"
);

/// An invoice.
pub struct Billing {
    pub invoice: String,
    pub amount: String,
    pub currency: String,
    pub due: String,
    pub facts: Vec<Fact>,
}
parts!(Billing, "mail/billing/subject.txt", "mail/billing/body.txt", "mail/billing/body.html");

/// News.
pub struct News {
    pub title: String,
}
parts!(News, "mail/news/subject.txt", "mail/news/body.txt", "mail/news/body.html");

/// A survey.
pub struct Survey {
    pub question: String,
    pub link: String,
    pub facts: Vec<Fact>,
}
parts!(Survey, "mail/survey/subject.txt", "mail/survey/body.txt", "mail/survey/body.html");

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast of two colours (WCAG 2.2).
    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |colour: &str| {
            let channel = |at: usize| {
                let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5)
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_colour_can_be_read_in_light_and_dark() {
        use Accent as A;
        for accent in [A::RED, A::AMBER, A::GREEN, A::BLUE, A::VIOLET, A::TEAL, A::GREY] {
            assert!(contrast(accent.light, "#ffffff") >= 4.5, "{accent:?}");
            assert!(contrast(accent.dark, "#181d24") >= 4.5, "{accent:?}");
        }
        // Text, quiet text, links and the footer.
        for (ink, ground) in [
            ("#1d2939", "#f5f6f8"),
            ("#475467", "#f5f6f8"),
            ("#475467", "#eef0f3"),
            ("#175cd3", "#ffffff"),
            ("#175cd3", "#eef0f3"),
            ("#e6e9ee", "#222933"),
            ("#a9b1bd", "#222933"),
            ("#a9b1bd", "#0f1318"),
            ("#8ab4ff", "#0f1318"),
        ] {
            assert!(contrast(ink, ground) >= 4.5, "{ink} on {ground}");
        }
    }
}
