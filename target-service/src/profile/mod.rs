//! A profile: a named configuration of the whole target. All durations are scenario time.
//!
//! Profiles are YAML files in `profiles/`, compiled in, one section per role, or what another one
//! `extends`. Mitigations are laid over them by name, and single values are changed by dotted path:
//! `service.pool.max=40`.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

mod compose;
mod gateway;
mod ingest;
mod llm;
mod memory;
mod mitigations;
mod redis;
mod service;
mod settings;
mod shipped;
mod size;
mod sql;
mod streams;
mod versions;
mod waits;

pub use compose::Mitigation;
pub use gateway::{Balance, GatewayProfile, GatewayProfileError, GlobalLimit, OnReset, RateLimit};
pub use ingest::IngestSettings;
pub use llm::*;
pub use memory::{MemoryGuard, MemorySettings};
pub use mitigations::*;
pub use redis::*;
pub use service::{
    BreakerSettings, Caches, EmbeddingFallback, L1Settings, L2Settings, OnDisconnect, SearchSettings,
    ServiceProfile, ServiceProfileError, SessionHabit, Timeouts, WarmUp, Workers,
};
pub use settings::Change;
pub use size::{Size, SizeTextError};
pub use sql::*;
pub use streams::{AnswerBytes, StreamBuffer, StreamSettings};
pub use versions::{DeploymentSettings, JudgeFailure, JudgeSettings};

/// The configuration of the whole target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The gateway.
    pub gateway: GatewayProfile,
    /// Every instance of the service.
    pub service: ServiceProfile,
    /// The LLM mock.
    pub llm: LlmProfile,
    /// The stand-in Redis.
    pub redis: RedisProfile,
    /// The stand-in SQL store.
    pub sql: SqlProfile,
}

/// Why there is no such profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProfileError {
    /// No profile of that name is compiled in.
    Unknown {
        /// What was asked for.
        name: String,
    },
    /// No mitigation of that name is compiled in.
    UnknownMitigation {
        /// What was asked for.
        name: String,
    },
    /// Two mitigations want the same setting to be different.
    Conflict {
        /// The setting.
        path: String,
        /// The first one.
        one: String,
        /// The second one.
        other: String,
    },
    /// The text is no profile.
    Text {
        /// Whose text.
        name: String,
        /// What is wrong, with line and column.
        reason: String,
    },
    /// The settings of a section do not go together.
    Invalid {
        /// The section.
        section: &'static str,
        /// Why.
        reason: String,
    },
    /// A setting's path leads nowhere.
    Path {
        /// The path as it was given.
        path: String,
        /// The names that are accepted in the place of the first one that is not.
        accepted: Vec<String>,
    },
    /// A setting's value is not what its place takes.
    Value {
        /// The path.
        path: String,
        /// The value as it was given.
        value: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl fmt::Display for ProfileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { name } => unknown(f, "profile", name, Profile::names()),
            Self::UnknownMitigation { name } => unknown(f, "mitigation", name, Mitigation::names()),
            Self::Conflict { path, one, other } => {
                write!(f, "the mitigations `{one}` and `{other}` set `{path}` differently")
            }
            Self::Text { name, reason } => write!(f, "profile `{name}`: {reason}"),
            Self::Invalid { section, reason } => write!(f, "`{section}`: {reason}"),
            Self::Path { path, accepted } => {
                write!(f, "no setting `{path}`; accepted here: {}", accepted.join(", "))
            }
            Self::Value { path, value, reason } => write!(f, "`{path}` cannot be `{value}`: {reason}"),
        }
    }
}

impl std::error::Error for ProfileError {}

fn unknown(f: &mut fmt::Formatter<'_>, kind: &str, name: &str, known: Vec<&'static str>) -> fmt::Result {
    let there_are = known.join(", ");
    match shipped::nearest(name, known) {
        Some(nearest) => {
            write!(f, "there is no {kind} `{name}`; did you mean `{nearest}`? There is {there_are}")
        }
        None => write!(f, "there is no {kind} `{name}`; there is {there_are}"),
    }
}

impl Profile {
    /// This profile with single values changed: dotted path to value, as written in YAML.
    pub fn with(&self, changes: &BTreeMap<String, String>) -> Result<Self, ProfileError> {
        let set = |profile: Self, (path, value): (&String, &String)| settings::set(&profile, path, value);
        let profile = changes.iter().try_fold(self.clone(), set)?;
        profile.check()?;
        Ok(profile)
    }

    /// What is different in `other`, by path.
    pub fn differences(&self, other: &Self) -> Vec<Change> {
        settings::differences(self, other)
    }

    /// Every setting: dotted path, and value as YAML has it.
    pub fn settings(&self) -> BTreeMap<String, String> {
        settings::leaves(self).into_iter().map(|(path, value)| (path, settings::written(&value))).collect()
    }

    /// Whether the settings go together.
    pub fn check(&self) -> Result<(), ProfileError> {
        let invalid = |section, reason: String| ProfileError::Invalid { section, reason };
        self.gateway.check().map_err(|error| invalid("gateway", error.to_string()))?;
        self.service.pool.check().map_err(|error| invalid("service.pool", error.to_string()))?;
        self.service.check().map_err(|error| invalid("service", error.to_string()))?;
        self.llm.check().map_err(|error| invalid("llm", error.to_string()))?;
        self.redis.check().map_err(|error| invalid("redis", error.to_string()))?;
        self.sql.check().map_err(|error| invalid("sql", error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn baseline() -> Profile {
        Profile::named("baseline").expect("it is shipped")
    }

    fn changed(path: &str, value: &str) -> Result<Profile, ProfileError> {
        baseline().with(&BTreeMap::from([(path.to_owned(), value.to_owned())]))
    }

    #[test]
    fn every_shipped_profile_is_read_and_says_so_in_json_too() {
        for name in Profile::names() {
            let profile = Profile::named(name).expect(name);
            let json = serde_json::to_string(&profile).expect("json");
            assert_eq!(serde_json::from_str::<Profile>(&json).expect("the same again"), profile);
            assert_eq!(profile.check(), Ok(()));
        }
    }

    #[test]
    fn a_dotted_path_changes_one_value() {
        let mut expected = baseline();
        expected.service.pool.max = 40;
        assert_eq!(changed("service.pool.max", "40").expect("a setting"), expected);
        let slow = changed("service.timeouts.http", "10s").expect("a setting");
        assert_eq!(slow.service.timeouts.http.as_secs(), 10);
        let habit = changed("service.search.session", "per_retrieval").expect("a setting");
        assert_eq!(habit.service.search.session, SessionHabit::PerRetrieval);
    }

    #[test]
    fn a_wrong_path_names_what_is_accepted_there() {
        let error = changed("service.pol.max", "40").expect_err("no such path").to_string();
        assert!(
            error.starts_with("no setting `service.pol.max`; accepted here: service.instances"),
            "{error}"
        );
        assert!(error.contains("service.pool"), "{error}");
        let error = changed("service.pool.max.more", "40").expect_err("a leaf has no parts").to_string();
        assert!(error.contains("accepted here: service.pool.max"), "{error}");
    }

    #[test]
    fn a_wrong_value_says_why() {
        let error = changed("service.pool.max", "many").expect_err("no number").to_string();
        assert!(error.starts_with("`service.pool.max` cannot be `many`: "), "{error}");
        let error = changed("service.timeouts.http", "10").expect_err("no unit").to_string();
        assert!(error.contains("unit"), "{error}");
        let error = changed("service.pool", "3").expect_err("a section").to_string();
        assert!(error.contains("it is a section"), "{error}");
    }

    #[test]
    fn settings_that_do_not_go_together_are_refused() {
        let cases = [
            ("service.pool.max", "10", "`service.pool`: min 20 is above max 10"),
            ("service.workers.count", "0", "`service`: `workers.count` is 0"),
            ("service.search.events_per_second", "0.0", "`service`: `search.events_per_second` is 0"),
            ("service.search.queries_min", "6", "`service`: `search.queries_min` 6 is above `queries_max` 5"),
            ("gateway.rate_limit.per_second", "-1.0", "`gateway`: `rate_limit.per_second` is -1"),
        ];
        for (path, value, expected) in cases {
            assert_eq!(changed(path, value).expect_err(path).to_string(), expected);
        }
    }

    #[test]
    fn an_unknown_profile_names_those_there_are() {
        let error = Profile::named("basline").expect_err("misspelt").to_string();
        assert!(
            error.starts_with("there is no profile `basline`; did you mean `baseline`? There is baseline, ")
        );
    }
}
