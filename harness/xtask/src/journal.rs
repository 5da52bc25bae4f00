//! The journal that a generator wrote, read back as totals. There is no header: a generator of these
//! tasks has no run around it.

use std::{
    fs,
    io::{self, BufRead as _, BufReader},
    path::Path,
    time::Duration,
};

use loadlab_record::{JournalLine, Window};

/// What was journalled.
#[derive(Debug, Default)]
pub(crate) struct Journalled {
    /// All windows together.
    pub(crate) whole: Window,
    /// Scenario time at which the load ended, if it did by itself.
    pub(crate) ended_after: Option<Duration>,
}

impl Journalled {
    /// Reads a journal's windows and ending.
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let mut journalled = Self::default();
        for line in BufReader::new(fs::File::open(path)?).lines() {
            match serde_json::from_str(&line?)? {
                JournalLine::Window(window) => journalled.whole.merge(&window),
                JournalLine::Ending(ending) => journalled.ended_after = Some(ending.at.as_duration()),
                _ => {}
            }
        }
        Ok(journalled)
    }
}
