//! What each command does. One command, one file; this is the table of contents.

use crate::{cli::Command, exit::Exit};

mod breakpoint;
mod compare;
mod completions;
mod doctor;
mod gate;
mod list;
mod merge;
mod proxy;
mod report;
mod reset;
mod run;
mod schema;
mod show;
mod study;
mod timeline;
mod trend;
mod up;
mod validate;

/// Carries a command out.
pub fn execute(command: Command) -> Exit {
    match command {
        Command::Run(arguments) => run::execute(&arguments),
        Command::Study(arguments) => study::execute(&arguments),
        Command::Breakpoint(arguments) => breakpoint::execute(&arguments),
        Command::Gate(arguments) => gate::execute(&arguments),
        Command::Compare(arguments) => compare::execute(&arguments),
        Command::Trend(arguments) => trend::execute(&arguments),
        Command::Merge(arguments) => merge::execute(&arguments),
        Command::List(arguments) => list::execute(&arguments),
        Command::Show(arguments) => show::execute(&arguments),
        Command::Validate(arguments) => validate::execute(&arguments),
        Command::Schema(arguments) => schema::execute(&arguments),
        Command::Report(arguments) => report::execute(&arguments),
        Command::Up(arguments) => up::execute(&arguments),
        Command::Proxy(arguments) => proxy::execute(&arguments),
        Command::Reset(arguments) => reset::execute(&arguments),
        Command::Doctor(arguments) => doctor::execute(&arguments),
        Command::Completions(arguments) => completions::execute(&arguments),
    }
}
