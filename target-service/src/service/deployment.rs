//! What is deployed, and by which labels the caches know it.
//!
//! ```text
//!   deployment: { prompt, embedding }      what answers are really made with
//!   cache: { prompt_version, … }           what stands in the caches' keys and in the provenance
//! ```
//!
//! A good deployment changes both. One that changes only the first goes on to find, under the same
//! key, what the old one made. With the check such a deployment is refused and the old one goes on;
//! without it nobody notices. Both change while the instance runs, by `PATCH /admin/settings`.

use std::{error::Error, fmt, sync::Arc};

use axum::{
    Json,
    response::{IntoResponse as _, Response},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::figures::Figures;
use crate::{
    profile::{Caches, DeploymentSettings, ServiceProfile},
    standin::{Live, PatchError},
};

/// The versions in the caches' keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheVersions {
    /// Of the prompt.
    pub prompt_version: String,
    /// Of the embedding model.
    pub embedding_version: String,
}

impl From<&Caches> for CacheVersions {
    fn from(caches: &Caches) -> Self {
        Self {
            prompt_version: caches.prompt_version.clone(),
            embedding_version: caches.embedding_version.clone(),
        }
    }
}

/// What is deployed, with its labels. A search takes one look and keeps to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployed {
    /// What is in use.
    pub deployment: DeploymentSettings,
    /// What the caches know of it.
    pub cache: CacheVersions,
}

/// A deployment whose labels are not its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMismatch {
    /// `prompt` or `embedding`.
    what: &'static str,
    deployed: String,
    label: String,
}

impl fmt::Display for VersionMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, deployed, label } = self;
        write!(f, "the deployed {what} is `{deployed}`, and the caches' keys say `{label}`")
    }
}

impl Error for VersionMismatch {}

impl Deployed {
    /// The profile's.
    pub fn of(profile: &ServiceProfile) -> Self {
        Self { deployment: profile.deployment.clone(), cache: CacheVersions::from(&profile.cache) }
    }

    /// Refuses a mismatch, if there is a check.
    pub fn check(&self) -> Result<(), VersionMismatch> {
        let pairs = [
            ("prompt", &self.deployment.prompt, &self.cache.prompt_version),
            ("embedding", &self.deployment.embedding, &self.cache.embedding_version),
        ];
        let differs = pairs.into_iter().find(|(_, deployed, label)| deployed != label);
        match differs.filter(|_| self.deployment.check) {
            None => Ok(()),
            Some((what, deployed, label)) => {
                Err(VersionMismatch { what, deployed: deployed.clone(), label: label.clone() })
            }
        }
    }
}

/// The instance's deployment.
#[derive(Debug)]
pub struct Deployments {
    live: Live<Deployed>,
    figures: Figures,
}

impl Deployments {
    /// Begins with the profile's, which was checked.
    pub(super) fn new(profile: &ServiceProfile, figures: Figures) -> Self {
        let check = |deployed: &Deployed| -> Result<(), Box<dyn Error>> { Ok(deployed.check()?) };
        Self { live: Live::new(Deployed::of(profile), check), figures }
    }

    /// As it is now.
    pub(super) fn now(&self) -> Arc<Deployed> {
        self.live.get()
    }

    /// `GET /admin/settings`.
    pub(super) fn settings(&self) -> Response {
        Json(&*self.now()).into_response()
    }

    /// `PATCH /admin/settings`: a deployment. A refused one is answered as a roll-out tool is: the
    /// request was understood, the old version goes on, and the answer says why.
    pub(super) fn deploy(&self, patch: Value) -> Response {
        match self.live.patch(patch) {
            Ok(now) => {
                self.figures.version_check.set(0);
                Json(&*now).into_response()
            }
            Err(PatchError::Value { reason }) => {
                log::warn!("a deployment is refused: {reason}");
                self.figures.version_check.set(1);
                Json(json!({"refused": reason, "settings": &*self.now()})).into_response()
            }
            Err(PatchError::Form { reason }) => {
                (StatusCode::BAD_REQUEST, Json(json!({"error": reason}))).into_response()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Profile;

    fn deployments(check: bool) -> Deployments {
        let mut profile = Profile::named("baseline").expect("it is shipped").service;
        profile.deployment.check = check;
        Deployments::new(&profile, Figures::default())
    }

    #[test]
    fn with_the_check_a_prompt_without_a_new_label_is_refused_and_the_old_one_goes_on() {
        let all = deployments(true);
        assert_eq!(all.deploy(json!({"deployment": {"prompt": "p4"}})).status(), StatusCode::OK);
        assert_eq!((all.now().deployment.prompt.as_str(), all.figures.version_check.get()), ("p3", 1));
        let both = json!({"deployment": {"prompt": "p4"}, "cache": {"prompt_version": "p4"}});
        assert_eq!(all.deploy(both).status(), StatusCode::OK);
        assert_eq!((all.now().deployment.prompt.as_str(), all.figures.version_check.get()), ("p4", 0));
    }

    #[test]
    fn without_the_check_nobody_notices() {
        let all = deployments(false);
        all.deploy(json!({"deployment": {"prompt": "p4", "embedding": "embed-v2"}}));
        let now = all.now();
        assert_eq!((now.deployment.prompt.as_str(), now.cache.prompt_version.as_str()), ("p4", "p3"));
        assert_eq!(all.figures.version_check.get(), 0);
    }

    #[test]
    fn what_is_no_deployment_is_refused_as_a_bad_request() {
        let all = deployments(true);
        assert_eq!(all.deploy(json!({"deployment": {"promt": "p4"}})).status(), StatusCode::BAD_REQUEST);
        assert_eq!(all.figures.version_check.get(), 0);
    }
}
