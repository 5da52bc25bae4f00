//! Files beside which stands what is said about them: `NAME.yaml` and `NAME.txt`.
//!
//! With `BLESS=1` the texts are written anew; look at the difference before committing it.

use std::{
    fmt::Display,
    fs,
    path::{Path, PathBuf},
};

/// The files of a folder of `tests/` with this ending, sorted.
pub(crate) fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there").flatten();
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == ending))
        .collect();
    files.sort();
    files
}

/// Fails unless all that is said about the files of a folder is what stands beside them. `says` gets the name
/// under which a file is shown, and its text.
pub(crate) fn as_told<S: Display>(folder: &str, says: impl Fn(&str, &str) -> S) {
    let mut wrong = Vec::new();
    for path in files(folder, "yaml") {
        let text = fs::read_to_string(&path).expect("the file can be read");
        let name = format!("{folder}/{}", path.file_name().expect("a file has a name").to_string_lossy());
        let said = format!("{}\n", says(&name, &text));
        let expected = path.with_extension("txt");
        if std::env::var_os("BLESS").is_some() {
            fs::write(&expected, said).expect("the text can be written");
            continue;
        }
        let wanted = fs::read_to_string(&expected).unwrap_or_default();
        if said != wanted {
            wrong.push(format!("=== {}\n--- said\n{said}--- expected\n{wanted}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
