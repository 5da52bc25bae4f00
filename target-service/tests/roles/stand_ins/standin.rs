//! Stand-ins on free ports, for the tests that talk to them.

use std::{net::SocketAddr, time::Duration};

use loadlab_clock::{Seed, Speed};
use target_service::{
    profile::Profile,
    role::{self, Ready, RoleConfig},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A role that runs on a runtime of its own, as it does in its process, until this is dropped.
pub(crate) struct Standin {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    _stop: DropGuard,
}

/// Starts a role with the baseline profile, changed by `change`.
pub(crate) fn start(role: &'static str, speed: f64, change: impl FnOnce(&mut Profile)) -> Standin {
    let mut profile = Profile::named("baseline").expect("it is shipped");
    change(&mut profile);
    let config = RoleConfig {
        name: role.to_owned(),
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        edges: [].into(),
        speed: Speed::try_new(speed).expect("a speed"),
        seed: Seed::new(1),
        profile,
    };
    let stop = CancellationToken::new();
    let (announce, announced) = std::sync::mpsc::channel::<Ready>();
    let stopped = stop.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let ready = |ready: &Ready| announce.send(ready.clone()).expect("the test waits for it");
        runtime.block_on(role::run(role, config, stopped, ready)).expect("it serves");
    });
    let ready = announced.recv_timeout(Duration::from_secs(60)).expect("it starts");
    Standin { listen: ready.listen, admin: ready.admin, _stop: stop.drop_guard() }
}

impl Standin {
    /// An address of its administration.
    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.admin.unwrap_or(self.listen))
    }

    /// The value of one line of its metrics: `store_busy_total`, `x_total{kind="read"}`.
    pub(crate) async fn metric(&self, line: &str) -> f64 {
        let text =
            reqwest::get(self.admin_url("/metrics")).await.expect("metrics").text().await.expect("text");
        let value = text.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(' '));
        value.unwrap_or("0").parse().unwrap_or_else(|error| panic!("{line}: {error} in\n{text}"))
    }

    /// Asserts the value of a metric.
    pub(crate) async fn metric_is(&self, line: &str, value: f64) {
        let found = self.metric(line).await;
        assert!((found - value).abs() < 1e-9, "{line} is {found}, not {value}");
    }

    /// Changes its settings; the answer's status and body.
    pub(crate) async fn patch(&self, patch: serde_json::Value) -> (u16, serde_json::Value) {
        let answer = reqwest::Client::new().patch(self.admin_url("/admin/settings")).json(&patch).send();
        let answer = answer.await.expect("an answer");
        (answer.status().as_u16(), answer.json().await.expect("JSON"))
    }

    /// Waits until a metric has a value, for at most five seconds.
    pub(crate) async fn metric_becomes(&self, line: &str, value: f64) {
        let mut last = f64::NAN;
        for _ in 0..500 {
            last = self.metric(line).await;
            if (last - value).abs() < 1e-9 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{line} is {last}, not {value}");
    }
}
