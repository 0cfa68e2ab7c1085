//! The footer of a mail: who sends it, why this person receives it, on what legal basis, and what they can do about it.

use crate::config::{Config, Organisation};
use crate::domain::category::{Category, Class, Role};
use crate::domain::fields::{AgreementKind, Fields, OurRole, Stage};
use crate::domain::placeholder::Placeholder;
use crate::mail::compose::slots::{Escape, Slot};
use crate::mail::compose::views::Maker;
use crate::mail::locale::Language;

/// The sentences at the end of every mail.
pub struct Footer {
    /// Who sends it, with what the law requires a business letter to state.
    pub sender: String,
    /// The capacity in which the recipient is addressed, and the source of the address (GDPR Art. 14(2)(f)).
    pub why: String,
    /// The address that takes the name of another contact.
    pub reply_to: String,
    /// The legal basis, and the duty behind the notice.
    pub basis: String,
    /// Whether the notice can be refused.
    pub choice: String,
    /// True if the recipient has the right to object on grounds of their situation (GDPR Art. 21(1)).
    pub may_object: bool,
    /// The unsubscribe link of an optional notice; its address is a mark.
    pub unsubscribe: Option<Unsubscribe>,
    /// The mark of the sentence with the address of the customer's calendar, in a notice about maintenance.
    pub calendar: Option<String>,
    /// The address for questions about personal data.
    pub privacy_contact: String,
    /// The address of the privacy notice, if there is one.
    pub privacy_notice: Option<String>,
    /// The authority that takes complaints.
    pub authority: String,
}

/// The link by which an optional category is refused.
pub struct Unsubscribe {
    /// The words of the link, which name the category.
    pub label: String,
    /// Where it leads.
    pub address: String,
}

impl Footer {
    /// The footer for the contacts of one role and language.
    pub fn new(config: &Config, category: Category, fields: &Fields, role: Role, maker: &Maker<'_>) -> Self {
        let (organisation, language, marks) = (&config.organisation, maker.language, maker.marks);
        let grounds = Grounds::of(category, fields);
        let (role, customer, account) = (
            language.text(&format!("role-{role}")),
            marks.placeholder(Placeholder::CustomerName),
            marks.placeholder(Placeholder::AccountId),
        );
        let authority = organisation.supervisory_authority.name(&language.locale(), &organisation.default_locale);
        let why = [("role", role.as_str()), ("customer", &customer), ("account", &account)];
        let optional = category.class() == Class::Optional;
        let unsubscribe = || Unsubscribe {
            label: language.text(&format!("footer-unsubscribe-{category}")),
            address: marks.mark(&Slot::UnsubscribeUrl),
        };
        Self {
            sender: sender(organisation, language),
            why: language.with("footer-why", &why),
            reply_to: config.sender.reply_to.email.to_string(),
            basis: grounds.basis(language),
            choice: grounds.choice(language),
            may_object: grounds.rests_on_interest && !optional,
            unsubscribe: optional.then(unsubscribe),
            calendar: (category == Category::Maintenance).then(|| marks.mark(&Slot::Calendar)),
            privacy_contact: organisation.privacy_contact.clone(),
            privacy_notice: organisation.privacy_notice_url.clone(),
            authority: language.with("footer-authority", &[("authority", authority)]),
        }
    }

    /// The configured texts that a mail shows, so that no mark is chosen that occurs in one of them.
    pub fn texts(config: &Config) -> Vec<String> {
        let organisation = &config.organisation;
        let set = [&organisation.name, &organisation.address, &organisation.privacy_contact];
        let authority = organisation.supervisory_authority.names().into_iter();
        let optional = [&organisation.registration_number, &organisation.seat, &organisation.privacy_notice_url];
        let optional = optional.into_iter().flatten();
        set.into_iter()
            .chain(authority)
            .chain(optional)
            .cloned()
            .chain([config.sender.reply_to.email.to_string()])
            .collect()
    }
}

/// The sentence with the address of a customer's calendar, before and after the secret of the address: nothing for a customer without
/// one.
#[derive(Debug)]
pub struct Subscription {
    text: [String; 2],
    html: [String; 2],
}

impl Subscription {
    /// The sentence in a language.
    pub fn new(organisation: &Organisation, language: &Language) -> Self {
        let (label, address) = (language.text("footer-calendar"), format!("{}/c/", organisation.public_url));
        let html = |text: &str| {
            let mut out = String::new();
            Escape::Html.push(text, &mut out);
            out
        };
        let style = "color:#175cd3;text-decoration:underline";
        Self {
            text: [format!("\n\n{label}:\n{address}"), ".ics".to_owned()],
            html: [
                format!("<p style=\"margin:0 0 8px\"><a href=\"{}", html(&address)),
                format!(".ics\" rel=\"noopener noreferrer\" style=\"{style}\">{}</a></p>", html(&label)),
            ],
        }
    }

    /// What is before and after the secret.
    pub const fn around(&self, escape: Escape) -> &[String; 2] {
        match escape {
            Escape::Html => &self.html,
            Escape::None | Escape::Percent => &self.text,
        }
    }

    /// Appends the sentence.
    pub fn push(&self, secret: &str, escape: Escape, out: &mut String) {
        if !secret.is_empty() {
            let [before, after] = self.around(escape);
            [before.as_str(), secret, after].into_iter().for_each(|part| out.push_str(part));
        }
    }
}

/// Name and address, then registration number and seat if they are set.
fn sender(organisation: &Organisation, language: &Language) -> String {
    let name = [("organisation", organisation.name.as_str()), ("address", &organisation.address)];
    let mut sentences = vec![language.with("footer-sender", &name)];
    for (key, variable, value) in [
        ("footer-registration", "number", &organisation.registration_number),
        ("footer-seat", "seat", &organisation.seat),
    ] {
        sentences.extend(value.as_deref().map(|value| language.with(key, &[(variable, value)])));
    }
    sentences.join(" ")
}

/// The law behind a notice. A basis (GDPR Art. 6) permits the use of the address, a duty requires the notice itself: the two
/// are not the same, and only an interest can be objected to.
struct Grounds {
    category: Category,
    /// Ends the keys of texts that differ within the category; empty or `-suspected`.
    variant: &'static str,
    duty: Option<&'static str>,
    rests_on_interest: bool,
}

impl Grounds {
    fn of(category: Category, fields: &Fields) -> Self {
        let (mut variant, mut rests_on_interest) = ("", true);
        let duty = match fields {
            Fields::SecurityBreach(it) if it.stage == Stage::Suspected => {
                // The duty to notify begins when a breach is known; until then there is the duty to keep data secure.
                variant = "-suspected";
                Some("duty-security")
            }
            Fields::SecurityBreach(it) => {
                rests_on_interest = false;
                Some(match it.our_role {
                    OurRole::Processor => "duty-processor_breach",
                    OurRole::Controller => "duty-controller_breach",
                })
            }
            Fields::Disruption(_) | Fields::Maintenance(_) => Some("duty-security"),
            Fields::AgreementChange(it) => match it.kind {
                AgreementKind::SubProcessor => Some("duty-sub_processor"),
                AgreementKind::DataProcessing => Some("duty-data_processing"),
                AgreementKind::Terms | AgreementKind::Price | AgreementKind::Other => None,
            },
            Fields::SecurityMeasuresChange(_) => Some("duty-security_measures"),
            Fields::Billing(_) => Some("duty-billing"),
            Fields::News(_) | Fields::Survey(_) => None,
        };
        Self { category, variant, duty, rests_on_interest }
    }

    fn basis(&self, language: &Language) -> String {
        let basis = language.text(&format!("basis-{}{}", self.category, self.variant));
        let duty = self.duty.map(|duty| language.text(duty));
        [Some(basis), duty].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    fn choice(&self, language: &Language) -> String {
        match self.category.class() {
            Class::Mandatory => language.text(&format!("refusal-{}{}", self.category, self.variant)),
            Class::Optional => language.text(&format!("footer-optional-{}", self.category)),
        }
    }
}
