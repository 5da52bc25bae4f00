//! Whatever ends a run: no process and no port is left, and what was measured can be read.

use std::{
    net::{SocketAddr, TcpStream},
    path::PathBuf,
    process::Child,
    time::Duration,
};

use loadlab_e2e::Bound;
use rustix::process::{Pid, Signal, kill_process};

use crate::lab::{Lab, loadlab, wait_for};

const ENDED: Bound = Bound::new("the harness has ended after what ends it", Duration::from_secs(3));
const GONE: Bound = Bound::new("no process is left after the harness has ended", Duration::from_secs(3));
/// Longest time for the stack to come up and the first second of load to be written.
const UP_WITHIN: Duration = Duration::from_secs(60);

/// A run in the middle of its load: 100 users, of whom none has been answered for long.
struct Running {
    lab: Lab,
    child: Child,
    ports: Vec<SocketAddr>,
    processes: Vec<i32>,
}

impl Running {
    fn start() -> Self {
        let lab = Lab::new();
        let child = lab.start(&["100-concurrent"]);
        let journal = wait_for("a second of load", UP_WITHIN, || {
            let text = std::fs::read_to_string(lab.run_folder()?.join("journal.jsonl")).ok()?;
            text.contains("{\"window\":").then_some(text)
        });
        let ports = ports(&journal);
        assert!(ports.len() >= 5, "the run tells its edges: {ports:?}");
        let processes = processes_of(child.id());
        assert!(processes.len() >= 6, "a keeper and five roles: {processes:?}");
        Self { lab, child, ports, processes }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("the run is there");
    }

    /// Waits until nothing is left; gives the run's own exit code.
    fn assert_gone(mut self) -> (Lab, Option<i32>) {
        let status = ENDED.wait_for(|| self.child.try_wait().expect("a child"));
        GONE.wait_for(|| self.processes.iter().all(|pid| !is_running(*pid)).then_some(()));
        for port in &self.ports {
            assert!(TcpStream::connect(port).is_err(), "{port} is closed");
        }
        (self.lab, status.code())
    }
}

/// The loopback addresses of the stack, from the journal's first line.
fn ports(journal: &str) -> Vec<SocketAddr> {
    let header: serde_json::Value =
        serde_json::from_str(journal.lines().next().unwrap_or_default()).expect("a header");
    let edges = header["header"]["target"]["edges"].as_object().expect("edges").clone();
    let mut ports: Vec<SocketAddr> =
        edges.values().filter_map(|address| address.as_str()?.parse().ok()).collect();
    ports.sort();
    ports.dedup();
    ports
}

/// All processes below `parent`, as the kernel tells them.
fn processes_of(parent: u32) -> Vec<i32> {
    let children = |pid: i32| -> Vec<i32> {
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok())
            .flat_map(|text| text.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<i32>>())
            .collect()
    };
    let mut all = children(i32::try_from(parent).expect("a pid"));
    let mut next = 0;
    while next < all.len() {
        let found = children(all[next]);
        all.extend(found);
        next += 1;
    }
    all
}

/// Whether a process is there and is no zombie.
fn is_running(pid: i32) -> bool {
    let stat = PathBuf::from(format!("/proc/{pid}/stat"));
    std::fs::read_to_string(stat)
        .ok()
        .and_then(|text| text.rsplit(')').next().map(|rest| !rest.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

/// `loadlab report` works on what the run left, and tells what was under way.
fn assert_reportable(lab: &Lab) {
    let folder = lab.run_folder().expect("a run folder");
    let ended = loadlab(&["report", &folder.display().to_string()]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let run = lab.run_json();
    assert_eq!(run["totals"]["scheduled"], 100);
    assert_eq!(run["verdict"], "inconclusive");
    let page = std::fs::read_to_string(folder.join("report.html")).expect("a page");
    assert!(page.to_lowercase().contains("inconclusive"), "the page says that it cannot be told");
}

#[test]
fn ctrl_c_ends_a_run_with_130_and_its_report() {
    let running = Running::start();
    running.signal(Signal::INT);
    let (lab, code) = running.assert_gone();
    assert_eq!(code, Some(130));
    assert!(lab.run_folder().expect("a run folder").join("report.html").is_file());
    assert_eq!(lab.run_json()["ending"]["reason"]["signal"], 2);
    assert_reportable(&lab);
}

#[test]
fn sigterm_ends_a_run_with_143_and_its_report() {
    let running = Running::start();
    running.signal(Signal::TERM);
    let (lab, code) = running.assert_gone();
    assert_eq!(code, Some(143));
    assert_eq!(lab.run_json()["ending"]["reason"]["signal"], 15);
    assert_reportable(&lab);
}

#[test]
fn a_second_ctrl_c_ends_at_once_and_leaves_a_readable_run() {
    let running = Running::start();
    running.signal(Signal::INT);
    running.signal(Signal::INT);
    let (lab, code) = running.assert_gone();
    assert_eq!(code, Some(130));
    assert_reportable(&lab);
}

#[test]
fn sigkill_leaves_no_process_and_a_journal_that_can_be_reported() {
    let running = Running::start();
    running.signal(Signal::KILL);
    let (lab, code) = running.assert_gone();
    assert_eq!(code, None, "killed by a signal");
    assert_reportable(&lab);
    assert_eq!(lab.run_json()["ending"]["reason"], "killed");
}
