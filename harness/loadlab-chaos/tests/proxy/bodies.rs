//! Requests with any bytes as their body, in process: none crashes the API, each is answered with a
//! status that the contract has, and what it answers is JSON or says that it is an error.
//!
//! The fuzz target drives the same function from the same seeds; see `fuzz/README.md`.

use std::{fs, path::Path, sync::Arc};

use http::Method;
use loadlab_chaos::proxy::{Options, Proxies, api::call_in_process};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::Value;
use tokio::runtime::Runtime;

/// A request as a seed has it: `POST /path`, a line end, and the body.
#[derive(Debug, Clone)]
struct Seed {
    method: Method,
    path: String,
    body: Vec<u8>,
}

fn seeds() -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/request_bodies");
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let seed = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).expect("text");
        let (line, body) = text.split_once('\n').expect("a first line");
        let (method, path) = line.split_once(' ').expect("a method and a path");
        Seed { method: method.parse().expect("a method"), path: path.to_owned(), body: body.into() }
    };
    paths.iter().map(seed).collect()
}

/// Proxies with something to change.
fn prepared() -> Arc<Proxies> {
    let proxies = Proxies::new(Options::default());
    let body = br#"[{"name":"p","upstream":"127.0.0.1:1","toxics":[{"name":"t","type":"latency"}]},
        {"name":"h","upstream":"127.0.0.1:1","protocol":"http","toxics":[{"name":"t","type":"http_drop"}]}]"#;
    assert_eq!(call_in_process(&proxies, &Method::POST, "/populate", body).0, 201);
    proxies
}

/// Calls, and looks whether the answer is one of the contract.
fn expect_an_answer(proxies: &Arc<Proxies>, method: &Method, path: &str, body: &[u8]) -> u16 {
    let (status, answer) = call_in_process(proxies, method, path, body);
    let text = std::str::from_utf8(&answer).expect("text");
    let is_right = match status {
        200 | 201 => serde_json::from_str::<Value>(text).is_ok(),
        204 => text.is_empty(),
        400 | 404 | 409 | 500 => {
            let said: Value = serde_json::from_str(text).unwrap_or_default();
            said["error"].is_string() && said["status"] == status
        }
        _ => false,
    };
    assert!(is_right, "{method} {path} {:?}: {status} {text}", String::from_utf8_lossy(body));
    status
}

#[test]
fn every_seed_is_a_request_that_the_api_grants() {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    for seed in seeds() {
        let status = expect_an_answer(&prepared(), &seed.method, &seed.path, &seed.body);
        assert!(status < 300, "{seed:?}: {status}");
    }
}

/// A body that is another's with a part of it replaced.
fn spliced(body: &[u8], from: prop::sample::Index, len: usize, bytes: &[u8]) -> Vec<u8> {
    let from = from.index(body.len().max(1)).min(body.len());
    let to = (from + len).min(body.len());
    [&body[..from], bytes, &body[to..]].concat()
}

#[test]
fn whatever_bytes_a_body_has_the_answer_is_one_of_the_contract() {
    let runtime = Runtime::new().expect("a runtime");
    let _inside = runtime.enter();
    let seeds = seeds();
    let changed = (
        any::<prop::sample::Index>(),
        any::<prop::sample::Index>(),
        0..8_usize,
        prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..8),
            "[-0-9eE.]{1,24}".prop_map(String::into_bytes),
            "[\\[\\]{}\",:a-z_]{1,8}".prop_map(String::into_bytes),
        ],
    );
    let config = Config { cases: 1_500, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&changed, |(which, from, len, bytes)| {
        let seed = which.get(&seeds);
        let body = spliced(&seed.body, from, len, &bytes);
        // A name would be looked up, which takes as long as it takes: an address stays one.
        let listens = |text: &str| text.contains("listen") && !text.contains("127.0.0.1:0");
        if !listens(&String::from_utf8_lossy(&body).to_lowercase()) {
            let proxies = prepared();
            expect_an_answer(&proxies, &seed.method, &seed.path, &body);
            // It lives on, and gives all back.
            assert_eq!(expect_an_answer(&proxies, &Method::POST, "/reset", b""), 204);
        }
        Ok(())
    });
    run.unwrap();
}
