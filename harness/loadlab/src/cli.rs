//! The command line: what can be said. What is done about it is in [`crate::commands`].

mod breakpoint;
mod comparing;
mod gate;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use loadlab_clock::text::parse_duration;

use crate::{
    commands,
    conductor::{
        external::{External, StoreUrl},
        reach::{HostPort, Reach},
    },
};

pub use breakpoint::{BreakpointArgs, HiddenArgs, MethodName};
pub use comparing::{CompareArgs, MergeArgs, PageFormat, TrendArgs};
pub use gate::{BesideArgs, EffortArgs, GateArgs, NoiseArgs};

/// Exit codes, shown under `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0    every objective holds
  1    internal error
  2    usage or invalid file; nothing was started
  3    an objective was missed
  4    regression: what is compared became worse
  5    inconclusive: it cannot be told
  6    the generator, not the target, was the limit
  7    the target did not start, or was lost
  8    not comparable: more than one thing differs
  130  SIGINT, 143 SIGTERM: what was measured is written";

/// What signals do to a run, shown under its `--help`.
const RUN_SIGNALS: &str = "\
Signals:
  SIGINT, SIGTERM  end the load; what was measured is reported. A second one ends it at once
  SIGUSR1          heals all faults and begins no more, as `loadlab reset` does";

/// How a study ends, shown under its `--help`.
const STUDY_EXITS: &str = "\
Exit codes:
  0    every cell of every table could be filled, as documented or not
  5    some could not; the tables say why
  2    the study, or one of its runs, is invalid; nothing was started
  130  SIGINT, 143 SIGTERM: the tables hold what was measured; the same command goes on";

/// What signals do to the fault proxy, shown under its `--help`.
const PROXY_SIGNALS: &str = "\
Signals:
  SIGHUP           removes all toxics and enables all proxies, as `loadlab proxy reset` does
  SIGINT, SIGTERM  end it and every connection; exit code 130 or 143";

/// Finds where a service breaks, shows why, and proves what fixes it.
#[derive(Debug, Parser)]
#[command(name = "loadlab", version, about, after_help = EXIT_CODES, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a scenario: bring the target up, offer the load, judge, report.
    #[command(after_help = RUN_SIGNALS)]
    Run(RunArgs),
    /// Run all of a study and fill its tables; what is there already is not run again.
    #[command(after_help = STUDY_EXITS)]
    Study(StudyArgs),
    /// Search for the breaking point: the highest load that is carried, with its interval.
    #[command(after_help = breakpoint::EXITS)]
    Breakpoint(BreakpointArgs),
    /// Say in CI whether a change lowered the breaking point: two builds, loaded in turn.
    #[command(after_help = gate::EXITS)]
    Gate(GateArgs),
    /// Compare what was measured before a change with what was measured after it.
    #[command(after_help = comparing::COMPARE_EXITS)]
    Compare(CompareArgs),
    /// Follow a number over stored results, and find where it changed for good.
    #[command(after_help = comparing::TREND_EXITS)]
    Trend(TrendArgs),
    /// Merge the runs of several generators that loaded one target together into one run.
    #[command(after_help = comparing::MERGE_EXITS)]
    Merge(MergeArgs),
    /// List the scenarios.
    List(ListArgs),
    /// Show what a scenario would do, every default included.
    Show(ShowArgs),
    /// Check scenario files; every mistake is reported at once.
    Validate(ValidateArgs),
    /// Print the JSON schema of scenario or study files (for editors) or of run files.
    Schema(SchemaArgs),
    /// Write the reports of a run again, from its run file or from a killed run's journal.
    Report(ReportArgs),
    /// Bring the reference target up alone, to explore it by hand.
    Up(UpArgs),
    /// Run the fault proxy alone; any Toxiproxy client drives it.
    #[command(after_help = PROXY_SIGNALS)]
    Proxy(ProxyArgs),
    /// Heal all faults of a run that is going on; it goes on without them.
    Reset(ResetArgs),
    /// Say what this machine can and cannot do.
    Doctor(DoctorArgs),
    /// Print completions for a shell.
    Completions(CompletionsArgs),
}

/// How a result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum OutputFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON document on standard output, and nothing else.
    Json,
}

/// What settles a plan: a scenario, and what is laid over it.
#[derive(Debug, Clone, Args)]
pub struct PlanArgs {
    /// A scenario: a name from `loadlab list`, or a file.
    pub scenario: String,
    /// The reference target's profile.
    #[arg(long, value_name = "NAME", conflicts_with = "target")]
    pub profile: Option<String>,
    /// Mitigations laid over the profile, as `loadlab list` names them: --with pool-40,bulkheads.
    #[arg(long, value_name = "NAMES", value_delimiter = ',', conflicts_with = "target")]
    pub with: Vec<String>,
    /// Load this service instead of the reference target: http://HOST:PORT.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// Scenario seconds per real second.
    #[arg(long, value_name = "N")]
    pub speed: Option<String>,
    /// Where all randomness comes from.
    #[arg(long, value_name = "N")]
    pub seed: Option<String>,
    /// Set a value of the scenario, by its path: --set load.burst.users=50; or of the target's
    /// profile: --set target.set.service.pool.max=40.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// Real stores in place of the stand-ins.
#[derive(Debug, Args)]
pub struct StoreArgs {
    /// Use this Redis instead of the stand-in: redis://HOST:PORT.
    #[arg(long, value_name = "URL", value_parser = StoreUrl::redis)]
    pub redis: Option<StoreUrl>,
    /// Use this PostgreSQL instead of the stand-in: postgres://USER@HOST:PORT/DB.
    #[arg(long, value_name = "URL", value_parser = StoreUrl::database)]
    pub database: Option<StoreUrl>,
}

impl StoreArgs {
    /// As the conductor takes them.
    pub fn external(&self) -> External {
        External { redis: self.redis.clone(), database: self.database.clone() }
    }
}

/// How far chaos reaches.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// Leave all faults out.
    #[arg(long)]
    pub no_faults: bool,
    /// Disturb edges by this Toxiproxy server instead of loadlab's own proxy: http://HOST:PORT.
    #[arg(long, value_name = "URL", value_parser = HostPort::from_url)]
    pub toxiproxy: Option<HostPort>,
    /// Allow faults on connections to this host, which is not this machine.
    #[arg(long, value_name = "HOST")]
    pub allow_chaos: Vec<String>,
    /// How long the proxy before --target stays, without faults, for those who are connected when
    /// loadlab is killed.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub linger: Duration,
}

impl ChaosArgs {
    /// As the conductor takes it.
    pub fn reach(&self) -> Reach {
        Reach { toxiproxy: self.toxiproxy.clone(), linger: self.linger, allowed: self.allow_chaos.clone() }
    }
}

/// `loadlab run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to run.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Where run folders go.
    #[arg(long, value_name = "DIR", default_value = "reports/runs")]
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

/// `loadlab study`.
#[derive(Debug, Args)]
pub struct StudyArgs {
    /// A study: a name from `loadlab list`, or a file.
    pub study: String,
    /// Where its runs and its page go. Default: reports/studies/NAME.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run only this one; the tables use what there is of the others.
    #[arg(long, value_name = "RUN")]
    pub only: Vec<String>,
    /// Say what would be run, and do nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `loadlab list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `loadlab show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// What to show.
    #[command(flatten)]
    pub plan: PlanArgs,
    /// Show the processes and the edges between them instead.
    #[arg(long)]
    pub topology: bool,
    /// Show every setting of the target instead, with mitigations and single settings laid over the
    /// profile.
    #[arg(long, conflicts_with = "topology")]
    pub settings: bool,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `loadlab validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// Scenario files, or names from `loadlab list`.
    #[arg(required = true)]
    pub files: Vec<String>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: OutputFormat,
}

/// `loadlab schema`.
#[derive(Debug, Args)]
pub struct SchemaArgs {
    /// Of what.
    #[arg(value_enum)]
    pub of: SchemaOf,
}

/// Whose schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaOf {
    /// Scenario files.
    Scenario,
    /// Study files.
    Study,
    /// Run files.
    Run,
}

/// `loadlab report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run folder.
    pub run: PathBuf,
    /// Print this one instead of writing all of them into the folder.
    #[arg(long, value_enum)]
    pub format: Option<ReportFormat>,
}

/// The reports of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// The summary for a terminal.
    Text,
    /// The page.
    Html,
    /// The text for a pull request.
    Markdown,
    /// The results for CI.
    Junit,
    /// The run file.
    Json,
}

/// `loadlab up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// The reference target's profile.
    #[arg(long, value_name = "NAME", default_value = "baseline")]
    pub profile: String,
    /// Mitigations laid over the profile, as `loadlab list` names them: --with pool-40,bulkheads.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub with: Vec<String>,
    /// Scenario seconds per real second.
    #[arg(long, value_name = "N", default_value = "1")]
    pub speed: String,
    /// Where all randomness comes from.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Real stores.
    #[command(flatten)]
    pub stores: StoreArgs,
    /// Set a value of the profile, by its path: --set service.pool.max=40.
    #[arg(long = "set", value_name = "PATH=VALUE")]
    pub set: Vec<String>,
}

/// Where a fault proxy is controlled.
#[derive(Debug, Clone, Args)]
pub struct ControlArgs {
    /// The host of the control interface.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    pub host: String,
    /// The port of the control interface; for a new one, 0 is any that is free.
    #[arg(long, value_name = "N", default_value_t = 8474)]
    pub port: u16,
}

/// `loadlab proxy`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct ProxyArgs {
    /// Something else than to serve.
    #[command(subcommand)]
    pub action: Option<ProxyAction>,
    /// Where it is controlled.
    #[command(flatten)]
    pub control: ControlArgs,
    /// Proxies to begin with, toxics included: a JSON list as POST /populate takes it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where all randomness comes from.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,
    /// Serve counters for Prometheus at GET /metrics.
    #[arg(long)]
    pub proxy_metrics: bool,
    /// Listen on other addresses than loopback too: for proxies, and for --host.
    #[arg(long)]
    pub any_interface: bool,
    /// Hold faults only while standard input is open: at its end all toxics are removed, and the
    /// proxies stay for those who are connected, until --linger is over.
    #[arg(long)]
    pub lease: bool,
    /// How long the proxies stay at most after the end of the lease; they go when nobody was connected
    /// for 10 s.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = parse_duration)]
    pub linger: Duration,
}

/// What else `loadlab proxy` does.
#[derive(Debug, Subcommand)]
pub enum ProxyAction {
    /// Remove all toxics of a running proxy and enable all its proxies.
    Reset(ControlArgs),
}

/// `loadlab reset`.
#[derive(Debug, Args)]
pub struct ResetArgs {
    /// The run's folder. Default: the newest in reports/runs.
    pub run: Option<PathBuf>,
}

/// `loadlab doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Remove what a killed run left.
    #[arg(long)]
    pub clean: bool,
}

/// `loadlab completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

/// Reads the command line, does what it says, and gives the exit code.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => commands::execute(cli.command).into(),
        Err(error) => {
            // Help and version come this way too: clap prints them to standard output and says 0.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
        }
    }
}
