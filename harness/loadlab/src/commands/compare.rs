//! `loadlab compare`: what was measured before one change beside what was measured after it.

use loadlab_analysis::compare::{Comparison, Difference, compare};

use crate::{
    cli::{CompareArgs, PageFormat},
    exit::Exit,
    files, output,
    stored::{self, StoredError},
};

/// What to do about runs that differ in more than one thing.
const HINT: &str = "run both with the same scenario, seeds, speed and machine, and change one thing: \
                    --profile, --with, --set target.set.…, the build, or the address";
/// What to do about a path that is no run.
pub(super) const NO_RUN_HINT: &str =
    "name a folder that `loadlab run` made, its run.json, or a folder of such";

/// Compares.
pub(crate) fn execute(arguments: &CompareArgs) -> Exit {
    let sides = stored::runs(&arguments.before)
        .and_then(|before| stored::runs(&arguments.after).map(|after| (before, after)));
    let (before, after) = match sides {
        Ok(sides) => sides,
        Err(error) => return no_run(&error),
    };
    match compare(&before, &after) {
        Ok(comparison) => tell(arguments, &comparison),
        Err(differences) => refuse(&differences),
    }
}

/// Says that there is no run where somebody named one.
pub(super) fn no_run(error: &StoredError) -> Exit {
    output::fail(Exit::Invalid, &error.to_string(), Some(NO_RUN_HINT))
}

fn tell(arguments: &CompareArgs, comparison: &Comparison) -> Exit {
    if let Some(path) = &arguments.out
        && let Err(error) = files::write_whole(path, &loadlab_report::comparison_html(comparison))
    {
        return output::fail(Exit::Internal, &format!("{error}: {}", error.source), None);
    }
    match arguments.format {
        PageFormat::Json => return output::json(comparison),
        PageFormat::Markdown => output::result(&loadlab_report::comparison_markdown(comparison)),
        PageFormat::Html => output::result(&loadlab_report::comparison_html(comparison)),
        PageFormat::Text => {
            let options = loadlab_report::TerminalOptions { width: output::width(), color: output::color() };
            output::result(&loadlab_report::comparison_text(comparison, &options));
            if let Some(path) = &arguments.out {
                output::result(&format!("page  {}", path.display()));
            }
        }
    }
    Exit::Pass
}

fn refuse(differences: &[Difference]) -> Exit {
    let differ = match differences.len() {
        1 => "one thing differs that must not".to_owned(),
        several => format!("{several} things differ that must not"),
    };
    let line = |one: &Difference| format!("\n  {}: {} before, {} after", one.what, one.before, one.after);
    let list: String = differences.iter().map(line).collect();
    output::fail(Exit::Incomparable, &format!("the runs cannot be compared: {differ}{list}"), Some(HINT))
}
