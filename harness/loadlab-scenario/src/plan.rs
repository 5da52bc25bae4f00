//! What a run does, with every default explicit. A [`Plan`] is made by [`crate::load`] and nowhere
//! else, so whoever holds one may rely on what the fields promise.
//!
//! It contains no file positions, no optional shorthands and nothing that could be invalid. It is
//! stored whole in the run file.
//!
//! All durations and rates are *scenario time*.

use std::{collections::BTreeMap, time::Duration};

use loadlab_clock::{
    Seed, Speed,
    text::{human_duration, optional_duration},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    arms::Arms,
    component::Component,
    condition::{LiveCondition, MaxBlast, SteadyState},
    fault::Fault,
    objective::{Expectation, Objective},
    quantity::{Rate, Share},
    template::Template,
};

pub use crate::think::Think;

/// One run, decided in full before anything starts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The scenario's name: the file's stem.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// The question that the scenario answers.
    pub question: String,
    /// What is loaded.
    pub target: TargetPlan,
    /// Scenario seconds per real second.
    pub speed: Speed,
    /// Where all randomness comes from.
    pub seed: Seed,
    /// How arrivals come.
    pub load: Load,
    /// Time at the start whose samples count in no total and no objective; the windows keep them.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub warm_up: Duration,
    /// Longest time after the last arrival in which what is under way may end.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub drain: Duration,
    /// An arrival that waited this long for a worker of the generator is booked as undispatched.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub queue_age_max: Duration,
    /// Who the users are.
    pub users: Users,
    /// How a user's client behaves.
    pub client: Client,
    /// What users want, with weights.
    pub journeys: Vec<Journey>,
    /// Data that templates draw on, by name.
    pub feeds: BTreeMap<String, Feed>,
    /// What must hold.
    pub objectives: Vec<Objective>,
    /// What a source document says will happen. Reported, never judged.
    pub documented: Option<Documented>,
    /// Where the health states begin.
    pub health: Health,
    /// What is broken on purpose.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Fault>,
    /// How the users are split, if they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arms: Option<Arms>,
    /// What is normal, if the scenario says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steady_state: Option<SteadyState>,
    /// What ends the run early.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abort_if: Vec<LiveCondition>,
    /// How far faults may reach.
    #[serde(default, skip_serializing_if = "MaxBlast::is_empty")]
    pub max_blast: MaxBlast,
}

/// What is loaded: the reference target in a profile, or somebody's service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TargetPlan {
    /// The reference target, started by the run.
    Profile {
        /// The profile's name.
        name: String,
        /// Mitigations laid over the profile, by name.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        with: Vec<String>,
        /// Settings laid over both: dotted path to value, as text.
        set: BTreeMap<String, String>,
    },
    /// A service that is already there.
    Url {
        /// `http://host:port` or `https://host:port`, with an optional path prefix.
        base: String,
        /// Where it publishes Prometheus metrics, if it does: a path or a URL.
        metrics: Option<String>,
    },
}

/// How arrivals come. The first and the last are *open*: arrivals do not wait for the service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Load {
    /// Each of `users` arrives once, spread evenly over `within` (zero: all at once). Open.
    Burst {
        /// Users, each with one want.
        users: u32,
        /// Span of their arrivals.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        within: Duration,
    },
    /// Users who want, wait for the answer, think and want again. Closed.
    Users {
        /// How many there are over time. The number moves from the last stage's to `users` over
        /// `ramp`, and stays for `hold`.
        stages: Vec<UserStage>,
        /// Pause between an answer and the next want. The first want of a user comes after one
        /// draw, unless think time is zero.
        think: Think,
    },
    /// Arrivals per second, whatever the service does. Open.
    Arrivals {
        /// The rate over time: it moves linearly from `from` to `to`.
        stages: Vec<RateStage>,
        /// How arrivals are spaced.
        process: Process,
    },
}

/// A stretch of a closed load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UserStage {
    /// Users at the end of the ramp.
    pub users: u32,
    /// Time to get there.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub ramp: Duration,
    /// Time to stay there.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub hold: Duration,
}

/// A stretch of an open load.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateStage {
    /// Arrivals per second at its start.
    pub from: Rate,
    /// Arrivals per second at its end.
    pub to: Rate,
    /// How long it lasts.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub over: Duration,
}

/// How arrivals are spaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Process {
    /// Evenly.
    Uniform,
    /// Memoryless, as independent users arrive.
    Poisson,
}

/// Who the users are: identity `k` of `count`. In closed load user `k` is identity `k mod count`; in
/// open load arrival `n` is an identity drawn from `(seed, n)`; in a burst arrival `n` is identity `n`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Users {
    /// Different identities.
    pub count: u32,
    /// Performed once for each identity before the run begins, counted nowhere. What it extracts is
    /// available to every later step of that identity.
    pub login: Option<Step>,
}

/// How a user's client behaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Client {
    /// Connections at most to the service, as a browser's six. Waiting for one of them is the
    /// client's own behaviour and is reported apart.
    pub connections: u32,
    /// Connections are kept for the user's next request.
    pub reuse: bool,
    /// Longest time for a connection to be made.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub connect_timeout: Duration,
    /// Longest time for one attempt, from its sending to its last byte.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub timeout: Duration,
    /// When a user stops waiting for one attempt. The connection is closed; the service may go on.
    pub patience: Option<Think>,
    /// What a client does after an attempt that failed.
    pub retries: Retries,
    /// How fast the answer is read.
    pub reader: Reader,
    /// Users who leave in the middle of the answer.
    pub leaves: Option<Leaves>,
}

/// Attempts after the first. They belong to the same arrival.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Retries {
    /// Extra attempts at most; 0 is none.
    pub max: u32,
    /// Which users retry at all, drawn once per arrival.
    pub share: Share,
    /// Pause before an extra attempt.
    pub backoff: Backoff,
    /// After which ends of an attempt.
    pub after: Vec<RetryAfter>,
    /// Extra attempts of all users together, at most this share of their first attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Share>,
}

/// Pause before extra attempt `n`, counted from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Backoff {
    /// None.
    Immediate,
    /// `min(max, base · factor^n)`, of which a share of `jitter` is drawn evenly.
    Exponential {
        /// Before the first extra attempt.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        base: Duration,
        /// Growth.
        factor: f64,
        /// Longest pause.
        #[serde(with = "human_duration")]
        #[schemars(with = "String")]
        max: Duration,
        /// 0: none; 1: full jitter.
        jitter: Share,
    },
}

/// An end of an attempt that may be followed by another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RetryAfter {
    /// Patience ran out.
    Abandoned,
    /// The client's time-out ran out.
    Timeout,
    /// No connection, or it was reset.
    Connection,
    /// An error status that is not 429 or 503.
    Error,
    /// Status 429 or 503. `Retry-After` is honoured where it is longer than the backoff.
    Shed,
    /// The answer ended before its end.
    Truncated,
}

/// How fast answers are read.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// As fast as they come.
    Fast,
    /// Some users read slowly.
    Slow {
        /// Which users.
        share: Share,
        /// Bytes per second.
        bytes_per_s: u64,
    },
}

/// Users who leave in the middle of an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Leaves {
    /// Which users.
    pub share: Share,
    /// When, counted from the first byte of the answer.
    pub after: Think,
}

/// One kind of want.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Journey {
    /// Its name.
    pub name: String,
    /// How often it is wanted, beside the other journeys' weights.
    pub weight: u32,
    /// What is done, one after another. The first that fails ends the journey.
    pub steps: Vec<Step>,
}

/// One request, or many of one form side by side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its name: the label in objectives and reports.
    pub name: String,
    /// HTTP method, upper case.
    pub method: String,
    /// Path and query, under the target's base.
    pub path: Template,
    /// Headers, in order.
    pub headers: Vec<(String, Template)>,
    /// Body, with its content type.
    pub body: Option<Body>,
    /// Pause before it; the step is due at the end of the pause.
    pub think: Option<Think>,
    /// Its own time-out instead of the client's.
    #[serde(with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub timeout: Option<Duration>,
    /// What the answer must be like. Without a status check, 200 to 399 is expected.
    pub checks: Vec<Check>,
    /// Values kept for later steps, by name.
    pub extract: BTreeMap<String, Extract>,
    /// Many requests of this form at once, over the client's connections.
    pub fan_out: Option<FanOut>,
    /// The answer is a stream of server-sent events.
    pub stream: bool,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Body {
    /// `Content-Type`.
    pub content_type: String,
    /// The bytes, as text.
    pub text: Template,
}

/// A request for each element of a list that an earlier step extracted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FanOut {
    /// The extracted list.
    pub over: String,
    /// The name under which templates see the element.
    pub item: String,
    /// Elements at most.
    pub max: u32,
}

/// Something the answer must satisfy, or the outcome is `wrong_answer`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The status is one of these. (Its failure is the outcome `status`, not `wrong_answer`.)
    Status(Vec<u16>),
    /// A header is there, and equal to the text if one is given.
    Header {
        /// Its name, lower case.
        name: String,
        /// Its value.
        equals: Option<String>,
    },
    /// A value of the JSON body. In a stream: of the data of the last event that is JSON.
    Json {
        /// RFC 6901 pointer: `/sources/0/id`.
        pointer: String,
        /// How it must be.
        is: JsonIs,
    },
    /// The body contains this text.
    Contains(String),
    /// The stream ends with this event; a stream that ends without it is `truncated`.
    EndsWithEvent(String),
    /// The stream has at least so many events.
    EventsMin(u32),
}

/// How a JSON value must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum JsonIs {
    /// There, and not null.
    Present,
    /// Equal.
    Equal(serde_json::Value),
    /// There, and not equal.
    Different(serde_json::Value),
    /// A list, string or object with at least so many elements.
    LengthMin(u64),
}

/// Where a kept value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Extract {
    /// RFC 6901 pointer into the JSON body (in a stream: see [`Check::Json`]). A pointer part `*`
    /// takes every element of a list.
    Json(String),
    /// A response header.
    Header(String),
}

/// Rows of named values. Each arrival takes one row of each feed its journey uses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Feed {
    /// Column names.
    pub columns: Vec<String>,
    /// Rows, each as long as `columns`. Generated feeds are expanded when the plan is built.
    pub rows: Vec<Vec<String>>,
    /// How a row is taken.
    pub pick: Pick,
}

/// How a row is taken, from `(seed, arrival)` or `(seed, user, iteration)`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pick {
    /// One after another, from the start again at the end.
    InTurn,
    /// Every row alike.
    Uniform,
    /// Row `k`, counted from 1, in proportion to `k^-s`.
    Zipf {
        /// The exponent; 1 is the classic one.
        s: f64,
    },
}

/// What a source document says, and how to see whether it happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Documented {
    /// The document, as the product names it: `stress-test report`.
    pub source: String,
    /// The place in it: `scenario 1A`.
    pub section: String,
    /// Its claims.
    pub outcomes: Vec<DocumentedOutcome>,
    /// The order in which trouble spreads, as the document has it; empty if it has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Component>,
    /// Values of this scenario or its profile that differ from the document's, each with the reason.
    pub deviations: Vec<String>,
}

/// One claim of a source document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentedOutcome {
    /// For people: `success rate`.
    pub name: String,
    /// The band in which the observed value reproduces the claim.
    pub expect: Expectation,
    /// From when on it is about what ended; `None`: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub from: Option<Duration>,
    /// Until when; `None`: to the end.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_duration")]
    #[schemars(with = "Option<String>")]
    pub to: Option<Duration>,
}

/// Where the health states begin, in the systems-thinking framework's terms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// A window's p95 response above this is degraded.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub degraded_latency: Duration,
    /// A window's p95 response above this is failed.
    #[serde(with = "human_duration")]
    #[schemars(with = "String")]
    pub failed_latency: Duration,
    /// A window's share of failed arrivals above this is degraded.
    pub degraded_errors: Share,
    /// A window's share of failed arrivals above this is failed.
    pub failed_errors: Share,
    /// The target's CPU use above this is degraded.
    pub degraded_cpu: Share,
    /// The target's CPU use above this is failed.
    pub failed_cpu: Share,
}
