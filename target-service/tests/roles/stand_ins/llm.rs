//! The LLM mock as its clients see it. Times are compared with each other, never with a clock of
//! this machine alone.

use std::time::{Duration, Instant};

use futures::future::join_all;
use loadlab_clock::Distribution;
use serde_json::{Value, json};
use target_service::profile::{LlmCount, LlmOperation, LlmOutage, LlmRateLimit, Profile};

use super::standin::{Standin, start};

/// A mock without latency and limits, changed by `change`.
fn mock(speed: f64, change: impl FnOnce(&mut Profile)) -> Standin {
    start("llm", speed, |profile| {
        for operation in [&mut profile.llm.embeddings, &mut profile.llm.generation] {
            operation.latency = Distribution::Constant(Duration::ZERO);
            operation.per_second = None;
        }
        change(profile);
    })
}

fn embeddings(profile: &mut Profile) -> &mut LlmOperation {
    &mut profile.llm.embeddings
}

async fn post(mock: &Standin, path: &str, body: &Value) -> reqwest::Result<reqwest::Response> {
    reqwest::Client::new().post(format!("http://{}{path}", mock.listen)).json(body).send().await
}

/// One embedding call: status and body.
async fn embed(mock: &Standin, input: &str) -> (u16, Value) {
    let answer =
        post(mock, "/v1/embeddings", &json!({"model": "m", "input": input})).await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

fn vector(body: &Value, n: usize) -> Vec<f64> {
    body["data"][n]["embedding"].as_array().expect("numbers").iter().filter_map(Value::as_f64).collect()
}

fn cosine(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

/// How long each of `calls` calls took, side by side, in scenario seconds.
async fn latencies(mock: &Standin, speed: f64, calls: usize) -> Vec<f64> {
    let client = reqwest::Client::new();
    let url = format!("http://{}/v1/embeddings", mock.listen);
    let mut seconds = join_all((0..calls).map(async |_| {
        let started = Instant::now();
        let answer = client.post(&url).json(&json!({"input": "text"})).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        started.elapsed().as_secs_f64() * speed
    }))
    .await;
    seconds.sort_by(f64::total_cmp);
    seconds
}

const PROMPT: &str =
    "Answer from the sources. Keep the rope away from the edge. Check the harness before each climb.";

fn chat(stream: bool) -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": PROMPT}], "stream": stream})
}

#[tokio::test]
async fn embeddings_have_openais_form_and_near_texts_are_near() {
    let mock = mock(1.0, |profile| profile.llm.dimensions = 128);
    let input = ["best rope for climbing", "climbing rope checklist", "sourdough crust"];
    let answer =
        post(&mock, "/v1/embeddings", &json!({"model": "m", "input": input})).await.expect("an answer");
    let body: Value = answer.json().await.expect("JSON");
    assert_eq!(
        (&body["object"], &body["data"][2]["index"], &body["model"]),
        (&json!("list"), &json!(2), &json!("m"))
    );
    assert_eq!(body["usage"]["prompt_tokens"], 9);
    let [a, b, c] = [0, 1, 2].map(|n| vector(&body, n));
    assert_eq!(a.len(), 128);
    assert!((cosine(&a, &a) - 1.0).abs() < 1e-4);
    assert!(cosine(&a, &b) > cosine(&a, &c) + 0.2, "{} {}", cosine(&a, &b), cosine(&a, &c));
    assert_eq!(vector(&embed(&mock, input[1]).await.1, 0), b);

    let packed = json!({"input": "x", "dimensions": 8, "encoding_format": "base64"});
    let packed: Value =
        post(&mock, "/v1/embeddings", &packed).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(packed["data"][0]["embedding"].as_str().map(str::len), Some(44), "32 bytes in base64");
}

#[tokio::test]
async fn what_is_no_request_is_refused_in_openais_form() {
    let mock = mock(1.0, |_| ());
    for (path, body) in [
        ("/v1/embeddings", json!({})),
        ("/v1/embeddings", json!({"input": []})),
        ("/v1/embeddings", json!({"input": [1, 2]})),
        ("/v1/embeddings", json!({"input": "x", "dimensions": 0})),
        ("/v1/chat/completions", json!({"messages": []})),
        ("/v1/chat/completions", json!({"messages": [{"role": "user"}]})),
    ] {
        let answer = post(&mock, path, &body).await.expect("an answer");
        assert_eq!(answer.status(), 400, "{body}");
        let answer: Value = answer.json().await.expect("JSON");
        assert_eq!(answer["error"]["type"], "invalid_request_error", "{body}");
    }
}

#[tokio::test]
async fn latencies_have_the_median_and_the_spread_of_their_distribution() {
    let speed = 4.0;
    let mock = mock(speed, |profile| {
        let latency = Distribution::Lognormal { median: Duration::from_secs(2), sigma: 0.31 };
        embeddings(profile).latency = latency;
    });
    // Few at a time, so that a busy machine adds little to each.
    let mut all = Vec::new();
    for _ in 0..5 {
        all.extend(latencies(&mock, speed, 40).await);
    }
    all.sort_by(f64::total_cmp);
    let (p16, median, p84) = (all[32], all[100], all[168]);
    assert!((0.9..2.0).contains(&(median / 2.0)), "median {median}");
    // From one sigma below to one above is a factor of 1.86.
    assert!((1.2..2.8).contains(&(p84 / p16)), "{p16} {median} {p84}");
}

#[tokio::test]
async fn inputs_are_started_at_an_even_pace_and_wait_in_a_queue() {
    let speed = 2.0;
    let mock = mock(speed, |profile| {
        let embeddings = embeddings(profile);
        (embeddings.per_second, embeddings.counts) = (Some(40.0), LlmCount::Inputs);
    });
    let waits = latencies(&mock, speed, 120).await;
    // 120 at 40 a second are 3 s, the first at once; half of them wait half of that.
    let (median, last) = (waits[60], waits[119]);
    assert!((2.9..6.0).contains(&last), "{last}");
    assert!((0.4..0.7).contains(&(median / last)), "{median} of {last}");
    mock.metric_is("mock_queue_depth", 0.0).await;
    mock.metric_is(r#"mock_requests_total{operation="embedding",status="200"}"#, 120.0).await;

    // An array counts as many inputs: 60 of them keep the next caller waiting for 1.5 s.
    let many: Vec<String> = (0..60).map(|n| format!("text {n}")).collect();
    let started = Instant::now();
    post(&mock, "/v1/embeddings", &json!({"input": many})).await.expect("an answer");
    embed(&mock, "next").await;
    assert!(started.elapsed().as_secs_f64() * speed > 1.4, "{:?}", started.elapsed());
}

#[tokio::test]
async fn only_so_many_are_worked_on_at_the_same_time_and_a_full_queue_refuses() {
    let mock = mock(10.0, |profile| {
        let operation = embeddings(profile);
        operation.latency = Distribution::Constant(Duration::from_secs(3));
        (operation.concurrent, operation.queue) = (Some(2), Some(4));
    });
    let started = Instant::now();
    let statuses = join_all((0..10).map(async |_| embed(&mock, "text").await.0)).await;
    let count = |status| statuses.iter().filter(|s| **s == status).count();
    assert_eq!((count(200), count(503)), (6, 4), "{statuses:?}");
    // Three rounds of two.
    assert!(started.elapsed() >= Duration::from_millis(900), "{:?}", started.elapsed());
}

#[tokio::test]
async fn who_leaves_the_queue_makes_room() {
    let mock = mock(10.0, |profile| embeddings(profile).per_second = Some(0.2));
    embed(&mock, "takes the first turn").await;
    // A turn is half a real second; ten who give up would keep the next caller waiting for five.
    let leaving =
        join_all((0..10).map(|_| tokio::time::timeout(Duration::from_millis(10), embed(&mock, "left"))));
    assert!(leaving.await.iter().all(Result::is_err));
    mock.metric_becomes("mock_queue_depth", 0.0).await;
    let started = Instant::now();
    embed(&mock, "stays").await;
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn errors_have_their_share_and_are_the_same_for_the_same_seed() {
    let outcomes = async || {
        let mock = mock(1.0, |profile| embeddings(profile).errors = 0.2);
        let mut outcomes = Vec::new();
        for _ in 0..200 {
            outcomes.push(embed(&mock, "text").await.0);
        }
        outcomes
    };
    let first = outcomes().await;
    let failed = first.iter().filter(|status| **status == 500).count();
    // 40 expected; 23 to 57 is three standard deviations.
    assert!((23..=57).contains(&failed), "{failed}");
    assert_eq!(first, outcomes().await);
}

#[tokio::test]
async fn garbage_is_an_answer_of_the_right_status_that_nobody_can_read() {
    let mock = mock(1.0, |profile| profile.llm.garbage = true);
    let messages = json!([{"role": "user", "content": "hello"}]);
    let cases = [
        ("/v1/embeddings", json!({"input": "text"}), "application/json"),
        ("/v1/chat/completions", json!({"messages": messages}), "application/json"),
        ("/v1/chat/completions", json!({"messages": messages, "stream": true}), "text/event-stream"),
    ];
    for (path, body, kind) in cases {
        let answer = post(&mock, path, &body).await.expect("an answer");
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &kind.parse().expect("a value"))
        );
        let text = answer.text().await.expect("text");
        let data = text.strip_prefix("data: ").unwrap_or(&text);
        assert!(!data.is_empty() && serde_json::from_str::<Value>(data).is_err(), "{text}");
    }
}

#[tokio::test]
async fn too_many_calls_are_told_when_to_come_back() {
    let mock = mock(1.0, |profile| {
        let limit = LlmRateLimit { per_second: 0.1, burst: 3, retry_after: Duration::ZERO };
        embeddings(profile).rate_limit = Some(limit);
    });
    for _ in 0..3 {
        assert_eq!(embed(&mock, "text").await.0, 200);
    }
    let refused = post(&mock, "/v1/embeddings", &json!({"input": "text"})).await.expect("an answer");
    assert_eq!(refused.status(), 429);
    let after: u64 = refused.headers()["retry-after"].to_str().expect("text").parse().expect("a number");
    assert!((8..=10).contains(&after), "{after}");
    assert_eq!(post(&mock, "/v1/chat/completions", &chat(false)).await.expect("an answer").status(), 200);
}

#[tokio::test]
async fn a_stream_has_the_tokens_of_the_whole_answer_spread_over_its_time() {
    let mock = mock(1.0, |profile| {
        profile.llm.generation.latency = Distribution::Constant(Duration::from_millis(400));
        profile.llm.first_token = 0.25;
    });
    let whole: Value = post(&mock, "/v1/chat/completions", &chat(false))
        .await
        .expect("an answer")
        .json()
        .await
        .expect("JSON");
    let text = whole["choices"][0]["message"]["content"].as_str().expect("text").to_owned();
    assert_eq!(whole["choices"][0]["finish_reason"], "stop");
    assert!(text.split(' ').count() >= 40, "{text}");

    let started = Instant::now();
    let mut answer = post(&mock, "/v1/chat/completions", &chat(true)).await.expect("an answer");
    assert!(answer.headers()["content-type"].to_str().is_ok_and(|of| of.starts_with("text/event-stream")));
    let (mut bytes, mut arrivals) = (Vec::new(), Vec::new());
    while let Some(chunk) = answer.chunk().await.expect("a chunk") {
        arrivals.push(started.elapsed());
        bytes.extend_from_slice(&chunk);
    }
    let stream = String::from_utf8(bytes).expect("text");
    let events: Vec<&str> = stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> =
        events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).expect("JSON")).collect();
    let content = |chunk: &Value| chunk["choices"][0]["delta"]["content"].as_str().map(str::to_owned);
    assert_eq!(chunks.iter().filter_map(content).collect::<String>(), text);
    assert_eq!(chunks.last().expect("a chunk")["choices"][0]["finish_reason"], "stop");
    // It began well before it ended, and not all at once.
    let (first, last) = (arrivals[0], *arrivals.last().expect("an arrival"));
    assert!(last >= Duration::from_millis(400) && first < last.mul_f64(0.75), "{arrivals:?}");
    assert!(arrivals.len() >= 5, "{arrivals:?}");
}

#[tokio::test]
async fn a_limit_of_tokens_shortens_the_answer() {
    let mock = mock(1.0, |_| ());
    let mut request = chat(false);
    request["max_tokens"] = json!(5);
    let body: Value =
        post(&mock, "/v1/chat/completions", &request).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(body["usage"]["completion_tokens"], 5);
}

#[tokio::test]
async fn an_outage_begins_and_ends_while_it_runs() {
    let mock = mock(1.0, |_| ());
    assert_eq!(embed(&mock, "text").await.0, 200);
    assert_eq!(mock.patch(json!({"embeddings": {"outage": "refuse"}})).await.0, 200);
    let refused = post(&mock, "/v1/embeddings", &json!({"input": "text"})).await.expect_err("no answer");
    assert!(refused.is_request(), "{refused:?}");
    assert_eq!(post(&mock, "/v1/chat/completions", &chat(false)).await.expect("an answer").status(), 200);

    mock.patch(json!({"embeddings": {"outage": "hang"}})).await;
    let hanging = tokio::time::timeout(Duration::from_millis(300), embed(&mock, "text")).await;
    assert!(hanging.is_err(), "it answered");
    mock.patch(json!({"embeddings": {"outage": "none"}})).await;
    assert_eq!(embed(&mock, "text").await.0, 200);
}

#[tokio::test]
async fn settings_are_read_changed_and_refused() {
    let mock = mock(1.0, |profile| embeddings(profile).outage = LlmOutage::None);
    let change = json!({"embeddings": {"per_second": 12.5, "errors": 1.0}});
    let (status, now) = mock.patch(change).await;
    assert_eq!((status, &now["embeddings"]["per_second"]), (200, &json!(12.5)));
    assert_eq!(embed(&mock, "text").await.0, 500);
    let read: Value =
        reqwest::get(mock.admin_url("/admin/settings")).await.expect("an answer").json().await.expect("JSON");
    assert_eq!(read, now);
    for (change, reason) in [
        (json!({"embeddings": {"errors": 1.5}}), "`errors` 1.5 is not between 0 and 1"),
        (json!({"embeddings": {"per_second": 0}}), "0 per second is not a rate above 0"),
        (json!({"embedings": {}}), "unknown field `embedings`"),
        (json!({"embeddings": {"latency": "soon"}}), "soon"),
    ] {
        let (status, body) = mock.patch(change.clone()).await;
        assert_eq!(status, 400, "{change}");
        assert!(body["error"].as_str().is_some_and(|error| error.contains(reason)), "{change}: {body}");
    }
    assert_eq!(mock.patch(json!({})).await.1, now);
}

#[tokio::test]
async fn a_limit_of_throughput_counts_inputs_or_calls_as_it_is_told() {
    let speed = 2.0;
    let mut seconds = Vec::new();
    for counts in [LlmCount::Inputs, LlmCount::Calls] {
        let mock = mock(speed, |profile| {
            embeddings(profile).per_second = Some(10.0);
            embeddings(profile).counts = counts;
        });
        let started = Instant::now();
        let body = json!({"input": vec!["text"; 10]});
        let answers = join_all((0..5).map(|_| post(&mock, "/v1/embeddings", &body))).await;
        assert!(answers.into_iter().all(|answer| answer.is_ok_and(|answer| answer.status() == 200)));
        seconds.push(started.elapsed().as_secs_f64() * speed);
    }
    // The fifth call begins after forty inputs, or after four calls.
    assert!(seconds[0] >= 4.0 && (0.4..2.0).contains(&seconds[1]), "{seconds:?}");
}

#[tokio::test]
async fn a_review_has_settings_of_its_own() {
    let mock = mock(1.0, |profile| {
        profile.llm.judge.latency = Distribution::Constant(Duration::ZERO);
        profile.llm.judge.errors = 1.0;
    });
    let review = json!({"model": "judge", "messages": [{"role": "user", "content": PROMPT}]});
    let answer = post(&mock, "/v1/chat/completions", &review).await.expect("an answer");
    assert_eq!(answer.status(), 500);
    let answer = post(&mock, "/v1/chat/completions", &chat(false)).await.expect("an answer");
    assert_eq!(answer.status(), 200);
}
