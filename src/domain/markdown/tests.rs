//! What counts in Markdown and what does not, and how long reading takes.

use std::time::{Duration, Instant};

use super::*;

#[test]
fn code_is_found_by_structure() {
    for (body, code) in [
        ("a `b` c", &["`b`"][..]),
        ("a ` b", &[]),
        ("`` ` ``", &["`` ` ``"]),
        ("```\na\n```\nb `c`\n", &["```\na\n```", "`c`"]),
        ("{{ row.id }} `{{ row.id }}`", &["`{{ row.id }}`"]),
        ("{{ `row.id` }}", &["`row.id`"]),
        ("[`a`](https://example.com/{{ row.id }})", &["`a`"]),
        ("| `a|b` |\n|---|---|\n", &[]),
    ] {
        let found: Vec<&str> = read(body).code.into_iter().map(|range| body[range].trim_end()).collect();
        assert_eq!(found, code, "{body}");
    }
    let text = "a\n\n```\nb\n```\n\n> ```\n> c\n\n~~~ x\nd\n";
    let blocks: Vec<_> = fenced(text).into_iter().map(|it| (it.range.start, it.is_closed)).collect();
    assert_eq!(blocks, [(3, true), (25, false)]);
}

#[test]
fn words_and_links_are_found_with_their_places() {
    let body = "# Head\n\nA **bold** `code` word\nand [a link](https://example.com/x).\n\n| c |\n|---|\n| d |\n";
    let found = read(body);
    let prose: Vec<(usize, &str)> = found.prose.iter().map(|(at, words)| (*at, words.as_str())).collect();
    assert_eq!(prose, [(2, "Head"), (8, "A bold   word"), (31, "and a link."), (71, "c"), (83, "d")]);
    assert_eq!((found.links.len(), found.links[0].0), (1, 35));
    assert_eq!(found.problems, []);
}

/// Texts on which a parser may spend more than linear time, of about this length.
fn hard(length: usize) -> Vec<(&'static str, String)> {
    let of = |piece: &str| piece.repeat(length / piece.len());
    let stairs = |mark: &str| (0..).map(|depth| format!("{}{mark}", " ".repeat(depth))).take(length.isqrt()).collect();
    let numbered = |piece: fn(usize) -> String| (0..length / 12).map(piece).collect();
    vec![
        ("quotes", of("> ")),
        ("quotes and lists", of(&format!("{}\n", "> - ".repeat(20)))),
        ("lists", stairs("- a\n")),
        ("items", of("1) ")),
        ("backticks", (1..).map(|run| "`".repeat(run) + " ").take(length.isqrt()).collect()),
        ("brackets", of("[")),
        ("links", of("[a](<b")),
        ("images", of("![")),
        ("emphasis", of("**a *")),
        ("struck", of("~~a")),
        ("tags", of("<a ")),
        ("comments", of("<!-- ")),
        ("footnotes", numbered(|index| format!("[^{index}]: "))),
        ("references", numbered(|index| format!("[{index}]: http://b\n[{index}]\n"))),
        ("tables", format!("{}|\n{}|\n{}", of("|a"), of("|-"), of("a\n"))),
        ("braces", of("{{`}}")),
        ("open braces", of("{{ ")),
    ]
}

#[test]
fn reading_takes_linear_time() {
    for (name, text) in hard(50_000) {
        let began = Instant::now();
        let _ = (read(&text), fenced(&text));
        // A quadratic parser takes minutes; this one less than a second, on a machine with nothing else to do.
        assert!(began.elapsed() < Duration::from_secs(20), "{name}: {:?}", began.elapsed());
    }
}
