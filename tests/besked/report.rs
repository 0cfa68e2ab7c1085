//! The PDF report, looked at with other people's tools: qpdf and poppler.

use std::path::{Path, PathBuf};
use std::process::Command;

use besked::config::Organisation;
use besked::domain::actor::Action;
use besked::domain::category::Category;
use besked::domain::checkpoint::Checkpoint;
use besked::domain::coverage::Terms;
use besked::domain::delivery::{Level, Outcome};
use besked::domain::entry::{Detail, Event, Fact, Manifest, Person};
use besked::domain::evidence::{Evidence, Message, Proven, Recipient, Subject, claims};
use besked::domain::notice::State;
use besked::ledger::report::{Report, ReportError, Words, pdf};
use besked::store::notices::Kept;
use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

const KEY: &str = "ledger.example.com+3f1b2c4d+AYqIiuPIVE8JL7TlLP0Ml9r3zLPnc+LFcuKVzXbKBzUZ";

/// All that a report is made from.
struct Case {
    organisation: Organisation,
    notice: Kept,
    account: Option<&'static str>,
    customer_name: Option<String>,
    words: Vec<Words>,
    evidence: Evidence,
    file: Vec<u8>,
}

fn time(seconds: u64) -> Timestamp {
    let released: Timestamp = "2026-11-24T10:00:00Z".parse().unwrap();
    released + std::time::Duration::from_secs(seconds)
}

fn notice() -> Kept {
    Kept {
        id: Uuid::from_u128(0x0193_5e3a_7c00_7000_8000_0000_0000_0001),
        category: Category::SecurityBreach,
        state: State::Closed,
        reference: Some("INC-2026-17".into()),
        subject: "Unauthorised access to backup storage".into(),
        follows_id: None,
        matter_id: Uuid::from_u128(0x0193_5e3a_7c00_7000_8000_0000_0000_0001),
        sequence: Some(1),
        said: besked::domain::matter::Said::default(),
        speaks: true,
        source: "+++\n".into(),
        digest: [7; 32],
        author: "alice".into(),
        approved_digest: None,
        approved_by: None,
        send_at: None,
        release_by: None,
        release_reason: None,
        created_at: time(0),
        released_at: Some(time(0)),
        terms: Some(Terms { informed_at: Level::Relayed, deadline: None }),
        paused_at: None,
        closed_at: None,
        customers: 1,
        recipients: 2,
        message_domain: "example.com".into(),
        standing: None,
    }
}

fn person(account_id: &str, address: &str) -> Person {
    Person {
        account_id: account_id.into(),
        address: address.into(),
        role: "security".into(),
        sha256: Some([0xab; 32]),
        message_id: format!("<0193.{account_id}@example.com>"),
        envelope_sender: "b+1@bounces.example.com".into(),
        relay: "mx".into(),
        host: "mx1.customer.example [192.0.2.7]".into(),
        tls: "TLSv1.3".into(),
        reply: "250 2.0.0 OK: queued as 4F1A2B".into(),
        customer_name: "Acme Åkeri AB".into(),
    }
}

/// A case without entries but the manifest.
fn case(count: u64) -> Case {
    let notice = notice();
    let mut case = Case {
        organisation: Organisation::default(),
        account: None,
        customer_name: None,
        words: vec![Words {
            title: "Source of the notice".into(),
            text: "+++\ncategory = \"x\"\n+++\n\nA text.".into(),
        }],
        evidence: Evidence {
            checkpoint: Checkpoint::new("ledger.example.com", 4711, [3; 32]).unwrap(),
            notice: Some((notice.id, notice.category, notice.digest)),
            recipients_in_manifest: Some(count),
            entries: Vec::new(),
            recipients: Vec::new(),
            messages: Vec::new(),
        },
        notice,
        file: br#"{"format":"besked-evidence/1","entries":[],"recipients":[],"messages":[]}"#.repeat(40),
    };
    let detail = Detail::Manifest(Manifest {
        count,
        root: [1; 32],
        customers: count,
        unaddressed: 0,
        unaddressed_root: [2; 32],
        shown: case.notice.shown(),
    });
    case.add(Fact { detail, ..Fact::new(Event::Manifest, time(1)) }, None);
    case
}

impl Case {
    fn add(&mut self, mut fact: Fact, person: Option<Person>) {
        fact.notice = self.evidence.notice;
        let subject = person.map_or(Subject::Nobody, |person| Subject::Person(Box::new(person)));
        let claim = claims::of(&fact, &subject);
        let index = 4000 + self.evidence.entries.len() as u64;
        self.evidence.entries.push(Proven { index, fact, subject, claim });
    }

    /// Seals what is shown of the notice as it is now.
    fn seal(&mut self) {
        let digest = self.notice.shown();
        if let Detail::Manifest(manifest) = &mut self.evidence.entries[0].fact.detail {
            manifest.shown = digest;
        }
    }

    /// A recipient and what became of it.
    fn tell(&mut self, ordinal: u64, event: Event, person: Person) {
        let (account_id, address) = (person.account_id.clone(), person.address.clone());
        if self.evidence.recipients.iter().all(|known| known.ordinal != ordinal) {
            self.evidence.recipients.push(Recipient { ordinal, account_id, address, added: false });
        }
        let level = (event == Event::Accepted).then_some(Level::AcceptedByMx);
        let fact = Fact { ordinal: Some(ordinal), level, attempt: Some(1), ..Fact::new(event, time(60 + ordinal)) };
        self.add(fact, Some(person));
    }

    /// One customer with an acceptance, a refusal and a statement, as a report for one customer has it.
    fn of_one_customer() -> Self {
        let mut case = case(2);
        case.account = Some("C1");
        case.customer_name = Some("Acme Åkeri AB".into());
        case.tell(0, Event::Deferred, person("C1", "asa@customer.example"));
        case.tell(0, Event::Accepted, person("C1", "asa@customer.example"));
        let refused = Person {
            reply: "550 5.1.1 No such user here".into(),
            tls: String::new(),
            ..person("C1", "bo@customer.example")
        };
        case.tell(1, Event::Rejected, refused);
        let stated = Person {
            role: "phone: Bo Ek".into(),
            reply: "Spoke to the security officer".into(),
            ..Person { account_id: "C1".into(), ..Person::default() }
        };
        let detail = Detail::Attested { id: Uuid::from_u128(1), told_at: Some(time(800)) };
        case.add(Fact { level: Some(Level::Attested), detail, ..Fact::new(Event::Attested, time(900)) }, Some(stated));
        let counts = vec![(Outcome::Accepted, 1), (Outcome::Rejected, 1)];
        case.add(Fact { detail: Detail::Closed(counts), ..Fact::new(Event::Closed, time(1000)) }, None);
        case.evidence.messages.push(Message { sha256: [0xab; 32], size: 24 });
        case.words = vec![Words {
            title: "Message to asa@customer.example".into(),
            text: "Dear Acme Åkeri AB,\r\n\r\nOn 23 November somebody got into the storage of your backups.\r\n\r\n  * What to do: \
                   change your passwords at https://console.example.com/security/credentials/rotate?account=C1\r\n"
                .into(),
        }];
        case
    }

    fn made(&self) -> Result<Vec<u8>, ReportError> {
        pdf(&Report {
            organisation: &self.organisation,
            made_at: time(5000),
            notice: &self.notice,
            account: self.account,
            customer_name: self.customer_name.as_deref(),
            words: &self.words,
            evidence: &self.evidence,
            file_name: "evidence.json",
            file: &self.file,
            verifier_key: KEY,
        })
    }

    fn printed(&self) -> Printed {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("report.pdf");
        std::fs::write(&path, self.made().unwrap()).unwrap();
        Printed { path, folder }
    }
}

/// A report as a file.
struct Printed {
    path: PathBuf,
    folder: TempDir,
}

impl Printed {
    /// What a program says of it.
    fn run(&self, program: &str, before: &[&str], after: &[&str]) -> String {
        let done = Command::new(program).args(before).arg(&self.path).args(after).output();
        let done = done.unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(done.status.success(), "{program}: {said} {}", String::from_utf8_lossy(&done.stderr));
        said
    }

    /// Its text, with one blank wherever lines or words end, once it was checked.
    fn text(&self) -> String {
        let checked = self.run("qpdf", &["--check"], &[]);
        assert!(checked.contains("No syntax or stream encoding errors found"), "{checked}");
        self.run("pdftotext", &["-raw"], &["-"]).split_whitespace().collect::<Vec<_>>().join(" ")
    }

    fn attached(&self) -> Vec<u8> {
        let to = self.folder.path().join("attached");
        std::fs::create_dir(&to).unwrap();
        self.run("pdfdetach", &["-saveall", "-o", to.to_str().unwrap()], &[]);
        std::fs::read(Path::join(&to, "evidence.json")).unwrap()
    }
}

#[track_caller]
fn assert_says(text: &str, all: &[&str]) {
    for wanted in all {
        assert!(text.contains(wanted), "`{wanted}` is missing in: {text}");
    }
}

#[test]
fn a_report_of_one_customer_answers_its_questions() {
    let case = Case::of_one_customer();
    let text = case.printed().text();
    let chapters = [
        "Evidence of notification",
        "Example Cloud AB addressed customer Acme Åkeri AB, account C1, with the notice",
        "of 2 recipients: 1 accepted by the mail server; 1 refused by the mail server.",
        "There is 1 statement of a person",
        "Who and when",
        "Which server answered what",
        "Which words",
        "What each entry proves, and what it does not",
        "How to check this",
    ];
    assert_says(&text, &chapters);
    let places: Vec<_> = chapters.iter().map(|chapter| text.find(chapter).unwrap()).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_says(
        &text,
        &[
            "security breach",
            "INC-2026-17",
            "01935e3a-7c00-7000-8000-000000000001",
            "as of the checkpoint of the ledger ledger.example.com with 4,711 entries",
            "550 5.1.1 No such user here",
            "250 2.0.0 OK: queued as 4F1A2B",
            "without TLS",
            "phone: Bo Ek",
            "abababababababababababababababababababababababababababababababab",
            "somebody got into the storage of your backups",
            "besked verify evidence.json \\ --key ledger.example.com+3f1b2c4d+",
            "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=",
            "RFC 6962",
            "C2SP signed note",
            "page 1 of",
        ],
    );
    assert!(!text.contains("received"));
}

/// As `besked deliveries uncertain settle` records it.
#[test]
fn an_operators_finding_is_reported_as_such_and_not_as_a_servers_answer() {
    let mut case = case(2);
    for (ordinal, event) in [(0, Event::Accepted), (1, Event::Rejected)] {
        let lost = Person { reply: String::new(), ..person("C1", &format!("a{ordinal}@customer.example")) };
        case.tell(ordinal, Event::Uncertain, lost.clone());
        let fact = Fact { ordinal: Some(ordinal), level: Some(Level::OperatorFound), ..Fact::new(event, time(7200)) };
        let found = Person { reply: "stated by Bo: relay's log, queued as 4F2".into(), ..lost };
        let nowhere = Person { sha256: None, relay: String::new(), host: String::new(), tls: String::new(), ..found };
        case.add(fact, Some(nowhere));
    }
    let text = case.printed().text();
    assert_says(
        &text,
        &[
            "of 2 recipients: 1 found by an operator to have been accepted by the mail server; \
             1 found by an operator not to have been accepted by the mail server.",
            "What no server answered, and an operator found",
            "2026-11-24 12:00:00 UTC, found by an operator to have been accepted by the mail server",
            "Finding stated by Bo: relay's log, queued as 4F2",
            "operator_found: an operator found it out, for example in a relay's log: a person's word",
        ],
    );
    // Behind this stand columns side by side, of which the words come out mixed.
    let (told, _) = text.split_once("What each entry proves").unwrap();
    let count = |words: &str| told.matches(words).count();
    let (found, doubted) = (count("been accepted by the mail server"), count("perhaps accepted by the mail server"));
    assert_eq!(
        (count("accepted by the mail server"), count("refused by the mail server")),
        (found + doubted, 0),
        "{told}"
    );
}

#[test]
fn a_report_says_who_wrote_approved_and_released_the_notice() {
    let mut case = case(1);
    let untold = case.printed().text();
    assert!(!untold.contains("Written by") && !untold.contains("Approved by"), "{untold}");
    for (at, action, by) in [
        (10, Action::Create, Some("alice (command line, user root)")),
        (20, Action::Edit, Some("eve (command line, user root)")),
        (30, Action::Edit, Some("alice (command line, user root)")),
        (35, Action::Submit, Some("alice (command line, user root)")),
        (40, Action::Approve, Some("bo (key 7)")),
        (50, Action::Schedule, Some("alice (command line, user root)")),
        (60, Action::Release, None),
    ] {
        let detail = Detail::Operated { action, object: None };
        let by = by.map(|by| Person { role: by.into(), ..Person::default() });
        case.add(Fact { detail, ..Fact::new(Event::Operated, time(at)) }, by);
    }
    let text = case.printed().text();
    assert_says(
        &text,
        &[
            "Written by eve (command line, user root), at 2026-11-24 10:00:20 UTC; alice (command line, user root), at \
             2026-11-24 10:00:30 UTC",
            "Approved by bo (key 7), at 2026-11-24 10:00:40 UTC",
            "Scheduled by alice (command line, user root), at 2026-11-24 10:00:50 UTC",
            "Released by not named in the file, at 2026-11-24 10:01:00 UTC",
        ],
    );
}

#[test]
fn the_evidence_file_comes_out_byte_for_byte_of_a_pdf_a() {
    let case = Case::of_one_customer();
    let printed = case.printed();
    assert_eq!(printed.attached(), case.file);
    let inside = printed.run("qpdf", &["--qdf", "--object-streams=disable"], &["-"]);
    assert_says(
        &inside,
        &[
            "<pdfaid:part>3</pdfaid:part>",
            "<pdfaid:conformance>B</pdfaid:conformance>",
            "/AFRelationship /Data",
            "/Subtype /application#2fjson",
            "/Lang (en)",
            "<xmp:CreateDate>2026-11-24T11:23:20+00:00</xmp:CreateDate>",
            "<xmp:CreatorTool>besked ",
        ],
    );
    let fonts = printed.run("pdffonts", &[], &[]);
    assert!(fonts.lines().skip(2).all(|font| font.contains("Liberation") && font.contains("yes yes yes")), "{fonts}");
}

#[test]
fn the_same_report_has_the_same_bytes() {
    let case = Case::of_one_customer();
    assert!(case.made().unwrap() == case.made().unwrap());
}

#[test]
fn a_report_of_a_large_notice_shows_some_and_counts_the_rest() {
    let mut case = case(500);
    for ordinal in 0..499 {
        let event = if ordinal % 50 == 7 { Event::Rejected } else { Event::Accepted };
        case.tell(ordinal, event, person(&format!("C{ordinal}"), &format!("contact-{ordinal}@customer.example")));
    }
    let printed = case.printed();
    let text = printed.text();
    assert_says(
        &text,
        &[
            "Evidence of notification: notice to all recipients",
            "of 499 recipients: 489 accepted by the mail server; 10 refused by the mail server",
            "The file opens 499 of 500 recipients.",
            "These are the first 200 of 499 recipients. The file in this PDF has the 299 others.",
            "These are the first 200 of 499 answers. The file in this PDF has the 299 others.",
            "These are the first 200 of 500 entries. The file in this PDF has the 300 others.",
            "contact-199@customer.example",
            "Source of the notice",
        ],
    );
    assert!(!text.contains("contact-200@customer.example"));
}

#[test]
fn no_text_from_outside_breaks_a_report() {
    let hostile = [
        "\u{1f600}\u{1f468}\u{200d}\u{1f469} smile",
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{627}\u{644}\u{633}\u{644}\u{627}\u{645}",
        "\u{202e}moc.elpmaxe@live",
        "\u{4f60}\u{597d}\u{ff0c}\u{4e16}\u{754c}",
        "a\u{0}b\u{7}c\u{1b}[31m\r\nd\u{85}\u{2028}e",
        "\u{e000}\u{fffe}\u{ffff}\u{10ffff}\u{fffd}\u{feff}",
        "e\u{301}\u{301}\u{301}\u{489}",
        &"x".repeat(4000),
        "<a href=\"&\">]]></a> ) ( \\ %",
        "",
    ];
    for text in hostile {
        let mut case = Case::of_one_customer();
        case.organisation.name = text.into();
        case.notice.subject = text.into();
        case.notice.reference = Some(text.into());
        case.seal();
        case.customer_name = Some(text.into());
        case.words = vec![Words { title: text.into(), text: format!("{text}\n\n\t{text}") }];
        let person = Person {
            account_id: text.into(),
            address: text.into(),
            role: text.into(),
            sha256: None,
            message_id: text.into(),
            envelope_sender: text.into(),
            relay: text.into(),
            host: text.into(),
            tls: text.into(),
            reply: text.into(),
            customer_name: text.into(),
        };
        case.tell(9, Event::Accepted, person.clone());
        case.add(Fact::new(Event::Attested, time(0)), Some(person));
        let printed = case.printed();
        assert_says(&printed.text(), &["How to check this"]);
        assert_eq!(printed.attached(), case.file);
    }
    let mut case = Case::of_one_customer();
    case.customer_name = Some("\u{1f600} \u{202e}Acme".into());
    assert_says(&case.printed().text(), &["The customer with this account is called [U+1F600] [U+202E]Acme today."]);
}

/// The account was given to another company, or the person was erased: the sentence claims what the file says, and no more.
#[test]
fn a_customer_is_named_as_the_file_names_it_or_not_at_all() {
    let mut case = Case::of_one_customer();
    case.customer_name = Some("Another Company Ltd".into());
    let text = case.printed().text();
    assert_says(&text, &["addressed customer Acme Åkeri AB, account C1, with", "is called Another Company Ltd today"]);
    case.account = Some("C2");
    let text = case.printed().text();
    assert_says(
        &text,
        &["The file names no recipient with account C2: it does not prove that this customer was addressed"],
    );
    assert!(!text.contains("addressed customer"), "{text}");
}

#[test]
fn a_notice_whose_row_was_changed_makes_no_report_and_its_release_is_the_sealed_one() {
    let mut case = Case::of_one_customer();
    case.notice.released_at = Some(time(86_400));
    case.notice.customers = 99;
    let text = case.printed().text();
    assert!(text.contains("released at 2026-11-24 10:00:01") && !text.contains("of 99 customers"), "{text}");
    case.notice.subject = "Forged".into();
    assert!(matches!(case.made(), Err(ReportError::Changed(id)) if id == case.notice.id));
}

#[test]
fn evidence_of_another_notice_makes_no_report() {
    let mut case = Case::of_one_customer();
    case.notice.digest = [8; 32];
    assert!(matches!(case.made(), Err(ReportError::OtherNotice(id)) if id == case.notice.id));
}

#[test]
fn nothing_is_claimed_of_those_the_file_does_not_name() {
    let mut case = case(3);
    case.tell(0, Event::Accepted, person("C1", "asa@customer.example"));
    case.evidence.recipients.clear();
    let entry = &mut case.evidence.entries[1];
    entry.subject = Subject::Withheld;
    entry.claim = claims::of(&entry.fact, &entry.subject);
    case.words.clear();
    let text = case.printed().text();
    assert_says(&text, &["0 not opened in the file accepted by the mail server", "There are no words to show"]);
    assert!(!text.contains("asa@customer.example"));
}
