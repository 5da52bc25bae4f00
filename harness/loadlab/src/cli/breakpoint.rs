//! What can be said to `loadlab breakpoint`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};
use loadlab_analysis::search::Method;
use loadlab_clock::text::parse_duration;
use loadlab_scenario::{
    parse::quantity,
    quantity::{Rate, Share},
};

use super::{ChaosArgs, OutputFormat, PlanArgs, StoreArgs};

/// How a search ends, shown under its `--help`.
pub(super) const EXITS: &str = "\
Exit codes:
  0    the breaking point, and the hidden capacity if asked for, is as precise as was asked for
  3    even the lowest load fails, or does not heal itself
  5    it is bounded, but not so precisely; or the highest load still passes
  6    the generator, not the target, was the limit
  7    the target did not start, or does not recover
  2    usage or invalid file; nothing was started
  130  SIGINT, 143 SIGTERM: what was measured is written";

/// `loadlab breakpoint`.
#[derive(Debug, Args)]
pub struct BreakpointArgs {
    /// What is loaded; its load tells in what loads are counted: arrivals per second, or users.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// How the loads to be tried are chosen.
    #[arg(long, value_enum, default_value_t)]
    pub method: MethodName,
    /// The first load. Default: a quarter of the scenario's highest.
    #[arg(long, value_name = "LOAD", value_parser = load)]
    pub start: Option<f64>,
    /// No load below this is tried. Default: a tenth of the first.
    #[arg(long, value_name = "LOAD", value_parser = load)]
    pub least: Option<f64>,
    /// No load above this is tried. Default: a hundred times the first.
    #[arg(long, value_name = "LOAD", value_parser = load)]
    pub most: Option<f64>,
    /// The share of the arrivals that may be lost.
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = share)]
    pub allowed_loss: Share,
    /// How far the interval's ends may be from the breaking point.
    #[arg(long, value_name = "SHARE", default_value = "3%", value_parser = share)]
    pub precision: Share,
    /// How long a trial measures, in scenario time. Default: 500 service times of the calm target.
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    pub trial: Option<Duration>,
    /// Valid trials at most; then the interval is as it is.
    #[arg(long, value_name = "N", default_value_t = 45)]
    pub trials: u32,
    /// How much of what is carried heals itself.
    #[command(flatten)]
    pub hidden: HiddenArgs,
    /// Where the search's folder goes.
    #[arg(long, value_name = "DIR", default_value = "reports/searches")]
    pub out: PathBuf,
    /// Real stores.
    #[command(flatten)]
    pub stores: StoreArgs,
    /// How far chaos reaches.
    #[command(flatten)]
    pub chaos: ChaosArgs,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// How much of what is carried heals itself.
#[derive(Debug, Clone, Args)]
pub struct HiddenArgs {
    /// Search the hidden capacity too: the largest load that heals itself once a trigger is gone.
    #[arg(long, requires = "trigger", conflicts_with = "no_faults")]
    pub metastable: bool,
    /// What disturbs it: a fault of the scenario by its name, or a named fault or file of one.
    #[arg(long, value_name = "FAULT", requires = "metastable")]
    pub trigger: Option<String>,
    /// Where a named fault acts: an edge, service-0/sql, or a role, service-0.
    #[arg(long, value_name = "PLACE", requires = "trigger")]
    pub trigger_on: Option<String>,
    /// How long the trigger lasts, in scenario time. A named fault has no length of its own.
    #[arg(long, value_name = "DURATION", requires = "trigger", value_parser = parse_duration)]
    pub trigger_for: Option<Duration>,
    /// What is carried is this load: do not search for it, only for what of it heals itself.
    #[arg(long, value_name = "LOAD", requires = "metastable", value_parser = load)]
    pub carried: Option<f64>,
}

/// How the loads to be tried are chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum MethodName {
    /// Up by factors, then bisection with pooled verdicts, then where all trials put it.
    #[default]
    Mlr,
    /// Always where the breaking point is as probably above as below.
    Bayes,
    /// Up in equal steps to the first that fails: to compare with.
    Ramp,
}

impl From<MethodName> for Method {
    fn from(name: MethodName) -> Self {
        match name {
            MethodName::Mlr => Self::Mlr,
            MethodName::Bayes => Self::Bayes,
            MethodName::Ramp => Self::Ramp,
        }
    }
}

/// A load: a number, or a rate as scenarios have it.
pub(super) fn load(text: &str) -> Result<f64, String> {
    let number = quantity::number(text).or_else(|_| quantity::rate(text).map(Rate::per_second));
    match number {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err("a load above 0 is accepted: 250, 250/s".to_owned()),
    }
}

pub(super) fn share(text: &str) -> Result<Share, String> {
    quantity::share(text).map_err(|_| "a share is accepted: 1%, 0.01".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_a_number_or_a_rate_above_zero() {
        assert_eq!(load("250"), Ok(250.0));
        assert_eq!(load("90/m"), Ok(1.5));
        assert!(load("0").is_err() && load("-3").is_err() && load("many").is_err());
    }
}
