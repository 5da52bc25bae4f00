//! `loadlab gate`: whether head breaks at a lower load than base, in one job on one machine.
//!
//! ```text
//!   sides: what base and head are ─┐
//!   terms: by what is decided  ────┼─> conductor::gate ─> report, annotations, exit code
//!   noise: as an A/A job kept it ──┘                  `─> with --aa: the noise, kept
//! ```

mod github;
mod noise;
mod sides;
mod terms;

use loadlab_analysis::{
    gate::{Bound, Cost, Decision, GateJob, GateVerdict, Margins, Spoilt, Why},
    search::Reason,
};
use loadlab_report::GatePlan;

use self::{
    sides::{Sided, Sides},
    terms::Terms,
};
use super::run;
use crate::{
    cli::{BesideArgs, GateArgs, OutputFormat},
    conductor::{
        Request, RunError,
        gate::{self, BesideRequest, GateError, GateRequest, Gated, Purpose, SideRequest},
        reach::Reach,
    },
    exit::Exit,
    output,
};

/// By which difference the share of errors may be worse: half of what may be lost by default.
const ERRORS_MARGIN: f64 = 0.005;

/// Compares.
pub(crate) fn execute(arguments: &GateArgs) -> Exit {
    let sides = match Sides::of(arguments) {
        Ok(sides) => sides,
        Err(error) => return output::fail(error.exit(), &error.to_string(), error.hint().as_deref()),
    };
    let terms = match Terms::of(arguments, &sides.base.plan) {
        Ok(terms) => terms,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), error.hint().as_deref()),
    };
    let objectives = &sides.base.plan.objectives;
    if objectives.iter().all(|objective| loadlab_analysis::tightest_response([objective]).is_none()) {
        output::say("note: no objective bounds the response time, so only what fails is lost");
    }
    if arguments.dry_run {
        output::result(&plan(arguments, &sides, &terms));
        return Exit::Pass;
    }
    // The load has threads of its own; this one joins what happens.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return run::failed(&RunError::System(error)),
    };
    let gated = runtime.block_on(Box::pin(gate::gate(&request(arguments, sides, &terms))));
    // Nothing that hangs, such as a name look-up, may delay the end.
    runtime.shutdown_background();
    match gated {
        Ok(gated) if arguments.noise.aa => noise::tell(&gated, arguments),
        Ok(gated) => tell(&gated, arguments),
        Err(error) => failed(&error),
    }
}

/// What would be done.
fn plan(arguments: &GateArgs, sides: &Sides, terms: &Terms) -> String {
    loadlab_report::gate_plan(&GatePlan {
        plan: &sides.base.plan,
        base: &sides.base.name,
        head: &sides.head.name,
        // Both names say it; what else differs shows when they are up.
        factor: "",
        limits: &terms.limits,
        times: gate::times_known(&sides.base.plan, terms.trial),
        searched: arguments.effort.carried.is_none(),
        noise: terms.noise.as_ref(),
        bought: terms.bought.as_ref(),
        bounds: &beside(&arguments.beside).bounds,
    })
}

fn request<'a>(arguments: &'a GateArgs, sides: Sides, terms: &Terms) -> GateRequest<'a> {
    let side = |side: Sided| SideRequest {
        run: Request {
            plan: side.plan,
            out: &arguments.out,
            external: arguments.stores.external(),
            reach: Reach::default(),
        },
        command: side.command,
        name: side.name,
    };
    GateRequest {
        base: side(sides.base),
        head: side(sides.head),
        limits: terms.limits.clone(),
        carried: arguments.effort.carried,
        allowed: arguments.allowed_loss,
        trial: terms.trial,
        purpose: if arguments.noise.aa { Purpose::Noise } else { Purpose::Decide },
        beside: beside(&arguments.beside),
        noise: terms.noise,
    }
}

fn beside(arguments: &BesideArgs) -> BesideRequest {
    let cpu = arguments.max_cpu.map(|most| Bound { cost: Cost::CpuSeconds, at_most: most.as_secs_f64() });
    let memory = arguments.max_memory.map(|most| Bound { cost: Cost::PeakMemory, at_most: most as f64 });
    BesideRequest {
        pairs: arguments.beside,
        margins: Margins { ratio: arguments.margin.get(), difference: ERRORS_MARGIN },
        bounds: cpu.into_iter().chain(memory).collect(),
    }
}

fn tell(gated: &Gated, arguments: &GateArgs) -> Exit {
    let Gated { folder, job, stopped, .. } = gated;
    match arguments.format {
        OutputFormat::Json => output::result(&job.to_json()),
        // Of a gate that was stopped before its first trial the reason is all there is to say.
        OutputFormat::Text
            if stopped.is_some() && job.trials.is_empty() && job.result.searches.is_empty() => {}
        OutputFormat::Text => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            output::result(&loadlab_report::gate_text(job, &options));
            output::result(&format!("report  {}", folder.join("gate.html").display()));
        }
    }
    if arguments.github || github::is_there() {
        github::tell(job);
    }
    match stopped {
        Some(error) => failed(error),
        None => exit(job),
    }
}

/// The exit code of a gate that came to its end.
fn exit(job: &GateJob) -> Exit {
    match (job.result.verdict, &job.result.decision) {
        (GateVerdict::Pass, _) => Exit::Pass,
        (GateVerdict::Regression, _) => Exit::Regression,
        (GateVerdict::BoundMissed, _) => Exit::Missed,
        (GateVerdict::Inconclusive, Decision::Inconclusive { why, .. }) if is_the_generators(why) => {
            Exit::GeneratorLimited
        }
        (GateVerdict::Inconclusive, _) => Exit::Inconclusive,
    }
}

const fn is_the_generators(why: &Why) -> bool {
    matches!(why, Why::TooManyInvalid { mostly: Spoilt::GeneratorLimited | Spoilt::DispatchLate, .. })
}

/// Says why there is no answer, and what to do about it.
fn failed(error: &GateError) -> Exit {
    if let Some(signal) = error.signal() {
        return Exit::Signal(signal);
    }
    let (exit, hint) = match error {
        GateError::Side { error, .. } | GateError::Run(error) => (run::exit_of(error), run::hint(error)),
        GateError::Incomparable(_) => {
            let hint = "make base and head differ in one thing: the profile, one --base-set or --head-set on the \
                        same profile, the command, or the address";
            (Exit::Incomparable, Some(hint.to_owned()))
        }
        GateError::Rules(_) => (Exit::Inconclusive, Some("take a larger --delta, or more users".to_owned())),
        GateError::NoBreakingPoint(Some(Reason::TooManyInvalid)) => {
            (Exit::GeneratorLimited, Some("offer less, or give the generator more cores".to_owned()))
        }
        GateError::NoBreakingPoint(_) => {
            let hint = "say it with --carried, or search for it with `loadlab breakpoint`";
            (Exit::Inconclusive, Some(hint.to_owned()))
        }
    };
    output::fail(exit, &error.to_string(), hint.as_deref())
}
