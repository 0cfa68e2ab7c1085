//! The checker can fail: forged histories, each with one fault.

use super::*;

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

fn time(ms: i64) -> Option<Timestamp> {
    Some(Timestamp::from_millisecond(ms).unwrap())
}

/// Ten deliveries of one notice, each sent and recorded once, in order.
fn well() -> History {
    let numbers = 1..=10_u128;
    let deliveries = numbers.clone().map(|n| (Event::Accepted, Some(id(n))));
    let book = Book {
        notice: id(100),
        class: Class::Mandatory,
        lane: Lane::Normal,
        released_at: time(1000),
        recipients: 10,
        entries: [(Event::Manifest, None)].into_iter().chain(deliveries).chain([(Event::Closed, None)]).collect(),
        lines: numbers.clone().map(line).collect(),
    };
    let copies = numbers.map(copy).collect();
    History { told: vec![Told { notice: id(100), recipients: 10 }], books: vec![book], copies }
}

fn line(n: u128) -> Line {
    Line { delivery: id(n), state: State::Accepted, queued: false, stated: false, kept: Some(vec![7]) }
}

fn copy(n: u128) -> Copy {
    Copy { delivery: Some(id(n)), at: time(1000 + 10 * i64::try_from(n).unwrap()), data: vec![7], answered: true }
}

/// One connection, some kills.
fn check(history: &History, kills: usize) -> Findings {
    history.check(&Terms { kills, ..Terms::of(1) })
}

/// The findings after a change to a good history: LOST, GHOST, DUP, unequal copies, disorder.
fn found(change: impl FnOnce(&mut History)) -> [usize; 5] {
    let mut history = well();
    change(&mut history);
    let found = check(&history, 1);
    [found.lost.len(), found.ghosts.len(), found.dups, found.unequal.len(), found.disorder.len()]
}

fn in_doubt(history: &mut History, delivery: u128) {
    history.books[0].entries.insert(1, (Event::Uncertain, Some(id(delivery))));
}

#[test]
fn a_good_history_is_good() {
    let found = check(&well(), 0);
    assert_eq!(found.fault(), None);
    assert_eq!(
        found.to_string(),
        "LOST 0 GHOST 0 DUP 0/0 after 0 kills; ms from release to first copy: 50 % 50, 99 % 90, all 100"
    );
}

#[test]
fn a_recipient_who_never_gets_what_was_promised_is_lost() {
    assert_eq!(found(|it| drop(it.copies.remove(3)))[0], 1, "accepted, and the sink has it not");
    assert_eq!(found(|it| it.copies[3].answered = false)[0], 1, "accepted, and no 250 was given");
    assert_eq!(found(|it| it.books[0].lines[3].state = State::Queued)[0], 1, "queued in no queue");
    assert_eq!(found(|it| drop(it.books[0].lines.pop()))[0], 1, "fewer deliveries than acknowledged");
    assert_eq!(found(|it| it.books[0].recipients = 9)[0], 1, "a smaller manifest than acknowledged");
    assert_eq!(found(|it| it.books.clear())[0], 1, "an unknown notice");
}

#[test]
fn what_is_refused_or_waits_is_not_lost() {
    let mut history = well();
    history.copies.truncate(8);
    history.books[0].lines[8].state = State::Rejected;
    history.books[0].lines[9] = Line { state: State::Deferred, queued: true, ..line(10) };
    let found = check(&history, 0);
    assert_eq!((found.lost.len(), found.waiting), (0, 1));
}

#[test]
fn what_the_books_do_not_explain_is_a_ghost() {
    assert_eq!(found(|it| it.copies.push(copy(55)))[1], 1, "an unknown delivery");
    assert_eq!(found(|it| it.copies.push(Copy { delivery: None, ..copy(1) }))[1], 1, "a message without a name");
    assert_eq!(found(|it| it.copies.push(copy(1))), [0, 1, 1, 0, 0], "a second copy without a doubt before it");
    assert_eq!(found(|it| it.books[0].entries[4].0 = Event::Rejected)[1], 1, "recorded as refused");
    assert_eq!(found(|it| it.books[0].entries[4].1 = None)[1], 1, "recorded not at all");
}

#[test]
fn copies_are_counted_and_bounded() {
    let twice = |it: &mut History, times: usize| {
        for _ in 0..times {
            in_doubt(it, 1);
            it.copies.push(copy(1));
        }
    };
    assert_eq!(found(|it| twice(it, 2)), [0, 0, 2, 0, 0]);
    let mut history = well();
    twice(&mut history, 3);
    let found = check(&history, 1);
    assert_eq!((found.dups, found.bound), (3, 2));
    assert!(found.fault().is_some(), "more than the kill excuses");
}

#[test]
fn an_optional_notice_comes_once_unless_an_operator_resent_it() {
    let mut history = well();
    history.books[0].class = Class::Optional;
    in_doubt(&mut history, 1);
    history.copies.push(copy(1));
    assert_eq!(check(&history, 1).unequal.len(), 1);
    let terms = Terms { kills: 1, resent: [id(1)].into(), ..Terms::of(1) };
    assert!(history.check(&terms).unequal.is_empty());
}

#[test]
fn copies_are_equal_byte_for_byte() {
    assert_eq!(found(|it| it.copies[2].data = vec![8])[3], 1, "not what is kept");
    let differ = |it: &mut History| {
        in_doubt(it, 3);
        it.books[0].lines[2].kept = None;
        it.copies.push(Copy { data: vec![8], ..copy(3) });
    };
    assert_eq!(found(differ), [0, 0, 1, 1, 0]);
}

#[test]
fn nothing_comes_before_its_manifest_and_a_lane_keeps_its_order() {
    assert_eq!(found(|it| it.copies[0].at = time(999))[4], 1, "sent before the release");
    assert_eq!(found(|it| it.books[0].entries.swap(0, 1))[4], 1, "an outcome before the manifest");
    assert_eq!(found(|it| it.books[0].entries.push((Event::Manifest, None)))[4], 1, "two manifests");
    assert_eq!(found(|it| it.copies.rotate_left(2))[4], 0, "two were under way, and were overtaken");
    assert_eq!(found(|it| it.copies.rotate_left(3))[4], 1, "three were passed over");
    let doubted = |it: &mut History| {
        in_doubt(it, 2);
        it.copies.rotate_left(3);
    };
    assert_eq!(found(doubted)[4], 0, "one of the three was in doubt");
}
