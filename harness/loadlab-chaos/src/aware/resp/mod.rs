//! RESP with faults.
