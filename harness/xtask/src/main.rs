//! The workspace's own tasks: `cargo xtask TASK`.
//!
//! This file reads arguments, calls one task and turns its result into an exit code: 0 when what
//! was asked holds, 1 when it does not, 2 for wrong arguments.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "these tasks speak to whoever runs them")]

mod bench;
mod calibrate;
mod campaign;
mod child;
mod ci;
mod evidence;
mod gate;
mod generate;
mod jobs;
mod journal;
mod machine;
mod proxy_latency;
mod quiet;
mod repository;
mod safety;
mod samples;
mod scenarios;
mod search;
mod tidy;

use std::{error::Error, net::SocketAddr, path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::jobs::{Effort, Job};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "The workspace's own tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Check the rules of this repository that no other tool checks
    Tidy,
    /// Check format, clippy and tests, as continuous integration does
    Ci,
    /// Measure the harness against a server of known latency
    Calibrate(Measuring),
    /// Measure what a request costs, beside other programs that do the same
    Bench {
        /// What to measure
        what: BenchTarget,
        /// Interleaved rounds, or searches; 5 for `generator`, 9 for `proxy`, 40 for `search`
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        rounds: Option<u16>,
        /// Seconds of each run; 5 for `generator`, 1 for `proxy`, of no meaning for `search`
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        seconds: Option<u64>,
        /// Connections, each with one request under way; 50 for `generator`, 32 for `proxy`
        #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
        connections: Option<u16>,
        /// Minutes to wait for a quiet machine
        #[arg(long, default_value_t = 10)]
        patience: u64,
        /// Append the figures to this file instead of reports/evidence/bench-WHAT.jsonl
        #[arg(long)]
        out: Option<PathBuf>,
    },
    /// Measure whether the fault proxy delays by what it is asked for
    ProxyLatency(Measuring),
    /// Run a job until there are enough lines of evidence for this commit
    Evidence {
        /// Which
        job: Job,
        /// Lines that there should be; of a campaign, seeds
        #[arg(long, default_value_t = 1)]
        times: usize,
        /// The first seed of a campaign; --times counts from there
        #[arg(long, default_value_t = 1)]
        first: usize,
        /// Of a campaign, only these scenarios or variations
        #[arg(long)]
        only: Vec<String>,
    },
    /// Run a command while every core is kept awake by a process of idle priority
    ///
    /// A virtual core that halts comes back late, and scenario time passes faster than real time.
    Awake {
        /// The command and its arguments
        #[arg(trailing_var_arg = true, required = true)]
        command: Vec<String>,
    },
    /// Run 100-concurrent and copy its report to reports/samples/
    Samples,
    /// A server that waits as a script says
    #[command(hide = true)]
    Serve {
        #[arg(long)]
        script: String,
    },
    /// The server of `bench`
    #[command(hide = true)]
    BenchServer,
    /// What the proxies of `bench proxy` stand before
    #[command(hide = true)]
    BenchUpstreams,
    /// The load of `bench proxy`: small exchanges
    #[command(hide = true)]
    BenchExchange {
        address: SocketAddr,
        #[arg(long)]
        connections: usize,
        #[arg(long)]
        seconds: f64,
    },
    /// The load of `bench proxy`: one stream
    #[command(hide = true)]
    BenchStream {
        address: SocketAddr,
        #[arg(long)]
        seconds: f64,
    },
    /// A fault proxy with one toxic
    #[command(hide = true)]
    ProxyWith { upstream: String, toxic: String },
    /// A competitor of `bench`
    #[command(hide = true)]
    BenchWorker {
        worker: Worker,
        #[arg(long)]
        base: String,
        #[arg(long)]
        connections: usize,
        #[arg(long)]
        seconds: u64,
    },
    /// The engine alone
    #[command(hide = true)]
    Generate {
        #[arg(long)]
        scenario: String,
        #[arg(long)]
        base: String,
        #[arg(long)]
        journal: PathBuf,
    },
    /// Keeps a core awake
    #[command(hide = true)]
    Spin,
    /// A command on one core
    #[command(hide = true)]
    Pinned {
        core: usize,
        #[arg(last = true)]
        command: Vec<String>,
    },
}

/// How something is measured whose figures have bounds.
#[derive(Debug, Args)]
struct Measuring {
    /// A few seconds with loose bounds, written nowhere unless --out says where
    #[arg(long)]
    short: bool,
    /// Minutes to wait for a quiet machine before each case
    #[arg(long, default_value_t = 10)]
    patience: u64,
    /// Measurements of a case that missed, at most
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// Append the figures to this file instead of reports/evidence/NAME.jsonl
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum BenchTarget {
    /// The load generator
    Generator,
    /// The fault proxy
    Proxy,
    /// The search for the breaking point, beside linear ramps
    Search,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Worker {
    Goose,
    Reqwest,
}

/// Whether what was asked holds, or why it cannot be told.
type Answer = Result<bool, Box<dyn Error>>;

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            let mut cause = error.source();
            while let Some(source) = cause {
                eprintln!("  because {source}");
                cause = source.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Answer {
    match task {
        Task::Tidy => tidy(),
        Task::Ci => {
            let summary = ci::run();
            println!("\n{summary}");
            Ok(summary.passed())
        }
        Task::Calibrate(measuring) => jobs::calibrate(&measuring.effort(), measuring.out.as_deref()),
        Task::Bench { what, rounds, seconds, connections, patience, out } => {
            let committed = what.settings();
            let settings = bench::Settings {
                rounds: rounds.map_or(committed.rounds, usize::from),
                seconds: seconds.unwrap_or(committed.seconds),
                connections: connections.map_or(committed.connections, usize::from),
                patience: Duration::from_secs(60 * patience),
            };
            match what {
                BenchTarget::Generator => jobs::bench(settings, out.as_deref()),
                BenchTarget::Proxy => jobs::bench_proxy(settings, out.as_deref()),
                BenchTarget::Search => jobs::bench_search(settings.rounds, out.as_deref()),
            }
        }
        Task::ProxyLatency(measuring) => jobs::proxy_latency(&measuring.effort(), measuring.out.as_deref()),
        Task::Evidence { job, times, first, only } => jobs::until(job, (first, times), &only),
        Task::Awake { command } => {
            let _awake = quiet::Awake::keep();
            Ok(std::process::Command::new(&command[0]).args(&command[1..]).status()?.success())
        }
        Task::Samples => {
            println!("{}", samples::make()?.display());
            Ok(true)
        }
        Task::Serve { script } => done(calibrate::server::serve(serde_json::from_str(&script)?)),
        Task::BenchServer => done(bench::server::serve()),
        Task::BenchUpstreams => done(bench::proxy::servers::serve()),
        Task::BenchExchange { address, connections, seconds } => {
            printed(&bench::proxy::load::exchange(address, connections, Duration::from_secs_f64(seconds))?)
        }
        Task::BenchStream { address, seconds } => {
            printed(&bench::proxy::load::stream(address, Duration::from_secs_f64(seconds))?)
        }
        Task::ProxyWith { upstream, toxic } => done(proxy_latency::role::serve(&upstream, &toxic)),
        Task::BenchWorker { worker, base, connections, seconds } => {
            bench_worker(worker, &base, connections, Duration::from_secs(seconds))
        }
        Task::Generate { scenario, base, journal } => done(generate::generate(&scenario, &base, &journal)),
        Task::Spin => {
            quiet::spin();
            Ok(true)
        }
        Task::Pinned { core, command } => Err(bench::pinned::become_pinned(core, &command).into()),
    }
}

fn done<E: Error + 'static>(result: Result<(), E>) -> Answer {
    result.map(|()| true).map_err(Into::into)
}

/// Prints one line of JSON.
fn printed(counted: &impl serde::Serialize) -> Answer {
    println!("{}", serde_json::to_string(counted)?);
    Ok(true)
}

impl Measuring {
    const fn effort(&self) -> Effort {
        // The short case is a test: it has loose bounds, and no time to wait.
        let patience = if self.short { 0 } else { self.patience };
        Effort { short: self.short, patience: Duration::from_secs(60 * patience), attempts: self.attempts }
    }
}

impl BenchTarget {
    /// The settings of the committed comparison, where others are not asked for.
    const fn settings(self) -> bench::Settings {
        match self {
            Self::Generator => jobs::BENCH,
            Self::Proxy => jobs::BENCH_PROXY,
            // Nothing is timed: the queue is simulated.
            Self::Search => bench::Settings { rounds: jobs::BENCH_SEARCHES, ..jobs::BENCH },
        }
    }
}

fn tidy() -> Answer {
    let findings = tidy::check(&tidy::Tree::read(&repository::root())?);
    println!("{}", tidy::listing(&findings));
    match findings.len() {
        0 => println!("tidy: {} rules hold", tidy::RULES.len()),
        count => println!("tidy: {count} findings"),
    }
    Ok(findings.is_empty())
}

fn bench_worker(worker: Worker, base: &str, connections: usize, span: Duration) -> Answer {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let counted = match worker {
        Worker::Goose => runtime.block_on(bench::workers::goose(base, connections, span))?,
        Worker::Reqwest => runtime.block_on(bench::workers::reqwest(base, connections, span))?,
    };
    printed(&counted)
}
