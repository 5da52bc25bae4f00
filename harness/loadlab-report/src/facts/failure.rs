//! What kind of failure it was, as words.

use loadlab_record::{
    AftermathState, Bottleneck, Cascade, Evidence, FailureMode, FailureResult, FeedbackLoop, Little,
    Measured, RunFile, Severity,
};
use serde::Serialize;

use super::Tone;
use crate::figures;

/// The failure in words.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct FailureFacts {
    /// Its mode.
    pub(crate) mode: &'static str,
    /// How bad it was, in the words of the load table; empty if nothing failed.
    pub(crate) severity: &'static str,
    /// Its tone.
    pub(crate) tone: Tone,
    /// The rule that decided.
    pub(crate) rule: String,
    /// What the rule looked at.
    pub(crate) evidence: Vec<EvidenceRow>,
    /// Other modes, and what spoke against each.
    pub(crate) near_misses: Vec<String>,
    /// What the times are counted from.
    pub(crate) trigger: String,
    /// Time to failure and to recovery.
    pub(crate) times: Vec<TimeRow>,
    /// Whether goodput came back; empty where that cannot be asked.
    pub(crate) aftermath: String,
    /// Resources, the most waited for first.
    pub(crate) bottlenecks: Vec<BottleneckRow>,
    /// The one that was full first, in a sentence; empty if none was.
    pub(crate) first_full: String,
    /// What left its steady state, in order.
    pub(crate) onsets: Vec<OnsetRow>,
    /// The onsets in one line.
    pub(crate) spread: String,
    /// The documented chain, compared; empty without one.
    pub(crate) chain: String,
    /// What could not be looked at.
    pub(crate) unknown: Vec<String>,
    /// Loops that amplify.
    pub(crate) loops: Vec<LoopRow>,
    /// Loops that dampened, a line each.
    pub(crate) dampeners: Vec<String>,
    /// The decision tree, answered.
    pub(crate) diagnosis: Vec<DiagnosisRow>,
}

/// A number beside its threshold.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EvidenceRow {
    /// What it is.
    pub(crate) name: String,
    /// What was measured.
    pub(crate) value: String,
    /// What it was compared with; empty for what is only told.
    pub(crate) threshold: String,
    /// `yes`, `no`, `unknown` or empty.
    pub(crate) met: &'static str,
}

/// A time.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct TimeRow {
    /// Which.
    pub(crate) name: &'static str,
    /// How long, or a dash.
    pub(crate) value: String,
    /// From what to what, or why there is none.
    pub(crate) note: String,
}

/// A resource.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct BottleneckRow {
    /// Which.
    pub(crate) resource: String,
    /// How much there is of it.
    pub(crate) capacity: String,
    /// Mean and largest share in use.
    pub(crate) used: String,
    /// When it was first full.
    pub(crate) full: String,
    /// Whether it was the first.
    pub(crate) first: bool,
    /// Most that waited.
    pub(crate) queue: String,
    /// Seconds waited by all together.
    pub(crate) waited: String,
    /// The mean wait.
    pub(crate) wait: String,
    /// Little's law.
    pub(crate) little: String,
    /// What else there is to say.
    pub(crate) note: String,
}

/// A component that left its steady state.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct OnsetRow {
    /// What is said of it.
    pub(crate) what: &'static str,
    /// When.
    pub(crate) at: String,
    /// Its value before and after.
    pub(crate) values: String,
    /// What it may have followed from, with lags; empty for a beginning.
    pub(crate) after: String,
}

/// A loop that amplifies.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct LoopRow {
    /// Its name.
    pub(crate) name: String,
    /// What its gain is of.
    pub(crate) meaning: String,
    /// The mean gain.
    pub(crate) gain: String,
    /// The largest.
    pub(crate) peak: String,
    /// Whether it acted.
    pub(crate) acted: &'static str,
    /// Numbers behind it.
    pub(crate) note: String,
}

/// An answered question.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct DiagnosisRow {
    /// The symptom, where it is another than that before.
    pub(crate) symptom: String,
    /// The question.
    pub(crate) question: String,
    /// The answer.
    pub(crate) answer: String,
    /// What to look at.
    pub(crate) look_at: String,
}

/// The failure in words, if the run file tells one.
pub(crate) fn facts(run: &RunFile) -> Option<FailureFacts> {
    let failure = run.failure.as_deref()?;
    Some(FailureFacts {
        mode: failure.mode.name(),
        severity: if failure.severity == Severity::None { "" } else { failure.severity.name() },
        tone: tone(failure),
        rule: failure.rule.clone(),
        evidence: failure.evidence.iter().map(evidence).collect(),
        near_misses: failure
            .near_misses
            .iter()
            .map(|miss| format!("{}: {}", miss.mode.name(), miss.why))
            .collect(),
        trigger: trigger(failure),
        times: times(failure),
        aftermath: aftermath(failure),
        bottlenecks: failure.bottlenecks.iter().filter(|one| is_known(one)).map(bottleneck).collect(),
        first_full: first_full(failure),
        onsets: onsets(&failure.cascade),
        spread: spread(&failure.cascade),
        chain: chain(&failure.cascade),
        unknown: failure.cascade.unknown.clone(),
        loops: failure.loops.iter().map(feedback).collect(),
        dampeners: dampeners(failure),
        diagnosis: diagnosis(failure),
    })
}

const fn tone(failure: &FailureResult) -> Tone {
    match (failure.mode, failure.severity) {
        (FailureMode::None, _) => Tone::Good,
        (_, Severity::None | Severity::Degraded) => Tone::Warn,
        (_, Severity::GradualCollapse | Severity::CompleteFailure) => Tone::Bad,
    }
}

/// A value in a unit of evidence or onsets.
fn value(value: f64, unit: &str) -> String {
    match unit {
        "times" => format!("{} times", rounded(value)),
        "B" | "bytes" => figures::bytes(value.max(0.0) as u64),
        "s" | "share" | "/s" => figures::quantity(value, unit),
        _ => rounded(value),
    }
}

/// Three digits that count; whole numbers whole.
fn rounded(value: f64) -> String {
    let size = value.abs();
    let places = if size >= 100.0 {
        0
    } else if size >= 10.0 {
        1
    } else {
        2
    };
    let text = format!("{value:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn known(of: Option<f64>, unit: &str) -> String {
    of.map_or_else(|| figures::NOTHING.to_owned(), |of| value(of, unit))
}

fn evidence(evidence: &Evidence) -> EvidenceRow {
    let threshold = evidence.threshold.map(|threshold| value(threshold, &evidence.unit));
    EvidenceRow {
        name: evidence.name.clone(),
        value: known(evidence.value, &evidence.unit),
        threshold: threshold.map_or_else(String::new, |text| format!("{} {text}", evidence.compare)),
        met: match (evidence.threshold, evidence.met) {
            (None, _) => "",
            (_, None) => "unknown",
            (_, Some(true)) => "yes",
            (_, Some(false)) => "no",
        },
    }
}

fn trigger(failure: &FailureResult) -> String {
    let trigger = &failure.trigger;
    format!("{}, {} to {}", trigger.what, figures::instant(trigger.from_s), figures::instant(trigger.to_s))
}

fn times(failure: &FailureResult) -> Vec<TimeRow> {
    let allowed = figures::share(failure.times.allowed_loss);
    let row = |name, measured: &Measured, from_to: String| TimeRow {
        name,
        value: measured.value.map_or_else(|| figures::NOTHING.to_owned(), figures::seconds),
        note: match (measured.value, measured.note.is_empty()) {
            (None, _) => measured.note.clone(),
            (Some(_), true) => from_to,
            (Some(_), false) => format!("{from_to}; {}", measured.note),
        },
    };
    vec![
        row(
            "time to failure",
            &failure.times.to_failure,
            format!("from the trigger to the end of the first second that lost more than {allowed}"),
        ),
        row(
            "time to recovery",
            &failure.times.to_recovery,
            "from the trigger's end until all seconds were within the objectives".to_owned(),
        ),
    ]
}

fn aftermath(failure: &FailureResult) -> String {
    let aftermath = &failure.aftermath;
    match (aftermath.state, aftermath.back_after_s) {
        (AftermathState::Unknown, _) => String::new(),
        (state, Some(after)) => {
            format!("{}, back after {}: {}", state.name(), figures::seconds(after), aftermath.note)
        }
        (state, None) => format!("{}: {}", state.name(), aftermath.note),
    }
}

/// Whether anything of its use was measured: a row of dashes tells nothing.
const fn is_known(one: &Bottleneck) -> bool {
    one.utilisation.is_some()
        || one.saturated_s.is_some()
        || one.queue_peak.is_some()
        || one.waited_s.is_some()
}

fn bottleneck(one: &Bottleneck) -> BottleneckRow {
    let capacity = one.capacity.map(|capacity| match one.unit.as_str() {
        "bytes" => value(capacity, "bytes"),
        // What there is of a CPU is all of it.
        "of the machine" => "the machine's".to_owned(),
        unit => format!("{} {unit}", rounded(capacity)),
    });
    let used = match (one.utilisation, one.utilisation_peak) {
        (Some(mean), Some(peak)) => format!("{}, {} at most", figures::share(mean), figures::share(peak)),
        (Some(mean), None) => figures::share(mean),
        _ => figures::NOTHING.to_owned(),
    };
    BottleneckRow {
        resource: one.resource.clone(),
        capacity: capacity.unwrap_or_else(|| figures::NOTHING.to_owned()),
        used,
        full: one.saturated_s.map_or_else(|| "never".to_owned(), figures::instant),
        first: one.first,
        queue: known(one.queue_peak, ""),
        waited: known(one.waited_s, "s"),
        wait: known(one.wait_mean_s, "s"),
        little: one.little.as_ref().map_or_else(|| figures::NOTHING.to_owned(), little),
        note: one.note.clone(),
    }
}

fn little(law: &Little) -> String {
    format!(
        "L {} ≈ λW {} ({} /s × {})",
        rounded(law.number),
        rounded(law.rate * law.time_s),
        rounded(law.rate),
        figures::seconds(law.time_s)
    )
}

fn first_full(failure: &FailureResult) -> String {
    let Some(one) = failure.bottlenecks.iter().find(|one| one.first) else { return String::new() };
    let row = bottleneck(one);
    let waits = match (one.queue_peak.filter(|queue| *queue > 0.0), one.wait_mean_s) {
        (Some(queue), Some(wait)) => {
            format!(", {} waited for it, {} on average", rounded(queue), figures::seconds(wait))
        }
        (Some(queue), None) => format!(", {} waited for it", rounded(queue)),
        _ => String::new(),
    };
    format!("first full: {} ({}) at {}{waits}", row.resource, row.capacity, row.full)
}

fn onsets(cascade: &Cascade) -> Vec<OnsetRow> {
    let row = |onset: &loadlab_record::Onset| {
        let causes = cascade.edges.iter().filter(|edge| edge.to == onset.component);
        let causes: Vec<String> = causes
            .map(|edge| format!("{} (+{})", edge.from.trouble(), figures::seconds(edge.lag_s)))
            .collect();
        OnsetRow {
            what: onset.component.trouble(),
            at: figures::instant(onset.at_s),
            values: format!("{} to {}", value(onset.before, &onset.unit), value(onset.after, &onset.unit)),
            after: causes.join(", "),
        }
    };
    cascade.onsets.iter().map(row).collect()
}

fn spread(cascade: &Cascade) -> String {
    let steps: Vec<String> = cascade
        .onsets
        .iter()
        .map(|onset| format!("{} {}", onset.component.trouble(), figures::instant(onset.at_s)))
        .collect();
    steps.join(" → ")
}

fn chain(cascade: &Cascade) -> String {
    let Some(result) = &cascade.documented else { return String::new() };
    let names: Vec<&str> = result.chain.iter().map(|one| one.trouble()).collect();
    let mut parts = vec![format!("documented: {}", names.join(" → "))];
    if result.reproduced {
        parts.push("measured in this order".to_owned());
    }
    let missing: Vec<&str> = result.missing.iter().map(|one| one.trouble()).collect();
    if !missing.is_empty() {
        parts.push(format!("not seen: {}", missing.join(", ")));
    }
    for (first, second) in &result.turned {
        parts.push(format!("{} came before {}", second.trouble(), first.trouble()));
    }
    parts.join("; ")
}

fn feedback(one: &FeedbackLoop) -> LoopRow {
    LoopRow {
        name: one.name.clone(),
        meaning: one.meaning.clone(),
        gain: known(one.gain, ""),
        peak: known(one.gain_peak, ""),
        acted: match one.acted {
            None => "unknown",
            Some(true) => "yes",
            Some(false) => "no",
        },
        note: one.note.clone(),
    }
}

/// Those that acted.
fn dampeners(failure: &FailureResult) -> Vec<String> {
    let acted = failure.dampeners.iter().filter(|one| one.acted.is_some_and(|acted| acted > 0.0));
    let line = |one: &loadlab_record::Dampener| {
        let first = one.first_s.map(|at| format!(", first at {}", figures::instant(at))).unwrap_or_default();
        format!("{}: {}{first}", one.name, known(one.acted, ""))
    };
    acted.map(line).collect()
}

fn diagnosis(failure: &FailureResult) -> Vec<DiagnosisRow> {
    let mut before = "";
    let mut rows = Vec::new();
    for one in &failure.diagnosis {
        let symptom = if one.symptom == before { String::new() } else { one.symptom.clone() };
        before = &one.symptom;
        rows.push(DiagnosisRow {
            symptom,
            question: one.question.clone(),
            answer: one.answer.clone(),
            look_at: one.look_at.clone(),
        });
    }
    rows
}
