//! The vocabulary of these tests: a folder of its own, the binary, and what a run leaves behind.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use loadlab_e2e::Control;
use tempfile::TempDir;

/// One test at a time: a run that shares the machine with another measures the other.
static ALONE: Mutex<()> = Mutex::new(());

/// A folder for the runs of one test, removed at its end. While it is there, no other test has one.
pub(crate) struct Lab {
    folder: TempDir,
    _alone: MutexGuard<'static, ()>,
}

/// A finished invocation.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Lab {
    pub(crate) fn new() -> Self {
        // A test that failed has poisoned it, and means nothing for the next one.
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        Self { folder: tempfile::tempdir().expect("a temporary folder"), _alone: alone }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file into the lab and gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).expect("a file in the lab");
        path
    }

    /// `loadlab run ARGUMENTS`, with its runs in the lab, to its end.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ended {
        let output = self.run_command(arguments).output().expect("loadlab can be started");
        Ended::from(output)
    }

    /// `loadlab run ARGUMENTS`, started.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.run_command(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("loadlab can be started")
    }

    fn run_command(&self, arguments: &[&str]) -> Command {
        let mut command = command(&["run"]);
        command.args(arguments).arg("--out").arg(self.path().join("runs"));
        command
    }

    /// The one run folder that there is, if there is one.
    pub(crate) fn run_folder(&self) -> Option<PathBuf> {
        let mut folders =
            std::fs::read_dir(self.path().join("runs")).ok()?.flatten().map(|entry| entry.path());
        let first = folders.next();
        assert!(folders.next().is_none(), "one run was started");
        first
    }

    /// Where the one run's proxies are controlled, once its stack is up.
    pub(crate) fn control(&self) -> Control {
        wait_for("a ledger with a control address", Duration::from_secs(60), || {
            Control::in_logs(&self.run_folder()?.join("logs"))
        })
    }

    /// The run file of the one run.
    pub(crate) fn run_json(&self) -> serde_json::Value {
        let path = self.run_folder().expect("a run folder").join("run.json");
        let text = std::fs::read_to_string(&path).expect("run.json is there");
        serde_json::from_str(&text).expect("run.json is JSON")
    }
}

/// `loadlab ARGUMENTS` that is not a run, to its end.
pub(crate) fn loadlab(arguments: &[&str]) -> Ended {
    Ended::from(command(arguments).output().expect("loadlab can be started"))
}

/// `loadlab ARGUMENTS` in the project's root, so that shipped scenarios are found by name.
fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).current_dir(root()).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// Polls until `ready` gives something; fails after `limit`.
pub(crate) fn wait_for<T>(what: &str, limit: Duration, mut ready: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(value) = ready() {
            return value;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The binary under test: beside the folder of this test's own executable, built by the same command.
pub(crate) fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("tests are in target/PROFILE/deps");
    let binary = folder.join("loadlab");
    assert!(binary.is_file(), "{} is not built: run the tests of the whole workspace", binary.display());
    binary
}

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the root").to_owned()
}
