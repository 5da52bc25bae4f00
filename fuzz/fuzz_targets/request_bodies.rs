//! Any bytes as a request to the fault proxy's HTTP interface, in process: nothing panics, every answer
//! has a status of the contract, and an error says that it is one.
//!
//! An input is what the files in `seeds/request_bodies` are: `POST /path`, a line end, and the body.

#![no_main]

use std::sync::{Arc, LazyLock};

use http::Method;
use libfuzzer_sys::{Corpus, fuzz_target};
use loadlab_chaos::proxy::{Options, Proxies, api::call_in_process};
use serde_json::Value;
use tokio::runtime::Runtime;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("a runtime"));

/// What the routes with names find: a proxy for bytes and one that reads HTTP, each with a toxic.
const BEFORE: &[u8] = br#"[
    {"name":"p","upstream":"127.0.0.1:1","toxics":[{"name":"t","type":"latency"}]},
    {"name":"h","upstream":"127.0.0.1:1","protocol":"http","toxics":[{"name":"t","type":"http_drop"}]}
]"#;

/// Method, path and body; `None` for what no HTTP parser would let through.
fn read(input: &[u8]) -> Option<(Method, &str, &[u8])> {
    let end = input.iter().position(|byte| *byte == b'\n')?;
    let line = std::str::from_utf8(&input[..end]).ok()?;
    let (method, path) = line.split_once(' ')?;
    let is_path = path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic());
    is_path.then_some((method.parse().ok()?, path, &input[end + 1..]))
}

fn check(proxies: &Arc<Proxies>, method: &Method, path: &str, body: &[u8]) {
    let (status, answer) = call_in_process(proxies, method, path, body);
    let said = serde_json::from_slice::<Value>(&answer);
    match status {
        200 | 201 => assert!(path.contains("metrics") || said.is_ok(), "{status} is no JSON"),
        204 | 301 | 405 => assert!(answer.is_empty(), "{status} has a body"),
        400 | 404 | 409 | 500 => {
            let is_route = said.is_ok_and(|said| said["error"].is_string() && said["status"] == status);
            let is_plain = answer.starts_with(b"404 page not found") || answer.starts_with(b"400 Bad Request");
            assert!(is_route || is_plain, "{status} does not say what is wrong");
        }
        other => panic!("{other} is no status of the contract"),
    }
}

fuzz_target!(|input: &[u8]| -> Corpus {
    let Some((method, path, body)) = read(input) else { return Corpus::Reject };
    let _inside = RUNTIME.enter();
    let proxies = Proxies::new(Options::default());
    proxies.populate_json(BEFORE).expect("two proxies");
    check(&proxies, &method, path, body);
    // It lives on, and lets go of all.
    check(&proxies, &Method::GET, "/proxies", b"");
    check(&proxies, &Method::POST, "/reset", b"");
    Corpus::Keep
});
