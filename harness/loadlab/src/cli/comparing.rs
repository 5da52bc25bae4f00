//! What can be said to `loadlab compare`, `loadlab trend` and `loadlab merge`: the commands on results that
//! are stored.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use loadlab_analysis::trend::Followed;

use super::OutputFormat;

/// How a comparison ends, shown under its `--help`.
pub(super) const COMPARE_EXITS: &str = "\
Exit codes:
  0  they were compared, whatever came of it: nothing is judged here, `loadlab gate` does that
  2  usage, or no run is there
  8  the runs cannot be compared; what differs is told";

/// How a trend ends, shown under its `--help`.
pub(super) const TREND_EXITS: &str = "\
Exit codes:
  0  the newest results are no worse than those before them, or too few to tell
  2  usage, or no result is there
  4  a regression: the newest change is for the worse, and it is recent";

/// How a merge ends, shown under its `--help`.
pub(super) const MERGE_EXITS: &str = "\
Exit codes:
  2  usage, or no run is there
  8  the runs do not belong together; nothing is written
  otherwise those of `loadlab run`, for all generators together";

/// `loadlab compare`.
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// What was measured before: a run folder, a run file, or a folder of run folders (repeated runs).
    pub before: PathBuf,
    /// What was measured after, with the same seeds.
    pub after: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
    /// Write the page into this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `loadlab trend`.
#[derive(Debug, Args)]
pub struct TrendArgs {
    /// Where results are stored; all run folders below it are read, and all searches.
    pub folder: PathBuf,
    /// What is followed: a measure as objectives have it (p95, p99(search), loss, errors, throughput,
    /// peak(pool_waiting)), or breaking-point, of searches.
    #[arg(long, value_name = "MEASURE", default_value = "p95", value_parser = followed)]
    pub measure: Followed,
    /// A change for the worse within so many of the newest results is a regression.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub recent: usize,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: PageFormat,
    /// Write the page into this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `loadlab merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The run of each generator: its folder, or its run file.
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// The folder of the merged run, which is made.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// How a result is printed that can be a page as well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum PageFormat {
    /// For people, in a terminal.
    #[default]
    Text,
    /// One JSON document on standard output, and nothing else.
    Json,
    /// For a pull request.
    Markdown,
    /// The page.
    Html,
}

fn followed(text: &str) -> Result<Followed, String> {
    Followed::parse(text).map_err(|error| {
        let accepted = error.accepted.map(|forms| format!("; accepted: {forms}")).unwrap_or_default();
        format!("{}{accepted}", error.message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_one_of_objectives_or_the_breaking_point() {
        for text in ["p95", "p99(search)", "loss", "throughput", "breaking-point"] {
            assert_eq!(followed(text).map(|followed| followed.name()), Ok(text.to_owned()));
        }
        assert!(followed("p9x").is_err_and(|why| !why.is_empty()));
    }
}
