//! `loadlab run`: the main job.

use loadlab_record::{EndReason, RunFile, Verdict};
use loadlab_scenario::plan::TargetPlan;

use super::show;
use crate::{
    cli::{OutputFormat, RunArgs},
    conductor::{self, Finished, Request, RunError, external::External, reach::Reach},
    exit::Exit,
    output, scenarios,
};

/// Runs a scenario.
pub(crate) fn execute(arguments: &RunArgs) -> Exit {
    let mut plan = match scenarios::plan(&arguments.plan) {
        Ok(plan) => plan,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    };
    if arguments.chaos.no_faults {
        plan.faults.clear();
    }
    let reach = arguments.chaos.reach();
    let external = arguments.stores.external();
    if matches!(plan.target, TargetPlan::Url { .. }) && !external.by_role().is_empty() {
        let hint = "leave them out, or run the scenario without --target";
        let text = "--redis and --database take the place of the reference target's stores, and it is not what is loaded";
        return output::fail(Exit::Invalid, text, Some(hint));
    }
    if arguments.dry_run {
        return dry_run(&plan, (&external, &reach), arguments.format);
    }
    let request = Request { plan, out: &arguments.out, external, reach };
    // The load has threads of its own; this one joins what happens.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&RunError::System(error)),
    };
    let result = runtime.block_on(conductor::run(request));
    // Nothing that hangs, such as a name look-up, may delay the end.
    runtime.shutdown_background();
    match result {
        Ok(finished) => tell(&finished, arguments.format),
        Err(error) => failed(&error),
    }
}

fn dry_run(
    plan: &loadlab_scenario::Plan,
    (external, reach): (&External, &Reach),
    format: OutputFormat,
) -> Exit {
    if let Err(error) = conductor::check(plan, external, reach) {
        return failed(&error);
    }
    match format {
        OutputFormat::Json => output::json(plan),
        OutputFormat::Text => {
            output::result(&show::summary(plan));
            Exit::Pass
        }
    }
}

/// Prints a run that came to an end, and gives its exit code.
pub(super) fn tell(finished: &Finished, format: OutputFormat) -> Exit {
    match format {
        OutputFormat::Json => output::result(&finished.run.to_json()),
        OutputFormat::Text => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            output::result(&loadlab_report::terminal(&finished.run, &options));
            output::result(&format!("report  {}", finished.folder.report_html().display()));
        }
    }
    exit(&finished.run)
}

/// The exit code of a judged run.
fn exit(run: &RunFile) -> Exit {
    match (&run.ending.reason, run.verdict) {
        (EndReason::Signal(signal), _) => Exit::Signal(*signal),
        (EndReason::TargetLost { .. }, _) => Exit::Target,
        (_, _) if run.generator.limited => Exit::GeneratorLimited,
        (_, Verdict::Pass) => Exit::Pass,
        (_, Verdict::Fail) => Exit::Missed,
        (_, Verdict::Inconclusive) => Exit::Inconclusive,
    }
}

/// The exit code of a run that there is nothing to say about.
pub(super) fn exit_of(error: &RunError) -> Exit {
    match error {
        RunError::Profile(_)
        | RunError::Arms(_)
        | RunError::Fault(_)
        | RunError::Unfit(_)
        | RunError::Instances(_)
        | RunError::Trial(_)
        | RunError::Reach(_)
        | RunError::Refused(_) => Exit::Invalid,
        RunError::Target(_)
        | RunError::NeverCalm { .. }
        | RunError::Engine(loadlab_engine::EngineError::Login(_)) => Exit::Target,
        RunError::Signal(signal) => Exit::Signal(*signal),
        RunError::Folder(_) | RunError::Engine(_) | RunError::EngineLost | RunError::System(_) => {
            Exit::Internal
        }
    }
}

/// Says why there is nothing to say about a run.
pub(super) fn failed(error: &RunError) -> Exit {
    output::fail(exit_of(error), &error.to_string(), hint(error).as_deref())
}

/// What to do about it.
pub(super) fn hint(error: &RunError) -> Option<String> {
    match error {
        RunError::Reach(error) => Some(error.hint()),
        RunError::Refused(refusal) => Some(refusal.hint()),
        RunError::Target(error) => error.hint(),
        RunError::NeverCalm { .. } => Some(
            "look at the last trial's report and at the target's logs; start with a lower load (--start of a \
             search, --carried of a gate)"
                .to_owned(),
        ),
        _ => None,
    }
}
