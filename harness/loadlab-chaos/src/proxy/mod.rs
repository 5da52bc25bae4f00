//! The fault proxy on bytes: proxies, links and toxics, and the HTTP interface to them.
