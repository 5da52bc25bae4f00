//! Worlds whose failure is known, near misses of every mode among them.

use loadlab_record::FailureMode::{
    self, CacheThrashing, CascadingFailure, None as Nothing, QueryAmplification, ResourceContention,
    ResourceStarvation, SilentExhaustion, SlowDegradation, SuddenCollapse,
};

use super::World;

/// A name, what was built in, and the world.
type Case = (&'static str, FailureMode, World);

/// From one instant to another a value, before and after it another.
fn between(from: f64, to: f64, value: f64, else_: f64) -> Vec<(f64, f64)> {
    vec![(0.0, else_), (from, value), (to, else_)]
}

fn ordinary() -> World {
    World::ordinary()
}

fn healthy() -> Vec<Case> {
    vec![
        ("an ordinary day", Nothing, ordinary()),
        ("much of what it carries", Nothing, World { rate: vec![(0.0, 6.5)], ..ordinary() }),
        (
            "a slow LLM with room to spare",
            Nothing,
            World {
                rate: vec![(0.0, 2.0)],
                llm_s: 1.5,
                slow_llm: between(30.0, 60.0, 2.4, 1.0),
                fault: Some((30.0, 60.0, "latency")),
                ..ordinary()
            },
        ),
        (
            "the cache gone, with room to spare",
            Nothing,
            World {
                rate: vec![(0.0, 3.0)],
                cache_errors: between(30.0, 60.0, 1.0, 0.0),
                fault: Some((30.0, 60.0, "down")),
                ..ordinary()
            },
        ),
        (
            "a cache too small, with room to spare",
            Nothing,
            World { rate: vec![(0.0, 3.0)], hits: vec![(0.0, 0.2)], evictions: 0.95, ..ordinary() },
        ),
        (
            "memory nearly full, and nobody notices",
            Nothing,
            World { memory: (8e8, 1e6, vec![(20.0, 4e8), (40.0, 9e8)]), ..ordinary() },
        ),
        (
            "details one by one, with room to spare",
            Nothing,
            World { rate: vec![(0.0, 0.8)], details: 30, length_s: 40, ..ordinary() },
        ),
        (
            "ingestion with room to spare",
            Nothing,
            World { rate: vec![(0.0, 3.0)], ingest: between(20.0, 60.0, 4.0, 0.0), ..ordinary() },
        ),
        (
            "retries of the few that fail",
            Nothing,
            World { llm_errors: vec![(0.0, 0.03)], retries: 2, ..ordinary() },
        ),
    ]
}

fn slow() -> Vec<Case> {
    let burst = World { burst: 100, rate: Vec::new(), length_s: 5, ..ordinary() };
    vec![
        ("a burst of patient users", SlowDegradation, World { patience_s: 25.0, ..burst.clone() }),
        (
            "a burst of users of whom some come again",
            SlowDegradation,
            World { patience_s: 13.0, retries: 1, retry_share: 0.8, ..burst.clone() },
        ),
        (
            "a burst that says nothing of itself",
            SlowDegradation,
            World { publishes: false, patience_s: 25.0, ..burst },
        ),
        (
            "a little more than it carries",
            SlowDegradation,
            World { rate: vec![(0.0, 10.6)], patience_s: 28.0, length_s: 70, ..ordinary() },
        ),
        (
            "a peak of the load",
            SlowDegradation,
            World { rate: vec![(0.0, 4.0), (30.0, 16.0), (42.0, 4.0)], patience_s: 25.0, ..ordinary() },
        ),
        (
            "a dependency a little slower, near what it carries",
            SlowDegradation,
            World {
                rate: vec![(0.0, 6.5)],
                slow_llm: between(30.0, 60.0, 1.85, 1.0),
                fault: Some((30.0, 60.0, "latency")),
                patience_s: 28.0,
                ..ordinary()
            },
        ),
        ("a few errors all the time", SlowDegradation, World { llm_errors: vec![(0.0, 0.06)], ..ordinary() }),
        (
            "a third fails at once, and nobody comes again",
            SlowDegradation,
            World {
                llm_errors: between(30.0, 90.0, 0.26, 0.0),
                fault: Some((30.0, 90.0, "settings")),
                ..ordinary()
            },
        ),
    ]
}

/// What looks like another mode.
fn slow_after_all() -> Vec<Case> {
    vec![
        (
            "a cold cache that nothing is evicted from",
            SlowDegradation,
            World {
                rate: vec![(0.0, 6.0)],
                hits: vec![(0.0, 0.2)],
                query_s: 0.55,
                patience_s: 28.0,
                ..ordinary()
            },
        ),
        (
            "too many searches beside a little ingestion",
            SlowDegradation,
            World {
                rate: vec![(0.0, 10.6)],
                ingest: vec![(0.0, 0.2)],
                patience_s: 28.0,
                length_s: 70,
                ..ordinary()
            },
        ),
        (
            "a handful of details each, and too many searches",
            SlowDegradation,
            World { rate: vec![(0.0, 9.5)], details: 4, patience_s: 28.0, length_s: 40, ..ordinary() },
        ),
    ]
}

fn collapsed() -> Vec<Case> {
    vec![
        (
            "the only instance is gone",
            SuddenCollapse,
            World { down: Some((30.0, 55.0)), fault: Some((30.0, 55.0, "kill")), ..ordinary() },
        ),
        (
            "the only instance is gone, and publishes nothing",
            SuddenCollapse,
            World { down: Some((30.0, 55.0)), publishes: false, ..ordinary() },
        ),
        (
            "the backlog is full",
            SuddenCollapse,
            World { rate: vec![(0.0, 60.0)], backlog: 120, length_s: 20, patience_s: 28.0, ..ordinary() },
        ),
        (
            "a burst on cold caches",
            SuddenCollapse,
            World {
                burst: 100,
                rate: Vec::new(),
                length_s: 5,
                hits: Vec::new(),
                queries: 5,
                query_s: 0.45,
                patience_s: 10.0,
                retries: 1,
                retry_share: 0.8,
                ..ordinary()
            },
        ),
        (
            "the LLM refuses nearly all, at once",
            SuddenCollapse,
            World {
                llm_errors: between(30.0, 70.0, 0.92, 0.0),
                fault: Some((30.0, 70.0, "settings")),
                ..ordinary()
            },
        ),
    ]
}

fn starved() -> Vec<Case> {
    let slow_llm = World {
        slow_llm: between(30.0, 60.0, 5.0, 1.0),
        fault: Some((30.0, 60.0, "latency")),
        patience_s: 28.0,
        ..ordinary()
    };
    vec![
        ("a slow LLM holds all sessions", ResourceStarvation, slow_llm.clone()),
        (
            "the same, and nobody says that it is a fault",
            ResourceStarvation,
            World { fault: None, ..slow_llm.clone() },
        ),
        (
            "a slow LLM that fails as well, asked again at once",
            ResourceStarvation,
            World { llm_errors: between(30.0, 60.0, 0.5, 0.0), own_retries: 3, ..slow_llm.clone() },
        ),
        (
            "a slow database holds all sessions",
            ResourceStarvation,
            World {
                slow_llm: vec![(0.0, 1.0)],
                slow_db: between(30.0, 60.0, 20.0, 1.0),
                hits: vec![(0.0, 0.3)],
                ..slow_llm.clone()
            },
        ),
        (
            "a slow LLM, and users who come again",
            ResourceStarvation,
            World { patience_s: 12.0, retries: 1, retry_share: 0.3, ..slow_llm },
        ),
    ]
}

fn cascading() -> Vec<Case> {
    vec![
        (
            "overload, and those who leave come again",
            CascadingFailure,
            World {
                rate: vec![(0.0, 11.0)],
                patience_s: 11.0,
                retries: 1,
                retry_share: 0.6,
                length_s: 120,
                ..ordinary()
            },
        ),
        (
            "overload, and a third of those who leave comes again",
            CascadingFailure,
            World {
                rate: vec![(0.0, 12.0)],
                patience_s: 12.0,
                retries: 1,
                retry_share: 0.33,
                length_s: 120,
                ..ordinary()
            },
        ),
        (
            "a storm that outlives its trigger",
            CascadingFailure,
            World {
                rate: vec![(0.0, 7.0)],
                slow_llm: between(30.0, 50.0, 5.0, 1.0),
                fault: Some((30.0, 50.0, "latency")),
                patience_s: 6.0,
                retries: 3,
                length_s: 160,
                ..ordinary()
            },
        ),
        (
            "the service's own attempts fill its sessions",
            CascadingFailure,
            World {
                rate: vec![(0.0, 6.0)],
                llm_errors: between(30.0, 90.0, 0.6, 0.0),
                own_retries: 3,
                fault: Some((30.0, 90.0, "settings")),
                patience_s: 14.0,
                ..ordinary()
            },
        ),
    ]
}

fn exhausted() -> Vec<Case> {
    let leak = (8e8, 1e6, vec![(20.0, 3e8), (35.0, 7e8), (50.0, 1.05e9)]);
    vec![
        (
            "memory fills, and answers are cut off",
            SilentExhaustion,
            World { memory: leak.clone(), cut: vec![(45.0, 0.25)], ..ordinary() },
        ),
        (
            "the same without a limit that is known",
            SilentExhaustion,
            World { memory: leak.clone(), memory_limit: 0.0, cut: vec![(45.0, 0.25)], ..ordinary() },
        ),
        (
            "answers are cut off, and memory is as it was",
            SlowDegradation,
            World { cut: vec![(0.0, 0.1)], ..ordinary() },
        ),
        (
            "memory fills, and half of what fails says so",
            SlowDegradation,
            World { memory: leak, cut: vec![(0.0, 0.05)], llm_errors: vec![(0.0, 0.05)], ..ordinary() },
        ),
    ]
}

fn shared() -> Vec<Case> {
    vec![
        (
            "caches too small",
            CacheThrashing,
            World {
                rate: vec![(0.0, 6.0)],
                hits: vec![(0.0, 0.2)],
                evictions: 0.95,
                query_s: 0.55,
                patience_s: 28.0,
                ..ordinary()
            },
        ),
        (
            "caches that become too small",
            CacheThrashing,
            World {
                rate: vec![(0.0, 6.0)],
                hits: vec![(0.0, 0.8), (25.0, 0.12)],
                evictions: 0.9,
                query_s: 0.55,
                patience_s: 28.0,
                ..ordinary()
            },
        ),
        (
            "ingestion beside searches",
            ResourceContention,
            World {
                rate: vec![(0.0, 5.0)],
                ingest: between(20.0, 70.0, 13.0, 0.0),
                patience_s: 25.0,
                ..ordinary()
            },
        ),
        (
            "long ingestion beside searches",
            ResourceContention,
            World {
                rate: vec![(0.0, 5.0)],
                ingest: between(10.0, 80.0, 5.0, 0.0),
                ingest_hold_s: 2.6,
                patience_s: 25.0,
                ..ordinary()
            },
        ),
        (
            "ten users, a hundred details each",
            QueryAmplification,
            World { burst: 10, rate: Vec::new(), length_s: 5, details: 100, query_s: 0.2, ..ordinary() },
        ),
        (
            "a page of details for each search",
            QueryAmplification,
            World {
                rate: vec![(0.0, 2.2)],
                details: 60,
                query_s: 0.15,
                length_s: 30,
                patience_s: 25.0,
                ..ordinary()
            },
        ),
    ]
}

/// All of them.
pub(crate) fn all() -> Vec<Case> {
    [healthy(), slow(), slow_after_all(), collapsed(), starved(), cascading(), exhausted(), shared()].concat()
}
