//! End-to-end tests: the binary as its users see it. Each module is one claim about a whole run.

mod bad_input;
mod conditions;
mod faults;
mod foreign_target;
mod lab;
mod real_stores;
mod reference_target;
mod signals;
