//! What kind of failure it was, in a few lines.

use super::{
    INDENT, bullets,
    columns::{Look, Pen},
    heading,
};
use crate::facts::FailureFacts;

/// Mode and rule, and a line each for times, first resource, spread, loops and aftermath where there is
/// something to say.
pub(super) fn lines(pen: Pen, told: &FailureFacts) -> Vec<String> {
    let mut lines = heading(pen, "What kind of failure was it?", "");
    let mode = match told.severity {
        "" => told.mode.to_owned(),
        severity => format!("{}, {severity}", told.mode),
    };
    lines.extend(pen.paragraph(&mode, INDENT, Look::Toned(told.tone)));
    lines.extend(pen.paragraph(&told.rule, INDENT, Look::Plain));
    // Of what did not fail there are no times to tell.
    if told.severity.is_empty() {
        return lines;
    }
    let times: Vec<String> = told.times.iter().map(|time| format!("{} {}", time.name, time.value)).collect();
    let loops: Vec<String> = told
        .loops
        .iter()
        .filter(|one| one.acted == "yes")
        .map(|one| format!("{} (gain {})", one.name, one.gain))
        .chain(told.dampeners.iter().cloned())
        .collect();
    let told = [
        times.join(", "),
        told.first_full.clone(),
        told.spread.clone(),
        loops.join(", "),
        told.aftermath.clone(),
    ];
    let told: Vec<String> = told.into_iter().filter(|line| !line.is_empty()).collect();
    lines.extend(bullets(pen, &told));
    lines
}
