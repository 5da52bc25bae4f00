//! Where this repository is, and which commit of it is checked out.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// The root of the repository. These tasks are run by cargo on the machine that built them, so the
/// place of the manifest at build time is the place now.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("the manifest is in harness/xtask").to_path_buf()
}

/// Everything but the reports. They are what these tasks write: neither lines that were added nor a commit
/// of them may make the next line one of other code.
const MEASURED: [&str; 3] = ["--", ".", ":!reports"];

/// The last commit that changed anything but the reports, with `-dirty` when anything but them differs from
/// what is checked out; `unknown` where there is no git.
pub(crate) fn commit() -> String {
    let last = git(&[&["log", "-1", "--abbrev=12", "--format=%h"], &MEASURED[..]].concat());
    let Some(commit) = last.filter(|commit| !commit.is_empty()) else {
        return "unknown".to_owned();
    };
    let changes = git(&[&["status", "--porcelain", "--untracked-files=no"], &MEASURED[..]].concat());
    let clean = changes.is_some_and(|changes| changes.is_empty());
    if clean { commit } else { format!("{commit}-dirty") }
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).current_dir(root()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_where_the_workspace_is() {
        let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.starts_with("[workspace]"), "{manifest}");
    }
}
