//! What a search answers, with everything up and with parts of it down.

use std::time::Duration;

use loadlab_clock::Speed;
use serde_json::{Value, json};
use target_service::content;
use tokio::net::TcpListener;

use super::stack::{Target, constant, events, quick};

#[tokio::test]
async fn a_stream_begins_with_its_sources_and_ends_with_their_provenance() {
    let target = Target::start(&quick());
    let token = target.token("u1").await;
    let answer = target.search_as(&token, &content::queries()[500]).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let events = events(answer).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.first(), Some(&"sources"));
    assert_eq!(names.last(), Some(&"done"));
    assert!(names[1..names.len() - 1].iter().all(|name| *name == "token") && names.len() > 2, "{names:?}");
    let (sources, done) = (&events[0].1["sources"], &events[events.len() - 1].1);
    assert_eq!(sources, &done["sources"]);
    let found = sources.as_array().expect("a list");
    assert!(!found.is_empty() && found[0]["score"] == 1.0, "{sources}");
    let expected = json!({
        "prompt_version": "p3", "embedding_version": "embed-v1", "mode": "full",
        "sources_found": found.len(), "sources_missing": 0,
    });
    assert_eq!(done["provenance"], expected);
    assert_eq!(target.count("service-0", "search_total{mode=\"full\",result=\"ok\"}").await, 1);
    target.until("gateway-0", "gateway_in_flight", |value| value == 0).await;
    target.until("service-0", "streams_open", |value| value == 0).await;
}

#[tokio::test]
async fn the_json_answer_is_the_tokens_of_the_stream_in_one() {
    let target = Target::start(&quick());
    let query = &content::queries()[500];
    let whole: Value = target.search(query).await.json().await.expect("json");
    let request = target.post("service-0", "/search", &json!({"query": query, "stream": true}));
    let events = events(request.send().await.expect("an answer")).await;
    let tokens: String = events.iter().filter_map(|(_, data)| data["text"].as_str()).collect();
    assert_eq!(whole["answer"], tokens);
    assert_eq!(whole["provenance"], events[events.len() - 1].1["provenance"]);
    let unread = target.post("service-0", "/search", &json!({"query": " "})).send().await.expect("an answer");
    assert_eq!(unread.status(), 400);
}

#[tokio::test]
async fn a_popular_query_is_spared_its_queries_and_no_more() {
    let target = Target::start(&quick());
    let queries = || target.count("service-0", "db_query_seconds_count");
    let cache = async |level, result| {
        target
            .count("service-0", &format!("cache_requests_total{{level=\"{level}\",result=\"{result}\"}}"))
            .await
    };
    let warm = queries().await;
    // Three queries are warmed into L1, six into L2.
    assert_eq!(target.search(&content::queries()[2]).await.status(), 200);
    assert_eq!((cache("l1", "hit").await, queries().await), (1, warm));
    assert_eq!(target.search(&content::queries()[5]).await.status(), 200);
    assert_eq!((cache("l2", "hit").await, queries().await), (1, warm));
    assert_eq!(target.search(&content::queries()[6]).await.status(), 200);
    assert_eq!((cache("l1", "miss").await, cache("l2", "miss").await), (2, 1));
    let needed = queries().await - warm;
    assert!((3..=5).contains(&needed), "{needed}");
    // Embeddings and generation are spared by no cache.
    assert_eq!(target.count("service-0", "llm_calls_total{operation=\"embedding\",outcome=\"ok\"}").await, 6);
    assert_eq!(
        target.count("service-0", "llm_calls_total{operation=\"generation\",outcome=\"ok\"}").await,
        3
    );
}

#[tokio::test]
async fn five_failures_open_the_breaker_and_searches_go_on_by_keyword_until_a_probe_succeeds() {
    let mut profile = quick();
    profile.service.breaker.open_for = Duration::from_secs(3);
    let target = Target::start(&profile);
    target.change("llm", &json!({"embeddings": {"errors": 1.0}})).await;
    let query = &content::queries()[0];
    for _ in 0..4 {
        let answer: Value = target.search(query).await.json().await.expect("json");
        assert_eq!(answer["provenance"]["mode"], "keyword");
    }
    let failed =
        target.count("service-0", "llm_calls_total{operation=\"embedding\",outcome=\"error\"}").await;
    let rejected = target.count("service-0", "breaker_rejections_total{breaker=\"llm\"}").await;
    // The sixth call may have been under way when the fifth failed.
    assert!((5..=6).contains(&failed), "{failed} failed");
    assert_eq!(failed + rejected, 8);
    let state = async || -> Value {
        target.get("service-0", "/api/health/circuit-breaker").await.json().await.expect("json")
    };
    assert_eq!(state().await["state"], "open");
    assert_eq!(target.count("service-0", "breaker_state{breaker=\"llm\"}").await, 2);
    target.change("llm", &json!({"embeddings": {"errors": 0.0}})).await;
    // One call of a search is the probe; the other may still be refused.
    while state().await["state"] != "closed" {
        assert_eq!(target.search(query).await.status(), 200);
    }
    let answer: Value = target.search(query).await.json().await.expect("json");
    assert_eq!(answer["provenance"]["mode"], "full");
}

#[tokio::test]
async fn a_redis_that_does_not_answer_costs_its_time_out_and_falls_through() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("bound");
    let accepted = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    let mut profile = quick();
    profile.service.timeouts.redis = Duration::from_millis(50);
    profile.service.cache.warm_up.l2 = 0;
    let target = Target::start_with(&profile, Speed::REAL, &[("redis", address)]);
    let answer: Value = target.search(&content::queries()[500]).await.json().await.expect("json");
    assert_eq!(answer["provenance"]["mode"], "full");
    assert_eq!(target.count("service-0", "cache_requests_total{level=\"l2\",result=\"error\"}").await, 1);
    let ready = target.get("service-0", "/ready").await;
    assert_eq!(ready.status(), 503);
    let ready: Value = ready.json().await.expect("json");
    assert_eq!((&ready["redis"], &ready["sql"], &ready["llm"]), (&json!(false), &json!(true), &json!(true)));
    accepted.abort();
}

#[tokio::test]
async fn documents_are_read_one_by_one_and_many_at_once() {
    let target = Target::start(&quick());
    assert_eq!(target.get("service-0", "/ready").await.status(), 200);
    let document: Value = target.get("service-0", "/api/content/7").await.json().await.expect("json");
    let expected = &content::documents()[6];
    assert_eq!((&document["id"], &document["title"]), (&json!(7), &json!(expected.title)));
    assert_eq!(target.get("service-0", "/api/content/999999").await.status(), 404);
    assert_eq!(target.get("service-0", "/api/content/seven").await.status(), 404);
    let before = target.count("service-0", "db_query_seconds_count").await;
    let batch = target.post("service-0", "/api/content/batch", &json!({"ids": [3, 1, 999_999]}));
    let batch: Value = batch.send().await.expect("an answer").json().await.expect("json");
    let ids: Vec<&Value> =
        batch["documents"].as_array().expect("a list").iter().map(|found| &found["id"]).collect();
    assert_eq!((ids, &batch["missing"]), (vec![&json!(1), &json!(3)], &json!([999_999])));
    assert_eq!(target.count("service-0", "db_query_seconds_count").await, before + 1);
    // Neither took an admission slot.
    assert_eq!(target.count("service-0", "worker_queue_wait_seconds_count").await, 0);
}

#[tokio::test]
async fn an_answer_cache_spares_everything_when_it_is_on() {
    let mut profile = quick();
    profile.service.cache.answers.enabled = true;
    let target = Target::start(&profile);
    let query = &content::queries()[500];
    let first: Value = target.search(query).await.json().await.expect("json");
    let hit = "cache_requests_total{level=\"answer\",result=\"hit\"}";
    let mut second = Value::Null;
    // The answer is kept behind the search's back.
    while target.count("service-0", hit).await == 0 {
        second = target.search(query).await.json().await.expect("json");
    }
    assert_eq!(second["provenance"]["mode"], "cached");
    assert_eq!(second["answer"], first["answer"]);
}

#[tokio::test]
async fn at_another_speed_the_same_scenario_seconds_are_reported() {
    let mut reported = Vec::new();
    for speed in [1.0, 10.0] {
        let mut profile = quick();
        profile.llm.embeddings.latency = constant(300);
        profile.llm.generation.latency = constant(600);
        let target = Target::start_with(&profile, Speed::try_new(speed).expect("a speed"), &[]);
        assert_eq!(target.search(&content::queries()[0]).await.status(), 200);
        reported.push(target.metric("service-0", "llm_call_seconds_sum{operation=\"generation\"}").await);
    }
    assert!((0.6..1.2).contains(&reported[0]), "{reported:?}");
    assert!((0.6..1.8).contains(&reported[1]), "{reported:?}");
}
