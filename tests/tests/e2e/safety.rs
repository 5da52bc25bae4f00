//! Whatever ends a run while faults are on: none stays on, and nothing that the run started is left.
//!
//! Beside the run's own fault there are a thousand links that make it hard: readers that never read,
//! and an upstream that never accepts.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Child,
    time::{Duration, Instant},
};

use loadlab_e2e::{Bound, Control, Siege};
use rustix::process::{Pid, Signal, kill_process};

use crate::{
    foreign_faults::scenario,
    foreign_target::foreign_server,
    lab::{Lab, loadlab, wait_for},
};

/// What a fault adds to every answer: no clean probe is that slow, no disturbed one faster.
const ADDED: Duration = Duration::from_secs(2);
const CLEAN: Bound =
    Bound::new("somebody else's edges are clean after SIGKILL of the harness", Duration::from_secs(1));
const ENDED: Bound = Bound::new("the harness has ended after what ends it", Duration::from_secs(3));
const GONE: Bound = Bound::new("no process is left after the harness has ended", Duration::from_secs(3));
/// Longest time for a run to come up and for its fault to begin.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// A run in the middle of its fault, under siege.
struct Besieged {
    lab: Lab,
    child: Child,
    control: Control,
    siege: Siege,
    run: String,
}

impl Besieged {
    fn new(arguments: impl FnOnce(&Lab) -> Vec<String>, front: &str) -> Self {
        let lab = Lab::new();
        let arguments = arguments(&lab);
        let child = lab.start(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        wait_for("the fault", UP_WITHIN, || {
            let text = std::fs::read_to_string(lab.run_folder()?.join("journal.jsonl")).ok()?;
            text.contains("fault_began").then_some(())
        });
        let control = lab.control();
        let siege = Siege::lay(&control, front);
        let folder = lab.run_folder().expect("a run folder");
        let run = folder.file_name().expect("a name").to_string_lossy().into_owned();
        Self { lab, child, control, siege, run }
    }

    /// A run of a minute against somebody else's service, whose answers come two seconds late.
    fn foreign(objectives: &str, more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(|&text| text.to_owned()).collect();
        let arguments = |lab: &Lab| {
            let fault = format!(
                "faults: [{{ name: slow, at: 0s, for: 60s, latency: {{ edge: load/target, add: {}s }} }}]",
                ADDED.as_secs()
            );
            let text = scenario(&fault).replace("for: 4s", "for: 60s");
            let text = text.replace("objectives: [success >= 99%]", objectives);
            let file = lab.file("siege.yaml", &text).display().to_string();
            let target = format!("http://{}", foreign_server());
            [vec![file, "--target".to_owned(), target], more].concat()
        };
        Self::new(arguments, "load.target")
    }

    /// The reference target with a slow database, nearly from the start.
    fn own() -> Self {
        let arguments = ["database-slow", "--set", "faults.0.at=2s", "--set", "faults.0.for=50s"];
        Self::new(|_| arguments.map(str::to_owned).to_vec(), "load.gateway-0")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("the run is there");
    }

    /// The living processes that carry the run's name: keeper and roles.
    fn processes(&self) -> Vec<String> {
        let marker = format!("LOADLAB_RUN={}", self.run);
        let entries = std::fs::read_dir("/proc").expect("a process table").flatten();
        let carries = |entry: &std::fs::DirEntry| {
            let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
            environment.split(|&byte| byte == 0).any(|variable| variable == marker.as_bytes())
        };
        entries.filter(carries).map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    fn assert_nothing_left(&mut self) {
        ENDED.wait_for(|| self.child.try_wait().expect("a child"));
        GONE.wait_for(|| self.processes().is_empty().then_some(()));
        assert_eq!(self.control.toxics(), None, "the control port is closed");
    }
}

/// How long the first byte of a server that only writes takes through an address; `None` if it takes
/// longer than any clean one.
fn first_byte(address: &str) -> Option<Duration> {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(ADDED / 4)).ok()?;
    stream.read_exact(&mut [0]).ok()?;
    Some(began.elapsed())
}

/// How long a search through an address takes; fails if nobody answers.
fn search(address: &str) -> Duration {
    let began = Instant::now();
    let mut stream = TcpStream::connect(address).expect("the edge is there");
    stream.set_read_timeout(Some(ADDED * 3)).expect("a socket");
    stream.write_all(b"POST /search HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").expect("it reads");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("an answer");
    began.elapsed()
}

#[test]
fn sigkill_leaves_somebody_elses_target_connected_and_clean() {
    let mut run = Besieged::foreign("objectives: [success >= 99%]", &["--linger", "3s"]);
    let edge = run.control.address("load.target");
    let disturbed = search(&edge);
    assert!(disturbed >= ADDED, "the fault is on: {disturbed:?}");
    assert_eq!(first_byte(&run.siege.flooded), None, "nothing comes through the flooded edge");
    assert_eq!(run.control.toxics().map(|toxics| toxics.len()), Some(3));
    run.signal(Signal::KILL);
    // A probe through each edge; to whom nobody connects, none can come back.
    CLEAN.wait_for(|| {
        let clean = run.control.toxics()?.is_empty() && search(&edge) < ADDED / 2;
        clean.then(|| first_byte(&run.siege.flooded)).flatten()
    });
    drop(run.child.wait());
    // Who is connected is not cut off, until nobody is or the time is over.
    assert!(search(&edge) < ADDED, "it is a plain proxy now");
    let ledger =
        std::fs::read_to_string(run.lab.run_folder().expect("a folder").join("logs/keeper-ledger.json"));
    let ledger: serde_json::Value = serde_json::from_str(&ledger.expect("a ledger")).expect("JSON");
    let ends: Vec<&str> = ledger["toxics"]
        .as_array()
        .expect("toxics")
        .iter()
        .filter_map(|toxic| toxic["how"].as_str())
        .collect();
    assert_eq!(ends, ["removed"; 3], "the ledger says how each ended: {ledger}");
    run.siege.lift();
    wait_for("the keeper's end", Duration::from_secs(10), || run.processes().is_empty().then_some(()));
}

#[test]
fn sigkill_leaves_nothing_of_a_stack_of_its_own() {
    let mut run = Besieged::own();
    assert!(run.processes().len() >= 6, "a keeper and five roles");
    run.signal(Signal::KILL);
    run.assert_nothing_left();
}

#[test]
fn sigterm_and_sigint_heal_and_leave_nothing() {
    let runs: [(Signal, fn() -> Besieged); 2] = [(Signal::TERM, Besieged::own), (Signal::INT, foreign)];
    for (signal, start) in runs {
        let mut run = start();
        run.signal(signal);
        run.assert_nothing_left();
        let text = std::fs::read_to_string(run.lab.run_folder().expect("a folder").join("journal.jsonl"));
        assert!(text.expect("a journal").contains("fault_ended"), "it was healed in order after {signal:?}");
    }
}

fn foreign() -> Besieged {
    Besieged::foreign("objectives: [success >= 99%]", &[])
}

#[test]
fn a_missed_objective_that_aborts_leaves_nothing() {
    let objectives = "objectives: [{ that: p95 < 500ms, for: 5s, abort: true }]";
    let mut run = Besieged::foreign(objectives, &[]);
    let status = wait_for("the abort", Duration::from_secs(20), || run.child.try_wait().expect("a child"));
    // On a machine that compiles meanwhile the generator may be late and say so with 6.
    assert!(matches!(status.code(), Some(3 | 6)), "{status}");
    run.assert_nothing_left();
}

#[test]
fn a_reset_heals_a_run_that_goes_on() {
    let mut run = foreign();
    let folder = run.lab.run_folder().expect("a folder").display().to_string();
    let reset = loadlab(&["reset", &folder]);
    assert_eq!(reset.code, Some(0), "{}{}", reset.stdout, reset.stderr);
    assert_eq!(
        run.control.toxics(),
        Some(vec!["flooded/latency_downstream".to_owned(), "stuck/latency_downstream".to_owned()])
    );
    assert!(run.child.try_wait().expect("a child").is_none(), "it goes on");
    run.signal(Signal::TERM);
    run.assert_nothing_left();
    let again = loadlab(&["reset", &folder]);
    assert_eq!(again.code, Some(7), "{}{}", again.stdout, again.stderr);
    assert!(again.stderr.contains("is not going on"), "{}", again.stderr);
}
