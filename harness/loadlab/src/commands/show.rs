//! `loadlab show`: what a scenario would do, every default included.

use loadlab_scenario::{
    arms::Arms,
    plan::{Plan, TargetPlan},
};
use target_service::{profile::Profile, topology::topology as topology_of};

use super::timeline;
use crate::{
    cli::{OutputFormat, ShowArgs},
    conductor::{self, RunError},
    exit::Exit,
    output, scenarios,
};

/// Prints the plan or the topology.
pub(crate) fn execute(arguments: &ShowArgs) -> Exit {
    let plan = match scenarios::plan(&arguments.plan) {
        Ok(plan) => plan,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    };
    if arguments.topology {
        return topology(&plan, arguments.format);
    }
    if arguments.settings {
        return settings(&plan, arguments.format);
    }
    match arguments.format {
        OutputFormat::Json => output::json(&plan),
        OutputFormat::Text => {
            output::result(&summary(&plan));
            Exit::Pass
        }
    }
}

/// Every setting of the composed profile; those that differ from `baseline` say so.
fn settings(plan: &Plan, format: OutputFormat) -> Exit {
    let composed = conductor::profile(plan).and_then(|profile| {
        let baseline = Profile::named("baseline").map_err(RunError::Profile)?;
        Ok(profile.map(|profile| (baseline.differences(&profile), profile.settings())))
    });
    match (composed, format) {
        (Err(error), _) => output::fail(Exit::Invalid, &error.to_string(), None),
        (Ok(None), _) => {
            output::fail(Exit::Invalid, "the target is no profile of the reference target", None)
        }
        (Ok(Some((_, settings))), OutputFormat::Json) => output::json(&settings),
        (Ok(Some((changes, settings))), OutputFormat::Text) => {
            let line = |(path, value): (&String, &String)| match changes
                .iter()
                .find(|change| change.path == *path)
            {
                Some(change) => format!("{path}: {value}    # baseline: {}", change.from),
                None => format!("{path}: {value}"),
            };
            output::result(&settings.iter().map(line).collect::<Vec<_>>().join("\n"));
            Exit::Pass
        }
    }
}

fn topology(plan: &Plan, format: OutputFormat) -> Exit {
    match conductor::profile(plan) {
        Err(error) => output::fail(Exit::Invalid, &error.to_string(), None),
        Ok(None) => {
            if let TargetPlan::Url { base, .. } = &plan.target {
                output::result(&format!("load ──> {base}"));
            }
            Exit::Pass
        }
        Ok(Some(profile)) => {
            let roles = topology_of(&profile);
            match format {
                OutputFormat::Json => output::json(&roles),
                OutputFormat::Text => {
                    let lines = roles.iter().map(|role| match role.depends_on.as_slice() {
                        [] => role.name.clone(),
                        dependencies => format!("{} ──> {}", role.name, dependencies.join(", ")),
                    });
                    output::result(&lines.collect::<Vec<_>>().join("\n"));
                    Exit::Pass
                }
            }
        }
    }
}

/// The plan in a few lines; `--format json` has all of it.
pub(crate) fn summary(plan: &Plan) -> String {
    let target = match &plan.target {
        TargetPlan::Url { base, .. } => base.clone(),
        TargetPlan::Profile { name, with, set } => {
            let set = set.iter().map(|(path, value)| format!("{path}={value}"));
            let more: Vec<String> = with.iter().cloned().chain(set).collect();
            let more = if more.is_empty() { String::new() } else { format!(" with {}", more.join(", ")) };
            format!("reference target, profile {name}{more}")
        }
    };
    let steps: Vec<String> = plan
        .journeys
        .iter()
        .map(|journey| {
            let names: Vec<&str> = journey.steps.iter().map(|step| step.name.as_str()).collect();
            format!("{} (weight {}): {}", journey.name, journey.weight, names.join(" → "))
        })
        .collect();
    let objectives: Vec<String> = plan.objectives.iter().map(ToString::to_string).collect();
    let needs = plan.needs();
    let mut rows = vec![
        ("scenario", format!("{}: {}", plan.name, plan.title)),
        ("question", plan.question.clone()),
        ("target", target),
        ("load", plan.load.to_string()),
        ("journeys", steps.join("; ")),
        ("objectives", objectives.join("; ")),
        ("seed, speed", format!("{}, {}", plan.seed, plan.speed)),
        ("needs", format!("{} descriptors, {} ports", needs.descriptors, needs.ports)),
    ];
    rows.extend(plan.arms.as_ref().map(|arms| ("arms", arms_text(plan, arms))));
    rows.extend(timeline::rows(plan));
    let lines: Vec<String> = rows.into_iter().map(|(name, value)| format!("{name:12} {value}")).collect();
    lines.join("\n")
}

/// How many users are in which arm, and what the experiment's instance has of its own.
fn arms_text(plan: &Plan, arms: &Arms) -> String {
    let (control, experiment) = arms.sizes(plan.seed, plan.identities());
    let set: Vec<String> = arms.set.iter().map(|(path, value)| format!("{path}={value}")).collect();
    let with = if set.is_empty() { String::new() } else { format!(", with {}", set.join(", ")) };
    format!("{control} users in control, {experiment} in the experiment{with}")
}
