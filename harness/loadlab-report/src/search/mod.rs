//! What is said of a search for the breaking point: functions of its document.
//!
//! ```text
//!   SearchResult --view: what is said--+--> HTML, with plots
//!                                      +--> Markdown
//!                                      +--> terminal
//!   SearchResult --lines--> what moves while a trial runs, and a line after each
//!   Plan, Rules  --plan---> what a search would do
//! ```
//!
//! *Carried*: no more was lost than is allowed. *Bracket*: the loads between which the breaking point is, as
//! far as it was tried. Nothing is decided here: what carries is told by `loadlab-analysis`.

mod conclusions;
mod field;
mod hidden;
mod lines;
mod notes;
mod plan;
mod plot;
mod verdict;
mod view;
pub(crate) mod words;

use loadlab_analysis::search::SearchResult;
use loadlab_record::FailureMode;
use minijinja::{context, value::Serde};

use crate::{TerminalOptions, figures, html::STYLE, markdown, template, terminal};

pub(crate) use hidden::{HiddenRow, HiddenView};
pub use hidden::{hidden_label, hidden_line, hidden_plan};
pub use lines::{trial_label, trial_line};
pub use plan::search_plan;
pub(crate) use view::{BREAKING_POINT, LoadRow, SearchView, href};

/// The page's template, and what it includes.
const HTML: [(&str, &str); 3] = [
    ("search.html", include_str!("../templates/search.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("plot.html", include_str!("../templates/plot.html")),
];
/// The text's template.
const MARKDOWN: &str = include_str!("../templates/search.md");
/// What a search needs beyond the style of all pages.
const SEARCH_STYLE: &str = include_str!("../templates/search.css");

/// The search as one HTML file, finished or not.
pub fn search_html(result: &SearchResult) -> String {
    let mut engine = template::engine(&HTML);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    let context = context! {
        search => Serde(SearchView::of(result)),
        plots => Serde(plot::all(result)),
        // Both are part of the program.
        style => minijinja::Value::from_safe_string(format!("{STYLE}\n{SEARCH_STYLE}")),
    };
    let page = engine.get_template("search.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// The search as Markdown, finished or not.
pub fn search_markdown(result: &SearchResult) -> String {
    markdown::render(MARKDOWN, context! { search => Serde(SearchView::of(result)) })
}

/// The search within the width of a terminal, finished or not. It ends with a line break.
pub fn search_text(result: &SearchResult, options: &TerminalOptions) -> String {
    terminal::search(&SearchView::of(result), *options)
}

/// The name of a failure mode in reports.
pub const fn mode_name(mode: FailureMode) -> &'static str {
    mode.name()
}
