//! YAML text to a validated plan.

pub mod objective;
pub mod plan;
pub mod quantity;
pub mod template;

pub use plan::Plan;
