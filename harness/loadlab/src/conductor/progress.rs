//! The moving line while a run goes on: on a terminal it moves, elsewhere a line is said now and then.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use loadlab_report::ProgressState;

use crate::output;

/// Between two lines where nothing can move: a log should show life, and stay readable.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// Shows how a run is going.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    said: Option<Instant>,
    /// What the moving line begins with.
    label: String,
    /// It is one of many, each of which has its own line in the end: in a log it says nothing itself.
    is_part: bool,
}

impl Progress {
    /// For a run that is expected to last `expected_s` scenario seconds.
    pub(crate) fn start(expected_s: f64) -> Self {
        let bar = output::progress_moves().then(|| {
            let bar =
                ProgressBar::with_draw_target(Some(expected_s.ceil() as u64), ProgressDrawTarget::stderr());
            let style =
                ProgressStyle::with_template("{bar:16} {wide_msg}").expect("the template is constant");
            bar.set_style(style);
            bar
        });
        Self { bar, said: None, label: String::new(), is_part: false }
    }

    /// For one of many loads, named by `label`.
    pub(crate) fn labelled(label: &str, expected_s: f64) -> Self {
        Self { label: format!("{label} · "), is_part: true, ..Self::start(expected_s) }
    }

    /// Says something before the load begins.
    pub(crate) fn preparing(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{}{text}", self.label)),
            None if self.is_part => {}
            None => output::say(text),
        }
    }

    /// Shows the state of the load.
    pub(crate) fn show(&mut self, state: &ProgressState) {
        let text = loadlab_report::progress_line(state);
        if let Some(bar) = &self.bar {
            let at = state.at_s as u64;
            // A run may last longer than its load: the drain is not known beforehand.
            bar.set_length(bar.length().unwrap_or(at).max(at));
            bar.set_position(at);
            bar.set_message(format!("{}{text}", self.label));
        } else if !self.is_part && self.said.is_none_or(|said| said.elapsed() >= LINE_EVERY) {
            output::say(&text);
            self.said = Some(Instant::now());
        }
    }

    /// Says something that stays.
    pub(crate) fn note(&self, text: &str) {
        if self.is_part {
            return;
        }
        match &self.bar {
            Some(bar) => bar.suspend(|| output::say(text)),
            None => output::say(text),
        }
    }

    /// Takes the moving line away.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
