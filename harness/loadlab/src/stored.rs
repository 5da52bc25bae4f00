//! Results that are on disk: the runs that somebody names, and all that is stored below a folder.
//!
//! A *result* is a run with its folder, or a search with its document. What lies inside of one belongs to it:
//! the trials of a search are no results.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use loadlab_record::RunFile;

use crate::run_folder::{FolderError, RunFolder};

/// The document of a search, which makes its folder one.
const SEARCH: &str = "search.json";
/// The document of a gate: its runs are trials as well.
const GATE: &str = "gate.json";
/// What is left of a run that was killed.
const JOURNAL: &str = "journal.jsonl";

/// Where a result is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// The folder of a run.
    Run(PathBuf),
    /// The document of a search.
    Search(PathBuf),
}

/// Why there are no runs where somebody said.
#[derive(Debug)]
pub enum StoredError {
    /// There is nothing there.
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// There is no run there.
    NoRuns {
        /// Where.
        path: PathBuf,
    },
    /// It cannot be read.
    Read {
        /// Where.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no run file.
    RunFile {
        /// Where.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A run folder cannot be read.
    Folder(FolderError),
}

impl fmt::Display for StoredError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => write!(f, "{} is not there", path.display()),
            Self::NoRuns { path } => write!(
                f,
                "{} holds no run: neither in it nor in the folders in it is a run.json or a {JOURNAL}",
                path.display()
            ),
            Self::Read { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::RunFile { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Folder(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for StoredError {}

/// The run that a path means, judged: a run folder, or a run file of any name.
pub fn run(path: &Path) -> Result<RunFile, StoredError> {
    let read = |source| StoredError::Read { path: path.to_owned(), source };
    if !path.exists() {
        return Err(StoredError::Missing { path: path.to_owned() });
    }
    if path.is_dir() || path.file_name().is_some_and(|name| name == JOURNAL) {
        return RunFolder::open(path).and_then(|folder| folder.read()).map_err(StoredError::Folder);
    }
    let text = std::fs::read_to_string(path).map_err(read)?;
    RunFile::from_json(&text)
        .map_err(|error| StoredError::RunFile { path: path.to_owned(), reason: error.to_string() })
}

/// The runs that a path means, judged: one run, or those of a folder of run folders, by their names. One that
/// cannot be read is an error: a comparison without it would say something else.
pub fn runs(path: &Path) -> Result<Vec<RunFile>, StoredError> {
    if !path.is_dir() || is_run(path) {
        return run(path).map(|run| vec![run]);
    }
    let folders: Vec<PathBuf> = folders(path)?.into_iter().filter(|folder| is_run(folder)).collect();
    if folders.is_empty() {
        return Err(StoredError::NoRuns { path: path.to_owned() });
    }
    folders.iter().map(|folder| run(folder)).collect()
}

/// Every result below a folder, by its path.
pub fn below(path: &Path) -> Result<Vec<Stored>, StoredError> {
    if !path.is_dir() {
        return Err(StoredError::Missing { path: path.to_owned() });
    }
    let mut found = Vec::new();
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        let document = folder.join(SEARCH);
        if document.is_file() {
            found.push(Stored::Search(document));
        } else if is_run(&folder) {
            found.push(Stored::Run(folder));
        } else if !folder.join(GATE).is_file() {
            open.extend(folders(&folder)?);
        }
    }
    found.sort();
    Ok(found)
}

fn is_run(folder: &Path) -> bool {
    RunFolder::open(folder).is_ok()
}

/// The folders in a folder, sorted. Links are left alone: they may lead in a circle.
fn folders(path: &Path) -> Result<Vec<PathBuf>, StoredError> {
    let error = |source| StoredError::Read { path: path.to_owned(), source };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(path).map_err(error)? {
        let entry = entry.map_err(error)?;
        if entry.file_type().map_err(error)?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with these empty files.
    fn with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder");
            std::fs::write(path, "").expect("a file");
        }
        folder
    }

    #[test]
    fn results_are_found_at_any_depth_and_their_insides_are_none() {
        let folder = with(&[
            "b/run.json",
            "b/logs/run.json",
            "a/deep/journal.jsonl",
            "search/search.json",
            "search/trials/001/run.json",
            "gate/gate.json",
            "gate/base/run.json",
            "notes/readme.txt",
        ]);
        let at = |name: &str| folder.path().join(name);
        let expected =
            [Stored::Run(at("a/deep")), Stored::Run(at("b")), Stored::Search(at("search/search.json"))];
        assert_eq!(below(folder.path()).expect("it can be read"), expected);
    }

    #[test]
    fn what_is_no_run_is_told_apart() {
        let folder = with(&["empty/notes.txt", "bad/one/run.json"]);
        let told = |name: &str| runs(&folder.path().join(name)).expect_err("no runs").to_string();
        assert!(told("nowhere").ends_with("nowhere is not there"), "{}", told("nowhere"));
        assert!(told("empty").contains("empty holds no run"), "{}", told("empty"));
        assert!(told("empty/notes.txt").contains("notes.txt: "), "{}", told("empty/notes.txt"));
        assert!(told("bad").contains("run.json: "), "{}", told("bad"));
        assert!(matches!(below(&folder.path().join("nowhere")), Err(StoredError::Missing { .. })));
    }
}
