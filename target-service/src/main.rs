//! `target-service ROLE`: one role as a process. See `docs/TARGET.md`.

use std::process::ExitCode;

use clap::Parser;
use target_service::role;

/// Runs one role of the reference target. Its configuration is one JSON document on standard input.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The role.
    #[arg(value_parser = role::ROLES)]
    role: String,
}

fn main() -> ExitCode {
    role::main(&Arguments::parse().role)
}
