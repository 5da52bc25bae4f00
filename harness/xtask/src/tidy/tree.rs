//! The repository as text, read once. Rules never touch the disk, so their tests need none.

use std::{collections::BTreeMap, fs, io, path::Path};

/// Directories that hold nothing committed, by their path from the root.
const SKIPPED: [&str; 4] = [".git", "fuzz/corpus", "fuzz/artifacts", "reports/runs"];

/// Every file by its path relative to the root, with `/` between parts; without text if it is not
/// UTF-8.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads everything under `root` that could be committed.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.read_directory(root, "")?;
        Ok(tree)
    }

    fn read_directory(&mut self, directory: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}/{name}") };
            let kind = entry.file_type()?;
            if kind.is_dir() {
                // Packages outside of the workspace have a build folder of their own.
                if !SKIPPED.contains(&path.as_str()) && name != "target" {
                    self.read_directory(&entry.path(), &path)?;
                }
            } else if kind.is_file() {
                self.files.insert(path, String::from_utf8(fs::read(entry.path())?).ok());
            }
        }
        Ok(())
    }

    /// A tree of the given texts.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned())));
        Self { files: files.collect() }
    }

    /// The text of a file; `None` if it is absent or not text.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether `path` is a file or a directory with files in it; the root is the empty path.
    pub(crate) fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let inside = format!("{path}/");
        path.is_empty() || self.files.keys().any(|file| file == path || file.starts_with(&inside))
    }

    /// Path and text of every text file.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// Path and text of every text file whose name ends in `.extension`.
    pub(crate) fn with_extension(&self, extension: &str) -> impl Iterator<Item = (&str, &str)> {
        let ending = format!(".{extension}");
        self.texts().filter(move |(path, _)| path.ends_with(&ending))
    }

    /// Paths directly in `directory` whose name ends in `.extension`.
    pub(crate) fn listed(&self, directory: &str, extension: &str) -> Vec<&str> {
        let (prefix, ending) = (format!("{directory}/"), format!(".{extension}"));
        let names = self.files.keys().map(String::as_str);
        names
            .filter(|path| path.strip_prefix(&prefix).is_some_and(|name| !name.contains('/')))
            .filter(|path| path.ends_with(&ending))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_built_or_ignored_is_not_read() {
        let root = tempfile::tempdir().expect("a directory");
        for path in ["docs/a.md", "target/b.md", "reports/runs/c.md", ".git/d.md"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, "text").expect("written");
        }
        let tree = Tree::read(root.path()).expect("read");
        assert_eq!(tree.texts().collect::<Vec<_>>(), [("docs/a.md", "text")]);
        assert!(tree.has("docs") && tree.has("docs/a.md") && !tree.has("doc"));
    }

    #[test]
    fn only_what_is_directly_inside_is_listed() {
        let tree = Tree::of(&[("a/x.yaml", ""), ("a/b/y.yaml", ""), ("a/z.md", "")]);
        assert_eq!(tree.listed("a", "yaml"), ["a/x.yaml"]);
    }
}
