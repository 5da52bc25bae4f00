//! What `loadlab study` prints.

use std::path::Path;

use loadlab_analysis::study::StudyResult;
use loadlab_scenario::Study;
use serde::Serialize;

use super::Job;
use crate::{cli::OutputFormat, exit::Exit, output};

/// A run that would be carried out.
#[derive(Debug, Serialize)]
struct Planned {
    run: String,
    scenario: String,
    /// What would be laid over the scenario.
    set: Vec<String>,
    seed: u64,
    /// Real seconds that it should last.
    lasts_s: f64,
}

/// What would be run.
pub(super) fn plan(study: &Study, jobs: &[Job<'_>], format: OutputFormat) -> Exit {
    let planned: Vec<Planned> = jobs.iter().map(planned).collect();
    if format == OutputFormat::Json {
        return output::json(&planned);
    }
    let widest = planned.iter().map(|one| one.run.chars().count()).max().unwrap_or(0);
    let mut lines = vec![format!("{}: {}", study.name, study.title)];
    for one in &planned {
        let set = if one.set.is_empty() { String::new() } else { format!(" with {}", one.set.join(", ")) };
        lines.push(format!(
            "  {:widest$}  {:>5}  {}, seed {}{set}",
            one.run,
            minutes(one.lasts_s),
            one.scenario,
            one.seed
        ));
    }
    let all: f64 = planned.iter().map(|one| one.lasts_s).sum();
    lines.push(format!("{} runs, about {} minutes in all", planned.len(), minutes(all)));
    output::result(&lines.join("\n"));
    Exit::Pass
}

fn planned(job: &Job<'_>) -> Planned {
    Planned {
        run: job.run.name.clone(),
        scenario: job.run.scenario.clone(),
        set: job.run.overrides.iter().map(|one| format!("{}={}", one.path, one.value)).collect(),
        seed: job.plan.seed.get(),
        lasts_s: job.lasts_s(),
    }
}

/// How the study came out.
pub(super) fn result(result: &StudyResult, page: &Path, format: OutputFormat) {
    match format {
        OutputFormat::Json => output::result(&loadlab_report::study_json(result)),
        OutputFormat::Text => {
            output::result(&loadlab_report::study_text(result));
            output::result(&format!("page  {}", page.display()));
        }
    }
}

/// Minutes and seconds: `2:05`.
pub(super) fn minutes(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

#[cfg(test)]
mod tests {
    use super::minutes;

    #[test]
    fn minutes_have_two_digits_of_seconds() {
        assert_eq!([0.0, 9.6, 125.0].map(minutes), ["0:00", "0:10", "2:05"]);
    }
}
