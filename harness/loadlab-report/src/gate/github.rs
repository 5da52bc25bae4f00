//! Workflow commands of GitHub Actions: lines on the output of a step that show beside a change.
//!
//! `::error title=…::…`. A message may not have line breaks, and a property neither `:` nor `,`: they are
//! written as percent codes, as GitHub's own toolkit does (`@actions/core`, `command.ts`).

use loadlab_analysis::gate::{GateJob, GateVerdict};

use super::verdict;

/// GitHub shows ten annotations of a level for each step, and drops the others.
const SHOWN_MOST: usize = 10;

/// The verdict, and whatever counts against head, a line each with its line break.
pub fn annotations(job: &GateJob) -> String {
    let told = verdict::verdict(job);
    let level = match job.result.verdict {
        GateVerdict::Pass => "notice",
        GateVerdict::Regression | GateVerdict::BoundMissed => "error",
        GateVerdict::Inconclusive => "warning",
    };
    let title = format!("loadlab gate {}: {}", job.scenario, told.word.to_lowercase());
    let mut lines = command(level, &title, &format!("{}.", told.headline));
    let others = against(job, &told.headline);
    // One of the ten is the verdict; where there are more than fit, the last says how many.
    let shown = if others.len() < SHOWN_MOST { others.len() } else { SHOWN_MOST - 2 };
    for (what, sentence) in &others[..shown] {
        lines.push_str(&command("error", &format!("loadlab gate {}: {what}", job.scenario), sentence));
    }
    if others.len() > shown {
        let more = format!("{} more: see the gate's report.", others.len() - shown);
        lines.push_str(&command("error", &format!("loadlab gate {}", job.scenario), &more));
    }
    lines
}

/// What counts against head beside the headline.
fn against<'a>(job: &'a GateJob, headline: &str) -> Vec<(&'static str, &'a str)> {
    let beside = &job.result.beside;
    let worse = beside.measures.iter().filter(|measure| measure.worse);
    let missed = beside.bounds.iter().filter(|bound| !bound.holds);
    let worse = worse.map(|measure| ("worse", measure.sentence.as_str()));
    let missed = missed.map(|bound| ("bound missed", bound.sentence.as_str()));
    worse.chain(missed).filter(|(_, sentence)| sentence.trim_end_matches('.') != headline).collect()
}

fn command(level: &str, title: &str, message: &str) -> String {
    format!("::{level} title={}::{}\n", property(title), data(message))
}

/// Text after the second pair of colons.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_end_a_command_or_begin_another() {
        assert_eq!(
            command("error", "a: b, 5 %", "90 %: x, y\r\n::warning::z"),
            "::error title=a%3A b%2C 5 %25::90 %25: x, y%0D%0A::warning::z\n"
        );
    }
}
