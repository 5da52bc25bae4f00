//! Faults on what a protocol says, and beyond the network: each does what it says to the real target,
//! and nothing of it is left.

use serde_json::Value;

use crate::lab::{Ended, Lab};

/// Twice as fast as in life.
const DOUBLE: u32 = 2;
/// As in life: what the kernel does is refused at another speed.
const REAL: u32 = 1;

/// Three arrivals a second on the reference target, and these faults.
fn scenario(speed: u32, seconds: u32, faults: &str) -> String {
    let queries = concat!(env!("CARGO_MANIFEST_DIR"), "/../target-service/content/queries.csv");
    format!(
        r#"
target: {{ profile: baseline, set: {{ service.cache.l1.enabled: false }} }}
speed: {speed}
load: {{ arrivals: {{ rate: 3/s, for: {seconds}s }} }}
users:
  count: 20
  login:
    post: /auth/token
    json: {{ user: "user-${{user}}" }}
    extract: {{ token: {{ json: /token }} }}
feeds:
  queries: {{ csv: {queries}, pick: {{ zipf: 1.0 }} }}
journeys:
  - name: search
    steps:
      - name: search
        post: /search
        headers: {{ authorization: "Bearer ${{token}}" }}
        json: {{ query: "${{queries.text}}", stream: true }}
        stream: true
        checks:
          - ends_with_event: done
drain: 60s
faults:
{faults}"#
    )
}

fn run(lab: &Lab, speed: u32, seconds: u32, faults: &str) -> (Ended, Value) {
    let file = lab.file("kinds.yaml", &scenario(speed, seconds, faults));
    let ended = lab.run(&[file.to_str().expect("a path")]);
    assert!(lab.run_folder().is_some(), "{}", ended.stderr);
    (ended, lab.run_json())
}

/// What each fault touched, by its name. None has failed.
fn touched(run: &Value, said: &Ended) -> Vec<(String, Value)> {
    let events = run["events"].as_array().expect("a list of events");
    let failed: Vec<&Value> =
        events.iter().filter(|event| !event["what"]["fault_failed"].is_null()).collect();
    assert!(failed.is_empty(), "{failed:?}\n{}", said.stderr);
    let ended = events.iter().filter(|event| !event["what"]["fault_ended"].is_null());
    let one = |event: &Value| {
        let end = &event["what"]["fault_ended"];
        (end["name"].as_str().expect("a name").to_owned(), end["touched"].clone())
    };
    ended.map(one).collect()
}

fn number(touched: &[(String, Value)], fault: &str, what: &str) -> u64 {
    let found = touched.iter().find(|(name, _)| name == fault);
    let (_, of) = found.unwrap_or_else(|| panic!("`{fault}` did not end: {touched:?}"));
    of[what].as_u64().unwrap_or(0)
}

fn notes(run: &Value) -> Vec<String> {
    let events = run["events"].as_array().expect("a list of events");
    events.iter().filter_map(|event| Some(event["what"]["note"].as_str()?.to_owned())).collect()
}

// What refuses embeddings comes last: a breaker opens, and keyword search does without Redis.
#[test]
fn faults_on_requests_and_commands_touch_those() {
    let lab = Lab::new();
    let (ended, run) = run(
        &lab,
        DOUBLE,
        20,
        r#"
  - { name: status, at: 16s, for: 4s, http_status: { edge: service-0/llm, status: 503, retry_after: 1s, path: /v1/embeddings, share: 50% } }
  - { name: late, at: 2s, for: 8s, http_latency: { edge: service-0/llm, add: 200ms, method: POST } }
  - { name: cut, at: 8s, for: 4s, cut_stream: { edge: service-0/llm, after_events: 2 } }
  - { name: stalled, at: 12s, for: 4s, stall_stream: { edge: load/gateway-0, stall: 500ms } }
  - { name: garbled, at: 16s, for: 4s, corrupt_stream: { edge: service-0/llm, event: 2 } }
  - { name: slow-keys, at: 2s, for: 4s, redis_latency: { edge: service-0/redis, add: 100ms, command: GET, key: "retrieval:*" } }
  - { name: refused-keys, at: 6s, for: 4s, redis_error: { edge: service-0/redis, command: GET } }
"#,
    );
    let touched = touched(&run, &ended);
    for fault in ["status", "late", "cut", "stalled", "garbled", "slow-keys", "refused-keys"] {
        assert!(number(&touched, fault, "requests") > 0, "`{fault}`: {touched:?}");
    }
}

#[test]
fn faults_on_the_store_and_the_llm_touch_keys_and_settings() {
    let lab = Lab::new();
    let (ended, run) = run(
        &lab,
        DOUBLE,
        20,
        r#"
  - { name: half-gone, at: 2s, for: 1s, expire_share: { role: redis, share: 50%, pattern: "retrieval:*" } }
  - { name: hot, at: 2s, for: 4s, hot_key: { role: redis, key: "retrieval:p3:embed-v1:bridge tuning", rate: 200/s } }
  - { name: full, at: 4s, for: 4s, fill: { role: redis, bytes: 10MB } }
  - { name: read-only, at: 9s, for: 2s, read_only: { role: redis } }
  - { name: cold, at: 12s, for: 1s, flush: { role: redis } }
  - { name: llm-errors, at: 2s, for: 2s, llm: { errors: 50% } }
  - { name: llm-limit, at: 5s, for: 2s, llm: { rate_limit: 2/s } }
  - { name: llm-garbage, at: 8s, for: 2s, llm: { garbage: true } }
  - { name: llm-size, at: 11s, for: 2s, llm: { wrong_dimensions: true } }
  - { name: llm-slow, at: 14s, for: 2s, llm: { slow: 3s } }
  - { name: llm-gone, at: 17s, for: 2s, llm: { outage: true } }
"#,
    );
    let touched = touched(&run, &ended);
    for fault in ["read-only", "llm-errors", "llm-limit", "llm-garbage", "llm-size", "llm-slow", "llm-gone"] {
        assert_eq!(number(&touched, fault, "processes"), 1, "`{fault}`");
    }
    // The warm-up has put 259 retrievals there, and searches have added some.
    let half = number(&touched, "half-gone", "keys");
    assert!((80..220).contains(&half), "{half}");
    // Two hundred a second for four seconds, and no burst on top.
    let reads = number(&touched, "hot", "requests");
    assert!((300..=850).contains(&reads), "{reads}");
    assert_eq!(number(&touched, "full", "bytes"), 10_000_000);
    assert_eq!(number(&touched, "full", "keys"), 10_000_000_u64.div_ceil(64 * 1024));
    // The filling was removed before the store was flushed.
    let flushed = number(&touched, "cold", "keys");
    assert!((80..400).contains(&flushed), "{flushed}");
    let failed = run["totals"]["failed"].as_u64().expect("a number");
    assert!(failed > 0, "an LLM that is gone shows: {}", ended.stdout);
}

#[test]
fn faults_on_clients_touch_the_requests_of_a_share_of_the_arrivals() {
    let lab = Lab::new();
    let (ended, run) = run(
        &lab,
        REAL,
        20,
        r"
  - { name: gone, at: 2s, for: 6s, llm: { outage: true } }
  - { name: storm, at: 2s, for: 8s, retry_storm: { retries: 2, share: 60% } }
  - { name: slow, at: 2s, for: 16s, slow_readers: { profile: 3g, share: 50% } }
  - { name: leaving, at: 11s, for: 8s, leaving: { after: 300ms, share: 50% } }
",
    );
    let touched = touched(&run, &ended);
    for fault in ["storm", "slow", "leaving"] {
        let requests = number(&touched, fault, "requests");
        assert!((2..60).contains(&requests), "`{fault}`: {requests}");
    }
    assert!(run["totals"]["retries"].as_u64().is_none_or(|retries| retries > 0), "{}", run["totals"]);
}

#[test]
fn a_process_that_meets_its_memory_limit_is_killed_and_comes_back() {
    let lab = Lab::new();
    let (ended, run) = run(
        &lab,
        REAL,
        16,
        r"
  - { name: little, at: 2s, for: 8s, memory_limit: { role: redis, above_resident: 30MB } }
  - { name: growing, at: 3s, for: 4s, fill: { role: redis, bytes: 200MB } }
  - { name: few-cores, at: 2s, for: 8s, cpu_limit: { role: service, cores: 0.01 } }
",
    );
    let touched = touched(&run, &ended);
    assert_eq!(number(&touched, "little", "processes"), 1, "{:?}", notes(&run));
    assert_eq!(number(&touched, "few-cores", "processes"), 1, "{:?}", notes(&run));
    let bytes = number(&touched, "growing", "bytes");
    assert!((1..200_000_000).contains(&bytes), "{bytes}");
    let said = notes(&run);
    assert!(said.iter().any(|note| note.starts_with("little: redis may hold ")), "{said:?}");
    assert!(said.iter().any(|note| note.starts_with("little: redis was killed by the ")), "{said:?}");
    assert!(said.iter().any(|note| note.starts_with("few-cores: service-0 has 0.01 cores: by ")), "{said:?}");
    let events = run["events"].as_array().expect("a list of events");
    let back = events.iter().any(|event| event["what"]["process_back"]["role"] == "redis");
    assert!(back, "it was started again: {}", ended.stderr);
    assert!(!ended.stdout.contains("without being asked to"), "{}", ended.stdout);
}

#[test]
fn a_fault_that_does_not_fit_its_place_is_refused_before_anything_starts() {
    let lab = Lab::new();
    let cases = [
        (
            "http_status: { edge: service-0/redis, status: 503 }",
            "`http_status` acts on http and not on the edge `service-0/redis`",
        ),
        ("flush: { role: sql }", "`sql` is no store; there is redis"),
        ("llm: { role: redis, outage: true }", "`redis` is no LLM; there is llm"),
        ("kill: { role: model-node, share: 50% }", "there is no process `model-node`"),
    ];
    for (fault, reason) in cases {
        let text = scenario(DOUBLE, 10, &format!("  - {{ name: f, at: 1s, for: 1s, {fault} }}\n"));
        let file = lab.file("unfit.yaml", &text);
        let ended = lab.run(&[file.to_str().expect("a path")]);
        assert_eq!(ended.code, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(reason), "{}", ended.stderr);
    }
    assert_eq!(lab.run_folder(), None);
}
