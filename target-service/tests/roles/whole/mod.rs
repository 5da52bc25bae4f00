//! The target as its clients see it: all roles on port 0, real protocols between them.

mod answers;
mod arms;
mod auth;
mod big_answers;
mod ingestion;
mod limits;
mod mitigations;
mod replicas;
mod stack;
mod wrong_answers;
