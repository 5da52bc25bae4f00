//! File types to plan: reads every scalar, puts defaults in, and checks what only the whole file can
//! tell. Nothing stops at a mistake; what depends on a wrong value is left out and not complained about.

mod arms;
mod client;
mod condition;
mod fault;
mod fault_fields;
mod feed;
mod journey;
mod judge;
mod load;
mod step;
pub(crate) mod study;
mod study_tables;
mod template;

use std::{collections::BTreeMap, rc::Rc, time::Duration};

use loadlab_clock::{Seed, Speed};

use self::template::Scope;
use crate::{
    document::{Document, Kind, NodeId, Place, Problem, Problems, is_null},
    field::{At, Either, Leaf},
    file::{BaseUrl, ScenarioFile, TargetFile, UsersFile},
    parse::{FromText, TextError, quantity::Name},
    plan::{Load, Plan, Step, TargetPlan, Users},
};

/// Reads a CSV file, given its path as written in the scenario.
pub(crate) type ReadFile<'a> = dyn Fn(&str) -> Result<String, String> + 'a;

/// Something optional: none if it is wrong, which was reported; `Some(None)` if it is not there.
pub(crate) type Read<T> = Option<Option<T>>;

const DRAIN: Duration = Duration::from_secs(30);
/// Long enough for a stall of the generator, short enough that users would have left.
const QUEUE_AGE: Duration = Duration::from_secs(5);
/// The profile that the stress-test report describes.
const PROFILE: &str = "baseline";
/// Identities of an open load: each costs a login before the run.
const IDENTITIES_MAX: u32 = 1000;

/// What building needs besides the file.
#[derive(Clone, Copy)]
pub(crate) struct Builder<'a> {
    pub(crate) document: &'a Document,
    pub(crate) problems: &'a Problems,
    pub(crate) read_file: &'a ReadFile<'a>,
    /// The scenario's path, as shown.
    pub(crate) path: &'a str,
}

/// The plan, unless there is a problem.
#[expect(clippy::similar_names, reason = "speed and seed are the format's words")]
pub(crate) fn plan(b: Builder<'_>, file: &ScenarioFile) -> Option<Plan> {
    let name = stem(b.path);
    let title = b.or(file.title, name.clone());
    let question = b.or(file.question, String::new());
    let target = b.target(file.target.as_ref());
    let speed = b.or(file.speed, Speed::REAL);
    let seed = b.or(file.seed, Seed::new(1));
    let load = b.load(&file.load);
    let warm_up = b.warm_up(file.warm_up, load.as_ref());
    let drain = b.or(file.drain, DRAIN);
    let queue_age_max = b.or(file.queue_age, QUEUE_AGE);
    let client = b.client(file.client.as_ref());
    let feeds = b.feeds(file.feeds.as_ref(), seed);
    let users = b.users(file.users.as_ref(), load.as_ref());
    let login = file.users.as_ref().and_then(|users| users.value.as_ref()?.login.as_ref());
    let journeys = b.journeys(&file.journeys, &feeds, login);
    let steps = b.step_names(&file.journeys);
    let objectives = b.objectives(file.objectives.as_ref(), &steps);
    let documented = b.documented(file.documented.as_ref(), &steps);
    let health = b.health(file.health.as_ref());
    let faults = b.faults(file.faults.as_ref(), load.as_ref(), target.as_ref(), &steps);
    let arms = b.arms(file.arms.as_ref(), target.as_ref());
    if let Some(Some(arms)) = &arms {
        b.check_arms_users(arms, file, seed, users.as_ref(), load.as_ref());
        b.check_arms_faults(arms, file, faults.as_deref(), target.as_ref());
    }
    let steady_state = b.steady_state(file.steady_state.as_ref(), &steps, faults.as_deref(), warm_up);
    let abort_if = b.abort_if(file.abort_if.as_ref(), &steps);
    let until = load.as_ref().zip(drain).map(|(load, drain)| load.duration() + drain);
    let max_blast = b.max_blast(file.max_blast.as_ref(), faults.as_deref(), until);
    if !b.problems.is_empty() {
        return None;
    }
    Some(Plan {
        title: title?,
        question: question?,
        name,
        target: target?,
        speed: speed?,
        seed: seed?,
        load: load?,
        warm_up: warm_up?,
        drain: drain?,
        queue_age_max: queue_age_max?,
        users: users?,
        client: client?,
        journeys: journeys?,
        feeds: feeds.into_iter().filter_map(|(name, feed)| Some((name, feed?))).collect(),
        objectives: objectives?,
        documented: documented?,
        health: health?,
        faults: faults?,
        arms: arms?,
        steady_state: steady_state?,
        abort_if: abort_if?,
        max_blast: max_blast?,
    })
}

/// `scenarios/100-concurrent.yaml` is named `100-concurrent`.
fn stem(path: &str) -> String {
    let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let stem = file.strip_suffix(".yaml").or_else(|| file.strip_suffix(".yml")).unwrap_or(file);
    stem.to_owned()
}

/// Reading scalars, and reporting.
impl<'a> Builder<'a> {
    /// What a scalar means, or none, reported.
    pub(crate) fn get<T: FromText>(self, leaf: Leaf<T>) -> Option<T> {
        self.read(leaf.node?, T::from_text)
    }

    /// What a scalar means, or the default if there is none.
    pub(crate) fn or<T: FromText>(self, leaf: Option<Leaf<T>>, default: T) -> Option<T> {
        leaf.map_or(Some(default), |leaf| self.get(leaf))
    }

    /// What a scalar means; `Some(None)` if there is none.
    pub(crate) fn maybe<T: FromText>(self, leaf: Option<Leaf<T>>) -> Read<T> {
        leaf.map_or(Some(None), |leaf| self.get(leaf).map(Some))
    }

    /// What a scalar means to `read`, or none, reported.
    pub(crate) fn read<T>(self, node: NodeId, read: impl FnOnce(&str) -> Result<T, TextError>) -> Option<T> {
        let Kind::Scalar { text, plain } = &self.document.node(node).kind else {
            if !matches!(self.document.node(node).kind, Kind::Broken) {
                let found = self.document.describe(node);
                // What is accepted is in the error for a text that is certainly wrong.
                let accepted = read("\u{fffd}").err().and_then(|error| error.accepted);
                let mut problem = self.problem_at(node, format!("{found} cannot stand here"));
                problem.accepted = Some(accepted.unwrap_or_else(|| "text".to_owned()));
                self.problems.add(problem);
            }
            return None;
        };
        if *plain && is_null(text) {
            let accepted = read("\u{fffd}").err().and_then(|error| error.accepted);
            let mut problem = self.problem_at(node, "the value is missing");
            problem.accepted = accepted;
            self.problems.add(problem);
            return None;
        }
        read(text).map_err(|error| self.text_error(node, error)).ok()
    }

    /// A scalar's text as it is.
    pub(crate) fn text<T>(self, leaf: &Leaf<T>) -> Option<&'a str> {
        self.document.scalar(leaf.node?)
    }

    fn problem_at(self, node: NodeId, message: impl Into<String>) -> Problem {
        Problem::new(self.document.place(node).clone(), message)
    }

    /// Reports something about a node.
    pub(crate) fn wrong(self, node: NodeId, message: impl Into<String>) {
        self.problems.add(self.problem_at(node, message));
    }

    /// Reports something about a node, and what is accepted.
    pub(crate) fn refuse(self, node: NodeId, message: impl Into<String>, accepted: impl Into<String>) {
        self.problems.add(self.problem_at(node, message).accepted(accepted));
    }

    /// Reports something about a scalar.
    pub(crate) fn wrong_leaf<T>(self, leaf: &Leaf<T>, message: impl Into<String>) {
        if let Some(node) = leaf.node {
            self.wrong(node, message);
        }
    }

    /// Reports a mistake in a scalar's text, at its exact place.
    pub(crate) fn text_error(self, node: NodeId, error: TextError) {
        let whole = self.document.place(node);
        let place = match self.document.scalar(node) {
            Some(text) => whole.part(text, error.start..error.end),
            None => whole.clone(),
        };
        let TextError { message, accepted, suggestion, .. } = error;
        self.problems.add(Problem { place, message, accepted, suggestion });
    }

    /// A scalar that must be at least 1.
    pub(crate) fn positive(self, leaf: Leaf<u32>, what: &str) -> Option<u32> {
        let value = self.get(leaf)?;
        if value == 0 {
            self.wrong_leaf(&leaf, format!("{what} must be 1 or more"));
            return None;
        }
        Some(value)
    }

    /// A duration that must be longer than nothing.
    pub(crate) fn lasting(self, leaf: Leaf<Duration>, what: &str) -> Option<Duration> {
        let value = self.get(leaf)?;
        if value.is_zero() {
            self.wrong_leaf(&leaf, format!("{what} must be longer than 0"));
            return None;
        }
        Some(value)
    }

    /// Place of something in another file.
    pub(crate) fn elsewhere(self, text: &Rc<crate::document::Text>, at: usize, message: String) {
        let at = at.min(text.content.len());
        let end = text.content[at..].find('\n').map_or(text.content.len(), |end| at + end);
        self.problems.add(Problem::new(Place { text: Rc::clone(text), range: at..end }, message));
    }
}

/// What concerns the file as a whole.
impl Builder<'_> {
    fn target(self, target: Option<&Either<BaseUrl, TargetFile>>) -> Option<TargetPlan> {
        let default =
            || TargetPlan::Profile { name: PROFILE.to_owned(), with: Vec::new(), set: BTreeMap::new() };
        match target {
            None => Some(default()),
            Some(Either::Short(url)) => Some(TargetPlan::Url { base: self.get(*url)?.0, metrics: None }),
            Some(Either::Long(At { node, value })) => self.long_target(*node, value.as_ref()?),
        }
    }

    fn long_target(self, node: NodeId, file: &TargetFile) -> Option<TargetPlan> {
        let profile = self.maybe(file.profile);
        let with = file.with.as_ref().map_or(Some(Vec::new()), |with| self.mitigations(with));
        let set = file.set.as_ref().map_or(Some(BTreeMap::new()), |set| self.settings(set));
        let url = self.maybe(file.url);
        let metrics = self.maybe(file.metrics);
        let stray = |name: &str, needs: &str| {
            let message = format!("`{name}` belongs to a target with `{needs}`");
            self.refuse(node, message, "`{ profile, set }` or `{ url, metrics }`");
        };
        if let Some(Some(metrics)) = &metrics
            && !(metrics.starts_with('/') || BaseUrl::from_text(metrics).is_ok())
        {
            let leaf = file.metrics?;
            let message = format!("`{metrics}` is neither a path nor a URL");
            self.refuse(leaf.node?, message, "`/metrics`, `http://host:port/metrics`");
        }
        match (file.profile.is_some(), file.url.is_some()) {
            (true, true) => {
                let message = "`profile` and `url` exclude each other";
                self.refuse(node, message, "`{ profile, set }` or `{ url, metrics }`");
                None
            }
            (false, false) if file.metrics.is_some() || (file.set.is_none() && file.with.is_none()) => {
                self.refuse(node, "the target has neither `profile` nor `url`", "one of them");
                None
            }
            (_, true) => {
                if file.set.is_some() {
                    stray("set", "profile");
                }
                if file.with.is_some() {
                    stray("with", "profile");
                }
                Some(TargetPlan::Url { base: url??.0, metrics: metrics? })
            }
            (_, false) => {
                if file.metrics.is_some() {
                    stray("metrics", "url");
                }
                let name = profile?.map_or_else(|| PROFILE.to_owned(), |name| name.0);
                Some(TargetPlan::Profile { name, with: with?, set: set? })
            }
        }
    }

    /// Names of mitigations. Which there are is the target's to know.
    fn mitigations(self, with: &At<Vec<Leaf<Name>>>) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        for leaf in with.value.as_ref()? {
            let Some(Name(name)) = self.get(*leaf) else { continue };
            if names.contains(&name) {
                self.wrong_leaf(leaf, format!("`{name}` is named twice"));
            }
            names.push(name);
        }
        Some(names)
    }

    pub(crate) fn settings(
        self,
        set: &At<crate::field::Names<Leaf<String>>>,
    ) -> Option<BTreeMap<String, String>> {
        let mut settings = BTreeMap::new();
        for (path, value) in &set.value.as_ref()?.0 {
            let text = self.text(path).unwrap_or_default();
            let is_segment = |segment: &str| {
                !segment.is_empty()
                    && segment.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-')
            };
            if !text.split('.').all(is_segment) {
                let message = format!("`{}` is not a setting", crate::document::shortened(text));
                self.refuse(path.node?, message, "a dotted path: `pool.max`");
            }
            if let Some(value) = self.get(*value) {
                settings.insert(text.to_owned(), value);
            }
        }
        Some(settings)
    }

    fn warm_up(self, leaf: Option<Leaf<Duration>>, load: Option<&Load>) -> Option<Duration> {
        let warm_up = self.or(leaf, Duration::ZERO)?;
        let (Some(leaf), Some(load)) = (leaf, load) else { return Some(warm_up) };
        if !warm_up.is_zero() && warm_up >= load.duration() {
            let length = loadlab_clock::text::format_duration(load.duration());
            self.wrong_leaf(&leaf, format!("the load lasts {length}; nothing would be left to measure"));
        }
        Some(warm_up)
    }

    fn users(self, users: Option<&At<UsersFile>>, load: Option<&Load>) -> Option<Users> {
        let default = load.map(|load| match load {
            Load::Burst { .. } | Load::Users { .. } => load.users_max().unwrap_or(1),
            Load::Arrivals { .. } => {
                let arrivals = load.arrivals().unwrap_or(0.0).ceil();
                (arrivals as u32).clamp(1, IDENTITIES_MAX)
            }
        });
        let Some(users) = users else { return Some(Users { count: default?, login: None }) };
        let file = users.value.as_ref()?;
        let count = match file.count {
            Some(count) => self.positive(count, "the number of identities"),
            None => default,
        };
        let login = file.login.as_ref().map_or(Some(None), |login| self.login(login).map(Some));
        Some(Users { count: count?, login: login? })
    }

    fn login(self, login: &At<crate::file::journey::StepFile>) -> Option<Step> {
        let feeds = BTreeMap::new();
        let scope = Scope { login: true, item: None, kept: Vec::new(), feeds: &feeds };
        self.step(login, &scope, Some("login"))
    }
}
