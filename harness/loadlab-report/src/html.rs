//! The report page: one file that loads nothing.

use loadlab_record::RunFile;
use minijinja::{Value, context, value::Serde};

use crate::{
    facts::{self, Facts, PERCENTILES},
    figures, plots, template,
};

/// The template, and what it includes.
const TEMPLATES: [(&str, &str); 7] = [
    ("report.html", include_str!("templates/report.html")),
    ("parts.html", include_str!("templates/parts.html")),
    ("plot.html", include_str!("templates/plot.html")),
    ("arms.html", include_str!("templates/arms.html")),
    ("failure.html", include_str!("templates/failure.html")),
    ("steady.html", include_str!("templates/steady.html")),
    ("details.html", include_str!("templates/details.html")),
];
/// The style.
pub(crate) const STYLE: &str = include_str!("templates/style.css");

/// What reads values off the plots where the reader points. The page is whole without it.
const SCRIPT: &str = include_str!("templates/readout.js");

/// The report as one HTML file.
pub fn html(run: &RunFile) -> String {
    let mut engine = template::engine(&TEMPLATES);
    engine.add_filter("glued", |text: &str| figures::glued(text));
    let context = context! {
        facts => Serde(Facts::of(run)),
        beside => Serde(facts::beside(run)),
        plots => Serde(plots::all(run)),
        // Drawn by the program, from its own words.
        cascade => plots::cascade(run).map(Value::from_safe_string),
        health => Serde(health(run)),
        percentiles => PERCENTILES.to_vec(),
        plan => facts::plan_json(run),
        settings => facts::settings_json(run),
        // Both are part of the program, not of the run.
        script => Value::from_safe_string(SCRIPT.to_owned()),
        style => Value::from_safe_string(STYLE.to_owned()),
    };
    let page = engine.get_template("report.html").expect("it was added above");
    page.render(context).expect("the template fits its context, which a test shows")
}

/// A stretch of the health strip at the head of the page.
#[derive(serde::Serialize)]
struct HealthStretch {
    state: &'static str,
    from: String,
    to: String,
    percent: f64,
}

fn health(run: &RunFile) -> Vec<HealthStretch> {
    let length: f64 = run.health.iter().map(|span| span.to_s - span.from_s).sum();
    let stretch = |span: &loadlab_record::HealthSpan| HealthStretch {
        state: facts::state_name(span.state),
        from: figures::instant(span.from_s),
        to: figures::instant(span.to_s),
        percent: ((span.to_s - span.from_s) / length * 10_000.0).round() / 100.0,
    };
    if length > 0.0 { run.health.iter().map(stretch).collect() } else { Vec::new() }
}
