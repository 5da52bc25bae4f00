//! The hidden faces of the binary: the keeper of a stack, the roles of the reference target, and the one that
//! starts somebody's own service.

pub mod command;

use std::process::ExitCode;

/// `loadlab keeper`: holds a stack; started by `loadlab run` and `loadlab up`.
pub const KEEPER: &str = "keeper";
/// `loadlab role ROLE`: one process of a target; started by the keeper.
pub const ROLE: &str = "role";

/// Runs one role of a target until it is told to end. `argument` is what follows the role's name.
pub fn main(role: Option<&str>, argument: Option<&str>) -> ExitCode {
    match (role, argument) {
        (Some(command::COMMAND), _) => command::main(),
        (Some(command::SHELL), Some(text)) => command::shell(text),
        (Some(role), _) => target_service::role::main(role),
        (None, _) => {
            anstream::eprintln!("loadlab role: name a role: {}", target_service::role::ROLES.join(", "));
            crate::exit::Exit::Invalid.into()
        }
    }
}
