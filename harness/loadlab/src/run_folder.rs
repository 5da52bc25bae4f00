//! The folder of one run: `reports/runs/<scenario>-<time>-<seed>/`.
//!
//! ```text
//!   journal.jsonl   appended from the first second; the truth
//!   run.json        made from the journal at the end, judged
//!   report.html  report.md  junit.xml     made from run.json
//!   logs/           what the processes of the stack said
//! ```

use std::{
    fmt,
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
};

use loadlab_record::{Journal, JournalError, JournalLine, RunFile};

use crate::files::{self, WriteError};

/// The folder of one run.
#[derive(Debug, Clone)]
pub struct RunFolder {
    path: PathBuf,
}

/// Why a run folder cannot be made, read or written.
#[derive(Debug)]
pub enum FolderError {
    /// It cannot be made.
    Create {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It holds neither a run file nor a journal.
    NotARun {
        /// Which.
        path: PathBuf,
    },
    /// A file in it cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The journal makes no sense.
    Journal {
        /// Which.
        path: PathBuf,
        /// Why.
        source: JournalError,
    },
    /// The run file makes no sense.
    RunFile {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A file cannot be written.
    Write(WriteError),
}

impl fmt::Display for FolderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create { path, source } => {
                write!(f, "the folder {} cannot be made: {source}", path.display())
            }
            Self::NotARun { path } => {
                write!(f, "{} is no run folder: it has neither run.json nor journal.jsonl", path.display())
            }
            Self::Read { path, source } => write!(f, "{} cannot be read: {source}", path.display()),
            Self::Journal { path, source } => write!(f, "{}: {source}", path.display()),
            Self::RunFile { path, reason } => write!(f, "{}: {reason}", path.display()),
            Self::Write(error) => write!(f, "{error}: {}", error.source),
        }
    }
}

impl std::error::Error for FolderError {}

impl RunFolder {
    /// Makes the folder of a new run. Its name is not taken: a number is added where it would be.
    pub fn create(out: &Path, scenario: &str, stamp: &str, seed: u64) -> Result<Self, FolderError> {
        let error = |path: &Path, source| FolderError::Create { path: path.to_owned(), source };
        std::fs::create_dir_all(out).map_err(|source| error(out, source))?;
        let name = format!("{scenario}-{stamp}-{seed}");
        let mut path = out.join(&name);
        let mut number = 2;
        loop {
            match std::fs::create_dir(&path) {
                Ok(()) => break,
                Err(source) if source.kind() == std::io::ErrorKind::AlreadyExists => {
                    path = out.join(format!("{name}-{number}"));
                    number += 1;
                }
                Err(source) => return Err(error(&path, source)),
            }
        }
        let logs = path.join("logs");
        std::fs::create_dir(&logs).map_err(|source| error(&logs, source))?;
        Ok(Self { path })
    }

    /// Makes this very folder, for a run whose processes have their logs elsewhere.
    pub fn at(path: &Path) -> Result<Self, FolderError> {
        let error = |source| FolderError::Create { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(error)?;
        Ok(Self { path: path.to_owned() })
    }

    /// A folder that is there. A path to its `run.json` or `journal.jsonl` is accepted too.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let folder = if path.is_file() { path.parent().unwrap_or(path) } else { path };
        let run = Self { path: folder.to_owned() };
        if run.run_json().is_file() || run.journal().is_file() {
            Ok(run)
        } else {
            Err(FolderError::NotARun { path: path.to_owned() })
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the processes of the stack write their logs.
    pub fn logs(&self) -> PathBuf {
        self.path.join("logs")
    }

    /// The journal.
    pub fn journal(&self) -> PathBuf {
        self.path.join("journal.jsonl")
    }

    /// The run file.
    pub fn run_json(&self) -> PathBuf {
        self.path.join("run.json")
    }

    /// The page.
    pub fn report_html(&self) -> PathBuf {
        self.path.join("report.html")
    }

    /// The judged run: from `run.json`, or from the journal where a killed run left only that.
    pub fn read(&self) -> Result<RunFile, FolderError> {
        let path = self.run_json();
        if !path.is_file() {
            return self.assemble();
        }
        let text = std::fs::read_to_string(&path)
            .map_err(|source| FolderError::Read { path: path.clone(), source })?;
        RunFile::from_json(&text).map_err(|error| FolderError::RunFile { path, reason: error.to_string() })
    }

    /// The judged run, from the journal.
    pub fn assemble(&self) -> Result<RunFile, FolderError> {
        let path = self.journal();
        let bytes =
            std::fs::read(&path).map_err(|source| FolderError::Read { path: path.clone(), source })?;
        // A kill may cut a line in the middle of a character; that line is skipped anyway.
        let journal = Journal::parse(&String::from_utf8_lossy(&bytes))
            .map_err(|source| FolderError::Journal { path, source })?;
        let mut run = RunFile::from_journal(&journal);
        loadlab_analysis::judge(&mut run);
        Ok(run)
    }

    /// Writes the run file.
    pub fn write_run(&self, run: &RunFile) -> Result<(), FolderError> {
        files::write_whole(&self.run_json(), &run.to_json()).map_err(FolderError::Write)
    }

    /// Writes every report, each a function of the run file alone.
    pub fn write_reports(&self, run: &RunFile) -> Result<(), FolderError> {
        let reports = [
            (self.report_html(), loadlab_report::html(run)),
            (self.path.join("report.md"), loadlab_report::markdown(run)),
            (self.path.join("junit.xml"), loadlab_report::junit(run)),
        ];
        for (path, text) in reports {
            files::write_whole(&path, &text).map_err(FolderError::Write)?;
        }
        Ok(())
    }
}

/// The journal while it is written. Each line goes to the kernel at once, so that a SIGKILL costs at
/// most the line that was being written.
#[derive(Debug)]
pub struct JournalWriter {
    file: File,
    path: PathBuf,
}

impl JournalWriter {
    /// Begins the journal of a run.
    pub fn create(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.journal();
        let file = File::create(&path)
            .map_err(|source| FolderError::Write(WriteError { path: path.clone(), source }))?;
        Ok(Self { file, path })
    }

    /// Appends a line.
    pub fn append(&mut self, line: &JournalLine) -> Result<(), FolderError> {
        let mut text = line.to_line();
        text.push('\n');
        let written = self.file.write_all(text.as_bytes());
        written.map_err(|source| FolderError::Write(WriteError { path: self.path.clone(), source }))
    }
}
