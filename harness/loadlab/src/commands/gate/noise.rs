//! The noise of a machine: what `loadlab gate --aa` finds, and keeps for the gates to come.

use std::{
    fmt,
    path::{Path, PathBuf},
    time::Duration,
};

use loadlab_analysis::gate::{self, GateJob, Limits, Noise, NoiseError, Tier};
use loadlab_clock::Speed;
use loadlab_record::Environment;
use loadlab_scenario::{Plan, TrialTimes};
use serde::{Deserialize, Serialize};

use super::{failed, is_the_generators};
use crate::{
    cli::{GateArgs, OutputFormat},
    conductor::gate::Gated,
    exit::Exit,
    files, output,
};

/// Version of the document.
const FORMAT: u32 = 1;

/// The noise, and of what it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Kept {
    format: u32,
    scenario: String,
    /// What was compared with itself.
    base: String,
    speed: Speed,
    pub(super) times: TrialTimes,
    cpu_model: String,
    cores: u32,
    /// When it was measured: RFC 3339, UTC.
    measured_at: String,
    /// Real seconds of a trial, with all that belongs to it.
    pub(super) trial_s: f64,
    /// Trials of a search, where there were searches.
    pub(super) trials_per_search: Option<f64>,
    pub(super) noise: Noise,
}

/// Why the noise is not known.
#[derive(Debug)]
pub(super) enum KeptError {
    /// It cannot be read.
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// It is that of something else.
    Misfit {
        /// Which file.
        path: PathBuf,
        /// In what.
        misfits: Vec<String>,
    },
}

impl fmt::Display for KeptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, reason } => write!(f, "{} cannot be read: {reason}", path.display()),
            Self::Misfit { path, misfits } => {
                write!(f, "{} is the noise of another job: {}", path.display(), misfits.join("; "))
            }
        }
    }
}

impl std::error::Error for KeptError {}

impl KeptError {
    pub(super) const HINT: &str = "measure it anew with `loadlab gate --aa`, or leave --noise out";
}

impl Kept {
    /// Of a job that has just ended.
    fn of(job: &GateJob, (trial_s, trials_per_search): (f64, Option<f64>), noise: Noise) -> Self {
        Self {
            format: FORMAT,
            scenario: job.scenario.clone(),
            base: job.base.clone(),
            speed: job.speed,
            times: job.times,
            cpu_model: job.environment.cpu_model.clone(),
            cores: job.environment.cores,
            measured_at: job.environment.started.clone(),
            trial_s,
            trials_per_search,
            noise,
        }
    }

    pub(super) fn read(path: &Path) -> Result<Self, KeptError> {
        let error = |reason| KeptError::Read { path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|source| error(source.to_string()))?;
        let kept: Self = serde_json::from_str(&text).map_err(|source| error(source.to_string()))?;
        if kept.format == FORMAT { Ok(kept) } else { Err(error(format!("its format is {}", kept.format))) }
    }

    /// In what it is not that of a gate. The same build on the same machine, but another day: that may be.
    pub(super) fn misfits(
        &self,
        plan: &Plan,
        environment: &Environment,
        (tier, trial): (Tier, Option<Duration>),
    ) -> Vec<String> {
        let measured = trial.unwrap_or(self.times.measured);
        let facts = [
            ("scenario", self.scenario.clone(), plan.name.clone()),
            ("speed", self.speed.to_string(), plan.speed.to_string()),
            ("CPU model", self.cpu_model.clone(), environment.cpu_model.clone()),
            ("cores", self.cores.to_string(), environment.cores.to_string()),
            ("trials", format!("{:?}", self.times.measured), format!("{measured:?}")),
            ("tier", format!("{:?}", self.noise.tier), format!("{tier:?}")),
        ];
        let differing = facts.into_iter().filter(|(_, kept, here)| kept != here);
        differing.map(|(what, kept, here)| format!("{what} {kept}, here {here}")).collect()
    }
}

/// Says what an A/A job found, and keeps it.
pub(super) fn tell(gated: &Gated, arguments: &GateArgs) -> Exit {
    if let Some(error) = &gated.stopped {
        return failed(error);
    }
    let job = &gated.job;
    let done: Vec<gate::Done> = job.trials.iter().map(|one| one.done).collect();
    let (noise, uncounted) = match &job.result.limits {
        Limits::Fast(rules) => (gate::of_trials(rules, &done), gate::uncounted(rules, &done)),
        Limits::Nightly(_) => (gate::of_searches(&job.result.searches), None),
    };
    let noise = match noise {
        Ok(noise) => noise,
        Err(error) => {
            let limited = matches!(error, NoiseError::TooFewPairs { .. })
                && uncounted.as_ref().is_some_and(is_the_generators);
            let exit = if limited { Exit::GeneratorLimited } else { Exit::Inconclusive };
            let why = uncounted.map(|why| format!("; {}", why.text())).unwrap_or_default();
            let hint = "longer trials (--trial) or a larger --delta show it better";
            return output::fail(exit, &format!("the noise cannot be told: {error}{why}"), Some(hint));
        }
    };
    let kept = Kept::of(job, (gated.trial_s.unwrap_or(0.0), gated.trials_per_search), noise);
    let path = arguments.noise_file();
    if let Err(error) = keep(&path, &kept) {
        return output::fail(Exit::Internal, &error, None);
    }
    match arguments.format {
        OutputFormat::Json => return output::json(&kept),
        OutputFormat::Text => output::result(&sentence(&kept)),
    }
    output::result(&format!("kept    {}", path.display()));
    output::result(&format!("report  {}", gated.folder.join("gate.html").display()));
    Exit::Pass
}

fn keep(path: &Path, kept: &Kept) -> Result<(), String> {
    let text = serde_json::to_string_pretty(kept).map_err(|error| error.to_string())?;
    let folder = path.parent().unwrap_or(Path::new(""));
    std::fs::create_dir_all(folder)
        .map_err(|error| format!("{} cannot be made: {error}", folder.display()))?;
    files::write_whole(path, &format!("{text}\n")).map_err(|error| format!("{error}: {}", error.source))
}

/// What can be told apart.
fn sentence(kept: &Kept) -> String {
    let percent = |share| loadlab_analysis::value_text(share, "share");
    let Kept { noise, .. } = kept;
    format!(
        "{} against itself, {} pairs: one pair is off by {} (standard deviation; at most {} with 90 %).\n\
         A drop of {} or more can be told from noise in a gate of the usual size: three standard deviations of \
         what its verdict rests on.",
        kept.base,
        noise.pairs,
        percent(noise.deviation),
        percent(noise.deviation_high),
        percent(noise.least_delta())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> Kept {
        let measured = Duration::from_secs(20);
        let noise = Noise {
            tier: Tier::Fast,
            pairs: 10,
            mean: 0.0,
            deviation: 0.03,
            deviation_high: 0.045,
            steepness: Some(20.0),
            of_verdict: 0.01,
        };
        Kept {
            format: FORMAT,
            scenario: "search-capacity".to_owned(),
            base: "baseline".to_owned(),
            speed: Speed::REAL,
            times: TrialTimes { ramp: Duration::from_secs(2), measured, drain: Duration::ZERO },
            cpu_model: "Made-up CPU".to_owned(),
            cores: 2,
            measured_at: "2026-01-01T00:00:00Z".to_owned(),
            trial_s: 23.0,
            trials_per_search: None,
            noise,
        }
    }

    #[test]
    fn what_is_kept_is_read_back_and_says_what_can_be_told_apart() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new").join("noise.json");
        keep(&path, &kept()).expect("written");
        assert_eq!(Kept::read(&path).expect("read"), kept());
        assert_eq!(
            sentence(&kept()),
            "baseline against itself, 10 pairs: one pair is off by 3 % (standard deviation; at most 4.5 % with \
             90 %).\nA drop of 2.96 % or more can be told from noise in a gate of the usual size: three standard \
             deviations of what its verdict rests on."
        );
    }

    #[test]
    fn the_noise_of_another_machine_or_length_of_trials_does_not_fit() {
        let arguments = crate::cli::PlanArgs {
            scenario: "search-capacity".to_owned(),
            profile: None,
            with: Vec::new(),
            target: None,
            speed: Some("1".to_owned()),
            seed: None,
            set: Vec::new(),
        };
        let plan = crate::scenarios::plan(&arguments).expect("it is shipped");
        let here = Environment { cpu_model: "Made-up CPU".to_owned(), cores: 2, ..Environment::default() };
        let twenty = Some(Duration::from_secs(20));
        assert_eq!(kept().misfits(&plan, &here, (Tier::Fast, twenty)), Vec::<String>::new());
        let other = Environment { cores: 8, ..here };
        let ten = Some(Duration::from_secs(10));
        assert_eq!(
            kept().misfits(&plan, &other, (Tier::Nightly, ten)),
            ["cores 2, here 8", "trials 20s, here 10s", "tier Fast, here Nightly"]
        );
    }
}
