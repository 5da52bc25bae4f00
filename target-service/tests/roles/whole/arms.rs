//! Callers who name their arm are served by its instance and by no other.

use std::net::SocketAddr;

use loadlab_clock::Speed;
use reqwest::StatusCode;
use serde_json::json;

use super::stack::{Target, quick};

const SEARCHES: &str = "search_total{mode=\"full\",result=\"ok\"}";

/// A search through the gateway that names an arm.
async fn search_of(target: &Target, token: &str, arm: &str) -> StatusCode {
    let request = target.post("gateway-0", "/search", &json!({"query": "rope", "stream": false}));
    let request = request.bearer_auth(token).header("x-loadlab-arm", arm);
    let answer = request.send().await.expect("an answer");
    let status = answer.status();
    answer.bytes().await.expect("a whole answer");
    status
}

#[tokio::test]
async fn an_arm_has_an_instance_of_its_own() {
    let mut profile = quick();
    profile.service.instances = 2;
    let target = Target::start(&profile);
    let token = target.token("u1").await;
    for (arm, times) in [("control", 3), ("experiment", 5)] {
        for _ in 0..times {
            assert_eq!(search_of(&target, &token, arm).await, StatusCode::OK);
        }
    }
    let searches = [target.count("service-0", SEARCHES).await, target.count("service-1", SEARCHES).await];
    assert_eq!(searches, [3, 5]);
    // Whoever names none, or one that there is not, is balanced as ever.
    for _ in 0..2 {
        assert_eq!(search_of(&target, &token, "elsewhere").await, StatusCode::OK);
    }
    let searches = [target.count("service-0", SEARCHES).await, target.count("service-1", SEARCHES).await];
    assert_eq!(searches, [4, 6]);
}

#[tokio::test]
async fn the_other_instance_does_not_serve_for_one_that_is_gone() {
    let mut profile = quick();
    profile.service.instances = 2;
    // A port on which nobody listens.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound");
    let instead: [(&str, SocketAddr); 1] = [("service-1", gone)];
    let target = Target::start_with(&profile, Speed::REAL, &instead);
    let token = target.token("u1").await;
    assert_eq!(search_of(&target, &token, "control").await, StatusCode::OK);
    assert_eq!(search_of(&target, &token, "experiment").await, StatusCode::SERVICE_UNAVAILABLE);
}

#[tokio::test]
async fn with_one_instance_both_arms_are_served_by_it() {
    let target = Target::start(&quick());
    let token = target.token("u1").await;
    for arm in ["control", "experiment"] {
        assert_eq!(search_of(&target, &token, arm).await, StatusCode::OK);
    }
}
