//! What was run, on what, where and when.

use std::time::Duration;

use loadlab_clock::{Distribution, Speed};
use loadlab_record::{Environment, RunFile, TargetInfo};
use loadlab_scenario::plan::{Client, Load, Process, Reader, TargetPlan, Think};
use serde::Serialize;
use serde_json::Value;

use crate::figures;

/// Rows of a feed that are shown with the plan; the rest is counted.
const FEED_ROWS_SHOWN: usize = 3;

/// A name, a value, and a word more.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Fact {
    /// What it is.
    pub(crate) label: &'static str,
    /// How much or which.
    pub(crate) value: String,
    /// What goes with it; often empty.
    pub(crate) more: String,
}

impl Fact {
    /// A fact without more.
    pub(crate) fn new(label: &'static str, value: impl Into<String>) -> Self {
        Self { label, value: value.into(), more: String::new() }
    }

    /// With a word more.
    pub(crate) fn with(self, more: String) -> Self {
        Self { more, ..self }
    }
}

/// Few words for one line: target, seed, speed, length.
pub(crate) fn brief(run: &RunFile) -> Vec<String> {
    let target = match &run.profile {
        Some(profile) => format!("profile {profile}"),
        None => format!("target {}", run.target.base),
    };
    vec![target, format!("seed {}", run.seed), format!("speed {}", run.speed)]
}

/// Everything about the setting that fits on a line each. What is not known is left out.
pub(crate) fn facts(run: &RunFile) -> Vec<Fact> {
    let environment = &run.environment;
    let mut facts = vec![
        Fact::new("Target", target(run)),
        Fact::new("Load", load(&run.plan.load)),
        Fact::new("Client", client(&run.plan.client)),
        Fact::new("Seed", run.seed.to_string()),
        Fact::new("Speed", speed(run.speed)),
        Fact::new("Length", super::ending(run)),
        Fact::new("Started", environment.started.clone()),
    ];
    facts.extend(machine_facts(environment));
    facts.push(Fact::new("Versions", versions(&run.target)));
    facts.push(Fact::new("Command", environment.command.join(" ")));
    facts.retain(|fact| !fact.value.is_empty());
    facts
}

/// On what machine, with which loadlab. What is not known is empty.
pub(crate) fn machine_facts(environment: &Environment) -> [Fact; 4] {
    let system = [environment.os.as_str(), environment.kernel.as_str()].join(" ");
    [
        Fact::new("Machine", machine(environment)),
        Fact::new("System", system.trim()),
        Fact::new("Load before the start", format!("{:.2} (1-minute average)", environment.load_average)),
        Fact::new("loadlab", environment.loadlab.clone()),
    ]
}

/// The plan as JSON to read: long feeds are cut and say so.
pub(crate) fn plan_json(run: &RunFile) -> String {
    let mut plan = serde_json::to_value(&run.plan).expect("a plan was JSON before it came here");
    if let Some(feeds) = plan.get_mut("feeds").and_then(Value::as_object_mut) {
        for feed in feeds.values_mut() {
            let Some(rows) = feed.get_mut("rows").and_then(Value::as_array_mut) else { continue };
            if rows.len() > FEED_ROWS_SHOWN {
                let more = rows.len() - FEED_ROWS_SHOWN;
                rows.truncate(FEED_ROWS_SHOWN);
                rows.push(Value::String(format!("… and {more} rows more")));
            }
        }
    }
    pretty(&plan)
}

/// The target's settings as JSON to read, if it told them.
pub(crate) fn settings_json(run: &RunFile) -> Option<String> {
    run.target.settings.as_ref().map(pretty)
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).expect("a JSON value is JSON")
}

fn target(run: &RunFile) -> String {
    match &run.plan.target {
        TargetPlan::Profile { name, with, set } => {
            let set = set.iter().map(|(path, value)| format!("{path}={value}"));
            let more: Vec<String> = with.iter().cloned().chain(set).collect();
            let more = if more.is_empty() { String::new() } else { format!(" with {}", more.join(", ")) };
            format!("reference target, profile {name}{more}")
        }
        TargetPlan::Url { base, .. } => base.clone(),
    }
}

fn load(load: &Load) -> String {
    match load {
        Load::Burst { users, within } if within.is_zero() => {
            format!("{} users at the same moment, one want each", figures::count(u64::from(*users)))
        }
        Load::Burst { users, within } => format!(
            "{} users within {}, one want each",
            figures::count(u64::from(*users)),
            figures::duration(*within)
        ),
        Load::Users { stages, think } => {
            let most = stages.iter().map(|stage| stage.users).max().unwrap_or(0);
            let whole: Duration = stages.iter().map(|stage| stage.ramp + stage.hold).sum();
            format!(
                "up to {} users over {} in {}, think time {}",
                figures::count(u64::from(most)),
                figures::duration(whole),
                stages_of(stages.len()),
                drawn(think)
            )
        }
        Load::Arrivals { stages, process } => {
            let rates = || stages.iter().flat_map(|stage| [stage.from.per_second(), stage.to.per_second()]);
            let (least, most) = (rates().fold(f64::INFINITY, f64::min), rates().fold(0.0, f64::max));
            let whole: Duration = stages.iter().map(|stage| stage.over).sum();
            let rate = if least < most {
                format!("{} to {} arrivals/s", figures::plain(least), figures::plain(most))
            } else {
                format!("{} arrivals/s", figures::plain(most))
            };
            let spaced = match process {
                Process::Uniform => "evenly spaced",
                Process::Poisson => "Poisson",
            };
            format!("{rate}, {spaced}, over {} in {}", figures::duration(whole), stages_of(stages.len()))
        }
    }
}

fn stages_of(count: usize) -> String {
    if count == 1 { "one stage".to_owned() } else { format!("{count} stages") }
}

fn client(client: &Client) -> String {
    let mut parts = vec![
        format!("{} connections per user", client.connections),
        format!("time-out {}", figures::duration(client.timeout)),
    ];
    if let Some(patience) = &client.patience {
        parts.push(format!("patience {}", drawn(patience)));
    }
    let retries = &client.retries;
    parts.push(match retries.max {
        0 => "no retries".to_owned(),
        1 => format!("one retry by {} of the users", figures::share(retries.share.get())),
        max => format!("up to {max} retries by {} of the users", figures::share(retries.share.get())),
    });
    if let Some(budget) = retries.budget {
        parts.push(format!("retries at most {} of the first attempts", figures::share(budget.get())));
    }
    if let Reader::Slow { share, bytes_per_s } = client.reader {
        parts.push(format!("{} read {bytes_per_s} bytes/s", figures::share(share.get())));
    }
    if let Some(leaves) = &client.leaves {
        parts.push(format!("{} leave in the middle of the answer", figures::share(leaves.share.get())));
    }
    parts.join(", ")
}

fn drawn(think: &Think) -> String {
    let text = match &think.draw {
        Distribution::Constant(length) => figures::duration(*length),
        Distribution::Uniform { min, max } => {
            format!("{} to {}", figures::duration(*min), figures::duration(*max))
        }
        Distribution::Exponential { mean } => format!("exponential, mean {}", figures::duration(*mean)),
        Distribution::Lognormal { median, sigma } => {
            format!("lognormal, median {}, σ {sigma}", figures::duration(*median))
        }
    };
    let bounds = [("at least", think.min), ("at most", think.max)];
    bounds
        .into_iter()
        .filter_map(|(word, bound)| Some((word, bound?)))
        .fold(text, |text, (word, bound)| format!("{text}, {word} {}", figures::duration(bound)))
}

/// The speed, and what it means for the times.
pub(crate) fn speed(speed: Speed) -> String {
    let speed = speed.get();
    if (speed - 1.0).abs() < f64::EPSILON {
        "1 (real time)".to_owned()
    } else {
        format!("{speed} (all times are scenario time)")
    }
}

fn machine(environment: &Environment) -> String {
    let mut parts = vec![environment.cpu_model.clone()];
    if environment.cores > 0 {
        parts.push(format!("{} cores", environment.cores));
    }
    if environment.memory_bytes > 0 {
        parts.push(figures::bytes(environment.memory_bytes));
    }
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

/// Versions of what the target is made of.
pub(crate) fn versions(target: &TargetInfo) -> String {
    let versions: Vec<String> =
        target.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    versions.join(", ")
}
