//! Reads the kernel's table of processes: parents and environments.
//!
//! A process may end while it is read; then it is simply not there.

use std::{collections::BTreeSet, fs, time::Duration};

use rustix::process::Pid;

/// One process, zombies included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub(crate) pid: Pid,
    /// Zero for what the kernel itself started.
    pub(crate) parent: i32,
}

/// Every process there is.
pub(crate) fn all() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter_map(Pid::from_raw)
        .filter_map(|pid| Some(Process { pid, parent: parent(pid)? }))
        .collect()
}

/// The parent of a process, 0 for none.
fn parent(pid: Pid) -> Option<i32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `pid (name) state parent …`; the name may hold anything, parentheses and spaces too.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// All descendants of a process, zombies included, in no order.
pub(crate) fn descendants(root: Pid) -> Vec<Pid> {
    let all = all();
    let mut family = BTreeSet::from([root.as_raw_pid()]);
    loop {
        let before = family.len();
        let children = all.iter().filter(|process| family.contains(&process.parent));
        let found: Vec<i32> = children.map(|process| process.pid.as_raw_pid()).collect();
        family.extend(found);
        if family.len() == before {
            family.remove(&root.as_raw_pid());
            return family.into_iter().filter_map(Pid::from_raw).collect();
        }
    }
}

/// What a process was started with, as the kernel keeps it. Empty for a zombie; `None` for one that is
/// not there or not ours to read.
pub(crate) fn environment(pid: Pid) -> Option<Vec<u8>> {
    fs::read(format!("/proc/{pid}/environ")).ok()
}

/// A variable in what [`environment`] gave.
pub(crate) fn variable<'a>(environment: &'a [u8], name: &str) -> Option<&'a str> {
    environment
        .split(|&byte| byte == 0)
        .filter_map(|entry| str::from_utf8(entry).ok())
        .find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='))
}

/// The command line of a process, arguments separated by blanks.
pub(crate) fn command(pid: Pid) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).replace('\0', " ");
    text.trim_end().to_owned()
}

/// Resident bytes of a process.
pub(crate) fn resident(pid: Pid) -> Option<u64> {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

/// Processor time that a process has used, user and system, all threads, to a hundredth of a second.
pub(crate) fn cpu_time(pid: Pid) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The eleventh and twelfth field after the name and the state.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    let ticks = ticks()? + ticks()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

/// The numbers of the descriptors that a process has open.
pub(crate) fn descriptors(pid: Pid) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_descends_from_its_parent() {
        let (own, parent) = (rustix::process::getpid(), rustix::process::getppid().expect("a parent"));
        assert!(all().contains(&Process { pid: own, parent: parent.as_raw_pid() }));
        assert!(descendants(parent).contains(&own));
        assert!(!descendants(own).contains(&own));
    }

    #[test]
    fn a_process_has_memory_time_and_descriptors() {
        let own = rustix::process::getpid();
        let before = cpu_time(own).expect("a time");
        // Tests beside this one take memory and give it back, so only what is held here counts.
        let held = std::hint::black_box(vec![1_u8; 32 << 20]);
        assert!(resident(own).expect("a size") >= held.len() as u64);
        drop(std::hint::black_box(held));
        while cpu_time(own).expect("a time") == before {}
        let file = fs::File::open("/dev/null").expect("it is there");
        let number = std::os::fd::AsRawFd::as_raw_fd(&file).unsigned_abs();
        assert!(descriptors(own).contains(&number));
    }

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let environment = b"LOADLAB_RUNNER=no\0LOADLAB_RUN=r=1\0EMPTY=\0";
        assert_eq!(variable(environment, "LOADLAB_RUN"), Some("r=1"));
        assert_eq!(variable(environment, "EMPTY"), Some(""));
        assert_eq!(variable(environment, "LOADLAB"), None);
    }
}
