//! The page, the text and the summary of trends: functions of their document.
//!
//! ```text
//!   Trends --view: what is said--+--> HTML, with plots
//!                                +--> Markdown
//!                                +--> terminal, with sparks
//! ```

mod plot;
mod spark;
mod view;

use loadlab_analysis::trend::{Series, Trends};
use minijinja::{context, value::Serde};

use crate::{TerminalOptions, figures, html::STYLE, markdown, plots::PlotView, template, terminal};

pub(crate) use spark::spark;
pub(crate) use view::{ChangeView, SeriesView, TrendView};

/// The page's template, and what it includes.
const HTML: [(&str, &str); 3] = [
    ("trend.html", include_str!("../templates/trend.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("plot.html", include_str!("../templates/plot.html")),
];
/// The text's template.
const MARKDOWN: &str = include_str!("../templates/trend.md");
/// What a trend needs beyond the style of all pages.
const TREND_STYLE: &str = include_str!("../templates/trend.css");

/// The trends as one HTML file.
pub fn trend_html(trends: &Trends) -> String {
    let mut engine = template::engine(&HTML);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    // Of more series than there are names for drawings, the rest have tables.
    let drawn = |(at, series): (usize, &Series)| plot::over_time(trends, series, plot::IDS.get(at)?);
    let plots: Vec<Option<PlotView>> = trends.series.iter().enumerate().map(drawn).collect();
    let context = context! {
        trend => Serde(TrendView::of(trends)),
        plots => Serde(plots),
        // Both are part of the program.
        style => minijinja::Value::from_safe_string(format!("{STYLE}\n{TREND_STYLE}")),
    };
    let page = engine.get_template("trend.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// The trends as Markdown.
pub fn trend_markdown(trends: &Trends) -> String {
    markdown::render(MARKDOWN, context! { trend => Serde(TrendView::of(trends)) })
}

/// The trends within the width of a terminal. It ends with a line break.
pub fn trend_text(trends: &Trends, options: &TerminalOptions) -> String {
    terminal::trend(&TrendView::of(trends), *options)
}
