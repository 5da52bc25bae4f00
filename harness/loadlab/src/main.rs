//! The `loadlab` program. Three of its faces: the command line, the keeper of a stack, and each role
//! of the reference target; one binary, so that one `cargo run` suffices.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some(loadlab::roles::KEEPER) => loadlab_stack::keeper_main(),
        Some(loadlab::roles::ROLE) => {
            let argument = |index: usize| arguments.get(index).map(String::as_str);
            loadlab::roles::main(argument(2), argument(3))
        }
        _ => loadlab::cli::main(),
    }
}
