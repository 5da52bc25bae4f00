//! What GitHub Actions shows: annotations beside the change, and the summary of the job.

use std::{fs, io, io::Write as _, path::Path};

use loadlab_analysis::gate::GateJob;

use crate::output;

/// Whether this is a job of GitHub Actions.
const ACTIONS: &str = "GITHUB_ACTIONS";
/// The file whose Markdown the job's page shows.
const SUMMARY: &str = "GITHUB_STEP_SUMMARY";

/// Whether this is a job of GitHub Actions.
pub(super) fn is_there() -> bool {
    std::env::var(ACTIONS).is_ok_and(|value| value == "true")
}

/// Annotates, and appends to the summary if there is one.
pub(super) fn tell(job: &GateJob) {
    // Actions reads both streams; standard output may be one JSON document.
    output::say(loadlab_report::gate_annotations(job).trim_end());
    let Some(path) = std::env::var_os(SUMMARY) else { return };
    let path = Path::new(&path);
    if let Err(error) = append(path, &loadlab_report::gate_summary(job)) {
        output::say(&format!("note: the summary {} cannot be written: {error}", path.display()));
    }
}

/// Other steps of the job may have written something there.
fn append(path: &Path, text: &str) -> io::Result<()> {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path)?;
    writeln!(file, "{}", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_appended_to_what_others_wrote() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("summary.md");
        append(&path, "# One\n").expect("written");
        append(&path, "# Two").expect("written");
        assert_eq!(fs::read_to_string(&path).expect("read"), "# One\n# Two\n");
    }
}
