//! Run record to findings: objectives, phases, health, verdict.
