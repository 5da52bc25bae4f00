//! A plan, compiled: names resolved to places, durations to real time, constant parts of requests
//! built once.

use std::{collections::BTreeMap, fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use loadlab_clock::{Seed, Speed};
use loadlab_scenario::{
    arms::Cohort,
    plan::{Check, Extract, Feed, Load, Pick, Plan, Retries, Step, Think},
};

use crate::render::{Names, Text};

/// What the engine carries out.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) seed: Seed,
    pub(crate) speed: Speed,
    /// All steps of all journeys, in the plan's order.
    pub(crate) steps: Vec<StepProgram>,
    pub(crate) journeys: Vec<JourneyProgram>,
    pub(crate) login: Option<StepProgram>,
    pub(crate) feeds: Vec<FeedTable>,
    /// How many names values are kept under.
    pub(crate) kept_names: usize,
    pub(crate) identities: u32,
    pub(crate) kind: LoadKind,
    pub(crate) connections: usize,
    pub(crate) reuse: bool,
    /// Real.
    pub(crate) connect_timeout: Duration,
    pub(crate) retries: Retries,
    pub(crate) patience: Option<Think>,
    pub(crate) leaves: Option<loadlab_scenario::plan::Leaves>,
    pub(crate) slow: Option<SlowReader>,
    /// By identity, where users are split; else empty.
    cohorts: Vec<Cohort>,
}

/// What decides about identities and draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LoadKind {
    Burst,
    Open,
    /// With the largest number of users.
    Closed(u32),
}

/// Some users read slowly.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SlowReader {
    pub(crate) share: f64,
    /// Per real second.
    pub(crate) bytes_per_s: f64,
}

/// A journey's place among the steps.
#[derive(Debug, Clone)]
pub(crate) struct JourneyProgram {
    pub(crate) steps: std::ops::Range<usize>,
    /// Sum of the weights up to and with this one.
    pub(crate) weight_to: u64,
    /// Feeds of which an arrival takes a row.
    pub(crate) feeds: Vec<usize>,
}

/// A step, ready to be sent.
#[derive(Debug)]
pub(crate) struct StepProgram {
    /// Index over all journeys; [`StepProgram::LOGIN`] for the login.
    pub(crate) index: usize,
    pub(crate) method: Method,
    /// Path and query under the base, or the finished address when it is always the same.
    pub(crate) path: Text,
    pub(crate) uri: Option<Uri>,
    /// Headers that are always the same.
    pub(crate) fixed_headers: HeaderMap,
    /// The others.
    pub(crate) filled_headers: Vec<(HeaderName, Text)>,
    pub(crate) body: Option<Text>,
    /// The body, when it is always the same.
    pub(crate) fixed_body: Option<Bytes>,
    pub(crate) think: Option<Think>,
    /// Real.
    pub(crate) timeout: Duration,
    /// Statuses that are expected; 200 to 399 without.
    pub(crate) statuses: Option<Vec<u16>>,
    pub(crate) checks: Vec<Check>,
    pub(crate) extracts: Vec<(usize, Extract)>,
    pub(crate) fan_out: Option<FanOutProgram>,
    pub(crate) stream: bool,
    pub(crate) needs: Needs,
}

/// What must be held of an answer to check it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Needs {
    /// The whole body.
    pub(crate) body: bool,
    /// The data of a stream's last event that is JSON.
    pub(crate) event_json: bool,
}

/// A fan-out with its names resolved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FanOutProgram {
    pub(crate) over: usize,
    pub(crate) item: usize,
    pub(crate) max: usize,
}

/// A feed's rows and how one is taken.
#[derive(Debug)]
pub(crate) struct FeedTable {
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) pick: Pick,
    /// For a Zipf pick: the sum of the weights up to and with each row.
    pub(crate) weights_to: Vec<f64>,
}

/// A plan that the engine cannot carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramError {
    /// A template names a feed that the plan does not have.
    UnknownFeed {
        /// Its name.
        feed: String,
    },
    /// A method that HTTP does not allow.
    Method {
        /// The step.
        step: String,
        /// What it has.
        method: String,
    },
    /// A header that HTTP does not allow.
    Header {
        /// The step.
        step: String,
        /// Its name.
        header: String,
    },
    /// A path that is none.
    Path {
        /// The step.
        step: String,
        /// What it has.
        path: String,
    },
    /// There is no journey with a weight above 0.
    NoJourney,
}

impl fmt::Display for ProgramError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFeed { feed } => write!(f, "there is no feed `{feed}`"),
            Self::Method { step, method } => write!(f, "step `{step}`: `{method}` is not an HTTP method"),
            Self::Header { step, header } => write!(f, "step `{step}`: `{header}` is not a valid header"),
            Self::Path { step, path } => write!(f, "step `{step}`: `{path}` is not a path"),
            Self::NoJourney => f.write_str("no journey has a weight above 0"),
        }
    }
}

impl std::error::Error for ProgramError {}

/// What every request to a target has in common.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    /// `Host`.
    pub(crate) host: HeaderValue,
    /// `User-Agent`.
    pub(crate) agent: HeaderValue,
    /// In front of every path; empty or `/prefix`.
    pub(crate) prefix: String,
}

#[derive(Debug, Default)]
struct Places {
    feeds: BTreeMap<String, usize>,
    kept: BTreeMap<String, usize>,
}

impl Names for Places {
    type Error = ProgramError;

    fn feed(&self, name: &str) -> Result<usize, ProgramError> {
        self.feeds.get(name).copied().ok_or_else(|| ProgramError::UnknownFeed { feed: name.to_owned() })
    }

    fn kept(&mut self, name: &str) -> usize {
        let next = self.kept.len();
        *self.kept.entry(name.to_owned()).or_insert(next)
    }
}

impl Program {
    pub(crate) fn compile(plan: &Plan, common: &Common) -> Result<Self, ProgramError> {
        let mut places = Places { feeds: plan.feeds.keys().cloned().zip(0..).collect(), ..Places::default() };
        let mut compiler = Compiler { plan, common, places: &mut places };
        let login = plan.users.login.as_ref();
        let login = login.map(|step| compiler.step(step, StepProgram::LOGIN)).transpose()?;
        let (steps, journeys) = compiler.journeys()?;
        Ok(Self {
            seed: plan.seed,
            speed: plan.speed,
            steps,
            journeys,
            login,
            feeds: plan.feeds.values().map(FeedTable::new).collect(),
            kept_names: places.kept.len(),
            identities: plan.users.count.max(1),
            kind: LoadKind::of(&plan.load),
            connections: plan.client.connections.max(1) as usize,
            reuse: plan.client.reuse,
            connect_timeout: plan.speed.real(plan.client.connect_timeout),
            retries: plan.client.retries.clone(),
            patience: plan.client.patience.clone(),
            leaves: plan.client.leaves.clone(),
            slow: SlowReader::of(plan),
            cohorts: plan
                .arms
                .as_ref()
                .map(|arms| arms.cohorts(plan.seed, plan.users.count.max(1)))
                .unwrap_or_default(),
        })
    }

    /// The cohort of an identity, where users are split.
    pub(crate) fn cohort(&self, user: u32) -> Option<Cohort> {
        self.cohorts.get(user as usize).copied()
    }

    /// One draw of a duration, cut at its maximum, in real time.
    pub(crate) fn think(&self, think: &Think, purpose: &str, a: u64, b: u64) -> Duration {
        draw(self.speed, think, self.seed, purpose, a, b)
    }
}

/// One draw of a duration from a stream of a seed, within its bounds, in real time.
pub(crate) fn draw(speed: Speed, think: &Think, source: Seed, purpose: &str, a: u64, b: u64) -> Duration {
    let scenario = match &think.draw {
        loadlab_clock::Distribution::Constant(duration) => *duration,
        other => other.sample(&mut source.stream(purpose, a, b)),
    };
    speed.real(think.bounded(scenario))
}

impl LoadKind {
    fn of(load: &Load) -> Self {
        match load {
            Load::Burst { .. } => Self::Burst,
            Load::Arrivals { .. } => Self::Open,
            Load::Users { stages, .. } => Self::Closed(crate::closed_load::users_max(stages)),
        }
    }
}

impl SlowReader {
    fn of(plan: &Plan) -> Option<Self> {
        match plan.client.reader {
            loadlab_scenario::plan::Reader::Fast => None,
            loadlab_scenario::plan::Reader::Slow { share, bytes_per_s } => Some(Self {
                share: share.get(),
                bytes_per_s: plan.speed.real_rate(bytes_per_s as f64).max(1.0),
            }),
        }
    }
}

impl FeedTable {
    fn new(feed: &Feed) -> Self {
        let weights_to = match feed.pick {
            Pick::Zipf { s } => {
                let mut sum = 0.0;
                let to = (1..=feed.rows.len()).map(|k| {
                    sum += (k as f64).powf(-s);
                    sum
                });
                to.collect()
            }
            Pick::InTurn | Pick::Uniform => Vec::new(),
        };
        Self { rows: feed.rows.clone(), pick: feed.pick, weights_to }
    }

    pub(crate) fn cell(&self, row: u32, column: usize) -> &str {
        self.rows.get(row as usize).and_then(|row| row.get(column)).map_or("", String::as_str)
    }
}

struct Compiler<'a> {
    plan: &'a Plan,
    common: &'a Common,
    places: &'a mut Places,
}

impl Compiler<'_> {
    fn journeys(&mut self) -> Result<(Vec<StepProgram>, Vec<JourneyProgram>), ProgramError> {
        let (mut steps, mut journeys, mut weight_to) = (Vec::new(), Vec::new(), 0);
        for journey in &self.plan.journeys {
            let first = steps.len();
            for step in &journey.steps {
                steps.push(self.step(step, steps.len())?);
            }
            weight_to += u64::from(journey.weight);
            let mut feeds: Vec<usize> = steps[first..].iter().flat_map(StepProgram::feeds).collect();
            feeds.sort_unstable();
            feeds.dedup();
            journeys.push(JourneyProgram { steps: first..steps.len(), weight_to, feeds });
        }
        if weight_to == 0 { Err(ProgramError::NoJourney) } else { Ok((steps, journeys)) }
    }

    fn step(&mut self, step: &Step, index: usize) -> Result<StepProgram, ProgramError> {
        let path = Text::compile(&step.path, self.places)?;
        let uri = path.as_literal().map(|text| self.uri(step, text)).transpose()?;
        let body = step.body.as_ref().map(|body| Text::compile(&body.text, self.places)).transpose()?;
        let fixed_body = body.as_ref().and_then(Text::as_literal).map(|text| Bytes::from(text.to_owned()));
        let (fixed_headers, filled_headers) = self.headers(step)?;
        let method = Method::from_bytes(step.method.as_bytes())
            .map_err(|_| ProgramError::Method { step: step.name.clone(), method: step.method.clone() })?;
        let statuses = step.checks.iter().find_map(|check| match check {
            Check::Status(statuses) => Some(statuses.clone()),
            _ => None,
        });
        let extracts = step.extract.iter().map(|(name, from)| (self.places.kept(name), from.clone()));
        let extracts: Vec<_> = extracts.collect();
        let fan_out = step.fan_out.as_ref().map(|fan_out| FanOutProgram {
            over: self.places.kept(&fan_out.over),
            item: self.places.kept(&fan_out.item),
            max: fan_out.max as usize,
        });
        Ok(StepProgram {
            index,
            method,
            path,
            uri,
            fixed_headers,
            filled_headers,
            body,
            fixed_body,
            think: step.think.clone(),
            timeout: self.plan.speed.real(step.timeout.unwrap_or(self.plan.client.timeout)),
            statuses,
            needs: Needs::of(step),
            checks: step.checks.clone(),
            extracts,
            fan_out,
            stream: step.stream,
        })
    }

    fn uri(&self, step: &Step, path: &str) -> Result<Uri, ProgramError> {
        let mut full = format!("{}{path}", self.common.prefix);
        crate::render::make_path_safe(&mut full);
        full.parse().map_err(|_| ProgramError::Path { step: step.name.clone(), path: full })
    }

    fn headers(&mut self, step: &Step) -> Result<(HeaderMap, Vec<(HeaderName, Text)>), ProgramError> {
        let bad = |header: &str| ProgramError::Header { step: step.name.clone(), header: header.to_owned() };
        let accept = if step.stream { "text/event-stream" } else { "*/*" };
        let mut fixed = HeaderMap::with_capacity(8);
        fixed.insert(header::HOST, self.common.host.clone());
        fixed.insert(header::USER_AGENT, self.common.agent.clone());
        fixed.insert(header::ACCEPT, HeaderValue::from_static(accept));
        if let Some(body) = &step.body {
            let value = HeaderValue::from_str(&body.content_type).map_err(|_| bad(&body.content_type))?;
            fixed.insert(header::CONTENT_TYPE, value);
        }
        let mut filled = Vec::new();
        for (name, template) in &step.headers {
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| bad(name))?;
            let text = Text::compile(template, self.places)?;
            match text.as_literal() {
                Some(text) => {
                    fixed.insert(key, HeaderValue::from_str(text).map_err(|_| bad(name))?);
                }
                None => filled.push((key, text)),
            }
        }
        Ok((fixed, filled))
    }
}

impl StepProgram {
    /// The index of the login, whose requests are counted nowhere.
    pub(crate) const LOGIN: usize = usize::MAX;

    fn feeds(&self) -> Vec<usize> {
        let texts = self.filled_headers.iter().map(|(_, text)| text);
        texts.chain([&self.path]).chain(&self.body).flat_map(Text::feeds).collect()
    }

    /// Whether a status is as expected.
    pub(crate) fn expects(&self, status: u16) -> bool {
        match &self.statuses {
            Some(statuses) => statuses.contains(&status),
            None => (200..400).contains(&status),
        }
    }
}

impl Needs {
    fn of(step: &Step) -> Self {
        let json = step.checks.iter().any(|check| matches!(check, Check::Json { .. }))
            || step.extract.values().any(|from| matches!(from, Extract::Json(_)));
        let contains = step.checks.iter().any(|check| matches!(check, Check::Contains(_)));
        Self { body: contains || (json && !step.stream), event_json: json && step.stream }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use loadlab_scenario::{
        plan::{Backoff, Client, Health, Journey, Reader, TargetPlan, Users},
        quantity::Share,
        template::Template,
    };

    use super::*;

    /// The smallest plan with this load: one journey of one `GET /`.
    pub(crate) fn plan(load: Load, seed: Seed) -> Plan {
        let second = Duration::from_secs(1);
        Plan {
            name: "test".into(),
            title: String::new(),
            question: String::new(),
            target: TargetPlan::Url { base: String::new(), metrics: None },
            speed: Speed::REAL,
            seed,
            load,
            warm_up: Duration::ZERO,
            drain: 30 * second,
            queue_age_max: 10 * second,
            users: Users { count: 1_000, login: None },
            client: Client {
                connections: 6,
                reuse: true,
                connect_timeout: 5 * second,
                timeout: 30 * second,
                patience: None,
                retries: Retries {
                    max: 0,
                    share: Share::ALL,
                    backoff: Backoff::Immediate,
                    after: vec![],
                    budget: None,
                },
                reader: Reader::Fast,
                leaves: None,
            },
            journeys: vec![Journey { name: "j".into(), weight: 1, steps: vec![step("get")] }],
            feeds: BTreeMap::new(),
            objectives: vec![],
            documented: None,
            health: Health {
                degraded_latency: second,
                failed_latency: second,
                degraded_errors: Share::ALL,
                failed_errors: Share::ALL,
                degraded_cpu: Share::ALL,
                failed_cpu: Share::ALL,
            },
            faults: vec![],
            arms: None,
            steady_state: None,
            abort_if: Vec::new(),
            max_blast: loadlab_scenario::condition::MaxBlast::default(),
        }
    }

    /// `GET /`.
    pub(crate) fn step(name: &str) -> Step {
        Step {
            name: name.into(),
            method: "GET".into(),
            path: Template::literal("/"),
            headers: vec![],
            body: None,
            think: None,
            timeout: None,
            checks: vec![],
            extract: BTreeMap::new(),
            fan_out: None,
            stream: false,
        }
    }
}
