//! The page, the text and the document of a study: functions of its filled tables.
//!
//! ```text
//!   StudyResult --view: what is said--+--> HTML, with plots
//!                                     +--> Markdown
//!                                     +--> terminal
//!               `---------------------> JSON, as it is
//! ```

mod plot;
mod view;

use loadlab_analysis::study::StudyResult;
use minijinja::{context, value::Serde};

use crate::{figures, html::STYLE, markdown, template};
use view::StudyView;

/// The page's template, and what it includes.
const HTML: [(&str, &str); 3] = [
    ("study.html", include_str!("../templates/study.html")),
    ("parts.html", include_str!("../templates/parts.html")),
    ("plot.html", include_str!("../templates/plot.html")),
];
/// The text's template.
const MARKDOWN: &str = include_str!("../templates/study.md");
/// What a study's tables need beyond the style of all pages.
const STUDY_STYLE: &str = include_str!("../templates/study.css");

/// The study as one HTML file.
pub fn study_html(study: &StudyResult) -> String {
    let mut engine = template::engine(&HTML);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    let context = context! {
        study => Serde(StudyView::of(study)),
        // Both are part of the program.
        style => minijinja::Value::from_safe_string(format!("{STYLE}\n{STUDY_STYLE}")),
    };
    let page = engine.get_template("study.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// The study as Markdown.
pub fn study_markdown(study: &StudyResult) -> String {
    markdown::render(MARKDOWN, context! { study => Serde(StudyView::of(study)) })
}

/// The study in a few lines: of each table how much is as documented, and what is not.
pub fn study_text(study: &StudyResult) -> String {
    let view = StudyView::of(study);
    let mut lines = vec![format!("{}: {}", view.name, view.headline)];
    for table in &view.tables {
        lines.push(format!("  {}: {}", table.title, table.summary));
        lines.extend(table.differences.iter().map(|line| format!("    {line}")));
    }
    lines.join("\n")
}

/// The study as JSON, without a line break at its end.
pub fn study_json(study: &StudyResult) -> String {
    serde_json::to_string_pretty(study).expect("names and numbers can be written as JSON")
}
