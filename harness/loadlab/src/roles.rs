//! The hidden faces of the binary: the keeper of a stack, and the roles of the reference target.

use std::process::ExitCode;

/// `loadlab keeper`: holds a stack; started by `loadlab run` and `loadlab up`.
pub const KEEPER: &str = "keeper";
/// `loadlab role ROLE`: one process of the reference target; started by the keeper.
pub const ROLE: &str = "role";

/// Runs one role of the reference target until it is told to end.
pub fn main(role: Option<&str>) -> ExitCode {
    if let Some(role) = role {
        target_service::role::main(role)
    } else {
        anstream::eprintln!("loadlab role: name a role: {}", target_service::role::ROLES.join(", "));
        crate::exit::Exit::Invalid.into()
    }
}
