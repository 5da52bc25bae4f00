//! `loadlab trend`: where a number that was stored night after night changed for good.
//!
//! ```text
//!   DIR ──stored──> run folders, searches ──read one by one──> readings ──trends──> text, page, exit code
//!                                          `──cannot be read──> left out, and said
//! ```

use std::path::Path;

use loadlab_analysis::trend::{Followed, LeftOut, Reading, Trends, read_run, read_search, trends};

use super::compare::NO_RUN_HINT;
use crate::{
    cli::{PageFormat, TrendArgs},
    exit::Exit,
    files, output,
    stored::{self, Stored},
};

/// Follows a number.
pub(crate) fn execute(arguments: &TrendArgs) -> Exit {
    let stored = match stored::below(&arguments.folder) {
        Ok(stored) => stored,
        Err(error) => return output::fail(Exit::Invalid, &error.to_string(), None),
    };
    let (mut readings, mut unreadable) = (Vec::new(), Vec::new());
    for one in &stored {
        match read(one, &arguments.folder, &arguments.measure) {
            Some(Ok(reading)) => readings.push(reading),
            Some(Err(left_out)) => unreadable.push(left_out),
            None => {}
        }
    }
    if readings.is_empty() {
        return nothing(arguments, &unreadable);
    }
    let found = trends(&arguments.measure, readings, unreadable, arguments.recent);
    match tell(arguments, &found) {
        Exit::Pass if found.regressed() => Exit::Regression,
        told => told,
    }
}

/// What a trend needs of a stored result; `None` if it is none of those that are followed.
fn read(stored: &Stored, folder: &Path, followed: &Followed) -> Option<Result<Reading, LeftOut>> {
    let (path, reading) = match (stored, followed) {
        (Stored::Run(path), Followed::Measure(measure)) => {
            let read = |place: &str| {
                let run = stored::run(path).map_err(|error| error.to_string())?;
                Ok(read_run(&run, place, measure))
            };
            (path, read(&place(path, folder)))
        }
        (Stored::Search(path), Followed::BreakingPoint) => (path, search(path, &place(path, folder))),
        _ => return None,
    };
    let left_out = |why| LeftOut { place: place(path, folder), started: String::new(), why };
    Some(reading.map_err(left_out))
}

/// The document of a search is read as JSON: of its keys only a few are needed.
fn search(path: &Path, place: &str) -> Result<Reading, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("it cannot be read: {error}"))?;
    let document = serde_json::from_str(&text).map_err(|error| format!("it is no JSON: {error}"))?;
    read_search(&document, place)
}

/// Where a result is, from the folder on.
fn place(path: &Path, folder: &Path) -> String {
    match path.strip_prefix(folder) {
        Ok(rest) if rest.as_os_str().is_empty() => ".".to_owned(),
        Ok(rest) => rest.display().to_string(),
        Err(_) => path.display().to_string(),
    }
}

/// Says that there is nothing to follow.
fn nothing(arguments: &TrendArgs, unreadable: &[LeftOut]) -> Exit {
    let what = match arguments.measure {
        Followed::BreakingPoint => "no search",
        Followed::Measure(_) => "no run",
    };
    let bad: Vec<String> = unreadable.iter().map(|one| format!("\n  {}: {}", one.place, one.why)).collect();
    let folder = arguments.folder.display();
    let text = if bad.is_empty() {
        format!("there is {what} below {folder}")
    } else {
        format!("there is {what} below {folder} that can be read{}", bad.concat())
    };
    let hint = match arguments.measure {
        Followed::BreakingPoint => "name a folder in which `loadlab breakpoint --out` stores its searches",
        Followed::Measure(_) => NO_RUN_HINT,
    };
    output::fail(Exit::Invalid, &text, Some(hint))
}

fn tell(arguments: &TrendArgs, found: &Trends) -> Exit {
    if let Some(path) = &arguments.out
        && let Err(error) = files::write_whole(path, &loadlab_report::trend_html(found))
    {
        return output::fail(Exit::Internal, &format!("{error}: {}", error.source), None);
    }
    match arguments.format {
        PageFormat::Json => return output::json(found),
        PageFormat::Markdown => output::result(&loadlab_report::trend_markdown(found)),
        PageFormat::Html => output::result(&loadlab_report::trend_html(found)),
        PageFormat::Text => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            output::result(&loadlab_report::trend_text(found, &options));
            if let Some(path) = &arguments.out {
                output::result(&format!("page  {}", path.display()));
            }
        }
    }
    Exit::Pass
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_named_from_the_folder_on() {
        assert_eq!(place(Path::new("/stored/a/b"), Path::new("/stored")), "a/b");
        assert_eq!(place(Path::new("/stored"), Path::new("/stored")), ".");
    }
}
