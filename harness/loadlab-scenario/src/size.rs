//! How large a plan is: how long, how many users, what the generator needs for it.

use std::{fmt, time::Duration};

use loadlab_clock::text::format_duration;

use crate::{
    fault::{ClientChange, Disturbance},
    objective::{Compare, LatencyKind, Measure, Statistic},
    plan::{Backoff, Load, Plan, Process, RateStage, Step},
    quantity::Rate,
};

/// How long a closed connection keeps its local port (Linux, TIME-WAIT), real seconds.
const TIME_WAIT_S: f64 = 60.0;
/// Standard deviations above the mean that arrivals by chance hardly ever reach.
const CHANCE: f64 = 4.0;
/// Descriptors for everything that is no connection: journal, scrapes, keeper, runtime.
const DESCRIPTORS_OWN: u64 = 128;

/// What the generator needs of its machine; estimates for the worst case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// File descriptors at once.
    pub descriptors: u64,
    /// Local ports at once, with those that still wait after their connection was closed.
    pub ports: u64,
}

impl Load {
    /// Arrivals do not wait for the service.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Burst { .. } | Self::Arrivals { .. })
    }

    /// How long arrivals come, in scenario time.
    pub fn duration(&self) -> Duration {
        match self {
            Self::Burst { within, .. } => *within,
            Self::Users { stages, .. } => stages
                .iter()
                .fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.ramp).saturating_add(stage.hold)),
            Self::Arrivals { stages, .. } => {
                stages.iter().fold(Duration::ZERO, |sum, stage| sum.saturating_add(stage.over))
            }
        }
    }

    /// Most users at the same time, where the plan decides that; arrivals per second have no users.
    pub fn users_max(&self) -> Option<u32> {
        match self {
            Self::Burst { users, .. } => Some(*users),
            Self::Users { stages, .. } => stages.iter().map(|stage| stage.users).max(),
            Self::Arrivals { .. } => None,
        }
    }

    /// How many arrivals are expected; in closed load the service decides that.
    pub fn arrivals(&self) -> Option<f64> {
        match self {
            Self::Burst { users, .. } => Some(f64::from(*users)),
            Self::Users { .. } => None,
            Self::Arrivals { stages, .. } => Some(stages.iter().map(RateStage::arrivals).sum()),
        }
    }

    /// The highest rate of arrivals, per second of scenario time; none for a burst and in closed load.
    pub fn rate_max(&self) -> Option<Rate> {
        let Self::Arrivals { stages, .. } = self else { return None };
        let rates = stages.iter().flat_map(|stage| [stage.from, stage.to]);
        rates.max_by(|a, b| a.per_second().total_cmp(&b.per_second()))
    }
}

impl RateStage {
    /// Arrivals expected in it.
    pub fn arrivals(&self) -> f64 {
        f64::midpoint(self.from.per_second(), self.to.per_second()) * self.over.as_secs_f64()
    }
}

impl Plan {
    /// All steps of all journeys, in order. The position is the step's index in records.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.journeys.iter().flat_map(|journey| &journey.steps)
    }

    /// The index of the step with this name.
    pub fn step_index(&self, name: &str) -> Option<usize> {
        self.steps().position(|step| step.name == name)
    }

    /// The tightest response time that an objective asks of single arrivals (a percentile or the
    /// maximum of all arrivals, without a step). A slower arrival is lost.
    pub fn response_bound(&self) -> Option<Duration> {
        let bounds = self.objectives.iter().filter_map(|objective| match objective.measure {
            Measure::Latency {
                statistic: Statistic::Percentile(_) | Statistic::Max,
                step: None,
                kind: LatencyKind::Response,
            } if matches!(objective.compare, Compare::Less | Compare::LessOrEqual) => {
                Duration::try_from_secs_f64(objective.bound).ok()
            }
            _ => None,
        });
        bounds.min()
    }

    /// Identities that can occur: those of `users.count` that the load has a user for.
    pub fn identities(&self) -> u32 {
        self.load.users_max().map_or(self.users.count, |most| most.min(self.users.count))
    }

    /// What the generator needs for it.
    pub fn needs(&self) -> Needs {
        let per_user = self.connections_per_user();
        let open = self.users_at_once().saturating_mul(per_user);
        // A connection that is not kept is closed by the client and holds its port for a while.
        let waiting =
            if self.client.reuse { 0 } else { self.requests_within(TIME_WAIT_S * self.speed.get()) };
        Needs { descriptors: open.saturating_add(DESCRIPTORS_OWN), ports: open.saturating_add(waiting) }
    }

    /// One connection, unless a step fans out. In open load a worker is a user of one arm and then of
    /// the other, and keeps the connections of both.
    fn connections_per_user(&self) -> u64 {
        let at_once = self.steps().map(|step| step.fan_out.as_ref().map_or(1, |fan_out| fan_out.max)).max();
        let both = self.arms.is_some() && self.load.is_open() && self.client.reuse;
        let sets = if both { 2 } else { 1 };
        u64::from(at_once.unwrap_or(1).min(self.client.connections)) * sets
    }

    /// Users with something under way at once, if everything takes as long as the client allows. Where
    /// arrivals come by chance, there is room for four standard deviations more than come on average.
    pub fn users_at_once(&self) -> u64 {
        let Load::Arrivals { process, .. } = &self.load else {
            return u64::from(self.load.users_max().unwrap_or(0));
        };
        let rate = self.load.rate_max().map_or(0.0, Rate::per_second);
        let mean = rate * self.longest_arrival().as_secs_f64();
        let by_chance = match process {
            Process::Poisson => CHANCE * mean.sqrt(),
            Process::Uniform => 0.0,
        };
        (mean + by_chance).min(self.load.arrivals().unwrap_or(0.0)).ceil() as u64
    }

    /// The longest time that the client spends on an arrival: every attempt of every step runs into its
    /// time-out.
    fn longest_arrival(&self) -> Duration {
        let client = &self.client;
        let pause = match &client.retries.backoff {
            Backoff::Immediate => Duration::ZERO,
            Backoff::Exponential { max, .. } => *max,
        };
        let storms = self.faults.iter().filter_map(|fault| match fault.what {
            Disturbance::Clients { what: ClientChange::RetryStorm { retries, .. } } => Some(retries),
            _ => None,
        });
        let retries = storms.chain([client.retries.max]).max().unwrap_or(0);
        let of_step = |step: &Step| {
            let attempt = step.timeout.unwrap_or(client.timeout) + client.connect_timeout;
            let think = step.think.as_ref().map_or(Duration::ZERO, |think| think.draw.mean());
            think + attempt + (attempt + pause) * retries
        };
        let of_journey = |steps: &[Step]| steps.iter().map(of_step).sum::<Duration>();
        self.journeys.iter().map(|journey| of_journey(&journey.steps)).max().unwrap_or_default()
    }

    /// Requests that may begin within so many scenario seconds; in closed load a guess of one per user
    /// and second, since the service decides.
    fn requests_within(&self, seconds: f64) -> u64 {
        let of_journey = |steps: &[Step]| -> f64 {
            steps.iter().map(|step| step.fan_out.as_ref().map_or(1.0, |fan_out| f64::from(fan_out.max))).sum()
        };
        let per_arrival = self.journeys.iter().map(|journey| of_journey(&journey.steps)).fold(1.0, f64::max);
        let attempts = 1.0 + f64::from(self.client.retries.max) * self.client.retries.share.get();
        let arrivals = match (&self.load, self.load.rate_max()) {
            (Load::Users { .. }, _) => f64::from(self.load.users_max().unwrap_or(0)) * seconds,
            (_, Some(rate)) => (rate.per_second() * seconds).min(self.load.arrivals().unwrap_or(f64::MAX)),
            (_, None) => self.load.arrivals().unwrap_or(0.0),
        };
        (arrivals * per_arrival * attempts).ceil() as u64
    }
}

/// `100 users at once`, `50 arrivals/s for 1m (poisson)`.
impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Burst { users, within } if within.is_zero() => write!(f, "{users} users at once"),
            Self::Burst { users, within } => write!(f, "{users} users within {}", format_duration(*within)),
            Self::Users { stages, think } => {
                for (index, stage) in stages.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", then " })?;
                    write!(f, "{} users for {}", stage.users, format_duration(stage.hold))?;
                    if !stage.ramp.is_zero() {
                        write!(f, " after a ramp of {}", format_duration(stage.ramp))?;
                    }
                }
                let pause = think.draw.mean();
                if pause.is_zero() { Ok(()) } else { write!(f, ", think time {think}") }
            }
            Self::Arrivals { stages, process } => {
                for (index, stage) in stages.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", then " })?;
                    let (from, to) = (stage.from.per_second(), stage.to.per_second());
                    let over = format_duration(stage.over);
                    if stage.from == stage.to {
                        write!(f, "{from} arrivals/s for {over}")?;
                    } else {
                        write!(f, "{from} to {to} arrivals/s over {over}")?;
                    }
                }
                f.write_str(match process {
                    Process::Poisson => " (poisson)",
                    Process::Uniform => " (uniform)",
                })
            }
        }
    }
}
