//! Bombs and giants: each is `unknown` with its reason, or read, in memory that does not grow with the message.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Instant;

use besked::domain::report::{Action, MessageKind, Verdict};
use besked::inbound::reader::bounds::{Bounds, Excess};
use besked::inbound::reader::evidence::Ours;
use besked::inbound::reader::phrases::{CAUSES, LAYOUT, SIGNS};
use besked::inbound::reader::read::{Message, read};

/// Counts what each thread has allocated, and the most that it ever had: tests run side by side.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // Neither has anything to drop, so they can be counted in until the thread ends.
    let now = NOW.try_with(|now| now.replace(now.get() + bytes) + bytes).unwrap_or_default();
    let _ = PEAK.try_with(|peak| peak.set(peak.get().max(now)));
}

unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const HEADERS: &str = "From: MAILER-DAEMON@x.example\nTo: a@us.example\nSubject: Undelivered Mail\n";

const REPORT: &str = "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n";

/// Reads a message, and checks that memory stays flat.
fn measured(what: &str, bytes: &[u8]) -> Message {
    let bounds = Bounds { message: 60_000_000, ..Bounds::default() };
    let ours = Ours { bounce_domain: "b.us.example", message_domain: "us.example", fixed: &[], verify: &|_| None };
    // The tables are read once, and are not the message's.
    for table in [&CAUSES, &LAYOUT, &SIGNS] {
        let _ = table.search("");
    }
    let before = NOW.get();
    PEAK.set(before);
    let begun = Instant::now();
    let message = read(bytes, None, &ours, &bounds);
    let (took, peak) = (begun.elapsed(), PEAK.get() - before);
    println!("{what}: {} bytes, {took:?}, {peak} bytes of memory, {} {:?}", bytes.len(), message.kind, message.excess);
    assert!(peak < 20_000_000, "{what} took {peak} bytes of memory");
    message
}

fn multipart(parts: &str) -> Vec<u8> {
    format!("{HEADERS}Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n{parts}--x--\n")
        .into_bytes()
}

#[test]
fn giants_and_bombs_are_read_in_flat_memory() {
    let nested: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert_eq!(measured("10,000 levels", nested.as_bytes()).excess, Some(Excess::Depth(20)));
    let parts = multipart(&"--x\n\n".repeat(100_000));
    assert_eq!(measured("100,000 empty parts", &parts).excess, Some(Excess::Parts(1_000)));
    let groups =
        multipart(&format!("--x\nContent-Type: message/delivery-status\n\n{}", format!("{REPORT}\n").repeat(100_000)));
    assert_eq!(measured("100,000 recipients", &groups).excess, Some(Excess::Recipients(1_000)));
    let header = format!("{HEADERS}X: {}\n\ntext", "a".repeat(10_000_000));
    assert_eq!(measured("a header of 10 MB", header.as_bytes()).excess, Some(Excess::Headers(200_000)));
    let headers = format!("{HEADERS}{}\ntext", "X: a\n".repeat(200_000));
    assert_eq!(measured("1 MB of headers", headers.as_bytes()).excess, Some(Excess::Headers(200_000)));
    let giant = format!("{HEADERS}\n{}", "a".repeat(61_000_000));
    assert!(matches!(measured("61 MB", giant.as_bytes()).excess, Some(Excess::Message { .. })));

    let zeros = "AAAA".repeat(19).to_owned() + "\n";
    let attachment = format!(
        "--x\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n{}",
        zeros.repeat(350_000)
    );
    let reply = format!(
        "From: a@x.example\nIn-Reply-To: <b@us.example>\nContent-Type: multipart/mixed; boundary=x\n\n--x\n\nHello\n{attachment}--x--\n"
    );
    assert_eq!(measured("a reply with 20 MB attached", reply.as_bytes()).kind, MessageKind::Reply);
    let machine = format!("--x\n\nUndeliverable\n--x\nContent-Type: message/delivery-status\n\n{REPORT}");
    let returned = format!(
        "{machine}--x\nContent-Type: message/rfc822\n\nTo: a@x.example\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\n{}\n--y--\n",
        zeros.repeat(400_000)
    );
    let report = measured("a report that returns 30 MB", &multipart(&returned));
    assert_eq!(
        (report.kind, report.action(), report.verdict()),
        (MessageKind::Dsn, Action::Failed, Verdict::AddressDead)
    );
    let gzip = multipart(&format!(
        "{machine}--x\nContent-Type: application/gzip\nContent-Transfer-Encoding: base64\n\nH4sIAAAA\n"
    ));
    assert_eq!(measured("a gzip part", &gzip).reports.len(), 1);
}

#[test]
fn texts_that_are_slow_to_read_are_read_in_time() {
    for (what, piece) in [
        ("addresses", "a@x.example "),
        ("at signs", "@"),
        ("brackets", "<"),
        ("tags", "<a@"),
        ("entities", "&"),
        ("lines of rules", "--- x\n"),
        ("encoded words", "=?utf-8?q?"),
        ("quotes", "\"@"),
        ("escapes", "=4"),
        ("phrases", "mailbox is "),
        ("fields", "a: b\n"),
        ("recipients", "<a@x.example>:\n550 5.1.1 no\n\n"),
        ("dots", "a@x..."),
        ("plus signs", "b+"),
        ("codes", "550-5.1.1 "),
        ("blank", "\n"),
        ("wide", "å@å"),
        ("boundaries", "--x\n"),
        ("boundaries with headers", "--y\nContent-Type: text/plain\n\n"),
        ("returns", "\r"),
        ("labels", "To: "),
    ] {
        let text = piece.repeat(1_000_000 / piece.len());
        for kind in ["text/plain", "text/html", "multipart/mixed; boundary=q", "message/delivery-status"] {
            let message = format!("{HEADERS}Content-Type: {kind}\n\nThe following address failed:\n{text}");
            measured(&format!("{what} as {kind}"), message.as_bytes());
        }
        measured(
            &format!("{what} in the headers"),
            format!("Subject: {0}\nFrom: {0}\nReferences: {0}\nTo: {0}\n\n", &piece.repeat(49_000 / piece.len()))
                .as_bytes(),
        );
    }
}
