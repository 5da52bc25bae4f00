//! What base and head are: a profile of the reference target, an address, or a command.

use std::fmt;

use loadlab_scenario::{Plan, nearest};
use target_service::profile::Profile;

use crate::{
    cli::{GateArgs, PlanArgs},
    exit::Exit,
    scenarios::{self, PlanError},
};

/// What a plan loads whose target is started by a command, until the command says where.
const NOWHERE: &str = "http://127.0.0.1:1";

/// Both.
#[derive(Debug)]
pub(super) struct Sides {
    pub(super) base: Sided,
    pub(super) head: Sided,
}

/// One of the two.
#[derive(Debug)]
pub(super) struct Sided {
    /// The scenario with its target.
    pub(super) plan: Plan,
    /// The shell command that starts it, if that is how.
    pub(super) command: Option<String>,
    /// In words.
    pub(super) name: String,
}

/// How a target comes about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Profile,
    Address,
    Command,
}

/// Why there is nothing to compare.
#[derive(Debug)]
pub(super) enum SidesError {
    /// The scenario, or what is laid over it.
    Plan(PlanError),
    /// A word that is no command either, and nearly the name of a profile.
    Misspelt { spec: String, nearest: &'static str },
    /// Settings of something that has no profile.
    NoProfile {
        /// What it is.
        spec: String,
    },
    /// Stores of something that has none.
    NoStores,
    /// Two targets that come about in different ways have more than one difference.
    Kinds { base: &'static str, head: &'static str },
}

impl fmt::Display for SidesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan(error) => write!(f, "{error}"),
            Self::Misspelt { spec, .. } => write!(f, "there is no profile `{spec}`"),
            Self::NoProfile { spec } => {
                write!(f, "`{spec}` is no profile of the reference target, so nothing of it can be set")
            }
            Self::NoStores => f.write_str(
                "--redis and --database take the place of the reference target's stores, and it is not what is \
                 loaded",
            ),
            Self::Kinds { base, head } => write!(
                f,
                "base and head cannot be compared, since more than one thing differs:\n  stack: base is {base}, \
                 head is {head}"
            ),
        }
    }
}

impl std::error::Error for SidesError {}

impl SidesError {
    pub(super) const fn exit(&self) -> Exit {
        match self {
            Self::Plan(_) | Self::Misspelt { .. } | Self::NoProfile { .. } | Self::NoStores => Exit::Invalid,
            Self::Kinds { .. } => Exit::Incomparable,
        }
    }

    pub(super) fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Plan(_) => return None,
            Self::Misspelt { spec, nearest } => {
                return Some(format!(
                    "the nearest name is `{nearest}`; a command that is called so is given as `exec {spec}`"
                ));
            }
            Self::NoProfile { .. } => "`loadlab list` names the profiles; a command has its settings itself",
            Self::NoStores => "leave them out, or compare profiles",
            Self::Kinds { .. } => "give both as profiles, both as addresses, or both as commands",
        };
        Some(hint.to_owned())
    }
}

impl Kind {
    fn of(spec: &str) -> Result<Self, SidesError> {
        if spec.starts_with("http://") || spec.starts_with("https://") {
            return Ok(Self::Address);
        }
        if Profile::named(spec).is_ok() {
            return Ok(Self::Profile);
        }
        // A word alone may be a command, but rather not where a profile is called nearly so.
        match nearest(spec, Profile::names()) {
            Some(nearest) => Err(SidesError::Misspelt { spec: spec.to_owned(), nearest }),
            None => Ok(Self::Command),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Profile => "a profile of the reference target",
            Self::Address => "a service that is there",
            Self::Command => "started by a command",
        }
    }
}

impl Sides {
    /// As the command line says.
    pub(super) fn of(arguments: &GateArgs) -> Result<Self, SidesError> {
        // With --aa base is compared with itself.
        let head = arguments.head.as_ref().unwrap_or(&arguments.base);
        let head_set = if arguments.noise.aa { &arguments.base_set } else { &arguments.head_set };
        let kinds = [Kind::of(&arguments.base)?, Kind::of(head)?];
        if kinds[0] != kinds[1] {
            return Err(SidesError::Kinds { base: kinds[0].name(), head: kinds[1].name() });
        }
        let is_profile = kinds[0] == Kind::Profile;
        if !is_profile && !arguments.stores.external().by_role().is_empty() {
            return Err(SidesError::NoStores);
        }
        Ok(Self {
            base: Sided::of(arguments, &arguments.base, &arguments.base_set)?,
            head: Sided::of(arguments, head, head_set)?,
        })
    }
}

impl Sided {
    fn of(arguments: &GateArgs, spec: &str, set: &[String]) -> Result<Self, SidesError> {
        let kind = Kind::of(spec)?;
        if kind != Kind::Profile && !set.is_empty() {
            return Err(SidesError::NoProfile { spec: spec.to_owned() });
        }
        let settings = set.iter().map(|one| format!("target.set.{one}"));
        let plan = PlanArgs {
            scenario: arguments.scenario.clone(),
            profile: (kind == Kind::Profile).then(|| spec.to_owned()),
            with: Vec::new(),
            target: match kind {
                Kind::Profile => None,
                Kind::Address => Some(spec.to_owned()),
                Kind::Command => Some(NOWHERE.to_owned()),
            },
            speed: arguments.speed.clone(),
            seed: arguments.seed.clone(),
            set: arguments.set.iter().cloned().chain(settings).collect(),
        };
        Ok(Self {
            plan: scenarios::plan(&plan).map_err(SidesError::Plan)?,
            command: (kind == Kind::Command).then(|| spec.to_owned()),
            name: if set.is_empty() { spec.to_owned() } else { format!("{spec} with {}", set.join(", ")) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_neither_address_nor_profile_is_a_command() {
        let kinds = ["http://127.0.0.1:8080", "https://shop", "baseline", "./serve --port $PORT", "serve"]
            .map(|spec| Kind::of(spec).expect(spec));
        assert_eq!(kinds, [Kind::Address, Kind::Address, Kind::Profile, Kind::Command, Kind::Command]);
    }

    #[test]
    fn a_word_that_is_nearly_a_profile_is_no_command() {
        let error = Kind::of("basline").expect_err("misspelt");
        assert_eq!(
            (error.to_string().as_str(), error.exit()),
            ("there is no profile `basline`", Exit::Invalid)
        );
        assert!(error.hint().is_some_and(|hint| hint.starts_with("the nearest name is `baseline`;")));
    }
}
