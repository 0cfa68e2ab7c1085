//! Texts as authors write them, and what is shown of each: quoted code, odd Markdown and TOML mistakes; and notices at random.

use std::collections::BTreeMap;

use besked::config::Config;
use besked::domain::category::Role;
use besked::domain::notice::Notice;
use besked::mail::compose::course::Course;
use besked::mail::compose::render::{Content, Skeleton, Values, View};
use proptest::prelude::*;

use crate::app::{CUSTOMERS, NEWS, maintenance};
use crate::cli::Shell;

const HEAD: &str = "+++\ncategory = \"news\"\n[audience]\nfile = \"rows.csv\"\n[fields]\ntitle = \"Title\"\n+++\n";

/// The lines before the body.
const LINES: usize = 7;

pub fn content(source: &str) -> Result<Content, String> {
    let notice = Notice::parse(source).map_err(|problems| problems.to_string())?;
    let view = View { locale: None, zone: None, role: Role::Service };
    let skeleton = Skeleton::new(&Config::default(), &notice, &view, Course::default()).unwrap();
    let merged = BTreeMap::from([("row.id".to_owned(), "4711".to_owned())]);
    let values = Values {
        contact_name: "Anna",
        email: "anna@nordvind.example",
        customer_name: "Nordvind",
        account_id: "C1",
        unsubscribe_url: "",
        calendar: "",
        merged: &merged,
    };
    Ok(skeleton.fill(&values))
}

/// What recipients see of a body as text and as HTML, or the problems of it.
fn shown(body: &str) -> Result<(String, String), String> {
    let content = content(&format!("{HEAD}{body}"))?;
    let text = content.text.split_once("\nHi Anna,\n").or(content.text.split_once("Anna,\n")).unwrap().1;
    let text = text.split_once("\n-- \n").unwrap().0.trim_matches('\n').to_owned();
    Ok((text, content.html))
}

/// Holds a body against its text and a part of its HTML, or against its problem, which begins with `!` and counts lines from the body.
#[track_caller]
fn reads(body: &str, text: &str, html: &str) {
    match (shown(body), text.strip_prefix('!')) {
        (Ok((shown, page)), None) => {
            assert_eq!(shown, text, "{body:?}");
            assert!(page.contains(html), "{body:?}: `{html}` is not in\n{page}");
        }
        (Err(problems), Some(wanted)) => {
            let (line, wanted) = wanted.split_once(' ').unwrap();
            let line = LINES + line.parse::<usize>().unwrap();
            let begins = format!("line {line}: ");
            let found = problems.lines().any(|problem| problem.starts_with(&begins) && problem.contains(wanted));
            assert!(found, "{body:?}: `{begins}...{wanted}` is not in\n{problems}");
        }
        (found, _) => panic!("{body:?}: {found:?}"),
    }
}

#[test]
fn quoted_code_is_code() {
    for (body, text, html) in [
        (
            "```diff\n--- a/x.yml\n+++ b/x.yml\n-1\n+2\n```\n",
            "    --- a/x.yml\n    +++ b/x.yml\n    -1\n    +2",
            "+++ b/x.yml",
        ),
        ("~~~\n+++ sv\n+++\nHej\n~~~\nEnd\n", "    +++ sv\n    +++\n    Hej\n\nEnd", "End</p>"),
        ("````\n```\n+++\n```\n````\n", "    ```\n    +++\n    ```", "```\n+++"),
        ("```\r\n+++ b\r\n```\r\nEnd\r\n", "    +++ b\n\nEnd", "+++ b"),
        ("    +++ b/x.yml\n\nindented\n", "    +++ b/x.yml\n\nindented", "<code"),
        ("+++ b/x.yml\n", "!1 text that is quoted goes into a code block", ""),
        ("a\n+++\nb\n", "!2 `+++` begins no section", ""),
        ("```\n+++ sv\n+++\nHej\n", "!1 the code block that begins on line 8 is not closed", ""),
        ("```\na\n\n+++ sv\n+++\n```\nb\n```\n", "!8 the code block that begins on line 15 is not closed", ""),
        ("Use `{{ row.id }}` for {{ row.id }}.\n", "Use `{{ row.id }}` for 4711.", ">{{ row.id }}</code> for 4711."),
        ("``a ` {{ row.id }}``\n", "`a ` {{ row.id }}`", "a ` {{ row.id }}</code>"),
        ("```\n{{ 7 * 7 }} {% if %} <b>\n```\n", "    {{ 7 * 7 }} {% if %} <b>", "{{ 7 * 7 }} {% if %} &lt;b&gt;"),
        ("`{{` and {{ row.id }} and `}}`\n", "`{{` and 4711 and `}}`", "and 4711 and"),
        ("{{ `row.id` }}\n", "!1 `{{` without a closing `}}`; braces that are meant as text go between backticks", ""),
        ("{{ 7 * 7 }}\n", "!1 braces that are meant as text go between backticks", ""),
        ("a ` b {{ row.id }} c\n", "a ` b 4711 c", "4711"),
        (
            "> ```\n> {{ row.id }}\n> ```\n> {{ row.id }}\n",
            ">     {{ row.id }}\n\n> 4711",
            "<p style=\"margin:0 0 16px\">4711",
        ),
        ("- a\n\n      {{ row.id }}\n", "- a\n\n      {{ row.id }}", "{{ row.id }}"),
        ("`<b>` `![x](y)` `[a](javascript:x)`\n", "`<b>` `![x](y)` `[a](javascript:x)`", "&lt;b&gt;"),
    ] {
        reads(body, text, html);
    }
}

#[test]
fn odd_markdown_reads_well_or_says_how_to_write_it() {
    let instead = "what is meant as text goes between backticks, or has `\\` before it";
    for (body, text, html) in [
        ("Write to <support@example.com>.\n", "Write to support@example.com.", "href=\"mailto:support@example.com\""),
        ("Run ssh <host>.\n", &format!("!1 `<host>`; {instead}"), ""),
        ("A List<String> is one.\n", &format!("!1 `<String>`; {instead}"), ""),
        ("Run ssh \\<host> or `ssh <host>`.\n", "Run ssh <host> or `ssh <host>`.", "ssh &lt;host&gt;"),
        ("in <5 minutes, a < b\n", "in <5 minutes, a < b", "in &lt;5 minutes, a &lt; b"),
        ("a<br>b\n", "!1 end the line with a backslash to break it", ""),
        ("<b>x</b>\n", "!1 write `**bold**` instead", ""),
        ("<!-- later -->\n", "!1 write comments into the TOML", ""),
        ("<div>\n\nx\n\n</div>\n", "!1 write plain text", ""),
        (
            "\n![x](https://example.com/a.png)\n",
            "!2 loading one would show its server who reads; link to it instead",
            "",
        ),
        ("<img src=x>\n", "!1 loading one would show its server who reads", ""),
        ("[a](/page)\n", "!1 a link must begin with https://", ""),
        ("[a](https://{{ row.id }}.example.com)\n", "!1 the host of a link must be written out", ""),
        ("[a](https://example.com@evil.example)\n", "!1 a link cannot have a user name", ""),
        ("[a](mailto:nobody)\n", "!1 a mail link must lead to an address", ""),
        ("[good.example](https://evil.example)\n", "!1 name `good.example`, and it leads to `evil.example`", ""),
        ("[x `good.example`](https://evil.example)\n", "x `good.example` (https://evil.example)", "evil.example"),
        ("[`https://good.example`](https://evil.example)\n", "!1 name `https://good.example`", ""),
        (
            "- [x] done\n- [ ] open\n- plain\n",
            "\u{2611} done\n\u{2610} open\n- plain",
            "list-style:none\">\u{2610} open",
        ),
        ("1. [x] done\n", "1. \u{2611} done", "\u{2611} done"),
        (
            "B[^b] a[^a] b[^b].\n\n[^a]: First.\n[^b]: Second, see[^c].\n[^c]: Third.\n",
            "B[1] a[2] b[1].\n\n--------------------\n\n[1] Second, see[3].\n\n[2] First.\n\n[3] Third.",
            "B[1] a[2] b[1].",
        ),
        (
            "a[^x]\n\n[^x]: \n    ```\n    code\n    ```\n",
            "a[1]\n\n--------------------\n\n[1]\n\n    code",
            "[1] </p>",
        ),
        ("a\n\n[^x]: lost\n", "!3 nothing refers to the footnote `[^x]`", ""),
        ("| a | b |\n|--:|:-:|\n| 1 | x |\n| 22 | yyy |\n", " a   b\n--  ---\n 1   x\n22  yyy", "text-align:right"),
        ("| a | b |\n|---|---|\n| `x` | 4711 |\n", "a    b\n---  ----\n`x`  4711", ">4711</td>"),
        // What is filled in has another width for each recipient: nothing may stand behind it.
        ("| a | b |\n|---|---|\n| x | {{ row.id }} |\n", "a  b\n-  -\nx  4711", ">4711</td>"),
        ("| a | b |\n|---|---|\n| {{ row.id }} | x |\n", "a: 4711\nb: x", ">4711</td>"),
        ("| a | b |\n|---|--:|\n| x | {{ row.id }} |\n", "a: x\nb: 4711", ">4711</td>"),
        ("a[^x] b\n", "a[^x] b", "a[^x] b"),
        (&format!("{}\n", "> ".repeat(40_000)), "!1 nested more than 12 deep", ""),
        (&format!("{}a\n", "> ".repeat(13)), "!1 nested more than 12 deep", ""),
        (
            &format!("{}\n{}\na\n", "|a".repeat(500), "|-".repeat(500)),
            "!1 a table may have 12 columns, and this one has 500",
            "",
        ),
        (&format!("|a|b|\n|-|-|\n{}", "|1|\n".repeat(1_200)), "!1002 more than 2000 cells", ""),
        ("a\\\nb\n", "a\nb", "a<br>"),
        ("# [a](https://example.com) & <x@example.com>\n", "[a](https://example.com)", ""),
    ] {
        if body.starts_with("# ") {
            // A heading is underlined over its whole width.
            let (text, html) = shown(body).unwrap();
            assert!(
                text.starts_with("a (https://example.com) & x@example.com\n---") && html.contains("mailto:"),
                "{text}"
            );
            continue;
        }
        reads(body, text, html);
    }
}

#[test]
fn check_says_whom_and_how_large_a_notice_reaches_and_every_door_refuses_what_it_refuses() {
    let shell = Shell::new();
    let more = "C4,Four,noreply@four.example,,service,en,,\nC5,Five,\u{e5}sa@five.example,,service,en,,\n";
    shell.write("customers.csv", &format!("{CUSTOMERS}{more}"));
    shell.run(&["customers", "import", "customers.csv"]).ok();
    shell.run(&["suppressions", "add", "hello@two.example", "--reason", "dead"]).ok();
    shell.write("news.md", NEWS);
    let checked = shell.run(&["--json", "notice", "check", "news.md"]).ok();
    let json = checked.json();
    let counts = ["role_addresses", "dead", "needs_smtputf8"].map(|key| json[key].as_u64());
    assert_eq!(counts, [Some(1); 3], "{json}");
    assert!((5_000..60_000).contains(&json["size"].as_u64().unwrap()), "{json}");
    assert_eq!(json["warnings"].as_array().map(Vec::len), Some(3), "{json}");
    assert!(checked.err.contains("1 address belongs to no person"), "{}", checked.err);
    assert!(shell.run(&["notice", "check", "news.md"]).ok().out.contains("the largest mail has "));

    let loud = maintenance("all = true") + "URGENT! See <https://examp1e.com> and `{{ contact.name }}`.\n";
    shell.write("loud.md", &loud);
    let warned = shell.run(&["notice", "check", "loud.md"]).ok().err;
    let line = loud.lines().count();
    for part in ["`URGENT` is in capitals", "looks like your `example.com`", "`{{ contact.name }}` stands in code"] {
        assert!(
            warned.lines().any(|it| it.contains(&format!("line {line}: `body`: ")) && it.contains(part)),
            "{warned}"
        );
    }

    shell.write(
        "note.md",
        &(maintenance("all = true") + "As said[^1], but `a[^2]` and \\[^3] are text[^4].\n\n[^4]: Here.\n"),
    );
    let warned = shell.run(&["notice", "check", "note.md"]).ok().err;
    assert!(warned.contains("`[^1]` is shown as it is: there is no footnote `[^1]: words`"), "{warned}");
    assert_eq!(warned.matches("is shown as it is").count(), 1, "{warned}");

    let misnamed = "name `good.example`, and it leads to `evil.example`";
    shell.write("bad.md", &format!("{NEWS}[good.example](https://evil.example)\n"));
    shell.write("large.md", &format!("{NEWS}{}\n", "word ".repeat(40_000)));
    let large = "mails above 100 kB";
    assert!(shell.run(&["notice", "check", "large.md"]).ok().err.contains(large));
    let shell = shell.env("BESKED__LIMITS__MESSAGE_SIZE", "200kB");
    for arguments in [&["check"][..], &["create"], &["send", "--yes"]] {
        let run = |file| shell.run(&[&["notice"], arguments, &[file]].concat());
        run("bad.md").fails(2, &[misnamed]);
        run("large.md").fails(2, &["`[limits] message_size` is 200 kB"]);
    }
    let problems = shell.run(&["--json", "notice", "check", "large.md"]).fails(2, &[]).json();
    assert!(problems["problems"][0]["problem"].as_str().unwrap().contains("shorten the text"), "{problems}");
    shell.write("many.md", &format!("{NEWS}{}", "<b>\n\n".repeat(1_000)));
    shell.run(&["notice", "check", "many.md"]).fails(2, &["more problems are not listed"]);
}

/// Pieces of which notices at random are made.
fn pieces() -> impl Strategy<Value = String> {
    let known: &[&str] = &[
        "+++\n",
        "+++ sv\n",
        "+++ b/x\n",
        "```\n",
        "~~~\n",
        "`",
        "``",
        "{{ row.id }}",
        "{{",
        "}}",
        "<b>",
        "<a@b.example>",
        "<",
        "[a](",
        "https://example.com",
        ")",
        "![",
        "]",
        "[^a]",
        "\n[^a]: ",
        "|a|b|\n",
        "|-|-|\n",
        "- [x] ",
        "> ",
        "\n",
        "\n\n",
        "    ",
        "*",
        "**",
        "~~",
        "\\",
        "# ",
        "subject = \"x\"\n",
        "\u{201C}",
        "\r\n",
        "å",
        "1. ",
        "&amp;",
        "title = \"y\"\n",
        "[fields]\n",
    ];
    prop_oneof![8 => prop::sample::select(known).prop_map(str::to_owned), 1 => "[ -~]{0,12}", 1 => "\\PC{0,4}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Nothing panics, and what is valid is composed, with everything that is not code filled in.
    #[test]
    fn what_is_valid_is_composed(parts in prop::collection::vec(pieces(), 0..40)) {
        let body = parts.concat();
        if let Ok(content) = content(&format!("{HEAD}x {body}")) {
            for bad in ["<script", "<img", "href=\"javascript", "zqslot"] {
                prop_assert!(!content.html.contains(bad) && !content.text.contains("zqslot"), "{}", content.html);
            }
        }
        let _ = Notice::parse(&body);
    }
}
