//! What is kept of each generator of a merged run.

use loadlab_clock::Seed;
use loadlab_scenario::plan::Load;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MergeError, STARTS_APART_MAX_S, started};
use crate::{Ending, Environment, Latencies, RunFile, Totals};

/// One generator of a merged run: who it was, and what it did of the whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorPart {
    /// Its seed.
    pub seed: Seed,
    /// Its share of the load.
    pub load: Load,
    /// Where it ran.
    pub environment: Environment,
    /// How it ended.
    pub ending: Ending,
    /// Its arrivals, without the warm-up.
    pub totals: Totals,
    /// Its latencies in milliseconds of scenario time. Its dispatch lag shows whether it kept up.
    pub latency_ms: Latencies,
}

impl GeneratorPart {
    /// The generators of a run: itself, or those that it was merged from.
    pub(super) fn all_of(run: &RunFile) -> Vec<Self> {
        if run.generators.is_empty() { vec![Self::of(run)] } else { run.generators.clone() }
    }

    fn of(run: &RunFile) -> Self {
        Self {
            seed: run.seed,
            load: run.plan.load.clone(),
            environment: run.environment.clone(),
            ending: run.ending.clone(),
            totals: run.totals,
            latency_ms: run.latency_ms,
        }
    }

    /// Its place among the others: by seed, then by whatever tells two apart.
    pub(super) fn key(&self) -> (u64, String) {
        (self.seed.get(), format!("{self:?}"))
    }

    /// Whether it is the same generator in the same run. Counts are not compared: a copy of a journal
    /// that was cut short is the same run.
    fn is(&self, other: &Self) -> bool {
        self.seed == other.seed && self.environment == other.environment
    }
}

/// Puts generators in an order that does not depend on the one in which they were given.
pub(super) fn sort(parts: &mut [GeneratorPart]) {
    parts.sort_by_cached_key(GeneratorPart::key);
}

/// When the first of them began.
pub(super) fn earliest(parts: &[GeneratorPart]) -> Option<String> {
    parts.iter().map(start).min().map(|(_, written)| written.to_owned())
}

/// Whether the generators are different ones that began together.
pub(super) fn check(parts: &[GeneratorPart]) -> Result<(), MergeError> {
    for (place, part) in parts.iter().enumerate() {
        if parts[..place].iter().any(|other| other.is(part)) {
            return Err(MergeError::Twice { seed: part.seed, started: part.environment.started.clone() });
        }
    }
    let (Some(earliest), Some(latest)) = (parts.iter().map(start).min(), parts.iter().map(start).max())
    else {
        return Ok(());
    };
    let apart_s = latest.0 - earliest.0;
    if apart_s > STARTS_APART_MAX_S {
        let (earliest, latest) = (earliest.1.to_owned(), latest.1.to_owned());
        return Err(MergeError::StartsApart { earliest, latest, apart_s });
    }
    Ok(())
}

/// When it began: the second, and as written. A start that cannot be read was refused before; in a run
/// that was merged already it can be none.
fn start(part: &GeneratorPart) -> (i64, &str) {
    let written = part.environment.started.as_str();
    (started::seconds(written).unwrap_or(0), written)
}
