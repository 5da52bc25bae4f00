//! Who may ask, and how often.

use std::time::Duration;

use serde_json::json;

use super::stack::{Target, quick};

#[tokio::test]
async fn without_a_good_token_the_answer_is_401_and_the_instance_hears_nothing() {
    let mut profile = quick();
    profile.gateway.token_lifetime = Duration::from_millis(1);
    let target = Target::start(&profile);
    let expired = target.token("u1").await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    let missing =
        target.post("gateway-0", "/search", &json!({"query": "rope"})).send().await.expect("an answer");
    assert_eq!(missing.status(), 401);
    assert_eq!(missing.headers()["www-authenticate"], "Bearer");
    for token in ["nonsense", expired.as_str()] {
        assert_eq!(target.search_as(token, "rope").await.status(), 401, "{token}");
    }
    assert_eq!(target.count("gateway-0", "gateway_rejections_total{reason=\"unauthorized\"}").await, 3);
    assert_eq!(target.count("gateway-0", "gateway_requests_total{status=\"401\"}").await, 3);
    assert_eq!(target.count("service-0", "worker_queue_wait_seconds_count").await, 0);
}

#[tokio::test]
async fn a_user_who_asks_too_often_is_told_when_to_come_back() {
    let mut profile = quick();
    profile.gateway.rate_limit.enabled = true;
    profile.gateway.rate_limit.per_second = 0.05;
    profile.gateway.rate_limit.burst = 2;
    let target = Target::start(&profile);
    let (one, other) = (target.token("one").await, target.token("other").await);
    for _ in 0..2 {
        assert_eq!(target.search_as(&one, "rope").await.status(), 200);
    }
    let refused = target.search_as(&one, "rope").await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(target.search_as(&other, "rope").await.status(), 200);
    assert_eq!(target.count("gateway-0", "gateway_rejections_total{reason=\"rate_limited\"}").await, 1);
}

#[tokio::test]
async fn what_is_no_request_for_a_token_is_400() {
    let target = Target::start(&quick());
    for body in [json!({}), json!({"user": ""}), json!({"user": 3}), json!([])] {
        let answer = target.post("gateway-0", "/auth/token", &body).send().await.expect("an answer");
        assert_eq!(answer.status(), 400, "{body}");
    }
}
