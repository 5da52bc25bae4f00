//! How a profile is put together from what is compiled in.
//!
//! ```text
//!   its base (`extends`) ─> its own `set` ─> mitigations: its own `with`, then the caller's ─> profile
//! ```
//!
//! A *mitigation* is a small set of settings with a name. Any set of them composes, as long as no two
//! want the same setting to be different.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::{Profile, ProfileError, settings, shipped};

/// How deep profiles may extend each other: a file that extends itself must end.
const DEPTH_MAX: usize = 8;

/// What every profile says, beside its settings.
#[derive(Debug, Deserialize)]
struct Header {
    title: String,
    /// The profile it differs from; none if it has all settings itself.
    #[serde(default)]
    extends: Option<String>,
    /// Mitigations.
    #[serde(default)]
    with: Vec<String>,
    /// Dotted path to value.
    #[serde(default)]
    set: BTreeMap<String, Value>,
}

/// A named set of settings that answers one way to fail.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mitigation {
    /// What it is, in few words.
    pub title: String,
    /// What the source document says of its effect.
    pub documented: String,
    /// The document and the section.
    pub source: String,
    /// The settings: dotted path to value.
    pub set: BTreeMap<String, Value>,
}

impl Mitigation {
    /// The names of the mitigations that are compiled in.
    pub fn names() -> Vec<&'static str> {
        shipped::MITIGATIONS.iter().map(|(name, _)| *name).collect()
    }

    /// A mitigation that is compiled in.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        let text = shipped::text(&shipped::MITIGATIONS, name)
            .ok_or_else(|| ProfileError::UnknownMitigation { name: name.to_owned() })?;
        read(name, text)
    }
}

impl Profile {
    /// The names of the profiles that are compiled in.
    pub fn names() -> Vec<&'static str> {
        shipped::PROFILES.iter().map(|(name, _)| *name).collect()
    }

    /// What a profile is for, in few words.
    pub fn title(name: &str) -> Result<String, ProfileError> {
        Ok(header(name)?.1.title)
    }

    /// A profile that is compiled in.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        Self::composed(name, &[])
    }

    /// A profile that is compiled in, with mitigations laid over it.
    pub fn composed(name: &str, with: &[String]) -> Result<Self, ProfileError> {
        let (base, mut mitigations) = layers(name, DEPTH_MAX)?;
        mitigations.extend(with.iter().cloned());
        overlay(&base, &mitigations)
    }
}

/// A profile without its mitigations, and their names.
fn layers(name: &str, depth: usize) -> Result<(Profile, Vec<String>), ProfileError> {
    let (text, header) = header(name)?;
    let Header { title: _, extends, with, set } = header;
    let (base, mut mitigations) = match extends {
        None => (whole(name, text)?, Vec::new()),
        Some(_) if depth == 0 => {
            let reason = "profiles extend each other in a circle".to_owned();
            return Err(ProfileError::Text { name: name.to_owned(), reason });
        }
        Some(base) => layers(&base, depth - 1)?,
    };
    mitigations.extend(with);
    let set_one =
        |profile: Profile, (path, value): (&String, &Value)| settings::set_value(&profile, path, value);
    Ok((set.iter().try_fold(base, set_one)?, mitigations))
}

/// The profile with all mitigations laid over it.
fn overlay(base: &Profile, names: &[String]) -> Result<Profile, ProfileError> {
    let mut settled: BTreeMap<String, (Value, &String)> = BTreeMap::new();
    let mut profile = base.clone();
    for name in names {
        for (path, value) in Mitigation::named(name)?.set {
            if let Some((path, one)) = conflict(&settled, &path, &value) {
                return Err(ProfileError::Conflict { path, one, other: name.clone() });
            }
            profile = settings::set_value(&profile, &path, &value)?;
            settled.insert(path, (value, name));
        }
    }
    Ok(profile)
}

/// The setting, and who wants it to be different: the same one, a section of it or a part of it.
fn conflict(
    settled: &BTreeMap<String, (Value, &String)>,
    path: &str,
    value: &Value,
) -> Option<(String, String)> {
    let within =
        |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('.'));
    settled.iter().find_map(|(known, (wanted, name))| {
        let differs = known == path && wanted != value;
        let overlaps = within(known, path) || within(path, known);
        (differs || overlaps).then(|| (path.to_owned(), (*name).clone()))
    })
}

/// A profile's text and what it says beside its settings.
fn header(name: &str) -> Result<(&'static str, Header), ProfileError> {
    let text = shipped::text(&shipped::PROFILES, name)
        .ok_or_else(|| ProfileError::Unknown { name: name.to_owned() })?;
    Ok((text, read(name, text)?))
}

/// A profile that has all settings itself.
fn whole(name: &str, text: &str) -> Result<Profile, ProfileError> {
    // `title` is the header's; all else is settings, and unknown ones are mistakes.
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Whole {
        #[serde(rename = "title")]
        _title: String,
        gateway: super::GatewayProfile,
        service: super::ServiceProfile,
        llm: super::LlmProfile,
        redis: super::RedisProfile,
        sql: super::SqlProfile,
    }
    let Whole { _title, gateway, service, llm, redis, sql } = read(name, text)?;
    Ok(Profile { gateway, service, llm, redis, sql })
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> Result<T, ProfileError> {
    serde_saphyr::from_str(text)
        .map_err(|error| ProfileError::Text { name: name.to_owned(), reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn composed(with: &[&str]) -> Result<Profile, ProfileError> {
        Profile::composed("baseline", &names(with))
    }

    #[test]
    fn every_mitigation_changes_baseline_and_nothing_it_does_not_name() {
        let baseline = Profile::named("baseline").expect("it is shipped");
        for name in Mitigation::names() {
            let mitigation = Mitigation::named(name).expect(name);
            let profile = composed(&[name]).expect(name);
            assert_eq!(profile.check(), Ok(()), "{name}");
            let changed: Vec<String> =
                settings::differences(&baseline, &profile).into_iter().map(|change| change.path).collect();
            let named = |path: &String| mitigation.set.keys().any(|set| path.starts_with(set.as_str()));
            assert!(!changed.is_empty() && changed.iter().all(named), "{name} changes {changed:?}");
            for text in [&mitigation.title, &mitigation.documented, &mitigation.source] {
                assert!(!text.is_empty(), "{name}");
            }
        }
    }

    #[test]
    fn mitigations_compose_in_any_order() {
        let one = composed(&["pool-40", "bulkheads", "two-queries"]).expect("they compose");
        let other = composed(&["two-queries", "pool-40", "bulkheads"]).expect("they compose");
        assert_eq!(one, other);
        assert_eq!((one.service.pool.max, one.service.pool.min), (40, 40));
        assert!(one.service.mitigations.bulkheads.enabled);
        assert_eq!(one.service.search.queries_max, 2);
        // Twice is once.
        assert_eq!(composed(&["pool-40", "pool-40"]), composed(&["pool-40"]));
    }

    #[test]
    fn two_that_want_the_same_setting_to_be_different_are_refused_naming_both() {
        let error = composed(&["rate-limit-500", "pool-40", "rate-limit-binding"]).expect_err("they differ");
        let text = error.to_string();
        assert!(text.contains("`rate-limit-500`") && text.contains("`rate-limit-binding`"), "{text}");
        assert!(text.contains("gateway.global_limit."), "{text}");
    }

    #[test]
    fn an_unknown_mitigation_is_refused_with_the_nearest() {
        let error = composed(&["pool-4"]).expect_err("misspelt").to_string();
        assert!(error.starts_with("there is no mitigation `pool-4`; did you mean `pool-40`?"), "{error}");
    }

    #[test]
    fn the_mitigated_profile_is_baseline_with_mitigations() {
        let (base, with) = layers("mitigated", DEPTH_MAX).expect("it is shipped");
        assert_eq!(base, Profile::named("baseline").expect("it is shipped"));
        assert_eq!(Profile::composed("baseline", &with), Profile::named("mitigated"));
        assert!(with.len() >= 5, "{with:?}");
    }

    #[test]
    fn without_its_breaker_a_search_retries_and_has_nothing_to_fall_back_on() {
        let profile = Profile::named("no-breaker").expect("it is shipped");
        assert!(!profile.service.breaker.enabled);
        assert_eq!(profile.service.mitigations.llm_retries.max, 3);
    }
}
