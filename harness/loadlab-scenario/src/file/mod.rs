//! The scenario file as it is written: shorthands, optional fields, places. The JSON schema comes from
//! these types too. What a valid one means is a [`crate::Plan`], made by [`crate::build`].
//!
//! They contain no defaults and no checks across fields.

pub(crate) mod arms;
pub(crate) mod client;
pub(crate) mod condition;
pub(crate) mod fault;
pub(crate) mod feed;
pub(crate) mod journey;
pub(crate) mod judge;
pub(crate) mod load;
pub(crate) mod study;

use std::time::Duration;

use loadlab_clock::{Seed, Speed};
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

use self::{
    arms::ArmsFile,
    client::ClientFile,
    condition::{LiveConditionFile, MaxBlastFile, SteadyStateFile},
    fault::FaultFile,
    feed::FeedFile,
    journey::{JourneyFile, StepFile},
    judge::{DocumentedFile, HealthFile, ObjectiveFile, ObjectiveLine},
    load::LoadFile,
};
use crate::{
    field::{At, Either, Leaf, Names},
    parse::{FromText, TextError, quantity::Name},
};

/// A loadlab scenario: what is loaded, how, and what must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Scenario")]
pub(crate) struct ScenarioFile {
    /// One line for people. Default: the file's name.
    pub(crate) title: Option<Leaf<String>>,
    /// The question that the scenario answers.
    pub(crate) question: Option<Leaf<String>>,
    /// What is loaded: a URL, or a profile of the reference target. Default: `{ profile: baseline }`.
    pub(crate) target: Option<Either<BaseUrl, TargetFile>>,
    /// Scenario seconds per real second. Default: 1.
    pub(crate) speed: Option<Leaf<Speed>>,
    /// Where all randomness comes from. Default: 1.
    pub(crate) seed: Option<Leaf<Seed>>,
    /// How arrivals come.
    pub(crate) load: At<LoadFile>,
    /// Time at the start that counts in no total and no objective. Default: none.
    pub(crate) warm_up: Option<Leaf<Duration>>,
    /// Longest time after the last arrival in which what is under way may end. Default: 30s.
    pub(crate) drain: Option<Leaf<Duration>>,
    /// How long an arrival may wait for a worker of the generator before it is booked as undispatched.
    /// Default: 5s.
    pub(crate) queue_age: Option<Leaf<Duration>>,
    /// Who the users are.
    pub(crate) users: Option<At<UsersFile>>,
    /// How a user's client behaves.
    pub(crate) client: Option<At<ClientFile>>,
    /// What users want.
    pub(crate) journeys: At<Vec<At<JourneyFile>>>,
    /// Data for templates, by name.
    pub(crate) feeds: Option<At<Names<At<FeedFile>>>>,
    /// What must hold.
    pub(crate) objectives: Option<At<Vec<Either<ObjectiveLine, ObjectiveFile>>>>,
    /// What a source document says will happen. Reported, never judged.
    pub(crate) documented: Option<At<DocumentedFile>>,
    /// Where the health states begin.
    pub(crate) health: Option<At<HealthFile>>,
    /// What is broken on purpose.
    pub(crate) faults: Option<At<Vec<At<FaultFile>>>>,
    /// The users are split into control and experiment, and the faults act in the experiment.
    pub(crate) arms: Option<At<ArmsFile>>,
    /// What is normal: it must hold before the first fault, and shows how the faults were taken.
    pub(crate) steady_state: Option<At<SteadyStateFile>>,
    /// The run ends, and all faults are healed, as soon as one of these holds.
    pub(crate) abort_if: Option<At<Vec<Either<ObjectiveLine, LiveConditionFile>>>>,
    /// How far faults may reach.
    pub(crate) max_blast: Option<At<MaxBlastFile>>,
}

/// What is loaded: either `profile` (with `with` and `set`), or `url` (and `metrics`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Target")]
pub(crate) struct TargetFile {
    /// A profile of the reference target, which the run starts.
    pub(crate) profile: Option<Leaf<Name>>,
    /// Mitigations laid over the profile, by name; `loadlab list` shows them.
    pub(crate) with: Option<At<Vec<Leaf<Name>>>>,
    /// Settings laid over both: dotted path to value.
    pub(crate) set: Option<At<Names<Leaf<String>>>>,
    /// A service that is already there.
    pub(crate) url: Option<Leaf<BaseUrl>>,
    /// Where it publishes Prometheus metrics: a path on it, or a URL.
    pub(crate) metrics: Option<Leaf<String>>,
}

/// Who the users are.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Users")]
pub(crate) struct UsersFile {
    /// Different identities. Default: one for each user of the load; for arrivals per second one for each
    /// arrival, at most 1000.
    pub(crate) count: Option<Leaf<u32>>,
    /// Performed once for each identity before the run begins, and counted nowhere.
    pub(crate) login: Option<At<StepFile>>,
}

/// `http://host:port` with an optional path prefix, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BaseUrl(pub(crate) String);

impl FromText for BaseUrl {
    fn from_text(text: &str) -> Result<Self, TextError> {
        let fail = |reason: &str| {
            let message = format!("`{}` is no base URL: {reason}", crate::document::shortened(text));
            TextError::whole(text, message)
                .accepted("`http://host:port`, `https://host/prefix`, or a map with `profile` or `url`")
        };
        let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        let Some(rest) = rest else {
            // `baseline` was meant as a profile, `localhost:8080` as a URL.
            let is_profile = crate::parse::quantity::is_name(text);
            let meant = if is_profile { format!("{{ profile: {text} }}") } else { format!("http://{text}") };
            let like_url = !text.contains("://") && !text.contains(char::is_whitespace) && !text.is_empty();
            return Err(fail("it begins with neither http:// nor https://")
                .suggestion(Some(meant).filter(|_| like_url)));
        };
        if let Some(c) =
            rest.chars().find(|c| c.is_whitespace() || c.is_control() || "?#@\\\"<>".contains(*c))
        {
            return Err(fail(&format!("`{}` cannot stand in it", c.escape_default())));
        }
        let authority = rest.split('/').next().unwrap_or_default();
        // The port is after the last colon, unless that is part of an IPv6 address.
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            _ => (authority, None),
        };
        if host.is_empty() {
            return Err(fail("the host is missing"));
        }
        if port.is_some_and(|port| !port.parse::<u16>().is_ok_and(|port| port > 0)) {
            return Err(fail("the port is not a number from 1 to 65535"));
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    fn schema() -> Schema {
        json_schema!({ "type": "string", "pattern": "^https?://[^/ ]+" })
    }
}
