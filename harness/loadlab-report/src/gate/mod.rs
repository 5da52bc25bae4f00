//! What is said of a gate: functions of its document.
//!
//! ```text
//!   GateJob --view: what is said--+--> HTML, with plots
//!                                 +--> Markdown: for a pull request, and shorter for a job's summary
//!                                 +--> terminal
//!   GateJob --junit, github-----------> what CI services read
//!   GateJob --lines-------------------> what moves while a trial runs, and a line after each
//!   GatePlan --plan-------------------> what a gate would do
//! ```
//!
//! *Evidence*: the sum of the pairs' scores, above 0 against head. *Bound*: a number that a cost may not
//! exceed. Nothing is decided here: the verdict and its reasons are those of `loadlab-analysis`.

mod beside;
mod conclusions;
mod evidence;
mod github;
mod junit;
mod lines;
mod noise;
mod plan;
mod plot;
mod setting;
mod tiles;
mod trials;
mod verdict;
mod view;
mod words;

use loadlab_analysis::gate::GateJob;
use minijinja::{context, value::Serde};

use crate::{TerminalOptions, figures, html::STYLE, markdown, template, terminal};

pub use github::annotations as gate_annotations;
pub use junit::junit as gate_junit;
pub use lines::{after_searches as gate_search_line, after_trial as gate_line, before_trial as gate_label};
pub use plan::{GatePlan, plan as gate_plan};
pub(crate) use view::GateView;

/// The page's template, and what it includes.
const HTML: [(&str, &str); 4] = [
    ("gate.html", include_str!("../templates/gate.html")),
    ("gate-tables.html", include_str!("../templates/gate-tables.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("plot.html", include_str!("../templates/plot.html")),
];
/// The text's template.
const MARKDOWN: &str = include_str!("../templates/gate.md");
/// That of the summary.
const SUMMARY: &str = include_str!("../templates/gate-summary.md");
/// Plots and tables are those of searches.
const SEARCH_STYLE: &str = include_str!("../templates/search.css");
/// What a gate needs beyond them.
const GATE_STYLE: &str = include_str!("../templates/gate.css");

/// The gate as one HTML file, decided or not.
pub fn gate_html(job: &GateJob) -> String {
    let mut engine = template::engine(&HTML);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    let context = context! {
        gate => Serde(GateView::of(job)),
        plots => Serde(plot::all(job)),
        // All are part of the program.
        style => minijinja::Value::from_safe_string(format!("{STYLE}\n{SEARCH_STYLE}\n{GATE_STYLE}")),
    };
    let page = engine.get_template("gate.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// The gate as Markdown, decided or not: the verdict first, and the rest folded, as a comment on a pull request
/// should be.
pub fn gate_markdown(job: &GateJob) -> String {
    markdown::render(MARKDOWN, context! { gate => Serde(GateView::of(job)) })
}

/// The gate as Markdown for the summary of a job on GitHub: the verdict and what it rests on.
pub fn gate_summary(job: &GateJob) -> String {
    markdown::render(SUMMARY, context! { gate => Serde(GateView::of(job)) })
}

/// The gate within the width of a terminal, decided or not. It ends with a line break.
pub fn gate_text(job: &GateJob, options: &TerminalOptions) -> String {
    terminal::gate(&GateView::of(job), *options)
}
