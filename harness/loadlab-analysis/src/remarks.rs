//! What a reader should look at: sentences with numbers and times, most important first.

use loadlab_record::{EventKind, GeneratorSummary, RunFile};
use loadlab_scenario::fault::is_instance_of;

use crate::{
    FaultSpan, Metrics, Saturation, fault_spans,
    health::service_cpu,
    labels::label,
    saturations,
    words::{count, percent, seconds_text, value_text},
};

/// More are not read.
const REMARKS_MAX: usize = 8;
/// Share of work for clients that had gone, or of extra attempts, below which it is no news.
const NOTEWORTHY: f64 = 0.005;
/// What `breaker_state` says of an open breaker.
const OPEN: f64 = 2.0;

/// At most eight remarks.
pub(crate) fn remarks(run: &RunFile, generator: &GeneratorSummary) -> Vec<String> {
    let metrics = Metrics::of(run);
    let mut remarks = Vec::new();
    remarks.extend(generator.reasons.iter().map(|reason| format!("The generator was the limit: {reason}.")));
    remarks.extend(deaths(run));
    remarks.extend(under_way(run));
    remarks.extend(saturated(&saturations(run)));
    remarks.extend(breakers(&metrics));
    remarks.extend(calls(&metrics));
    remarks.extend(work_for_nobody(&metrics));
    remarks.extend(retries(run));
    remarks.extend(caches(&metrics));
    remarks.extend(client_waits(run));
    remarks.extend(cpu(run));
    remarks.truncate(REMARKS_MAX);
    remarks
}

/// Processes that died, but for those that a fault had killed.
fn deaths(run: &RunFile) -> Vec<String> {
    let faults = fault_spans(run);
    // A death may be heard of a little before the fault's own event.
    let meant = |role: &str, at: f64| {
        let kills = |fault: &&FaultSpan| {
            matches!(fault.kind.as_str(), "kill" | "terminate" | "memory_limit")
                && is_instance_of(role, &fault.place)
        };
        faults.iter().filter(kills).any(|fault| (fault.from_s - 1.0..=fault.to_s).contains(&at))
    };
    let died = run.events.iter().filter_map(|event| match &event.what {
        EventKind::ProcessDied { role, how } if !meant(role, event.at.as_secs_f64()) => {
            Some(format!("{role} ended without being asked to, {} into the run: {how}.", event.at))
        }
        _ => None,
    });
    died.collect()
}

/// What had not ended when the run did.
fn under_way(run: &RunFile) -> Option<String> {
    let in_flight = run.totals.in_flight;
    (in_flight > 0).then(|| {
        let arrivals = count(in_flight as f64, "arrival was", "arrivals were");
        format!("{arrivals} still under way when the run ended, and no percentile counts them.")
    })
}

/// The resource with the longest waits leads; which was full first is said of that one.
fn saturated(found: &[Saturation]) -> Vec<String> {
    let first = found.iter().map(|saturation| saturation.from_s).fold(f64::INFINITY, f64::min);
    let sentence = |(rank, full): (usize, &Saturation)| {
        let name = capitalised(&full.resource);
        let leads = rank == 0 && full.from_s <= first;
        let verb = if leads { "was the first resource to be full" } else { "was full" };
        let waited = format!("up to {} waited for it", value_text(full.queue_peak, ""));
        let drained = match full.drained_s {
            Some(drained) => format!(", the last until {}", seconds_text(drained)),
            None => ", and some still did at the end".to_owned(),
        };
        let mean = full.wait_mean_s.map(|mean| format!("{} on average", seconds_text(mean)));
        let p95 = full.wait_p95_s.map(|p95| format!("p95 about {}", seconds_text(p95)));
        let waits: Vec<String> = [mean, p95].into_iter().flatten().collect();
        let wait =
            if waits.is_empty() { String::new() } else { format!("; a wait took {}", waits.join(", ")) };
        format!(
            "{name} {verb}: all {} from {} to {}; {waited}{drained}{wait}.",
            full.capacity,
            seconds_text(full.from_s),
            seconds_text(full.to_s)
        )
    };
    found.iter().enumerate().map(sentence).collect()
}

/// Breakers that opened; one that never moved is no news.
fn breakers(metrics: &Metrics<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for (breaker, points) in metrics.by_label("breaker_state", "breaker") {
        let Some((opened, _)) = points.iter().find(|(_, state)| *state >= OPEN) else { continue };
        let ends = points.iter().skip(1).map(|(at, _)| *at).chain([metrics.end()]);
        let open: f64 = points
            .iter()
            .zip(ends)
            .filter(|((_, state), _)| *state >= OPEN)
            .map(|((from, _), to)| to - from)
            .sum();
        let refused = metrics.facts_where("breaker_rejections_total", |series| {
            label(&series.labels, "breaker").as_ref() == Some(&breaker)
        });
        let refused = refused.map_or(0.0, |facts| facts.increase);
        remarks.push(format!(
            "The breaker `{breaker}` opened at {}, was open for {} in all and refused {}.",
            seconds_text(*opened),
            seconds_text(open),
            count(refused, "call", "calls")
        ));
    }
    remarks
}

/// Calls to the LLM that did not end well.
fn calls(metrics: &Metrics<'_>) -> Vec<String> {
    let mut remarks = Vec::new();
    for (operation, _) in metrics.by_label("llm_calls_total", "operation") {
        let of = |ok: bool| {
            let facts = metrics.facts_where("llm_calls_total", |series| {
                label(&series.labels, "operation").as_ref() == Some(&operation)
                    && (label(&series.labels, "outcome").as_deref() == Some("ok")) == ok
            });
            facts.map_or(0.0, |facts| facts.increase)
        };
        let (ok, bad) = (of(true), of(false));
        if bad > 0.0 {
            let calls = count(ok + bad, "call", "calls");
            remarks.push(format!("Of {calls} for {operation}, {} did not end well.", percent(bad, ok + bad)));
        }
    }
    remarks
}

/// Searches finished after their client had gone.
fn work_for_nobody(metrics: &Metrics<'_>) -> Option<String> {
    let rise = |name| metrics.facts(name, 0.0, metrics.end()).map_or(0.0, |facts| facts.increase);
    let (gone, all) = (rise("abandoned_work_total"), rise("search_total"));
    let share = gone / all.max(gone);
    (gone > 0.0 && share >= NOTEWORTHY).then(|| {
        let work = if all >= gone { format!(", {} of all", percent(gone, all)) } else { String::new() };
        let searches = count(gone, "search was", "searches were");
        format!("{searches} finished for clients that had gone{work}: capacity that helped nobody.")
    })
}

fn retries(run: &RunFile) -> Option<String> {
    let share = run.totals.share(run.totals.retried)?;
    (share >= NOTEWORTHY).then(|| {
        let extra = count(run.totals.retried as f64, "extra attempt", "extra attempts");
        format!("Retries added {extra}, {} of the arrivals.", value_text(share, "share"))
    })
}

/// Hit shares by level, in one sentence.
fn caches(metrics: &Metrics<'_>) -> Option<String> {
    let levels = metrics.by_label("cache_requests_total", "level");
    let shares: Vec<String> = levels
        .keys()
        .filter_map(|level| {
            let of = |hit: bool| {
                let facts = metrics.facts_where("cache_requests_total", |series| {
                    label(&series.labels, "level").as_ref() == Some(level)
                        && (label(&series.labels, "result").as_deref() == Some("hit")) == hit
                });
                facts.map_or(0.0, |facts| facts.increase)
            };
            let (hits, rest) = (of(true), of(false));
            let lookups = count(hits + rest, "lookup", "lookups");
            (hits + rest > 0.0).then(|| format!("{level} {} of {lookups}", percent(hits, hits + rest)))
        })
        .collect();
    (!shares.is_empty()).then(|| format!("Cache hits: {}.", shares.join(", ")))
}

/// Users who waited for their own client's connections.
fn client_waits(run: &RunFile) -> Option<String> {
    let waits = run.steps.values().filter_map(|step| step.latency_ms.get("client_wait")?.p95);
    let longest = waits.fold(0.0, f64::max) / 1e3;
    let response = run.latency_ms.response.p95? / 1e3;
    (longest >= response * NOTEWORTHY && longest > 0.0).then(|| {
        let wait = seconds_text(longest);
        format!("Clients waited for one of their own connections: p95 {wait}. That is their behaviour, not the target's.")
    })
}

fn cpu(run: &RunFile) -> Option<String> {
    let peak = service_cpu(run).into_iter().max_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let cores = count(f64::from(run.environment.cores), "core", "cores");
    let (at, share) = peak;
    Some(format!(
        "The service used at most {} of the machine's {cores}, at {}.",
        value_text(share, "share"),
        seconds_text(at)
    ))
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use loadlab_record::{Outcome, synthetic::Synthetic};

    use super::*;
    use crate::{judge, made_up::MadeUp};

    #[test]
    fn a_burst_is_explained_by_the_pool() {
        let mut run = Synthetic::burst(100).run();
        judge(&mut run);
        let expected = [
            "The session pool was the first resource to be full: all 20 sessions from 250 ms to \
             12.5 s; up to 80 waited for it, the last until 12.5 s; a wait took 4.28 s on \
             average, p95 about 12.2 s.",
            "The embedding limit was full: all 20 calls at a time from 250 ms to 12 s; up to 20 \
             waited for it, the last until 12 s.",
            "33 searches were finished for clients that had gone, 27 % of all: capacity that \
             helped nobody.",
            "Retries added 22 extra attempts, 22 % of the arrivals.",
            "Cache hits: l1 55.7 % of 122 lookups, l2 51.9 % of 54 lookups.",
            "The service used at most 2.8 % of the machine's 2 cores, at 9 s.",
        ];
        assert_eq!(run.remarks, expected);
    }

    #[test]
    fn a_breaker_that_opened_and_calls_that_failed_are_told() {
        let state = "breaker_state{breaker=\"embedding\"}";
        let refused = "breaker_rejections_total{breaker=\"embedding\"}";
        let calls =
            |outcome: &str| format!("llm_calls_total{{operation=\"embedding\",outcome=\"{outcome}\"}}");
        let run = MadeUp::new()
            .seconds(10, Outcome::Ok, 10)
            .published(0, &[(state, 0.0), (refused, 0.0), (&calls("ok"), 0.0), (&calls("timeout"), 0.0)])
            .published(2_500, &[(state, 2.0), (&calls("ok"), 15.0), (&calls("timeout"), 5.0)])
            .published(8_500, &[(state, 1.0), (refused, 12.0)])
            .published(9_000, &[(state, 0.0)])
            .finished();
        let expected = [
            "The breaker `embedding` opened at 2.5 s, was open for 6 s in all and refused 12 calls.",
            "Of 20 calls for embedding, 25 % did not end well.",
        ];
        assert_eq!(run.remarks, expected);
    }

    #[test]
    fn littles_law_gives_the_wait_where_no_buckets_do() {
        let run = MadeUp::new()
            .seconds(8, Outcome::Ok, 10)
            .published(
                0,
                &[
                    ("worker_queue_depth", 0.0),
                    ("worker_in_flight", 0.0),
                    ("worker_queue_wait_seconds_count", 0.0),
                ],
            )
            .published(2_000, &[("worker_queue_depth", 10.0), ("worker_in_flight", 4.0)])
            .published(6_000, &[("worker_queue_depth", 0.0), ("worker_queue_wait_seconds_count", 20.0)])
            .finished();
        let [full] = saturations(&run).try_into().expect("one resource was full");
        assert_eq!((full.waited_s, full.wait_mean_s, full.drained_s), (40.0, Some(2.0), Some(6.0)));
        let expected = "The workers' admission was the first resource to be full: all 4 slots from 2 s to 6 s; \
                        up to 10 waited for it, the last until 6 s; a wait took 2 s on average.";
        assert_eq!(run.remarks, [expected]);
    }

    #[test]
    fn a_quiet_run_has_nothing_to_look_at() {
        assert!(MadeUp::new().seconds(10, Outcome::Ok, 10).finished().remarks.is_empty());
    }
}
