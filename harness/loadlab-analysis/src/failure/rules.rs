//! All rules and all thresholds by which a failure mode is told, and nothing else.
//!
//! Each rule is a list of numbers that must all be on the right side of their thresholds. The first number is
//! the mode's own sign: a mode of which it is there, but something else is not, is a near miss. A number that is
//! not known fires no rule. The rules are asked in the order of [`RULES`]: a mode with a named cause before
//! those that only describe a curve.
//!
//! "The report" is the stress-test report; its load table has 5 to 10 % errors for slow degradation, 15 to 25 %
//! for gradual collapse, 40 % and more for complete failure.

use loadlab_record::{Evidence, FailureMode, NearMiss, Severity};

use super::{
    evidence::{against, at_least, at_most, decides, told},
    readings::{Jump, Readings},
};

/// Errors up to this are slow degradation: halfway between the load table's 10 % and 15 %.
const ERRORS_FEW: f64 = 0.125;
/// Errors from this on are complete failure: the load table.
const ERRORS_COMPLETE: f64 = 0.40;
/// A p95 that is so many times what it was before is slow, where no objective bounds it. Twice is more than
/// chance makes of a lognormal service time.
const SLOWER: f64 = 2.0;

/// Share of attempts that fail before a collapse: it comes out of the blue. Scenario 1B jumps from 0 %; one in
/// twenty is an accident.
pub(super) const COLLAPSE_BEFORE: f64 = 0.05;
/// Share right after it: scenario 1B, 40 % and more within 2 s.
const COLLAPSE_AFTER: f64 = 0.40;
/// So much of the wall stands at once: where it is still rising, more than half of it is to come.
const COLLAPSE_OF_LEVEL: f64 = 0.55;
/// Share of arrivals that fail from then to the end: the wall stays. Scenario 1B has 40 to 60 %; a hundred arrivals
/// scatter by ten points.
const COLLAPSE_STAYS: f64 = 0.30;
/// Arrivals that must have failed since: fewer are an accident.
const COLLAPSE_FAILED: f64 = 8.0;

/// A dependency counts as slow from here on: scenario 2 has 5 s instead of 1 to 2 s, so 2.5 to 5 times.
pub(super) const DEPENDENCY_SLOWER: f64 = 2.0;
/// At least half of the time by which a session is held longer is waiting for the dependency.
const STARVED_BY: f64 = 0.5;
/// Something was full, and others waited, for this share of the time.
const STARVED_FULL: f64 = 0.3;
/// Caches that answer less than this share of what they did before are the cause instead.
const STARVED_CACHE: f64 = 0.5;

/// Requests offered per request wanted: with less the retries are too few to feed anything. The load table's
/// gradual collapse has 15 to 25 % errors; if a third of those users retries, that is 1.05 to 1.08.
const CASCADE_GAIN: f64 = 1.05;
/// Calls of the LLM per attempt over those before, from which on they are retries of the target's own: less
/// is what is under way at the edges.
const OWN_RETRIES: f64 = 1.2;
/// A gain that keeps a failure alive by itself when its trigger is gone.
const CASCADE_GAIN_ALONE: f64 = 1.2;

/// Share of the attempts that are cut: 1 % is allowed to be lost, twice that is no accident.
const SILENT_CUT: f64 = 0.02;
/// At most one error answer for four cut connections: it is silent.
const SILENT_ERRORS_PER_CUT: f64 = 0.25;
/// Memory in use: the report's pressure begins at 80 %.
const SILENT_MEMORY: f64 = 0.80;
/// Without a limit: so many times what it was. Scenario 3 goes from 200 MB to over 300 MB a worker.
const SILENT_GROWTH: f64 = 1.5;
/// What the target or a fault accounts for is not silent.
const SILENT_EXPLAINED: f64 = 0.5;

/// The executive table: below 40 % hits the second level thrashes.
const THRASH_HITS: f64 = 0.40;
/// Look-ups that a hit rate needs to mean something.
const THRASH_LOOK_UPS: f64 = 50.0;
/// An eviction for every second key that is brought in: a cache that only fills evicts nothing.
const THRASH_EVICTIONS: f64 = 0.5;
/// A cache that is down is not thrashing.
const THRASH_ERRORS: f64 = 0.10;
/// Queries per search: with the documented 60 % hits and 3 to 5 queries a miss there are 1.2 to 2.
const THRASH_QUERIES: f64 = 1.5;

/// Ingestion's part of the statements: the report reserves half for it, and half of that still hurts.
const CONTENTION_INGEST: f64 = 0.25;
/// Searches waited for this share of the time of ingestion.
const CONTENTION_FULL: f64 = 0.3;

/// Detail queries per want: the report has 100 where one would do, and calls 10 to 20 in all expected.
const AMPLIFIED: f64 = 10.0;
/// Their part of all queries of searches.
const AMPLIFIED_SHARE: f64 = 0.5;

/// Half of the arrivals and more still succeed: the report's words for slow degradation.
const SLOW_SUCCESS: f64 = 0.5;

/// A rule.
struct Rule {
    mode: FailureMode,
    says: &'static str,
    evidence: fn(&Readings) -> Vec<Evidence>,
}

/// In the order in which they are asked.
const RULES: [Rule; 9] = [
    Rule {
        mode: FailureMode::QueryAmplification,
        says: "each want made many detail queries, and they are most of what the database was asked",
        evidence: query_amplification,
    },
    Rule {
        mode: FailureMode::ResourceContention,
        says: "ingestion took a large part of what searches use, and searches waited for it",
        evidence: resource_contention,
    },
    Rule {
        mode: FailureMode::SilentExhaustion,
        says: "connections ended without an error while memory filled",
        evidence: silent_exhaustion,
    },
    Rule {
        mode: FailureMode::CascadingFailure,
        says: "the trigger was gone, and retries kept the failure alive",
        evidence: kept_alive,
    },
    Rule {
        mode: FailureMode::CacheThrashing,
        says: "the caches evicted about as much as they took in, and the database was asked instead",
        evidence: cache_thrashing,
    },
    Rule {
        mode: FailureMode::ResourceStarvation,
        says: "one dependency became slow, and everything that requests need was held by those waiting for it",
        evidence: resource_starvation,
    },
    Rule {
        mode: FailureMode::SuddenCollapse,
        says: "errors rose to a wall within two seconds and stayed there",
        evidence: sudden_collapse,
    },
    Rule {
        mode: FailureMode::CascadingFailure,
        says: "many failed, and those who failed came again",
        evidence: cascading_failure,
    },
    Rule {
        mode: FailureMode::SlowDegradation,
        says: "it became slow, but most were served",
        evidence: slow_degradation,
    },
];

/// What was decided.
pub(super) struct Decision {
    pub(super) mode: FailureMode,
    pub(super) severity: Severity,
    pub(super) rule: String,
    pub(super) evidence: Vec<Evidence>,
    pub(super) near_misses: Vec<NearMiss>,
}

/// The first rule of which everything is met. Where nothing was missed there is no failure to name.
pub(super) fn decide(readings: &Readings) -> Decision {
    let (failed, presence) = presence(readings);
    let judged: Vec<(&Rule, Vec<Evidence>)> =
        RULES.iter().map(|rule| (rule, (rule.evidence)(readings))).collect();
    let met =
        |evidence: &[Evidence]| evidence.iter().filter(|one| decides(one)).all(|one| one.met == Some(true));
    let fired = if failed { judged.iter().position(|(_, evidence)| met(evidence)) } else { None };
    let mode = match fired {
        Some(index) => judged[index].0.mode,
        // Nothing else explains it, so it is what its curve says: most were not served any more.
        None if failed => FailureMode::SlowDegradation,
        None => FailureMode::None,
    };
    let (rule, evidence) = match fired {
        Some(index) => (judged[index].0.says.to_owned(), judged[index].1.clone()),
        None if failed => ("no rule of another mode fits, and objectives were missed".to_owned(), presence),
        None => ("what was lost stayed within what the objectives allow".to_owned(), presence),
    };
    let near_misses = judged.iter().filter(|(rule, _)| rule.mode != mode);
    let near_misses = near_misses.filter_map(|(rule, evidence)| near_miss(rule.mode, evidence, failed));
    let mut unique: Vec<NearMiss> = Vec::new();
    for miss in near_misses {
        if !unique.iter().any(|known| known.mode == miss.mode) {
            unique.push(miss);
        }
    }
    Decision { mode, severity: severity(failed, readings), rule, evidence, near_misses: unique }
}

/// A mode whose own sign is there. Slow degradation is what is left over, and has none.
fn near_miss(mode: FailureMode, evidence: &[Evidence], failed: bool) -> Option<NearMiss> {
    if mode == FailureMode::SlowDegradation {
        return None;
    }
    let sign = evidence.iter().find(|one| decides(one))?;
    let first_against = evidence.iter().filter(|one| decides(one)).find(|one| one.met != Some(true));
    match (sign.met, first_against) {
        (Some(true), Some(one)) => Some(NearMiss { mode, why: against(one) }),
        (Some(true), None) if !failed => {
            Some(NearMiss { mode, why: "its signs are there, but objectives were kept".to_owned() })
        }
        (Some(true), None) => Some(NearMiss { mode, why: "a rule that is asked before it fits".to_owned() }),
        _ => None,
    }
}

fn severity(failed: bool, readings: &Readings) -> Severity {
    match readings.errors {
        _ if !failed => Severity::None,
        errors if errors >= ERRORS_COMPLETE => Severity::CompleteFailure,
        errors if errors > ERRORS_FEW => Severity::GradualCollapse,
        _ => Severity::Degraded,
    }
}

/// Whether there is a failure to name: errors or late answers over what is allowed, or a step that is slower
/// than its own objective.
fn presence(readings: &Readings) -> (bool, Vec<Evidence>) {
    let errors = at_most("share of arrivals that failed", Some(readings.errors), "share", readings.allowed);
    let late = match (readings.late, readings.late_allowed) {
        (Some(late), Some(allowed)) => {
            at_most("share of arrivals that were late", Some(late), "share", allowed)
        }
        _ => at_most("p95 over that before", readings.slower, "times", SLOWER),
    };
    let step =
        readings.step.as_ref().map(|step| at_most(&step.measure, Some(step.observed), "s", step.bound));
    let all: Vec<Evidence> = [errors, late].into_iter().chain(step).collect();
    (all.iter().any(|one| one.met == Some(false)), all)
}

fn query_amplification(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_least("detail queries per arrival", readings.details_per_arrival, "", AMPLIFIED),
        at_least("their share of the queries", readings.details_of_queries, "share", AMPLIFIED_SHARE),
        told("p95 of the response time", readings.p95_s, "s"),
        told("longest queue", readings.queue_peak, ""),
    ]
}

fn resource_contention(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_least(
            "ingestion's share of the statements",
            readings.ingest_of_queries,
            "share",
            CONTENTION_INGEST,
        ),
        at_least(
            "share of its time in which searches waited for a shared resource",
            readings.full_while_ingesting,
            "share",
            CONTENTION_FULL,
        ),
        told("p95 of the response time", readings.p95_s, "s"),
    ]
}

fn silent_exhaustion(readings: &Readings) -> Vec<Evidence> {
    let memory = match readings.memory_of_limit {
        Some(_) => at_least("memory in use", readings.memory_of_limit, "share", SILENT_MEMORY),
        None => at_least("memory over that before", readings.memory_growth, "times", SILENT_GROWTH),
    };
    let per_cut = (readings.cut > 0.0).then(|| readings.error_answers / readings.cut);
    vec![
        at_least("share of attempts whose connection was cut", Some(readings.cut), "share", SILENT_CUT),
        at_most("error answers per cut connection", per_cut, "", SILENT_ERRORS_PER_CUT),
        at_most(
            "share of the cuts that are accounted for",
            Some(readings.cut_explained),
            "share",
            SILENT_EXPLAINED,
        ),
        memory,
        told("restarts by the memory guard", readings.memory_restarts, ""),
    ]
}

fn kept_alive(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_least(
            "goodput stayed away after the trigger (1: yes)",
            Some(f64::from(u8::from(readings.metastable))),
            "",
            1.0,
        ),
        at_least(
            "requests offered per request wanted",
            Some(amplification(readings)),
            "times",
            CASCADE_GAIN_ALONE,
        ),
        told("share of arrivals that failed", Some(readings.errors), "share"),
    ]
}

fn cache_thrashing(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_most("hit rate of the caches", readings.hits_late.or(readings.hits), "share", THRASH_HITS),
        at_least("look-ups", readings.look_ups, "", THRASH_LOOK_UPS),
        at_most("share of look-ups that failed", readings.cache_errors, "share", THRASH_ERRORS),
        at_least("evictions per missing key", readings.evictions, "", THRASH_EVICTIONS),
        at_least("queries per search", readings.queries_per_search, "", THRASH_QUERIES),
        told("hit rate before", readings.hits_before, "share"),
    ]
}

fn resource_starvation(readings: &Readings) -> Vec<Evidence> {
    let slowest = readings.slowest();
    let name = slowest.map_or("a dependency", |one| one.name);
    let cache_kept = match (readings.hits, readings.hits_before) {
        (Some(hits), Some(before)) if before > 0.0 => Some(hits / before),
        // Without look-ups before, nothing speaks of the caches.
        _ => Some(1.0),
    };
    let mut all = vec![
        at_least(
            &format!("latency of the {name}, in its slowest third, over that before"),
            slowest.and_then(|one| one.slower),
            "times",
            DEPENDENCY_SLOWER,
        ),
        at_least(
            &format!(
                "share of the time in which {} was full and others waited",
                readings.full_resource.as_deref().unwrap_or("a resource")
            ),
            readings.full_share,
            "share",
            STARVED_FULL,
        ),
        at_least("hit rate of the caches over that before", cache_kept, "times", STARVED_CACHE),
        told("longest queue", readings.queue_peak, ""),
    ];
    // Where the time before is too short to know, the dependency's own latency is all there is.
    if let Some(share) = slowest.and_then(|one| one.share_of_longer) {
        all.insert(
            1,
            at_least("share of the longer hold that is waiting for it", Some(share), "share", STARVED_BY),
        );
    }
    all
}

fn sudden_collapse(readings: &Readings) -> Vec<Evidence> {
    let jump = readings.jump;
    let of = |of: fn(Jump) -> f64| jump.map(of);
    vec![
        at_least(
            "share of failed attempts after the steepest 2 s",
            of(|jump| jump.after),
            "share",
            COLLAPSE_AFTER,
        ),
        at_most("that before them", of(|jump| jump.before), "share", COLLAPSE_BEFORE),
        at_least(
            "that after them over all that followed",
            of(|jump| jump.of_level),
            "times",
            COLLAPSE_OF_LEVEL,
        ),
        at_least(
            "share of arrivals that failed from then on",
            of(|jump| jump.stays),
            "share",
            COLLAPSE_STAYS,
        ),
        at_least("arrivals that failed from then on", of(|jump| jump.failed), "", COLLAPSE_FAILED),
        told("when they began", of(|jump| jump.at_s), "s"),
        told("share of the time in which a resource was full", readings.full_share, "share"),
    ]
}

fn cascading_failure(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_least("share of arrivals that failed", Some(readings.errors), "share", ERRORS_FEW),
        at_least("requests offered per request wanted", Some(amplification(readings)), "times", CASCADE_GAIN),
        told("the same before", readings.gain_before, "times"),
        told("share of the work that was for nobody", readings.for_nobody, "share"),
        told("longest queue", readings.queue_peak, ""),
    ]
}

fn slow_degradation(readings: &Readings) -> Vec<Evidence> {
    vec![
        at_least("share of arrivals that succeeded", Some(readings.success), "share", SLOW_SUCCESS),
        told("share of arrivals that were late", readings.late, "share"),
        told("share of arrivals that failed", Some(readings.errors), "share"),
        told("p95 of the response time", readings.p95_s, "s"),
        told("longest queue", readings.queue_peak, ""),
    ]
}

/// The client's retries, or the target's own towards the LLM.
fn amplification(readings: &Readings) -> f64 {
    let own = readings.llm_gain.filter(|gain| *gain >= OWN_RETRIES);
    readings.gain * own.unwrap_or(1.0)
}
