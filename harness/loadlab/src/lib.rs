//! Finds where a service breaks, shows why, and proves what fixes it.
