//! Documents on their way in: how many, by how many calls and statements, and beside which searches.

use std::time::Duration;

use serde_json::{Value, json};
use target_service::{content, profile::Profile};

use super::stack::{Target, constant, quick};

/// `quick`, with writes as quick as its reads.
fn ingesting() -> Profile {
    let mut profile = quick();
    profile.sql.write = constant(1);
    profile.service.ingest.pause = Duration::ZERO;
    profile
}

async fn begin(target: &Target, order: &Value) -> Value {
    let answer = target.post("service-0", "/ingest", order).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    answer.json().await.expect("json")
}

async fn done(target: &Target) -> Value {
    loop {
        let job: Value = target.get("service-0", "/ingest/1").await.json().await.expect("json");
        if job["state"] == "done" {
            return job;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const OK: &str = "ingest_documents_total{result=\"ok\"}";
const ERROR: &str = "ingest_documents_total{result=\"error\"}";
const STATEMENTS: &str = "db_queries_total{kind=\"ingest\"}";

#[tokio::test]
async fn a_job_embeds_ten_documents_a_call_and_writes_each_with_five_to_ten_inserts() {
    let target = Target::start(&ingesting());
    let token = target.token("u1").await;
    let order = target.post("gateway-0", "/ingest", &json!({"documents": 45})).bearer_auth(token);
    let begun = order.send().await.expect("an answer");
    assert_eq!(begun.status(), 202);
    let begun: Value = begun.json().await.expect("json");
    assert_eq!((&begun["id"], &begun["documents"]), (&json!(1), &json!(45)));
    let job = done(&target).await;
    assert_eq!((&job["ok"], &job["failed"]), (&json!(45), &json!(0)));
    assert_eq!((target.count("service-0", OK).await, target.count("service-0", ERROR).await), (45, 0));
    assert_eq!(target.count("service-0", "ingest_in_flight").await, 0);
    assert_eq!(target.count("service-0", "llm_calls_total{operation=\"embedding\",outcome=\"ok\"}").await, 5);
    // One of the statements asks for the last id.
    let inserts = target.count("service-0", STATEMENTS).await - 1;
    assert!((45 * 5..=45 * 10).contains(&inserts), "{inserts}");
    let id = 1_000_000_000;
    let first: Value =
        target.get("service-0", &format!("/api/content/{id}")).await.json().await.expect("json");
    assert_eq!((&first["id"], &first["version"]), (&json!(id), &json!(2)));
    assert_eq!(target.get("service-0", &format!("/api/content/{}", id + 44)).await.status(), 200);
    assert_eq!(target.get("service-0", &format!("/api/content/{}", id + 45)).await.status(), 404);
}

#[tokio::test]
async fn writers_are_as_many_as_the_profile_has_and_leave_the_rest_of_the_pool_to_searches() {
    let mut profile = ingesting();
    profile.sql.write = constant(60_000);
    profile.service.ingest.writers = 3;
    let target = Target::start(&profile);
    begin(&target, &json!({"documents": 100})).await;
    target.until("service-0", "pool_sessions_busy", |busy| busy == 3).await;
    assert_eq!(target.search(&content::queries()[0]).await.status(), 200);
    assert_eq!(target.count("service-0", "pool_sessions_busy").await, 3);
    // Ten calls are out, each with ten documents, and no more.
    assert_eq!(target.count("service-0", "ingest_in_flight").await, 100);
}

#[tokio::test]
async fn without_a_pool_of_its_own_ingestion_takes_the_sessions_that_searches_wait_for() {
    let mut profile = ingesting();
    profile.sql.write = constant(60_000);
    profile.service.pool.min = 2;
    profile.service.pool.max = 2;
    profile.service.timeouts.http = Duration::from_millis(300);
    let target = Target::start(&profile);
    begin(&target, &json!({"documents": 20})).await;
    target.until("service-0", "pool_sessions_busy", |busy| busy == 2).await;
    assert_eq!(target.search(&content::queries()[0]).await.status(), 504);
}

#[tokio::test]
async fn documents_whose_embedding_fails_are_counted_and_left_out() {
    let target = Target::start(&ingesting());
    target.change("llm", &json!({"embeddings": {"errors": 1.0}})).await;
    begin(&target, &json!({"documents": 30})).await;
    let job = done(&target).await;
    assert_eq!((&job["ok"], &job["failed"]), (&json!(0), &json!(30)));
    assert_eq!(target.count("service-0", STATEMENTS).await, 1);
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_refused() {
    let target = Target::start(&ingesting());
    for order in [
        json!({}),
        json!({"documents": 0}),
        json!({"documents": 1_000_001}),
        json!({"documents": 1, "inserts": {"min": 3, "max": 2}}),
        json!({"documents": 1, "inserts": {"min": 1, "max": 51}}),
    ] {
        let answer = target.post("service-0", "/ingest", &order).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{order}");
    }
    assert_eq!(target.get("service-0", "/ingest/1").await.status(), 404);
}

#[tokio::test]
async fn a_hundred_details_are_a_hundred_statements_one_by_one_and_one_in_a_batch() {
    let target = Target::start(&quick());
    let statements =
        async |kind: &str| target.count("service-0", &format!("db_queries_total{{kind=\"{kind}\"}}")).await;
    let details =
        async |how: &str| target.count("service-0", &format!("details_total{{how=\"{how}\"}}")).await;
    let waits = || target.count("service-0", "pool_wait_seconds_count");
    let before = waits().await;
    for id in 1..=100 {
        assert_eq!(target.get("service-0", &format!("/api/content/{id}")).await.status(), 200);
    }
    assert_eq!((statements("detail").await, details("single").await), (100, 100));
    assert_eq!(waits().await - before, 100, "a session each");
    let ids: Vec<i64> = (1..=100).collect();
    let batch = target.post("service-0", "/api/content/batch", &json!({"ids": ids}));
    let batch: Value = batch.send().await.expect("an answer").json().await.expect("json");
    assert_eq!(batch["documents"].as_array().map(Vec::len), Some(100));
    assert_eq!((statements("batch").await, details("batch").await), (1, 100));
    assert_eq!(waits().await - before, 101);
}
