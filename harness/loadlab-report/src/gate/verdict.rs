//! What a gate came to: in a word, in a sentence, and what must not be overlooked.

use loadlab_analysis::gate::{Decision, Evidence, GateJob, GateResult, GateVerdict, Spoilt, Why};

use super::words;
use crate::facts::Tone;

/// The answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    /// In a word or two.
    pub(super) word: &'static str,
    pub(super) tone: Tone,
    /// In a sentence without its full stop.
    pub(super) headline: String,
    /// Why, beyond that, and what to do.
    pub(super) notes: Vec<String>,
}

/// What the gate came to.
pub(super) fn verdict(job: &GateJob) -> Verdict {
    let result = &job.result;
    let (word, tone) = word(result);
    let about = deciding(result);
    let mut notes = Vec::new();
    if about != result.decision.sentence() {
        notes.push(of_the_breaking_point(&result.decision));
    }
    let others = result.reasons.iter().skip(1).filter(|reason| **reason != about);
    notes.extend(others.map(|reason| begun(result, reason)));
    notes.extend(advice(&result.decision).map(str::to_owned));
    notes.extend(too_fine(result));
    Verdict { word, tone, headline: begun(result, &bare(&about)), notes }
}

/// With a capital letter, unless it begins with the name of a measure.
fn begun(result: &GateResult, sentence: &str) -> String {
    let mut named = result.beside.measures.iter().map(|measure| measure.measure.as_str());
    if named.any(|name| sentence.starts_with(name)) { sentence.to_owned() } else { words::capital(sentence) }
}

/// The word and its tone.
pub(super) fn word(result: &GateResult) -> (&'static str, Tone) {
    match result.verdict {
        GateVerdict::Pass => ("PASS", Tone::Good),
        GateVerdict::Regression => ("REGRESSION", Tone::Bad),
        GateVerdict::BoundMissed => ("BOUND MISSED", Tone::Bad),
        GateVerdict::Inconclusive if words::is_unfinished(&result.decision) => ("UNFINISHED", Tone::Warn),
        GateVerdict::Inconclusive => ("INCONCLUSIVE", Tone::Warn),
    }
}

/// The sentence that the verdict rests on: that of the breaking point, of what became worse, or of a bound.
fn deciding(result: &GateResult) -> String {
    let worse = result.beside.measures.iter().find(|measure| measure.worse).map(|measure| &measure.sentence);
    let missed = result.beside.bounds.iter().find(|bound| !bound.holds).map(|bound| &bound.sentence);
    let sentence = match (result.verdict, &result.decision) {
        (GateVerdict::Regression, Decision::Regression { .. })
        | (GateVerdict::Pass | GateVerdict::Inconclusive, _) => None,
        (GateVerdict::Regression, _) => worse,
        (GateVerdict::BoundMissed, _) => missed,
    };
    sentence.cloned().unwrap_or_else(|| result.decision.sentence())
}

/// The same as a headline: without the word that stands before it and without a full stop.
fn bare(sentence: &str) -> String {
    let words = ["Pass: ", "Regression: ", "Inconclusive: "];
    let bare = words.iter().find_map(|word| sentence.strip_prefix(word)).unwrap_or(sentence);
    bare.trim_end_matches('.').to_owned()
}

/// What came of the breaking point, where something else decided.
fn of_the_breaking_point(decision: &Decision) -> String {
    let is = match decision {
        Decision::Pass { .. } => "passes",
        Decision::Regression { .. } => "is a regression",
        Decision::Inconclusive { .. } => "is inconclusive",
    };
    format!("The breaking point by itself {is}: {}.", bare(&decision.sentence()))
}

/// What to do where it could not be told.
fn advice(decision: &Decision) -> Option<&'static str> {
    let Decision::Inconclusive { why, .. } = decision else { return None };
    match why {
        // Their own sentence says it.
        Why::LoadTooLow { .. } | Why::LoadTooHigh { .. } => None,
        Why::TooClose if matches!(decision.evidence(), Some(Evidence::Ratio(_))) => Some(
            "A drop of just the one that is looked for mostly comes out like this; the interval says where the \
             ratio is.",
        ),
        Why::TooClose => Some(
            "More pairs or longer trials tell smaller differences. A drop of about half of the one that is \
             looked for is bound to come out like this now and then.",
        ),
        Why::WithinAllowed => Some(
            "Losses were too small to accuse anybody: begin at a higher load, nearer to where base breaks.",
        ),
        Why::TooManyInvalid { mostly, .. } => Some(remedy(*mostly)),
        Why::EndedEarly => Some("Nothing may be concluded from it: run it again, to its end."),
    }
}

/// What helps against what spoils trials.
fn remedy(spoilt: Spoilt) -> &'static str {
    match spoilt {
        Spoilt::GeneratorLimited | Spoilt::DispatchLate => {
            "Give the generator more CPU: fewer other jobs on the machine, a lower speed, or a target with a \
             lower breaking point."
        }
        Spoilt::CpuStolen => "Take a machine whose CPU is not shared, or a quieter hour.",
        Spoilt::NotSettled => {
            "Look at the target after a trial: it does not become idle again, which is a finding by itself."
        }
        Spoilt::NotAsked => "The trials do not belong to these rules: run it again from the start.",
        Spoilt::Nothing => "Look at the folders of these trials: nothing arrived, or nothing was found.",
    }
}

/// A drop that is asked for although the noise hides it.
fn too_fine(result: &GateResult) -> Option<String> {
    let noise = result.beside.noise.as_ref().filter(|noise| noise.tier == result.tier)?;
    let refused = noise.allows(words::delta(&result.limits)).err()?;
    Some(format!("{}.", words::capital(&refused.to_string())))
}
