//! Random calls against a simple model: nothing crashes, nothing hangs, and both agree.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, runtime::Runtime};

use crate::rig::{Rig, connect, echo_server, rig};

const NAMES: [&str; 3] = ["a", "b c", "ü"];
const KINDS: [(&str, &str); 6] = [
    ("latency", r#"{"latency":30}"#),
    ("bandwidth", r#"{"rate":1}"#),
    ("timeout", "{}"),
    ("slicer", r#"{"average_size":1,"delay":1000}"#),
    ("reset_peer", r#"{"timeout":5}"#),
    ("limit_data", r#"{"bytes":2}"#),
];

#[derive(Debug, Clone)]
enum Op {
    Create { name: usize, enabled: bool },
    Delete { name: usize },
    Enable { name: usize, enabled: bool },
    AddToxic { name: usize, kind: usize, is_up: bool },
    UpdateToxic { name: usize, kind: usize, is_up: bool, toxicity: u8 },
    RemoveToxic { name: usize, kind: usize, is_up: bool },
    Populate { names: Vec<usize> },
    Reset,
    Connect { name: usize },
}

fn op() -> impl Strategy<Value = Op> {
    let (name, kind) = (0..NAMES.len(), 0..KINDS.len());
    prop_oneof![
        (name.clone(), any::<bool>()).prop_map(|(name, enabled)| Op::Create { name, enabled }),
        name.clone().prop_map(|name| Op::Delete { name }),
        (name.clone(), any::<bool>()).prop_map(|(name, enabled)| Op::Enable { name, enabled }),
        (name.clone(), kind.clone(), any::<bool>()).prop_map(|(name, kind, is_up)| Op::AddToxic {
            name,
            kind,
            is_up
        }),
        (name.clone(), kind.clone(), any::<bool>(), 0..=100_u8)
            .prop_map(|(name, kind, is_up, toxicity)| Op::UpdateToxic { name, kind, is_up, toxicity }),
        (name.clone(), kind, any::<bool>()).prop_map(|(name, kind, is_up)| Op::RemoveToxic {
            name,
            kind,
            is_up
        }),
        proptest::collection::btree_set(name.clone(), 0..3)
            .prop_map(|names| Op::Populate { names: names.into_iter().collect() }),
        Just(Op::Reset),
        name.prop_map(|name| Op::Connect { name }),
    ]
}

/// What a proxy should be: whether it is enabled, and its toxics with toxicity in hundredths.
#[derive(Debug, Default, Clone)]
struct Model {
    enabled: bool,
    /// It has a port, so that one that is to listen on any port differs from it.
    was_bound: bool,
    toxics: BTreeMap<String, u8>,
}

struct World<'a> {
    rig: &'a Rig,
    upstream: SocketAddr,
    model: BTreeMap<&'static str, Model>,
    open: Vec<TcpStream>,
}

fn escaped(name: &str) -> String {
    name.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"))
}

fn toxic_name(kind: usize, is_up: bool) -> String {
    format!("{}_{}", KINDS[kind].0, if is_up { "upstream" } else { "downstream" })
}

impl World<'_> {
    async fn status(&self, method: &str, path: &str, body: &Value) -> u16 {
        self.rig.call(method, path, &body.to_string()).await.status
    }

    /// Does it, and says what the answer should be.
    async fn step(&mut self, op: &Op) {
        let (status, expected) = match op {
            Op::Create { name, enabled } => self.create(NAMES[*name], *enabled).await,
            Op::Delete { name } => {
                let status = self.status("DELETE", &path(*name), &Value::Null).await;
                (status, if self.model.remove(NAMES[*name]).is_some() { 204 } else { 404 })
            }
            Op::Enable { name, enabled } => {
                let status = self.status("PATCH", &path(*name), &json!({ "enabled": enabled })).await;
                let proxy = self.model.get_mut(NAMES[*name]).map(|proxy| {
                    proxy.enabled = *enabled;
                    proxy.was_bound |= *enabled;
                });
                (status, if proxy.is_some() { 200 } else { 404 })
            }
            Op::AddToxic { name, kind, is_up } => self.add_toxic(*name, *kind, *is_up).await,
            Op::UpdateToxic { name, kind, is_up, toxicity } => {
                let toxic = toxic_name(*kind, *is_up);
                let body = json!({ "toxicity": f64::from(*toxicity) / 100.0 });
                let status = self.status("POST", &format!("{}/toxics/{toxic}", path(*name)), &body).await;
                let held = self.model.get_mut(NAMES[*name]).and_then(|proxy| proxy.toxics.get_mut(&toxic));
                (status, if held.map(|held| *held = *toxicity).is_some() { 200 } else { 404 })
            }
            Op::RemoveToxic { name, kind, is_up } => {
                let toxic = toxic_name(*kind, *is_up);
                let status =
                    self.status("DELETE", &format!("{}/toxics/{toxic}", path(*name)), &Value::Null).await;
                let held = self.model.get_mut(NAMES[*name]).and_then(|proxy| proxy.toxics.remove(&toxic));
                (status, if held.is_some() { 204 } else { 404 })
            }
            Op::Populate { names } => self.populate(names).await,
            Op::Reset => {
                for proxy in self.model.values_mut() {
                    *proxy = Model { enabled: true, was_bound: true, toxics: BTreeMap::new() };
                }
                (self.status("POST", "/reset", &Value::Null).await, 204)
            }
            Op::Connect { name } => {
                self.connect(NAMES[*name]).await;
                (200, 200)
            }
        };
        assert_eq!(status, expected, "{op:?}");
    }

    async fn create(&mut self, name: &'static str, enabled: bool) -> (u16, u16) {
        let body = json!({ "name": name, "upstream": self.upstream.to_string(), "enabled": enabled });
        let status = self.status("POST", "/proxies", &body).await;
        if self.model.contains_key(name) {
            return (status, 409);
        }
        self.model.insert(name, Model { enabled, was_bound: enabled, toxics: BTreeMap::new() });
        (status, 201)
    }

    async fn add_toxic(&mut self, name: usize, kind: usize, is_up: bool) -> (u16, u16) {
        let attributes: Value = serde_json::from_str(KINDS[kind].1).expect("JSON");
        let stream = if is_up { "upstream" } else { "downstream" };
        let body = json!({ "type": KINDS[kind].0, "stream": stream, "attributes": attributes });
        let status = self.status("POST", &format!("{}/toxics", path(name)), &body).await;
        let Some(proxy) = self.model.get_mut(NAMES[name]) else { return (status, 404) };
        let is_new = proxy.toxics.insert(toxic_name(kind, is_up), 100);
        if let Some(held) = is_new {
            proxy.toxics.insert(toxic_name(kind, is_up), held);
            return (status, 409);
        }
        (status, 200)
    }

    /// Listens on any port, so an existing proxy differs and is replaced, unless it never had one.
    async fn populate(&mut self, names: &[usize]) -> (u16, u16) {
        let toxic = json!({ "type": "latency", "toxicity": 0.5 });
        let entry = |name: &usize| {
            let upstream = self.upstream.to_string();
            json!({ "name": NAMES[*name], "listen": "", "upstream": upstream, "toxics": [toxic] })
        };
        let body = Value::Array(names.iter().map(entry).collect());
        let status = self.status("POST", "/populate", &body).await;
        for name in names {
            match self.model.get_mut(NAMES[*name]) {
                Some(kept) if !kept.was_bound => {
                    kept.toxics.insert("latency_downstream".to_owned(), 50);
                }
                _ => {
                    let toxics = BTreeMap::from([("latency_downstream".to_owned(), 50)]);
                    self.model.insert(NAMES[*name], Model { enabled: true, was_bound: true, toxics });
                }
            }
        }
        (status, 201)
    }

    /// Opens a connection and leaves data in it, so that later calls find links that are busy.
    async fn connect(&mut self, name: &str) {
        let Ok(view) = self.rig.proxies.get(name) else { return };
        if view.enabled {
            let mut stream = connect(view.listen.parse().expect("an address")).await;
            // It may be reset already.
            let _ = stream.write_all(&[7; 5_000]).await;
            self.open.push(stream);
        }
    }

    /// What the API shows is what the model holds.
    async fn agree(&self) {
        let shown = self.rig.call("GET", "/proxies", "").await.json();
        let shown = shown.as_object().expect("an object");
        let names: BTreeSet<_> = shown.keys().map(String::as_str).collect();
        assert_eq!(names, self.model.keys().copied().collect());
        for (name, model) in &self.model {
            let toxics = shown[*name]["toxics"].as_array().expect("toxics").iter();
            let hundredths =
                |toxic: &Value| (toxic["toxicity"].as_f64().expect("a number") * 100.0).round() as u8;
            let name_of = |toxic: &Value| toxic["name"].as_str().expect("a name").to_owned();
            let seen: BTreeMap<_, _> = toxics.map(|toxic| (name_of(toxic), hundredths(toxic))).collect();
            let enabled = shown[*name]["enabled"].as_bool().expect("a flag");
            assert_eq!((enabled, &seen), (model.enabled, &model.toxics), "{name}");
        }
    }
}

fn path(name: usize) -> String {
    format!("/proxies/{}", escaped(NAMES[name]))
}

#[test]
fn random_calls_never_crash_never_hang_and_agree_with_the_model() {
    let runtime = Runtime::new().expect("a runtime");
    let config = Config { cases: 40, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&proptest::collection::vec(op(), 1..40), |ops| {
        runtime.block_on(async {
            let rig = rig().await;
            let upstream = echo_server().await;
            let mut world = World { rig: &rig, upstream, model: BTreeMap::new(), open: Vec::new() };
            for op in &ops {
                world.step(op).await;
                world.agree().await;
            }
        });
        Ok(())
    });
    run.unwrap();
}

/// JSON that is near to what belongs there. No name in it needs a look-up.
fn near_json() -> impl Strategy<Value = String> {
    let key = prop_oneof![
        Just("name"),
        Just("listen"),
        Just("upstream"),
        Just("enabled"),
        Just("toxics"),
        Just("type"),
        Just("stream"),
        Just("toxicity"),
        Just("attributes"),
        Just("ttl"),
        Just("draw"),
        Just("protocol"),
        Just("latency"),
        Just("jitter"),
        Just("rate"),
        Just("distribution"),
        Just("histogram"),
        Just("x"),
    ];
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| Value::from(n).to_string()),
        prop_oneof![
            Just("a"),
            Just(""),
            Just("latency"),
            Just("slicer"),
            Just("upstream"),
            Just("127.0.0.1:0"),
            Just(":"),
            Just("[::1]:0"),
            Just("pareto"),
            Just("histogram"),
            Just("chunk"),
            Just("http"),
        ]
        .prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        let member = (key.clone(), inner.clone()).prop_map(|(key, value)| format!("\"{key}\":{value}"));
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            proptest::collection::vec(member, 0..8).prop_map(|all| format!("{{{}}}", all.join(","))),
        ]
    })
}

#[test]
fn no_body_crashes_it() {
    let runtime = Runtime::new().expect("a runtime");
    let rig = runtime.block_on(rig());
    let body = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        near_json().prop_map(String::into_bytes),
    ];
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let run = TestRunner::new(config).run(&body, |body| {
        runtime.block_on(async {
            rig.call("POST", "/populate", r#"[{"name":"p","upstream":"x:1"}]"#).await;
            rig.call("POST", "/proxies/p/toxics", r#"{"name":"t","type":"latency"}"#).await;
            let routes = [
                ("POST", "/proxies"),
                ("POST", "/populate"),
                ("PATCH", "/proxies/p"),
                ("POST", "/proxies/p/toxics"),
                ("PATCH", "/proxies/p/toxics/t"),
            ];
            for (method, path) in routes {
                let status = rig.call_with(method, path, "", &body).await.status;
                let is_told = matches!(status, 200 | 201 | 400 | 404 | 409 | 500);
                assert!(is_told, "{method} {path}: {status}");
            }
            for proxy in rig.proxies.list() {
                rig.proxies.delete(&proxy.name).expect("it is there");
            }
        });
        Ok(())
    });
    run.unwrap();
}
