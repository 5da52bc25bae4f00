//! `loadlab report`: the reports of a run again, from what is on disk.

use crate::{
    cli::{ReportArgs, ReportFormat},
    exit::Exit,
    output,
    run_folder::{FolderError, RunFolder},
};

/// Writes all reports into the folder, or prints one.
pub(crate) fn execute(arguments: &ReportArgs) -> Exit {
    match report(arguments) {
        Ok(text) => {
            output::result(&text);
            Exit::Pass
        }
        Err(
            error @ (FolderError::NotARun { .. } | FolderError::RunFile { .. } | FolderError::Journal { .. }),
        ) => output::fail(Exit::Invalid, &error.to_string(), Some("name a folder that `loadlab run` made")),
        Err(error) => output::fail(Exit::Internal, &error.to_string(), None),
    }
}

fn report(arguments: &ReportArgs) -> Result<String, FolderError> {
    let folder = RunFolder::open(&arguments.run)?;
    let run = folder.read()?;
    let text = match arguments.format {
        Some(ReportFormat::Text) => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            loadlab_report::terminal(&run, &options)
        }
        Some(ReportFormat::Html) => loadlab_report::html(&run),
        Some(ReportFormat::Markdown) => loadlab_report::markdown(&run),
        Some(ReportFormat::Junit) => loadlab_report::junit(&run),
        Some(ReportFormat::Json) => run.to_json(),
        None => {
            if !folder.run_json().is_file() {
                folder.write_run(&run)?;
            }
            folder.write_reports(&run)?;
            format!("{}", folder.report_html().display())
        }
    };
    Ok(text)
}
