//! The text that a process publishes about itself: Prometheus's format and OpenMetrics.
//!
//! ```text
//!   name{label="value",…} value timestamp # {trace_id="…"} exemplar
//!   ^^^^^^^^^^^^^^^^^^^^^ ^^^^^  the rest is ignored, and so are comments
//! ```

use std::collections::BTreeMap;

/// What a text holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exposition {
    /// Series, without blanks and otherwise as written (`name{label="value"}`), to value. Buckets,
    /// sums and counts of histograms are series like any other. A series given twice has its last value.
    pub values: BTreeMap<String, f64>,
    /// Lines that are neither comments nor samples.
    pub skipped: usize,
}

/// Reads a text. Lines that are no samples are counted and passed over: one bad line must not cost the
/// others.
pub fn parse_exposition(text: &str) -> Exposition {
    let mut exposition = Exposition::default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match sample(line) {
            Some((series, value)) => drop(exposition.values.insert(series, value)),
            None => exposition.skipped += 1,
        }
    }
    exposition
}

/// The series and the value of one line.
fn sample(line: &str) -> Option<(String, f64)> {
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, rest) = line.split_at(name_end);
    let rest = rest.trim_start();
    let (labels, rest) = if rest.starts_with('{') { labels(rest)? } else { (String::new(), rest) };
    // Newer versions may have the name in quotes as the first label.
    let name_is_quoted = name.is_empty() && labels.starts_with("{\"");
    if !is_name(name) && !name_is_quoted {
        return None;
    }
    // `NaN`, `+Inf` and `-Inf` are read by Rust as Prometheus writes them.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some((format!("{name}{labels}"), value))
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.');
    name.starts_with(|c: char| allowed(c) && !c.is_ascii_digit()) && name.chars().all(allowed)
}

/// The labels with their braces, without blanks outside quotes and without a last comma; empty if there
/// are none. And what follows them.
fn labels(text: &str) -> Option<(String, &str)> {
    let mut labels = String::from("{");
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '}' => {
                let labels = labels.trim_end_matches(',');
                let labels = if labels == "{" { String::new() } else { format!("{labels}}}") };
                return Some((labels, &text[at + 1..]));
            }
            _ if c.is_whitespace() => continue,
            _ => {}
        }
        labels.push(c);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The values of a text all of whose lines are understood.
    fn values(text: &str) -> Vec<(String, f64)> {
        let exposition = parse_exposition(text);
        assert_eq!(exposition.skipped, 0, "{text}");
        exposition.values.into_iter().collect()
    }

    fn one(line: &str) -> (String, f64) {
        let mut values = values(line);
        assert_eq!(values.len(), 1, "{line}");
        values.remove(0)
    }

    #[test]
    fn a_sample_is_its_series_and_its_value() {
        let cases = [
            ("pool_waiting 79", "pool_waiting", 79.0),
            ("pool_waiting{} 79", "pool_waiting", 79.0),
            ("  t:x_total \t 1.5e3  ", "t:x_total", 1500.0),
            (r#"worker_queue_depth{worker="3"} 12"#, r#"worker_queue_depth{worker="3"}"#, 12.0),
            (r#"a { b = "1" , c="2", } 3"#, r#"a{b="1",c="2"}"#, 3.0),
            ("a 1 1700000000000", "a", 1.0),
            (r#"a_bucket{le="+Inf"} 17 # {trace_id="x } y"} 0.67 1.5"#, r#"a_bucket{le="+Inf"}"#, 17.0),
            ("a -Inf", "a", f64::NEG_INFINITY),
            ("a +Inf", "a", f64::INFINITY),
            (r#"{"a.b",c="1"} 2"#, r#"{"a.b",c="1"}"#, 2.0),
        ];
        for (line, series, value) in cases {
            assert_eq!(one(line), (series.to_owned(), value), "{line}");
        }
        assert!(one("a NaN").1.is_nan());
    }

    #[test]
    fn quotes_braces_and_blanks_in_a_label_are_the_labels_own() {
        let line = r#"a{path="C:\\ \"x\" } , {y\n",z="ü"} 4"#;
        assert_eq!(one(line), (r#"a{path="C:\\ \"x\" } , {y\n",z="ü"}"#.to_owned(), 4.0));
    }

    #[test]
    fn a_histogram_keeps_its_buckets() {
        let text = "# HELP w Waits.\n# TYPE w histogram\nw_bucket{le=\"0.1\"} 2\nw_bucket{le=\"+Inf\"} 3\n\
                    w_sum 0.9\nw_count 3\n# EOF\n";
        let expected =
            [("w_bucket{le=\"+Inf\"}", 3.0), ("w_bucket{le=\"0.1\"}", 2.0), ("w_count", 3.0), ("w_sum", 0.9)];
        assert_eq!(values(text), expected.map(|(series, value)| (series.to_owned(), value)));
    }

    #[test]
    fn what_is_no_sample_is_counted_and_costs_nothing_else() {
        let text = "<html>\nup 1\nup\nup one\na{b=\"1} 2\n3a 4\n {} 5\n";
        let exposition = parse_exposition(text);
        assert_eq!(exposition.values, BTreeMap::from([("up".to_owned(), 1.0)]));
        assert_eq!(exposition.skipped, 6);
    }
}
