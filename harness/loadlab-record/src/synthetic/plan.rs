//! The plan of a made-up run: that of the scenario `100-concurrent`, with another load.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::Distribution;
use loadlab_scenario::{
    objective::{Measure, MetricStatistic, ShareOf},
    plan::{
        Backoff, Body, Check, Client, Documented, DocumentedOutcome, Health, Journey, Load, Plan, Reader,
        Retries, RetryAfter, Step, TargetPlan, Think, Users,
    },
    quantity::Share,
    template::Template,
};

use super::{Synthetic, expectation, p95};

/// How long users wait: the impatient ones of the stress-test report.
pub(super) const PATIENCE: Distribution =
    Distribution::Lognormal { median: Duration::from_secs(9), sigma: 0.35 };
/// The client's time-out.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);
/// Share of the users who gave up that try again.
pub(super) const RETRY_SHARE: f64 = 0.8;

/// The plan that `synthetic` pretends to have carried out.
pub(super) fn plan(synthetic: &Synthetic) -> Plan {
    let users = match &synthetic.load {
        Load::Burst { users, .. } => *users,
        Load::Users { .. } | Load::Arrivals { .. } => 1_000,
    };
    Plan {
        name: "100-concurrent".to_owned(),
        title: "100 simultaneous searches".to_owned(),
        question: "What do 100 simultaneous searches do to the system as documented?".to_owned(),
        target: TargetPlan::Profile { name: "baseline".to_owned(), with: Vec::new(), set: BTreeMap::new() },
        speed: synthetic.speed,
        seed: synthetic.seed,
        load: synthetic.load.clone(),
        warm_up: synthetic.warm_up,
        drain: Duration::from_secs(60),
        queue_age_max: Duration::from_secs(10),
        users: Users { count: users, login: None },
        client: client(),
        journeys: vec![Journey { name: "search".to_owned(), weight: 1, steps: vec![step()] }],
        feeds: BTreeMap::new(),
        objectives: synthetic.objectives.clone(),
        documented: Some(documented()),
        health: Health {
            degraded_latency: Duration::from_secs(5),
            failed_latency: Duration::from_secs(7),
            degraded_errors: share(0.01),
            failed_errors: share(0.1),
            degraded_cpu: share(0.7),
            failed_cpu: share(0.9),
        },
        faults: vec![],
        arms: None,
        steady_state: None,
        abort_if: Vec::new(),
        max_blast: loadlab_scenario::condition::MaxBlast::default(),
    }
}

fn share(value: f64) -> Share {
    Share::try_new(value).expect("the constants here are shares")
}

fn client() -> Client {
    Client {
        connections: 6,
        reuse: true,
        connect_timeout: Duration::from_secs(5),
        timeout: TIMEOUT,
        patience: Some(Think::of(PATIENCE)),
        retries: Retries {
            max: 1,
            share: share(RETRY_SHARE),
            backoff: Backoff::Immediate,
            after: vec![RetryAfter::Abandoned, RetryAfter::Timeout],
            budget: None,
        },
        reader: Reader::Fast,
        leaves: None,
    }
}

fn step() -> Step {
    let body = Body {
        content_type: "application/json".to_owned(),
        text: Template::literal(r#"{"query":"rust","stream":true}"#),
    };
    Step {
        name: "search".to_owned(),
        method: "POST".to_owned(),
        path: Template::literal("/search"),
        headers: Vec::new(),
        body: Some(body),
        think: None,
        timeout: None,
        checks: vec![Check::EndsWithEvent("done".to_owned())],
        extract: BTreeMap::new(),
        fan_out: None,
        stream: true,
    }
}

/// The claims of scenario 1A.
fn documented() -> Documented {
    let of = |of| Measure::Share { of, step: None };
    let waiting = |statistic| Measure::Metric { name: "pool_waiting".to_owned(), statistic };
    let outcomes = [
        ("success rate", "success", of(ShareOf::Success), Some(0.5), Some(0.6)),
        ("timeout rate", "gave_up", of(ShareOf::GaveUp), Some(0.2), Some(0.3)),
        ("retry rate", "retries", of(ShareOf::Retries), Some(0.15), Some(0.25)),
        ("response time p95", "p95", p95(), Some(8.0), Some(12.0)),
        ("pool queue", "peak(pool_waiting)", waiting(MetricStatistic::Peak), Some(75.0), Some(80.0)),
        ("pool drained after", "drained(pool_waiting)", waiting(MetricStatistic::Drained), None, Some(15.0)),
    ];
    let outcome = |(name, text, measure, min, max): (&str, &str, Measure, _, _)| DocumentedOutcome {
        name: name.to_owned(),
        expect: expectation(text, measure, min, max),
        from: None,
        to: None,
    };
    Documented {
        source: "stress-test report".to_owned(),
        section: "scenario 1A".to_owned(),
        outcomes: outcomes.into_iter().map(outcome).collect(),
        chain: Vec::new(),
        deviations: Vec::new(),
    }
}
