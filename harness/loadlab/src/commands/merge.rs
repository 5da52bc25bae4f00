//! `loadlab merge`: the runs of several generators that loaded one target together, as one run.

use std::path::Path;

use loadlab_record::{MergeError, RunFile, merge};

use super::{compare, run};
use crate::{
    cli::MergeArgs,
    conductor::Finished,
    exit::Exit,
    output,
    run_folder::{FolderError, RunFolder},
    stored,
};

/// Merges, judges again, and writes every report.
pub(crate) fn execute(arguments: &MergeArgs) -> Exit {
    if RunFolder::open(&arguments.out).is_ok() {
        let text = format!("{} holds a run already", arguments.out.display());
        return output::fail(Exit::Invalid, &text, Some("name a new folder with --out"));
    }
    let runs: Result<Vec<RunFile>, _> = arguments.runs.iter().map(|path| stored::run(path)).collect();
    let runs = match runs {
        Ok(runs) => runs,
        Err(error) => return compare::no_run(&error),
    };
    let mut merged = match merge(runs) {
        Ok(merged) => merged,
        Err(error) => return refuse(arguments, &error),
    };
    loadlab_analysis::judge(&mut merged);
    match write(&arguments.out, &merged) {
        Ok(folder) => run::tell(&Finished { folder, run: merged }, arguments.format),
        Err(error) => output::fail(Exit::Internal, &error.to_string(), None),
    }
}

fn write(out: &Path, merged: &RunFile) -> Result<RunFolder, FolderError> {
    let folder = RunFolder::at(out)?;
    folder.write_run(merged)?;
    folder.write_reports(merged)?;
    Ok(folder)
}

/// The error counts runs; which those are is said with it.
fn refuse(arguments: &MergeArgs, error: &MergeError) -> Exit {
    let named =
        (1..).zip(&arguments.runs).map(|(number, path)| format!("run {number} is {}", path.display()));
    let named: Vec<String> = named.collect();
    let text = format!("the runs do not belong together: {error}\n  {}", named.join("\n  "));
    let hint = "start the generators at the same time, each with its share of the load and a seed of its own";
    output::fail(Exit::Incomparable, &text, Some(hint))
}
