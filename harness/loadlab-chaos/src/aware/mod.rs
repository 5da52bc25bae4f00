//! Edges whose protocol the proxy reads: HTTP/1.1 and RESP.
