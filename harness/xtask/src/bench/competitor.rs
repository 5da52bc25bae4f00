//! Who is compared: how each is started, and how its answer is read. One entry each in [`ALL`].

use std::{path::PathBuf, process::Command};

use super::counted::Counted;
use crate::{
    child::{self, ChildError},
    journal::Journalled,
};

/// What every competitor is asked to do.
#[derive(Debug)]
pub(crate) struct Task {
    /// `http://address:port` of the server.
    pub(crate) base: String,
    /// Connections, each with one request under way.
    pub(crate) connections: usize,
    /// Whole seconds, since Goose and wrk know no others.
    pub(crate) seconds: u64,
    /// Where loadlab writes its journal.
    pub(crate) journal: PathBuf,
}

/// A load generator.
#[derive(Debug)]
pub(crate) struct Competitor {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// What it does, in a few words.
    pub(crate) what: &'static str,
    /// The command that carries out a task.
    pub(crate) command: fn(&Task) -> Result<Command, ChildError>,
    /// Its counts, from what it printed; `None` if that cannot be understood.
    pub(crate) read: fn(&Task, &str) -> Option<Counted>,
    /// For a tool that may not be there: what shows that it is.
    pub(crate) probe: Option<[&'static str; 2]>,
}

/// Everyone, in the order of a round.
pub(crate) const ALL: [Competitor; 5] = [LOADLAB, GOOSE, REQWEST, WRK, OHA];

/// Against whom the floor is set.
pub(crate) const BASELINE: &str = GOOSE.name;
/// Who must reach it.
pub(crate) const OURS: &str = LOADLAB.name;

const LOADLAB: Competitor = Competitor {
    name: "loadlab",
    what: "closed load, all histograms and the journal on",
    command: |task| {
        let mut command = child::role(&["generate", "--base", &task.base, "--scenario", &scenario(task)])?;
        command.arg("--journal").arg(&task.journal);
        Ok(command)
    },
    read: |task, _| {
        let journalled = Journalled::read(&task.journal).ok()?;
        Some(Counted {
            requests: journalled.whole.service.count(),
            errors: journalled.whole.ended.not_ok(),
            seconds: journalled.ended_after?.as_secs_f64(),
        })
    },
    probe: None,
};

const GOOSE: Competitor = Competitor {
    name: "goose",
    what: "bare `user.get`, its own metrics on",
    command: |task| worker("goose", task),
    read: |_, output| Counted::from_worker(output),
    probe: None,
};

const REQWEST: Competitor = Competitor {
    name: "reqwest",
    what: "bare `client.get`, nothing measured",
    command: |task| worker("reqwest", task),
    read: |_, output| Counted::from_worker(output),
    probe: None,
};

const WRK: Competitor = Competitor {
    name: "wrk",
    what: "one thread",
    command: |task| {
        let mut command = Command::new("wrk");
        command.args(["--threads", "1", "--connections", &task.connections.to_string()]);
        command.args(["--duration", &format!("{}s", task.seconds), &format!("{}/", task.base)]);
        Ok(command)
    },
    read: |_, output| Counted::from_wrk(output),
    probe: Some(["wrk", "--version"]),
};

const OHA: Competitor = Competitor {
    name: "oha",
    what: "no screen",
    command: |task| {
        let mut command = Command::new("oha");
        command.args(["-z", &format!("{}s", task.seconds), "-c", &task.connections.to_string()]);
        command.args(["--no-tui", "--output-format", "json", &format!("{}/", task.base)]);
        Ok(command)
    },
    read: |_, output| Counted::from_oha(output),
    probe: Some(["oha", "--version"]),
};

fn worker(name: &str, task: &Task) -> Result<Command, ChildError> {
    let (connections, seconds) = (task.connections.to_string(), task.seconds.to_string());
    child::role(&[
        "bench-worker",
        name,
        "--base",
        &task.base,
        "--connections",
        &connections,
        "--seconds",
        &seconds,
    ])
}

/// The same load as a scenario: users who never think.
fn scenario(task: &Task) -> String {
    format!(
        "title: generator comparison\n\
         question: What does a request cost the generator?\n\
         target: {{ url: {base} }}\n\
         load: {{ users: {{ count: {users}, for: {seconds}s }} }}\n\
         journeys: [ {{ name: get, steps: [ {{ name: get, get: / }} ] }} ]\n\
         objectives: [ \"success >= 99%\" ]\n",
        base = task.base,
        users = task.connections,
        seconds = task.seconds,
    )
}

impl Competitor {
    /// Whether it can be run here.
    pub(crate) fn is_installed(&self) -> bool {
        self.probe.is_none_or(|[program, argument]| {
            // wrk prints its version and ends with a failure; that it starts is enough.
            Command::new(program).arg(argument).output().is_ok()
        })
    }
}
