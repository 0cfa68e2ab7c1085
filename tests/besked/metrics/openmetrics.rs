//! A strict reader of OpenMetrics text (OpenMetrics 1.0): whatever Prometheus might only tolerate is an error here.

use std::collections::BTreeMap;

/// Every sample by its name with its labels, as written.
pub type Numbers = BTreeMap<String, f64>;

/// What is known of a family of samples.
#[derive(Default)]
struct Family {
    name: String,
    kind: String,
    helped: bool,
    samples: usize,
}

/// Reads a scrape.
#[track_caller]
pub fn parse(text: &str) -> Numbers {
    let body = text.strip_suffix("# EOF\n").unwrap_or_else(|| panic!("no end: {text}"));
    let (mut numbers, mut family, mut seen) = (Numbers::new(), Family::default(), Vec::new());
    for line in body.split_terminator('\n') {
        if let Some(meta) = line.strip_prefix("# ") {
            let (word, rest) = meta.split_once(' ').unwrap();
            let (name, said) = rest.split_once(' ').unwrap();
            if name != family.name {
                assert!(!seen.contains(&name.to_owned()), "the samples of {name} are not together");
                assert!(name.starts_with("besked_"), "{name}");
                seen.push(name.to_owned());
                family = Family { name: name.to_owned(), ..Family::default() };
            }
            assert_eq!(family.samples, 0, "`{line}` comes after its samples");
            match word {
                "HELP" => family.helped = said.ends_with('.') && said.len() > 10,
                "TYPE" => family.kind = said.to_owned(),
                "UNIT" => assert!(name.ends_with(&format!("_{said}")), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        let name = series.split('{').next().unwrap();
        let suffix = name.strip_prefix(family.name.as_str()).unwrap_or_else(|| panic!("{line}: of no family"));
        let fits = match family.kind.as_str() {
            "counter" => suffix == "_total",
            "gauge" => suffix.is_empty(),
            "info" => suffix == "_info",
            "histogram" => ["_bucket", "_sum", "_count"].contains(&suffix),
            kind => panic!("{line}: unknown type `{kind}`"),
        };
        assert!(fits && family.helped, "{line}");
        family.samples += 1;
        let labels = series.strip_prefix(name).unwrap();
        assert!(labels.is_empty() || (labels.starts_with('{') && labels.ends_with('}')), "{line}");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(numbers.insert(series.to_owned(), value).is_none(), "{line}: twice");
        if suffix == "_bucket" && series.contains("le=\"+Inf\"") {
            let others = labels.replace("le=\"+Inf\",", "").replace("{le=\"+Inf\"}", "");
            let count = format!("{}_count{others}", family.name);
            assert_eq!(numbers.get(&count), Some(&value), "{line}: not as many as {count}");
        }
    }
    numbers
}

#[test]
fn what_is_wrong_is_refused() {
    let good = "# HELP besked_a_total_b Some number of it.\n# TYPE besked_a_total_b gauge\nbesked_a_total_b{x=\"y\"} 1\n# EOF\n";
    assert_eq!(parse(good)["besked_a_total_b{x=\"y\"}"], 1.0);
    for (right, wrong) in [
        ("# EOF\n", ""),
        ("} 1", "}"),
        ("} 1", "} NaN"),
        ("gauge", "counter"),
        ("gauge", "thing"),
        ("\nbesked_a", "\nbesked_c"),
        ("# HELP besked_a_total_b Some number of it.\n", ""),
    ] {
        let text = good.replacen(right, wrong, 1);
        assert!(std::panic::catch_unwind(|| parse(&text)).is_err(), "{text}");
    }
}
