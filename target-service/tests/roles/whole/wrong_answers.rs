//! Answers that are wrong and look right, and what tells them from the others.

use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use target_service::{
    content,
    profile::{JudgeFailure, OnReset, Profile},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stack::{Target, constant, events, quick};

/// `quick`, and answers tell the truth about themselves.
fn truthful() -> Profile {
    let mut profile = quick();
    profile.service.truth = true;
    profile
}

async fn answer(target: &Target, query: &str) -> Value {
    target.search(query).await.json().await.expect("json")
}

/// Searches until the answer comes from the answer cache, where it is put behind the search's back.
async fn cached(target: &Target, query: &str) -> Value {
    loop {
        let found = answer(target, query).await;
        if found["provenance"]["mode"] == "cached" {
            return found;
        }
    }
}

#[tokio::test]
async fn without_the_check_a_new_prompt_is_not_what_a_cached_answer_was_made_with_and_only_the_truth_says_so()
{
    let mut profile = truthful();
    profile.service.cache.answers.enabled = true;
    profile.service.deployment.check = false;
    let target = Target::start(&profile);
    let query = &content::queries()[0];
    let before = cached(&target, query).await;
    assert_eq!((&before["truth"]["prompt"], &before["truth"]["stale_prompt"]), (&json!("p3"), &json!(false)));
    target.change("service-0", &json!({"deployment": {"prompt": "p4"}})).await;
    let after = answer(&target, query).await;
    assert_eq!((&after["answer"], &after["provenance"]), (&before["answer"], &before["provenance"]));
    assert_eq!((&after["truth"]["prompt"], &after["truth"]["stale_prompt"]), (&json!("p3"), &json!(true)));
    // What no cache holds is made with the new one, and says the old label all the same.
    let fresh = answer(&target, &content::queries()[1]).await;
    assert_eq!((&fresh["truth"]["prompt"], &fresh["truth"]["stale_prompt"]), (&json!("p4"), &json!(false)));
    assert_eq!(fresh["provenance"]["prompt_version"], "p3");
    assert_eq!(target.count("service-0", "stale_answers_total{what=\"prompt\"}").await, 1);
    assert_eq!(target.count("service-0", "version_check_failed").await, 0);
}

#[tokio::test]
async fn without_the_check_sources_of_the_old_embeddings_are_served_under_the_new_model() {
    let mut profile = truthful();
    profile.service.deployment.check = false;
    let target = Target::start(&profile);
    target.change("service-0", &json!({"deployment": {"embedding": "embed-v2"}})).await;
    // Warmed into L1 and L2 before, and not at all.
    for (query, stale) in [(0, true), (5, true), (500, false)] {
        let found = answer(&target, &content::queries()[query]).await;
        assert_eq!(found["truth"]["stale_embedding"], stale, "query {query}");
        assert_eq!(found["provenance"]["embedding_version"], "embed-v1");
    }
    assert_eq!(target.count("service-0", "stale_answers_total{what=\"embedding\"}").await, 2);
}

#[tokio::test]
async fn with_the_check_the_deployment_is_refused_until_its_labels_are_new_and_then_finds_nothing_old() {
    let target = Target::start(&truthful());
    target.change("service-0", &json!({"deployment": {"embedding": "embed-v2"}})).await;
    assert_eq!(target.count("service-0", "version_check_failed").await, 1);
    let old = answer(&target, &content::queries()[0]).await;
    assert_eq!(
        (&old["truth"]["embedding"], &old["truth"]["stale_embedding"]),
        (&json!("embed-v1"), &json!(false))
    );
    let both = json!({"deployment": {"embedding": "embed-v2"}, "cache": {"embedding_version": "embed-v2"}});
    target.change("service-0", &both).await;
    assert_eq!(target.count("service-0", "version_check_failed").await, 0);
    let new = answer(&target, &content::queries()[0]).await;
    assert_eq!(
        (&new["truth"]["embedding"], &new["truth"]["stale_embedding"]),
        (&json!("embed-v2"), &json!(false))
    );
    assert_eq!(new["provenance"]["embedding_version"], "embed-v2");
    assert_eq!(target.count("service-0", "stale_answers_total{what=\"embedding\"}").await, 0);
}

#[tokio::test]
async fn an_answer_leaves_with_its_review_or_without_it_and_looks_the_same() {
    let mut profile = truthful();
    profile.service.judge.enabled = true;
    profile.llm.judge.latency = constant(5);
    let target = Target::start(&profile);
    let query = &content::queries()[0];
    let reviewed = answer(&target, query).await;
    assert_eq!(reviewed["truth"]["reviewed"], true);
    target.change("llm", &json!({"judge": {"outage": "refuse"}})).await;
    let unreviewed = answer(&target, query).await;
    assert_eq!(unreviewed["truth"]["reviewed"], false);
    for part in ["answer", "sources", "provenance"] {
        assert_eq!(reviewed[part], unreviewed[part]);
    }
    let counts = (
        target.count("service-0", "reviewed_total").await,
        target.count("service-0", "unreviewed_total").await,
        target.count("service-0", "llm_calls_total{operation=\"judge\",outcome=\"ok\"}").await,
        target.count("service-0", "llm_calls_total{operation=\"judge\",outcome=\"error\"}").await,
    );
    assert_eq!(counts, (1, 1, 1, 1));
    // In a stream the truth is an event of its own, before the last.
    let token = target.token("u1").await;
    let events = events(target.search_as(&token, query).await).await;
    let names: Vec<&str> = events.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[names.len() - 2..], ["truth", "done"]);
    assert!(events[events.len() - 1].1.get("truth").is_none());
}

#[tokio::test]
async fn a_judge_that_hangs_costs_its_time_out_and_one_that_must_not_fail_fails_the_search() {
    let mut profile = quick();
    profile.service.judge.enabled = true;
    profile.service.judge.timeout = Duration::from_millis(50);
    profile.llm.judge.outage = target_service::profile::LlmOutage::Hang;
    let target = Target::start(&profile);
    let passed = answer(&target, &content::queries()[0]).await;
    assert!(passed["answer"].is_string() && passed.get("truth").is_none(), "{passed}");
    assert_eq!(
        target.count("service-0", "llm_calls_total{operation=\"judge\",outcome=\"timeout\"}").await,
        1
    );
    profile.service.judge.on_failure = JudgeFailure::Refuse;
    let target = Target::start(&profile);
    assert_eq!(target.search(&content::queries()[0]).await.status(), 504);
}

#[tokio::test]
async fn a_query_that_the_database_gives_up_leaves_a_search_with_what_the_others_found() {
    let mut profile = quick();
    profile.service.timeouts.query = Some(Duration::from_millis(150));
    // One in a few is over the limit.
    profile.sql.read = loadlab_clock::Distribution::Exponential { mean: Duration::from_millis(75) };
    profile.service.cache.warm_up.l1 = 0;
    profile.service.cache.warm_up.l2 = 0;
    let target = Target::start(&profile);
    let (mut whole, mut partial, mut failed) = (0, 0, 0);
    let searches = content::queries()[100..160].iter().map(|query| target.search(query));
    for response in join_all(searches).await {
        if response.status() == 504 {
            failed += 1;
            continue;
        }
        let found: Value = response.json().await.expect("json");
        if found["provenance"]["sources_missing"] == 0 { whole += 1 } else { partial += 1 }
    }
    assert!(whole > 0 && partial > 0 && failed > 0, "{whole} {partial} {failed}");
    assert_eq!(target.count("service-0", "partial_results_total").await, partial);
    assert_eq!(whole + partial + failed, 60);
    // The sessions stay: the database gave up the statement, not the connection.
    assert_eq!(target.count("service-0", "pool_sessions_open").await, 20);
}

#[tokio::test]
async fn a_full_backlog_reaches_the_client_as_a_reset_where_the_gateway_passes_it_on() {
    let mut profile = quick();
    profile.gateway.on_reset = OnReset::Reset;
    profile.service.workers.count = 1;
    profile.service.workers.slots = 1;
    profile.service.workers.backlog = 1;
    profile.llm.generation.latency = constant(60_000);
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    let ask = async || {
        let mut stream =
            tokio::net::TcpStream::connect(target.address("gateway-0")).await.expect("it serves");
        let body = json!({"query": "rope"}).to_string();
        let head = format!(
            "POST /search HTTP/1.1\r\nhost: target\r\nauthorization: Bearer {token}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("it is sent");
        stream
    };
    let _working = ask().await;
    target.until("service-0", "worker_in_flight{worker=\"0\"}", |value| value == 1).await;
    let _waiting = ask().await;
    target.until("service-0", "worker_queue_depth{worker=\"0\"}", |value| value == 1).await;
    let error = ask().await.read(&mut [0; 64]).await.expect_err("no answer, and no end of one");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let of = async |name: &str| target.count("service-0", name).await;
    assert_eq!((of("backlog_limit").await, of("backlog_refused_total").await), (1, 1));
    assert_eq!(target.count("gateway-0", "gateway_rejections_total{reason=\"reset\"}").await, 1);
}
