//! Files that are whole or not there: written beside, then renamed.

use std::{
    fmt,
    io::Write as _,
    path::{Path, PathBuf},
};

/// A file that could not be written.
#[derive(Debug)]
pub struct WriteError {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be written", self.path.display())
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// Writes a file so that a reader sees the old text or the new one, never a part.
pub fn write_whole(path: &Path, text: &str) -> Result<(), WriteError> {
    let error = |source| WriteError { path: path.to_owned(), source };
    let beside = path.with_extension("part");
    let mut file = std::fs::File::create(&beside).map_err(error)?;
    file.write_all(text.as_bytes()).map_err(error)?;
    file.sync_all().map_err(error)?;
    std::fs::rename(&beside, path).map_err(error)
}
