//! Brings the stack up and down: the keeper, the edge table, readiness.
