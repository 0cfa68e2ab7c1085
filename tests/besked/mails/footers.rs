//! What a footer says of the law: the basis and the duty apart, the right to object, and where the address comes from.

use besked::domain::category::{Category, Class};
use besked::domain::fields::{OurRole, Stage};

use super::{Mail, NOTICES, mail, variants};

/// The footer of a mail's text, in one line.
fn footer(mail: &Mail) -> String {
    mail.text.split_once("\n-- \n").unwrap().1.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn holds(footer: &str, words: &[&str]) {
    for word in words {
        assert_eq!(footer.matches(word).count(), 1, "`{word}` in: {footer}");
    }
}

#[test]
fn a_footer_states_basis_and_duty_apart() {
    let interest = "legitimate interest";
    for (category, words) in [
        (Category::SecurityBreach, &["a legal obligation (GDPR Article 6(1)(c))", "Our duty:", "(Article 33(2))"][..]),
        (Category::Disruption, &[interest, "6(1)(f)", "Our duty:", "(Article 32(1))"]),
        (Category::Maintenance, &[interest, "6(1)(f)", "Our duty:", "(Article 32(1))"]),
        (Category::AgreementChange, &["our contract with you (GDPR Article 6(1)(b))", interest, "(Article 28(3))"]),
        (Category::SecurityMeasuresChange, &[interest, "6(1)(f)", "(Article 32(1))", "(Article 28)"]),
        (Category::Billing, &["6(1)(b)", "6(1)(f)", "accounting law", "6(1)(c)"]),
        (Category::News, &[interest, "6(1)(f)"]),
        (Category::Survey, &[interest, "6(1)(f)"]),
    ] {
        let source = NOTICES.iter().find(|notice| notice.0 == category).unwrap().1;
        let footer = footer(&mail(source, "en"));
        holds(&footer, words);
        holds(&footer, &["Legal basis:", "which gave us your contact details", "Tell us who is: support@example.com"]);
        holds(&footer, &["556000-0000", "Karlskrona.", "https://example.com/privacy", "lodge a complaint"]);
    }
}

#[test]
fn an_interest_can_be_objected_to_and_a_legal_obligation_cannot() {
    for (category, source) in NOTICES {
        let mail = mail(source, "en");
        let footer = footer(&mail);
        let may_object = footer.contains("object on grounds relating to your particular situation");
        let mandatory = category.class() == Class::Mandatory;
        assert_eq!(may_object, mandatory && category != Category::SecurityBreach, "{footer}");
        assert_eq!(footer.contains("You cannot opt out"), mandatory, "{footer}");
        assert_eq!(mail.html.contains(">Unsubscribe from "), !mandatory, "{category}");
    }
    let suspected = footer(&mail(&variants::breach(Stage::Suspected, OurRole::Processor), "en"));
    holds(&suspected, &["6(1)(f)", "(Article 32(1))", "object on grounds"]);
}

#[test]
fn a_breach_names_the_duty_of_our_role() {
    let duty = |role| footer(&mail(&variants::breach(Stage::Confirmed, role), "en"));
    let (controller, processor) = (duty(OurRole::Controller), duty(OurRole::Processor));
    assert!(controller.contains("(Article 34)") && !controller.contains("33(2)"), "{controller}");
    assert!(processor.contains("(Article 33(2))") && !processor.contains("Article 34"), "{processor}");
}

#[test]
fn unsubscribing_names_the_category() {
    for (category, english, swedish) in [
        (Category::News, "Unsubscribe from news", "Avsluta utskick av nyheter"),
        (Category::Survey, "Unsubscribe from surveys", "Avsluta utskick av enkäter"),
    ] {
        let source = NOTICES.iter().find(|notice| notice.0 == category).unwrap().1;
        for (locale, words) in [("en", english), ("sv", swedish)] {
            let mail = mail(source, locale);
            assert!(mail.html.contains(&format!("\">{words}</a>")), "{}", mail.html);
            assert!(mail.text.contains(&format!("{words}:\nhttps://notices.example.com/u/TOKEN\n")), "{}", mail.text);
        }
    }
}
