//! Footnotes: numbered in the order in which the text refers to them, and put at its end. Nothing links to them: a mail program may
//! open a link within a mail in a browser, where there is no such page.

use std::collections::HashMap;

use pulldown_cmark::{Event, Tag, TagEnd};

/// Moves the footnotes of a body to its end, below a rule, and replaces references by their numbers in brackets.
pub fn at_the_end<'a>(events: impl Iterator<Item = Event<'a>>) -> Vec<Event<'a>> {
    let (mut body, mut notes, mut open) = (Vec::new(), HashMap::new(), Vec::new());
    for event in events {
        match event {
            Event::Start(Tag::FootnoteDefinition(label)) => open.push((label.to_lowercase(), Vec::new())),
            Event::End(TagEnd::FootnoteDefinition) => {
                if let Some((label, events)) = open.pop() {
                    notes.entry(label).or_insert(events);
                }
            }
            other => open.last_mut().map_or(&mut body, |(_, events)| events).push(other),
        }
    }
    let mut numbers = Numbers::default();
    let mut all = numbers.applied(body);
    let mut next = 0;
    // A note may refer to another one, which then comes after it.
    while let Some(label) = numbers.order.get(next).cloned() {
        if next == 0 {
            all.push(Event::Rule);
        }
        next += 1;
        let events = numbers.applied(notes.remove(&label).unwrap_or_default());
        all.extend(numbered(next, events));
    }
    all
}

/// The numbers of footnotes.
#[derive(Default)]
struct Numbers {
    of: HashMap<String, usize>,
    /// Their names in small letters.
    order: Vec<String>,
}

impl Numbers {
    /// Replaces references by their numbers.
    fn applied<'a>(&mut self, events: Vec<Event<'a>>) -> Vec<Event<'a>> {
        let number = |event| match event {
            Event::FootnoteReference(label) => {
                let label = label.to_lowercase();
                let number = *self.of.entry(label.clone()).or_insert_with(|| {
                    self.order.push(label);
                    self.order.len()
                });
                Event::Text(format!("[{number}]").into())
            }
            other => other,
        };
        events.into_iter().map(number).collect()
    }
}

/// The events of a footnote, with its number before its first words.
fn numbered(number: usize, mut events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let number = Event::Text(format!("[{number}] ").into());
    if matches!(events.first(), Some(Event::Start(Tag::Paragraph))) {
        events.insert(1, number);
    } else {
        events.splice(0..0, [Event::Start(Tag::Paragraph), number, Event::End(TagEnd::Paragraph)]);
    }
    events
}
