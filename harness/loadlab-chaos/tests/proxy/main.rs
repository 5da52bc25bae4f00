//! Tests of the fault proxy over real sockets.
