//! The run file itself: the one document that the other formats are made from.

use loadlab_record::RunFile;

/// `run.json`.
pub fn json(run: &RunFile) -> String {
    run.to_json()
}
