//! Files that users name: by path, by name in the project's folders, or among those compiled in.
//!
//! The folders win over what is compiled in, so that an edited file is the one that is used.

use std::{
    fmt,
    path::{Path, PathBuf},
};

/// A file of the repository that is compiled in: its path and its text.
pub(crate) type Shipped = (&'static str, &'static str);

/// A file's text and where it is from.
#[derive(Debug, Clone)]
pub struct Found {
    /// The path as shown in messages.
    pub path: String,
    /// The text.
    pub text: String,
}

impl From<Shipped> for Found {
    fn from((path, text): Shipped) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }
}

/// A file that is there and cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} cannot be read: {}", self.path.display(), self.source)
    }
}

impl std::error::Error for Unreadable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// That there is no such file: with the name that was probably meant, or with all that there are.
pub(crate) fn unknown(what: &str, name: &str, known: &[String]) -> String {
    let nearest = loadlab_scenario::nearest(name, known.iter().map(String::as_str));
    match nearest {
        Some(nearest) => format!(
            "there is no {what} `{name}`\n  hint: the nearest name is `{nearest}`; `loadlab list` has all"
        ),
        None if known.is_empty() => format!("there is no {what} `{name}`"),
        None => format!("there is no {what} `{name}`; there is {}", known.join(", ")),
    }
}

/// The file that `name` means: a path, or the name of one in these folders, nearest first, or of a shipped
/// one. `None` if no file has that name.
pub(crate) fn find(
    name: &str,
    folders: impl Iterator<Item = PathBuf>,
    shipped: &[Shipped],
) -> Result<Option<Found>, Unreadable> {
    let file = Path::new(name);
    let is_path = file.extension().is_some() || name.contains('/');
    if is_path || file.is_file() {
        return read(file).map(Some);
    }
    let in_folder = folders.map(|folder| folder.join(name).with_extension(YAML)).find(|path| path.is_file());
    match in_folder {
        Some(path) => read(&path).map(Some),
        None => Ok(shipped.iter().find(|(path, _)| stem(path) == Some(name)).copied().map(Found::from)),
    }
}

/// The names that [`find`] knows in these folders and among the shipped ones, sorted.
pub(crate) fn names(folders: impl Iterator<Item = PathBuf>, shipped: &[Shipped]) -> Vec<String> {
    let in_folders = folders.filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut names: Vec<String> = in_folders
        .map(|entry| entry.path())
        .filter(|path| is_yaml(path))
        .filter_map(|path| path.to_str().and_then(stem).map(str::to_owned))
        .chain(shipped.iter().filter_map(|(path, _)| stem(path)).map(str::to_owned))
        .collect();
    names.sort();
    names.dedup();
    names
}

/// A file that is there.
pub(crate) fn read(path: &Path) -> Result<Found, Unreadable> {
    let text =
        std::fs::read_to_string(path).map_err(|source| Unreadable { path: path.to_owned(), source })?;
    Ok(Found { path: path.display().to_string(), text })
}

/// The ending of all files that have names.
const YAML: &str = "yaml";

/// Whether it is one of the files that have names.
pub(crate) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == YAML)
}

/// The name of a file without its ending.
pub(crate) fn stem(path: &str) -> Option<&str> {
    Path::new(path).file_stem().and_then(|stem| stem.to_str())
}
