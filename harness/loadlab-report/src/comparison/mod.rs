//! The page, the text and the summary of a comparison: functions of its document.
//!
//! ```text
//!   Comparison --view: what is said--+--> HTML, with plots
//!                                    +--> Markdown
//!                                    +--> terminal
//! ```
//!
//! *Shown*: the interval of a difference does not contain 0. Nothing is judged here: whether a difference is
//! too large is for `loadlab gate` to say.

mod plot;
mod rows;
mod view;

use loadlab_analysis::compare::Comparison;
use minijinja::{context, value::Serde};

use crate::{TerminalOptions, figures, html::STYLE, markdown, template, terminal};

pub(crate) use rows::{ChangeRow, ObjectiveRow, Table, relative};
pub(crate) use view::ComparisonView;

/// The page's template, and what it includes.
const HTML: [(&str, &str); 3] = [
    ("comparison.html", include_str!("../templates/comparison.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("plot.html", include_str!("../templates/plot.html")),
];
/// The text's template.
const MARKDOWN: &str = include_str!("../templates/comparison.md");
/// What a comparison needs beyond the style of all pages.
const COMPARISON_STYLE: &str = include_str!("../templates/comparison.css");

/// The comparison as one HTML file.
pub fn comparison_html(comparison: &Comparison) -> String {
    let mut engine = template::engine(&HTML);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    let context = context! {
        comparison => Serde(ComparisonView::of(comparison)),
        plots => Serde(plot::all(comparison)),
        // Both are part of the program.
        style => minijinja::Value::from_safe_string(format!("{STYLE}\n{COMPARISON_STYLE}")),
    };
    let page = engine.get_template("comparison.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// The comparison as Markdown.
pub fn comparison_markdown(comparison: &Comparison) -> String {
    let shift = rows::table(rows::LATENCY, &comparison.response.deciles, comparison.method);
    let context = context! { comparison => Serde(ComparisonView::of(comparison)), shift => Serde(shift) };
    markdown::render(MARKDOWN, context)
}

/// The comparison within the width of a terminal. It ends with a line break.
pub fn comparison_text(comparison: &Comparison, options: &TerminalOptions) -> String {
    terminal::comparison(&ComparisonView::of(comparison), *options)
}
