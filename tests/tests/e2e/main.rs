//! End-to-end tests: the binary as its users see it. Each module is one claim about a whole run.

mod arms;
mod bad_input;
mod breakpoint;
mod campaigns;
mod comparing;
mod conditions;
mod fault_kinds;
mod faults;
mod foreign_faults;
mod foreign_target;
mod gate;
mod hidden_capacity;
mod lab;
mod real_stores;
mod reference_target;
mod safety;
mod signals;
mod studies;
