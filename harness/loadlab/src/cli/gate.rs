//! What can be said to `loadlab gate`.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use loadlab_clock::text::parse_duration;
use loadlab_scenario::{parse::quantity, quantity::Share};

use super::{
    OutputFormat, StoreArgs,
    breakpoint::{load, share},
};

/// How a gate ends, shown under its `--help`.
pub(super) const EXITS: &str = "\
BASE and HEAD are each one of:
  a profile of the reference target       baseline
  the address of a service that is there  http://127.0.0.1:8080
  a command that starts one               './serve --port $PORT'

Exit codes:
  0    head is no worse than base
  3    head is no worse than base, but --max-cpu or --max-memory is missed
  4    regression: head breaks at a lower load, or a measure became worse
  5    inconclusive: it cannot be told; the reason says what would help
  6    the generator, not the targets, was the limit
  7    a target did not start, or does not recover
  8    base and head differ in more than the one thing that is compared
  2    usage or invalid file; nothing was started
  130  SIGINT, 143 SIGTERM: what was measured is written";

/// `loadlab gate`.
#[derive(Debug, Args)]
pub struct GateArgs {
    /// A scenario: a name from `loadlab list`, or a file.
    pub scenario: String,
    /// The build that is known.
    #[arg(long, value_name = "BASE")]
    pub base: String,
    /// The build in question.
    #[arg(long, value_name = "HEAD", required_unless_present = "aa", conflicts_with = "aa")]
    pub head: Option<String>,
    /// Set a value of base's profile, by its path: --base-set service.pool.max=20.
    #[arg(long, value_name = "PATH=VALUE")]
    pub base_set: Vec<String>,
    /// Set a value of head's profile.
    #[arg(long, value_name = "PATH=VALUE", conflicts_with = "aa")]
    pub head_set: Vec<String>,
    /// The smallest drop of the breaking point that must be found.
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    pub delta: Share,
    /// The share of the arrivals that may be lost.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    pub allowed_loss: Share,
    /// How it is carried out.
    #[command(flatten)]
    pub effort: EffortArgs,
    /// What is asked beside the breaking point.
    #[command(flatten)]
    pub beside: BesideArgs,
    /// How the machine's noise is known.
    #[command(flatten)]
    pub noise: NoiseArgs,
    /// Scenario seconds per real second.
    #[arg(long, value_name = "N")]
    pub speed: Option<String>,
    /// Where all randomness comes from.
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    /// Set a value of the scenario, by its path.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
    /// Real stores.
    #[command(flatten)]
    pub stores: StoreArgs,
    /// Where the gate's folder goes.
    #[arg(long, value_name = "DIR", default_value = "reports/gates")]
    pub out: PathBuf,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Annotate for GitHub, and append to the job's summary. Default: where GITHUB_ACTIONS is `true`.
    #[arg(long)]
    pub github: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// How a gate is carried out.
#[derive(Debug, Args)]
pub struct EffortArgs {
    /// Base's breaking point as it was found earlier: where to begin. Default: a short search on base.
    #[arg(long, value_name = "LOAD", value_parser = load)]
    pub carried: Option<f64>,
    /// How long a trial measures, in scenario time. Default: 500 service times of the calm base.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub trial: Option<Duration>,
    /// Pairs of trials after which a head that is clearly fine passes; twice as many decide the rest.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub pairs: u32,
    /// As many pairs as fit into so many minutes; what they find is said before. Needs --aa first.
    #[arg(long, value_name = "MINUTES", conflicts_with = "pairs", value_parser = minutes)]
    pub budget: Option<f64>,
    /// Search both breaking points, again and again, and compare these: hours, and a finer delta.
    #[arg(long)]
    pub nightly: bool,
}

/// What is asked beside the breaking point.
#[derive(Debug, Args)]
pub struct BesideArgs {
    /// Pairs of trials at one load below the breaking point, in which latencies, errors and costs are
    /// compared; 0 leaves them out.
    #[arg(long, value_name = "N", default_value_t = 4)]
    pub beside: u32,
    /// By which share a latency or a cost may be worse.
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    pub margin: Share,
    /// The most CPU time of head per 1,000 completed requests: 800ms.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub max_cpu: Option<Duration>,
    /// The most memory of head per 1,000 completed requests: 200MB.
    #[arg(long, value_name = "BYTES", value_parser = bytes)]
    pub max_memory: Option<u64>,
}

/// How the noise of the machine is known.
#[derive(Debug, Args)]
pub struct NoiseArgs {
    /// Compare base with itself, keep how far apart the two are, and say which delta that allows.
    #[arg(long)]
    pub aa: bool,
    /// Where that is kept; a gate reads it, and refuses a delta that the noise hides. Default: noise.json in
    /// --out.
    #[arg(long, value_name = "FILE")]
    pub noise: Option<PathBuf>,
}

impl GateArgs {
    /// Where the noise is kept.
    pub fn noise_file(&self) -> PathBuf {
        self.noise.noise.clone().unwrap_or_else(|| self.out.join("noise.json"))
    }
}

fn minutes(text: &str) -> Result<f64, String> {
    match quantity::number(text) {
        Ok(number) if number > 0.0 => Ok(number),
        _ => Err("a number of minutes above 0 is accepted: 6".to_owned()),
    }
}

fn bytes(text: &str) -> Result<u64, String> {
    quantity::size(text).map_err(|_| "bytes are accepted: 200MB, 1.5GiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_above_zero_and_bytes_have_their_unit() {
        assert_eq!((minutes("6"), bytes("2MiB")), (Ok(6.0), Ok(2 << 20)));
        assert!(minutes("0").is_err() && minutes("6m").is_err() && bytes("200").is_err());
    }
}
