//! Writes every report of the made-up run, and of the made-up searches, gates, comparisons and trends, into a
//! folder, to look at while working on them:
//! `cargo run -p loadlab-report --example sample -- DIR`.

#[path = "../tests/reports/comparisons/made_up.rs"]
mod comparisons;
#[path = "../tests/reports/gates/made_up.rs"]
mod gates;
#[path = "../tests/reports/searches/made_up.rs"]
mod searches;
#[path = "../tests/reports/trends/made_up.rs"]
mod trends;

use std::{fs, path::Path};

use loadlab_analysis::judge;
use loadlab_record::synthetic::Synthetic;
use loadlab_report::{
    Format, TerminalOptions, comparison_html, comparison_markdown, comparison_text, gate_html, gate_junit,
    gate_markdown, gate_text, search_html, search_markdown, search_text, trend_html, trend_markdown,
    trend_text,
};

fn main() -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "sample".to_owned());
    fs::create_dir_all(&folder)?;
    let mut run = Synthetic::burst(100).run();
    judge(&mut run);
    let options = TerminalOptions { width: 100, color: true };
    for format in Format::ALL {
        let name = format.file_name().unwrap_or("terminal.txt");
        fs::write(Path::new(&folder).join(name), format.render(&run, &options))?;
    }
    let write = |name: String, [html, markdown, text]: [String; 3]| {
        let to = |ending: &str| Path::new(&folder).join(format!("{name}.{ending}"));
        fs::write(to("html"), html)?;
        fs::write(to("md"), markdown)?;
        fs::write(to("txt"), text)
    };
    for (name, one) in searches::all() {
        let texts = [search_html(&one), search_markdown(&one), search_text(&one, &options)];
        write(format!("search-{name}"), texts)?;
    }
    for (name, one) in comparisons::all() {
        let texts = [comparison_html(&one), comparison_markdown(&one), comparison_text(&one, &options)];
        write(format!("comparison-{name}"), texts)?;
    }
    for (name, one) in trends::all() {
        let texts = [trend_html(&one), trend_markdown(&one), trend_text(&one, &options)];
        write(format!("trend-{name}"), texts)?;
    }
    for (name, job) in gates::all() {
        write(format!("gate-{name}"), [gate_html(&job), gate_markdown(&job), gate_text(&job, &options)])?;
        fs::write(Path::new(&folder).join(format!("gate-{name}.xml")), gate_junit(&job))?;
    }
    Ok(())
}
