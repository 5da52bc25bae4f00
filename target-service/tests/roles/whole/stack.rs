//! A whole target in this process: every role on a thread of its own, and what is asked of it.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use loadlab_clock::{Distribution, Seed, Speed};
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use target_service::{
    profile::Profile,
    role::{self, Ready, RoleConfig},
    topology::topology,
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// The target, up until it is dropped.
pub(crate) struct Target {
    listening: BTreeMap<String, SocketAddr>,
    /// Where a role has its settings and metrics.
    admins: BTreeMap<String, SocketAddr>,
    pub(crate) client: Client,
    _stop: DropGuard,
}

/// `baseline` with service times of a few milliseconds, so that tests wait for nothing.
pub(crate) fn quick() -> Profile {
    let mut profile = Profile::named("baseline").expect("it is shipped");
    profile.llm.embeddings.latency = constant(5);
    profile.llm.embeddings.per_second = None;
    profile.llm.generation.latency = constant(5);
    profile.sql.read = constant(1);
    profile.service.cache.warm_up.l1 = 3;
    profile.service.cache.warm_up.l2 = 6;
    profile
}

/// So many milliseconds each time.
pub(crate) fn constant(millis: u64) -> Distribution {
    Distribution::Constant(Duration::from_millis(millis))
}

impl Target {
    /// All roles of the profile, at speed 1.
    pub(crate) fn start(profile: &Profile) -> Self {
        Self::start_with(profile, Speed::REAL, &[])
    }

    /// All roles, but those that `instead` gives addresses for.
    pub(crate) fn start_with(profile: &Profile, speed: Speed, instead: &[(&str, SocketAddr)]) -> Self {
        let stop = CancellationToken::new();
        let mut listening: BTreeMap<String, SocketAddr> =
            instead.iter().map(|(name, address)| ((*name).to_owned(), *address)).collect();
        let mut admins = BTreeMap::new();
        for spec in topology(profile) {
            if listening.contains_key(&spec.name) {
                continue;
            }
            let edges = spec.depends_on.iter().map(|name| (name.clone(), listening[name].to_string()));
            let config = RoleConfig {
                name: spec.name.clone(),
                listen: SocketAddr::from(([127, 0, 0, 1], 0)),
                edges: edges.collect(),
                speed,
                seed: Seed::new(1),
                profile: profile.clone(),
            };
            let ready = start_role(spec.role, config, stop.clone());
            admins.insert(spec.name.clone(), ready.admin.unwrap_or(ready.listen));
            listening.insert(spec.name, ready.listen);
        }
        let client = Client::builder().no_proxy().build().expect("a client");
        Self { listening, admins, client, _stop: stop.drop_guard() }
    }

    /// Where a role listens.
    pub(crate) fn address(&self, role: &str) -> SocketAddr {
        self.listening[role]
    }

    /// A GET at a role.
    pub(crate) async fn get(&self, role: &str, path: &str) -> Response {
        let url = format!("http://{}{path}", self.address(role));
        self.client.get(url).send().await.expect("an answer")
    }

    /// A POST at a role.
    pub(crate) fn post(&self, role: &str, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(format!("http://{}{path}", self.address(role))).json(body)
    }

    /// A search at the instance, answered in JSON.
    pub(crate) async fn search(&self, query: &str) -> Response {
        let request = self.post("service-0", "/search", &json!({"query": query}));
        request.header("accept", "application/json").send().await.expect("an answer")
    }

    /// A user's token.
    pub(crate) async fn token(&self, user: &str) -> String {
        let request = self.post("gateway-0", "/auth/token", &json!({"user": user}));
        let answer: Value = request.send().await.expect("an answer").json().await.expect("json");
        answer["token"].as_str().expect("a token").to_owned()
    }

    /// A search through the gateway.
    pub(crate) async fn search_as(&self, token: &str, query: &str) -> Response {
        let request = self.post("gateway-0", "/search", &json!({"query": query}));
        request.bearer_auth(token).send().await.expect("an answer")
    }

    /// Changes what a stand-in does.
    pub(crate) async fn change(&self, role: &str, settings: &Value) {
        let url = format!("http://{}/admin/settings", self.admins[role]);
        let answer = self.client.patch(url).json(settings).send().await.expect("an answer");
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap_or_default());
    }

    /// The value of a metric, by its name with labels as published, or summed over them if the name
    /// has none; 0 if it is not there.
    pub(crate) async fn metric(&self, role: &str, name: &str) -> f64 {
        let url = format!("http://{}/metrics", self.admins[role]);
        let page = self.client.get(url).send().await.expect("an answer").text().await.expect("text");
        let of_name = |line: &str| {
            let (series, value) = line.rsplit_once(' ')?;
            let labels = series.strip_prefix(name)?;
            let wanted = labels.is_empty() || labels.starts_with('{');
            wanted.then(|| value.parse::<f64>().expect("a number"))
        };
        page.lines().filter(|line| !line.starts_with('#')).filter_map(of_name).sum()
    }

    /// The same for what is counted.
    pub(crate) async fn count(&self, role: &str, name: &str) -> u64 {
        self.metric(role, name).await as u64
    }

    /// Waits until a count is as it should be, for as long as a busy machine may take.
    pub(crate) async fn until(&self, role: &str, name: &str, holds: impl Fn(u64) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let count = self.count(role, name).await;
            if holds(count) {
                return;
            }
            assert!(Instant::now() < deadline, "{name} stays at {count}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn start_role(role: &'static str, config: RoleConfig, stop: CancellationToken) -> Ready {
    let (ready, listening) = mpsc::channel();
    thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("an event loop");
        let ended = runtime.block_on(role::run(role, config, stop, |is| {
            ready.send(is.clone()).expect("the test waits for it");
        }));
        ended.unwrap_or_else(|error| panic!("{role}: {error}"));
    });
    listening.recv().expect("the role becomes ready")
}

/// The events of a stream: names and data.
pub(crate) async fn events(answer: Response) -> Vec<(String, Value)> {
    let text = answer.text().await.expect("a whole stream");
    let event = |block: &str| {
        let name = block.lines().find_map(|line| line.strip_prefix("event: "))?;
        let data = block.lines().find_map(|line| line.strip_prefix("data: "))?;
        Some((name.to_owned(), serde_json::from_str(data).ok()?))
    };
    text.split("\n\n").filter_map(event).collect()
}
