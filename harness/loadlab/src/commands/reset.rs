//! `loadlab reset`: heals all faults of a run that is going on.
//!
//! The run is asked by a signal, since it alone knows all its faults: those on edges, which any
//! Toxiproxy client could remove, and those on processes and settings.

use std::{
    collections::BTreeSet,
    io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use loadlab_record::{EventKind, Journal, JournalLine};
use loadlab_stack::{Ledger, harness_of};
use rustix::process::{Pid, kill_process};

use crate::{cli::ResetArgs, conductor::HEALED, exit::Exit, output, run_folder::RunFolder, signals::HEAL};

/// Where `loadlab run` puts runs unless it is told otherwise.
const RUNS: &str = "reports/runs";
/// Longest real time for a run to obey.
const LIMIT: Duration = Duration::from_secs(10);
/// Real time between looks.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks, and waits until it is done.
pub(crate) fn execute(arguments: &ResetArgs) -> Exit {
    let Some(folder) = arguments.run.clone().or_else(|| newest(Path::new(RUNS))) else {
        let hint = "name the run's folder: loadlab reset FOLDER";
        return output::fail(Exit::Invalid, &format!("there is no run in {RUNS}"), Some(hint));
    };
    match reset(&folder) {
        Ok(Healed::Done) => {
            output::result(&format!(
                "reset        {}: all faults are healed, and no more begin",
                folder.display()
            ));
            Exit::Pass
        }
        Ok(Healed::NotRunning) => {
            let text = format!("{} is not going on; nothing of it is disturbed", folder.display());
            output::fail(
                Exit::Target,
                &text,
                Some("a run removes all its faults when it ends, however it ends"),
            )
        }
        Ok(Healed::NotInTime) => {
            let text = format!("{} did not heal within {LIMIT:?}", folder.display());
            let hint = "end the run: its keeper removes all faults within a second";
            output::fail(Exit::Internal, &text, Some(hint))
        }
        Err(error) => output::fail(
            Exit::Invalid,
            &format!("{}: {error}", folder.display()),
            Some("a run's folder is expected"),
        ),
    }
}

/// What came of it.
enum Healed {
    Done,
    NotRunning,
    NotInTime,
}

fn reset(folder: &Path) -> io::Result<Healed> {
    let run = RunFolder::open(folder).map_err(io::Error::other)?;
    let ledger = Ledger::read(&run.logs())?;
    let pid = harness_of(&ledger.run).and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    let Some(pid) = pid else { return Ok(Healed::NotRunning) };
    let before = ends_told(&run)?;
    kill_process(pid, HEAL)?;
    let give_up = Instant::now() + LIMIT;
    while Instant::now() < give_up {
        let now = ends_told(&run)?;
        if now.asked > before.asked && now.on == 0 {
            return Ok(Healed::Done);
        }
        std::thread::sleep(PAUSE);
    }
    Ok(Healed::NotInTime)
}

/// What a run's journal says of its faults.
struct Told {
    /// How often it was asked to heal.
    asked: usize,
    /// Faults that are on.
    on: usize,
}

fn ends_told(run: &RunFolder) -> io::Result<Told> {
    let text = std::fs::read(run.journal())?;
    let journal = Journal::parse(&String::from_utf8_lossy(&text)).map_err(io::Error::other)?;
    let mut on = BTreeSet::new();
    let mut asked = 0;
    for line in &journal.lines {
        let JournalLine::Event(event) = line else { continue };
        match &event.what {
            EventKind::FaultBegan { name, .. } => drop(on.insert(name.as_str())),
            EventKind::FaultEnded { name, .. } | EventKind::FaultFailed { name, .. } => {
                on.remove(name.as_str());
            }
            EventKind::Note(text) if text == HEALED => asked += 1,
            _ => {}
        }
    }
    Ok(Told { asked, on: on.len() })
}

/// The newest run in a folder: a run's folder has its beginning in its name, and its time.
fn newest(runs: &Path) -> Option<PathBuf> {
    let folders = std::fs::read_dir(runs).ok()?.flatten();
    let dated = folders.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())));
    dated.max().map(|(_, path)| path)
}
