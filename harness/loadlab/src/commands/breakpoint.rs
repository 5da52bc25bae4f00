//! `loadlab breakpoint`: the highest load that a service carries, with its interval.

use loadlab_analysis::search::{HiddenReason, HiddenResult, Reason, Rules, SearchResult};
use loadlab_scenario::Plan;

use super::run;
use crate::{
    cli::{BreakpointArgs, OutputFormat},
    conductor::{
        Request, RunError,
        hidden::{self, HiddenRequest},
        search::{self, SearchRequest, Searched},
    },
    exit::Exit,
    output, scenarios,
    trigger::{TriggerError, trigger},
};

/// The first load, as a share of the scenario's highest.
const START_SHARE: f64 = 0.25;
/// How much lower and higher than the first the search goes by default.
const DOWN: f64 = 10.0;
const UP: f64 = 100.0;

/// Searches.
pub(crate) fn execute(arguments: &BreakpointArgs) -> Exit {
    let plan = match scenarios::plan(&arguments.plan) {
        Ok(plan) => plan,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    };
    let rules = match rules(arguments, &plan).checked() {
        Ok(rules) => rules,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), Some(HINT)),
    };
    let hidden = match hidden(arguments, &plan) {
        Ok(hidden) => hidden,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), error.hint()),
    };
    if plan.objectives.iter().all(|objective| loadlab_analysis::tightest_response([objective]).is_none()) {
        output::say("note: no objective bounds the response time, so only what fails is lost");
    }
    if arguments.dry_run {
        output::result(&loadlab_report::search_plan(&plan, rules, arguments.method.into()));
        if let Some(hidden) = &hidden {
            // What is carried is not known yet; only what is independent of it is told.
            let carried = hidden.carried.unwrap_or(rules.most);
            let empty = hidden::empty(&plan, hidden, (&rules, carried));
            output::result(&loadlab_report::hidden_plan(&empty, plan.load_axis()));
        }
        return Exit::Pass;
    }
    let (external, reach) = (arguments.stores.external(), arguments.chaos.reach());
    let request = SearchRequest {
        run: Request { plan, out: &arguments.out, external, reach },
        command: None,
        method: arguments.method.into(),
        rules,
        trial: arguments.trial,
        hidden,
    };
    // The load has threads of its own; this one joins what happens.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return run::failed(&RunError::System(error)),
    };
    let searched = runtime.block_on(search::search(request));
    // Nothing that hangs, such as a name look-up, may delay the end.
    runtime.shutdown_background();
    match searched {
        Ok(searched) => tell(&searched, arguments.format),
        Err(error) => run::failed(&error),
    }
}

/// What to do about loads that make no search.
const HINT: &str = "--start, --least and --most are loads; 0 < least <= start <= most";

/// The second search, if it is asked for.
fn hidden(arguments: &BreakpointArgs, plan: &Plan) -> Result<Option<HiddenRequest>, TriggerError> {
    let asked = &arguments.hidden;
    let Some(name) = &asked.trigger else { return Ok(None) };
    let trigger = trigger(name, asked, (&arguments.plan, plan))?;
    let whole = plan.load_axis().is_whole();
    let carried = asked.carried.map(|load| if whole { load.round().max(1.0) } else { load });
    Ok(Some(HiddenRequest { trigger, carried }))
}

/// What was asked for, and what follows from the scenario where nothing was.
fn rules(arguments: &BreakpointArgs, plan: &Plan) -> Rules {
    let whole = plan.load_axis().is_whole();
    let round = |load: f64| if whole { load.round().max(1.0) } else { load };
    let start = arguments.start.unwrap_or_else(|| round(plan.load_most() * START_SHARE));
    let least = arguments.least.unwrap_or_else(|| round(start / DOWN).min(start));
    let most = arguments.most.unwrap_or_else(|| round(start * UP));
    Rules {
        allowed_loss: arguments.allowed_loss,
        precision: arguments.precision.get(),
        trials_most: arguments.trials,
        whole,
        ..Rules::new(start, least, most)
    }
}

fn tell(searched: &Searched, format: OutputFormat) -> Exit {
    let result = &searched.result;
    match format {
        OutputFormat::Json => output::result(&result.to_json()),
        OutputFormat::Text => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            output::result(&loadlab_report::search_text(result, &options));
            output::result(&format!("report  {}", searched.folder.join("search.html").display()));
        }
    }
    match &searched.stopped {
        Some(RunError::Signal(signal)) => Exit::Signal(*signal),
        Some(error) => run::failed(error),
        None => exit(result),
    }
}

/// The exit code of a search that has an answer: that of its first part, if that is not the best.
fn exit(result: &SearchResult) -> Exit {
    let given = result.hidden.as_ref().is_some_and(|hidden| hidden.carried_is_given);
    let first = match result.found.as_ref().map(|found| found.reason) {
        Some(Reason::Precise) => Exit::Pass,
        None if given => Exit::Pass,
        Some(Reason::LeastFails) => Exit::Missed,
        Some(Reason::TooManyInvalid) => Exit::GeneratorLimited,
        Some(Reason::TrialsUsedUp | Reason::MostPasses | Reason::FirstFailure) | None => Exit::Inconclusive,
    };
    match &result.hidden {
        Some(hidden) if first == Exit::Pass => hidden_exit(hidden),
        _ => first,
    }
}

fn hidden_exit(hidden: &HiddenResult) -> Exit {
    match hidden.found.as_ref().map(|found| found.reason) {
        Some(HiddenReason::Bracketed | HiddenReason::MostHeals) => Exit::Pass,
        Some(HiddenReason::LeastStaysDown) => Exit::Missed,
        // Trials also say nothing if nothing went well before the trigger.
        Some(HiddenReason::TooManyInvalid | HiddenReason::TrialsUsedUp) | None => Exit::Inconclusive,
    }
}
