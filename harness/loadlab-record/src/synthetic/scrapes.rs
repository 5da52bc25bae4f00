//! What the target of a made-up run would have published, every quarter of a second.

use std::collections::BTreeMap;

use loadlab_clock::Offset;

use super::simulation::{Attempt, Simulated, Sources};
use crate::{JournalLine, Scrape};

/// Between two scrapes, in microseconds.
const EVERY: u64 = 250_000;
/// Embeddings at a time; the rest queue.
const EMBEDDING_SLOTS: usize = 20;
/// Upper bounds of the buckets of waits, in seconds.
const WAIT_BOUNDS: [f64; 8] = [0.1, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0];
/// Workers of the service.
const WORKERS: usize = 4;

type Values = BTreeMap<String, f64>;

/// The scrapes: of each role those values that changed.
pub(super) fn scrapes(simulated: &Simulated) -> Vec<(u64, JournalLine)> {
    let mut known: BTreeMap<&str, Values> = BTreeMap::new();
    let mut lines = Vec::new();
    for at in (0..=simulated.end()).step_by(EVERY as usize) {
        let roles = [
            ("gateway-0", gateway(simulated, at)),
            ("llm", llm(simulated, at)),
            ("service-0", service(simulated, at)),
        ];
        for (role, values) in roles {
            let before = known.entry(role).or_default();
            let changed: Values =
                values.into_iter().filter(|(name, value)| before.get(name) != Some(value)).collect();
            before.extend(changed.clone());
            if !changed.is_empty() {
                let scrape = Scrape { at: Offset::from_micros(at), role: role.to_owned(), values: changed };
                lines.push((at, JournalLine::Scrape(scrape)));
            }
        }
    }
    lines
}

/// How many attempts satisfy `is`.
fn count(simulated: &Simulated, is: impl Fn(&Attempt) -> bool) -> usize {
    simulated.attempts.iter().filter(|attempt| is(attempt)).count()
}

fn gateway(simulated: &Simulated, at: u64) -> Values {
    let mut values = Values::new();
    let ended = count(simulated, |attempt| attempt.end().0 <= at && attempt.left.is_none());
    let in_flight = count(simulated, |attempt| attempt.sent <= at && at < attempt.end().0);
    values.insert("gateway_requests_total{status=\"200\"}".to_owned(), ended as f64);
    values.insert("gateway_in_flight".to_owned(), in_flight as f64);
    values.insert("process_cpu_seconds_total".to_owned(), ended as f64 * 0.0002);
    values
}

fn llm(simulated: &Simulated, at: u64) -> Values {
    let embeddings = 2 * count(simulated, |attempt| attempt.embedded <= at);
    let generations = count(simulated, |attempt| attempt.generated <= at);
    let mut values = Values::new();
    for (operation, requests) in [("embedding", embeddings), ("generation", generations)] {
        let name = format!("mock_requests_total{{operation=\"{operation}\",status=\"200\"}}");
        values.insert(name, requests as f64);
    }
    values
}

fn service(simulated: &Simulated, at: u64) -> Values {
    let mut values = Values::new();
    let mut set = |name: &str, value: usize| {
        values.insert(name.to_owned(), value as f64);
    };
    let count = |is: &dyn Fn(&Attempt) -> bool| count(simulated, is);
    let busy = count(&|attempt| attempt.started <= at && at < attempt.generated);
    let embedding = 2 * count(&|attempt| attempt.started <= at && at < attempt.embedded);
    let finished = count(&|attempt| attempt.delivered <= at);
    set("pool_sessions_max", simulated.sessions);
    set("pool_sessions_open", simulated.sessions);
    set("pool_sessions_busy", busy);
    set("pool_waiting", count(&|attempt| attempt.sent <= at && at < attempt.started));
    for (operation, calls) in [
        ("embedding", 2 * count(&|attempt| attempt.embedded <= at)),
        ("generation", count(&|attempt| attempt.generated <= at)),
    ] {
        set(&format!("llm_calls_total{{operation=\"{operation}\",outcome=\"ok\"}}"), calls);
    }
    set("llm_in_flight{operation=\"embedding\"}", embedding.min(EMBEDDING_SLOTS));
    set("llm_queued{operation=\"embedding\"}", embedding.saturating_sub(EMBEDDING_SLOTS));
    set("llm_in_flight{operation=\"generation\"}", count(&|a| a.retrieved <= at && at < a.generated));
    set("breaker_state{breaker=\"embedding\"}", 0);
    set("streams_open", count(&|attempt| attempt.retrieved <= at && at < attempt.delivered));
    set("search_total{mode=\"full\",result=\"ok\"}", finished);
    let late = |attempt: &Attempt| attempt.delivered <= at && attempt.left.is_some();
    set("abandoned_work_total", count(&late));
    for worker in 0..WORKERS {
        let mine = |a: &Attempt| a.arrival % WORKERS == worker && a.sent <= at && at < a.generated;
        set(&format!("worker_in_flight{{worker=\"{worker}\"}}"), count(&mine));
        set(&format!("worker_queue_depth{{worker=\"{worker}\"}}"), 0);
    }
    set("process_resident_memory_bytes", (60 << 20) + busy * (1 << 16));
    caches(simulated, at, &mut values);
    waits(simulated, at, &mut values);
    values.insert("process_cpu_seconds_total".to_owned(), finished as f64 * 0.004);
    values
}

/// Counters of the two caches of sources.
fn caches(simulated: &Simulated, at: u64, values: &mut Values) {
    let from = |sources| count(simulated, |a| a.embedded <= at && a.sources == sources) as f64;
    let (l1, l2, database) = (from(Sources::L1), from(Sources::L2), from(Sources::Database));
    let counters =
        [("l1", "hit", l1), ("l1", "miss", l2 + database), ("l2", "hit", l2), ("l2", "miss", database)];
    for (level, result, value) in counters {
        values.insert(format!("cache_requests_total{{level=\"{level}\",result=\"{result}\"}}"), value);
    }
}

/// The histogram of waits for a session.
fn waits(simulated: &Simulated, at: u64, values: &mut Values) {
    let waits: Vec<f64> = simulated
        .attempts
        .iter()
        .filter(|attempt| attempt.started <= at)
        .map(|attempt| (attempt.started - attempt.sent) as f64 / 1e6)
        .collect();
    for bound in WAIT_BOUNDS {
        let within = waits.iter().filter(|wait| **wait <= bound).count();
        values.insert(format!("pool_wait_seconds_bucket{{le=\"{bound:?}\"}}"), within as f64);
    }
    values.insert("pool_wait_seconds_bucket{le=\"+Inf\"}".to_owned(), waits.len() as f64);
    values.insert("pool_wait_seconds_count".to_owned(), waits.len() as f64);
    values.insert("pool_wait_seconds_sum".to_owned(), waits.iter().sum());
}
