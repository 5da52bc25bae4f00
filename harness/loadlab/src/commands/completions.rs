//! `loadlab completions`: what a shell needs to complete commands and options.

use clap::CommandFactory as _;

use crate::{
    cli::{Cli, CompletionsArgs},
    exit::Exit,
    output,
};

/// Prints the completions.
pub(crate) fn execute(arguments: &CompletionsArgs) -> Exit {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "loadlab", &mut text);
    output::result(&String::from_utf8_lossy(&text));
    Exit::Pass
}
