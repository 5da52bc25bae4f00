//! The profiles and the mitigations that are compiled in, by name.

/// Name and text.
type Shipped = (&'static str, &'static str);

macro_rules! shipped {
    ($folder:literal: $($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../profiles/", $folder, $name, ".yaml")))),*]
    };
}

/// Profiles.
pub(super) const PROFILES: [Shipped; 4] =
    shipped!["": "baseline", "mitigated", "no-breaker", "no-version-check"];

/// Mitigations.
pub(super) const MITIGATIONS: [Shipped; 23] = shipped!["mitigations/":
    "adaptive-breaker",
    "bounded-buffers",
    "breaker-per-operation",
    "bulkheads",
    "cancel-abandoned",
    "degradation-tiers",
    "framework-breakers",
    "l1-large",
    "memory-guard",
    "pool-40",
    "priority-queue",
    "rate-limit-500",
    "rate-limit-binding",
    "read-after-write",
    "read-replicas",
    "result-cache",
    "session-per-query",
    "session-per-retrieval",
    "single-flight",
    "stream-limit",
    "timeout-10s",
    "token-bucket",
    "two-queries",
];

/// The text of a name.
pub(super) fn text(shipped: &[Shipped], name: &str) -> Option<&'static str> {
    shipped.iter().find_map(|(known, text)| (*known == name).then_some(*text))
}

/// What was probably meant by a misspelt name: a third of its letters may be wrong.
pub(super) fn nearest(name: &str, candidates: Vec<&'static str>) -> Option<&'static str> {
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
