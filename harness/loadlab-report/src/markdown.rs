//! Markdown: the report as text with tables, for a pull request.

use loadlab_record::RunFile;
use minijinja::{context, value::Serde};

use crate::{
    facts::{self, Facts, PERCENTILES},
    plots, template,
};

/// The template.
const TEMPLATE: &str = include_str!("templates/report.md");

/// The report as Markdown.
pub fn markdown(run: &RunFile) -> String {
    let facts = Facts::of(run);
    let context = context! {
        facts => Serde(&facts),
        beside => Serde(facts::beside(run)),
        percentiles => PERCENTILES.to_vec(),
        left_out => Serde(plots::all(run).left_out),
        plan => facts::plan_json(run),
        settings => facts::settings_json(run),
    };
    render(TEMPLATE, context)
}

/// A template of Markdown, filled.
pub(crate) fn render(markdown: &'static str, context: minijinja::Value) -> String {
    let mut engine = template::engine(&[("report.md", markdown)]);
    engine.add_filter("plain", |text: &str| escaped(text));
    engine.add_filter("fence", |text: &str| fence(text));
    let page = engine.get_template("report.md").expect("it was added above");
    let text = page.render(context).expect("the template fits its context, which a test shows");
    tidied(&text)
}

/// Text that Markdown shows as it is, in a table's cell too. Signs that mean nothing where they
/// stand are left alone, since a report is read as plain text as well.
fn escaped(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (index, &letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| letters[before]);
        let after = letters.get(index + 1).copied();
        let in_word = |side: Option<char>| side.is_some_and(char::is_alphanumeric);
        let means_something = match letter {
            '\\' | '`' | '*' | '[' | ']' | '|' | '#' | '~' => true,
            '_' => !(in_word(before) && in_word(after)),
            '<' | '&' => !after.is_none_or(char::is_whitespace),
            _ => false,
        };
        if means_something {
            out.push('\\');
        }
        out.push(if letter.is_control() { ' ' } else { letter });
    }
    out
}

/// A fence that the text cannot close: one backtick more than its longest run of them.
fn fence(text: &str) -> String {
    let longest = text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    "`".repeat(longest.max(2) + 1)
}

/// At most one empty line in a row, and one line break at the end.
fn tidied(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty_before = true;
    for line in text.lines() {
        let empty = line.trim().is_empty();
        if !(empty && empty_before) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        empty_before = empty;
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_users_stays_text() {
        assert_eq!(escaped("<b> | x\n# y"), "\\<b> \\| x \\# y");
        assert_eq!(escaped("_a_ *b* `c` &lt;"), "\\_a\\_ \\*b\\* \\`c\\` \\&lt;");
    }

    #[test]
    fn what_means_nothing_is_left_alone() {
        for text in ["p95 < 7s", "success >= 99%", "peak(pool_waiting)", "this & that"] {
            assert_eq!(escaped(text), text);
        }
    }

    #[test]
    fn a_fence_is_longer_than_what_it_holds() {
        assert_eq!(fence("no fence"), "```");
        assert_eq!(fence("a ```` b"), "`````");
    }
}
