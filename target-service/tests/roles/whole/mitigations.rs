//! What each mitigation does, against a target without it.

use std::{sync::Arc, time::Duration};

use futures::future::join_all;
use loadlab_clock::Speed;
use prometheus_client::{metrics::histogram::Histogram, registry::Registry};
use serde_json::{Value, json};
use target_service::{
    content,
    metrics::seconds,
    pool::{GetMode, PgConnector, PoolFamilies, Want},
    profile::{EmbeddingFallback, Profile, SessionHabit},
    service::{Pools, Work},
};

use super::stack::{Target, constant, quick};

const FULL: &str = "search_total{mode=\"full\",result=\"ok\"}";
const KEYWORD: &str = "search_total{mode=\"keyword\",result=\"ok\"}";

/// A query that no cache holds after the warm-up.
fn cold(n: usize) -> &'static str {
    &content::queries()[500 + n]
}

fn calls(operation: &str, outcome: &str) -> String {
    format!("llm_calls_total{{operation=\"{operation}\",outcome=\"{outcome}\"}}")
}

async fn answer(target: &Target, query: &str) -> (u16, Value) {
    let answer = target.search(query).await;
    (answer.status().as_u16(), answer.json().await.expect("json"))
}

fn pools(target: &Target, profile: &Profile) -> Pools {
    let query: Histogram = seconds();
    let address = target.address("sql").to_string();
    let database =
        PgConnector::new(&address, Speed::REAL, Duration::from_secs(30), query).expect("an address");
    let database = database.with_state("plain", "SELECT 1");
    let metrics = PoolFamilies::register(&mut Registry::default());
    let runtime = tokio::runtime::Handle::current();
    Pools::start((&database, &[]), &profile.service, Speed::REAL, &runtime, &metrics).expect("pools")
}

#[tokio::test]
async fn with_bulkheads_a_saturated_ingestion_leaves_searches_no_wait() {
    let mut profile = quick();
    (profile.service.pool.min, profile.service.pool.max) = (2, 2);
    profile.service.mitigations.bulkheads.ingest_sessions = 2;
    let target = Target::start(&profile);
    for bulkheads in [false, true] {
        profile.service.mitigations.bulkheads.enabled = bulkheads;
        let pools = pools(&target, &profile);
        let (ingest, search) = (pools.of(Work::Ingest), pools.of(Work::Search));
        let held = [ingest.acquire("plain").await.expect("one"), ingest.acquire("plain").await.expect("two")];
        let now = Want { getmode: Some(GetMode::Nowait), state: "plain" };
        assert!(ingest.acquire_as(now).await.is_err(), "ingestion has no more than two");
        // Those of the searches may still be opening: whoever is let wait gets one of its own.
        let one = search.acquire_as(if bulkheads { Want { getmode: None, ..now } } else { now }).await;
        assert_eq!(one.is_ok(), bulkheads);
        assert_eq!(search.status().waiting, 0);
        drop(held);
    }
}

#[tokio::test]
async fn with_a_session_for_each_query_no_search_holds_one_while_it_waits_for_the_llm() {
    let mut profile = quick();
    (profile.service.pool.min, profile.service.pool.max) = (1, 1);
    profile.service.search.session = SessionHabit::PerQuery;
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let searches = join_all((0..3).map(|n| target.search(cold(n))));
    let all_generate = async {
        target.until("service-0", "llm_in_flight{operation=\"generation\"}", |n| n == 3).await;
        assert_eq!(target.count("service-0", "pool_sessions_busy").await, 0);
    };
    tokio::select! {
        () = all_generate => {}
        _ = searches => panic!("an answer takes a minute"),
    }
}

#[tokio::test]
async fn two_queries_find_the_sources_that_three_find_first() {
    let mut profile = quick();
    profile.service.search.queries_max = 3;
    let target = Target::start(&profile);
    let (_, three) = answer(&target, cold(0)).await;
    (profile.service.search.queries_min, profile.service.search.queries_max) = (2, 2);
    let target = Target::start(&profile);
    let before = target.count("service-0", "db_query_seconds_count").await;
    let (status, two) = answer(&target, cold(0)).await;
    assert_eq!((status, target.count("service-0", "db_query_seconds_count").await), (200, before + 2));
    assert!(!two["sources"].as_array().expect("a list").is_empty());
    assert_eq!(two["sources"], three["sources"]);
}

#[tokio::test]
async fn fifty_searches_that_miss_the_same_entry_retrieve_it_once() {
    let mut profile = quick();
    profile.service.workers.count = 1;
    profile.service.search.session = SessionHabit::PerRetrieval;
    profile.sql.read = constant(100);
    profile.service.cache.warm_up.l2 = 0;
    profile.service.cache.warm_up.l1 = 0;
    let mut queries = Vec::new();
    for single_flight in [false, true] {
        profile.service.mitigations.single_flight.enabled = single_flight;
        let target = Target::start(&profile);
        let answers = join_all((0..50).map(|_| target.search(cold(0)))).await;
        assert!(answers.iter().all(|answer| answer.status() == 200));
        assert_eq!(target.count("service-0", FULL).await, 50);
        queries.push(target.count("service-0", "db_query_seconds_count").await);
        let shared = target.count("service-0", "single_flight_shared_total").await;
        assert_eq!(shared > 0, single_flight);
    }
    assert!((3..=5).contains(&queries[1]), "one retrieval: {queries:?}");
    assert!(queries[0] >= 2 * queries[1], "{queries:?}");
}

#[tokio::test]
async fn without_a_breaker_a_failing_call_is_made_four_times_and_the_search_fails() {
    let mut profile = quick();
    let documented = Profile::named("no-breaker").expect("it is shipped").service;
    profile.service.breaker = documented.breaker;
    profile.service.mitigations = documented.mitigations;
    profile.service.search = documented.search;
    assert_eq!(profile.service.search.without_embeddings, EmbeddingFallback::Fail);
    let target = Target::start(&profile);
    target.change("llm", &json!({"embeddings": {"errors": 1.0}})).await;
    for _ in 0..3 {
        assert_eq!(target.search(cold(0)).await.status(), 502);
    }
    assert_eq!(target.count("service-0", &calls("embedding", "error")).await, 3 * 2 * 4);
    assert_eq!(target.count("service-0", "breaker_rejections_total").await, 0);
}

#[tokio::test]
async fn a_rate_for_all_users_refuses_whoever_comes_next() {
    let mut profile = quick();
    profile.gateway.global_limit.per_second = 0.01;
    profile.gateway.global_limit.burst = 3;
    let target = Target::start(&profile);
    let (one, other) = (target.token("one").await, target.token("other").await);
    for token in [&one, &one, &other] {
        assert_eq!(target.search_as(token, "rope").await.status(), 200);
    }
    let refused = target.search_as(&other, "rope").await;
    assert_eq!(refused.status(), 429);
    assert!(refused.headers().contains_key("retry-after"));
    assert_eq!(target.count("gateway-0", "gateway_rejections_total{reason=\"rate_limited\"}").await, 1);
}

#[tokio::test]
async fn the_more_wait_the_less_is_done_for_a_search() {
    let mut profile = quick();
    profile.service.mitigations.tiers.enabled = true;
    profile.service.mitigations.tiers.keyword_from = 0;
    let target = Target::start(&profile);
    let (_, found) = answer(&target, cold(0)).await;
    assert_eq!(found["provenance"]["mode"], "keyword");
    assert_eq!(target.count("service-0", &calls("embedding", "ok")).await, 0);
    assert_eq!(target.count("service-0", "degraded_total{tier=\"keyword\"}").await, 1);
    profile.service.mitigations.tiers.cached_from = 0;
    let target = Target::start(&profile);
    let (status, found) = answer(&target, &content::queries()[0]).await;
    assert_eq!((status, &found["provenance"]["mode"]), (200, &json!("cached")));
    assert!(!found["sources"].as_array().expect("a list").is_empty());
    assert_eq!(answer(&target, cold(0)).await.0, 503);
    assert_eq!(target.count("service-0", &calls("generation", "ok")).await, 0);
    assert_eq!(target.count("service-0", "degraded_total{tier=\"cached\"}").await, 2);
}

#[tokio::test]
async fn who_finds_a_long_line_for_embeddings_does_without() {
    let mut profile = quick();
    profile.service.mitigations.tiers.enabled = true;
    profile.service.mitigations.tiers.keyword_from = 2;
    profile.service.breaker.concurrent = 1;
    profile.llm.embeddings.latency = constant(60_000);
    let target = Arc::new(Target::start(&profile));
    for _ in 0..3 {
        let target = Arc::clone(&target);
        tokio::spawn(async move { target.search("rope").await });
    }
    // Two calls each, of which one is under way: two searches and a half wait.
    target.until("service-0", "llm_queued{operation=\"embedding\"}", |n| n == 5).await;
    let (status, found) = answer(&target, cold(0)).await;
    assert_eq!((status, &found["provenance"]["mode"]), (200, &json!("keyword")));
}

#[tokio::test]
async fn a_full_priority_queue_sheds_at_once() {
    let mut profile = quick();
    let queue = &mut profile.service.mitigations.priority_queue;
    (queue.enabled, queue.concurrent, queue.queue) = (true, 1, 1);
    profile.llm.generation.latency = constant(60_000);
    let target = Arc::new(Target::start(&profile));
    for _ in 0..2 {
        let target = Arc::clone(&target);
        tokio::spawn(async move { target.search("rope").await });
    }
    // One works and one waits: whoever comes next is refused.
    let busy = "llm_in_flight{operation=\"generation\"}";
    target.until("service-0", busy, |n| n == 1).await;
    target.until("service-0", "worker_in_flight", |n| n == 2).await;
    assert_eq!(target.search("rope").await.status(), 503);
    assert_eq!(target.count("service-0", "shed_total{class=\"search\"}").await, 1);
    assert_eq!(target.count("service-0", busy).await, 1);
}

#[tokio::test]
async fn failures_of_searches_leave_the_breaker_of_ingestion_closed() {
    let mut profile = quick();
    profile.service.mitigations.breaker_per_operation.enabled = true;
    let target = Target::start(&profile);
    target.change("llm", &json!({"embeddings": {"errors": 1.0}})).await;
    for _ in 0..4 {
        assert_eq!(target.search("rope").await.status(), 200);
    }
    assert_eq!(target.count("service-0", "breaker_state{breaker=\"search\"}").await, 2);
    let page = target.get("service-0", "/metrics").await.text().await.expect("text");
    assert!(page.contains("breaker_state{breaker=\"ingest\"} 0"), "{page}");
}

#[tokio::test]
async fn an_adaptive_breaker_lets_a_few_calls_through_while_all_fail() {
    let mut profile = quick();
    profile.service.mitigations.adaptive_breaker.enabled = true;
    let target = Target::start(&profile);
    target.change("llm", &json!({"embeddings": {"errors": 1.0}})).await;
    for n in 0..60 {
        assert_eq!(target.search(cold(n)).await.status(), 200);
    }
    let (failed, rejected) = (calls("embedding", "error"), calls("embedding", "rejected"));
    let (failed, rejected) =
        (target.count("service-0", &failed).await, target.count("service-0", &rejected).await);
    assert_eq!(failed + rejected, 120);
    // One in n + 1 passes the n-th time: about five of 120.
    assert!((1..30).contains(&failed), "{failed} passed");
    assert_eq!(target.count("service-0", "breaker_state{breaker=\"llm\"}").await, 1);
    assert_eq!(target.count("service-0", KEYWORD).await, 60);
}

#[tokio::test]
async fn a_database_whose_statements_fail_is_asked_no_more() {
    let mut profile = quick();
    profile.service.timeouts.database = Duration::from_millis(500);
    profile.service.search.session = SessionHabit::PerRetrieval;
    profile.service.cache.warm_up.l2 = 3;
    let breaker = &mut profile.service.mitigations.database_breaker;
    // What was asked at the warm-up succeeded, and is forgotten by then.
    (breaker.enabled, breaker.least, breaker.window) = (true, 3, Duration::from_secs(3));
    let target = Target::start(&profile);
    target.change("sql", &json!({"read": {"constant": "60s"}})).await;
    let mut statuses = Vec::new();
    for n in 0..20 {
        statuses.push(target.search(cold(n)).await.status().as_u16());
    }
    assert_eq!(statuses.first(), Some(&504));
    assert_eq!(statuses.last(), Some(&503), "{statuses:?}");
    assert_eq!(target.count("service-0", "breaker_state{breaker=\"database\"}").await, 2);
    // What a cache holds is answered all the same.
    assert_eq!(target.search(&content::queries()[0]).await.status(), 200);
}

#[tokio::test]
async fn calls_beyond_the_token_bucket_are_rejected_without_harm_to_the_breaker() {
    let mut profile = quick();
    let bucket = &mut profile.service.mitigations.token_bucket;
    (bucket.enabled, bucket.burst, bucket.embeddings_per_second) = (true, 10, 0.01);
    bucket.wait_max = Duration::from_millis(10);
    bucket.generations_per_second = 1000.0;
    let target = Target::start(&profile);
    for n in 0..8 {
        assert_eq!(target.search(cold(n)).await.status(), 200);
    }
    let counts = [FULL, KEYWORD, &calls("embedding", "ok"), &calls("embedding", "rejected")];
    let mut found = Vec::new();
    for count in counts {
        found.push(target.count("service-0", count).await);
    }
    assert_eq!(found, [5, 3, 10, 6]);
    assert_eq!(target.count("service-0", "breaker_state{breaker=\"llm\"}").await, 0);
}
