//! End-to-end tests: the binary as its users see it. The tests are in `tests/`.
