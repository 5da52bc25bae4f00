//! The command line of loadlab: arguments, settings, commands, the conductor of a run, exit codes.
//!
//! Everything that prints, exits, reads the environment or parses arguments is in this crate.
//!
//! ```text
//!   arguments --settings--> Plan --conductor--> journal --finish--> run.json, reports --> exit code
//! ```

pub mod cli;
pub mod commands;
pub mod conductor;
pub mod exit;
pub mod files;
pub mod output;
pub mod roles;
pub mod run_folder;
pub mod scenarios;
pub mod shelf;
pub mod signals;
pub mod stored;
pub mod studies;
pub mod trigger;
