//! What a body may not contain, in words: each refusal says how to write it instead.

/// Why there are no images.
pub const IMAGE: &str = "images are not allowed in a notice: mail programs block them, and loading one would show its server \
                         who reads; link to it instead, as in `[the picture](https://example.com/picture.png)`";

/// Elements with a form of their own in Markdown, and that form.
const INSTEAD: &[(&[&str], &str)] = &[
    (&["b", "strong"], "write `**bold**` instead"),
    (&["i", "em"], "write `*emphasis*` instead"),
    (&["br"], "end the line with a backslash to break it"),
    (&["a"], "write `[words](https://example.com)` instead"),
    (&["code", "pre", "kbd"], "write code in backticks"),
    (&["p", "div", "span", "font", "center"], "write plain text, with an empty line between paragraphs"),
    (&["ul", "ol", "li"], "write a line that begins with `- ` for each item"),
    (&["h1", "h2", "h3", "h4", "h5", "h6"], "begin the line with `## ` instead"),
    (&["table", "tr", "td", "th", "thead", "tbody"], "write a Markdown table instead"),
    (&["s", "del", "strike"], "write `~~struck~~` instead"),
];

/// The refusal of HTML, or of what Markdown takes for HTML.
pub fn html(shown: &str) -> String {
    let name = shown.trim_start_matches(['<', '/']);
    let name = &name[..name.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(name.len())].to_ascii_lowercase();
    if name == "img" {
        return IMAGE.to_owned();
    }
    let begins = format!("HTML is not allowed in a notice: `{}`", beginning(shown));
    if shown.trim_start().starts_with("<!--") {
        return format!("{begins}; write comments into the TOML, on lines that begin with `#`");
    }
    let instead = INSTEAD.iter().find(|(names, _)| names.contains(&name.as_str()));
    match instead {
        Some((_, instead)) => format!("{begins}; {instead}, and backticks around what is meant as text"),
        None => {
            format!("{begins}; what is meant as text goes between backticks, or has `\\` before it, as in `\\<host>`")
        }
    }
}

/// The refusal of a link whose words name another host.
pub fn misnamed(name: &str, leads_to: &str) -> String {
    format!(
        "the words of this link name `{name}`, and it leads to `{leads_to}`: name the place that it leads to, or use other words"
    )
}

/// The beginning of a piece of text, on one line.
pub fn beginning(text: &str) -> String {
    text.trim().chars().take(40).collect::<String>().escape_debug().to_string()
}
