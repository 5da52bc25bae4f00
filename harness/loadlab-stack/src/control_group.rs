//! Control groups: where one can be made, and the few that a run makes.
//!
//! | version | where | when |
//! |---|---|---|
//! | 2 | in the group of this process, or in the one above it | that hands the controller on to its children, and may be written |
//! | 1 | in the root of the controller's hierarchy | this process is in that root, and it may be written |
//!
//! In a hierarchy of version 1 a process that is not in the root was put there by somebody who counts
//! and ends processes by it. Such a group is not divided.
//!
//! A group is named after the keeper that made it, so that what a killed one left can be told apart
//! and removed.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use rustix::process::Pid;

/// What the names of a run's groups begin with.
const PREFIX: &str = "loadlab-";
/// Where a group's processes are listed, and added.
const PROCESSES: &str = "cgroup.procs";

/// The interface of a hierarchy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    One,
    Two,
}

impl Version {
    /// For people.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::One => 1,
            Self::Two => 2,
        }
    }
}

/// A directory in which a group may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    version: Version,
    dir: PathBuf,
    /// Where this process, and what it starts, is now.
    home: PathBuf,
}

/// A group that was made. Dropping it gives its processes back and removes it.
#[derive(Debug)]
pub(crate) struct Group {
    version: Version,
    dir: PathBuf,
    home: PathBuf,
}

impl Group {
    /// Makes a group under a controller, with its settings, and moves a process into it. `None` where
    /// that cannot be; nothing is left then.
    pub(crate) fn make(
        controller: &str,
        name: &str,
        pid: Pid,
        settings: impl Fn(Version) -> Vec<(&'static str, String)>,
    ) -> Option<Self> {
        let made = |place: &Place| Self::make_in(place, name, pid, &settings(place.version)).ok();
        usable(controller, places(controller)).iter().find_map(made)
    }

    fn make_in(place: &Place, name: &str, pid: Pid, settings: &[(&str, String)]) -> io::Result<Self> {
        let dir = place.dir.join(group_name(std::process::id(), name));
        fs::create_dir(&dir)?;
        let group = Self { version: place.version, dir, home: place.home.clone() };
        for (file, value) in settings {
            fs::write(group.dir.join(file), value)?;
        }
        fs::write(group.dir.join(PROCESSES), pid.as_raw_pid().to_string())?;
        Ok(group)
    }

    pub(crate) fn version(&self) -> Version {
        self.version
    }

    /// A number in one of its files: the value of `key` in lines of `key value`.
    pub(crate) fn figure(&self, file: &str, key: &str) -> Option<u64> {
        figure(&fs::read_to_string(self.dir.join(file)).ok()?, key)
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let processes = fs::read_to_string(self.dir.join(PROCESSES)).unwrap_or_default();
        for pid in processes.lines() {
            // One that has ended meanwhile is no longer there to be moved.
            let _ = fs::write(self.home.join(PROCESSES), pid);
        }
        // What is left, `loadlab doctor --clean` removes.
        let _ = fs::remove_dir(&self.dir);
    }
}

fn figure(text: &str, key: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok())
}

fn group_name(keeper: u32, name: &str) -> String {
    format!("{PREFIX}{keeper}-{name}")
}

/// Candidates for groups under a controller, best first.
fn places(controller: &str) -> Vec<Place> {
    let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
    candidates(controller, &read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
}

/// Those of version 2 that hand the controller on.
fn usable(controller: &str, places: Vec<Place>) -> Vec<Place> {
    let hands_on = |place: &Place| {
        let children = fs::read_to_string(place.dir.join("cgroup.subtree_control")).unwrap_or_default();
        place.version == Version::One || children.split_whitespace().any(|name| name == controller)
    };
    places.into_iter().filter(hands_on).collect()
}

/// Where the kernel's tables say that this process is, and what is mounted.
fn candidates(controller: &str, cgroups: &str, mounts: &str) -> Vec<Place> {
    let mut found = Vec::new();
    for line in mounts.lines() {
        let Some(mount) = Mount::read(line) else { continue };
        for own in cgroups.lines().filter_map(|line| mount.own_path(line, controller)) {
            let home = mount.point.join(own.trim_start_matches('/'));
            match mount.version {
                Version::Two => {
                    let above = home.parent().filter(|above| above.starts_with(&mount.point));
                    let dirs = [Some(home.as_path()), above];
                    let place =
                        |dir: &Path| Place { version: Version::Two, dir: dir.to_owned(), home: home.clone() };
                    found.extend(dirs.into_iter().flatten().map(place));
                }
                Version::One if own == "/" => {
                    found.push(Place { version: Version::One, dir: home.clone(), home });
                }
                Version::One => {}
            }
        }
    }
    found.sort_by_key(|place| place.version == Version::One);
    found
}

/// A hierarchy that is mounted whole.
struct Mount<'a> {
    version: Version,
    point: PathBuf,
    /// Of version 1: its controllers among other options.
    options: Vec<&'a str>,
}

impl<'a> Mount<'a> {
    /// A line of `mountinfo`: `id parent device root point options … - type source super-options`.
    fn read(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ');
        let (root, point) = (before.nth(3)?, before.next()?);
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1).unwrap_or_default());
        let version = match kind {
            "cgroup2" => Version::Two,
            "cgroup" => Version::One,
            _ => return None,
        };
        // A part of a hierarchy, as containers have it, would need its paths translated.
        let options = options.split(',').collect();
        (root == "/").then(|| Self { version, point: PathBuf::from(point), options })
    }

    /// The path in a line of `/proc/self/cgroup`, `id:controllers:path`, if it is this hierarchy's and
    /// has the controller.
    fn own_path<'l>(&self, line: &'l str, controller: &str) -> Option<&'l str> {
        let mut parts = line.splitn(3, ':');
        let (id, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let own = match self.version {
            Version::Two => id == "0" && controllers.is_empty(),
            Version::One => {
                controllers.split(',').any(|name| name == controller) && self.options.contains(&controller)
            }
        };
        own.then_some(path)
    }
}

/// Groups of keepers that are gone.
pub fn left_over_groups() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> =
        ["memory", "cpu"].iter().flat_map(|name| places(name)).map(|place| place.dir).collect();
    dirs.sort();
    dirs.dedup();
    dirs.iter().flat_map(|dir| left_over_in(dir)).collect()
}

fn left_over_in(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_left = |name: &str| {
        let keeper = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let keeper = keeper.and_then(|pid| pid.parse::<u32>().ok());
        keeper.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists())
    };
    let left = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_left));
    left.map(|entry| entry.path()).collect()
}

/// Removes groups, and gives those that are still there: they have processes.
pub fn remove_groups(groups: &[PathBuf]) -> Vec<PathBuf> {
    groups.iter().filter(|group| fs::remove_dir(group).is_err() && group.exists()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
        30 23 0:26 / /sys/fs/cgroup/unified rw,relatime shared:9 - cgroup2 cgroup2 rw\n\
        31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:10 - cgroup cgroup rw,cpu,cpuacct\n\
        32 23 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        33 23 0:29 / /proc rw - proc proc rw\n";

    fn dirs(controller: &str, cgroups: &str) -> Vec<(u8, String)> {
        let places = candidates(controller, cgroups, MOUNTS);
        places.iter().map(|place| (place.version.number(), place.dir.display().to_string())).collect()
    }

    #[test]
    fn version_2_comes_first_and_a_group_of_somebody_elses_is_not_divided() {
        let cgroups = "5:cpu,cpuacct:/\n4:memory:/container/7\n0::/user.slice/app.slice/run.scope\n";
        let unified = "/sys/fs/cgroup/unified/user.slice/app.slice";
        let two = [(2, format!("{unified}/run.scope")), (2, unified.to_owned())];
        let one = (1, "/sys/fs/cgroup/cpu,cpuacct/".to_owned());
        assert_eq!(dirs("cpu", cgroups), [two[0].clone(), two[1].clone(), one]);
        assert_eq!(dirs("memory", cgroups), two);
        assert_eq!(dirs("memory", ""), []);
    }

    #[test]
    fn above_the_root_there_is_nothing() {
        assert_eq!(dirs("memory", "0::/\n"), [(2, "/sys/fs/cgroup/unified/".to_owned())]);
    }

    #[test]
    fn a_figure_is_found_by_its_whole_key() {
        let text = "oom 3\noom_kill 2\nunder_oom 0\n";
        assert_eq!(
            (figure(text, "oom_kill"), figure(text, "oom"), figure(text, "kill")),
            (Some(2), Some(3), None)
        );
    }

    #[test]
    fn a_group_is_left_over_when_its_keeper_is_gone() {
        let dir = tempfile::tempdir().expect("a folder");
        // No process has this number: it is above the largest that the kernel gives.
        let gone = group_name(4_194_305, "run-redis-memory");
        for name in [gone.as_str(), &group_name(std::process::id(), "run-redis-cpu"), "loadlab-x", "other"] {
            fs::create_dir(dir.path().join(name)).expect("a folder");
        }
        let left = left_over_in(dir.path());
        assert_eq!(left, [dir.path().join(&gone)]);
        assert_eq!(remove_groups(&left), [] as [PathBuf; 0]);
        assert_eq!(left_over_in(dir.path()), [] as [PathBuf; 0]);
    }
}
