//! What is said while a search goes on: a moving line for the trial under way, and a line for each that
//! has ended.

use loadlab_analysis::search::{Offer, SearchResult, Trial, TrialResult, bracket, loads};

use super::words;
use crate::figures;

/// What is tried now, for a line that moves: `trial 7 at 1,200/s (between 1,000 and 1,560)`.
pub fn trial_label(result: &SearchResult, offer: Offer) -> String {
    let again = match offer.repetition {
        0 | 1 => String::new(),
        repetition => format!("repetition {repetition}"),
    };
    let known = words::between(bracket(&loads(&result.rules, trials(result))));
    let more = [again, known].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
    let label = format!("trial {} at {}", result.trials.len() + 1, words::load(offer.load, result.axis));
    if more.is_empty() { label } else { format!("{label} ({more})") }
}

/// What came of a trial, in one line, whether it is already among the result's or not.
pub fn trial_line(result: &SearchResult, trial: &TrialResult) -> String {
    let known = result.trials.iter().position(|one| one.folder == trial.folder);
    let (number, new) = known.map_or((result.trials.len() + 1, Some(&trial.trial)), |at| (at + 1, None));
    let so_far = loads(&result.rules, trials(result).chain(new));
    let between = match words::between(bracket(&so_far)).as_str() {
        "" => String::new(),
        between => format!("; it breaks {between}"),
    };
    let one = &trial.trial;
    format!(
        "trial {number} at {}: {}, {}{between}",
        words::load(one.load, result.axis),
        measured(one),
        verdict(result, trial)
    )
}

fn trials(result: &SearchResult) -> impl Iterator<Item = &Trial> {
    result.trials.iter().map(|one| &one.trial)
}

/// Loss and p95, and whether it was cut short.
fn measured(trial: &Trial) -> String {
    let p95 = trial.p95_s.map_or_else(String::new, |p95| format!(", p95 {}", figures::measured(p95)));
    let early = if trial.ended_early {
        format!(", ended early after {}", figures::seconds(trial.seconds))
    } else {
        String::new()
    };
    format!("lost {}{p95}{early}", figures::part(trial.lost, trial.arrivals))
}

fn verdict(result: &SearchResult, trial: &TrialResult) -> String {
    match words::doubts(trial) {
        Some(why) => format!("says nothing ({why})"),
        None if trial.trial.loss() > result.rules.allowed_loss.get() => "lost too much".to_owned(),
        None => "carried".to_owned(),
    }
}
