//! Faults as they are written: what is read comes out again, and mistakes are named.

use serde_json::json;

use super::*;

/// One of each, with every attribute it has.
fn all() -> Vec<Value> {
    let fault = |kind: &str, attributes: Value| json!({ "name": "n", "type": kind, "toxicity": 0.5, "attributes": attributes });
    let drawn = json!({ "lognormal": { "median": "80ms", "sigma": 0.5 } });
    vec![
        fault("http_status", json!({ "status": 429, "retry_after": 1500, "method": "GET", "path": "/a/*" })),
        fault("http_latency", json!({ "latency": 0.25, "jitter": 20, "method": ["GET", "PUT"] })),
        fault("http_latency", json!({ "distribution": drawn, "header": "x-a: b*" })),
        fault("http_corrupt", json!({ "rate": 0.5, "body": "request" })),
        fault("http_drop", json!({ "header": ["a: *", "b: 1"] })),
        fault("http_reset", json!({ "path": "/x" })),
        fault("sse_cut", json!({ "after_events": 3, "reset": true, "path": "/stream" })),
        fault("sse_stall", json!({ "stall": 500, "after_events": 2, "each": true })),
        fault("sse_corrupt", json!({ "event": 4 })),
        fault("resp_latency", json!({ "latency": 30, "command": ["GET", "HGET"], "key": "hot:*" })),
        fault("resp_error", json!({ "error": "LOADING dataset in memory", "command": "GET" })),
    ]
}

#[test]
fn what_is_read_comes_out_again() {
    for written in all() {
        let fault: Fault = serde_json::from_value(written.clone()).expect("a fault");
        assert_eq!(serde_json::to_value(&fault).expect("JSON"), written);
    }
}

#[test]
fn every_type_is_registered_and_knows_its_protocol() {
    let mut seen: Vec<&str> = Vec::new();
    for written in all() {
        let fault: Fault = serde_json::from_value(written).expect("a fault");
        let expected =
            if fault.kind().type_name().starts_with("resp_") { Protocol::Resp } else { Protocol::Http };
        assert_eq!(fault.protocol(), expected);
        assert_eq!(FaultKind::protocol_of(fault.kind().type_name()), Some(expected));
        seen.push(fault.kind().type_name());
    }
    seen.dedup();
    assert_eq!(seen, FaultKind::TYPES);
}

#[test]
fn a_mistake_names_the_attribute_and_what_it_may_be() {
    let cases = [
        ("http_status", json!({}), "attribute `status` is missing"),
        (
            "http_status",
            json!({ "status": 200 }),
            "attribute `status` is 200, expected a status from 400 to 599",
        ),
        (
            "http_status",
            json!({ "status": 503, "paht": "/a" }),
            "attribute `paht` is unknown; there are status, retry_after, method, path, header",
        ),
        ("http_latency", json!({}), "attribute `latency` or `distribution` is missing"),
        (
            "http_latency",
            json!({ "latency": -1 }),
            "attribute `latency` is -1, expected milliseconds, 0 or more and under a year",
        ),
        (
            "http_drop",
            json!({ "method": "G T" }),
            "attribute `method` is \"G T\", expected a method such as GET",
        ),
        (
            "http_corrupt",
            json!({ "rate": 0 }),
            "attribute `rate` is 0, expected a number above 0 and at most 1",
        ),
        (
            "http_corrupt",
            json!({ "body": "x" }),
            "attribute `body` is \"x\", expected `request` or `response`",
        ),
        ("sse_cut", json!({}), "attribute `after_events` is missing"),
        (
            "sse_corrupt",
            json!({ "event": 0 }),
            "attribute `event` is 0, expected the number of an event, from 1",
        ),
        ("sse_stall", json!({ "each": true }), "attribute `stall` or `distribution` is missing"),
        ("resp_error", json!({}), "attribute `error` is missing"),
        (
            "resp_error",
            json!({ "error": "ERR a\r\n+OK" }),
            "attribute `error` is \"ERR a\\r\\n+OK\", expected one line that begins with a code in capitals, \
             such as `LOADING dataset`",
        ),
        ("resp_latency", json!([]), "attribute `attributes` is [], expected an object"),
    ];
    for (kind, attributes, expected) in cases {
        let error = Fault::parse("n", kind, 1.0, &attributes).expect_err("a mistake");
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_share_outside_zero_to_one_and_an_unknown_type_are_refused() {
    for share in [-0.1, 1.1, f64::NAN] {
        let error = Fault::parse("n", "http_drop", share, &Value::Null).expect_err("a mistake");
        assert!(error.to_string().ends_with("is not between 0 and 1"), "{error}");
    }
    let error = Fault::parse("n", "latency", 1.0, &Value::Null).expect_err("a mistake");
    assert!(error.to_string().starts_with("`latency` is not a fault; there are http_status,"), "{error}");
}

#[test]
fn clients_that_send_floats_and_capitals_are_understood() {
    let fault = Fault::parse("n", "http_status", 1.0, &json!({ "Status": 503.0 })).expect("a fault");
    assert_eq!(fault.attributes(), json!({ "status": 503 }));
}
