//! Writes every report of the made-up run, and of the made-up searches and gates, into a folder, to look at while
//! working on them:
//! `cargo run -p loadlab-report --example sample -- DIR`.

#[path = "../tests/reports/gates/made_up.rs"]
mod gates;
#[path = "../tests/reports/searches/made_up.rs"]
mod searches;

use std::{fs, path::Path};

use loadlab_analysis::judge;
use loadlab_record::synthetic::Synthetic;
use loadlab_report::{
    Format, TerminalOptions, gate_html, gate_junit, gate_markdown, gate_text, search_html, search_markdown,
    search_text,
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
    for (name, result) in searches::all() {
        let write = |ending: &str, text: String| {
            fs::write(Path::new(&folder).join(format!("search-{name}.{ending}")), text)
        };
        write("html", search_html(&result))?;
        write("md", search_markdown(&result))?;
        write("txt", search_text(&result, &options))?;
    }
    for (name, job) in gates::all() {
        let write = |ending: &str, text: String| {
            fs::write(Path::new(&folder).join(format!("gate-{name}.{ending}")), text)
        };
        write("html", gate_html(&job))?;
        write("md", gate_markdown(&job))?;
        write("txt", gate_text(&job, &options))?;
        write("xml", gate_junit(&job))?;
    }
    Ok(())
}
