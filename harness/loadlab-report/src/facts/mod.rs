//! What every format says about a run, as words: the run file with its numbers written out.
//!
//! ```text
//!   RunFile --Facts::of--> Facts --terminal, Markdown, HTML, JUnit--> bytes
//! ```
//!
//! The formats decide how it looks; what is said is decided here, once. Nothing is judged here:
//! verdicts, remarks and health states come from the run file.

mod arms;
mod failure;
mod outcomes;
mod setting;
mod steady;
mod tables;
mod timeline;

use loadlab_record::{EndReason, HealthState, RunFile, Verdict};
use serde::Serialize;

pub(crate) use arms::ArmsFacts;
pub(crate) use failure::FailureFacts;
pub(crate) use outcomes::{OutcomeRow, beside};
pub(crate) use setting::{Fact, machine_facts, plan_json, settings_json, speed, versions};
pub(crate) use steady::{SteadyCell, SteadyRow};
pub(crate) use tables::{LatencyRow, PERCENTILES, StepRow};
pub(crate) use timeline::{EventRow, FaultRow, TimelineRow, events as event_rows};

use crate::figures;

/// Whether something is good, bad or in between; the formats turn it into a colour and a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tone {
    /// As wished.
    Good,
    /// Not as wished.
    Bad,
    /// To be looked at.
    Warn,
}

/// A run in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Facts {
    /// `PASS`, `FAIL` or `INCONCLUSIVE`.
    pub(crate) verdict: &'static str,
    /// Its tone.
    pub(crate) tone: Tone,
    /// The verdict in a sentence.
    pub(crate) headline: String,
    /// The scenario's name.
    pub(crate) scenario: String,
    /// Its title.
    pub(crate) title: String,
    /// Its question.
    pub(crate) question: String,
    /// Why the verdict is no pass.
    pub(crate) reasons: Vec<String>,
    /// How the run ended, in a sentence.
    pub(crate) ending: String,
    /// Whether it ended before its plan did.
    pub(crate) cut_short: bool,
    /// Few words for one line: profile, seed, speed, length.
    pub(crate) brief: Vec<String>,
    /// The numbers to see first.
    pub(crate) tiles: Vec<Fact>,
    /// What was run, on what, where and when.
    pub(crate) setting: Vec<Fact>,
    /// Each objective.
    pub(crate) objectives: Vec<ObjectiveRow>,
    /// Control and experiment, if the users were split.
    pub(crate) arms: Option<ArmsFacts>,
    /// What the source document says, if the scenario has one.
    pub(crate) documented: Option<DocumentedFacts>,
    /// How the faults were taken, condition by condition.
    pub(crate) steady: Vec<SteadyRow>,
    /// What kind of failure it was, if the run file tells.
    pub(crate) failure: Option<FailureFacts>,
    /// What to look at.
    pub(crate) remarks: Vec<String>,
    /// Latencies of the whole run.
    pub(crate) latencies: Vec<LatencyRow>,
    /// Arrivals by the way they ended.
    pub(crate) outcomes: Vec<OutcomeRow>,
    /// The sum that must come out.
    pub(crate) conservation: Conservation,
    /// Whether the generator kept up.
    pub(crate) generator: GeneratorFacts,
    /// Requests of each step.
    pub(crate) steps: Vec<StepRow>,
    /// How long each health state lasted, and where the states begin.
    pub(crate) health: HealthFacts,
    /// What was broken on purpose.
    pub(crate) faults: Vec<FaultRow>,
    /// What happened, in order.
    pub(crate) events: Vec<EventRow>,
    /// The run in at most two dozen rows.
    pub(crate) timeline: Vec<TimelineRow>,
}

/// One objective.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct ObjectiveRow {
    /// The line as written.
    pub(crate) name: String,
    /// What was observed.
    pub(crate) observed: String,
    /// What it was compared with.
    pub(crate) bound: String,
    /// `pass`, `fail`, `inconclusive`.
    pub(crate) verdict: &'static str,
    /// Its tone.
    pub(crate) tone: Tone,
    /// Why, and since when.
    pub(crate) note: String,
}

/// What a source document says, compared.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentedFacts {
    /// The document.
    pub(crate) source: String,
    /// The place in it.
    pub(crate) section: String,
    /// Its claims.
    pub(crate) rows: Vec<DocumentedRow>,
    /// How many were reproduced.
    pub(crate) reproduced: usize,
    /// Where the scenario differs from the document, with reasons.
    pub(crate) deviations: Vec<String>,
}

/// One claim of a source document.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DocumentedRow {
    /// What is claimed.
    pub(crate) name: String,
    /// The measure as written.
    pub(crate) measure: String,
    /// The band.
    pub(crate) band: String,
    /// What was observed.
    pub(crate) observed: String,
    /// Whether it lies in the band.
    pub(crate) reproduced: bool,
    /// The band and the observed value on one scale, from 0 to 100, for a small drawing.
    pub(crate) gauge: Option<Gauge>,
}

/// A band and a value on a scale from 0 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Gauge {
    /// Where the band begins.
    pub(crate) from: f64,
    /// How wide it is.
    pub(crate) width: f64,
    /// Where the observed value lies.
    pub(crate) at: f64,
}

/// `scheduled = completed + failed + undispatched + in flight`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conservation {
    /// The sum, written out.
    pub(crate) line: String,
    /// Whether it comes out.
    pub(crate) holds: bool,
}

/// Whether the generator kept up.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct GeneratorFacts {
    /// In a sentence.
    pub(crate) line: String,
    /// It was the limit.
    pub(crate) limited: bool,
    /// Why.
    pub(crate) reasons: Vec<String>,
}

/// The health states over the run.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HealthFacts {
    /// State, seconds and share of the run; states that did not occur left out.
    pub(crate) parts: Vec<HealthPart>,
    /// Where the states begin, in a sentence.
    pub(crate) limits: String,
}

/// One health state.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct HealthPart {
    /// Its name.
    pub(crate) state: &'static str,
    /// How long it lasted.
    pub(crate) lasted: String,
    /// That as a share of the run.
    pub(crate) share: String,
}

impl Facts {
    /// The run in words.
    pub(crate) fn of(run: &RunFile) -> Self {
        let (verdict, tone) = verdict_of(run.verdict);
        Self {
            verdict: verdict.0,
            tone,
            headline: headline(run),
            scenario: run.scenario.clone(),
            title: run.plan.title.clone(),
            question: run.plan.question.clone(),
            reasons: run.reasons.clone(),
            ending: ending(run),
            cut_short: !matches!(run.ending.reason, EndReason::Finished),
            brief: setting::brief(run),
            tiles: tables::tiles(run),
            setting: setting::facts(run),
            objectives: objectives(run),
            arms: arms::facts(run),
            documented: documented(run),
            steady: steady::rows(run),
            failure: failure::facts(run),
            remarks: run.remarks.clone(),
            latencies: tables::latencies(run),
            outcomes: outcomes::rows(run),
            conservation: conservation(run),
            generator: generator(run),
            steps: tables::steps(run),
            health: health(run),
            faults: timeline::faults(run),
            events: timeline::events(run),
            timeline: timeline::rows(run),
        }
    }
}

/// The name of a health state in reports.
pub(crate) const fn state_name(state: HealthState) -> &'static str {
    match state {
        HealthState::Healthy => "healthy",
        HealthState::Degraded => "degraded",
        HealthState::Failed => "failed",
    }
}

/// The length of the run in scenario seconds: its ending, or the last that was measured.
pub(crate) fn length_s(run: &RunFile) -> f64 {
    let windows = run.windows.last().map_or(0.0, |window| window.second as f64 + 1.0);
    let health = run.health.last().map_or(0.0, |span| span.to_s);
    run.ending.at.as_secs_f64().max(health).max(windows.min(run.ending.at.as_secs_f64() + 1.0))
}

/// Upper and lower case word of a verdict, and its tone.
fn verdict_of(verdict: Verdict) -> ((&'static str, &'static str), Tone) {
    match verdict {
        Verdict::Pass => (("PASS", "pass"), Tone::Good),
        Verdict::Fail => (("FAIL", "fail"), Tone::Bad),
        Verdict::Inconclusive => (("INCONCLUSIVE", "inconclusive"), Tone::Warn),
    }
}

fn headline(run: &RunFile) -> String {
    let all = run.objectives.len();
    let missed = run.objectives.iter().filter(|objective| objective.verdict == Verdict::Fail).count();
    match run.verdict {
        Verdict::Inconclusive if run.generator.limited => {
            "the generator was the limit, so nothing is said about the target".to_owned()
        }
        Verdict::Inconclusive if run.ending.reason != EndReason::Finished => {
            "the run did not come to its end".to_owned()
        }
        Verdict::Inconclusive => "it cannot be told".to_owned(),
        Verdict::Fail if matches!(run.ending.reason, EndReason::AbortedIf { .. }) => {
            "a condition of `abort_if` ended the run".to_owned()
        }
        Verdict::Fail if missed == 0 => "the steady state was not kept".to_owned(),
        _ if all == 0 => "no objectives to miss".to_owned(),
        Verdict::Pass if all == 1 => "the objective holds".to_owned(),
        Verdict::Pass => format!("all {all} objectives hold"),
        Verdict::Fail if all == 1 => "the objective was missed".to_owned(),
        Verdict::Fail => format!("{missed} of {all} objectives missed"),
    }
}

fn ending(run: &RunFile) -> String {
    let at = figures::instant(run.ending.at.as_secs_f64());
    match &run.ending.reason {
        EndReason::Finished => format!("finished after {at}"),
        EndReason::Aborted { objective } => format!("ended early after {at}, when `{objective}` was missed"),
        EndReason::AbortedIf { condition } => format!("ended early after {at}, when `{condition}` held"),
        EndReason::Signal(2) => format!("ended by SIGINT after {at}"),
        EndReason::Signal(15) => format!("ended by SIGTERM after {at}"),
        EndReason::Signal(signal) => format!("ended by signal {signal} after {at}"),
        EndReason::TargetLost { .. } => format!("target lost after {at}"),
        EndReason::Killed => format!("killed after {at}"),
    }
}

fn objectives(run: &RunFile) -> Vec<ObjectiveRow> {
    let row = |result: &loadlab_record::ObjectiveResult| {
        let (verdict, tone) = verdict_of(result.verdict);
        let since = result.first_missed_s.map(|at| format!("first missed at {}", figures::instant(at)));
        let notes: Vec<String> = result.note.iter().cloned().chain(since).collect();
        ObjectiveRow {
            name: result.name.clone(),
            observed: figures::observed(result.observed, &[result.bound], &result.unit),
            bound: figures::quantity(result.bound, &result.unit),
            verdict: verdict.1,
            tone,
            note: notes.join("; "),
        }
    };
    run.objectives.iter().map(row).collect()
}

fn documented(run: &RunFile) -> Option<DocumentedFacts> {
    let plan = run.plan.documented.as_ref()?;
    let row = |result: &loadlab_record::DocumentedResult| {
        let limits: Vec<f64> = [result.band.0, result.band.1].into_iter().flatten().collect();
        DocumentedRow {
            name: result.name.clone(),
            measure: result.measure.clone(),
            band: figures::band(result.band, &result.unit),
            observed: figures::observed(result.observed, &limits, &result.unit),
            reproduced: result.reproduced,
            gauge: result.observed.and_then(|observed| gauge(result.band, observed, &result.unit)),
        }
    };
    Some(DocumentedFacts {
        source: plan.source.clone(),
        section: plan.section.clone(),
        rows: run.documented.iter().map(row).collect(),
        reproduced: run.documented.iter().filter(|result| result.reproduced).count(),
        deviations: plan.deviations.clone(),
    })
}

/// Band and value on a scale that begins at 0 and ends a little above the larger of the two; shares
/// of arrivals end at 1.
fn gauge(band: (Option<f64>, Option<f64>), observed: f64, unit: &str) -> Option<Gauge> {
    let limits = [band.0, band.1].into_iter().flatten();
    let largest = limits.fold(observed, f64::max);
    let end = if unit == "share" && largest <= 1.0 { 1.0 } else { largest * 1.15 };
    let place = |value: f64| (value / end * 1000.0).round() / 10.0;
    if !(end.is_finite() && end > 0.0 && observed >= 0.0) {
        return None;
    }
    let from = band.0.map_or(0.0, place);
    let to = band.1.map_or(100.0, place);
    Some(Gauge { from, width: ((to - from) * 10.0).round() / 10.0, at: place(observed) })
}

fn conservation(run: &RunFile) -> Conservation {
    let totals = &run.totals;
    let sum = totals.completed + totals.failed + totals.undispatched + totals.in_flight;
    let holds = sum == totals.scheduled;
    let line = format!(
        "{} scheduled {} {} ended well + {} failed + {} never sent + {} under way at the end",
        figures::count(totals.scheduled),
        if holds { "=" } else { "≠" },
        figures::count(totals.completed),
        figures::count(totals.failed),
        figures::count(totals.undispatched),
        figures::count(totals.in_flight),
    );
    Conservation { line, holds }
}

fn generator(run: &RunFile) -> GeneratorFacts {
    let generator = &run.generator;
    let lag = run.latency_ms.dispatch_lag_real.p99;
    let line = format!(
        "{}: dispatch lag p99 {} (real time), CPU peak {}, {} of the scheduled rate sent",
        if generator.limited { "It was the limit" } else { "It kept up" },
        figures::millis(lag),
        figures::share(generator.cpu_peak),
        figures::share(generator.achieved),
    );
    GeneratorFacts { line, limited: generator.limited, reasons: generator.reasons.clone() }
}

fn health(run: &RunFile) -> HealthFacts {
    let length: f64 = run.health.iter().map(|span| span.to_s - span.from_s).sum();
    let states = [HealthState::Healthy, HealthState::Degraded, HealthState::Failed];
    let parts = states.into_iter().filter_map(|state| {
        let spans = run.health.iter().filter(|span| span.state == state);
        let lasted: f64 = spans.map(|span| span.to_s - span.from_s).sum();
        (lasted > 0.0).then(|| HealthPart {
            state: state_name(state),
            lasted: figures::seconds(lasted),
            share: figures::share(lasted / length),
        })
    });
    let limits = &run.plan.health;
    HealthFacts {
        parts: parts.collect(),
        limits: format!(
            "Degraded: p95 of a second above {}, failed arrivals above {}, or the target's CPU above {}. \
             Failed: above {}, {} or {}.",
            figures::duration(limits.degraded_latency),
            figures::share(limits.degraded_errors.get()),
            figures::share(limits.degraded_cpu.get()),
            figures::duration(limits.failed_latency),
            figures::share(limits.failed_errors.get()),
            figures::share(limits.failed_cpu.get()),
        ),
    }
}
